/* SPDX-License-Identifier: Apache-2.0 */
/* When windows open and close, whatever the clock does, and where their records go. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/record.h"
#include "daemon/recorder.h"
#include "hub_fixture.h"

#define NOON INT64_C(1795780800000) /* ms: 2026-11-27 12:00 UTC */
#define MINUTE INT64_C(60000)
#define DAY INT64_C(86400000)
#define MADE_MAX 256

/* ---- a recorder with all that it needs ---- */

struct made { /* of a record, what tests look at */
	int64_t analyzer, start_ms, end_ms;
	struct tesla_record_element voltage[3], frequency;
	char identity[20];
};

struct bench {
	char top[40], run[48], state[48], file[60], said[2000];
	struct fixture x;
	const struct conf_analyzer *first[2], *second[1];
	struct conf_exporter exporters[3];
	struct hub *hub;
	struct keep *keep;
	struct recorder *recorder;
	struct made made[MADE_MAX];
	size_t n_made, n_ready;
	int64_t mono_us;
};

static void on_made(void *arg, struct hub_analyzer *a, int64_t end_ms, const struct buf *bytes)
{
	struct bench *b = arg;
	struct made *m = &b->made[b->n_made++];
	struct arena memory = { .blocks = NULL };
	struct tesla_error err;
	struct record r;

	cr_assert(lt(sz, b->n_made, MADE_MAX));
	cr_assert(eq(int, record_parse(bytes->pub.bytes, bytes->pub.len, &memory, &r, &err), 0),
		  "%s", err.text);
	cr_assert(eq(i64, r.analyzer, a->conf->id));
	cr_assert(eq(i64, r.end_ms, end_ms));
	cr_assert(eq(sz, r.n_variables, 2));
	*m = (struct made){ .analyzer = r.analyzer, .start_ms = r.start_ms, .end_ms = r.end_ms };
	memcpy(m->voltage, r.variables[0]->elements, sizeof m->voltage);
	m->frequency = r.variables[1]->elements[0];
	(void)snprintf(m->identity, sizeof m->identity, "%s", r.identity ? r.identity : "");
	arena_release(&memory);
}

static void on_ready(void *arg)
{
	struct bench *b = arg;

	b->n_ready++;
}

static int64_t on_mono(void *arg)
{
	const struct bench *b = arg;

	return b->mono_us;
}

static void on_log(void *arg, int level, const char *text)
{
	struct bench *b = arg;
	size_t at = strlen(b->said);

	(void)level;
	(void)snprintf(b->said + at, sizeof b->said - at, "%s\n", text);
}

/* Exporter "a" (durable) of 7 and 3, "live" of 7, "b" (durable) of 3; 9 has none. */
static void exporters_init(struct bench *b)
{
	b->first[0] = &b->x.analyzers[0];
	b->first[1] = b->second[0] = &b->x.analyzers[1];
	b->exporters[0] = (struct conf_exporter){ .id = fixture_text("a"),
						  .analyzers = b->first,
						  .n_analyzers = 2 };
	b->exporters[1] = (struct conf_exporter){ .id = fixture_text("live"),
						  .analyzers = b->first,
						  .n_analyzers = 1 };
	b->exporters[2] = (struct conf_exporter){ .id = fixture_text("b"),
						  .analyzers = b->second,
						  .n_analyzers = 1 };
	b->x.config.exporters = b->exporters;
	b->x.config.n_exporters = N_ELEMENTS(b->exporters);
}

static void bench_start(struct bench *b, int64_t wall_ms)
{
	static const bool durable[] = { true, false, true };
	const struct recorder_calls calls = { on_made, on_ready, b, on_mono };
	_cleanup_free_ struct keep_slot *slots = NULL;

	b->hub = fixture_hub_of(&b->x);
	cr_assert(ne(ptr, b->hub, NULL));
	slots = recorder_slots(b->hub);
	b->keep = keep_open(b->run, b->state, slots, b->hub->n_analyzers, &b->x.log);
	cr_assert(ne(ptr, b->keep, NULL));
	b->recorder = recorder_new(b->hub, b->keep, &calls, durable);
	cr_assert(ne(ptr, b->recorder, NULL));
	recorder_begin(b->recorder, false, wall_ms * 1000);
}

/* As a kill would: nothing is closed, nothing is saved. */
static void bench_kill(struct bench *b)
{
	recorder_free(b->recorder);
	keep_close(b->keep, false);
	hub_free(b->hub);
}

