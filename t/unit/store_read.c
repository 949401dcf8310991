/* SPDX-License-Identifier: Apache-2.0 */
/* What there is, what came last, and buckets, against brute force over all rows. */
#include "store_world.h"

#define START (INT64_C(2960) * WEEK)

/* ---- buckets ---- */

static const struct number {
	const char *variable;
	size_t element;
} numbers[] = { { "TPF", 0 }, { "TPF", 1 }, { "CEA", 0 }, { "ERR", 0 } };

struct unit {
	const struct zone *zone;
	enum calendar_unit unit;
};

static int64_t next_unit(const void *arg, int64_t ms)
{
	const struct unit *u = arg;

	return calendar_next_ms(u->zone, ms, u->unit);
}

static const struct span {
	int64_t from_ms, to_ms, step_ms, origin_ms;
} spans[] = {
	{ START, START + 3 * DAY, HOUR, 0 },
	{ START, START + 3 * DAY, HOUR, 7 * MINUTE },
	{ START + 90 * MINUTE, START + 2 * DAY + 1, 20 * MINUTE, 0 },
	{ START - DAY, START + 10 * DAY, DAY, 0 },
	{ START - DAY, START + 10 * DAY, DAY, HOUR },
	{ START, START + DAY, 90000, 0 },
	{ START + HOUR, START + HOUR + 1, 1000, 0 },
	{ START + 5 * HOUR - 500, START + 5 * HOUR + 500, 1, 0 },
	{ START - 100 * WEEK, START + 100 * WEEK, WEEK, START },
	{ START, START, HOUR, 0 },
	{ START + HOUR, START, HOUR, 0 },
	{ START, START + 3 * DAY, 100 * WEEK, 0 },
};

static void all_spans(struct world *w, int64_t analyzer)
{
	for (size_t i = 0; i < N_ELEMENTS(spans); i++)
		for (size_t k = 0; k < N_ELEMENTS(numbers); k++) {
			struct store_bucket_query q = { "n1",
							analyzer,
							numbers[k].variable,
							numbers[k].element,
							spans[i].from_ms,
							spans[i].to_ms,
							{ .step_ms = spans[i].step_ms,
							  .origin_ms = spans[i].origin_ms },
							STORE_ALL,
							false };

			(void)world_buckets(w, &q);
		}
}

Test(store_read, buckets_are_what_the_rows_make)
{
	struct world w;

	world_init(&w, 1 << 14); /* blocks of 700 rows */
	world_fill(&w, 1, START, START + 2 * DAY, MINUTE, 0);
	all_spans(&w, 1);
	world_compact(&w, true);
	all_spans(&w, 1);
	for (int i = 0; i < 300; i++) { /* late ones, and some that are there */
		int64_t t = START + (int64_t)(world_random(&w) % 4320) * MINUTE / 2;
		struct row r = world_row(&w, 1, t, MINUTE / 2, 0);

		world_store(&w, &r, 1, true);
	}
	all_spans(&w, 1);
	world_compact(&w, true);
	all_spans(&w, 1);
	cr_expect(w.n_said == 0);
	world_release(&w);
}

/* The variables change, and change back: some numbers have holes. */
Test(store_read, buckets_of_two_sets)
{
	struct world w;

	world_init(&w, 1 << 14);
	world_fill(&w, 1, START, START + DAY, MINUTE, 0);
	world_fill(&w, 1, START + DAY, START + DAY + 12 * HOUR, 2 * MINUTE, 1);
	world_fill(&w, 1, START + DAY + 12 * HOUR, START + 2 * DAY, MINUTE, 0);
	world_fill(&w, 2, START, START + HOUR, MINUTE, 0); /* of another one */
	all_spans(&w, 1);
	world_compact(&w, true);
	all_spans(&w, 1);
	world_release(&w);
}

static const struct {
	const char *from; /* UTC */
	enum calendar_unit unit;
	int64_t first_hours; /* how long the first bucket is */
	size_t n;
} days[] = {
	{ "2026-03-28 23:00:00", CALENDAR_DAY, 23, 3 },
	{ "2026-10-24 22:00:00", CALENDAR_DAY, 25, 3 },
	{ "2026-03-22 23:00:00", CALENDAR_WEEK, 7 * 24 - 1, 2 },
	{ "2026-10-18 22:00:00", CALENDAR_WEEK, 7 * 24 + 1, 2 },
	{ "2026-02-28 23:00:00", CALENDAR_MONTH, 31 * 24 - 1, 2 },
	{ "2026-09-30 22:00:00", CALENDAR_MONTH, 31 * 24 + 1, 2 },
};

