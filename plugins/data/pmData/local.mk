# SPDX-License-Identifier: Apache-2.0
if PLUGIN_pmData
datadrv_LTLIBRARIES += plugins/data/pmData/pmData.la
endif
plugins_data_pmData_pmData_la_SOURCES = plugins/data/pmData/pmData.c
plugins_data_pmData_pmData_la_LDFLAGS = $(plugin_LDFLAGS)
plugins_data_pmData_pmData_la_LIBADD = -lm
EXTRA_DIST += plugins/data/pmData/pmData.md
