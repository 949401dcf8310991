/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub and what it takes from hosts: numbers, last values, batches, and every breach of the
 * form.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/model_tables.h"
#include "daemon/intake.h"
#include "hub_fixture.h"
#include "json_pack.h"

static int say_from(struct hub *h, const struct intake_from *from, const char *json,
		    struct tesla_error *err)
{
	msgpack_packer pk;
	struct mp_doc doc;
	struct buf b;
	int r;

	buf_init(&b, FRAME_MAX);
	mp_writer(&pk, &b);
	cr_assert(json_pack(&pk, json), "%s", json);
	cr_assert(eq(int, mp_unpack(&doc, b.pub.bytes, b.pub.len, err), 0));
	r = intake(h, from, &doc.u.data, err);
	mp_doc_release(&doc);
	buf_release(&b);
	return r;
}

/* Host 0 says it. */
static int say(struct hub *h, const char *json, struct tesla_error *err)
{
	return say_from(h, &(struct intake_from){ .owner = 0 }, json, err);
}

#define SWEEP(ID, ERROR, READINGS) \
	"[\"s\",[" #ID ",5000000,40,4000," ERROR ",1,2,3,4,5,600," READINGS ",2500,[9000,2,0,1]]]"
#define COUNTED(LATE, TOOK) "[\"s\",[3,5000000,40,4000,null,1,2,3,4,5,600,[]," LATE "," TOOK "]]"

/* ---- what went out ---- */

struct got {
	size_t frames, items;
	struct mp_doc doc;
};

static void on_batch(void *arg, const struct buf *frame, size_t n)
{
	struct got *g = arg;
	struct tesla_error err;

	if (g->frames++ > 0)
		mp_doc_release(&g->doc);
	g->items += n;
	cr_assert(eq(int, mp_unpack(&g->doc, frame->pub.bytes + 4, frame->pub.len - 4, &err), 0));
	cr_assert(eq(u32, g->doc.u.data.via.array.size, (uint32_t)n + 1));
}

static const msgpack_object *item(const struct got *g, size_t i, size_t field)
{
	return &g->doc.u.data.via.array.ptr[i + 1].via.array.ptr[field];
}

enum { KIND, ANALYZER, T, DT, N, K, ERROR, STATE, REASON, READINGS };

Test(hub, a_sweep_is_numbered_kept_and_passed_on)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct got g = { 0 };
	struct tesla_error err;
	const msgpack_object *r;

	cr_assert(eq(int, hub_add_sink(h, NULL, on_batch, &g), 0));
	for (int i = 0; i < 3; i++)
		cr_assert(eq(
			int,
			say(h, SWEEP(3, "null", "[[1,[50.1],null],[0,[1,null,2],[0,1,2]]]"), &err),
			0));
	cr_assert(eq(sz, g.frames, 0), "a batch goes out at the flush");
	hub_flush(h);
	cr_assert(eq(sz, g.frames, 1));
	cr_assert(eq(sz, g.items, 3));
	cr_assert(eq(u64, item(&g, 2, N)->via.u64, 3));
	cr_assert(eq(u64, item(&g, 2, ANALYZER)->via.u64, 3));
	r = item(&g, 2, READINGS)->via.array.ptr;
	cr_assert(eq(u64, r[0].via.array.ptr[0].via.u64, 3), "variable 1 of the second analyzer");
	cr_assert(eq(u64, r[0].via.array.ptr[1].via.u64, 3), "k");
	cr_assert(eq(int, (int)r[0].via.array.ptr[3].type, MSGPACK_OBJECT_NIL),
		  "all good: no qualities");
	cr_assert(eq(int, (int)r[1].via.array.ptr[2].via.array.ptr[1].type, MSGPACK_OBJECT_NIL));
	cr_assert(eq(u64, r[1].via.array.ptr[3].via.array.ptr[2].via.u64, TESLA_SUSPECT));
	hub_flush(h);
	cr_assert(eq(sz, g.frames, 1), "an empty batch is none");
	mp_doc_release(&g.doc);

	struct hub_analyzer *a = hub_analyzer(h, 3);

	cr_assert(eq(u64, a->sweeps, 3));
	cr_assert(eq(u64, a->missed, 3));
	cr_assert(eq(u64, a->exceptions, 12));
	cr_assert(eq(dbl, a->last[0].elements[2].value, 2));
	cr_assert(isnan(a->last[0].elements[1].value));
	cr_assert(eq(u64, a->last[1].n, 3));
	cr_assert(eq(u64, hub_analyzer(h, 7)->n, 0), "each has numbers of its own");

	const struct hub_line_totals *c = &a->line->totals;

	cr_assert(eq(u64, c->busy_us, 1800));
	cr_assert(eq(u64, c->timeouts, 6));
	cr_assert(eq(u64, c->took.sum_us, 27000));
	cr_assert(eq(u64, c->took.n[0], 6));
	cr_assert(eq(u64, c->took.n[2], 3));
	cr_assert(eq(u64, c->late.sum_us, 7500));
	cr_assert(eq(u64, c->late.n[2], 3), "2.5 ms are beyond 2 and within 5");
	hub_free(h);
}

