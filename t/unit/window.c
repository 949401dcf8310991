/* SPDX-License-Identifier: Apache-2.0 */
/* What a window makes of its readings, and of any clock. */
#include "window_fixture.h"

#include "base/cleanup.h"

/* Rows leave out what is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* ---- gauges ---- */

static const struct gauge_row {
	const char *what;
	size_t n;
	struct {
		int64_t t_ms; /* since the window's start, which is 60 s long */
		double value;
		enum tesla_quality quality;
	} readings[8];
	double mean, min, max;
	int64_t covered_ms;
	uint32_t count;
	enum tesla_quality quality;
} gauge_rows[] = {
	{ "none", 0, { { 0 } }, NAN, NAN, NAN, 0, 0, ERROR },
	{ "one stands for 2 s", 1, { { 10000, 5 } }, 5, 5, 5, 2000, 1 },
	{ "as long as it stood", 2, { { 0, 10 }, { 1000, 20 } }, 16.66875, 10, 20, 3000, 2 },
	{ "at one instant", 2, { { 0, 10 }, { 0, 20 } }, 20, 10, 20, 2000, 2 },
	{ "a gap is not covered", 2, { { 0, 10 }, { 30000, 20 } }, 15, 10, 20, 4000, 2 },
	{ "up to the end", 1, { { 59500, 7 } }, 7, 7, 7, 500, 1 },
	{ "an error ends it", 2, { { 0, 10 }, { 500, 0, ERROR } }, 10, 10, 10, 500, 1 },
	{ "a suspect one ends it, and is not used",
	  3,
	  { { 0, 10 }, { 500, 99, SUSPECT }, { 1000, 20 } },
	  18,
	  10,
	  20,
	  2500,
	  2 },
	{ "a value that is none", 2, { { 0, 10 }, { 500, INFINITY } }, 10, 10, 10, 500, 1 },
	{ "never there",
	  2,
	  { { 0, 0, ERROR }, { 1000, 0, UNAVAILABLE } },
	  NAN,
	  NAN,
	  NAN,
	  0,
	  0,
	  UNAVAILABLE },
	{ "failed at the end",
	  2,
	  { { 0, 0, UNAVAILABLE }, { 1000, 0, ERROR } },
	  NAN,
	  NAN,
	  NAN,
	  0,
	  0,
	  ERROR },
	{ "stale is an error", 1, { { 0, 5, TESLA_STALE } }, NAN, NAN, NAN, 0, 0, ERROR },
	{ "only suspect", 1, { { 0, 5, SUSPECT } }, NAN, NAN, NAN, 0, 0, UNAVAILABLE },
	{ "the clock goes back: time is counted once",
	  4,
	  { { 10000, 10 }, { 11000, 20 }, { 5000, 30 }, { 11500, 40 } },
	  /* 10 for a second, 20 for none, 30 is over, 40 for two */
	  30,
	  10,
	  40,
	  3000,
	  4 },
	{ "the clock goes back by less than what is held",
	  3,
	  { { 10000, 10 }, { 11000, 20 }, { 10500, 30 } },
	  /* 10 for a second, 30 from 11.0 to 12.5 */
	  22,
	  10,
	  30,
	  2500,
	  3 },
	{ "the clock goes on by much: the hold bounds it",
	  2,
	  { { 1000, 10 }, { 50000, 10 } },
	  10,
	  10,
	  10,
	  4000,
	  2 },
	{ "rounded, but not beyond what was read", 1, { { 0, 5.03 } }, 5.03, 5.03, 5.03, 2000, 1 },
	{ "huge values have a mean",
	  3,
	  { { 0, 1e200 }, { 1000, -1e200 }, { 2000, 0, ERROR } },
	  0,
	  -1e200,
	  1e200,
	  2000,
	  2 },
};