static void bench_init(struct bench *b, int64_t record_ms, int64_t wall_ms)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	*b = (struct bench){ .top = "/tmp/recorder.XXXXXX" };
	cr_assert(ne(ptr, mkdtemp(b->top), NULL));
	(void)snprintf(b->run, sizeof b->run, "%s/run", b->top);
	(void)snprintf(b->state, sizeof b->state, "%s/state", b->top);
	(void)snprintf(b->file, sizeof b->file, "%s/windows", b->run);
	cr_assert(mkdir(b->run, 0700) == 0 && mkdir(b->state, 0700) == 0);
	fixture_init(&b->x);
	b->x.log = (struct log){ LOG_LEVEL_INFO, on_log, b };
	b->x.voltage.kind = TESLA_GAUGE;
	b->x.frequency.kind = TESLA_COUNTER;
	b->x.frequency.rating = 36000; /* 10 a second */
	b->x.voltage.predecessor_factor = b->x.frequency.predecessor_factor = 1;
	for (size_t i = 0; i < N_ELEMENTS(b->x.analyzers); i++)
		b->x.analyzers[i].record_ms = record_ms;
	exporters_init(b);
	bench_start(b, wall_ms);
}

static void bench_release(struct bench *b)
{
	bench_kill(b);
	(void)unlink(b->file);
	cr_expect(rmdir(b->run) == 0 && rmdir(b->state) == 0 && rmdir(b->top) == 0);
}

static void set(struct bench *b, int64_t id, size_t variable, int64_t t_ms, double value)
{
	struct hub_last *last = &hub_analyzer(b->hub, id)->last[variable];

	last->t_us = t_ms * 1000;
	for (size_t i = 0; i < last->n_elements; i++)
		last->elements[i] = (struct tesla_element){ value, TESLA_GOOD };
}

/* Both variables, of the same instant, taken in at wall_ms. */
static void sweep(struct bench *b, int64_t id, int64_t t_ms, int64_t wall_ms, double volts,
		  double count)
{
	static const size_t which[] = { 0, 1 };

	set(b, id, 0, t_ms, volts);
	set(b, id, 1, t_ms, count);
	recorder_add(b->recorder, hub_analyzer(b->hub, id), which, 2, wall_ms * 1000);
}

static void tick(struct bench *b, int64_t wall_ms)
{
	recorder_tick(b->recorder, wall_ms * 1000);
}

static struct recorder_counts counts(const struct bench *b)
{
	struct recorder_counts c;

	recorder_counts(b->recorder, &c);
	return c;
}

/* ---- the ordinary way ---- */

Test(recorder, a_window_ends_with_the_reading_behind_it)
{
	struct bench b;
	const struct made *m = &b.made[0];

	bench_init(&b, MINUTE, NOON);
	b.hub->analyzers[0].identity = strdup("PM710 x");
	for (int64_t s = 0; s < 60; s++)
		sweep(&b, 7, NOON + s * 1000, NOON + s * 1000, s < 30 ? 200 : 240, (double)s);
	cr_expect(eq(sz, b.n_made, 0));
	sweep(&b, 7, NOON + MINUTE, NOON + MINUTE, 1000, 60);
	cr_assert(eq(sz, b.n_made, 1));
	cr_expect(eq(i64, m->analyzer, 7));
	cr_expect(eq(i64, m->start_ms, NOON));
	cr_expect(eq(i64, m->end_ms, NOON + MINUTE));
	cr_expect(eq(str, (char *)(uintptr_t)m->identity, "PM710 x"));
	cr_expect(eq(u32, m->voltage[2].count, 60));
	cr_expect(eq(i64, m->voltage[2].covered_ms, 60000));
	cr_expect(epsilon_eq(dbl, m->voltage[2].value, 220, 0.01));
	cr_expect(eq(dbl, m->voltage[2].max, 240), "the reading behind it is the next one's");
	cr_expect(eq(dbl, m->frequency.increase, 59));
	cr_expect(eq(u64, counts(&b).records, 1));
	bench_release(&b);
}

/* One sweep with readings before and after the end. */
Test(recorder, a_sweep_may_lie_across_the_end)
{
	static const size_t which[] = { 1, 0 };
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	sweep(&b, 7, NOON + 59000, NOON + 59000, 200, 10);
	set(&b, 7, 1, NOON + MINUTE + 100, 15);
	set(&b, 7, 0, NOON + MINUTE - 100, 300);
	recorder_add(b.recorder, hub_analyzer(b.hub, 7), which, 2, (NOON + MINUTE) * 1000);
	cr_assert(eq(sz, b.n_made, 1));
	cr_expect(eq(u32, b.made[0].voltage[0].count, 2));
	cr_expect(eq(u32, b.made[0].frequency.count, 1));
	sweep(&b, 7, NOON + 2 * MINUTE, NOON + 2 * MINUTE, 400, 15);
	cr_assert(eq(sz, b.n_made, 2));
	cr_expect(eq(u32, b.made[1].voltage[0].count, 0));
	cr_expect(eq(u32, b.made[1].frequency.count, 1));
	cr_expect(eq(dbl, b.made[1].frequency.increase, 5));
	cr_expect(eq(u64, counts(&b).late, 0));
	bench_release(&b);
}

