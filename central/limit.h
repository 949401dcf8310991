/* SPDX-License-Identifier: Apache-2.0 */
/*
 * So many in a time: token buckets under keys of 16 bytes, as an address is.  A bounded table, the
 * one that was used longest ago goes.  One thread; the clock is the caller's, and must not go back.
 */
#ifndef CENTRAL_LIMIT_H
#define CENTRAL_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "central/peer.h"

struct limit;
struct limit_conf {
	size_t max;	 /* keys */
	int64_t each_us; /* one comes back after this long */
	unsigned burst;	 /* how many there are at most */
};

struct limit *limit_new(const struct limit_conf *conf); /* NULL: no memory */
void limit_free(struct limit *l);
/* 0: taken.  Else nothing is, and it is how long to wait, in ms. */
int64_t limit_take(struct limit *l, const struct peer *key, unsigned n, int64_t now_ms);
/* As limit_take, but takes nothing. */
int64_t limit_wait(struct limit *l, const struct peer *key, unsigned n, int64_t now_ms);
/* Back with n that were taken. */
void limit_give(struct limit *l, const struct peer *key, unsigned n, int64_t now_ms);
void limit_forget(struct limit *l, const struct peer *key);
size_t limit_count(const struct limit *l);
uint64_t limit_refused(const struct limit *l);
uint64_t limit_pushed_out(const struct limit *l); /* by the bound */

#endif
