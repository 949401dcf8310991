# SPDX-License-Identifier: Apache-2.0
# One Criterion program per module.
unit_cflags = $(AM_CFLAGS) $(CRITERION_CFLAGS) $(MSGPACK_CFLAGS) $(UV_CFLAGS) $(XML_CFLAGS)
if HAVE_CRITERION
unit_tests =
unit_tests += t/unit/queue
t_unit_queue_SOURCES = t/unit/queue.c
t_unit_queue_CFLAGS = $(unit_cflags)
t_unit_queue_LDADD = core/host/libhost.la $(CRITERION_LIBS)
unit_tests += t/unit/client
t_unit_client_SOURCES = t/unit/client.c
t_unit_client_CFLAGS = $(unit_cflags) $(ZMQ_CFLAGS)
t_unit_client_LDADD = core/client/libtesla.la core/base/libbase.la $(ZMQ_LIBS) $(CRITERION_LIBS)
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