Test(window, gauges)
{
	for (size_t i = 0; i < N_ELEMENTS(gauge_rows); i++) {
		const struct gauge_row *row = &gauge_rows[i];
		struct tesla_record_element e;
		struct fixture x;

		fixture_init(&x, 60);
		for (size_t k = 0; k < row->n; k++) {
			add(&x, GAUGE, T0 + row->readings[k].t_ms * 1000, row->readings[k].value,
			    row->readings[k].quality);
			cr_expect(window_fits(x.w, window_size(&x.a), &x.a), "%s", row->what);
		}
		e = close_window(&x).gauge[0];
		cr_expect(same(e.value, row->mean) && same(e.min, row->min) &&
				  same(e.max, row->max),
			  "%s: %.17g in %g to %g", row->what, e.value, e.min, e.max);
		cr_expect_eq(e.covered_ms, row->covered_ms, "%s: %lld ms", row->what,
			     (long long)e.covered_ms);
		cr_expect_eq(e.count, row->count, "%s: %u", row->what, e.count);
		cr_expect_eq(e.quality, row->quality, "%s: %d", row->what, (int)e.quality);
		fixture_release(&x);
	}
}

Test(window, what_stands_beyond_the_end_is_of_the_next)
{
	struct fixture x;
	struct closed c;

	fixture_init(&x, 60);
	add(&x, GAUGE, T0 + 59500000, 7, GOOD);
	add(&x, COUNTER, T0 + 59500000, 1000, GOOD);
	add(&x, STATUS, T0 + 59500000, 4, GOOD);
	c = close_window(&x);
	cr_expect(c.gauge[1].covered_ms == 500 && c.gauge[1].value == -7, "an element is its own");
	cr_expect_eq(x.w->end_ms, 0);
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	window_open(x.w, &x.a, T0 + 60 * S);
	cr_expect_eq(x.w->start_ms, (T0_S + 60) * 1000);
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	c = close_window(&x);
	cr_expect(c.gauge[0].covered_ms == 1500 && c.gauge[0].count == 0);
	cr_expect(c.gauge[0].value == 7 && c.gauge[0].min == 7 && c.gauge[0].max == 7);
	cr_expect(c.counter.value == 1000 && isnan(c.counter.increase));
	cr_expect(c.status.value == 4 && c.status.covered_ms == 1500);
	fixture_release(&x);
}

/* ---- opening ---- */

Test(window, opens_the_one_that_the_time_is_in)
{
	struct fixture x;

	fixture_init(&x, 900);
	cr_expect(x.w->start_ms == T0_S * 1000 && x.w->end_ms == (T0_S + 900) * 1000);
	(void)close_window(&x);
	window_open(x.w, &x.a, T0 + 5000 * S);
	cr_expect_eq(x.w->start_ms, (T0_S + 4500) * 1000, "those between are left out");
	(void)close_window(&x);
	x.a.record_ms = 3600000; /* the hour began at T0 + 2700 s */
	window_open(x.w, &x.a, T0 + 5500 * S);
	cr_expect_eq(x.w->start_ms, (T0_S + 5400) * 1000, "not before the last one's end");
	cr_expect_eq(x.w->end_ms, (T0_S + 6300) * 1000);
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	fixture_release(&x);
}

Test(window, a_mark_of_a_wrong_clock_is_forgotten)
{
	struct fixture x;
	struct tesla_record_element e;

	fixture_init(&x, 60);
	(void)close_window(&x);
	window_open(x.w, &x.a, T0 + 86400 * 365 * S);
	add(&x, GAUGE, T0 + 86400 * 365 * S, 5, GOOD);
	(void)close_window(&x);
	window_open(x.w, &x.a, T0);
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	add(&x, GAUGE, T0 + 10 * S, 6, GOOD);
	e = close_window(&x).gauge[0];
	cr_expect(e.value == 6 && e.covered_ms == 2000, "%g, %lld ms", e.value,
		  (long long)e.covered_ms);
	fixture_release(&x);
}

/* ---- counters ---- */

#define M32 4294967296.0

