/* SPDX-License-Identifier: Apache-2.0 */
/* What a host is told before it starts (docs/wire.md), and which host has which line. */
#ifndef DAEMON_SETUP_H
#define DAEMON_SETUP_H

#include "daemon/catalog.h"
#include "daemon/hub.h"
#include "daemon/plugins.h"

struct setup { /* what all hosts' messages are made from */
	struct hub *hub;
	const struct plugins *plugins;
	const struct catalog *catalog;
	int log_level;
	bool dry; /* plugins are loaded and checked, but no line and no exporter is opened */
};

/*
 * Gives every line that can run, and its analyzers that can, an owner from 0 on.  Those that
 * cannot stay with HUB_NOBODY.  Returns the number of owners; negative: no memory.
 */
ssize_t setup_place(struct hub *h, const struct plugins *p);

/* All frames for the host of that owner, `go` included.  -EMSGSIZE, -ENOMEM. */
int setup_lines(const struct setup *s, size_t owner, struct buf *out);
/* `e` NULL: the stream, at `endpoint`. */
int setup_exporter(const struct setup *s, const struct plugin *p, const struct conf_exporter *e,
		   const char *endpoint, struct buf *out);

#endif