Test(hub, a_failed_sweep_has_a_number_and_its_error)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct tesla_error err;
	struct hub_analyzer *a = hub_analyzer(h, 7);

	cr_assert(eq(int, say(h, SWEEP(7, "null", "[[1,[50.1],null]]"), &err), 0));
	cr_assert(eq(int, say(h, SWEEP(7, "\"no answer\"", "[[1,[null],[3]]]"), &err), 0));
	cr_assert(eq(u64, a->n, 2));
	cr_assert(eq(u64, a->failed, 1));
	cr_assert(eq(str, a->last[1].error, "no answer"));
	cr_assert(isnan(a->last[1].elements[0].value), "what was not measured has no value");
	hub_free(h);
}

/* One block of the sweep failed: what the others brought is good, and shows no error. */
Test(hub, an_error_is_kept_beside_what_has_it)
{
	static const struct {
		const char *readings;
		const char *errors[2]; /* of TPF and FRE */
	} rows[] = {
		{ "[[0,[1,2,3],null],[1,[null],[3]]]", { NULL, "no answer" } },
		{ "[[0,[1,null,3],[0,3,0]],[1,[50.1],null]]", { "no answer", NULL } },
		{ "[[0,[1,null,3],[0,1,2]],[1,[50.1],[2]]]", { NULL, NULL } },
	};
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	const struct hub_last *last = hub_analyzer(h, 7)->last;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct tesla_error err;
		char json[160];

		(void)snprintf(json, sizeof json, SWEEP(7, "\"no answer\"", "%s"),
			       rows[i].readings);
		cr_assert(eq(int, say(h, json, &err), 0));
		for (size_t k = 0; k < 2; k++) {
			const char *is = last[k].error, *should = rows[i].errors[k];

			cr_expect(is && should ? strcmp(is, should) == 0 : is == should,
				  "row %zu, variable %zu: %s", i, k, is ? is : "none");
		}
	}
	hub_free(h);
}

Test(hub, a_reading_may_have_a_time_of_its_own)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct got g = { 0 };
	struct tesla_error err;
	struct hub_analyzer *a = hub_analyzer(h, 3);
	const msgpack_object *r;

	cr_assert(eq(int, hub_add_sink(h, NULL, on_batch, &g), 0));
	cr_assert(eq(
		int,
		say(h, SWEEP(3, "null", "[[1,[50.1],null,7000,30],[0,[1,null,2],[0,1,2]]]"), &err),
		0));
	hub_flush(h);
	cr_assert(eq(i64, a->last[1].t_us, 7000));
	cr_assert(eq(i64, a->last[1].dt_us, 30));
	cr_assert(eq(i64, a->last[0].t_us, a->t_us));
	r = item(&g, 0, READINGS)->via.array.ptr;
	cr_assert(eq(u32, r[0].via.array.size, 6));
	cr_assert(eq(u64, r[0].via.array.ptr[4].via.u64, 7000));
	cr_assert(eq(u64, r[0].via.array.ptr[5].via.u64, 30));
	cr_assert(eq(u32, r[1].via.array.size, 4), "the sweep's time is not said again");
	mp_doc_release(&g.doc);
	hub_free(h);
}

