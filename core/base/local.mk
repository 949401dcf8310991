# SPDX-License-Identifier: Apache-2.0
# What core, central and tools share.
noinst_LTLIBRARIES += core/base/libbase.la
core_base_libbase_la_SOURCES = \
	core/base/address.c core/base/address.h \
	core/base/arena.c core/base/arena.h \
	core/base/blame.c core/base/blame.h \
	core/base/buf.c core/base/buf.h \
	core/base/cleanup.h \
	core/base/calendar.c core/base/calendar.h \
	core/base/capture.c core/base/capture.h \
	core/base/config_out.c core/base/config_out.h \
	core/base/clock.c core/base/clock.h \
	core/base/crc.c core/base/crc.h \
	core/base/descriptors.c core/base/descriptors.h \
	core/base/diags.c \
	core/base/file.c core/base/file.h \
	core/base/frame.c core/base/frame.h \
	core/base/histogram.c core/base/histogram.h \
	core/base/json.c core/base/json.h \
	core/base/json_read.c \
	core/base/keys.c core/base/keys.h \
	core/base/line_params.c core/base/line_params.h \
	core/base/lock.c core/base/lock.h \
	core/base/log.c core/base/log.h \
	core/base/log_held.c core/base/log_held.h \
	core/base/metrics_accept.c core/base/metrics_accept.h \
	core/base/metrics_process.c core/base/metrics_process.h \
	core/base/metrics_text.c core/base/metrics_text.h \
	core/base/model.c core/base/model.h core/base/model_build.h \
	core/base/model_dir.c core/base/model_dir.h \
	core/base/model_say.c core/base/model_say.h \
	core/base/model_identity.c \
	core/base/model_tables.c core/base/model_tables.h \
	core/base/mp.c core/base/mp.h \
	core/base/nearest.c core/base/nearest.h \
	core/base/number.c core/base/number.h \
	core/base/outlet.c core/base/outlet.h \
	core/base/param.c core/base/param.h \
	core/base/paths.c core/base/paths.h \
	core/base/record.c core/base/record.h \
	core/base/reading.c core/base/reading.h \
	core/base/recorded.c core/base/recorded.h \
	core/base/stdio_fill.c core/base/stdio_fill.h \
	core/base/utf8.c core/base/utf8.h \
	core/base/xml.c core/base/xml.h core/base/xml_internal.h \
	core/base/xml_check.c \
	core/base/zone.c core/base/zone.h \
	core/base/zone_rule.c core/base/zone_rule.h
core_base_libbase_la_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(MSGPACK_CFLAGS) $(ISAL_CFLAGS) $(YAJL_CFLAGS)
core_base_libbase_la_LIBADD = $(XML_LIBS) $(MSGPACK_LIBS) $(ISAL_LIBS) -lm
# What teslad and tesla-central share as services.
noinst_LTLIBRARIES += core/base/libservice.la
core_base_libservice_la_SOURCES = \
	core/base/notify.c core/base/notify.h \
	core/base/settings.c core/base/settings.h
core_base_libservice_la_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(INIH_CFLAGS) $(UV_CFLAGS) $(SYSTEMD_CFLAGS)
core_base_libservice_la_LIBADD = core/base/libbase.la $(INIH_LIBS) $(UV_LIBS) $(SYSTEMD_LIBS)
# What both answer over HTTP with.
noinst_LTLIBRARIES += core/base/libweb.la
core_base_libweb_la_SOURCES = core/base/web.c core/base/web.h
core_base_libweb_la_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(UV_CFLAGS)
core_base_libweb_la_LIBADD = $(MHD_LIBS) $(UV_LIBS)