/* The first one; *n: how many there are. */
static struct store_bucket first_bucket(struct world *w, const struct store_bucket_query *q,
					size_t *n)
{
	struct store_bucket first = { .n_rows = 0 };
	struct tesla_error err = { 0 };
	struct store_bucket_run run;
	struct store_buckets *b;

	*n = 0;
	cr_assert(store_buckets_open(w->store, q, &b, &err) == 0, "%s", err.text);
	while (store_buckets_next(b, &run, &err) == 1) {
		if (*n == 0 && run.n > 0)
			first = run.at[0];
		*n += run.n;
	}
	store_buckets_close(b);
	return first;
}

static int64_t utc(const char *text)
{
	struct tm tm = { 0 };

	cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm), "%s", text);
	return (int64_t)timegm(&tm) * 1000;
}

Test(store_read, days_weeks_and_months_of_a_zone)
{
	struct tesla_error err = { 0 };
	struct zone *madrid;

	cr_assert(zone_open("Europe/Madrid", &madrid, &err) == 0);
	for (size_t i = 0; i < N_ELEMENTS(days); i++) {
		struct unit unit = { madrid, days[i].unit };
		int64_t from = utc(days[i].from), to = from;
		struct store_bucket_query q = {
			"n1", 1, "TPF", 1, from, 0, { .next = next_unit }, STORE_ALL, false
		};
		struct store_bucket first;
		struct world w;
		size_t n;

		for (size_t k = 0; k < days[i].n; k++)
			to = calendar_next_ms(madrid, to, days[i].unit);
		world_init(&w, 0);
		world_fill(&w, 1, from - DAY, to, 15 * MINUTE, 0);
		q.to_ms = to;
		q.steps.arg = &unit;
		cr_expect(world_buckets(&w, &q) == days[i].n);
		first = first_bucket(&w, &q, &n);
		cr_expect(first.end_ms - first.start_ms == days[i].first_hours * HOUR);
		world_release(&w);
	}
	zone_free(madrid);
}

struct counted {
	struct unit unit;
	size_t calls;
};

static int64_t counted_next(const void *arg, int64_t ms)
{
	struct counted *c = (struct counted *)(uintptr_t)arg;

	c->calls++;
	return calendar_next_ms(c->unit.zone, ms, c->unit.unit);
}

static int64_t counted_last(const void *arg, int64_t ms)
{
	const struct counted *c = arg;

	return calendar_this_ms(c->unit.zone, ms, c->unit.unit);
}

/* Two spans of days in two centuries: what lies between costs nothing, the buckets are the same. */
Test(store_read, empty_time_is_passed_over)
{
	struct tesla_error err = { 0 };
	struct counted counted = { .unit = { NULL, CALENDAR_DAY } };
	struct store_bucket_query q = { "n1",
					1,
					"TPF",
					1,
					utc("1900-01-01 00:00:00"),
					utc("2100-01-01 00:00:00"),
					{ 0, 0, counted_next, counted_last, &counted },
					STORE_ALL,
					false };
	int64_t first = utc("2026-03-20 00:00:00"), later = utc("2090-10-01 00:00:00");
	struct zone *madrid;
	struct world w;

	cr_assert(zone_open("Europe/Madrid", &madrid, &err) == 0);
	counted.unit.zone = madrid;
	world_init(&w, 0);
	world_fill(&w, 1, first, first + 20 * DAY, HOUR, 0);
	world_fill(&w, 1, later, later + 5 * DAY, HOUR, 0);
	{
		struct store_bucket_run run;
		struct store_buckets *b;
		size_t n = 0;
		int r;

		cr_assert(store_buckets_open(w.store, &q, &b, &err) == 0, "%s", err.text);
		while ((r = store_buckets_next(b, &run, &err)) == 1)
			for (size_t i = 0; i < run.n; i++, n++) {
				cr_expect(run.at[i].end_ms == calendar_next_ms(madrid,
									       run.at[i].start_ms,
									       CALENDAR_DAY));
				cr_expect(run.at[i].n_rows > 0);
			}
		cr_expect(r == 0 && n == 27, "%d, %zu buckets", r,
			  n); /* its days begin at 22 or 23 h */
		store_buckets_close(b);
	}
	cr_expect(counted.calls < 200, "%zu ends were asked for", counted.calls);
	world_release(&w);
	zone_free(madrid);
}

