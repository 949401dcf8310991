/* SPDX-License-Identifier: Apache-2.0 */
/* How lines get their work done: a thread per line, or one thread with an event loop for many. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include "host/host.h"

/*
 * A runner is a thread with one line, or several whose drivers can do without waiting.  It opens
 * the data plugins of its lines first.  Lives as long as the process: a host ends as a whole.
 */
struct runner {
	struct host *host;
	struct line **lines;
	size_t n_lines;
	struct blame_slot *slot; /* claimed by the thread itself */
	struct gather gather;
	struct tesla_host services; /* what drivers are handed */
};

/* Can this line share an event loop? */
bool run_can_share(const struct line *l);
/* Starts every line of the host.  Negative: no threads. */
int run_start(struct host *h, struct tesla_error *err);
/*
 * Opens the data plugins of all lines and reports the plans; opens no line.  In a thread of its
 * own.
 */
int run_dry(struct host *h, struct tesla_error *err);

/* ---- shared by both kinds (run.c) ---- */
void runner_begin(struct runner *r);
void clocks_now(int64_t *mono_us, int64_t *wall_us);
/* Opens the line's drivers on l->pub.fd; on failure closes what was opened, and the descriptor. */
int line_drivers_open(struct runner *r, struct line *l, struct tesla_error *err);
void line_drivers_close(struct runner *r, struct line *l); /* and the descriptor */
/*
 * A driver that does not know when it sent and received, or says what cannot be, gets the call's
 * own times.
 */
void reply_times(struct tesla_reply *reply, int64_t began_us, int64_t ended_us);
/* Longest time a call with this time-out should take, for liveness. */
int64_t call_limit_us(const struct line *l);
void run_thread(struct runner *r);
void run_event(struct runner *r);

#endif
