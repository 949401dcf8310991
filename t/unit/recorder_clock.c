/* SPDX-License-Identifier: Apache-2.0 */
/* Windows open and close as they should whatever the clock does. */
#include "recorder_bench.h"

Test(recorder_clock, a_clock_that_jumps_forward_closes_one_window)
{
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	sweep(&b, 7, NOON + 1000, NOON + 1000, 200, 1);
	tick(&b, NOON + 400 * DAY);
	cr_expect(eq(sz, b.n_made, 3));
	cr_expect(eq(i64, b.made[0].end_ms, NOON + MINUTE));
	tick(&b, NOON + 400 * DAY + 1000);
	sweep(&b, 7, NOON + 800 * DAY, NOON + 800 * DAY, 200, 2);
	cr_expect(eq(sz, b.n_made, 4), "readings jump as well");
	cr_expect(eq(i64, b.made[3].start_ms, NOON + 400 * DAY));
	bench_release(&b);
}

Test(recorder_clock, a_clock_that_goes_back)
{
	static const struct {
		int64_t back_ms, made; /* of 10 more minutes, after 5 */
		bool says, anew;
	} rows[] = {
		{ 900, 9, false, false }, /* nothing that anyone should notice */
		{ 30000, 9, false, false },
		{ 3 * MINUTE, 7, true, false },
		/* the one that was open goes with its run */
		{ 2 * DAY - 20 * MINUTE, 10, false, true },
		{ 3 * DAY, 10, false, true },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct made of[MADE_MAX];
		struct bench b;
		size_t n;

		bench_init(&b, MINUTE, NOON);
		go(&b, NOON, 5);
		n = made_of_7(&b, of);
		cr_assert(eq(sz, n, 4));
		go(&b, NOON + 5 * MINUTE - rows[i].back_ms, 10);
		n = made_of_7(&b, of) - n;
		cr_expect(n == (size_t)rows[i].made || n == (size_t)rows[i].made + 1,
			  "row %zu: %zu", i, n);
		for (size_t k = 1; k < 4 + n; k++)
			cr_expect(of[k].end_ms > of[k - 1].end_ms || (rows[i].anew && k == 5),
				  "row %zu: record %zu", i, k);
		cr_expect(eq(int, strstr(b.said, "the clock went back") != NULL, rows[i].says),
			  "row %zu: %s", i, b.said);
		cr_expect(le(sz, strlen(b.said), 100), "said once");
		bench_release(&b);
	}
}

/* The clock was ahead at the start and is put right before anything was recorded. */
Test(recorder_clock, a_window_in_the_future_makes_room_when_nothing_was_recorded)
{
	struct made of[MADE_MAX];
	struct bench b;

	bench_init(&b, MINUTE, NOON + 120 * MINUTE);
	sweep(&b, 7, NOON + 120 * MINUTE, NOON + 120 * MINUTE, 999, 1);
	go(&b, NOON, 3);
	cr_assert(eq(sz, made_of_7(&b, of), 2));
	cr_expect(eq(i64, of[0].end_ms, NOON + MINUTE));
	cr_expect(eq(dbl, of[0].voltage[0].max, 200), "the wrong label's are gone");
	cr_expect(ge(i64, of[1].voltage[0].covered_ms, 59000));
	cr_expect(eq(u64, counts(&b).lost, 1));
	cr_expect(ne(ptr, strstr(b.said, "analyzer 7: the clock went back, 7200 s before"), NULL),
		  "%s", b.said);
	bench_release(&b);
}

static size_t ends_twice(const struct made *of, size_t n)
{
	size_t twice = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			twice += of[i].end_ms == of[k].end_ms;
	return twice;
}

/* Ahead for three minutes, and then right: nothing of the right time is lost, nothing is twice. */
Test(recorder_clock, ahead_for_minutes)
{
	static const int64_t hours[] = { 1, 36, 47, 49, 24 * 365 };

	for (size_t i = 0; i < 2 * N_ELEMENTS(hours); i++) {
		int64_t ahead = NOON + 5 * MINUTE + hours[i / 2] * 60 * MINUTE;
		bool killed = i % 2;
		struct made of[MADE_MAX];
		struct bench b;
		size_t n;

		bench_init(&b, MINUTE, NOON);
		go(&b, NOON, 5);
		go(&b, ahead, 3);
		if (killed) {
			bench_kill(&b);
			bench_start(&b, NOON + 8 * MINUTE);
		}
		go(&b, NOON + 8 * MINUTE, 40);
		n = made_of_7(&b, of);
		/* five, three ahead, and all but the last, which is open, of forty */
		cr_expect(eq(sz, n, 5 + 3 + 39), "row %zu", i);
		cr_expect(eq(u64, counts(&b).lost, 0));
		b.n_made = 0;
		go(&b, ahead - MINUTE, 6);
		n = made_of_7(&b, of);
		cr_expect(eq(i64, of[n - 1].end_ms, ahead + 4 * MINUTE), "row %zu", i);
		cr_expect(eq(sz, n, 3), "row %zu: the one that was open, one before, one after", i);
		cr_expect(eq(sz, ends_twice(of, n), 0));
		bench_release(&b);
	}
}

