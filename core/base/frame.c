/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between core and host: a length and one MessagePack value. */
#include "base/frame.h"

#include <errno.h>
#include <string.h>

#define HEAD 4
#define CHUNK 65536

void frame_begin(struct frame *f, struct buf *out)
{
	f->out = out;
	f->start = out->pub.len;
	(void)buf_append(out, "\0\0\0\0", HEAD);
	mp_writer(&f->pk, out);
}

int frame_end(struct frame *f)
{
	size_t len = f->out->pub.len - f->start - HEAD;
	uint8_t *p = f->out->pub.bytes + f->start;

	if (f->out->failed || len > FRAME_MAX) {
		f->out->pub.len = f->start;
		f->out->failed = false;
		return -EMSGSIZE;
	}
	for (int i = 0; i < HEAD; i++)
		p[i] = (uint8_t)(len >> (8 * i));
	return 0;
}

void frame_reader_init(struct frame_reader *r)
{
	buf_init(&r->in, HEAD + FRAME_MAX + CHUNK);
	r->used = 0;
}

void frame_reader_release(struct frame_reader *r)
{
	buf_release(&r->in);
}

uint8_t *frame_reader_room(struct frame_reader *r, size_t *room)
{
	if (r->used > 0) {
		buf_consume(&r->in, r->used);
		r->used = 0;
	}
	if (r->in.pub.len == 0 && r->in.cap > 2 * CHUNK) /* a rare long message is not kept */
		buf_release(&r->in);
	*room = CHUNK;
	return buf_reserve(&r->in, CHUNK);
}

void frame_reader_add(struct frame_reader *r, size_t len)
{
	buf_advance(&r->in, len);
}

int frame_reader_next(struct frame_reader *r, struct mp_doc *doc, struct tesla_error *err)
{
	const uint8_t *p = r->in.pub.bytes + r->used;
	size_t have = r->in.pub.len - r->used, len = 0;
	int rc;

	if (have < HEAD)
		return 0;
	for (int i = 0; i < HEAD; i++)
		len |= (size_t)p[i] << (8 * i);
	if (len > FRAME_MAX)
		return tesla_fail(err, -EMSGSIZE, "message of %zu bytes: at most %u are allowed",
				  len, FRAME_MAX);
	if (have - HEAD < len)
		return 0;
	rc = mp_unpack(doc, p + HEAD, len, err);
	if (rc != 0)
		return rc;
	r->used += HEAD + len;
	return 1;
}
