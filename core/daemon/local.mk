# SPDX-License-Identifier: Apache-2.0
# teslad.  libconf.la reads its files; libdaemon.la is all but main.
noinst_LTLIBRARIES += core/daemon/libconf.la core/daemon/libdaemon.la
core_daemon_libconf_la_SOURCES = \
	core/daemon/config.c core/daemon/config.h core/daemon/config_loader.h \
	core/daemon/config_analyzers.c \
	core/daemon/config_exports.c \
	core/daemon/config_lines.c \
	core/daemon/config_models.c \
	core/daemon/config_tables.c core/daemon/config_tables.h \
	core/daemon/config_text.c core/daemon/config_text.h \
	core/daemon/ini.c core/daemon/ini.h \
	core/daemon/overrides.c core/daemon/overrides.h
core_daemon_libconf_la_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS)
core_daemon_libconf_la_LIBADD = core/base/libservice.la core/base/libbase.la $(XML_LIBS)
# The queue on disk; alone knows LMDB.
noinst_LTLIBRARIES += core/daemon/libjournal.la
core_daemon_libjournal_la_SOURCES = \
	core/daemon/journal.c core/daemon/journal.h core/daemon/journal_internal.h \
	core/daemon/journal_aside.c core/daemon/journal_aside.h \
	core/daemon/journal_check.c core/daemon/journal_check.h \
	core/daemon/journal_child.c \
	core/daemon/journal_exporter.c \
	core/daemon/journal_limits.c \
	core/daemon/journal_load.c \
	core/daemon/journal_page.c core/daemon/journal_page.h \
	core/daemon/journal_pages.c core/daemon/journal_pages.h \
	core/daemon/journal_record.c \
	core/daemon/journal_row.c \
	core/daemon/journal_salvage.c \
	core/daemon/journal_scan.c core/daemon/journal_scan.h \
	core/daemon/journal_txn.c \
	core/daemon/journal_waiting.c core/daemon/journal_waiting.h \
	core/daemon/journal_walk.c
core_daemon_libjournal_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(LMDB_CFLAGS)
core_daemon_libjournal_la_LIBADD = core/base/libbase.la $(LMDB_LIBS)
# What of readings becomes a record: pure.
noinst_LTLIBRARIES += core/daemon/libwindow.la
core_daemon_libwindow_la_SOURCES = \
	core/daemon/counter.c core/daemon/counter.h \
	core/daemon/window.c core/daemon/window.h core/daemon/window_parts.h \
	core/daemon/window_scale.c core/daemon/window_state.c
core_daemon_libwindow_la_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(MSGPACK_CFLAGS)
core_daemon_libwindow_la_LIBADD = core/daemon/libconf.la core/base/libbase.la $(MSGPACK_LIBS) -lm
# Memory that survives a kill.
noinst_LTLIBRARIES += core/daemon/libkeep.la
core_daemon_libkeep_la_SOURCES = \
	core/daemon/keep.c core/daemon/keep.h \
	core/daemon/keep_area.c core/daemon/keep_area.h \
	core/daemon/keep_save.c core/daemon/keep_save.h
core_daemon_libkeep_la_LIBADD = core/base/libbase.la
core_daemon_libdaemon_la_SOURCES = \
	core/daemon/catalog.c core/daemon/catalog.h \
	core/daemon/check.c core/daemon/check.h \
	core/daemon/clerk.c core/daemon/clerk.h core/daemon/clerk_internal.h \
	core/daemon/clerk_turn.c \
	core/daemon/access.c core/daemon/access.h \
	core/daemon/asked.c core/daemon/asked.h \
	core/daemon/commands.c core/daemon/commands.h \
	core/daemon/confinement.c core/daemon/confinement.h \
	core/daemon/control.c core/daemon/control.h \
	core/daemon/control_curve.c core/daemon/control_curve.h \
	core/daemon/control_door.c core/daemon/control_door.h \
	core/daemon/control_local.c core/daemon/control_local.h \
	core/daemon/control_place.c core/daemon/control_place.h \
	core/daemon/config_show.c \
	core/daemon/daemon.h \
	core/daemon/crowd.c core/daemon/crowd.h \
	core/daemon/definitions.c core/daemon/definitions.h \
	core/daemon/delivery.c core/daemon/delivery.h \
	core/daemon/describe.c core/daemon/describe.h \
	core/daemon/diff.c core/daemon/diff.h \
	core/daemon/durable.c core/daemon/durable.h \
	core/daemon/fleet.c core/daemon/fleet.h core/daemon/fleet_parts.h \
	core/daemon/fleet_change.c core/daemon/fleet_change.h \
	core/daemon/fleet_exporters.c \
	core/daemon/host.c core/daemon/host.h \
	core/daemon/hub.c core/daemon/hub.h \
	core/daemon/hub_adopt.c core/daemon/hub_adopt.h \
	core/daemon/intake.c core/daemon/intake.h \
	core/daemon/journal_commands.c core/daemon/journal_commands.h \
	core/daemon/logfile.c core/daemon/logfile.h \
	core/daemon/meter_commands.c core/daemon/meter_commands.h \
	core/daemon/metrics.c core/daemon/metrics.h core/daemon/metrics_parts.h \
	core/daemon/metrics_exporters.c \
	core/daemon/metrics_hosts.c \
	core/daemon/metrics_http.c core/daemon/metrics_http.h \
	core/daemon/metrics_lines.c \
	core/daemon/metrics_node.c \
	core/daemon/pack.h \
	core/daemon/place.c core/daemon/place.h \
	core/daemon/plugins.c core/daemon/plugins.h \
	core/daemon/quarantine.c core/daemon/quarantine.h \
	core/daemon/reload.c core/daemon/reload.h \
	core/daemon/record_map.c core/daemon/record_map.h \
	core/daemon/recorder.c core/daemon/recorder.h \
	core/daemon/recording.c core/daemon/recording.h \
	core/daemon/refusals.c core/daemon/refusals.h \
	core/daemon/setup.c core/daemon/setup.h \
	core/daemon/spill.c core/daemon/spill.h \
	core/daemon/status.c core/daemon/status.h core/daemon/status_journal.c \
	core/daemon/supervise.c core/daemon/supervise.h \
	core/daemon/told.c core/daemon/told.h \
	core/daemon/trace_entry.c core/daemon/trace_entry.h \
	core/daemon/trace_ring.c core/daemon/trace_ring.h \
	core/daemon/traces.c core/daemon/traces.h \
	core/daemon/unread.c core/daemon/unread.h \
	core/daemon/watch.c core/daemon/watch.h
core_daemon_libdaemon_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOST_PROGRAM='"$(libexecdir)/tesla/tesla-host"' \
	-DPLUGIN_DIR='"$(pkglibdir)"' -DMODEL_DIR='"$(datadir)/tesla/models"'
core_daemon_libdaemon_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(MHD_CFLAGS)
core_daemon_libdaemon_la_LIBADD = core/daemon/libjournal.la core/daemon/libwindow.la core/daemon/libkeep.la core/daemon/libconf.la core/base/libweb.la core/base/libbase.la $(UV_LIBS) $(ZMQ_LIBS) $(MSGPACK_LIBS) $(XML_LIBS) $(MHD_LIBS) -lm
sbin_PROGRAMS += core/daemon/teslad
core_daemon_teslad_SOURCES = core/daemon/main.c
core_daemon_teslad_CFLAGS = $(core_daemon_libdaemon_la_CFLAGS)
core_daemon_teslad_LDADD = core/daemon/libdaemon.la
dist_man_MANS += docs/man/teslad.8 docs/man/lector.ini.5
