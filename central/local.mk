# SPDX-License-Identifier: Apache-2.0
# tesla-central.
central_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)
# Blocks: pure.
noinst_LTLIBRARIES += central/libcodec.la
central_libcodec_la_SOURCES = \
	central/bytes.h \
	central/codec.c central/codec.h central/codec_internal.h \
	central/codec_read.c \
	central/rice.c central/rice.h
central_libcodec_la_CPPFLAGS = $(central_cppflags)
central_libcodec_la_CFLAGS = $(AM_CFLAGS) $(ZSTD_CFLAGS)
central_libcodec_la_LIBADD = core/base/libbase.la $(ZSTD_LIBS)
# The write-ahead file.
noinst_LTLIBRARIES += central/libwal.la
central_libwal_la_SOURCES = \
	central/bytes.h \
	central/wal.c central/wal.h central/wal_form.h \
	central/wal_scan.c
central_libwal_la_CPPFLAGS = $(central_cppflags)
central_libwal_la_LIBADD = core/base/libbase.la
# What LMDB says, in words.
noinst_LTLIBRARIES += central/libmdb.la
central_libmdb_la_SOURCES = central/mdb.c central/mdb.h
central_libmdb_la_CPPFLAGS = $(central_cppflags)
central_libmdb_la_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS)
central_libmdb_la_LIBADD = $(LMDB_LIBS)
# The store; knows LMDB.
noinst_LTLIBRARIES += central/libstore.la
central_libstore_la_SOURCES = \
	central/store.c central/store.h central/store_internal.h \
	central/store_aggregate.c central/store_aggregate.h \
	central/store_append.c \
	central/store_apply.c \
	central/store_backup.c central/store_backup.h \
	central/store_blocks.c \
	central/store_buckets.c \
	central/store_chunk.c \
	central/store_columns.c \
	central/store_compact.c \
	central/store_find.c \
	central/store_form.c \
	central/store_info.c \
	central/store_job.c central/store_job.h \
	central/store_pack.c \
	central/store_last.c \
	central/store_levels.c central/store_levels.h \
	central/store_list.c \
	central/store_maintain.c central/store_maintain.h \
	central/store_pending.c \
	central/store_read.h \
	central/store_reader.c central/store_reader.h \
	central/store_retain.c \
	central/store_rollup.c central/store_rollup.h \
	central/store_row.c \
	central/store_salvage.c \
	central/store_series.c \
	central/store_set.c \
	central/store_txn.c \
	central/store_verify.c
central_libstore_la_CPPFLAGS = $(central_cppflags)
central_libstore_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(LMDB_CFLAGS)
central_libstore_la_LIBADD = central/libmdb.la central/libcodec.la central/libwal.la core/base/libbase.la $(LMDB_LIBS)
# Who and what is known, and who may do what; the registry knows LMDB, too.
noinst_LTLIBRARIES += central/libregistry.la
central_libregistry_la_SOURCES = \
	central/attempts.c central/attempts.h \
	central/auth.c central/auth.h \
	central/auth_header.c \
	central/keyed.c central/keyed.h \
	central/limit.c central/limit.h \
	central/password.c central/password.h \
	central/peer.c central/peer.h \
	central/registry.c central/registry.h central/registry_internal.h \
	central/registry_analyzers.c \
	central/registry_check.c \
	central/registry_db.c \
	central/registry_doc.c \
	central/registry_log.c \
	central/registry_nodes.c \
	central/registry_pack.c central/registry_pack.h \
	central/registry_people.c \
	central/registry_secret.c central/registry_secret.h \
	central/registry_verify.c \
	central/session.c central/session.h
central_libregistry_la_CPPFLAGS = $(central_cppflags)
central_libregistry_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(LMDB_CFLAGS) $(SODIUM_CFLAGS)
central_libregistry_la_LIBADD = central/libmdb.la core/base/libbase.la $(LMDB_LIBS) $(SODIUM_LIBS) -lpthread
# HTTP, without paths.
noinst_LTLIBRARIES += central/libhttp.la
central_libhttp_la_SOURCES = \
	central/http.c central/http.h central/http_internal.h \
	central/http_answer.c \
	central/http_request.c \
	central/http_tls.c central/http_tls.h
central_libhttp_la_CPPFLAGS = $(central_cppflags)
central_libhttp_la_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(GNUTLS_CFLAGS) $(ZLIB_CFLAGS) $(UV_CFLAGS)
central_libhttp_la_LIBADD = core/base/libweb.la core/base/libbase.la $(MHD_LIBS) $(GNUTLS_LIBS) $(ZLIB_LIBS) $(UV_LIBS)
# What the predecessor's interface says, to and fro: pure.
noinst_LTLIBRARIES += central/libold.la
central_libold_la_SOURCES = \
	central/ahead.c central/ahead.h \
	central/cadence.c central/cadence.h \
	central/lectura.c central/lectura.h \
	central/local_time.c central/local_time.h \
	central/old_units.c central/old_units.h \
	central/v2_live.c central/v2_live.h
