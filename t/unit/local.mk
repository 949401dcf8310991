# SPDX-License-Identifier: Apache-2.0
# One Criterion program per module.
unit_cflags = $(AM_CFLAGS) $(CRITERION_CFLAGS) $(MSGPACK_CFLAGS) $(UV_CFLAGS) $(XML_CFLAGS)
if HAVE_CRITERION
unit_tests =
unit_tests += t/unit/queue
t_unit_queue_SOURCES = t/unit/queue.c
t_unit_queue_CFLAGS = $(unit_cflags)
t_unit_queue_LDADD = core/host/libhost.la $(CRITERION_LIBS)
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
