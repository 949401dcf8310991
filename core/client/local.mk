# SPDX-License-Identifier: Apache-2.0
# The few files of core/base that it needs, not libbase.la: a client has no use for libxml2.
lib_LTLIBRARIES += core/client/libtesla.la
core_client_libtesla_la_SOURCES = core/client/client.c core/client/stream.c core/client/socket.c \
	core/client/socket.h core/base/buf.c core/base/clock.c core/base/mp.c core/base/paths.c
core_client_libtesla_la_CFLAGS = $(AM_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS)
core_client_libtesla_la_LIBADD = $(ZMQ_LIBS) $(MSGPACK_LIBS)
core_client_libtesla_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/core/client/libtesla.map
EXTRA_DIST += core/client/libtesla.map
