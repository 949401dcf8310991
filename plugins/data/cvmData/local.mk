# SPDX-License-Identifier: Apache-2.0
if PLUGIN_cvmData
datadrv_LTLIBRARIES += plugins/data/cvmData/cvmData.la
endif
plugins_data_cvmData_cvmData_la_SOURCES = plugins/data/cvmData/cvmData.c $(data_scaling)
plugins_data_cvmData_cvmData_la_LDFLAGS = $(plugin_LDFLAGS)
plugins_data_cvmData_cvmData_la_LIBADD = -lm
EXTRA_DIST += plugins/data/cvmData/cvmData.md
