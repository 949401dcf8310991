/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that has the store.  It is handed jobs, and hands them back to the loop when they are
 * done.  Records that wait are stored together, with one sync; between two such groups it does a
 * piece of another job, each in its turn.
 *
 * A job belongs to the keeper from keeper_submit until its `done`.
 */
#ifndef CENTRAL_KEEPER_H
#define CENTRAL_KEEPER_H

#include <sys/queue.h>
#include <uv.h>

#include "central/store.h"

struct keeper;

enum keeper_kind {
	KEEPER_APPEND, /* records: `records`, `verdicts` */
	KEEPER_READ,   /* for somebody who waits: `work` */
	KEEPER_CARE,   /* compaction and the like, behind the others: `work` */
	N_KEEPER_KINDS
};

struct keeper_job {
	TAILQ_ENTRY(keeper_job) queued; /* the keeper's */
	enum keeper_kind kind;
	/* KEEPER_APPEND: what `done` finds in the verdicts holds when result is 0. */
	const struct store_record *records;
	size_t n;
	const struct store_columns *columns; /* beside them */
	size_t n_columns;
	struct store_verdict *verdicts; /* of the records, then of the columns */
	/* Else: some milliseconds of work in the keeper's thread; true: it wants another turn. */
	bool (*work)(struct keeper_job *job, struct store *store);
	/* In the loop's thread. */
	void (*done)(struct keeper_job *job);
	int result; /* of KEEPER_APPEND; `work` may use both */
	struct tesla_error error;
};

struct keeper_limits {
	size_t jobs[N_KEEPER_KINDS]; /* that wait; one more is refused */
};

struct keeper_counts {
	uint64_t groups, records, rejected, failed_groups;
	uint64_t refused[N_KEEPER_KINDS]; /* jobs, as too many waited */
	size_t waiting[N_KEEPER_KINDS];	  /* now */
	int failing; /* why the store takes no records, a negative errno; 0: it does */
};

/* Takes `store`, which keeper_stop closes. */
int keeper_start(uv_loop_t *loop, struct store *store, const struct keeper_limits *limits,
		 struct keeper **ret, struct tesla_error *err);
/* False: too many wait; the job stays the caller's. */
bool keeper_submit(struct keeper *k, struct keeper_job *job);
/*
 * What waits is done first, care apart, which ends where it is; `done` is called for all, before
 * this returns.  Nothing may be submitted any more.
 */
void keeper_stop(struct keeper *k);
void keeper_count(struct keeper *k, struct keeper_counts *ret);
/* What store_try() returned to a job of somebody's. */
void keeper_tried(struct keeper *k, int result);

#endif
