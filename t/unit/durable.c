/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A durable exporter with a clerk and a journal that are real; its host is played here.  What the
 * host says is foreign.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/record.h"
#include "daemon/durable.h"
#include "daemon/journal_check.h"
#include "daemon/recorder.h"
#include "journal_fixture.h"

#define BATCH 10
#define RECORDS_MAX (BATCH << BATCH)

int journal_prepare(const struct journal_check *check, char **set_aside, uint64_t *carried,
		    struct tesla_error *err)
{
	(void)check, (void)carried, (void)err;
	*set_aside = NULL;
	return 0;
}

struct plant {
	struct scratch scratch;
	uv_loop_t loop;
	struct log log;
	struct keep *keep;
	struct clerk *clerk;
	struct conf_exporter exporter;
	struct durable *durable;
	/* the host */
	bool going;   /* it was told to go */
	int64_t turn; /* of the batch that it has; 0: none */
	size_t n, batch[BATCH];
	unsigned batches;
	/* records, by their number from 1 on */
	size_t made;
	uint8_t delivered[RECORDS_MAX + 1], rejected[RECORDS_MAX + 1];
	size_t oldest; /* all before it is done */
	char said[400];
	bool stopped;
};

static void on_log(void *arg, int level, const char *text)
{
	struct plant *p = arg;

	if (level <= LOG_LEVEL_WARNING)
		(void)snprintf(p->said, sizeof p->said, "%s", text);
}

#define ANALYZERS 3u

/* Older ones of its analyzer are done, or before it in the batch. */
static void is_not_early(struct plant *p, size_t place)
{
	while (p->oldest < p->batch[place] && p->delivered[p->oldest] + p->rejected[p->oldest] > 0)
		p->oldest++;
	for (size_t i = p->oldest, at = 0; i < p->batch[place]; i++) {
		while (at < place && p->batch[at] < i)
			at++;
		cr_assert(i % ANALYZERS != p->batch[place] % ANALYZERS || p->batch[at] == i ||
				  p->delivered[i] + p->rejected[i] > 0,
			  "%zu is sent before %zu", p->batch[place], i);
	}
}

/* ["d", i, [seq, record], ...] */
static int on_send(void *arg, const struct buf *frame)
{
	struct plant *p = arg;
	struct tesla_error err;
	struct mp_doc doc;

	if (p->going)
		return -EPIPE;
	cr_assert(eq(int, mp_unpack(&doc, frame->pub.bytes + 4, frame->pub.len - 4, &err), 0), "%s",
		  err.text);
	cr_assert(eq(int, doc.u.data.type, MSGPACK_OBJECT_ARRAY));
	cr_assert(eq(i64, p->turn, 0), "one at a time");
	cr_assert(mp_to_int(&doc.u.data.via.array.ptr[1], &p->turn));
	p->n = doc.u.data.via.array.size - 2;
	cr_assert(le(sz, p->n, BATCH));
	for (size_t i = 0; i < p->n; i++) {
		const msgpack_object *row = &doc.u.data.via.array.ptr[i + 2];
		struct arena memory = { .blocks = NULL };
		struct record r;

		cr_assert(eq(int, record_decode(&row->via.array.ptr[1], &memory, &r, &err), 0));
		p->batch[i] = (size_t)(r.end_ms - START_MS);
		cr_assert(eq(uint, p->delivered[p->batch[i]] + p->rejected[p->batch[i]], 0),
			  "%zu was done and came again", p->batch[i]);
		is_not_early(p, i);
		arena_release(&memory);
	}
	p->batches++;
	mp_doc_release(&doc);
	return 0;
}

static void on_change(void *arg)
{
	struct plant *p = arg;

	durable_changed(p->durable);
}

static void plant_init(struct plant *p)
{
	struct clerk_conf clerk = { .program = "none",
				    .limits = { .bytes = 64 << 20, .rejects = 100000 },
				    .sync_interval_ms = 60000 };
	struct durable_conf durable = { .send = on_send, .arg = p };

	*p = (struct plant){ .scratch = scratch_new(),
			     .log = { .level = LOG_LEVEL_INFO, .sink = on_log, .arg = p },
			     .oldest = 1 };
	cr_assert(eq(int, uv_loop_init(&p->loop), 0));
	p->keep = keep_open(p->scratch.dir, p->scratch.dir, NULL, 0, &p->log);
	cr_assert(p->keep != NULL);
	clerk.dir = p->scratch.journal;
	clerk.keep = p->keep;
	clerk.log = durable.log = &p->log;
	p->clerk = clerk_new(&p->loop, &clerk);
	cr_assert(p->clerk != NULL);
	p->exporter = (struct conf_exporter){ .id = p->scratch.dir, .batch = BATCH };
	durable.clerk = p->clerk;
	durable.exporter = &p->exporter;
	p->durable = durable_new(&p->loop, &durable);
	cr_assert(p->durable != NULL);
	clerk_on_change(p->clerk, on_change, p);
	durable_up(p->durable);
}

