# SPDX-License-Identifier: Apache-2.0
if PLUGIN_zmqPublish
export_LTLIBRARIES += plugins/export/zmqPublish/zmqPublish.la
endif
plugins_export_zmqPublish_zmqPublish_la_SOURCES = plugins/export/zmqPublish/zmqPublish.c \
	plugins/export/zmqPublish/curve.c plugins/export/zmqPublish/curve.h \
	plugins/export/zmqPublish/message.c plugins/export/zmqPublish/message.h
plugins_export_zmqPublish_zmqPublish_la_CFLAGS = $(AM_CFLAGS) $(ZMQ_PUBLISH_CFLAGS) $(MSGPACK_CFLAGS)
plugins_export_zmqPublish_zmqPublish_la_LDFLAGS = $(plugin_LDFLAGS)
plugins_export_zmqPublish_zmqPublish_la_LIBADD = $(ZMQ_PUBLISH_LIBS) $(MSGPACK_LIBS)
EXTRA_DIST += plugins/export/zmqPublish/zmqPublish.md