/* What was not asked for may not be there; what was is the same. */
Test(store_read, only_what_is_wanted)
{
	struct world w;

	world_init(&w, 0);
	world_fill(&w, 1, START, START + DAY, MINUTE, 0);
	for (unsigned wanted = 1; wanted <= STORE_ALL; wanted <<= 1) {
		struct store_bucket_query q = {
			"n1", 1, "CEA", 0, START, START + DAY, { .step_ms = DAY }, wanted, false
		};
		struct store_bucket want, got;
		size_t n;

		(void)world_bucket(&w, &q, START, START + DAY, &want);
		got = first_bucket(&w, &q, &n);
		cr_assert(n == 1);
		world_mask(&want, wanted);
		world_same(&got, &want);
	}
	world_release(&w);
}

/* Blocks that lie in a bucket as a whole, between others, and with rows that came since. */
Test(store_read, headers_of_blocks)
{
	static const int64_t lengths[] = { 12 * HOUR, DAY, 3 * DAY, 100 * DAY };
	static const unsigned wanted[] = { STORE_MEAN, STORE_ALL & ~STORE_LAST, STORE_ALL };
	struct world w;

	world_init(&w, 1 << 12); /* blocks of half a day */
	for (int round = 0; round < 6; round++) {
		int64_t from = START + round * 2 * DAY;

		w.clean = round % 2 == 0;
		world_fill(&w, 1, from, from + 2 * DAY, 5 * MINUTE, 0);
		world_compact(&w, true);
		if (round == 3) { /* one that came since, and one whose cover is another */
			struct row late = world_row(&w, 1, START + HOUR + 1, MINUTE, 0);

			world_store(&w, &late, 1, true);
		}
		for (size_t i = 0; i < N_ELEMENTS(lengths); i++)
			for (size_t k = 0; k < N_ELEMENTS(wanted) * N_ELEMENTS(numbers); k++) {
				const struct number *number = &numbers[k % N_ELEMENTS(numbers)];
				struct store_bucket_query q = { "n1",
								1,
								number->variable,
								number->element,
								START,
								START + 13 * DAY,
								{ .step_ms = lengths[i] },
								wanted[k / N_ELEMENTS(numbers)],
								false };

				(void)world_buckets(&w, &q);
				q.from_ms += 7 * HOUR;
				q.steps.origin_ms = HOUR;
				(void)world_buckets(&w, &q);
			}
	}
	world_release(&w);
}

static int64_t not_on(const void *arg, int64_t ms)
{
	(void)arg;
	return ms;
}

Test(store_read, what_is_not_there_and_steps_that_are_none)
{
	struct store_bucket_query q = {
		"n1", 1, "TPF", 0, START, START + DAY, { .step_ms = HOUR }, STORE_ALL, false
	};
	struct tesla_error err = { 0 };
	struct store_buckets *b;
	struct world w;
	size_t n;

	world_init(&w, 0);
	cr_expect(store_buckets_open(w.store, &q, &b, &err) == -ENOENT);
	world_fill(&w, 1, START, START + HOUR, MINUTE, 1);
	q.element = 2;
	cr_expect(store_buckets_open(w.store, &q, &b, &err) == -ENOENT);
	q.element = 0;
	q.variable = "CEA";
	cr_expect(store_buckets_open(w.store, &q, &b, &err) == -ENOENT);
	q.variable = "TPF";
	q.steps.step_ms = 0;
	cr_expect(store_buckets_open(w.store, &q, &b, &err) == -EINVAL);
	q.steps.step_ms = -1;
	cr_expect(store_buckets_open(w.store, &q, &b, &err) == -EINVAL);
	q.steps = (struct store_steps){ .next = not_on }; /* ends all the same */
	cr_expect(first_bucket(&w, &q, &n).end_ms == q.to_ms && n == 1);
	world_release(&w);
}

/* ---- what there is ---- */

