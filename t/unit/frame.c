/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in frames: in pieces, in heaps, and broken. */
#include "base/frame.h"

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

static void put(struct frame_reader *r, const void *bytes, size_t len)
{
	size_t room;
	uint8_t *at = frame_reader_room(r, &room);

	cr_assert(at != NULL && room >= len);
	memcpy(at, bytes, len);
	frame_reader_add(r, len);
}

static void write_int(struct buf *out, int v)
{
	struct frame f;

	frame_begin(&f, out);
	(void)msgpack_pack_int(&f.pk, v);
	cr_assert_eq(frame_end(&f), 0);
}

Test(frame, byte_by_byte_and_in_heaps)
{
	for (size_t step = 1; step < 20; step++) {
		struct buf out;
		struct frame_reader r;
		struct mp_doc doc;
		struct tesla_error err;
		int seen = 0;

		buf_init(&out, 1000);
		for (int i = 0; i < 5; i++)
			write_int(&out, 1000 * i);
		frame_reader_init(&r);
		for (size_t at = 0; at < out.pub.len; at += step) {
			size_t left = out.pub.len - at;

			put(&r, out.pub.bytes + at, left < step ? left : step);
			for (; frame_reader_next(&r, &doc, &err) == 1; seen++) {
				cr_expect_eq(doc.u.data.via.i64, 1000 * seen);
				mp_doc_release(&doc);
			}
		}
		cr_expect_eq(seen, 5, "steps of %zu", step);
		frame_reader_release(&r);
		buf_release(&out);
	}
}

static const struct {
	const char *what, *bytes;
	size_t len;
	int r;
	const char *why;
} broken[] = {
	{ "length of 1 MiB and a byte", "\x01\x00\x10\x00", 4, -EMSGSIZE,
	  "message of 1048577 bytes: at most 1048576" },
	{ "length of 4 GiB", "\xff\xff\xff\xff", 4, -EMSGSIZE, "message of 4294967295 bytes" },
	{ "length 0", "\x00\x00\x00\x00", 4, -EBADMSG, "bad or cut at byte 0 of 0" },
	{ "no value", "\x01\x00\x00\x00\xc1", 5, -EBADMSG, "bad or cut" },
	{ "8 GB of values", "\x05\x00\x00\x00\xdd\x10\x00\x00\x00", 9, -EBADMSG,
	  "268435456 values announced" },
	{ "more than a value", "\x02\x00\x00\x00\xc0\xc0", 6, -EBADMSG, "1 bytes are left" },
	{ "half a head", "\x01\x00", 2, 0, "" },
	{ "half a message", "\x05\x00\x00\x00\x93", 5, 0, "" },
};

Test(frame, broken)
{
	for (size_t i = 0; i < N_ELEMENTS(broken); i++) {
		struct frame_reader r;
		struct mp_doc doc;
		struct tesla_error err = { 0 };

		frame_reader_init(&r);
		put(&r, broken[i].bytes, broken[i].len);
		cr_expect_eq(frame_reader_next(&r, &doc, &err), broken[i].r, "%s", broken[i].what);
		cr_expect_not_null(strstr(err.text, broken[i].why), "%s: %s", broken[i].what,
				   err.text);
		frame_reader_release(&r);
	}
}

Test(frame, too_large_a_message_is_not_sent)
{
	struct buf out;
	struct frame f;

	buf_init(&out, 4 * FRAME_MAX);
	write_int(&out, 1);
	frame_begin(&f, &out);
	for (int i = 0; i < 17; i++)
		(void)buf_reserve(&out, 65536), buf_advance(&out, 65536);
	cr_expect_eq(frame_end(&f), -EMSGSIZE);
	cr_expect_eq(out.pub.len, 5, "the message before it stays");
	buf_release(&out);
	buf_init(&out, 8);
	frame_begin(&f, &out);
	mp_str(&f.pk, "more than the buffer holds");
	cr_expect_eq(frame_end(&f), -EMSGSIZE);
	cr_expect_eq(out.pub.len, 0);
	buf_release(&out);
}
