# SPDX-License-Identifier: Apache-2.0
if FUZZ
fuzz_programs =
fuzz_programs += t/fuzz/frames
t_fuzz_frames_SOURCES = t/fuzz/frames.c plugins/drivers/modBusComm/pdu.c
t_fuzz_frames_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/cvmk
t_fuzz_cvmk_SOURCES = t/fuzz/cvmk.c plugins/drivers/cvmk/frame.c
t_fuzz_cvmk_CFLAGS = $(AM_CFLAGS)
t_fuzz_cvmk_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/hostmsg
t_fuzz_hostmsg_SOURCES = t/fuzz/hostmsg.c t/unit/hub_fixture.h
t_fuzz_hostmsg_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(UV_CFLAGS)
t_fuzz_hostmsg_LDADD = core/daemon/libdaemon.la
t_fuzz_hostmsg_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/config
t_fuzz_config_SOURCES = t/fuzz/config.c
t_fuzz_config_CPPFLAGS = $(AM_CPPFLAGS) -DMODELS='"$(abs_top_srcdir)/etc/models"'
t_fuzz_config_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(MSGPACK_CFLAGS)
t_fuzz_config_LDADD = core/daemon/libconf.la core/base/libbase.la $(XML_LIBS) $(MSGPACK_LIBS)
t_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/model
t_fuzz_model_SOURCES = t/fuzz/model.c
t_fuzz_model_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(MSGPACK_CFLAGS)
t_fuzz_model_LDADD = core/base/libbase.la $(XML_LIBS) $(MSGPACK_LIBS)
t_fuzz_model_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/message
t_fuzz_message_SOURCES = t/fuzz/message.c
t_fuzz_message_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(MSGPACK_CFLAGS)
t_fuzz_message_LDADD = core/base/libbase.la $(XML_LIBS) $(MSGPACK_LIBS)
t_fuzz_message_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/restAnswer
t_fuzz_restAnswer_SOURCES = t/fuzz/restAnswer.c plugins/export/clientRest/answer.c \
	plugins/export/clientRest/packed.c plugins/export/clientRest/text.c