Test(hub, sinks_get_what_they_want)
{
	static const bool wants[] = { false, true, false };
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct got g = { 0 };
	struct tesla_error err;

	cr_assert(eq(int, hub_add_sink(h, wants, on_batch, &g), 0));
	cr_assert(eq(int, say(h, SWEEP(7, "null", "[]"), &err), 0));
	cr_assert(eq(int, say(h, SWEEP(3, "null", "[]"), &err), 0));
	hub_heartbeat(h, 1, 1000000);
	hub_flush(h);
	cr_assert(eq(sz, g.items, 2),
		  "the other analyzer is not wanted, the heartbeat is everyone's");
	cr_assert(eq(u64, item(&g, 0, ANALYZER)->via.u64, 3));
	cr_assert(eq(u64, item(&g, 1, KIND)->via.u64, TESLA_HEARTBEAT));
	mp_doc_release(&g.doc);
	hub_free(h);
}

Test(hub, what_does_not_fit_is_counted)
{
	static const bool wants[] = { true, false, false };
	static char huge[2 * FRAME_MAX];
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct got g = { 0 };
	const size_t which[] = { 1 };

	memset(huge, 'x', sizeof huge - 1);
	cr_assert(eq(int, hub_add_sink(h, NULL, on_batch, &g), 0));
	cr_assert(eq(int, hub_add_sink(h, wants, on_batch, &g), 0));
	hub_publish(h, hub_analyzer(h, 3), which, 1, huge, 1, 1);
	hub_flush(h);
	cr_assert(eq(sz, g.items, 0));
	cr_assert(eq(u64, h->sinks[0].dropped, 1));
	cr_assert(eq(u64, h->sinks[1].dropped, 0), "who does not want it misses nothing");
	hub_publish(h, hub_analyzer(h, 3), which, 1, "small", 2, 1);
	hub_flush(h);
	cr_assert(eq(sz, g.items, 1), "the next one goes out");
	cr_assert(eq(u64, h->sinks[0].dropped, 1));
	mp_doc_release(&g.doc);
	hub_free(h);
}

Test(hub, states_are_published_once_per_change)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct got g = { 0 };
	struct tesla_error err;
	struct hub_analyzer *a = hub_analyzer(h, 7);

	cr_assert(eq(int, hub_add_sink(h, NULL, on_batch, &g), 0));
	for (int i = 0; i < 5; i++)
		cr_assert(eq(int,
			     say(h,
				 "{\"m\":\"state\",\"analyzer\":7,\"state\":\"offline\","
				 "\"reason\":\"silent\"}",
				 &err),
			     0));
	hub_flush(h);
	cr_assert(eq(sz, g.items, 1));
	cr_assert(eq(u64, item(&g, 0, KIND)->via.u64, TESLA_STATUS_CHANGE));
	cr_assert(eq(str, a->reason, "silent"));
	cr_assert(hub_is_stale(a, &a->last[0]));
	mp_doc_release(&g.doc);
	cr_assert(eq(int, say(h, "{\"m\":\"line-state\",\"line\":1,\"state\":\"open\"}", &err), 0));
	cr_assert(
		eq(int,
		   say(h,
		       "{\"m\":\"state\",\"analyzer\":7,\"state\":\"online\",\"verified\":\"yes\","
		       "\"identity\":\"PM710 x\",\"note\":\"scale moved\",\"from_ms\":0,"
		       "\"to_ms\":60000}",
		       &err),
		   0));
	cr_assert(not(hub_is_stale(a, &a->last[0])));
	cr_assert(eq(str, a->identity, "PM710 x"));
	cr_assert(eq(str, a->note,
		     "scale moved (in doubt: 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z)"));
	hub_free(h);
}

