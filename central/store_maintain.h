/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roll-ups are made and kept true, and what is too old goes, step by step: each is short, and
 * between two anything may be stored, or another thing be done with the store.  docs/store.md has
 * how.  The store's thread only.
 */
#ifndef CENTRAL_STORE_MAINTAIN_H
#define CENTRAL_STORE_MAINTAIN_H

#include "base/zone.h"
#include "central/store.h"

enum store_level { STORE_MINUTE, STORE_QUARTER, STORE_HOUR, STORE_DAY, N_STORE_LEVELS };

#define STORE_FOR_EVER INT64_MAX
struct store_policy {
	int64_t raw_ms; /* raw rows are kept so long after their end */
	/* So are roll-ups; 0: none are made.  A minute: only where windows are shorter. */
	int64_t level_ms[N_STORE_LEVELS];
	const struct zone *zone; /* of days; NULL: UTC */
};
/* What holds for the records of a node and a model. */
typedef void store_policy_of(void *arg, const char *node, const char *model,
			     struct store_policy *ret);

struct store_maintain;
struct store_maintain_counts {		 /* since it was made */
	uint64_t buckets;		 /* of roll-ups that were computed */
	uint64_t late;			 /* of them: anew, since a row came late */
	uint64_t rows_gone, blocks_gone; /* by age: raw rows, blocks of all kinds */
};

/* For as long as the store is open. */
int store_maintain_new(struct store *s, store_policy_of *policy, void *arg,
		       struct store_maintain **ret, struct tesla_error *err);
void store_maintain_free(struct store_maintain *m);
/*
 * *more: there is work left, or not all was looked at yet; call it again soon.  While a backup is
 * under way it does nothing.
 */
int store_maintain_step(struct store_maintain *m, int64_t now_ms, bool *more,
			struct tesla_error *err);
void store_maintain_counts(const struct store_maintain *m, struct store_maintain_counts *ret);

#endif