t_fuzz_restAnswer_CFLAGS = $(AM_CFLAGS) $(YAJL_CFLAGS) $(MSGPACK_CFLAGS)
t_fuzz_restAnswer_LDADD = $(YAJL_LIBS) $(MSGPACK_LIBS)
t_fuzz_restAnswer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/record
t_fuzz_record_SOURCES = t/fuzz/record.c
t_fuzz_record_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS)
t_fuzz_record_LDADD = core/base/libbase.la $(MSGPACK_LIBS) -lm
t_fuzz_record_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/batch
t_fuzz_batch_SOURCES = t/fuzz/batch.c
t_fuzz_batch_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS)
t_fuzz_batch_LDADD = core/host/libhost.la
t_fuzz_batch_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/keep
t_fuzz_keep_SOURCES = t/fuzz/keep.c t/unit/hub_fixture.h
t_fuzz_keep_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(UV_CFLAGS)
t_fuzz_keep_LDADD = core/daemon/libdaemon.la
t_fuzz_keep_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/journal
t_fuzz_journal_SOURCES = t/fuzz/journal.c
t_fuzz_journal_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(LMDB_CFLAGS)
t_fuzz_journal_LDADD = core/daemon/libjournal.la core/base/libbase.la
t_fuzz_journal_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/control
t_fuzz_control_SOURCES = t/fuzz/control.c t/unit/hub_fixture.h
t_fuzz_control_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(UV_CFLAGS)
t_fuzz_control_LDADD = core/daemon/libdaemon.la
t_fuzz_control_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/dayfile
t_fuzz_dayfile_SOURCES = t/fuzz/dayfile.c $(local_file_parts)
t_fuzz_dayfile_CFLAGS = $(AM_CFLAGS) $(LOCAL_FILE_CFLAGS)
t_fuzz_dayfile_LDADD = $(LOCAL_FILE_LIBS)
t_fuzz_dayfile_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/accept
t_fuzz_accept_SOURCES = t/fuzz/accept.c
t_fuzz_accept_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS)
t_fuzz_accept_LDADD = core/daemon/libdaemon.la
t_fuzz_accept_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/client
t_fuzz_client_SOURCES = t/fuzz/client.c
t_fuzz_client_CFLAGS = $(AM_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS)
t_fuzz_client_LDADD = core/client/libclient.la
t_fuzz_client_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/capture
t_fuzz_capture_SOURCES = t/fuzz/capture.c
t_fuzz_capture_CPPFLAGS = $(sim_cppflags)
t_fuzz_capture_LDADD = tools/sim/libsim.la core/base/libbase.la
t_fuzz_capture_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/block
t_fuzz_block_SOURCES = t/fuzz/block.c
t_fuzz_block_CPPFLAGS = $(central_cppflags)
t_fuzz_block_LDADD = central/libcodec.la
t_fuzz_block_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/wal
t_fuzz_wal_SOURCES = t/fuzz/wal.c
t_fuzz_wal_CPPFLAGS = $(central_cppflags)
t_fuzz_wal_LDADD = central/libwal.la
t_fuzz_wal_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/entry
t_fuzz_entry_SOURCES = t/fuzz/entry.c
t_fuzz_entry_CPPFLAGS = $(central_cppflags)
t_fuzz_entry_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(LMDB_CFLAGS)
t_fuzz_entry_LDADD = central/libstore.la core/base/libbase.la
t_fuzz_entry_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/jsonl
t_fuzz_jsonl_SOURCES = t/fuzz/jsonl.c central/jsonl.c
t_fuzz_jsonl_CPPFLAGS = $(central_cppflags)
t_fuzz_jsonl_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS)
t_fuzz_jsonl_LDADD = core/base/libbase.la $(YAJL_LIBS) $(MSGPACK_LIBS)
t_fuzz_jsonl_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/intake
t_fuzz_intake_SOURCES = t/fuzz/intake.c
t_fuzz_intake_CPPFLAGS = $(central_cppflags)
t_fuzz_intake_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS)
t_fuzz_intake_LDADD = central/libcentral.la
t_fuzz_intake_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/readings
t_fuzz_readings_SOURCES = t/fuzz/readings.c
t_fuzz_readings_CPPFLAGS = $(central_cppflags)
t_fuzz_readings_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS)
t_fuzz_readings_LDADD = central/libcentral.la
t_fuzz_readings_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/prom
t_fuzz_prom_SOURCES = t/fuzz/prom.c
t_fuzz_prom_CPPFLAGS = $(central_cppflags)
t_fuzz_prom_LDADD = central/libprom.la $(SNAPPY_LIBS)
t_fuzz_prom_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/past
t_fuzz_past_SOURCES = t/fuzz/past.c $(central_past_parts)
t_fuzz_past_CPPFLAGS = $(central_cppflags) -DMODELS='"$(abs_top_srcdir)/etc/models"'
t_fuzz_past_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS)
t_fuzz_past_LDADD = central/libold.la core/base/libbase.la $(YAJL_LIBS) $(XML_LIBS) $(MSGPACK_LIBS) -lm
t_fuzz_past_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/auth
t_fuzz_auth_SOURCES = t/fuzz/auth.c
t_fuzz_auth_CPPFLAGS = $(central_cppflags)
t_fuzz_auth_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(LMDB_CFLAGS) $(SODIUM_CFLAGS)
t_fuzz_auth_LDADD = central/libregistry.la core/base/libbase.la $(SODIUM_LIBS) $(MSGPACK_LIBS)
t_fuzz_auth_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/v2
t_fuzz_v2_SOURCES = t/fuzz/v2.c
t_fuzz_v2_CPPFLAGS = $(central_cppflags)
t_fuzz_v2_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS)
t_fuzz_v2_LDADD = central/libold.la core/base/libbase.la $(YAJL_LIBS) $(MSGPACK_LIBS) -lm
t_fuzz_v2_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

fuzz_programs += t/fuzz/query
t_fuzz_query_SOURCES = t/fuzz/query.c
t_fuzz_query_CPPFLAGS = $(central_cppflags)
t_fuzz_query_LDADD = central/libcentral.la
t_fuzz_query_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += $(fuzz_programs)
endif