central_libold_la_CPPFLAGS = $(central_cppflags)
central_libold_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS)
central_libold_la_LIBADD = core/base/libbase.la $(YAJL_LIBS)
# The server: what is asked and answered.
noinst_LTLIBRARIES += central/libcentral.la
central_libcentral_la_SOURCES = \
	central/api.h \
	central/api_analyzers.c \
	central/api_backup.c \
	central/api_help.c central/api_help.h \
	central/api_last.c \
	central/api_lists.c \
	central/api_live.c \
	central/api_logs.c \
	central/api_models.c \
	central/api_nodes.c \
	central/api_openapi.c \
	central/api_people.c \
	central/api_prom.c \
	central/api_records.c \
	central/api_rows.c central/api_rows.h \
	central/api_series.c \
	central/api_session.c \
	central/api_status.c \
	central/app.c central/app.h \
	central/backup.h \
	central/backup_registry.c \
	central/body.c central/body.h \
	central/call.c central/call.h \
	central/care.c central/care.h \
	central/catalogue.c central/catalogue.h \
	central/conf.c central/conf.h \
	central/feeds.c central/feeds.h \
	central/intake.c central/intake.h \
	central/keeper.c central/keeper.h \
	central/live.c central/live.h \
	central/news.c central/news.h \
	central/openapi.h \
	central/pages.c central/pages.h \
	central/passwords.c central/passwords.h \
	central/pieces.c central/pieces.h \
	central/pool.c central/pool.h \
	central/prom_reader.c central/prom_reader.h \
	central/query.c central/query.h \
	central/query_series.c \
	central/readings.c central/readings.h \
	central/route.c central/route.h \
	central/routes.c \
	central/said.c central/said.h \
	central/signin.c central/signin.h \
	central/sse.c central/sse.h \
	central/streams.c central/streams.h \
	central/table.c central/table.h \
	central/v2.c central/v2.h \
	central/v2_ask.c \
	central/v2_internal.h \
	central/v2_lists.c \
	central/v2_load.c \
	central/v2_save.c \
	central/watch.c central/watch.h \
	central/zones.c central/zones.h
nodist_central_libcentral_la_SOURCES = central/openapi_json.c
EXTRA_DIST += central/openapi.json
CLEANFILES += central/openapi_json.c
central/openapi_json.c: central/openapi.json
	$(AM_V_GEN)$(MKDIR_P) central && { \
		echo '#include "central/openapi.h"'; \
		echo 'const unsigned char openapi_json[] = {'; \
		od -An -v -tx1 $(srcdir)/central/openapi.json | sed 's/ \(..\)/0x\1,/g'; \
		echo '};'; \
		echo 'const size_t openapi_len = sizeof openapi_json;'; \
	} >$@.new && mv $@.new $@
central_libcentral_la_CPPFLAGS = $(central_cppflags) -DMODEL_DIR='"$(datadir)/tesla/models"'
central_libcentral_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS) $(UV_CFLAGS)
central_libcentral_la_LIBADD = central/libold.la central/libprom.la central/libhttp.la central/libstore.la central/libregistry.la \
	core/client/libtesla.la core/base/libservice.la core/base/libbase.la $(YAJL_LIBS) $(UV_LIBS)
# Prometheus' remote read: pure.  Of its messages protoc-c makes code, in the build tree.
noinst_LTLIBRARIES += central/libprom.la
central_libprom_la_SOURCES = \
	central/prom.h \
	central/prom_expression.c central/prom_expression.h \
	central/prom_labels.c \
	central/prom_request.c \
	central/prom_response.c
nodist_central_libprom_la_SOURCES = central/prom.pb-c.c central/prom.pb-c.h
central_libprom_la_CPPFLAGS = $(central_cppflags)
central_libprom_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(PROTOBUF_C_CFLAGS) $(PCRE2_CFLAGS)
central_libprom_la_LIBADD = core/base/libbase.la $(PROTOBUF_C_LIBS) $(PCRE2_LIBS) $(SNAPPY_LIBS)
EXTRA_DIST += central/prom.proto
BUILT_SOURCES = central/prom.pb-c.c central/prom.pb-c.h
CLEANFILES += $(BUILT_SOURCES)
central/prom.pb-c.c: central/prom.proto
	$(AM_V_GEN)$(MKDIR_P) central && $(PROTOC_C) --proto_path=$(srcdir)/central --c_out=central \
		$(srcdir)/central/prom.proto
central/prom.pb-c.h: central/prom.pb-c.c
	@test -f $@ || { rm -f central/prom.pb-c.c && $(MAKE) central/prom.pb-c.c; }
# BUILT_SOURCES are for `make all` alone.
$(central_libprom_la_OBJECTS): central/prom.pb-c.h
# The predecessor's history.
central_past_parts = \
	central/past.c central/past.h central/past_internal.h \
	central/past_csv.c \
	central/past_day.c \
	central/past_rest.c
sbin_PROGRAMS += central/tesla-central
central_tesla_central_SOURCES = \
	$(central_past_parts) \
	central/ask.c central/ask.h \
	central/backup.c \
	central/command.c central/command.h \
	central/command_check.c \
	central/command_logs.c \
	central/command_nodes.c \
	central/command_tokens.c \
	central/command_users.c \
	central/commands.c \
	central/grid.c central/grid.h \
	central/import.c central/import.h \
	central/import_past.c \
	central/jsonl.c central/jsonl.h \
	central/main.c \
	central/restore.c \
	central/serve.c \
	central/verb.c central/verb.h
central_tesla_central_CPPFLAGS = $(central_cppflags) -DMODEL_DIR='"$(datadir)/tesla/models"'
central_tesla_central_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(YAJL_CFLAGS) $(SODIUM_CFLAGS) $(UV_CFLAGS) $(LMDB_CFLAGS)
central_tesla_central_LDADD = central/libcentral.la central/libstore.la central/libregistry.la \
	core/base/libbase.la $(YAJL_LIBS) $(SODIUM_LIBS) $(LMDB_LIBS)
dist_man_MANS += docs/man/tesla-central.8
