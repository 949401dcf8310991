# SPDX-License-Identifier: Apache-2.0
# The few files of core/base that it needs, not libbase.la: a client has no use for libxml2.
noinst_LTLIBRARIES += core/client/libclient.la
core_client_libclient_la_SOURCES = core/client/client.c core/client/request.c core/client/request.h \
	core/client/stream.c core/client/stream.h core/client/socket.c core/client/socket.h \
	core/client/topic.c core/client/topic.h \
	core/client/snapshot.c core/client/snapshot.h core/client/track.c core/client/track.h \
	core/client/follow_state.c core/client/follow_state.h core/client/ask.c core/client/ask.h \
	core/client/follow.c \
	core/base/buf.c core/base/clock.c core/base/mp.c core/base/paths.c core/base/reading.c core/base/reading.h \
	core/base/utf8.c
core_client_libclient_la_CFLAGS = $(AM_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS)
core_client_libclient_la_LIBADD = $(ZMQ_LIBS) $(MSGPACK_LIBS)
lib_LTLIBRARIES += core/client/libtesla.la
core_client_libtesla_la_SOURCES =
core_client_libtesla_la_LIBADD = core/client/libclient.la
core_client_libtesla_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/core/client/libtesla.map
EXTRA_DIST += core/client/libtesla.map
# Examples: built out of tree by `make installcheck`, and here for the end-to-end tests.
check_PROGRAMS += core/client/examples/follow core/client/examples/snapshot
core_client_examples_follow_SOURCES = core/client/examples/follow.c
core_client_examples_follow_LDADD = core/client/libtesla.la
core_client_examples_snapshot_SOURCES = core/client/examples/snapshot.c
core_client_examples_snapshot_LDADD = core/client/libtesla.la
EXTRA_DIST += core/client/examples/Makefile
# The Python package is installed by pip; here it is only handed on.
EXTRA_DIST += $(wildcard $(srcdir)/core/client/python/*.toml $(srcdir)/core/client/python/*.md \
	$(srcdir)/core/client/python/*/*.py) core/client/python/tesla/py.typed