static const struct counter_row {
	const char *what;
	size_t before, n; /* how many of the n readings are of the window before */
	struct {
		double value;
		enum tesla_quality quality;
	} readings[6];
	double value, increase;
	enum tesla_quality quality;
	uint32_t count;
	int16_t exponent;
	double rating, modulus; /* modulus: raw, of the model */
	bool rated_by;		/* the rating has a register, which says: */
	int16_t rating_exponent;
} counter_rows[] = {
	{ "nothing to compare with: not believed", 0, 1, { { 100 } }, 100, NAN, SUSPECT, 1 },
	{ "from its own second", 0, 3, { { 100 }, { 101 }, { 103 } }, 103, 2, GOOD, 3 },
	{ "its own first may be a false zero", 0, 2, { { 0 }, { 1e6 } }, 1e6, NAN, GOOD, 2 },
	{ "from its own first, by the rating",
	  0,
	  2,
	  { { 100 }, { 101 } },
	  101,
	  1,
	  GOOD,
	  2,
	  0,
	  3600 },
	{ "from the window before", 1, 2, { { 100 }, { 103 } }, 103, 3, GOOD, 1 },
	{ "no reading here", 1, 2, { { 100 }, { 0, ERROR } }, NAN, NAN, ERROR, 0 },
	{ "a false zero", 1, 3, { { 100 }, { 0 }, { 101 } }, 101, 1, GOOD, 2 },
	{ "in doubt at the end", 1, 2, { { 100 }, { 0 } }, 100, NAN, GOOD, 1 },
	{ "in doubt over the border", 2, 3, { { 100 }, { 0 }, { 101 } }, 101, 1, GOOD, 1 },
	{ "a reset", 1, 4, { { 100 }, { 101 }, { 0 }, { 2 } }, 2, 3, SUSPECT, 3 },
	{ "a rollover, by the register's width",
	  1,
	  3,
	  { { M32 - 5 }, { 3 }, { 4 } },
	  4,
	  9,
	  GOOD,
	  2 },
	{ "a rollover, scaled",
	  1,
	  3,
	  { { (M32 - 5) * 100 }, { 300 }, { 400 } },
	  400,
	  900,
	  GOOD,
	  2,
	  2 },
	{ "a rollover, by the model's modulus",
	  1,
	  3,
	  { { 999995 }, { 3 }, { 4 } },
	  4,
	  9,
	  GOOD,
	  2,
	  0,
	  0,
	  1e6 },
	{ "the scale is not known: no rollover",
	  1,
	  3,
	  { { M32 - 5 }, { 3 }, { 4 } },
	  4,
	  1,
	  SUSPECT,
	  2,
	  INT16_MIN },
	{ "a leap beyond the rating",
	  1,
	  3,
	  { { 100 }, { 9000 }, { 9001 } },
	  9001,
	  1,
	  SUSPECT,
	  2,
	  0,
	  3600 },
	{ "a step of the resolution is no leap",
	  1,
	  2,
	  { { 0 }, { 100 } },
	  100,
	  100,
	  GOOD,
	  1,
	  2,
	  3600 },
	{ "the scale is not known: the rating counts all the same",
	  1,
	  3,
	  { { 100 }, { 9000 }, { 9001 } },
	  9001,
	  1,
	  SUSPECT,
	  2,
	  INT16_MIN,
	  3600 },
	{ "the scale is not known: a step of the largest is no leap",
	  1,
	  2,
	  { { 0 }, { 100 } },
	  100,
	  100,
	  GOOD,
	  1,
	  INT16_MIN,
	  3600 },
	{ "the rating's register says ten times as much",
	  1,
	  3,
	  { { 100 }, { 200 }, { 200 } },
	  200,
	  100,
	  GOOD,
	  2,
	  0,
	  3600,
	  0,
	  true,
	  1 },
	{ "the rating's register says a tenth",
	  1,
	  3,
	  { { 100 }, { 109 }, { 109 } },
	  109,
	  0,
	  SUSPECT,
	  2,
	  0,
	  3600,
	  0,
	  true,
	  -1 },
	{ "the rating's register is not known: the largest",
	  1,
	  3,
	  { { 100 }, { 1190 }, { 1190 } },
	  1190,
	  1090,
	  GOOD,
	  2,
	  0,
	  3600,
	  0,
	  true,
	  INT16_MIN },
	{ "a leap beyond the largest",
	  1,
	  3,
	  { { 100 }, { 1400 }, { 1400 } },
	  1400,
	  0,
	  SUSPECT,
	  2,
	  0,
	  3600,
	  0,
	  true,
	  INT16_MIN },
	{ "a suspect one is no good one",
	  1,
	  2,
	  { { 100 }, { 101, SUSPECT } },
	  NAN,
	  NAN,
	  UNAVAILABLE,
	  0 },
	{ "a suspect one, cleared up",
	  1,
	  3,
	  { { 100 }, { 5000, SUSPECT }, { 102 } },
	  102,
	  2,
	  GOOD,
	  1 },
};