Test(recorder, without_readings_the_clock_ends_it)
{
	static const struct {
		int64_t record_ms, grace_ms;
	} rows[] = { { MINUTE, 2000 }, { 2000, 1000 }, { 1000, 500 }, { DAY, 2000 } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		int64_t end = NOON / rows[i].record_ms * rows[i].record_ms + rows[i].record_ms;
		struct bench b;

		bench_init(&b, rows[i].record_ms, NOON);
		tick(&b, end + rows[i].grace_ms - 1);
		cr_expect(eq(sz, b.n_made, 0), "row %zu", i);
		tick(&b, end + rows[i].grace_ms);
		cr_assert(eq(sz, b.n_made, 3), "each analyzer has a record");
		for (size_t k = 0; k < 3; k++) {
			cr_expect(eq(i64, b.made[k].end_ms, end));
			cr_expect(eq(int, (int)b.made[k].voltage[0].quality, TESLA_ERROR));
			cr_expect(isnan(b.made[k].voltage[0].value));
		}
		tick(&b, end + rows[i].grace_ms + 1);
		cr_expect(eq(sz, b.n_made, 3));
		bench_release(&b);
	}
}

Test(recorder, what_comes_too_late_or_from_the_future_is_counted)
{
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	sweep(&b, 7, NOON + 1000, NOON + 1000, 200, 1);
	sweep(&b, 7, NOON + MINUTE, NOON + MINUTE, 200, 2);
	sweep(&b, 7, NOON + 59000, NOON + MINUTE + 10, 900, 3);
	cr_expect(eq(u64, counts(&b).late, 2));
	sweep(&b, 7, NOON + DAY, NOON + MINUTE + 20, 900, 3);
	sweep(&b, 7, INT64_MAX / 4000, NOON + MINUTE + 20, 900, 3);
	cr_expect(eq(u64, counts(&b).late, 6));
	sweep(&b, 7, NOON + MINUTE + 5000, NOON + MINUTE + 30, 200, 3);
	cr_expect(eq(u64, counts(&b).late, 6), "a little is what clocks do");
	cr_expect(eq(sz, b.n_made, 1));
	tick(&b, NOON + 2 * MINUTE + 2000);
	cr_expect(eq(u32, b.made[1].voltage[0].count, 2));
	cr_expect(eq(dbl, b.made[1].voltage[0].max, 200));
	bench_release(&b);
}

Test(recorder, another_meter_counts_for_nothing)
{
	static const enum hub_verified strange[] = { HUB_OTHER, HUB_CHANGED };

	for (size_t i = 0; i < N_ELEMENTS(strange); i++) {
		struct bench b;

		bench_init(&b, MINUTE, NOON);
		hub_analyzer(b.hub, 7)->verified = HUB_VERIFIED;
		sweep(&b, 7, NOON + 1000, NOON + 1000, 200, 100);
		hub_analyzer(b.hub, 7)->verified = strange[i];
		for (int64_t s = 2; s < 30; s++)
			sweep(&b, 7, NOON + s * 1000, NOON + s * 1000, 999, 5000 + (double)s);
		hub_analyzer(b.hub, 7)->verified = HUB_VERIFIED;
		sweep(&b, 7, NOON + 31000, NOON + 31000, 210, 103);
		tick(&b, NOON + MINUTE + 2000);
		cr_expect(eq(u32, b.made[0].voltage[0].count, 2));
		cr_expect(eq(dbl, b.made[0].voltage[0].max, 210));
		cr_expect(eq(dbl, b.made[0].frequency.increase, 3));
		cr_expect(eq(int, (int)b.made[0].frequency.quality, TESLA_GOOD));
		bench_release(&b);
	}
}

/* ---- the ring ---- */

