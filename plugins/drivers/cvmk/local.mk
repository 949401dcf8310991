# SPDX-License-Identifier: Apache-2.0
if PLUGIN_cvmk
driver_LTLIBRARIES += plugins/drivers/cvmk/cvmk.la
plugin_links += drivers/cvmComm=cvmk
endif
plugins_drivers_cvmk_cvmk_la_SOURCES = plugins/drivers/cvmk/cvmk.c plugins/drivers/cvmk/frame.c \
	plugins/drivers/cvmk/frame.h $(driver_wire)
plugins_drivers_cvmk_cvmk_la_LDFLAGS = $(plugin_LDFLAGS)
EXTRA_DIST += plugins/drivers/cvmk/cvmk.md