Test(window, counters)
{
	for (size_t i = 0; i < N_ELEMENTS(counter_rows); i++) {
		const struct counter_row *row = &counter_rows[i];
		struct tesla_record_element e;
		struct fixture x;

		fixture_init(&x, 60);
		x.exponents[0] = row->exponent;
		x.variables[COUNTER].rating = row->rating;
		x.variables[COUNTER].rating_scale = row->rated_by ? &x.rating_scale : NULL;
		x.exponents[1] = row->rating_exponent;
		x.energy.has_modulus = row->modulus != 0;
		x.energy.modulus = row->modulus;
		window_init(x.w, &x.a);
		window_open(x.w, &x.a, T0);
		if (row->before > 0) /* the first is believed */
			add(&x, COUNTER, T0 + 49 * S, row->readings[0].value, GOOD);
		for (size_t k = 0; k < row->n; k++) {
			if (k == row->before && k > 0) {
				(void)close_window(&x);
				window_open(x.w, &x.a, T0 + 60 * S);
			}
			add(&x, COUNTER, T0 + ((k < row->before ? 50 : 60) + (int64_t)k) * S,
			    row->readings[k].value, row->readings[k].quality);
			cr_expect(window_fits(x.w, window_size(&x.a), &x.a), "%s", row->what);
		}
		e = close_window(&x).counter;
		cr_expect(same(e.value, row->value) && same(e.increase, row->increase),
			  "%s: %.17g, +%.17g", row->what, e.value, e.increase);
		cr_expect_eq(e.quality, row->quality, "%s: %d", row->what, (int)e.quality);
		cr_expect_eq(e.count, row->count, "%s: %u", row->what, e.count);
		fixture_release(&x);
	}
}

/* The meter was set up anew: the raw number means ten times as much, or the host learns it late. */
Test(window, a_scale_that_moves_is_no_growth)
{
	static const struct {
		const char *what;
		struct {
			double value;
			enum tesla_quality quality;
			int16_t exponent;
		} readings[5];
		double value, increase;
	} rows[] = {
		{ "up",
		  { { 1000, GOOD, 0 }, { 1003, GOOD, 0 }, { 10040, GOOD, 1 }, { 10041, GOOD, 1 } },
		  10041,
		  3 },
		{ "down",
		  { { 1000, GOOD, 0 }, { 1003, GOOD, 0 }, { 104, GOOD, -1 }, { 105, GOOD, -1 } },
		  105,
		  3 },
		{ "the host marks the first sweep",
		  { { 1000, GOOD, 0 },
		    { 1003, GOOD, 0 },
		    { 10040, SUSPECT, 1 },
		    { 10040, GOOD, 1 },
		    { 10045, GOOD, 1 } },
		  10045,
		  3 },
		{ "and no other comes",
		  { { 1000, GOOD, 0 }, { 1003, GOOD, 0 }, { 10040, SUSPECT, 1 } },
		  1003,
		  3 },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct tesla_record_element e;
		struct fixture x;

		fixture_init(&x, 60);
		add(&x, COUNTER, T0, 1000, GOOD);
		for (int64_t k = 0; k < 5 && rows[i].readings[k].value > 0; k++) {
			x.exponents[0] = rows[i].readings[k].exponent;
			add(&x, COUNTER, T0 + (k + 1) * S, rows[i].readings[k].value,
			    rows[i].readings[k].quality);
			cr_expect(window_fits(x.w, window_size(&x.a), &x.a), "%s", rows[i].what);
		}
		e = close_window(&x).counter;
		cr_expect(e.value == rows[i].value && e.increase == rows[i].increase, "%s: %g, +%g",
			  rows[i].what, e.value, e.increase);
		cr_expect_eq(e.quality, SUSPECT, "%s", rows[i].what);
		fixture_release(&x);
	}
}

Test(window, the_last_status)
{
	struct fixture x;
	struct tesla_record_element e;

	fixture_init(&x, 60);
	add(&x, STATUS, T0, 1, GOOD);
	add(&x, STATUS, T0 + S, 64, GOOD);
	add(&x, STATUS, T0 + 2 * S, 3, SUSPECT);
	e = close_window(&x).status;
	cr_expect(e.value == 64 && e.quality == GOOD && e.count == 2 && e.covered_ms == 2000);
	fixture_release(&x);
}

