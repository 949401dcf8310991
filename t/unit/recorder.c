/* SPDX-License-Identifier: Apache-2.0 */
/* When windows open and close, and where their records go. */
#include "recorder_bench.h"

#include <errno.h>

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
/* Another configuration comes into force: as recording.c does it. */
static void bench_change(struct bench *b, struct fixture *next, int64_t wall_ms)
{
	static const bool durable[] = { true, false, true };
	const struct recorder_calls calls = { on_made, on_ready, b, on_mono };
	struct hub *h = fixture_hub_of(next);
	struct recorder *r = recorder_new(h, b->keep, &calls, durable);
	_cleanup_free_ struct keep_slot *slots = recorder_slots(h);
	struct tesla_error err;

	cr_assert(eq(int, keep_change(b->keep, slots, h->n_analyzers, &err), 0));
	recorder_hand_over(b->recorder, r, wall_ms * 1000);
	recorder_free(b->recorder);
	hub_free(b->hub);
	b->hub = h;
	b->recorder = r;
	recorder_begin(r, true, wall_ms * 1000);
}

/*
 * A variable has another meaning, an analyzer is gone: their windows end then, and another begins.
 * The counter that stayed goes on.  Who did not change has one window.
 */
Test(recorder, what_a_reload_takes_away_is_recorded_so_far)
{
	struct fixture y;
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	bench_fixture(&b, &y, MINUTE);
	y.voltage.unit = "kV";
	y.config.n_analyzers = 2; /* without 9 */
	for (int64_t s = 0; s < 30; s++) {
		sweep(&b, 7, NOON + s * 1000, NOON + s * 1000, 200, (double)s);
		sweep(&b, 9, NOON + s * 1000, NOON + s * 1000, 200, (double)s);
	}
	bench_change(&b, &y, NOON + 30000);
	cr_assert(eq(sz, b.n_made, 2));
	cr_expect(eq(i64, b.made[0].analyzer, 7));
	cr_expect(eq(i64, b.made[0].end_ms, NOON + 30000));
	cr_expect(eq(u32, b.made[0].voltage[0].count, 30));
	cr_expect(eq(i64, b.made[1].analyzer, 9));
	cr_expect(eq(i64, b.made[1].end_ms, NOON + 30000));
	for (int64_t s = 30; s < 60; s++)
		sweep(&b, 7, NOON + s * 1000, NOON + s * 1000, 0.2, (double)s);
	tick(&b, NOON + MINUTE + 2000);
	cr_expect(eq(i64, b.made[2].start_ms, NOON + 30000));
	cr_expect(eq(i64, b.made[2].end_ms, NOON + MINUTE));
	cr_expect(eq(u32, b.made[2].voltage[0].count, 30));
	cr_expect(eq(dbl, b.made[0].frequency.increase + b.made[2].frequency.increase, 59));
	cr_expect(eq(str, b.said, ""), "nothing of it is lost: %s", b.said);
	bench_release(&b);
}

/* Replies of a window that has just ended may still come. */
Test(recorder, a_reload_leaves_the_grace)
{
	struct fixture y;
	struct bench b;

	bench_init(&b, MINUTE, NOON);
	bench_fixture(&b, &y, MINUTE);
	sweep(&b, 7, NOON + 58000, NOON + 58000, 200, 1);
	bench_change(&b, &y, NOON + MINUTE + 300);
	cr_assert(eq(sz, b.n_made, 0));
	sweep(&b, 7, NOON + 59900, NOON + MINUTE + 500, 200, 2);
	tick(&b, NOON + MINUTE + 2000);
	cr_assert(gt(sz, b.n_made, 0));
	cr_expect(eq(u32, b.made[0].voltage[0].count, 2));
	bench_release(&b);
}

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
