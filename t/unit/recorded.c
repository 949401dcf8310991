/* SPDX-License-Identifier: Apache-2.0 */
/* Time that was recorded, however the clock went. */
#include "base/recorded.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/cleanup.h"

Test(recorded, spans_are_joined_where_they_touch)
{
	static const struct {
		struct recorded_span add[4];
		size_t n;
		struct recorded_span is[3];
	} rows[] = {
		{ { { 0, 10 }, { 10, 20 } }, 1, { { 0, 20 } } },
		{ { { 10, 20 }, { 0, 10 } }, 1, { { 0, 20 } } },
		{ { { 0, 10 }, { 11, 20 } }, 2, { { 0, 10 }, { 11, 20 } } },
		{ { { 11, 20 }, { 0, 10 } }, 2, { { 0, 10 }, { 11, 20 } } },
		{ { { 0, 10 }, { 20, 30 }, { 5, 25 } }, 1, { { 0, 30 } } },
		{ { { 0, 10 }, { 20, 30 }, { 10, 20 } }, 1, { { 0, 30 } } },
		{ { { 0, 40 }, { 20, 30 } }, 1, { { 0, 40 } } },
		{ { { 20, 30 }, { 0, 40 } }, 1, { { 0, 40 } } },
		{ { { 0, 1 }, { 8, 9 }, { 4, 5 } }, 3, { { 0, 1 }, { 4, 5 }, { 8, 9 } } },
		{ { { 0, 1 }, { 4, 5 }, { 8, 9 }, { 1, 8 } }, 1, { { 0, 9 } } },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct recorded r = { 0 };

		for (size_t k = 0; k < 4 && rows[i].add[k].to_ms > 0; k++)
			recorded_add(&r, rows[i].add[k].from_ms, rows[i].add[k].to_ms);
		cr_assert_eq((size_t)r.n, rows[i].n, "row %zu", i);
		for (size_t k = 0; k < rows[i].n; k++)
			cr_expect(r.spans[k].from_ms == rows[i].is[k].from_ms &&
					  r.spans[k].to_ms == rows[i].is[k].to_ms,
				  "row %zu", i);
		cr_expect(recorded_ok(&r));
	}
}

Test(recorded, the_oldest_gap_makes_room)
{
	struct recorded r = { 0 };

	for (int64_t i = 0; i < RECORDED_MAX; i++)
		recorded_add(&r, i * 100, i * 100 + (i == 5 ? 95 : 50));
	recorded_add(&r, 1000, 1010);
	cr_expect_eq(r.n, RECORDED_MAX);
	cr_expect(recorded_has(&r, 50) && recorded_has(&r, 60) && recorded_has(&r, 150));
	cr_expect(recorded_has(&r, 595) && !recorded_has(&r, 598) && recorded_has(&r, 650));
	cr_expect(!recorded_has(&r, 0) && !recorded_has(&r, 151));
	cr_expect(!recorded_has(&r, 1000) && recorded_has(&r, 1010) && !recorded_has(&r, 1011));
	cr_expect(recorded_last(&r, 20, 160) == 150 && recorded_last(&r, 20, 150) == 20);
	cr_expect(recorded_last(&r, 60, 100) == 60 && recorded_last(&r, 60, 800) == 750);
}

/* Eight outages in years, and then a clock that was two hours ahead for twenty minutes. */
Test(recorded, the_gap_that_the_clock_is_in_stays_open)
{
	static const int64_t hour = 3600000, quarter = 900000;
	static const struct {
		const char *what;
		int64_t then; /* the clock is put there, and goes on */
	} rows[] = { { "right again", 10000 * 3600000LL }, { "before everything", -500000000LL } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct recorded r = { 0 };
		int64_t now = 10000 * hour, from = rows[i].then;

		for (int64_t k = 0; k < RECORDED_MAX; k++)
			recorded_add(&r, k * 1200 * hour, k * 1200 * hour + 1000 * hour);
		recorded_add(&r, 9500 * hour, now);
		recorded_add(&r, now + 2 * hour, now + 2 * hour + quarter);
		for (int64_t t = from + quarter; t < from + 2 * hour; t += quarter) {
			cr_assert(!recorded_has(&r, t), "%s", rows[i].what);
			recorded_add(&r, t - quarter, t);
			cr_assert(recorded_ok(&r));
		}
	}
}

/* No end is ever forgotten; as long as there is room, none is invented. */
Test(recorded, whatever_comes)
{
	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct recorded r = { 0 };
		bool has[200] = { false }, full = false;

		for (int i = 0; i < 40; i++) {
			int from = rand() % 190, to = from + 1 + rand() % 9;

			recorded_add(&r, from, to);
			for (int k = from + 1; k <= to; k++)
				has[k] = true;
			cr_assert(recorded_ok(&r));
			full = full || r.n == RECORDED_MAX;
			for (int k = 0; k < 200; k++)
				cr_assert(full ? !has[k] || recorded_has(&r, k)
					       : has[k] == recorded_has(&r, k));
		}
	}
}

Test(recorded, foreign_ones_are_checked)
{
	static const struct {
		struct recorded r;
		bool ok;
	} rows[] = {
		{ { 0 }, true },
		{ { 1, { { 0, 10 } } }, true },
		{ { 2, { { 0, 10 }, { 11, 12 } } }, true },
		{ { -1, { { 0, 0 } } }, false },
		{ { RECORDED_MAX + 1, { { 0, 10 } } }, false },
		{ { 1, { { 10, 10 } } }, false },
		{ { 2, { { 0, 10 }, { 10, 12 } } }, false },
		{ { 2, { { 20, 30 }, { 0, 10 } } }, false },
		{ { 1, { { 0, INT64_MAX } } }, false },
		{ { 1, { { INT64_MIN, 0 } } }, false },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		cr_expect_eq(recorded_ok(&rows[i].r), rows[i].ok, "row %zu", i);
}
