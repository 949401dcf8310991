/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: their text, what a client asked for, and what it misses. */
#include "central/sse.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"

static void message(struct buf *out, const char *event, uint64_t id, const char *text)
{
	struct tesla_error err;
	msgpack_packer pk;
	struct buf packed;

	buf_init(&packed, 1000);
	buf_init(out, 1000);
	mp_writer(&pk, &packed);
	(void)msgpack_pack_map(&pk, 1);
	mp_key_str(&pk, "text", text);
	cr_assert_eq(sse_message(out, event, id, &packed, &err), 0);
	buf_release(&packed);
}

static bool is(const struct buf *b, const char *text)
{
	return b->pub.len == strlen(text) && memcmp(b->pub.bytes, text, b->pub.len) == 0;
}

/* A line's end, or what is no UTF-8, never ends a message. */
Test(sse, text)
{
	static const struct {
		uint64_t id;
		const char *text, *want;
	} cases[] = {
		{ 0, "a", "event: x\ndata: {\"text\":\"a\"}\n\n" },
		{ 7, "a", "event: x\nid: 7\ndata: {\"text\":\"a\"}\n\n" },
		{ 0, "a\n\ndata: b", "event: x\ndata: {\"text\":\"a\\n\\ndata: b\"}\n\n" },
		{ 0, "\xff", "event: x\ndata: {\"text\":\"?\"}\n\n" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct buf out;

		message(&out, "x", cases[i].id, cases[i].text);
		cr_expect(is(&out, cases[i].want), "%.*s", (int)out.pub.len, out.pub.bytes);
		buf_release(&out);
	}
}

static const struct {
	const char *nodes, *analyzers, *variables;
	const char *node;
	int64_t analyzer;
	const char *variable;
	bool takes;
} filters[] = {
	{ NULL, NULL, NULL, "4", 1, "TPF", true },
	{ "4", NULL, NULL, "4", 1, "TPF", true },
	{ "4", NULL, NULL, "44", 1, "TPF", false },
	{ "44", NULL, NULL, "4", 1, "TPF", false },
	{ "3,4,5", NULL, NULL, "4", 0, NULL, true },
	{ "3,4,5", NULL, NULL, "", 0, NULL, false },
	{ "", NULL, NULL, "4", 1, "TPF", false },
	{ ",,4", NULL, NULL, "4", 1, "TPF", true },
	{ NULL, "1,12", NULL, "4", 12, "TPF", true },
	{ NULL, "1,12", NULL, "4", 2, "TPF", false },
	{ NULL, "1,12", NULL, "4", 0, NULL, true },
	{ NULL, NULL, "TPF,PAT", "4", 12, "PAT", true },
	{ NULL, NULL, "TPF,PAT", "4", 12, "PA", false },
	{ NULL, NULL, "TPF,PAT", "4", 12, NULL, true },
	{ "4", "1", "TPF", "4", 1, "PAT", false },
};

Test(sse, filters)
{
	for (size_t i = 0; i < N_ELEMENTS(filters); i++) {
		const struct sse_filter f = { (char *)(uintptr_t)filters[i].nodes,
					      (char *)(uintptr_t)filters[i].analyzers,
					      (char *)(uintptr_t)filters[i].variables };

		cr_expect_eq(sse_filter_takes(&f, filters[i].node, filters[i].analyzer,
					      filters[i].variable),
			     filters[i].takes, "row %zu", i);
	}
}

/* What there was no room for is told behind what there was, and nothing comes in between. */
Test(sse, gap)
{
	struct buf m, piece;
	struct sse s;

	message(&m, "x", 0, "a"); /* 30 bytes */
	sse_init(&s);
	cr_expect(!sse_take(&s, &piece));
	for (int i = 0; i < 5; i++)
		cr_expect_eq(sse_add(&s, &m, 70), i < 2);
	cr_expect(!sse_add(&s, &m, 1000), "behind a hole");
	cr_assert(sse_take(&s, &piece));
	cr_expect(is(&piece, "event: x\ndata: {\"text\":\"a\"}\n\n"
			     "event: x\ndata: {\"text\":\"a\"}\n\n"
			     "event: gap\ndata: {\"missed\":4}\n\n"));
	buf_release(&piece);
	cr_expect(sse_add(&s, &m, 70));
	cr_assert(sse_take(&s, &piece));
	cr_expect(is(&piece, "event: x\ndata: {\"text\":\"a\"}\n\n"));
	buf_release(&piece);
	cr_expect(!sse_take(&s, &piece));
	cr_expect_eq(s.missed_all, 4);
	sse_release(&s);
	buf_release(&m);
}