/* It jumps hours ahead, a window opens there, and it is put right to a time that was recorded. */
Test(recorder_clock, ahead_and_back_again)
{
	struct made of[MADE_MAX];
	struct bench b;
	size_t n;

	bench_init(&b, MINUTE, NOON);
	go(&b, NOON, 5);
	tick(&b, NOON + 600 * MINUTE);
	go(&b, NOON + 3 * MINUTE, 10);
	n = made_of_7(&b, of);
	cr_expect(eq(sz, n, 12));
	for (size_t k = 0; k < n; k++)
		cr_expect(eq(i64, of[k].end_ms, NOON + ((int64_t)k + 1) * MINUTE));
	bench_release(&b);
}

/* What all records of 7 say that the counter grew, and how many of them doubt it. */
static double grown(const struct bench *b, size_t *n_doubted)
{
	double sum = 0;

	*n_doubted = 0;
	for (size_t i = 0; i < b->n_made; i++) {
		const struct made *m = &b->made[i];

		if (m->analyzer != 7)
			continue;
		sum += isnan(m->frequency.increase) ? 0 : m->frequency.increase;
		*n_doubted += m->frequency.quality == TESLA_SUSPECT;
	}
	return sum;
}

/* A sweep every ten seconds, with as much as the rating allows, nearly. */
static double count_on(struct bench *b, int64_t from_ms, int n, double count)
{
	for (int i = 0; i < n; i++, count += 95, b->mono_us += 10000000) {
		sweep(b, 7, from_ms + i * 10000, from_ms + i * 10000, 200, count);
		tick(b, from_ms + i * 10000);
	}
	return count;
}

/* A clock that is put right, back or ahead, costs no energy. */
Test(recorder_clock, a_step_of_the_clock_costs_no_growth)
{
	static const int64_t steps_ms[] = { 0, -9000, -20000, -45000, -3600000, 3600000 };

	for (size_t i = 0; i < N_ELEMENTS(steps_ms); i++) {
		struct bench b;
		double count;
		size_t doubted;

		bench_init(&b, MINUTE, NOON);
		b.mono_us = 5000000;
		count = count_on(&b, NOON, 20, 1000);
		count = count_on(&b, NOON + 200000 + steps_ms[i], 400, count);
		tick(&b, NOON + DAY);
		cr_expect(epsilon_eq(dbl, grown(&b, &doubted), count - 95 - 1000, 1e-6), "row %zu",
			  i);
		cr_expect(eq(sz, doubted, 0), "row %zu", i);
		bench_release(&b);
	}
}

/*
 * Over a restart the clocks may say nothing: what it grew counts, in doubt.  Where they agree, what
 * is beyond the rating is another meter, as ever.
 */
Test(recorder_clock, growth_over_a_restart)
{
	static const struct {
		const char *what;
		int64_t wall_ms, mono_ms; /* that passed, as it seems */
		double grew, says;
		size_t doubted;
	} rows[] = {
		{ "soon", 20000, 20000, 150, 150, 0 },
		{ "the clock stood still meanwhile", 1000, -5000, 30000, 30000, 1 },
		{ "the clock went back", -600000, -5000, 30000, 30000, 1 },
		{ "the clock went back, the machine went on", -600000, 60000, 590, 590, 1 },
		{ "after a day", DAY, -5000, 800000, 800000, 0 },
		{ "another meter", 20000, 20000, 30000, 0, 1 },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		int64_t then = NOON + 50000 + rows[i].wall_ms;
		struct bench b;
		double count;
		size_t doubted;

		bench_init(&b, MINUTE, NOON);
		b.mono_us = 10000000;
		count = count_on(&b, NOON, 6, 1000) - 95;
		b.mono_us += -10000000 + rows[i].mono_ms * 1000;
		bench_kill(&b);
		bench_start(&b, then);
		count = count_on(&b, then, 4, count + rows[i].grew);
		tick(&b, then + DAY);
		cr_expect(epsilon_eq(dbl, grown(&b, &doubted), 8 * 95 + rows[i].says, 1e-6), "%s",
			  rows[i].what);
		cr_expect(eq(sz, doubted, rows[i].doubted), "%s: %zu", rows[i].what, doubted);
		bench_release(&b);
	}
}