static void on_stopped(void *arg)
{
	struct plant *p = arg;

	p->stopped = true;
}

static void plant_release(struct plant *p)
{
	durable_stop(p->durable);
	durable_close(p->durable);
	clerk_stop(p->clerk, on_stopped, p);
	(void)uv_run(&p->loop, UV_RUN_DEFAULT);
	cr_assert(p->stopped);
	cr_assert(eq(int, uv_loop_close(&p->loop), 0));
	durable_free(p->durable);
	clerk_free(p->clerk);
	keep_close(p->keep, false);
	scratch_remove(&p->scratch);
}

static void records_make(struct plant *p, size_t n)
{
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < n; i++) {
		const uint32_t n_exporters = 1;
		const struct record r = { .analyzer = 1 + (int64_t)(++p->made % ANALYZERS),
					  .end_ms = START_MS + (int64_t)p->made,
					  .model = "M" };

		buf_clear(&b);
		(void)buf_append(&b, &n_exporters, sizeof n_exporters);
		(void)buf_append(&b, p->exporter.id, strlen(p->exporter.id) + 1);
		cr_assert(eq(int, record_encode(&r, &b), 0));
		cr_assert(eq(int, keep_push(p->keep, b.pub.bytes, b.pub.len), 0));
	}
	buf_release(&b);
	clerk_kick(p->clerk);
}

/* Until the host has a batch, or nothing waits any more. */
static void run(struct plant *p)
{
	const struct delivery *d = durable_delivery(p->durable);
	int64_t end_us = clock_mono_us() + 20000000;

	while (p->turn == 0 && (d->waiting > 0 || keep_waiting(p->keep) > 0)) {
		cr_assert(lt(i64, clock_mono_us(), end_us), "waited in vain: %s, %s",
			  delivery_state_name(d->state), d->reason);
		if (d->state == DELIVERY_WAITING || d->state == DELIVERY_PAUSED)
			durable_drain(p->durable);
		(void)uv_run(&p->loop, UV_RUN_ONCE);
	}
}

static int say(struct plant *p, struct buf *b)
{
	struct tesla_error err = { .code = 0 };
	struct mp_doc doc;
	int r;

	cr_assert(eq(int, mp_unpack(&doc, b->pub.bytes, b->pub.len, &err), 0), "%s", err.text);
	p->turn = 0;
	r = durable_verdicts(p->durable, &doc.u.data, &err);
	mp_doc_release(&doc);
	return r;
}

/* One bit for each record: DONE, or what `others` says. */
static void answer(struct plant *p, unsigned mask, enum tesla_delivery others)
{
	struct buf b;
	msgpack_packer pk;

	buf_init(&b, 10000);
	mp_writer(&pk, &b);
	(void)msgpack_pack_map(&pk, 3);
	mp_key_int(&pk, "i", p->turn);
	mp_key_str(&pk, "error", NULL);
	mp_str(&pk, "list");
	(void)msgpack_pack_array(&pk, p->n);
	for (size_t i = 0; i < p->n; i++) {
		bool done = mask >> i & 1;

		(void)msgpack_pack_array(&pk, 3);
		(void)msgpack_pack_int(&pk, done ? TESLA_DONE : others);
		mp_str(&pk, done ? NULL : "why not");
		(void)msgpack_pack_int(&pk, 0);
		p->delivered[p->batch[i]] += done;
		p->rejected[p->batch[i]] += !done && others == TESLA_REJECT;
	}
	cr_assert(eq(int, say(p, &b), 0));
	buf_release(&b);
}

static void all_done_once(const struct plant *p)
{
	const struct journal_exporter_info *e = clerk_exporter(p->clerk, p->exporter.id);
	size_t delivered = 0;

	for (size_t i = 1; i <= p->made; i++) {
		cr_assert(eq(uint, p->delivered[i] + p->rejected[i], 1), "record %zu", i);
		delivered += p->delivered[i];
	}
	cr_assert(eq(u64, e->delivered, delivered));
	cr_assert(eq(u64, e->rejected, p->made - delivered));
}

