# SPDX-License-Identifier: Apache-2.0
# tesla-host: the only program that loads shared objects.  libhost.la is what its unit tests link.
noinst_LTLIBRARIES += core/host/libhost.la
core_host_libhost_la_SOURCES = \
	core/host/analyzer.c core/host/analyzer.h \
	core/host/batch.c core/host/batch.h core/host/batch_parts.h \
	core/host/batch_durable.c \
	core/host/call.h core/host/host.h \
	core/host/confine.c core/host/confine.h core/host/confine_parts.h \
	core/host/confine_calls.c core/host/confine_files.c \
	core/host/describe.c core/host/describe.h \
	core/host/exporter.c core/host/exporter.h \
	core/host/line.c core/host/line.h core/host/line_parts.h \
	core/host/enquiry.c core/host/enquiry.h core/host/line_ask.c core/host/line_change.c core/host/line_cost.c core/host/line_make.c \
	core/host/line_look.c core/host/line_pick.c core/host/line_report.c core/host/line_step.c \
	core/host/live.c \
	core/host/loader.c core/host/loader.h \
	core/host/planner.c core/host/planner.h \
	core/host/port.c core/host/port.h \
	core/host/queue.c core/host/queue.h \
	core/host/report.c core/host/report.h \
	core/host/run.c core/host/run.h core/host/run_event.c core/host/run_thread.c \
	core/host/scales.c core/host/scales.h \
	core/host/schedule.c core/host/schedule.h \
	core/host/setup.c \
	core/host/sweep.c core/host/sweep.h \
	core/host/trace.c core/host/trace.h \
	core/host/verdicts.c core/host/verdicts.h \
	core/host/worker.c core/host/worker.h
core_host_libhost_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(SECCOMP_CFLAGS)
core_host_libhost_la_LIBADD = core/base/libbase.la $(UV_LIBS) $(MSGPACK_LIBS) $(LTDL_LIBS) $(SECCOMP_LIBS)
hostdir = $(libexecdir)/tesla
host_PROGRAMS = core/host/tesla-host
core_host_tesla_host_SOURCES = core/host/main.c
core_host_tesla_host_CFLAGS = $(core_host_libhost_la_CFLAGS)
core_host_tesla_host_LDADD = core/host/libhost.la
