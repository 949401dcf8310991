# SPDX-License-Identifier: Apache-2.0
if PLUGIN_clientRest
export_LTLIBRARIES += plugins/export/clientRest/clientRest.la
endif
client_rest_sources = \
	plugins/export/clientRest/answer.c plugins/export/clientRest/answer.h \
	plugins/export/clientRest/clientRest.c plugins/export/clientRest/rest.h \
	plugins/export/clientRest/conf.c plugins/export/clientRest/conf.h \
	plugins/export/clientRest/form.c plugins/export/clientRest/form.h \
	plugins/export/clientRest/gzip.c plugins/export/clientRest/gzip.h \
	plugins/export/clientRest/http.c plugins/export/clientRest/http.h \
	plugins/export/clientRest/instant.c plugins/export/clientRest/instant.h \
	plugins/export/clientRest/link.c plugins/export/clientRest/link.h \
	plugins/export/clientRest/packed.c plugins/export/clientRest/packed.h \
	plugins/export/clientRest/proxy.c plugins/export/clientRest/proxy.h \
	plugins/export/clientRest/records.c plugins/export/clientRest/records.h \
	plugins/export/clientRest/text.c plugins/export/clientRest/text.h \
	plugins/export/clientRest/v1.c \
	plugins/export/clientRest/v2.c \
	plugins/export/clientRest/verdict.c plugins/export/clientRest/verdict.h \
	plugins/export/clientRest/writer.c plugins/export/clientRest/writer.h
plugins_export_clientRest_clientRest_la_SOURCES = $(client_rest_sources)
plugins_export_clientRest_clientRest_la_CFLAGS = $(AM_CFLAGS) $(CLIENT_REST_CFLAGS)
# Stays mapped: a thread of libcurl's that waits for a name server may outlive the plugin's close.
plugins_export_clientRest_clientRest_la_LDFLAGS = $(plugin_LDFLAGS) -Wl,-z,nodelete
plugins_export_clientRest_clientRest_la_LIBADD = $(CLIENT_REST_LIBS) -lm
EXTRA_DIST += plugins/export/clientRest/clientRest.md
