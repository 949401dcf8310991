/* SPDX-License-Identifier: Apache-2.0 */
/* How lines get their work done: a thread per line, or one thread with an event loop for many. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include "host/host.h"
#include "host/trace.h"

#define ASKS_MAX 32 /* that one runner has not answered yet */
/*
 * Of each line at most one change is under way, and a trace begins or ends every few seconds at
 * most: a queue that is full is the core's mistake.
 */
#define COMMANDS_MAX (2 * HOST_LINES_MAX + ASKS_MAX)

/*
 * What the main thread wants of a runner.  Handed over with all that hangs from it; COMMAND_UNLINE
 * comes back through host.ended when it is done.
 */
enum command_kind { COMMAND_LINE, COMMAND_UNLINE, COMMAND_ASK, COMMAND_TRACE };
struct command {
	enum command_kind kind;
	int64_t line_id;
	struct line *line; /* COMMAND_LINE: what it is to be; COMMAND_UNLINE, kept: what it was */
	struct ask *ask;
	bool keep;	       /* COMMAND_UNLINE: all but the connection, for another thread */
	bool traced;	       /* COMMAND_TRACE */
	struct runner *runner; /* COMMAND_UNLINE, on return: that is ending.  NULL: it goes on */
	struct command *next;
};
void command_free(struct command *c);

/*
 * A runner is a thread with one line, or several whose drivers can do without waiting.  It opens
 * the data plugins of its lines first.
 */
struct runner {
	struct host *host;
	struct line *line; /* its only one; of the event loop's thread, its first */
	pthread_t thread;
	struct queue commands;	 /* of struct command */
	atomic_uint asks;	 /* not answered yet */
	struct blame_slot *slot; /* claimed by the thread itself */
	struct gather gather;
	struct tesla_host services; /* what drivers are handed */
	struct trace trace;
};

/* Can this line share an event loop? */
bool run_can_share(const struct line *l);
/* Starts a thread with the line, which it takes.  Negative: no thread; *err says why. */
int runner_start(struct host *h, struct line *l, struct runner **ret, struct tesla_error *err);
/* False: it has more to do than it may (the command stays the caller's). */
bool runner_push(struct runner *r, struct command *c);
/* Waits for its thread, which said that it is ending. */
void runner_join(struct runner *r);
/*
 * Opens the data plugins of all lines and reports the plans; opens no line.  In a thread of its
 * own.
 */
int run_dry(struct host *h, struct tesla_error *err);

/* ---- shared by both kinds (run.c) ---- */
/* The line is the runner's: opens the data plugins that are not open, and reports the plan. */
void line_begin(struct runner *r, struct line *l);
/* Closes what is open of it, and frees it. */
void line_discard(struct runner *r, struct line *l);
/* From now on it is as `fresh` says (line_change); the one that goes on. */
struct line *line_become(struct runner *r, struct line *l, struct line *fresh);
/* After ACT_END, and closed: it is freed, or handed back in `unline`. */
void line_let_go(struct runner *r, struct line *l, struct command *unline);
void clocks_now(int64_t *mono_us, int64_t *wall_us);
/* Opens the line's drivers on l->pub.fd; on failure closes what was opened, and the descriptor. */
int line_drivers_open(struct runner *r, struct line *l, struct tesla_error *err);
void line_drivers_close(struct runner *r, struct line *l); /* and the descriptor */
/* Its drivers are called next, for `act` (NULL: to ask nothing): what they show is that. */
void runner_serve(struct runner *r, struct line *l, const struct action *act);
/*
 * A driver that does not know when it sent and received, or says what cannot be, gets the call's
 * own times.
 */
void reply_times(struct tesla_reply *reply, int64_t began_us, int64_t ended_us);
/* Longest time that the driver should take for it, for liveness. */
int64_t call_limit_us(const struct action *act);
/* Returns what ended r->line. */
struct command *run_thread(struct runner *r);
void run_event(struct runner *r);

#endif