Test(recorder, durable_exporters_get_entries)
{
	static const struct {
		int64_t analyzer;
		uint32_t n;
		const char *ids;
	} rows[] = { { 7, 1, "a" }, { 3, 2, "a\0b" } };
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	tick(&b, NOON + MINUTE + 2000);
	cr_expect(eq(sz, b.n_made, 3));
	cr_expect(eq(sz, b.n_ready, 2));
	cr_assert(eq(sz, keep_waiting(b.keep), N_ELEMENTS(rows)), "9 has none that is durable");
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct recorder_entry e;
		size_t len;
		const void *bytes = keep_peek(b.keep, i, &len);

		cr_assert(eq(int, recorder_entry_parse(bytes, len, &e), 0));
		cr_expect(eq(i64, e.analyzer, rows[i].analyzer));
		cr_expect(eq(i64, e.end_ms, NOON + MINUTE));
		cr_expect(eq(u32, e.n_exporters, rows[i].n));
		cr_expect(eq(int, memcmp(e.exporters, rows[i].ids, 2 * rows[i].n), 0));
	}
	bench_release(&b);
}

/* What an entry is said to take at most is what one may take, with the longest identity. */
Test(recorder, entries_are_no_larger_than_said)
{
	_cleanup_free_ char *identity = malloc(RECORD_IDENTITY_MAX + 1);
	_cleanup_free_ struct keep_slot *slots = NULL;
	struct bench b;
	size_t len;

	memset(identity, 'i', RECORD_IDENTITY_MAX);
	identity[RECORD_IDENTITY_MAX] = '\0';
	bench_init(&b, MINUTE, NOON);
	slots = recorder_slots(b.hub);
	b.hub->analyzers[0].identity = strdup(identity);
	b.hub->analyzers[1].identity = strdup(identity);
	tick(&b, NOON + MINUTE + 2000);
	cr_assert(eq(sz, keep_waiting(b.keep), 2));
	for (size_t i = 0; i < 2; i++) {
		(void)keep_peek(b.keep, i, &len);
		cr_expect(ge(sz, slots[i].entry, len));
		cr_expect(le(sz, slots[i].entry, len + 400));
	}
	cr_expect(eq(sz, slots[2].entry, 0));
	cr_expect(eq(sz, slots[0].entry - slots[1].entry, sizeof "live" - sizeof "b"));
	bench_release(&b);
}

Test(recorder, a_foreign_entry_is_checked)
{
	struct bench b;
	struct recorder_entry e;
	size_t len;
	const uint8_t *good;

	bench_init(&b, MINUTE, NOON);
	tick(&b, NOON + MINUTE + 2000);
	good = keep_peek(b.keep, 1, &len);
	for (size_t n = 0; n < len; n++) {
		_cleanup_free_ uint8_t *bytes = malloc(n + 1);

		memcpy(bytes, good, n);
		cr_assert(eq(int, recorder_entry_parse(bytes, n, &e), -EBADMSG), "%zu", n);
	}
	for (uint32_t n = 0; n < 10; n++) { /* other counts of exporters than 2 */
		_cleanup_free_ uint8_t *bytes = malloc(len);

		memcpy(bytes, good, len);
		memcpy(bytes, &n, sizeof n);
		cr_assert(eq(int, recorder_entry_parse(bytes, len, &e), n == 2 ? 0 : -EBADMSG));
	}
	cr_assert(eq(int, recorder_entry_parse(good, len, &e), 0));
	for (uint32_t n = 0; n < 2;
	     n++) { /* the same record for nobody, and for one without a name */
		_cleanup_free_ uint8_t *bytes = malloc(len);

		memcpy(bytes, &n, sizeof n);
		bytes[sizeof n] = '\0';
		memcpy(bytes + sizeof n + n, e.record, e.len);
		cr_assert(eq(int,
			     recorder_entry_parse(bytes, sizeof n + n + e.len,
						  &(struct recorder_entry){ 0 }),
			     -EBADMSG));
	}
	bench_release(&b);
}

/* ---- the clock ---- */

Test(recorder, a_clock_that_jumps_forward_closes_one_window)
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

/* A sweep of 7 and a tick every second. */
static void go(struct bench *b, int64_t from_ms, int64_t minutes)
{
	for (int64_t s = 0; s < minutes * 60; s++) {
		sweep(b, 7, from_ms + s * 1000, from_ms + s * 1000, 200, (double)s);
		tick(b, from_ms + s * 1000);
	}
}

static size_t made_of_7(const struct bench *b, struct made *of)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_made; i++)
		if (b->made[i].analyzer == 7)
			of[n++] = b->made[i];
	return n;
}

Test(recorder, a_clock_that_goes_back)
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
Test(recorder, a_window_in_the_future_makes_room_when_nothing_was_recorded)
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
Test(recorder, ahead_for_minutes)
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
Test(recorder, ahead_and_back_again)
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
Test(recorder, a_step_of_the_clock_costs_no_growth)
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
Test(recorder, growth_over_a_restart)
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
Test(recorder, another_meter_after_a_restart)
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
Test(recorder, windows_that_are_gone)
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
Test(recorder, time_that_has_records_costs_nothing)
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

