/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last frames of a line that is traced, each a packed map with its number.  Bounded: who is too
 * slow for it is told how many he missed.
 */
#ifndef DAEMON_TRACE_RING_H
#define DAEMON_TRACE_RING_H

#include "base/buf.h"
#include "base/mp.h"

#define TRACE_RING_FRAMES 4096u
#define TRACE_RING_BYTES (1u << 20)
#define TRACE_ANSWER_BYTES (256u << 10) /* in one answer, and the frame that goes beyond */

struct trace_frame {
	uint8_t *bytes; /* NULL: there was no memory */
	size_t len;
};
struct trace_ring {
	struct trace_frame frames[TRACE_RING_FRAMES]; /* number n is at n % TRACE_RING_FRAMES */
	uint64_t start, first, next;		      /* numbers: ever, that is kept, to come */
	size_t bytes;
};

/* It counts on from there.  NULL: no memory. */
struct trace_ring *trace_ring_new(uint64_t start);
void trace_ring_free(struct trace_ring *r);
/* The next one, which has the number r->next; the oldest ones make room. */
void trace_ring_add(struct trace_ring *r, const struct buf *frame);

struct trace_part { /* of a ring, for one answer */
	uint64_t from, to;
	uint64_t lost; /* between what was asked for and `from`, or without memory */
	bool unknown;  /* what was asked for is of another trace: how many are lost, nobody knows */
	size_t n;
};
struct trace_part trace_ring_part(const struct trace_ring *r, uint64_t from);
/* Its n frames. */
void trace_ring_pack(const struct trace_ring *r, const struct trace_part *p, struct buf *out);

#endif