/* Without a window, and then one without a reading: what grew is in the next that has one. */
Test(window, growth_outside_of_windows_is_not_lost)
{
	struct fixture x;

	fixture_init(&x, 60);
	add(&x, COUNTER, T0 + 10 * S, 1000, GOOD);
	add(&x, COUNTER, T0 + 50 * S, 1000, GOOD);
	(void)close_window(&x);
	add(&x, COUNTER, T0 + 61 * S, 1050, GOOD);
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	window_open(x.w, &x.a, T0 + 120 * S);
	add(&x, COUNTER, T0 + 130 * S, 0, ERROR);
	cr_expect(isnan(close_window(&x).counter.increase));
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	window_open(x.w, &x.a, T0 + 180 * S);
	add(&x, COUNTER, T0 + 190 * S, 1060, GOOD);
	cr_expect_eq(close_window(&x).counter.increase, 60);
	fixture_release(&x);
}

Test(window, what_is_discarded_costs_no_growth)
{
	struct fixture x;
	struct closed c;

	fixture_init(&x, 60);
	cr_expect(!window_has_readings(x.w));
	add(&x, COUNTER, T0 + 1 * S, 1000, GOOD);
	add(&x, COUNTER, T0 + 2 * S, 1000, GOOD);
	add(&x, COUNTER, T0 + 3 * S, 1007, GOOD);
	add(&x, GAUGE, T0 + 3 * S, 5, GOOD);
	cr_expect(window_has_readings(x.w));
	window_discard(x.w);
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	window_open(x.w, &x.a, T0 - 600 * S);
	cr_expect(!window_has_readings(x.w));
	add(&x, COUNTER, T0 - 590 * S, 1008, GOOD);
	c = close_window(&x);
	cr_expect_eq(c.counter.increase, 8);
	cr_expect_eq(c.gauge[0].count, 0);
	fixture_release(&x);
}

/* ---- rounding ---- */

static const struct {
	const char *what;
	double mean, scale;
	enum tesla_raw type;
	int exponent; /* 99: no scale register; 100: not known */
	double rounded;
} round_rows[] = {
	{ "to 0.00625", 230.0512, 0.1, TESLA_UINT16, 99, 230.05 },
	{ "the nearest double of a decimal", 0.30000001, 0.1, TESLA_UINT16, 99, 0.3 },
	{ "negative", -7.123456, 0.01, TESLA_INT16, 99, -7.12375 },
	{ "whole numbers", 1234.56789, 1, TESLA_UINT32, 99, 1234.5625 },
	{ "a negative scale", 230.0512, -0.1, TESLA_UINT16, 99, 230.05 },
	{ "a scale of 25", 1003.9, 25, TESLA_UINT16, 99, 1003.125 },
	{ "a scale of 0.25", 1.007, 0.25, TESLA_UINT16, 99, 1 },
	{ "with an exponent below", 49.98765432, 1, TESLA_UINT16, -2, 49.9875 },
	{ "with one above", 1234567, 1, TESLA_UINT16, 3, 1234562.5 },
	{ "to nothing", 0.001, 0.1, TESLA_UINT16, 99, 0 },
	{ "a third has no digits", 1.23456789, 1.0 / 3, TESLA_UINT16, 99, 1.23456789 },
	{ "a float", 1.23456789, 0.1, TESLA_FLOAT32, 99, 1.23456789 },
	{ "an exponent that is not known", 1.23456789, 1, TESLA_UINT16, 100, 1.23456789 },
	{ "too large for it", 1e16 / 3, 1, TESLA_UINT64, 99, 1e16 / 3 },
	{ "a scale of 0", 5.5, 0, TESLA_UINT16, 99, 5.5 },
};

Test(window, means_are_rounded)
{
	for (size_t i = 0; i < N_ELEMENTS(round_rows); i++) {
		const struct tesla_scale by = { .index = 0 };
		int16_t exponent =
			(int16_t)(round_rows[i].exponent == 100 ? INT16_MIN
								: round_rows[i].exponent);
		const struct window_scale known = { &exponent, 1 };
		const struct tesla_register r = { .type = round_rows[i].type,
						  .scale = round_rows[i].scale,
						  .scale_register = round_rows[i].exponent == 99
									    ? NULL
									    : &by };
		double got = window_round(round_rows[i].mean, &r, &known);

		cr_expect_eq(got, round_rows[i].rounded, "%s: %.17g", round_rows[i].what, got);
		if (r.scale_register != NULL)
			cr_expect_eq(window_round(round_rows[i].mean, &r, NULL), round_rows[i].mean,
				     "%s", round_rows[i].what);
	}
}

