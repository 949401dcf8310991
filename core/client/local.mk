# SPDX-License-Identifier: Apache-2.0
lib_LTLIBRARIES += core/client/libtesla.la
core_client_libtesla_la_SOURCES = core/client/client.c
core_client_libtesla_la_CFLAGS = $(AM_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS)
core_client_libtesla_la_LIBADD = core/base/libbase.la $(ZMQ_LIBS) $(MSGPACK_LIBS)
core_client_libtesla_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/core/client/libtesla.map
EXTRA_DIST += core/client/libtesla.map
