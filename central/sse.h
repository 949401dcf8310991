/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events: their form, what a client asked for, and what waits for it.  Pure: knows no
 * connection.
 */
#ifndef CENTRAL_SSE_H
#define CENTRAL_SSE_H

#include "base/mp.h"

#define SSE_WAITING_MAX ((size_t)256 << 10) /* for a client that does not keep up */
#define SSE_FIRST_MAX ((size_t)1 << 20)	    /* what is there when it comes */

/* "event: EVENT", "id: ID" unless that is 0, "data: " and the packed value as JSON.  -ENOMEM... */
int sse_message(struct buf *out, const char *event, uint64_t id, struct buf *packed,
		struct tesla_error *err);

/* Lists as they came in the query, with commas between; NULL: all. */
struct sse_filter {
	char *nodes, *analyzers, *variables;
};
/* analyzer 0, variable NULL: it is about none, and such a list does not matter. */
bool sse_filter_takes(const struct sse_filter *f, const char *node, int64_t analyzer,
		      const char *variable);
void sse_filter_release(struct sse_filter *f);

/* What waits for one client; all zero: nothing. */
struct sse {
	struct buf waiting;
	uint64_t missed;     /* since there was no room: told before anything else comes */
	uint64_t missed_all; /* since it came */
};
void sse_init(struct sse *s);
void sse_release(struct sse *s);
/* False: there was no room (`room` bytes are all that there may be), and it is counted. */
bool sse_add(struct sse *s, const struct buf *message, size_t room);
/* Moves what waits into *piece, and behind it what was missed; false: nothing waits. */
bool sse_take(struct sse *s, struct buf *piece);

#endif
