# SPDX-License-Identifier: Apache-2.0
# All but main(), for the unit tests too.
noinst_LTLIBRARIES += tools/teslactl/libteslactl.la
tools_teslactl_libteslactl_la_SOURCES = \
	tools/teslactl/args.c tools/teslactl/args.h \
	tools/teslactl/catalogue.c tools/teslactl/catalogue.h \
	tools/teslactl/commands.c tools/teslactl/commands.h \
	tools/teslactl/complete.c tools/teslactl/complete.h \
	tools/teslactl/ctl.c tools/teslactl/ctl.h \
	tools/teslactl/fetch.c tools/teslactl/fetch.h \
	tools/teslactl/help.c tools/teslactl/help.h \
	tools/teslactl/journal.c tools/teslactl/journal.h \
	tools/teslactl/keygen.c tools/teslactl/keygen.h \
	tools/teslactl/list.c tools/teslactl/list.h \
	tools/teslactl/look.c tools/teslactl/look.h \
	tools/teslactl/number.c tools/teslactl/number.h \
	tools/teslactl/peer.c tools/teslactl/peer.h \
	tools/teslactl/probe.c tools/teslactl/probe.h \
	tools/teslactl/prompt.c tools/teslactl/prompt.h \
	tools/teslactl/rate.c tools/teslactl/rate.h \
	tools/teslactl/rows.c tools/teslactl/rows.h \
	tools/teslactl/scan.c tools/teslactl/scan.h \
	tools/teslactl/scan_daemon.c tools/teslactl/scan_daemon.h \
	tools/teslactl/scan_line.c tools/teslactl/scan_line.h \
	tools/teslactl/scan_lists.c \
	tools/teslactl/scan_meter.c tools/teslactl/scan_meter.h \
	tools/teslactl/scan_show.c \
	tools/teslactl/screen.c tools/teslactl/screen.h \
	tools/teslactl/shell.c tools/teslactl/shell.h \
	tools/teslactl/shows.c tools/teslactl/shows.h \
	tools/teslactl/signals.c tools/teslactl/signals.h \
	tools/teslactl/table.c tools/teslactl/table.h \
	tools/teslactl/tells.c \
	tools/teslactl/term.c tools/teslactl/term.h \
	tools/teslactl/top.c tools/teslactl/top.h \
	tools/teslactl/top_model.c tools/teslactl/top_model.h \
	tools/teslactl/top_panes.c tools/teslactl/top_panes.h \
	tools/teslactl/top_screen.c tools/teslactl/top_screen.h \
	tools/teslactl/trace.c tools/teslactl/trace.h \
	tools/teslactl/watch.c tools/teslactl/watch.h
tools_teslactl_libteslactl_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tools \
	-DMODEL_DIR='"$(datadir)/tesla/models"' -DDAEMON_PROGRAM='"$(sbindir)/teslad"'
tools_teslactl_libteslactl_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(YAJL_CFLAGS) $(NCURSES_CFLAGS) $(EDIT_CFLAGS) $(ZMQ_CFLAGS) $(XML_CFLAGS)
tools_teslactl_libteslactl_la_LIBADD = core/client/libtesla.la core/base/libbase.la \
	$(MSGPACK_LIBS) $(YAJL_LIBS) $(NCURSES_LIBS) $(EDIT_LIBS) $(ZMQ_LIBS) -lpthread
bin_PROGRAMS += tools/teslactl/teslactl
tools_teslactl_teslactl_SOURCES = tools/teslactl/main.c
tools_teslactl_teslactl_CPPFLAGS = $(tools_teslactl_libteslactl_la_CPPFLAGS)
tools_teslactl_teslactl_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS)
tools_teslactl_teslactl_LDADD = tools/teslactl/libteslactl.la
dist_man_MANS += docs/man/teslactl.1
# bash looks for it by the name of the command.
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = tools/teslactl/completions/teslactl
tools/teslactl/completions/teslactl: tools/teslactl/teslactl.bash
	$(AM_V_GEN)$(MKDIR_P) tools/teslactl/completions && cp $(srcdir)/tools/teslactl/teslactl.bash $@
EXTRA_DIST += tools/teslactl/teslactl.bash
CLEANFILES += tools/teslactl/completions/teslactl