/* The difference between two meters is no energy, also where one replaced the other meanwhile. */
Test(recorder_clock, another_meter_after_a_restart)
{
	static const struct {
		const char *was, *is;
		bool anew;
	} rows[] = {
		{ "PM710 1", "PM710 2", true },
		{ "PM710 1", "PM710 1", false },
		{ NULL, "PM710 2", false },
		{ "PM710 1", NULL, false },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct bench b;
		double count;
		size_t doubted;

		bench_init(&b, MINUTE, NOON);
		b.mono_us = 10000000;
		if (rows[i].was != NULL)
			hub_analyzer(b.hub, 7)->identity = strdup(rows[i].was);
		count = count_on(&b, NOON, 9, 1000) - 95;
		tick(&b, NOON + 2 * MINUTE + 2000);
		bench_kill(&b);
		bench_start(&b, NOON + 60 * MINUTE);
		b.mono_us = 0; /* of no help */
		if (rows[i].is != NULL)
			hub_analyzer(b.hub, 7)->identity = strdup(rows[i].is);
		count = count_on(&b, NOON + 60 * MINUTE, 4, count + 20000);
		tick(&b, NOON + DAY);
		cr_expect(epsilon_eq(dbl, grown(&b, &doubted), 11 * 95 + (rows[i].anew ? 0 : 20000),
				     1e-6),
			  "row %zu", i);
		cr_expect(eq(sz, doubted, rows[i].anew), "row %zu", i);
		cr_expect(eq(int, strstr(b.said, "is \"PM710 2\" now, and was \"PM710 1\"") != NULL,
			     rows[i].anew),
			  "%s", b.said);
		bench_release(&b);
	}
}

/* No windows of an earlier life where there should be: the first record of counters is in doubt. */
Test(recorder_clock, windows_that_are_gone)
{
	struct bench b;
	double count;
	size_t doubted;

	bench_init(&b, MINUTE, NOON);
	cr_expect(keep_is_new(b.keep));
	count = count_on(&b, NOON, 9, 1000);
	bench_kill(&b);
	bench_start(&b, NOON + 90000);
	cr_expect(eq(int, keep_is_new(b.keep), false));
	bench_kill(&b);
	(void)unlink(b.file);
	bench_start(&b, NOON + 2 * MINUTE);
	cr_expect(keep_is_new(b.keep));
	recorder_doubt(b.recorder);
	b.n_made = 0;
	count = count_on(&b, NOON + 2 * MINUTE, 13, count + 500);
	cr_expect(eq(sz, b.n_made, 4));
	cr_expect(epsilon_eq(dbl, grown(&b, &doubted), 11 * 95, 1e-6));
	cr_expect(eq(sz, doubted, 1), "the first of two");
	cr_expect(ne(ptr, strstr(b.said, "in no record"), NULL));
	bench_release(&b);
}

/* While the clock is where records were made ahead of it, nothing is written, and then at once. */
Test(recorder_clock, time_that_has_records_costs_nothing)
{
	struct made of[MADE_MAX];
	size_t n = 0, len;
	const void *at;
	struct bench b;

	bench_init(&b, MINUTE, NOON + 2 * MINUTE);
	go(&b, NOON + 2 * MINUTE, 2);
	for (int64_t ms = 0; ms < 2 * MINUTE + 3000; ms += 100)
		tick(&b, NOON + ms);
	at = keep_read(b.keep, 0, &len);
	for (int64_t ms = 2 * MINUTE + 3000; ms < 4 * MINUTE; ms += 100) {
		tick(&b, NOON + ms);
		n += keep_read(b.keep, 0, &len) != at;
		at = keep_read(b.keep, 0, &len);
	}
	cr_expect(eq(sz, n, 0));
	for (int64_t ms = 4 * MINUTE; ms < 6 * MINUTE; ms += 100)
		tick(&b, NOON + ms);
	n = made_of_7(&b, of);
	cr_assert(eq(sz, n, 5));
	cr_expect(eq(i64, of[4].start_ms, NOON + 4 * MINUTE));
	cr_expect(eq(i64, of[4].end_ms, NOON + 5 * MINUTE));
	bench_release(&b);
}
