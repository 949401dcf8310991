/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host of lines has: the plugins, the models and the lines that the core told it.  All of it
 * lives as long as the process: threads of lines may be inside a plugin when it ends.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "host/line.h"

struct host_plugin {
	enum tesla_kind kind;
	char *name;
	struct loader *loader;	/* NULL: refused, which was reported */
	pthread_mutex_t serial; /* held around calls when it is TESLA_SERIAL_PLUGIN */
};

struct host {
	struct report report;
	struct blame_page *page;
	struct blame_slot *slot; /* the main thread's: while loading */
	struct host_plugin **plugins;
	size_t n_plugins;
	struct kind **kinds;
	size_t n_kinds;
	struct patterns patterns;
	struct line **lines;
	size_t n_lines;
};

/*
 * Takes one message of docs/wire.md that describes the host's work (hello, plugin, model, pattern,
 * forbidden, line).  -EPROTO: the message makes no sense; the core is of another build.
 */
int setup_message(struct host *h, const msgpack_object *message, struct tesla_error *err);

#endif