/* Ten records and three answers by each mask; then all are taken. */
Test(durable, every_mask_over_three_rounds, .timeout = 300)
{
	struct plant *p = calloc(1, sizeof *p);

	cr_assert(p != NULL);
	plant_init(p);
	for (unsigned mask = 0; mask < 1u << BATCH; mask++) {
		records_make(p, BATCH);
		for (int round = 0; round < 3; round++) {
			run(p);
			if (p->turn != 0)
				answer(p, mask, mask % 3 == 2 ? TESLA_REJECT : TESLA_RETRY);
		}
		for (run(p); p->turn != 0; run(p))
			answer(p, ~0u, TESLA_RETRY);
	}
	cr_assert(eq(sz, p->made, RECORDS_MAX));
	all_done_once(p);
	plant_release(p);
	free(p);
}

Test(durable, a_host_that_dies_gets_the_batch_again)
{
	struct plant *p = calloc(1, sizeof *p);
	int64_t turn;

	cr_assert(p != NULL);
	plant_init(p);
	records_make(p, BATCH);
	run(p);
	turn = p->turn;
	durable_down(p->durable, false);
	p->turn = 0;
	for (int i = 0; i < 20; i++)
		(void)uv_run(&p->loop, UV_RUN_NOWAIT);
	cr_assert(eq(uint, p->batches, 1));
	durable_up(p->durable);
	run(p);
	cr_assert(gt(i64, p->turn, turn));
	cr_assert(eq(sz, p->n, BATCH));
	answer(p, ~0u, TESLA_RETRY);
	run(p);
	all_done_once(p);
	plant_release(p);
	free(p);
}

Test(durable, a_host_that_dies_while_its_batch_is_taken)
{
	struct plant *p = calloc(1, sizeof *p);

	cr_assert(p != NULL);
	plant_init(p);
	records_make(p, BATCH);
	while (durable_delivery(p->durable)->state != DELIVERY_TAKING)
		(void)uv_run(&p->loop, UV_RUN_ONCE);
	durable_down(p->durable, false);
	durable_up(p->durable);
	run(p);
	cr_assert(eq(uint, p->batches, 1), "what was taken for the other is not sent");
	answer(p, ~0u, TESLA_RETRY);
	run(p);
	all_done_once(p);
	plant_release(p);
	free(p);
}

Test(durable, a_host_that_is_going_fails_nothing)
{
	struct plant *p = calloc(1, sizeof *p);
	const struct delivery *d;

	cr_assert(p != NULL);
	plant_init(p);
	d = durable_delivery(p->durable);
	p->going = true;
	records_make(p, BATCH);
	while (d->state != DELIVERY_TAKING)
		(void)uv_run(&p->loop, UV_RUN_ONCE);
	while (d->state == DELIVERY_TAKING)
		(void)uv_run(&p->loop, UV_RUN_ONCE);
	cr_assert(eq(int, d->state, DELIVERY_DOWN));
	cr_assert(not(delivery_is_failing(d)));
	cr_assert(eq(str, p->said, ""));
	durable_down(p->durable, false);
	p->going = false;
	durable_up(p->durable);
	run(p);
	answer(p, ~0u, TESLA_RETRY);
	run(p);
	all_done_once(p);
	plant_release(p);
	free(p);
}

Test(durable, anew_the_back_off_begins_anew_and_nothing_is_well_yet)
{
	struct plant *p = calloc(1, sizeof *p);
	const struct delivery *d;

	cr_assert(p != NULL);
	plant_init(p);
	d = durable_delivery(p->durable);
	records_make(p, BATCH);
	for (int i = 0; i < 12; i++) {
		run(p);
		answer(p, 0, TESLA_RETRY);
	}
	cr_assert(gt(uint, d->failures, 5));
	p->said[0] = '\0';
	durable_anew(p->durable);
	cr_assert(delivery_is_failing(d));
	run(p);
	answer(p, 0, TESLA_RETRY);
	cr_assert(eq(uint, d->failures, 2));
	cr_assert(le(i64, d->retry_at_ms - clock_mono_us() / 1000, 2 * DELIVERY_BACKOFF_MIN_MS));
	cr_assert(eq(str, p->said, ""));
	for (run(p); p->turn != 0; run(p))
		answer(p, ~0u, TESLA_RETRY);
	cr_assert(not(delivery_is_failing(d)));
	all_done_once(p);
	plant_release(p);
	free(p);
}

/* ---- foreign ---- */

static const struct {
	const char *what;
	int64_t turn, n, fields, delivery, retry_ms; /* turn: beside that of the batch */
	bool number;				     /* the reason is one */
} junk[] = {
	{ "another batch", 1, 3, 3, TESLA_DONE, 0, false },
	{ "one that was", -1, 3, 3, TESLA_DONE, 0, false },
	{ "too few", 0, 2, 3, TESLA_DONE, 0, false },
	{ "too many", 0, 4, 3, TESLA_DONE, 0, false },
	{ "two fields", 0, 3, 2, TESLA_DONE, 0, false },
	{ "no delivery", 0, 3, 3, 4, 0, false },
	{ "less than none", 0, 3, 3, -1, 0, false },
	{ "a time in the past", 0, 3, 3, TESLA_RETRY, -1, false },
	{ "a reason that is a number", 0, 3, 3, TESLA_REJECT, 0, true },
};

