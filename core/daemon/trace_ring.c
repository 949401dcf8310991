/* SPDX-License-Identifier: Apache-2.0 */
/* The last frames of a line that is traced. */
#include "daemon/trace_ring.h"

#include <stdlib.h>
#include <string.h>

struct trace_ring *trace_ring_new(uint64_t start)
{
	struct trace_ring *r = calloc(1, sizeof *r);

	if (r != NULL)
		r->start = r->first = r->next = start;
	return r;
}

static void oldest_drop(struct trace_ring *r)
{
	struct trace_frame *f = &r->frames[r->first++ % TRACE_RING_FRAMES];

	r->bytes -= f->len;
	free(f->bytes);
	*f = (struct trace_frame){ 0 };
}

void trace_ring_free(struct trace_ring *r)
{
	while (r != NULL && r->first < r->next)
		oldest_drop(r);
	free(r);
}

void trace_ring_add(struct trace_ring *r, const struct buf *frame)
{
	struct trace_frame f = { malloc(frame->pub.len), frame->pub.len };

	while (r->first < r->next &&
	       (r->next - r->first == TRACE_RING_FRAMES || r->bytes + f.len > TRACE_RING_BYTES))
		oldest_drop(r);
	if (f.bytes != NULL && !frame->failed)
		memcpy(f.bytes, frame->pub.bytes, f.len);
	else
		f.len = 0;
	if (f.len == 0) {
		free(f.bytes);
		f.bytes = NULL;
	}
	r->bytes += f.len;
	r->frames[r->next++ % TRACE_RING_FRAMES] = f;
}

struct trace_part trace_ring_part(const struct trace_ring *r, uint64_t from)
{
	struct trace_part p = { .unknown = from < r->start || from > r->next };
	size_t bytes = 0;

	p.from = p.unknown || from < r->first ? r->first : from;
	p.lost = p.unknown ? 0 : p.from - from;
	for (p.to = p.from; p.to < r->next && bytes < TRACE_ANSWER_BYTES; p.to++) {
		const struct trace_frame *f = &r->frames[p.to % TRACE_RING_FRAMES];

		p.lost += f->bytes == NULL;
		p.n += f->bytes != NULL;
		bytes += f->len;
	}
	return p;
}

void trace_ring_pack(const struct trace_ring *r, const struct trace_part *p, struct buf *out)
{
	for (uint64_t n = p->from; n < p->to; n++) {
		const struct trace_frame *f = &r->frames[n % TRACE_RING_FRAMES];

		if (f->bytes != NULL)
			(void)buf_append(out, f->bytes, f->len);
	}
}
