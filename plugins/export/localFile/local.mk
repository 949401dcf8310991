# SPDX-License-Identifier: Apache-2.0
if PLUGIN_localFile
export_LTLIBRARIES += plugins/export/localFile/localFile.la
endif
local_file_parts = plugins/export/localFile/archive.c plugins/export/localFile/archive.h \
	plugins/export/localFile/csv.c plugins/export/localFile/dayfile.c \
	plugins/export/localFile/dayfile.h plugins/export/localFile/folder.c \
	plugins/export/localFile/folder.h plugins/export/localFile/format.c \
	plugins/export/localFile/format.h plugins/export/localFile/gz.c \
	plugins/export/localFile/gz.h plugins/export/localFile/jsonl.c \
	plugins/export/localFile/moment.c plugins/export/localFile/moment.h \
	plugins/export/localFile/pack.c plugins/export/localFile/pack.h \
	plugins/export/localFile/position.c plugins/export/localFile/position.h \
	plugins/export/localFile/text.c
plugins_export_localFile_localFile_la_SOURCES = plugins/export/localFile/localFile.c \
	$(local_file_parts)
plugins_export_localFile_localFile_la_CFLAGS = $(AM_CFLAGS) $(LOCAL_FILE_CFLAGS)
plugins_export_localFile_localFile_la_LDFLAGS = $(plugin_LDFLAGS)
plugins_export_localFile_localFile_la_LIBADD = $(LOCAL_FILE_LIBS)
EXTRA_DIST += plugins/export/localFile/localFile.md
