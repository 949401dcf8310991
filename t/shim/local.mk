# SPDX-License-Identifier: Apache-2.0
# For LD_PRELOAD in end-to-end tests of the plain build: a disk that fails, a clock that can be set,
# a loop that stands still, an ear for who writes to the log.  And under ThreadSanitizer: closing that it sees.
check_LTLIBRARIES += t/shim/disk.la t/shim/clock.la t/shim/hold.la t/shim/close.la \
	t/shim/thread.la
shim_ldflags = -module -avoid-version -shared -rpath /nowhere
t_shim_disk_la_SOURCES = t/shim/disk.c
t_shim_disk_la_LDFLAGS = $(shim_ldflags)
t_shim_disk_la_LIBADD = -ldl
t_shim_clock_la_SOURCES = t/shim/clock.c
t_shim_clock_la_LDFLAGS = $(shim_ldflags)
t_shim_clock_la_LIBADD = -ldl
t_shim_hold_la_SOURCES = t/shim/hold.c
t_shim_hold_la_LDFLAGS = $(shim_ldflags)
t_shim_hold_la_LIBADD = -ldl
t_shim_close_la_SOURCES = t/shim/close.c
# Not sanitized itself: programs that are not have it preloaded, too.
t_shim_close_la_CFLAGS = -std=c11 -Wall -Wextra $(WERROR)
t_shim_close_la_LDFLAGS = $(shim_ldflags)
t_shim_close_la_LIBADD = -ldl
t_shim_thread_la_SOURCES = t/shim/thread.c
t_shim_thread_la_LDFLAGS = $(shim_ldflags)
t_shim_thread_la_LIBADD = -ldl
