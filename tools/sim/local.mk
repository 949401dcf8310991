# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += tools/sim/tesla-sim
noinst_LTLIBRARIES += tools/sim/libsim.la
tools_sim_libsim_la_SOURCES = \
	tools/sim/bus.c tools/sim/bus.h \
	tools/sim/fault.c tools/sim/fault.h \
	tools/sim/load.c tools/sim/load.h \
	tools/sim/meter.c tools/sim/meter.h \
	tools/sim/modbus.c tools/sim/modbus.h \
	tools/sim/pty.c tools/sim/pty.h \
	tools/sim/tcp.c tools/sim/tcp.h
tools_sim_libsim_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(XML_CFLAGS)
tools_sim_libsim_la_LIBADD = core/base/libbase.la $(UV_LIBS) -lm
tools_sim_tesla_sim_SOURCES = tools/sim/main.c
tools_sim_tesla_sim_CFLAGS = $(tools_sim_libsim_la_CFLAGS)
tools_sim_tesla_sim_CPPFLAGS = $(AM_CPPFLAGS) -DMODEL_DIR='"$(datadir)/tesla/models"'
tools_sim_tesla_sim_LDADD = tools/sim/libsim.la
dist_man_MANS += docs/man/tesla-sim.1