/* Every mean is what its shortest decimal says, with 9 digits after the point at most. */
Test(window, rounded_means_are_decimals)
{
	const struct tesla_register r = { .type = TESLA_UINT16, .scale = 0.01 };

	srand(1);
	for (int i = 0; i < 20000; i++) {
		double mean = (rand() - RAND_MAX / 2) / 65536.0 * (1 + i % 7 / 7.0);
		double got = window_round(mean, &r, NULL);
		char text[64];

		(void)snprintf(text, sizeof text, "%.9f", got);
		cr_assert_eq(strtod(text, NULL), got, "%.17g of %.17g", got, mean);
		cr_assert(fabs(got - mean) <= 0.01 / 32 * 1.000001, "%.17g of %.17g", got, mean);
	}
}

/* ---- properties ---- */

/* Seconds that mostly go on, sometimes leap, sometimes go back; inside 0 to 3600. */
static int64_t walk(int64_t t_us)
{
	int what = rand() % 50;

	t_us += what == 0 ? -(rand() % 40) * S : what == 1 ? (rand() % 40) * S : rand() % 1200000;
	return t_us < 0 ? 0 : t_us;
}

Test(window, whatever_the_clock_does)
{
	srand(2);
	for (int round = 0; round < 300; round++) {
		struct fixture x;
		int64_t t = 0, passed;

		fixture_init(&x, 3600);
		passed = T0 - x.w->start_ms * 1000;
		for (int i = 0; i < 200; i++) {
			enum tesla_quality q = (enum tesla_quality)(rand() % 8 ? 0 : rand() % 5);

			t = walk(t);
			if (t + passed >= 3600 * S)
				break;
			add(&x, GAUGE, T0 + t, rand() / 1e6, q); /* finer than its resolution */
			add(&x, COUNTER, T0 + t, rand() % 5 ? i : rand(), q);
			cr_assert(window_fits(x.w, window_size(&x.a), &x.a), "round %d, reading %d",
				  round, i);
		}
		/* record_parse, inside, checks coverage, min <= mean <= max and the increase */
		(void)close_window(&x);
		fixture_release(&x);
	}
}

struct sums {
	double value_ms, increase; /* value x time, of a gauge; of a counter */
	int64_t covered_ms;
	uint32_t count;
};

static void collect(struct fixture *x, struct sums *to)
{
	struct closed c = close_window(x);

	to->value_ms +=
		isnan(c.gauge[0].value) ? 0 : c.gauge[0].value * (double)c.gauge[0].covered_ms;
	to->increase += isnan(c.counter.increase) ? 0 : c.counter.increase;
	to->covered_ms += c.gauge[0].covered_ms;
	to->count += c.gauge[0].count;
}

/* An hour of the same readings, in windows of so many seconds. */
static struct sums gather_hour(unsigned seed, int64_t record_s)
{
	const int64_t hour = (T0_S + 2700) * S;
	struct sums to = { 0 };
	double energy = 1000;
	struct fixture x;

	srand(seed);
	fixture_init(&x, record_s);
	x.volts.type = TESLA_FLOAT32; /* nothing is rounded */
	window_open(x.w, &x.a, hour);
	for (int64_t t = hour; t < hour + 3600 * S; t += (rand() % 3000 + 1) * 1000) {
		while (t >= x.w->end_ms * 1000) {
			int64_t next = x.w->end_ms * 1000;

			collect(&x, &to);
			window_open(x.w, &x.a, next);
		}
		add(&x, GAUGE, t, rand() % 5000, GOOD);
		add(&x, COUNTER, t, energy += rand() % 9, GOOD);
	}
	collect(&x, &to);
	fixture_release(&x);
	return to;
}

Test(window, a_border_takes_and_adds_nothing)
{
	for (unsigned seed = 1; seed < 20; seed++) {
		struct sums one = gather_hour(seed, 3600), many = gather_hour(seed, 60);

		cr_expect(one.covered_ms == many.covered_ms && one.covered_ms > 3000000,
			  "%lld, %lld", (long long)one.covered_ms, (long long)many.covered_ms);
		cr_expect_eq(one.count, many.count);
		cr_expect(one.increase == many.increase && one.increase > 1000);
		cr_expect(fabs(one.value_ms - many.value_ms) <= 1e-9 * fabs(one.value_ms),
			  "%.17g, %.17g", one.value_ms, many.value_ms);
	}
}
