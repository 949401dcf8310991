/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a host gone wild -> frames -> the hub.  It may be refused, but nothing else. */
#include "../unit/hub_fixture.h"
#include "daemon/intake.h"
#include "daemon/trace_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void on_batch(void *arg, const struct buf *frame, size_t n)
{
	(void)arg, (void)n;
	if (frame->pub.len > FRAME_MAX + 4)
		abort();
}

/* What is a frame of a traced line becomes a map for a client. */
static void frames_take(const msgpack_object *msg)
{
	struct tesla_error err;
	struct trace_entry e;
	struct mp_doc map;
	struct buf out;

	for (uint32_t i = 1; msg->type == MSGPACK_OBJECT_ARRAY && i < msg->via.array.size; i++) {
		if (trace_entry_parse(&msg->via.array.ptr[i], &e, &err) != 0)
			continue;
		buf_init(&out, 32u << 10);
		trace_entry_pack(&e, i, &out);
		if (out.failed || mp_unpack(&map, out.pub.bytes, out.pub.len, &err) != 0)
			abort();
		mp_doc_release(&map);
		buf_release(&out);
	}
}

static void feed(struct hub *h, struct frame_reader *r)
{
	struct tesla_error err;
	struct mp_doc doc;

	while (frame_reader_next(r, &doc, &err) == 1) {
		int rc = intake(h, &(struct intake_from){ .owner = 0 }, &doc.u.data, &err);

		frames_take(&doc.u.data);
		mp_doc_release(&doc);
		if (rc < 0)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct frame_reader r;

	frame_reader_init(&r);
	if (h != NULL && hub_add_sink(h, NULL, on_batch, NULL) == 0) {
		while (len > 0) {
			size_t room, n;
			uint8_t *to = frame_reader_room(&r, &room);

			n = to == NULL ? 0 : len < room ? len : room;
			if (n == 0)
				break;
			for (size_t i = 0; i < n; i++)
				to[i] = bytes[i];
			frame_reader_add(&r, n);
			bytes += n;
			len -= n;
			feed(h, &r);
		}
		hub_heartbeat(h, 1, 1);
		hub_flush(h);
	}
	frame_reader_release(&r);
	hub_free(h);
	return 0;
}
