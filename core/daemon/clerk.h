/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who works the journal: takes what is to be done from the loop, does it in the thread pool, one
 * job at a time and as much as is there in one commit, and brings the answers back.  When the disk
 * fails it says so once and tries again; the records wait in the ring meanwhile.
 */
#ifndef DAEMON_CLERK_H
#define DAEMON_CLERK_H

#include <uv.h>

#include "daemon/journal.h"
#include "daemon/keep.h"

struct clerk;

struct clerk_conf {
	const char *program, *dir; /* of journal_prepare, and the journal's */
	struct journal_limits limits;
	int64_t sync_interval_ms; /* verdicts wait for company this long */
	struct keep *keep;	  /* its ring has struct recorder_entry */
	const struct log *log;
};

enum clerk_state { CLERK_CHECKING, CLERK_OPEN, CLERK_FAILED, CLERK_CLOSED };

struct clerk *clerk_new(uv_loop_t *loop, const struct clerk_conf *conf);
/* There is something in the ring: it is committed soon. */
void clerk_kick(struct clerk *c);
/*
 * Verdicts of an exporter (copied); committed with the next records, or after sync_interval.
 * -ENOMEM: some may be missing, those records come again.
 */
int clerk_settle(struct clerk *c, const struct journal_verdict *verdicts, size_t n);

/* Something that reads or changes the journal: `work` in the pool, then `done`. */
struct clerk_job {
	void (*work)(struct clerk_job *job, struct journal *j); /* j NULL: there is none now */
	void (*done)(struct clerk_job *job);			/* on the loop; may free the job */
	struct clerk_job *next;					/* the clerk's */
};
/* Verdicts that wait are committed first. */
void clerk_do(struct clerk *c, struct clerk_job *job);

/* On the loop after a turn of the pool, before its job's `done`: clerk_info is new. */
void clerk_on_change(struct clerk *c, void (*changed)(void *arg), void *arg);
/*
 * As of the last commit, but exporters as if verdicts that wait were committed; valid until the
 * next turn of the loop.
 */
const struct journal_info *clerk_info(const struct clerk *c);
/* What it knows of that exporter; NULL: nothing was recorded for it yet. */
const struct journal_exporter_info *clerk_exporter(const struct clerk *c, const char *id);
/* Changes, from 0 on, when their ids or places do. */
uint64_t clerk_exporters_set(const struct clerk *c);
enum clerk_state clerk_state(const struct clerk *c, const char **reason);
/* Whether a job would have a journal now; `changed` is called when it is so again. */
bool clerk_usable(const struct clerk *c);
struct clerk_counts {	   /* since clerk_new */
	uint64_t damaged;  /* entries of the ring that were no records */
	uint64_t left_out; /* exporters that a record was not kept for: the journal takes no more */
};
const struct clerk_counts *clerk_counts(const struct clerk *c);
/* Names of journals that were set aside in this life. */
size_t clerk_set_aside(const struct clerk *c, const char *const **names);

/*
 * Commits what there is, closes the journal, then `stopped`; jobs that wait are done with NULL.
 * What could not be committed is said.
 */
void clerk_stop(struct clerk *c, void (*stopped)(void *arg), void *arg);
void clerk_free(struct clerk *c);

#endif