Test(store_read, lists_analyzers_and_their_variables)
{
	struct tesla_error err = { 0 };
	struct store_analyzer a;
	struct store_list *l;
	struct world w;

	world_init(&w, 0);
	world_fill(&w, 7, START, START + DAY, 15 * MINUTE, 0);
	world_fill(&w, 3, START, START + HOUR, MINUTE, 1);
	world_compact(&w, true);
	world_fill(&w, 7, START + DAY, START + 2 * DAY, 15 * MINUTE, 1);
	for (int round = 0; round < 3; round++) {
		cr_assert(store_list_open(w.store, round == 0 ? NULL : "n1", &l, &err) == 0);
		cr_assert(store_list_next(l, &a, &err) == 1);
		cr_expect(a.analyzer == 7 && strcmp(a.node, "n1") == 0 &&
			  strcmp(a.model, "PM710") == 0 && a.identity == NULL);
		cr_expect(world_find(&w, 7, a.range.first_ms) == w.rows);
		cr_expect(a.range.last_ms == w.rows[w.n - 1].end_ms);
		cr_assert(a.n_variables == 3 && strcmp(a.variables[0].name, "TPF") == 0 &&
			  strcmp(a.variables[1].name, "CEA") == 0);
		cr_expect(strcmp(a.variables[0].unit, "kV") == 0 && a.variables[0].n_elements == 2);
		cr_expect(a.variables[0].range.last_ms == a.range.last_ms &&
			  a.variables[0].range.first_ms == a.range.first_ms);
		cr_expect(a.variables[1].range.last_ms <= START + DAY &&
			  a.variables[1].kind == TESLA_COUNTER && a.variables[1].factor == 0.001);
		cr_assert(store_list_next(l, &a, &err) == 1);
		cr_expect(a.analyzer == 3 && a.n_variables == 1);
		cr_expect(store_list_next(l, &a, &err) == 0);
		store_list_close(l);
		if (round == 1) {
			world_compact(&w, true);
			world_reopen(&w);
		}
	}
	cr_assert(store_list_open(w.store, "n2", &l, &err) == 0);
	cr_expect(store_list_next(l, &a, &err) == 0);
	store_list_close(l);
	world_release(&w);
}

/* ---- what came last ---- */

static bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void expect_last(struct world *w, int64_t analyzer)
{
	const struct row *want = NULL;
	const struct tesla_record_element *a, *b;
	struct tesla_error err = { 0 };
	struct arena memory = { 0 };
	struct record last;

	for (size_t i = 0; i < w->n; i++)
		if (w->rows[i].analyzer == analyzer &&
		    (want == NULL || w->rows[i].end_ms > want->end_ms))
			want = &w->rows[i];
	cr_assert(store_last(w->store, "n1", analyzer, &memory, &last, &err) == 0, "%s", err.text);
	cr_assert(last.end_ms == want->end_ms && last.start_ms == want->end_ms - want->length_ms,
		  "%lld, not %lld", (long long)last.end_ms, (long long)want->end_ms);
	cr_assert(last.n_variables == (want->form == 0 ? 3 : 1));
	a = &last.variables[0]->elements[1];
	b = &want->voltage[1];
	cr_assert(same_number(a->value, b->value) && same_number(a->min, b->min) &&
		  a->quality == b->quality && a->covered_ms == b->covered_ms);
	arena_release(&memory);
}

Test(store_read, the_last_one_wherever_it_is)
{
	struct world w;

	world_init(&w, 1 << 12);
	for (int i = 0; i < 200; i++) {
		int64_t t = START + i * 4 * HOUR;
		struct row r = world_row(&w, 1, t, MINUTE, i / 30 % 2), again, late;

		world_store(&w, &r, 1, true);
		expect_last(&w, 1);
		again = world_row(&w, 1, t, MINUTE, r.form);
		late = world_row(&w, 1, t - HOUR, MINUTE, r.form);
		world_store(&w, &again, 1, true);
		world_store(&w, &late, 1, true);
		expect_last(&w, 1);
		if (i % 3 == 0)
			world_compact(&w, i % 2 == 0);
		expect_last(&w, 1);
		if (i % 7 == 0)
			world_reopen(&w);
		expect_last(&w, 1);
		expect_last(&w, 1);
	}
	world_release(&w);
}

Test(store_read, no_last_one)
{
	struct tesla_error err = { 0 };
	struct arena memory = { 0 };
	struct record last;
	struct world w;

	world_init(&w, 0);
	cr_expect(store_last(w.store, "n1", 1, &memory, &last, &err) == -ENOENT);
	world_fill(&w, 1, START, START + HOUR, MINUTE, 0);
	cr_expect(store_last(w.store, "n2", 1, &memory, &last, &err) == -ENOENT);
	cr_expect(store_last(w.store, "n1", 2, &memory, &last, &err) == -ENOENT);
	arena_release(&memory);
	world_release(&w);
}