/* While it is not polled, what is asked for is as good as the stream says. */
Test(hub, what_was_asked_for_is_not_stale)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct hub_analyzer *a = hub_analyzer(h, 7);
	struct hub_last *last = &a->last[0];

	a->state = HUB_ONLINE;
	a->line->state = HUB_LINE_OPEN;
	a->n = last->n = 5;
	cr_assert(not(hub_is_stale(a, last)));
	hub_set_run(h, a, HUB_PAUSED);
	cr_assert(hub_is_stale(a, last));
	a->line->state = HUB_LINE_CLOSED;
	a->n = last->n = 6;
	hub_was_asked(a);
	cr_assert(not(hub_is_stale(a, last)));
	a->state = HUB_DOWN;
	cr_assert(hub_is_stale(a, last));
	a->state = HUB_ONLINE;
	last->n = 5; /* a variable that the sweep did not have */
	cr_assert(hub_is_stale(a, last));
	last->n = 6;
	a->line->state = HUB_LINE_OPEN;
	hub_set_run(h, a, HUB_STARTED);
	hub_set_run(h, a, HUB_PAUSED);
	cr_assert(hub_is_stale(a, last));
	hub_free(h);
}

Test(hub, a_plan_is_taken)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct tesla_error err;
	struct hub_analyzer *a = hub_analyzer(h, 3);

	for (int i = 0; i < 2; i++)
		cr_assert(
			eq(int,
			   say(h,
			       "{\"m\":\"plan\",\"line\":1,\"share\":0.25,\"analyzers\":[{\"id\":3,"
			       "\"predicted_us\":75.6,\"assumed\":true,"
			       "\"transactions\":[[3,3999,52,10],[\"VOL\"]]}]}",
			       &err),
			   0));
	cr_assert(eq(dbl, h->lines[0].share, 0.25));
	cr_assert(eq(sz, a->plan.n_steps, 2));
	cr_assert(eq(i64, a->plan.predicted_us, 76));
	cr_assert(eq(i64, a->plan.measured_us, -1));
	cr_assert(eq(i64, a->plan.steps[0].address, 3999));
	cr_assert(eq(str, a->plan.steps[1].command, "VOL"));
	hub_free(h);
}

Test(hub, a_failed_plugin_is_out_alone)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct tesla_error err;

	cr_assert(eq(int,
		     say(h,
			 "{\"m\":\"failed\",\"plugin\":\"dat\",\"line\":1,\"analyzer\":3,"
			 "\"text\":\"no\"}",
			 &err),
		     0));
	cr_assert(eq(int, (int)hub_analyzer(h, 3)->state, HUB_FAILED));
	cr_assert(eq(int, (int)hub_analyzer(h, 7)->state, HUB_DOWN));
	cr_assert(
		eq(int,
		   say(h, "{\"m\":\"failed\",\"plugin\":\"drv\",\"line\":1,\"text\":\"no\"}", &err),
		   0));
	cr_assert(eq(int, (int)hub_analyzer(h, 7)->state, HUB_FAILED));
	cr_assert(eq(int, (int)hub_analyzer(h, 9)->state, HUB_DOWN), "another host's");
	hub_free(h);
}

Test(hub, learned_ranges_are_kept_once)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct tesla_error err;

	for (int i = 0; i < 3; i++)
		cr_assert(eq(int,
			     say(h,
				 "{\"m\":\"forbidden\",\"model\":\"PM710\",\"function\":3,"
				 "\"first\":4010,\"last\":4011}",
				 &err),
			     0));
	cr_assert(eq(sz, h->n_forbidden, 1));
	hub_free(h);
}

