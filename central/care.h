/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store needs from time to time, in the keeper's idle moments: compaction, roll-ups, and
 * that what is too old goes.  The loop's thread.
 */
#ifndef CENTRAL_CARE_H
#define CENTRAL_CARE_H

#include "central/app.h"

struct care_counts {		      /* since the start */
	uint64_t rounds[APP_N_CARES]; /* that ended well: of compaction, of the others */
	uint64_t failed[APP_N_CARES];
	struct store_maintain_counts done; /* up to the end of the last round */
};

/* Begins at once, then again and again.  -ENOMEM. */
int care_start(struct app *app, struct tesla_error *err);
void care_count(const struct app *app, struct care_counts *ret);
void care_stop(struct app *app); /* the keeper has ended */

#endif
