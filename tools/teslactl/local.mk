# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += tools/teslactl/teslactl
tools_teslactl_teslactl_SOURCES = tools/teslactl/main.c tools/teslactl/commands.c tools/teslactl/commands.h \
	tools/teslactl/json.c tools/teslactl/json.h tools/teslactl/watch.c tools/teslactl/watch.h
tools_teslactl_teslactl_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(YAJL_CFLAGS) $(NCURSES_CFLAGS)
tools_teslactl_teslactl_LDADD = core/client/libtesla.la core/base/libbase.la $(MSGPACK_LIBS) $(YAJL_LIBS) $(NCURSES_LIBS)
dist_man_MANS += docs/man/teslactl.1