/* ---- killed and started again ---- */

Test(recorder, an_open_window_survives)
{
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	b.hub->analyzers[0].identity = strdup("PM710 x");
	for (int64_t s = 0; s < 30; s++)
		sweep(&b, 7, NOON + s * 1000, NOON + s * 1000, 200, (double)s);
	bench_kill(&b);
	bench_start(&b, NOON + 30000);
	for (int64_t s = 30; s < 60; s++)
		sweep(&b, 7, NOON + s * 1000, NOON + s * 1000, 240, (double)s);
	bench_kill(&b);
	cr_expect(eq(sz, b.n_made, 0));
	bench_start(&b, NOON + MINUTE + 1);
	cr_assert(eq(sz, b.n_made, 3), "what has ended is closed at the start");
	cr_expect(eq(sz, keep_waiting(b.keep), 2));
	cr_expect(eq(u32, b.made[0].voltage[0].count, 60));
	cr_expect(epsilon_eq(dbl, b.made[0].voltage[0].value, 220, 0.01));
	cr_expect(eq(dbl, b.made[0].frequency.increase, 59));
	cr_expect(eq(str, b.said, ""));
	cr_expect(eq(str, b.made[0].identity, "PM710 x"), "as it was read");
	sweep(&b, 7, NOON + 2 * MINUTE, NOON + 2 * MINUTE, 240, 119);
	sweep(&b, 7, NOON + 3 * MINUTE, NOON + 3 * MINUTE, 240, 119);
	cr_expect(eq(dbl, b.made[4].frequency.increase, 60), "counters go on");
	cr_expect(eq(str, b.made[4].identity, ""), "who is read now is not known");
	bench_release(&b);
}

Test(recorder, another_configuration_costs_what_it_changes)
{
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	for (int64_t s = 0; s < 30; s++)
		sweep(&b, 7, NOON + s * 1000, NOON + s * 1000, 200, (double)s);
	bench_kill(&b);
	b.x.voltage.unit = "kV";
	bench_start(&b, NOON + 30000);
	cr_expect(ne(ptr, strstr(b.said, "analyzer 7: 1 of the variables"), NULL), "%s", b.said);
	tick(&b, NOON + MINUTE + 2000);
	cr_expect(eq(u32, b.made[0].voltage[0].count, 0));
	cr_expect(eq(u32, b.made[0].frequency.count, 30));
	cr_expect(eq(dbl, b.made[0].frequency.increase, 29));
	bench_release(&b);
}

/* As if it had hundreds of variables: none can be kept, and that is said once. */
Test(recorder, records_that_are_too_large)
{
	struct bench b;
	char *identity;

	bench_init(&b, MINUTE, NOON);
	identity = malloc(RECORD_BYTES_MAX + 1);
	memset(identity, 'x', RECORD_BYTES_MAX);
	identity[RECORD_BYTES_MAX] = '\0';
	b.hub->analyzers[0].identity = identity;
	go(&b, NOON, 5);
	cr_expect(eq(u64, counts(&b).lost, 4));
	cr_expect(ne(ptr, strstr(b.said, "analyzer 7: 2 variables with 4 elements make"), NULL),
		  "%s", b.said);
	cr_expect(eq(ptr, strchr(b.said, '\n')[1] ? b.said : NULL, NULL), "once: %s", b.said);
	bench_release(&b);
}

/* The clock of a machine without a battery starts in the past. */
Test(recorder, started_before_what_is_kept)
{
	struct made of[MADE_MAX];
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	go(&b, NOON, 2);
	bench_kill(&b);
	bench_start(&b, NOON - 30 * MINUTE);
	cr_expect(eq(sz, made_of_7(&b, of), 1));
	go(&b, NOON - 30 * MINUTE, 1);
	cr_assert(eq(sz, made_of_7(&b, of), 2));
	cr_expect(eq(i64, of[1].end_ms, NOON + 2 * MINUTE));
	cr_expect(eq(u32, of[1].voltage[0].count, 60), "what was kept was not lost");
	go(&b, NOON + 2 * MINUTE, 2);
	cr_assert(eq(sz, made_of_7(&b, of), 4));
	cr_expect(eq(i64, of[2].end_ms, NOON - 29 * MINUTE));
	cr_expect(eq(i64, of[3].end_ms, NOON + 3 * MINUTE));
	bench_release(&b);
}