/* A sweep of host 0 with the first n variables of analyzer 3, of one element each. */
static int say_wide(struct hub *h, size_t n, struct tesla_error *err)
{
	static char json[32 * (MODEL_VARIABLES_MAX + 2)];
	int len = snprintf(json, sizeof json, "[\"s\",[3,5000000,40,4000,null,1,2,3,4,5,600,[");

	for (size_t i = 0; i < n; i++)
		len += snprintf(json + len, sizeof json - (size_t)len, "%s[%zu,[1],null]",
				i > 0 ? "," : "", i % MODEL_VARIABLES_MAX);
	(void)snprintf(json + len, sizeof json - (size_t)len, "],null,null]]");
	return say(h, json, err);
}

Test(hub, a_sweep_may_have_as_many_variables_as_a_model)
{
	static const struct {
		size_t n;
		int r;
	} rows[] = { { 256, 0 },
		     { 257, 0 },
		     { MODEL_VARIABLES_MAX, 0 },
		     { MODEL_VARIABLES_MAX + 1, -EPROTO } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct conf_variable many[MODEL_VARIABLES_MAX];
		struct fixture x;
		struct tesla_error err = { .text = "" };
		struct hub *h;

		fixture_init(&x);
		for (size_t k = 0; k < N_ELEMENTS(many); k++)
			many[k] = (struct conf_variable){ &x.frequency, 1000 };
		x.analyzers[1].variables = many;
		x.analyzers[1].n_variables = N_ELEMENTS(many);
		h = fixture_hub_of(&x);
		cr_expect(eq(int, say_wide(h, rows[i].n, &err), rows[i].r), "%zu: %s", rows[i].n,
			  err.text);
		hub_free(h);
	}
}

struct told {
	size_t times, which, n;
	const struct hub_analyzer *a;
	double value;
};

static void on_readings(void *arg, struct hub_analyzer *a, const size_t *which, size_t n)
{
	struct told *told = arg;

	*told = (struct told){ told->times + 1, which[0], n, a,
			       a->last[which[0]].elements[0].value };
}

Test(hub, each_sweep_is_told)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct told told = { 0 };
	struct tesla_error err;

	h->on_readings = on_readings;
	h->on_readings_arg = &told;
	cr_assert(eq(int, say(h, SWEEP(3, "null", "[[1,[50.1],null],[0,[1,2,3],null]]"), &err), 0));
	cr_assert(
		eq(int, say(h, "{\"m\":\"state\",\"analyzer\":3,\"state\":\"online\"}", &err), 0));
	cr_expect(eq(sz, told.times, 1));
	cr_expect(eq(sz, told.which, 1));
	cr_expect(eq(sz, told.n, 2));
	cr_expect(told.a == hub_analyzer(h, 3));
	cr_expect(eq(dbl, told.value, 50.1));
	hub_free(h);
}

Test(hub, a_record_is_an_item_with_a_count_of_its_own)
{
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct got g = { 0 };
	struct tesla_error err;
	struct buf record;

	buf_init(&record, 100);
	cr_assert(eq(int, buf_append(&record, "\x92\x01\xa1x", 4), 0));
	cr_assert(eq(int, hub_add_sink(h, NULL, on_batch, &g), 0));
	cr_assert(eq(int, say(h, SWEEP(3, "null", "[]"), &err), 0));
	hub_record(h, hub_analyzer(h, 3), 900000, &record);
	hub_record(h, hub_analyzer(h, 7), 900000, &record);
	hub_record(h, hub_analyzer(h, 3), 1800000, &record);
	hub_flush(h);
	cr_assert(eq(sz, g.items, 4));
	cr_expect(eq(u64, item(&g, 3, KIND)->via.u64, TESLA_RECORD));
	cr_expect(eq(u64, item(&g, 3, ANALYZER)->via.u64, 3));
	cr_expect(eq(u64, item(&g, 3, T)->via.u64, 1800000000));
	cr_expect(eq(u64, item(&g, 3, N)->via.u64, 1));
	cr_expect(eq(u64, item(&g, 3, K)->via.u64, 2));
	cr_expect(eq(u64, item(&g, 2, K)->via.u64, 1), "each has counts of its own");
	cr_expect(eq(u32, item(&g, 3, READINGS)->via.array.size, 2), "the record, as it is");
	mp_doc_release(&g.doc);
	buf_release(&record);
	hub_free(h);
}

