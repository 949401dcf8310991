# SPDX-License-Identifier: Apache-2.0
# teslad.  libdaemon.la is what its unit tests and fuzz targets link.
noinst_LTLIBRARIES += core/daemon/libdaemon.la
core_daemon_libdaemon_la_SOURCES = \
	core/daemon/check.c core/daemon/check.h \
	core/daemon/config.c core/daemon/config.h \
	core/daemon/control.c core/daemon/control.h \
	core/daemon/host.c core/daemon/host.h \
	core/daemon/hub.c core/daemon/hub.h \
	core/daemon/ini.c core/daemon/ini.h \
	core/daemon/plugins.c core/daemon/plugins.h \
	core/daemon/status.c core/daemon/status.h \
	core/daemon/supervise.c core/daemon/supervise.h
core_daemon_libdaemon_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOST_PROGRAM='"$(libexecdir)/tesla/tesla-host"' \
	-DPLUGIN_DIR='"$(pkglibdir)"' -DMODEL_DIR='"$(datadir)/tesla/models"'
core_daemon_libdaemon_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(INIH_CFLAGS)
core_daemon_libdaemon_la_LIBADD = core/base/libbase.la $(UV_LIBS) $(ZMQ_LIBS) $(MSGPACK_LIBS) $(XML_LIBS) $(INIH_LIBS)
sbin_PROGRAMS += core/daemon/teslad
core_daemon_teslad_SOURCES = core/daemon/main.c
core_daemon_teslad_CFLAGS = $(core_daemon_libdaemon_la_CFLAGS)
core_daemon_teslad_LDADD = core/daemon/libdaemon.la
