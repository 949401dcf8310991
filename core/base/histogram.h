/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long things take, in fixed buckets.  A host counts increments, the core adds them up, and
 * metrics show them.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include "base/mp.h"

#define HISTOGRAM_BOUNDS 12
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1) /* the last one is of what is longer than all */

/* Ascending; a bucket has what is at most its bound. */
extern const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS];

struct histogram { /* all zero: nothing yet */
	uint64_t n[HISTOGRAM_BUCKETS];
	uint64_t sum_us;
};

/* Less than nothing counts as nothing. */
void histogram_add(struct histogram *h, int64_t us);
void histogram_merge(struct histogram *to, const struct histogram *from);

/* [sum_us, n, n, ...] without the empty buckets at the end; nil when it is empty. */
void histogram_pack(msgpack_packer *pk, const struct histogram *h);
/* Foreign.  False: it is none, and *ret is not changed. */
bool histogram_unpack(const msgpack_object *o, struct histogram *ret);

#endif
