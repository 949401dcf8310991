/* SPDX-License-Identifier: Apache-2.0 */
/* teslactl top without its screen: room, order, words. */
#include "teslactl/top_model.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/term.h"

static const struct {
	int rows;
	size_t n[TOP_PANES];
	int want[TOP_PANES];
} rooms[] = {
	/* 24 lines: 21 between head and foot */
	{ 21, { 2, 1, 3 }, { 2, 1, 15 } },     { 21, { 12, 4, 200 }, { 4, 3, 11 } },
	{ 21, { 12, 4, 3 }, { 12, 3, 3 } }, /* what analyzers do not need */
	{ 21, { 0, 0, 200 }, { -1, -1, 20 } }, { 21, { 2, 0, 200 }, { 2, -1, 17 } },
	{ 57, { 12, 4, 200 }, { 12, 4, 38 } }, { 8, { 12, 4, 200 }, { -1, -1, 7 } },
	{ 9, { 12, 4, 200 }, { 1, 1, 4 } },    { 1, { 12, 4, 200 }, { -1, -1, 0 } },
	{ -1, { 12, 4, 200 }, { -1, -1, 0 } },
};

Test(teslactl_top, shares_the_room)
{
	for (size_t i = 0; i < N_ELEMENTS(rooms); i++) {
		int height[TOP_PANES], used = 0;

		top_panes_fit(rooms[i].rows, rooms[i].n, height);
		for (size_t p = 0; p < TOP_PANES; p++) {
			cr_expect_eq(height[p], rooms[i].want[p], "room %zu, pane %zu: %d", i, p,
				     height[p]);
			used += height[p] + 1;
		}
		cr_expect(rooms[i].rows < 1 || used <= rooms[i].rows, "room %zu: %d", i, used);
	}
}

static const struct {
	struct tesla_element e;
	bool old;
	const char *want;
} elements[] = {
	{ { 230.1, TESLA_GOOD }, false, "230.1" },
	{ { 230.1, TESLA_GOOD }, true, "230.1~" },
	{ { 230.1, TESLA_STALE }, false, "230.1~" },
	{ { 230.1, TESLA_SUSPECT }, false, "230.1?" },
	{ { 1234567.8, TESLA_GOOD }, false, "1234567.8" },
	{ { 0, TESLA_ERROR }, false, "err" },
	{ { NAN, TESLA_ERROR }, true, "err" },
	{ { NAN, TESLA_UNAVAILABLE }, false, "n/a" },
	{ { NAN, TESLA_GOOD }, false, "-" },
	{ { NAN, TESLA_STALE }, false, "-" },
	{ { 5, 99 }, false, "-" },
};

Test(teslactl_top, no_number_for_what_has_none)
{
	for (size_t i = 0; i < N_ELEMENTS(elements); i++) {
		char text[40];

		top_element(&elements[i].e, elements[i].old, text, sizeof text);
		cr_expect_str_eq(text, elements[i].want, "case %zu: %s", i, text);
	}
	cr_expect(!top_is_old(5900, 1000));
	cr_expect(top_is_old(6100, 1000));
	cr_expect(!top_is_old(179000, 60000));
	cr_expect(top_is_old(181000, 60000));
}

static const struct {
	int64_t id, line, t_ms;
	const char *state, *run;
} meters[] = {
	{ 10, 2, 400, "online", "started" }, { 9, 1, 100, "offline", "started" },
	{ 300, 1, 0, "online", NULL },	     { 7, 3, 300, "online", "paused" },
	{ 8, 2, 200, "failed", "started" },
};

static void status_make(struct buf *out)
{
	msgpack_packer pk;

	buf_init(out, 4096);
	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, 1);
	mp_str(&pk, "analyzers");
	(void)msgpack_pack_array(&pk, N_ELEMENTS(meters));
	for (size_t i = 0; i < N_ELEMENTS(meters); i++) {
		(void)msgpack_pack_map(&pk, 5);
		mp_key_int(&pk, "id", meters[i].id);
		mp_key_int(&pk, "line", meters[i].line);
		mp_key_int(&pk, "t_ms", meters[i].t_ms);
		mp_key_str(&pk, "state", meters[i].state);
		mp_key_str(&pk, "run", meters[i].run);
	}
}

static const struct {
	enum top_sort sort;
	bool reverse;
	int64_t want[N_ELEMENTS(meters)];
} orders[] = {
	{ SORT_ID, false, { 7, 8, 9, 10, 300 } },    { SORT_ID, true, { 300, 10, 9, 8, 7 } },
	{ SORT_STATE, false, { 8, 9, 7, 10, 300 } }, { SORT_LINE, false, { 9, 300, 10, 8, 7 } },
	{ SORT_AGE, false, { 300, 9, 8, 7, 10 } },
};

Test(teslactl_top, sorts_and_counts)
{
	struct buf bytes;
	struct mp_doc doc;
	struct tesla_error err;
	struct top_list list = { 0 };
	_cleanup_free_ char *counts = NULL;

	status_make(&bytes);
	cr_assert_eq(mp_unpack(&doc, bytes.pub.bytes, bytes.pub.len, &err), 0);
	for (size_t i = 0; i < N_ELEMENTS(orders); i++) {
		cr_assert_eq(top_list_take(&list, &doc.u.data, PANE_ANALYZERS, orders[i].sort,
					   orders[i].reverse),
			     0);
		cr_assert_eq(list.n, N_ELEMENTS(meters));
		for (size_t k = 0; k < list.n; k++)
			cr_expect_eq(mp_int(list.items[k].map, "id", 0), orders[i].want[k],
				     "order %zu, %zu: %lld", i, k,
				     (long long)mp_int(list.items[k].map, "id", 0));
	}
	counts = top_counts(&doc.u.data);
	cr_expect_str_eq(counts, "5 analyzers: 1 failed, 1 offline, 1 paused, 2 online", "%s",
			 counts);
	top_list_scroll(&list, 99, 2);
	cr_expect_eq(list.first, 3);
	top_list_scroll(&list, -1, 2);
	cr_expect_eq(list.first, 2);
	top_list_scroll(&list, 0, 9);
	cr_expect_eq(list.first, 0);
	top_list_release(&list);
	mp_doc_release(&doc);
	buf_release(&bytes);
}

static const struct {
	const char *text;
	int width, tail;
	const char *want;
} fits[] = {
	{ "PM710", 5, 2, "PM710" },
	{ "/dev/ttyUSB0", 9, 4, "/de..USB0" },
	{ "/dev/ttyUSB0", 9, 0, "/dev/tt.." },
	{ "/dev/ttyUSB0", 4, 1, "/..0" },
	{ "/dev/ttyUSB0", 2, 0, ".." },
	{ "/dev/ttyUSB0", 1, 0, "." },
	{ "/dev/ttyUSB0", 0, 0, "" },
	{ "Línia número dos", 10, 4, "Líni.. dos" },
	{ "", 0, 0, "" },
};

Test(teslactl_top, cuts_what_is_too_long)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < N_ELEMENTS(fits); i++) {
		_cleanup_free_ char *text = text_fit(fits[i].text, fits[i].width, fits[i].tail);

		cr_expect_str_eq(text, fits[i].want, "case %zu: %s", i, text);
	}
}
