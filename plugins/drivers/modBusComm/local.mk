# SPDX-License-Identifier: Apache-2.0
if PLUGIN_modBusComm
driver_LTLIBRARIES += plugins/drivers/modBusComm/modBusComm.la
plugin_links += drivers/das8000=modBusComm
endif
plugins_drivers_modBusComm_modBusComm_la_SOURCES = plugins/drivers/modBusComm/modBusComm.c \
	plugins/drivers/modBusComm/pdu.c plugins/drivers/modBusComm/pdu.h \
	plugins/drivers/modBusComm/receive.c plugins/drivers/modBusComm/receive.h $(driver_wire)
plugins_drivers_modBusComm_modBusComm_la_CFLAGS = $(AM_CFLAGS) $(MODBUS_CFLAGS)
plugins_drivers_modBusComm_modBusComm_la_LDFLAGS = $(plugin_LDFLAGS)
plugins_drivers_modBusComm_modBusComm_la_LIBADD = $(MODBUS_LIBS)
EXTRA_DIST += plugins/drivers/modBusComm/modBusComm.md
