# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += tools/sim/tesla-sim
noinst_LTLIBRARIES += tools/sim/libsim.la
tools_sim_libsim_la_SOURCES = \
	tools/sim/about.c tools/sim/about.h \
	tools/sim/bank.c tools/sim/bank.h \
	tools/sim/bus.c tools/sim/bus.h \
	tools/sim/config.c \
	tools/sim/control.c tools/sim/control.h \
	tools/sim/counts.c tools/sim/counts.h \
	tools/sim/cvmk.c tools/sim/cvmk.h \
	tools/sim/encode.c tools/sim/encode.h \
	tools/sim/fault.c tools/sim/fault.h \
	tools/sim/fleet.c tools/sim/fleet.h \
	tools/sim/line.c tools/sim/line.h \
	tools/sim/load.c tools/sim/load.h \
	tools/sim/meter.c tools/sim/meter.h \
	tools/sim/modbus.c tools/sim/modbus.h \
	tools/sim/play.c tools/sim/play.h \
	tools/sim/pty.c tools/sim/pty.h \
	tools/sim/quantity.c tools/sim/quantity.h \
	tools/sim/replay.c tools/sim/replay.h \
	tools/sim/sim.c tools/sim/sim.h \
	tools/sim/tcp.c tools/sim/tcp.h \
	tools/sim/text.c tools/sim/text.h \
	tools/sim/tick.c tools/sim/tick.h \
	tools/sim/who.c tools/sim/who.h
sim_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tools -D_GNU_SOURCE
tools_sim_libsim_la_CPPFLAGS = $(sim_cppflags)
tools_sim_libsim_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS)
tools_sim_libsim_la_LIBADD = core/base/libbase.la $(UV_LIBS) $(YAJL_LIBS) -lm
tools_sim_tesla_sim_SOURCES = tools/sim/main.c tools/sim/options.c tools/sim/options.h
tools_sim_tesla_sim_CFLAGS = $(tools_sim_libsim_la_CFLAGS)
tools_sim_tesla_sim_CPPFLAGS = $(sim_cppflags) -DMODEL_DIR='"$(datadir)/tesla/models"'
tools_sim_tesla_sim_LDADD = tools/sim/libsim.la
dist_man_MANS += docs/man/tesla-sim.1