/* Three scales, whose exponents are sensible from -3 to 3. */
static struct hub *hub_with_scales(struct fixture *x)
{
	static const struct tesla_scale scale = { .name = "V", .min = -3, .max = 3 };
	static const struct tesla_scale *const scales[] = { &scale, &scale, &scale };

	fixture_init(x);
	x->model.pub.n_scales = N_ELEMENTS(scales);
	x->model.pub.scales = scales;
	return fixture_hub_of(x);
}

#define SCALES(ID, LIST) "{\"m\":\"scales\",\"analyzer\":" #ID ",\"exponents\":" LIST "}"

Test(hub, scales_are_kept)
{
	static const struct {
		const char *json;
		int16_t is[3]; /* of analyzer 3 */
	} rows[] = {
		{ SCALES(7, "[1,1,1]"), { INT16_MIN, INT16_MIN, INT16_MIN } },
		{ SCALES(3, "[-3,null,0]"), { -3, INT16_MIN, 0 } },
		{ SCALES(3, "[3,2,4]"), { 3, 2, INT16_MIN } },
		{ SCALES(3, "[-4,-32768,32767]"), { INT16_MIN, INT16_MIN, INT16_MIN } },
	};
	struct fixture x;
	struct hub *h = hub_with_scales(&x);

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct tesla_error err;

		cr_assert(eq(int, say(h, rows[i].json, &err), 0), "%s", rows[i].json);
		for (size_t k = 0; k < N_ELEMENTS(rows[i].is); k++)
			cr_expect(eq(i16, hub_analyzer(h, 3)->exponents[k], rows[i].is[k]),
				  "row %zu, scale %zu", i, k);
	}
	hub_free(h);
}