static void junk_pack(struct buf *b, size_t row, int64_t turn)
{
	msgpack_packer pk;

	mp_writer(&pk, b);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_int(&pk, "i", turn + junk[row].turn);
	mp_str(&pk, "list");
	(void)msgpack_pack_array(&pk, (size_t)junk[row].n);
	for (int64_t i = 0; i < junk[row].n; i++) {
		bool last = i == junk[row].n - 1; /* the others are well */

		(void)msgpack_pack_array(&pk, last ? (size_t)junk[row].fields : 3);
		(void)msgpack_pack_int64(&pk, last ? junk[row].delivery : TESLA_DONE);
		(void)(last && junk[row].number ? msgpack_pack_int(&pk, 7) : msgpack_pack_nil(&pk));
		if (!last || junk[row].fields == 3)
			(void)msgpack_pack_int64(&pk, last ? junk[row].retry_ms : 0);
	}
}

Test(durable, verdicts_that_are_none_settle_nothing)
{
	struct plant *p = calloc(1, sizeof *p);

	cr_assert(p != NULL);
	plant_init(p);
	records_make(p, 3);
	for (size_t i = 0; i < N_ELEMENTS(junk); i++) {
		struct buf b;

		run(p);
		cr_assert(eq(sz, p->n, 3), "%s", junk[i].what);
		buf_init(&b, 10000);
		junk_pack(&b, i, p->turn);
		cr_assert(eq(int, say(p, &b), -EPROTO), "%s", junk[i].what);
		buf_release(&b);
		durable_down(p->durable, false); /* it is killed for that */
		durable_up(p->durable);
	}
	run(p);
	cr_assert(eq(sz, p->n, 3));
	answer(p, ~0u, TESLA_RETRY);
	run(p);
	all_done_once(p);
	plant_release(p);
	free(p);
}

Test(durable, the_reason_is_said)
{
	struct plant *p = calloc(1, sizeof *p);

	cr_assert(p != NULL);
	plant_init(p);
	records_make(p, 3);
	run(p);
	answer(p, 0, TESLA_REFUSED);
	cr_assert(strstr(p->said, "is paused: why not") != NULL, "%s", p->said);
	cr_assert(eq(int, durable_delivery(p->durable)->state, DELIVERY_PAUSED));
	plant_release(p);
	free(p);
}

static void on_held(void *arg)
{
	(*(unsigned *)arg)++;
}

Test(durable, who_holds_it_waits_for_what_is_under_way)
{
	struct plant *p = calloc(1, sizeof *p);
	unsigned held = 0;

	cr_assert(p != NULL);
	plant_init(p);
	records_make(p, 3 * BATCH);
	while (durable_delivery(p->durable)->state != DELIVERY_TAKING)
		(void)uv_run(&p->loop, UV_RUN_ONCE);
	cr_assert(durable_hold(p->durable, on_held, &held));
	cr_assert(not(durable_hold(p->durable, on_held, &held)));
	run(p);
	cr_assert(eq(uint, p->batches, 1), "that one was taken before");
	cr_assert(eq(uint, held, 0));
	answer(p, ~0u, TESLA_RETRY);
	cr_assert(eq(uint, held, 1));
	for (int i = 0; i < 20; i++)
		(void)uv_run(&p->loop, UV_RUN_NOWAIT);
	cr_assert(eq(uint, p->batches, 1));
	durable_release(p->durable);
	run(p);
	cr_assert(eq(uint, p->batches, 2));
	cr_assert(durable_hold(p->durable, on_held, &held));
	durable_down(p->durable, false); /* its host has it no more */
	p->turn = 0;
	cr_assert(eq(uint, held, 2));
	durable_release(p->durable);
	cr_assert(durable_hold(p->durable, on_held, &held));
	cr_assert(eq(uint, held, 3), "at once");
	durable_release(p->durable);
	durable_up(p->durable);
	for (run(p); p->turn != 0; run(p))
		answer(p, ~0u, TESLA_RETRY);
	all_done_once(p);
	records_make(p, 1);
	run(p);
	cr_assert(durable_hold(p->durable, on_held, &held));
	cr_assert(eq(uint, held, 3));
	plant_release(p);
	cr_assert(eq(uint, held, 4), "at a stop too");
	free(p);
}
