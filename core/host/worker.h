/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of an exporter's host that runs the plugin: loads and opens it, delivers, closes it.
 */
#ifndef HOST_WORKER_H
#define HOST_WORKER_H

#include <stdatomic.h>

#include "base/blame.h"
#include "host/batch.h"
#include "host/loader.h"
#include "host/queue.h"
#include "host/report.h"

#define WORKER_LIMIT_MS 5000 /* a call that takes twice this is overdue */
/* But a far end may be slow: `deliver` of records is told to be back within the first. */
#define WORKER_DURABLE_DEADLINE_MS 20000
#define WORKER_DURABLE_LIMIT_MS 30000

struct worker_counts {
	uint64_t delivered, dropped; /* batches; of a durable exporter records */
	char last_error[sizeof((struct tesla_error *)0)->text];
};

struct worker {
	/* Set before worker_start, then only read. */
	struct report *report;
	struct blame_page *page;
	const char *name, *path;
	const struct loader_pair *params;
	size_t n_params;
	bool dry; /* loads the plugin, has it check its parameters, and ends */

	struct queue batches;  /* of struct batch */
	atomic_bool under_way; /* records were given, and their verdicts not yet told */
	int ended_fd;	       /* readable once the thread has done all */
	pthread_t thread;
	int result;	      /* after worker_join: 0, or it failed to open */
	pthread_mutex_t lock; /* guards counts */
	struct worker_counts counts;
};

/* 0 or a negative errno; on success worker_join is due after queue_close. */
int worker_start(struct worker *w, struct tesla_error *err);
/* Waits for the thread, releases what worker_start made and returns `result`. */
int worker_join(struct worker *w);
/*
 * Takes the batch over; when the plugin is too slow the oldest one is lost, and counted.  False:
 * it has records and the last ones are still under way; it stays the caller's.
 */
bool worker_give(struct worker *w, struct batch *b);
/* All that wait are lost: nobody is left to tell of it. */
void worker_discard(struct worker *w);
void worker_count(struct worker *w, struct worker_counts *ret);

#endif
