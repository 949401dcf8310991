/* SPDX-License-Identifier: Apache-2.0 */
/* What store_maintain.c does with a set, a piece at a time. */
#ifndef CENTRAL_STORE_ROLLUP_H
#define CENTRAL_STORE_ROLLUP_H

#include "central/store_levels.h"

struct roll_work {
	uint64_t n_buckets; /* that were computed; 0: there was nothing to do */
	bool moved;	    /* it is made further than before */
	bool late;	    /* they were made anew */
};
/* Some buckets that a late row is in. */
int roll_late(struct store *s, struct set *roll, struct roll_work *ret, struct tesla_error *err);
/*
 * Some buckets that are over at until_ms.  Not before there is a good part of a block of them, or
 * when one ends, or some end at or before must_ms.
 */
int roll_forward(struct store *s, struct set *roll, int64_t until_ms, int64_t must_ms,
		 struct roll_work *ret, struct tesla_error *err);

/* ---- store_retain.c ---- */

struct retain_work {
	uint64_t n_rows, n_blocks; /* that were removed; none: there was nothing to do */
};
/* Rows of a set that end at or before until_ms; blocks when all of their rows do. */
int retain_some(struct store *s, const struct set *set, int64_t until_ms, struct retain_work *ret,
		struct tesla_error *err);
/* A roll-up that is not wanted any more is not read from here on; then it can be removed. */
int retain_forget(struct store *s, struct set *roll, struct tesla_error *err);

#endif
