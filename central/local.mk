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
