/* SPDX-License-Identifier: Apache-2.0 */
/* What a host is told, before it starts and when something changed (docs/wire.md). */
#ifndef DAEMON_SETUP_H
#define DAEMON_SETUP_H

#include <inttypes.h>

#include "daemon/catalog.h"
#include "daemon/hub.h"
#include "daemon/plugins.h"
#include "daemon/told.h"

struct setup { /* what all hosts' messages are made from */
	struct hub *hub;
	const struct plugins *plugins;
	const struct catalog *catalog;
	int log_level;
	bool dry; /* plugins are loaded and checked, but no line and no exporter is opened */
	const struct ini *ini;
	const struct places *places; /* folders that hosts may read */
};

/* Those that have it let go of lines that it is not to have any more: to be told first of all. */
int setup_leave(const struct setup *s, size_t owner, struct told *told, struct buf *out);
/*
 * The frames that bring the host of that owner from what it was told to what it is to be, `go`
 * included when it had none; none when it knows all but what is to leave.  Lines that another host
 * still has, by `blocked` (NULL: none), and those with a change under way, wait for the next call.
 * -EMSGSIZE, -ENOMEM: the host is not to be used any more.
 */
typedef bool setup_blocked(void *arg, size_t owner, const struct hub_line *l);
int setup_lines(const struct setup *s, size_t owner, struct told *told, setup_blocked *blocked,
		void *arg, struct buf *out);
/* `e` NULL: the stream, at `endpoint`, with what else [Stream] of s->ini says. */
int setup_exporter(const struct setup *s, const struct plugin *p, const struct conf_exporter *e,
		   const char *endpoint, struct buf *out);
/* What a live exporter has to know anew when analyzers or their variables changed. */
int setup_table(const struct hub *h, struct buf *out);

/* The key of struct told under which there is whether an analyzer is polled. */
#define TOLD_TURN "turn/%" PRId64
/* That of whether a line is traced. */
#define TOLD_TRACE "trace/%" PRId64
/* Something that the host of an analyzer is to do with it; it answers with `i`. */
struct setup_ask {
	int64_t i, analyzer;
	const char *what;
	/* Of a look: one transaction, with the command, or the function, or else who are you? */
	int64_t address, function, first, count, timeout_ms;
	const char *command; /* NULL: none */
};
int setup_ask(const struct setup_ask *ask, struct buf *out);

/* ---- what defines a thing: two with the same bytes are the same ---- */
/* As its host is told of it, without what it knows of the meter. */
void setup_define_analyzer(const struct conf_analyzer *a, struct buf *out);
void setup_define_line(const struct conf_line *l, struct buf *out);
void setup_define_exporter(const struct plugin *p, const struct conf_exporter *e,
			   const struct ini *ini, struct buf *out);

#endif
