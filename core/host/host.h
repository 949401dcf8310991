/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host of lines has: the plugins, the models and the lines that the core told it.  All of it
 * is the main thread's, and plugins live as long as the process: threads of lines may be inside one
 * when it ends.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "host/line.h"
#include "host/queue.h"

#define HOST_LINES_MAX 128 /* the core gives a host half as many */

struct host_plugin {
	enum tesla_kind kind;
	char *name;
	struct loader *loader;	/* NULL: refused, which was reported */
	pthread_mutex_t serial; /* held around calls when it is TESLA_SERIAL_PLUGIN */
};

struct runner;

/* What the main thread knows of a line: the line itself belongs to its runner's thread. */
struct host_line {
	int64_t id;
	struct runner *runner; /* NULL: until `go` */
	struct line *line;     /* not yet a runner's: until `go`, or until the old one let go */
	char **drivers;	       /* their names, NULL-terminated: the set never changes */
	int64_t *analyzers;    /* their ids */
	size_t n_analyzers;
	bool shared; /* in the event loop's thread */
	bool traced; /* as the core said last */
	bool moving; /* its runner is asked to let go of it, so that `line` can have another */
};

struct host {
	struct report report;
	struct blame_page *page;
	struct blame_slot *slot; /* the main thread's: while loading */
	struct host_plugin **plugins;
	size_t n_plugins;
	struct kind **kinds; /* the newest of each name */
	size_t n_kinds;
	struct patterns *patterns; /* the newest; NULL: none were told */
	struct host_line **lines;
	size_t n_lines, n_ending; /* ending: those that the core no longer has, until `gone` */
	bool running;		  /* `go` came, not a dry one */
	struct runner *shared;	  /* the event loop's; NULL: no line needed it yet */
	struct queue ended;	  /* of struct command: runners let go of these lines (run.h) */
};

/* For a host that is all zero but for its report, page and slot. */
int host_init(struct host *h, struct tesla_error *err);

/*
 * Takes one message of docs/wire.md that describes the host's work (hello, plugin, model, patterns,
 * forbidden, level, line, unline, ask, trace).  -EPROTO: the message makes no sense; the core is of
 * another build.
 */
int setup_message(struct host *h, const msgpack_object *message, struct tesla_error *err);

/* ---- setup.c, for line_make.c ---- */
struct host_plugin *plugin_find(const struct host *h, enum tesla_kind kind, const char *name);
struct kind *kind_find(const struct host *h, const char *name);
/* One more at the end of an array of pointers, whose address `list` is.  -ENOMEM. */
int grow(void *list, size_t n, size_t size);

/* ---- line_make.c ---- */
/* The line that a message describes, all that its thread needs.  What will not do is reported. */
int line_make(struct host *h, const msgpack_object *m, struct line **ret, struct tesla_error *err);

/* ---- live.c: lines that come, change and go ---- */
/* 0, or why the host cannot go on. */
int live_line(struct host *h, const msgpack_object *m, struct tesla_error *err);
int live_unline(struct host *h, const msgpack_object *m, struct tesla_error *err);
int live_ask(struct host *h, const msgpack_object *m, struct tesla_error *err);
int live_trace(struct host *h, const msgpack_object *m, struct tesla_error *err);
/* Starts all lines that were told. */
int live_go(struct host *h, struct tesla_error *err);
/* h->ended has something: threads that ended are joined, the core is told. */
int live_ended(struct host *h, struct tesla_error *err);

#endif
