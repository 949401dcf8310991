/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the clerk's two halves share: clerk.c decides on the loop's thread what the next turn is,
 * and clerk_turn.c does it in the thread pool.  `turn` and `journal` are the pool's while a turn is
 * under way; all the rest belongs to the loop's thread.
 */
#ifndef DAEMON_CLERK_INTERNAL_H
#define DAEMON_CLERK_INTERNAL_H

#include <stdatomic.h>

#include "daemon/clerk.h"

struct verdicts { /* their reasons are owned */
	struct journal_verdict *list;
	size_t n, cap;
};

struct waiting {	   /* an entry of the ring, which stays where it is while it is under way */
	const void *bytes; /* NULL: it is damaged */
	size_t len;
};

struct turn { /* what the pool works on */
	bool open, close;
	struct waiting *entries;
	size_t n_entries;
	struct verdicts verdicts;
	bool blind; /* verdicts wait that could not be committed: its job gets no journal */
	struct clerk_job *job;
	/* what came of it */
	int r; /* of opening and writing */
	struct tesla_error err;
	bool opened, settled, looked;  /* looked: `info` is new */
	bool written;		       /* the entries are done with */
	bool proven;		       /* something was committed */
	bool usable;		       /* a job may have the journal after it */
	uint64_t n_broken, n_left_out; /* as in struct clerk_counts */
	struct tesla_error left_out;   /* why the first was */
	char *set_aside;
	struct tesla_error damage; /* why it was set aside */
	uint64_t carried;
	struct journal_info info;
};

struct clerk {
	uv_loop_t *loop;
	char *program, *dir;
	struct journal_limits limits;
	int64_t sync_interval_ms;
	struct keep *keep;
	const struct log *log;
	uv_work_t work;
	uv_timer_t timer;
	bool busy, stopping;
	atomic_bool cancel; /* a turn that has the journal read through ends without it */
	enum clerk_state state;
	char *reason; /* why it failed */
	int64_t retry_ms, due_us, failed_us;
	bool unproven; /* it failed while it was open: that it can be opened proves nothing */
	bool stuck;    /* `verdicts` has some that could not be committed */
	bool usable;   /* of the last turn */
	bool losing;   /* the ring is full, and that was said */
	uint64_t dropped, lost_from; /* keep_dropped when looked at last, and when that began */
	struct clerk_counts counts;
	struct journal *journal; /* while a turn is under way, the pool's */
	struct turn turn;
	struct verdicts verdicts; /* that wait for the next turn */
	int64_t verdict_us;	  /* the first of them came then */
	struct clerk_job *first, **last;
	struct journal_info info;
	uint64_t exporters_set;
	char **set_aside;
	size_t n_set_aside;
	void (*changed)(void *arg);
	void *changed_arg;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* One turn, in the pool: opens the journal if need be, commits what waits, does a job. */
void clerk_turn(uv_work_t *work);

#endif
