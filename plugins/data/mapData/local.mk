# SPDX-License-Identifier: Apache-2.0
if PLUGIN_mapData
datadrv_LTLIBRARIES += plugins/data/mapData/mapData.la
plugin_links += data/pmData=mapData data/das8000=mapData
endif
plugins_data_mapData_mapData_la_SOURCES = plugins/data/mapData/mapData.c $(data_scaling)
plugins_data_mapData_mapData_la_LDFLAGS = $(plugin_LDFLAGS)
plugins_data_mapData_mapData_la_LIBADD = -lm
EXTRA_DIST += plugins/data/mapData/mapData.md
