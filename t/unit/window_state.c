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
static void another_line(struct fixture *x)
{
	x->endpoint[5] = 'O';
}
static void another_address(struct fixture *x)
{
	x->a.address = 8;
}
static void fewer_variables(struct fixture *x)
{
	x->a.n_variables = 2;
}
static void another_length(struct fixture *x)
{
	x->a.record_ms = 5000;
}

static void the_first_is_gone(struct fixture *x)
{
	x->conf_variables[0] = x->conf_variables[2];
	x->a.n_variables = 2;
}
static void the_other_way_round(struct fixture *x)
{
	struct conf_variable first = x->conf_variables[0];

	x->conf_variables[0] = x->conf_variables[1];
	x->conf_variables[1] = first;
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

static const struct {
	void (*change)(struct fixture *x);
	size_t lost;
	bool gauge, counter, status; /* what goes on */
} changes[] = {
	{ another_name, 1, false, true, true },	      { another_unit, 1, false, true, true },
	{ another_kind, 1, false, true, true },	      { fewer_elements, 1, false, true, true },
	{ another_type, 1, false, true, true },	      { another_width, 1, true, false, true },
	{ another_scale, 1, false, true, true },      { no_scale_register, 1, true, false, true },
	{ another_interval, 0, true, true, true },    { another_model, 3, false, false, false },
	{ fewer_variables, 1, true, true, false },    { the_first_is_gone, 1, false, true, true },
	{ the_other_way_round, 0, true, true, true }, { another_length, 0, true, true, true },
	{ another_line, 3, false, false, false },     { another_address, 3, false, false, false },
};

/* Of the variable at that place of the fixture, in whatever order they are configured now. */
static const struct tesla_record_element *found(const struct fixture *x, const struct record *r,
						size_t variable)
{
	for (size_t i = 0; i < x->a.n_variables; i++)
		if (x->conf_variables[i].variable == &x->variables[variable])
			return &r->variables[i]->elements[0];
	return NULL;
}

static void expect(const struct tesla_record_element *e, bool goes_on, uint32_t count,
		   const char *what, size_t row)
{
	if (e == NULL)
		cr_expect(!goes_on, "row %zu: %s", row, what);
	else
		cr_expect_eq(e->count, goes_on ? count : 0, "row %zu: %s: %u", row, what, e->count);
}

/* Whatever changes, what did not goes on as it was. */
Test(window_state, another_configuration)
{
	for (size_t i = 0; i < N_ELEMENTS(changes); i++) {
		struct arena memory = { .blocks = NULL };
		const struct tesla_record_element *e;
		struct window *to;
		struct record r;
		struct fixture x;
		size_t size, lost = 99;

		fill(&x);
		size = window_size(&x.a);
		cr_expect(!window_fits(x.w, size - 1, &x.a) && !window_fits(x.w, 0, &x.a));
		recorded_add(&x.w->recorded, T0_S * 1000 - 900000, T0_S * 1000);
		changes[i].change(&x);
		to = malloc(window_size(&x.a));
		cr_assert(window_resume(to, &x.a, x.w, size, &lost), "row %zu", i);
		cr_expect_eq(lost, changes[i].lost, "row %zu: %zu", i, lost);
		cr_expect(recorded_has(&to->recorded, T0_S * 1000), "row %zu", i);
		cr_expect(window_fits(to, window_size(&x.a), &x.a), "row %zu", i);
		cr_expect_eq(to->end_ms, (T0_S + 900) * 1000);
		cr_assert_eq(window_close(to, &x.a, NULL, &memory, &r), 0);
		expect(found(&x, &r, GAUGE), changes[i].gauge, 30, "gauge", i);
		expect(found(&x, &r, STATUS), changes[i].status, 11, "status", i);
		e = found(&x, &r, COUNTER);
		expect(e, changes[i].counter, 30, "counter", i);
		if (changes[i].counter)
			cr_expect_eq(e->increase, 28, "row %zu: %g", i, e->increase);
		arena_release(&memory);
		free(to);
		fixture_release(&x);
	}
}

/* Closed by the next life, before any scale is known: its mean is rounded all the same. */
Test(window_state, what_scale_it_had)
{
	struct window *to;
	struct fixture x;
	size_t lost;

	fixture_init(&x, 900);
	x.volts.scale_register = &x.scale;
	x.exponents[0] = -1;
	window_init(x.w, &x.a);
	window_open(x.w, &x.a, T0);
	add(&x, GAUGE, T0, 230, GOOD);
	add(&x, GAUGE, T0 + S, 230.1, GOOD);
	to = malloc(window_size(&x.a));
	cr_assert(window_resume(to, &x.a, x.w, window_size(&x.a), &lost));
	free(x.w);
	x.w = to;
	cr_expect_eq(close_window(&x).gauge[0].value, 230.066875); /* of 230.0666... */
	fixture_release(&x);
}

/* A shorter interval now: what an earlier reading stands for is bounded by it. */
Test(window_state, a_shorter_interval)
{
	struct window *to;
	struct fixture x;
	size_t lost;

	fixture_init(&x, 900);
	x.conf_variables[GAUGE].interval_ms = 60000;
	add(&x, GAUGE, T0, 230, GOOD);
	x.conf_variables[GAUGE].interval_ms = 1000;
	to = malloc(window_size(&x.a));
	cr_assert(window_resume(to, &x.a, x.w, window_size(&x.a), &lost));
	cr_expect_eq(to->variables[GAUGE].held_until_us, T0 + 2 * S);
	free(to);
	fixture_release(&x);
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
	{ "a flag that there is not", ELEMENT(CEA, flags), UINT8, 0, 9 },
	{ "a gauge with an increase", ELEMENT(L1, flags), UINT8, 0, WINDOW_INCREASE },
	{ "a gauge that began anew", ELEMENT(L1, flags), UINT8, 0, WINDOW_ANEW },
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
	{ "held beyond all time", OF(TPF, window_variable, held_until_us), INT64, 0, INT64_MAX },
	{ "a variable with more elements", OF(TPF, window_variable, n_elements), UINT32, 0, 3 },
	{ "its mark before the start", OF(TPF, window_variable, at_us), INT64, 0, T0 - S },
	{ "its mark behind the end", OF(TPF, window_variable, at_us), INT64, 0, T0 + 901 * S },
	{ "ends before it begins", OF(HEAD, window, end_ms), INT64, 0, T0 / 1000 - 1000 },
	{ "lasts a week", OF(HEAD, window, end_ms), INT64, 0, T0 / 1000 + 604800000 },
	{ "began before all time", OF(HEAD, window, start_ms), INT64, 0, INT64_MIN },
	{ "a million spans of records", OF(HEAD, window, recorded.n), INT64, 0, 1000000 },
	{ "another layout", OF(HEAD, window, layout), INT64, 0, 1 },
	{ "another analyzer's", OF(HEAD, window, analyzer), INT64, 0, 8 },
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
