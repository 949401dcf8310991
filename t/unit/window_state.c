/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that was found: only what is this analyzer's, and makes sense, is taken for its window. */
#include "window_fixture.h"

#include <string.h>

#include "base/cleanup.h"

/* Rows leave out what is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static void another_name(struct fixture *x)
{
	x->variables[0].name = "IPF";
}
static void another_unit(struct fixture *x)
{
	x->variables[0].unit = "kV";
}
static void another_kind(struct fixture *x)
{
	x->variables[0].kind = TESLA_STATUS;
}
static void fewer_elements(struct fixture *x)
{
	x->variables[0].n_elements = 1;
}
static void another_type(struct fixture *x)
{
	x->volts.type = TESLA_INT16;
}
static void another_width(struct fixture *x)
{
	x->energy.count = 4;
}
static void another_scale(struct fixture *x)
{
	x->volts.scale = 0.01;
}
static void no_scale_register(struct fixture *x)
{
	x->energy.scale_register = NULL;
}
static void another_interval(struct fixture *x)
{
	x->conf_variables[2].interval_ms = 500;
}
static void another_model(struct fixture *x)
{
	x->model.pub.name = "PM500";
}
static void another_analyzer(struct fixture *x)
{
	x->a.id = 8;
}
static void fewer_variables(struct fixture *x)
{
	x->a.n_variables = 2;
}
static void another_length(struct fixture *x)
{
	x->a.record_ms = 5000;
}

static const struct {
	void (*change)(struct fixture *x);
	bool fits;
} changes[] = {
	{ another_name, false },   { another_unit, false },	 { another_kind, false },
	{ fewer_elements, false }, { another_type, false },	 { another_width, false },
	{ another_scale, false },  { no_scale_register, false }, { another_interval, false },
	{ another_model, false },  { another_analyzer, false },	 { fewer_variables, false },
	{ another_length, true },
};

Test(window_state, anothers_state_is_refused)
{
	for (size_t i = 0; i < N_ELEMENTS(changes); i++) {
		struct fixture x;
		size_t size;

		fixture_init(&x, 60);
		size = window_size(&x.a);
		cr_expect(window_fits(x.w, size, &x.a));
		cr_expect(!window_fits(x.w, size - 1, &x.a) && !window_fits(x.w, 0, &x.a));
		changes[i].change(&x);
		cr_expect_eq(window_fits(x.w, size, &x.a), changes[i].fits, "row %zu", i);
		cr_expect(changes[i].fits || !window_fits(x.w, window_size(&x.a), &x.a) ||
				  window_size(&x.a) > size,
			  "row %zu", i);
		fixture_release(&x);
	}
}

static void fill(struct fixture *x)
{
	fixture_init(x, 900);
	for (int64_t t = 0; t < 30; t++) {
		add(x, GAUGE, T0 + t * S, 230 + (double)t, GOOD);
		add(x, COUNTER, T0 + t * S, t == 20 ? 0 : 1000 + (double)t, GOOD);
		add(x, STATUS, T0 + t * S, 3, t > 10 ? ERROR : GOOD);
	}
}

enum in { HEAD, TPF, L1, CEA }; /* the window; the gauge, its first element, the counter's */

static const struct {
	const char *what;
	enum in in;
	size_t offset;
	enum { REAL, INT64, UINT32, UINT8 } type;
	double real;
	int64_t whole;
} nonsense[] = {
#define OF(in, type, member) in, offsetof(struct type, member)
#define ELEMENT(in, member) OF(in, window_element, member)
	{ "too large a sum", ELEMENT(L1, sum), REAL, 1e11 },
	{ "a sum that is none", ELEMENT(L1, sum), REAL, NAN },
	{ "min above the last", ELEMENT(L1, min), REAL, 1000 },
	{ "max infinite", ELEMENT(L1, max), REAL, INFINITY },
	{ "no last", ELEMENT(L1, last), REAL, NAN },
	{ "held infinite", ELEMENT(L1, held), REAL, -INFINITY },
	{ "stale", ELEMENT(L1, quality), UINT8, 0, TESLA_STALE },
	{ "a flag that there is not", ELEMENT(CEA, flags), UINT8, 0, 5 },
	{ "a gauge with an increase", ELEMENT(L1, flags), UINT8, 0, WINDOW_INCREASE },
	{ "too many readings", ELEMENT(L1, count), UINT32, 0, UINT32_MAX },
	{ "more covered than passed", ELEMENT(L1, covered_us), INT64, 0, 29 * S + 1 },
	{ "less than nothing covered", ELEMENT(L1, covered_us), INT64, 0, -1 },
	{ "a decrease", ELEMENT(CEA, increase), REAL, -1 },
	{ "an increase that is none", ELEMENT(CEA, increase), REAL, NAN },
	{ "an increase that is not known", ELEMENT(CEA, flags), UINT8, 0, 0 },
	{ "doubt without an increase", ELEMENT(CEA, flags), UINT8, 0, WINDOW_DOUBT },
	{ "a counter without a value", ELEMENT(CEA, counter.last), REAL, NAN },
	{ "a counter infinite", ELEMENT(CEA, counter.last), REAL, INFINITY },
	{ "a candidate infinite", ELEMENT(CEA, counter.candidate), REAL, INFINITY },
	{ "a counter that was huge", ELEMENT(CEA, counter.before), REAL, 1e300 },
	{ "a counter from beyond all time", ELEMENT(CEA, counter.last_us), INT64, 0, INT64_MAX },
	{ "a gauge that counts", ELEMENT(L1, counter.last), REAL, 1 },
	{ "held for ever", OF(TPF, window_variable, held_until_us), INT64, 0, T0 + 3600 * S },
	{ "its mark before the start", OF(TPF, window_variable, at_us), INT64, 0, T0 - S },
	{ "its mark behind the end", OF(TPF, window_variable, at_us), INT64, 0, T0 + 901 * S },
	{ "ends before it begins", OF(HEAD, window, end_ms), INT64, 0, T0 / 1000 - 1000 },
	{ "lasts a week", OF(HEAD, window, end_ms), INT64, 0, T0 / 1000 + 604800000 },
	{ "began before all time", OF(HEAD, window, start_ms), INT64, 0, INT64_MIN },
	{ "the last one ended in no time", OF(HEAD, window, closed_ms), INT64, 0, INT64_MAX },
	{ "has a start and no end", OF(HEAD, window, end_ms), INT64, 0, 0 },
	{ "more elements", OF(HEAD, window, n_elements), UINT32, 0, 5 },
	{ "more variables", OF(HEAD, window, n_variables), UINT32, 0, 4 },
#undef ELEMENT
#undef OF
};

