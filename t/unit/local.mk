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
unit_tests += t/unit/planner
t_unit_planner_SOURCES = t/unit/planner.c
t_unit_planner_CFLAGS = $(unit_cflags)
t_unit_planner_LDADD = core/host/libhost.la $(CRITERION_LIBS)
unit_tests += t/unit/schedule
t_unit_schedule_SOURCES = t/unit/schedule.c
t_unit_schedule_CFLAGS = $(unit_cflags)
t_unit_schedule_LDADD = core/host/libhost.la $(CRITERION_LIBS)
unit_tests += t/unit/line
t_unit_line_SOURCES = t/unit/line.c
t_unit_line_CFLAGS = $(unit_cflags)
t_unit_line_LDADD = core/host/libhost.la $(CRITERION_LIBS)
unit_tests += t/unit/exporter
t_unit_exporter_SOURCES = t/unit/exporter.c
t_unit_exporter_CFLAGS = $(unit_cflags)
t_unit_exporter_LDADD = core/host/libhost.la $(CRITERION_LIBS)
check_LTLIBRARIES += t/unit/sink.la
t_unit_sink_la_SOURCES = t/unit/sink.c
t_unit_sink_la_LDFLAGS = $(plugin_LDFLAGS) -rpath /nowhere
if PLUGIN_modBusComm
unit_tests += t/unit/pdu t/unit/modBusComm
t_unit_pdu_SOURCES = t/unit/pdu.c plugins/drivers/modBusComm/pdu.c
t_unit_pdu_CFLAGS = $(unit_cflags)
t_unit_pdu_LDADD = $(CRITERION_LIBS)
t_unit_modBusComm_SOURCES = t/unit/modBusComm.c plugins/drivers/modBusComm/modBusComm.c plugins/drivers/modBusComm/pdu.c
t_unit_modBusComm_CFLAGS = $(unit_cflags) $(MODBUS_CFLAGS)
t_unit_modBusComm_LDADD = core/base/libbase.la $(MODBUS_LIBS) $(CRITERION_LIBS) -lpthread
endif
if PLUGIN_pmData
unit_tests += t/unit/pmData
t_unit_pmData_SOURCES = t/unit/pmData.c plugins/data/pmData/pmData.c
t_unit_pmData_CFLAGS = $(unit_cflags)
t_unit_pmData_LDADD = core/base/libbase.la $(CRITERION_LIBS) -lm
endif
if PLUGIN_zmqPublish
unit_tests += t/unit/zmqPublish
t_unit_zmqPublish_SOURCES = t/unit/zmqPublish.c plugins/export/zmqPublish/zmqPublish.c plugins/export/zmqPublish/message.c
t_unit_zmqPublish_CFLAGS = $(unit_cflags) $(ZMQ_PUBLISH_CFLAGS)
t_unit_zmqPublish_LDADD = core/base/libbase.la $(ZMQ_PUBLISH_LIBS) $(MSGPACK_LIBS) $(CRITERION_LIBS) -lm
endif
unit_tests += t/unit/loader t/unit/conformance
t_unit_loader_SOURCES = t/unit/loader.c
t_unit_loader_CFLAGS = $(unit_cflags)
t_unit_loader_LDADD = core/host/libhost.la core/base/libbase.la $(CRITERION_LIBS)
t_unit_conformance_SOURCES = t/unit/conformance.c
t_unit_conformance_CFLAGS = $(unit_cflags)
t_unit_conformance_LDADD = core/host/libhost.la core/base/libbase.la $(CRITERION_LIBS)
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
