# SPDX-License-Identifier: Apache-2.0
if PLUGIN_clientLive
export_LTLIBRARIES += plugins/export/clientLive/clientLive.la
endif
# Readings in the words of the stream, by the HTTP of clientRest.
client_live_sources = \
	plugins/export/clientLive/clientLive.c \
	plugins/export/clientRest/conf.c plugins/export/clientRest/conf.h \
	plugins/export/clientRest/gzip.c plugins/export/clientRest/gzip.h \
	plugins/export/clientRest/http.c plugins/export/clientRest/http.h \
	plugins/export/clientRest/link.c plugins/export/clientRest/link.h \
	plugins/export/clientRest/proxy.c plugins/export/clientRest/proxy.h \
	plugins/export/clientRest/text.c plugins/export/clientRest/text.h \
	plugins/export/zmqPublish/message.c plugins/export/zmqPublish/message.h
plugins_export_clientLive_clientLive_la_SOURCES = $(client_live_sources)
plugins_export_clientLive_clientLive_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/plugins/export/clientRest -I$(top_srcdir)/plugins/export/zmqPublish
plugins_export_clientLive_clientLive_la_CFLAGS = $(AM_CFLAGS) $(CLIENT_LIVE_CFLAGS)
# Stays mapped, for the reason that clientRest has.
plugins_export_clientLive_clientLive_la_LDFLAGS = $(plugin_LDFLAGS) -Wl,-z,nodelete
plugins_export_clientLive_clientLive_la_LIBADD = $(CLIENT_LIVE_LIBS) -lm
EXTRA_DIST += plugins/export/clientLive/clientLive.md