static const struct {
	const char *json, *says;
} breaches[] = {
	{ "1", "no known kind" },
	{ "{}", "no known kind" },
	{ "{\"m\":\"bogus\"}", "no known kind" },
	{ "[]", "no batch of sweeps" },
	{ "[1]", "no batch of sweeps" },
	{ "[\"b\",[]]", "no batch of sweeps" },
	{ "[\"s\",1]", "expected an array of 14" },
	{ "[\"s\",[3]]", "expected an array of 14" },
	{ SWEEP("x", "null", "[]"), "id of an analyzer" },
	{ SWEEP(4, "null", "[]"), "analyzer 4 is not its own" },
	{ SWEEP(9, "null", "[]"), "analyzer 9 is not its own" },
	{ SWEEP(3, "1", "[]"), "the error is no text" },
	{ SWEEP(3, "null", "{}"), "readings" },
	{ SWEEP(3, "null", "[1]"), "no array of 3" },
	{ SWEEP(3, "null", "[[1,[50.1],null,-7,30]]"), "time is none" },
	{ SWEEP(3, "null", "[[2,[1],null]]"), "a variable that it has not" },
	{ SWEEP(3, "null", "[[-1,[1],null]]"), "a variable that it has not" },
	{ SWEEP(3, "null", "[[0,[1],null]]"), "TPF has 3 elements" },
	{ SWEEP(3, "null", "[[0,[1,2,3],[0,0]]]"), "TPF has 3 elements" },
	{ SWEEP(3, "null", "[[1,[null],null]]"), "good element without a number" },
	{ SWEEP(3, "null", "[[1,[\"x\"],null]]"), "good element without a number" },
	{ SWEEP(3, "null", "[[1,[5],[3]]]"), "a number where there can be none" },
	{ SWEEP(3, "null", "[[1,[null],[4]]]"), "a quality that is none" },
	{ "[\"s\",[3,-1,40,4000,null,1,2,3,4,5,600,[],null,null]]", "field 1" },
	{ "[\"s\",[3,1,40,4000,null,1,2,3,4,5,\"x\",[],null,null]]", "field 10" },
	{ COUNTED("-1", "null"), "late by what is no time" },
	{ COUNTED("\"x\"", "null"), "late by what is no time" },
	{ COUNTED("null", "1"), "no histogram" },
	{ COUNTED("null", "[]"), "no histogram" },
	{ COUNTED("null", "[5,-1]"), "no histogram" },
	{ COUNTED("null", "[5,1.5]"), "no histogram" },
	{ COUNTED("null", "[-5,1]"), "no histogram" },
	{ COUNTED("null", "[0,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), "no histogram" },
	{ "{\"m\":\"state\",\"state\":\"online\"}", "id of an analyzer" },
	{ "{\"m\":\"state\",\"analyzer\":9,\"state\":\"online\"}", "analyzer 9 is not its own" },
	{ "{\"m\":\"state\",\"analyzer\":3,\"state\":\"asleep\"}", "not one of those" },
	{ "{\"m\":\"state\",\"analyzer\":3,\"state\":\"online\",\"verified\":\"maybe\"}",
	  "not one of those" },
	{ "{\"m\":\"line-state\",\"line\":5,\"state\":\"open\"}", "a line that there is not" },
	{ "{\"m\":\"line-state\",\"line\":2,\"state\":\"open\"}", "line 2 is not its own" },
	{ "{\"m\":\"line-state\",\"line\":1,\"state\":\"ajar\"}", "not one of those" },
	{ "{\"m\":\"plan\",\"line\":2}", "line 2 is not its own" },
	{ "{\"m\":\"plan\",\"line\":1,\"analyzers\":[1]}", "id of an analyzer" },
	{ "{\"m\":\"plan\",\"line\":1,\"analyzers\":[{\"id\":3,\"transactions\":[[1,2]]}]}",
	  "wrong form" },
	{ "{\"m\":\"plan\",\"line\":1,\"analyzers\":[{\"id\":3,\"transactions\":[[3,-1,1,1]]}]}",
	  "out of range" },
	{ "{\"m\":\"plan\",\"line\":1,\"analyzers\":[{\"id\":3,\"transactions\":[[\"A\"],[7]]}]}",
	  "no text" },
	{ "{\"m\":\"forbidden\",\"model\":\"XX\",\"function\":3,\"first\":1,\"last\":2}",
	  "not a range" },
	{ "{\"m\":\"forbidden\",\"model\":\"PM710\",\"function\":3,\"first\":2,\"last\":1}",
	  "not a range" },
	{ SCALES(9, "[1,1,1]"), "analyzer 9 is not its own" },
	{ SCALES("x", "[1,1,1]"), "id of an analyzer" },
	{ SCALES(3, "[1,1]"), "expected 3" },
	{ SCALES(3, "[1,1,1,1]"), "expected 3" },
	{ SCALES(3, "null"), "expected 3" },
	{ SCALES(3, "[1,1,32768]"), "no number of 16 bits" },
	{ SCALES(3, "[1,-32769,1]"), "no number of 16 bits" },
	{ SCALES(3, "[1.5,1,1]"), "no number of 16 bits" },
	{ SCALES(3, "[\"1\",1,1]"), "no number of 16 bits" },
	{ "{\"m\":\"failed\",\"text\":\"x\"}", "without plugin" },
	{ "{\"m\":\"failed\",\"plugin\":\"p\",\"text\":\"x\",\"analyzer\":9}",
	  "analyzer 9 is not its own" },
};

Test(hub, every_breach_is_told)
{
	for (size_t i = 0; i < N_ELEMENTS(breaches); i++) {
		struct fixture x;
		struct hub *h = hub_with_scales(&x);
		struct tesla_error err = { .text = "" };
		int r = say(h, breaches[i].json, &err);

		cr_expect(lt(int, r, 0), "taken: %s", breaches[i].json);
		cr_expect(strstr(err.text, breaches[i].says) != NULL,
			  "%s: \"%s\" does not say \"%s\"", breaches[i].json, err.text,
			  breaches[i].says);
		cr_expect(eq(u64, hub_analyzer(h, 3)->n, 0), "numbered: %s", breaches[i].json);
		hub_free(h);
	}
}

Test(hub, what_is_not_for_the_hub)
{
	static const char *const others[] = { "ready", "pong", "log", "done" };
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct tesla_error err;
	char json[40];

	for (size_t i = 0; i < N_ELEMENTS(others); i++) {
		(void)snprintf(json, sizeof json, "{\"m\":\"%s\"}", others[i]);
		cr_expect(eq(int, say(h, json, &err), 1));
	}
	hub_free(h);
}

/* ---- while a change is on its way to the host ---- */

/* What it says is of before: of no use, but no breach either.  Who did not change goes on. */
Test(hub, while_a_change_is_on_its_way)
{
	static const char *const of_before[] = {
		SWEEP(9, "null", "[[1,[50.1],null]]"), /* not its own any more */
		SWEEP(8, "null", "[[1,[50.1],null]]"), /* gone */
		SWEEP(7, "null", "[[1,[50.1],null]]"), /* hushed: its variables are others now */
		"{\"m\":\"state\",\"analyzer\":7,\"state\":\"online\"}",
		"{\"m\":\"line-state\",\"line\":2,\"state\":\"closed\"}",
		"{\"m\":\"line-state\",\"line\":5,\"state\":\"closed\"}",
		"{\"m\":\"scales\",\"analyzer\":8,\"exponents\":[]}",
		"{\"m\":\"plan\",\"line\":5,\"share\":0.1,\"analyzers\":[]}",
		"{\"m\":\"failed\",\"plugin\":\"drv\",\"line\":5,\"analyzer\":null,\"text\":\"x\"}",
	};
	const struct intake_from changing = { 0, true };
	struct tesla_error err;
	struct fixture x;
	struct hub *h = fixture_hub(&x);
	struct hub_analyzer *a = hub_analyzer(h, 7), *b = hub_analyzer(h, 3);

	a->hushed = true;
	for (size_t i = 0; i < N_ELEMENTS(of_before); i++) {
		cr_expect(eq(int, say_from(h, &changing, of_before[i], &err), 0), "%s",
			  of_before[i]);
		if (i != 2 && i != 3)
			cr_expect(lt(int, say(h, of_before[i], &err), 0), "%s", of_before[i]);
	}
	cr_expect(eq(u64, a->n, 0));
	cr_expect(eq(int, (int)a->state, HUB_DOWN));
	cr_expect(eq(int, (int)b->state, HUB_DOWN));
	cr_assert(eq(int, say_from(h, &changing, SWEEP(3, "null", "[[1,[50.1],null]]"), &err), 0));
	cr_expect(eq(u64, b->n, 1));
	/* Its new plugin would not open: that is of now. */
	cr_assert(eq(int,
		     say_from(h, &changing,
			      "{\"m\":\"failed\",\"plugin\":\"dat\",\"line\":1,\"analyzer\":7,"
			      "\"text\":\"x\"}",
			      &err),
		     0));
	cr_expect(eq(int, (int)a->state, HUB_FAILED));
	hub_free(h);
}