static void spoil(struct window *w, size_t row)
{
	void *const bases[] = { w, &w->variables[GAUGE], &window_elements(w)[0],
				&window_elements(w)[2] };
	uint8_t *at = (uint8_t *)bases[nonsense[row].in] + nonsense[row].offset;
	uint32_t u32 = (uint32_t)nonsense[row].whole;
	uint8_t u8 = (uint8_t)nonsense[row].whole;

	if (nonsense[row].type == REAL)
		memcpy(at, &nonsense[row].real, sizeof nonsense[row].real);
	else if (nonsense[row].type == INT64)
		memcpy(at, &nonsense[row].whole, sizeof nonsense[row].whole);
	else if (nonsense[row].type == UINT32)
		memcpy(at, &u32, sizeof u32);
	else
		memcpy(at, &u8, sizeof u8);
}

Test(window_state, one_without_length_is_refused)
{
	struct fixture x;

	fixture_init(&x, 60);
	cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
	x.w->end_ms = x.w->start_ms;
	cr_expect(!window_fits(x.w, window_size(&x.a), &x.a));
	fixture_release(&x);
}

Test(window_state, nonsense_is_refused)
{
	for (size_t i = 0; i < N_ELEMENTS(nonsense); i++) {
		struct fixture x;

		fill(&x);
		cr_expect(window_fits(x.w, window_size(&x.a), &x.a));
		spoil(x.w, i);
		cr_expect(!window_fits(x.w, window_size(&x.a), &x.a), "%s", nonsense[i].what);
		fixture_release(&x);
	}
}

/* A bit flipped: it is refused, or it is still a state of which a good record comes. */
Test(window_state, damaged_state)
{
	struct fixture x;
	struct window *good;
	size_t size, refused = 0;

	fill(&x);
	size = window_size(&x.a);
	good = malloc(size);
	cr_assert_not_null(good);
	memcpy(good, x.w, size);
	for (size_t bit = 0; bit < size * 8; bit++) {
		memcpy(x.w, good, size);
		((uint8_t *)(void *)x.w)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!window_fits(x.w, size, &x.a)) {
			refused++;
			continue;
		}
		if (x.w->end_ms * 1000 > T0 + 31 * S)
			for (size_t i = 0; i < N_VARIABLES; i++)
				add(&x, i, T0 + 31 * S, 1040, GOOD);
		(void)close_window(&x);
	}
	cr_expect_gt(refused, size * 8 / 4, "%zu of %zu", refused, size * 8);
	free(good);
	fixture_release(&x);
}

Test(window_state, garbage_is_refused)
{
	struct fixture x;
	struct window *good;
	size_t size;

	fill(&x);
	size = window_size(&x.a);
	good = malloc(size);
	cr_assert_not_null(good);
	memcpy(good, x.w, size);
	srand(3);
	for (int round = 0; round < 20000; round++) {
		uint8_t *p = (uint8_t *)(void *)x.w;
		size_t from = round % 2 ? sizeof(struct window) : 0;

		memcpy(x.w, good, size);
		for (size_t i = from; i < size; i++)
			p[i] = round == 0 ? 0 : round == 2 ? 0xff : (uint8_t)rand();
		cr_assert(!window_fits(x.w, size, &x.a), "round %d", round);
	}
	free(good);
	fixture_release(&x);
}
