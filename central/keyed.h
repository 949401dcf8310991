/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded table under keys of 16 bytes that callers may choose; when it is full, what was used
 * longest ago goes.  Memory grows with what is in it.  One thread.
 */
#ifndef CENTRAL_KEYED_H
#define CENTRAL_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/peer.h"

struct keyed;

/* `size`: bytes of a thing.  NULL: no memory. */
struct keyed *keyed_new(size_t max, size_t size);
void keyed_free(struct keyed *k); /* wipes all */

/* A thing stays where it is until the next keyed_put or keyed_drop. */
void *keyed_get(struct keyed *k, const struct peer *key);	 /* used now; NULL: not there */
void *keyed_peek(const struct keyed *k, const struct peer *key); /* not used by this */
/* That which is there, or a new one, all zero; NULL: no memory. */
void *keyed_put(struct keyed *k, const struct peer *key);
void keyed_drop(struct keyed *k, const struct peer *key); /* wipes it */

/* From what was used longest ago on; NULL: the first, and at the end. */
void *keyed_next(const struct keyed *k, const void *after);
struct peer keyed_key(const void *thing);

size_t keyed_count(const struct keyed *k);
uint64_t keyed_pushed_out(const struct keyed *k);

#endif
