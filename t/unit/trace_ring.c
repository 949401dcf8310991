/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon keeps of a trace, and what a frame is that a host tells. */
#include "daemon/trace_ring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/trace_entry.h"

static void add(struct trace_ring *r, size_t len, char c)
{
	struct buf b;

	buf_init(&b, len);
	memset(buf_reserve(&b, len), c, len);
	buf_advance(&b, len);
	trace_ring_add(r, &b);
	buf_release(&b);
}

static void expect_part(const struct trace_ring *r, uint64_t from, const struct trace_part *want)
{
	struct trace_part p = trace_ring_part(r, from);

	cr_expect(p.from == want->from && p.to == want->to && p.lost == want->lost &&
			  p.unknown == want->unknown && p.n == want->n,
		  "from %llu: %llu to %llu, %llu lost, %s, %zu", (unsigned long long)from,
		  (unsigned long long)p.from, (unsigned long long)p.to, (unsigned long long)p.lost,
		  p.unknown ? "unknown" : "known", p.n);
}

Test(trace_ring, each_asks_from_where_he_is)
{
	struct trace_ring *r = trace_ring_new(100);
	struct buf out;

	expect_part(r, 100, &(struct trace_part){ 100, 100, 0, false, 0 });
	add(r, 1, 'a');
	add(r, 2, 'b');
	add(r, 3, 'c');
	expect_part(r, 100, &(struct trace_part){ 100, 103, 0, false, 3 });
	expect_part(r, 102, &(struct trace_part){ 102, 103, 0, false, 1 });
	expect_part(r, 103, &(struct trace_part){ 103, 103, 0, false, 0 });
	/* Of a trace before this one, or of none. */
	expect_part(r, 99, &(struct trace_part){ 100, 103, 0, true, 3 });
	expect_part(r, 104, &(struct trace_part){ 100, 103, 0, true, 3 });
	buf_init(&out, 100);
	struct trace_part p = trace_ring_part(r, 101);

	trace_ring_pack(r, &p, &out);
	cr_expect_eq(out.pub.len, 5);
	cr_expect_arr_eq(out.pub.bytes, "bbccc", 5);
	buf_release(&out);
	trace_ring_free(r);
}

Test(trace_ring, it_is_bounded_and_counts_what_is_missed)
{
	struct trace_ring *r = trace_ring_new(1);

	for (unsigned i = 0; i < TRACE_RING_FRAMES + 10; i++)
		add(r, 1, 'x');
	cr_expect_eq(r->bytes, TRACE_RING_FRAMES);
	expect_part(
		r, 4,
		&(struct trace_part){ 11, TRACE_RING_FRAMES + 11, 7, false, TRACE_RING_FRAMES });
	/* Large ones go by bytes, in the ring as in an answer. */
	for (int i = 0; i < 100; i++)
		add(r, 20000, 'y');
	cr_expect_leq(r->bytes, TRACE_RING_BYTES);
	cr_expect_eq(r->next - r->first, TRACE_RING_BYTES / 20000);
	struct trace_part p = trace_ring_part(r, r->first);

	cr_expect_eq(p.n, TRACE_ANSWER_BYTES / 20000 + 1);
	cr_expect_lt(p.to, r->next);
	trace_ring_free(r);
}

/* ---- a host's frame ---- */

struct raw { /* the fields that a row makes otherwise */
	const char *name;
	int at;		  /* which field */
	const char *text; /* what it is instead: a text, or */
	int64_t number;
};
static const struct raw wrong[] = {
	{ "a kind beyond the last", 2, NULL, 5 },     { "a kind below the first", 2, NULL, -1 },
	{ "a line that is a text", 0, "1", 0 },	      { "a time that is a text", 1, "now", 0 },
	{ "what was asked is a number", 4, NULL, 3 }, { "bytes that are a text", 5, "0102", 0 },
	{ "a word that is a number", 7, NULL, 1 },    { "a code that is a text", 8, "2", 0 },
	{ "a reason that is a number", 9, NULL, 1 },
};

static void field_pack(msgpack_packer *pk, int i)
{
	static const char *const texts[] = { [7] = "ok", [9] = "wh\xff\n\xc3\xa9" };

	if (i == 5) {
		(void)msgpack_pack_bin(pk, 3);
		(void)msgpack_pack_bin_body(pk, "\x01\xab\x00", 3);
	} else if (i == 4) {
		(void)msgpack_pack_array(pk, 3);
		for (int k = 3; k < 6; k++)
			(void)msgpack_pack_int(pk, k);
	} else if (i == 7 || i == 9) {
		mp_str(pk, texts[i]);
	} else {
		(void)msgpack_pack_int(pk, i == 2 ? 2 : i);
	}
}

static int entry_of(const struct raw *other, struct buf *b, struct mp_doc *doc,
		    struct trace_entry *ret, struct tesla_error *err)
{
	msgpack_packer pk;

	buf_init(b, 1000);
	mp_writer(&pk, b);
	(void)msgpack_pack_array(&pk, 10);
	for (int i = 0; i < 10; i++)
		if (other == NULL || other->at != i)
			field_pack(&pk, i);
		else if (other->text != NULL)
			mp_str(&pk, other->text);
		else
			(void)msgpack_pack_int64(&pk, other->number);
	cr_assert_eq(mp_unpack(doc, b->pub.bytes, b->pub.len, err), 0);
	return trace_entry_parse(&doc->u.data, ret, err);
}

Test(trace_entry, what_clients_get)
{
	struct tesla_error err;
	struct trace_entry e;
	struct mp_doc doc, map;
	struct buf b, out;

	cr_assert_eq(entry_of(NULL, &b, &doc, &e, &err), 0, "%s", err.text);
	buf_init(&out, 10000);
	trace_entry_pack(&e, 77, &out);
	cr_assert_eq(mp_unpack(&map, out.pub.bytes, out.pub.len, &err), 0, "%s", err.text);
	cr_expect_eq(mp_int(&map.u.data, "n", 0), 77);
	cr_expect_eq(mp_int(&map.u.data, "t_us", 0), 1);
	cr_expect_eq(mp_int(&map.u.data, "analyzer", 0), 3);
	cr_expect(mp_is(&map.u.data, "kind", "reply"));
	cr_expect(mp_is(&map.u.data, "hex", "01ab00"));
	cr_expect(mp_is(&map.u.data, "status", "ok"));
	cr_expect(mp_is(&map.u.data, "text", "wh??\xc3\xa9"), "foreign text is cleaned");
	cr_expect_eq(mp_int(&map.u.data, "function", 0), 3);
	cr_expect_eq(mp_int(&map.u.data, "count", 0), 5);
	cr_expect_eq(mp_int(&map.u.data, "cut", 0), 6);
	mp_doc_release(&map);
	mp_doc_release(&doc);
	buf_release(&out);
	buf_release(&b);
}

Test(trace_entry, what_breaks_the_form)
{
	for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
		struct tesla_error err;
		struct trace_entry e;
		struct mp_doc doc;
		struct buf b;

		cr_expect_eq(entry_of(&wrong[i], &b, &doc, &e, &err), -EPROTO, "%s", wrong[i].name);
		mp_doc_release(&doc);
		buf_release(&b);
	}
}
