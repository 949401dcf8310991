/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between core and host: a 4-byte little-endian length, at most FRAME_MAX, and one
 * MessagePack value.  What the values say is in docs/wire.md.
 */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H

#include "base/buf.h"
#include "base/mp.h"

#define FRAME_MAX (1u << 20)

/* ---- writing: frame_begin, pack the value, frame_end ---- */
struct frame {
	struct buf *out;
	size_t start;
	msgpack_packer pk;
};
void frame_begin(struct frame *f, struct buf *out);
/* Sets the length.  -EMSGSIZE or -ENOMEM: nothing of the frame is left in `out`. */
int frame_end(struct frame *f);

/* ---- reading: put bytes in, take frames out ---- */
struct frame_reader {
	struct buf in;
	size_t used;
};
void frame_reader_init(struct frame_reader *r);
void frame_reader_release(struct frame_reader *r);
/*
 * Where to read to, and how much fits (64 KiB at least); then frame_reader_add.  NULL: no memory.
 */
uint8_t *frame_reader_room(struct frame_reader *r, size_t *room);
void frame_reader_add(struct frame_reader *r, size_t len);
/*
 * 1: *doc is the next message (valid until the next call on r, then mp_doc_release it first);
 * 0: more bytes are needed; negative: the stream is broken for good.
 */
int frame_reader_next(struct frame_reader *r, struct mp_doc *doc, struct tesla_error *err);

#endif
