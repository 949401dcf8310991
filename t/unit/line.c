/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line's state machine with a clock and meters of its own: no I/O, no waiting.  A meter here
 * answers registers with their address; what it does wrong is set per test.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/line.h"

#define WALL_AT_ZERO 1700000000000000 /* wall clock when the monotonic one is 0, us */
#define TOOK_US 10000		      /* an answer takes so long */

/* ---- a model of two variables: A at 10..11, B at 20 ---- */

static const struct tesla_register reg_a1 = {
	.label = "L1", .function = 3, .address = 10, .count = 1, .scale = 1
};
static const struct tesla_register reg_a2 = {
	.label = "L2", .function = 3, .address = 11, .count = 1, .scale = 1
};
static const struct tesla_register reg_b = {
	.label = "total", .function = 3, .address = 20, .count = 1, .scale = 1
};
static const struct tesla_register *const regs_a[] = { &reg_a1, &reg_a2 }, *const regs_b[] = {
	&reg_b
};
static const struct tesla_variable var_a = {
	.name = "A", .unit = "V", .kind = TESLA_GAUGE, .n_elements = 2, .elements = regs_a
};
static const struct tesla_variable var_b = {
	.name = "B", .unit = "Wh", .kind = TESLA_COUNTER, .n_elements = 1, .elements = regs_b
};

/* B of a meter that can grow by one in a second, beside its least step. */
static const struct tesla_variable var_rated = { .name = "B",
						 .unit = "Wh",
						 .kind = TESLA_COUNTER,
						 .n_elements = 1,
						 .elements = regs_b,
						 .rating = 3600 };
/* The second one is never read. */
static const struct tesla_scale scale_read = {
	.name = "S", .function = 3, .address = 100, .min = -4, .max = 9
};
static const struct tesla_scale scale_unread = {
	.name = "T", .function = 3, .address = 200, .min = -4, .max = 9, .index = 1
};
static const struct tesla_scale *const scales[] = { &scale_read, &scale_unread };

/* B where nobody knows what a step means. */
static const struct tesla_register reg_unknown = { .label = "total",
						   .function = 3,
						   .address = 20,
						   .count = 1,
						   .scale = 1,
						   .scale_register = &scale_unread };
static const struct tesla_register *const regs_unknown[] = { &reg_unknown };
static const struct tesla_variable var_unknown = { .name = "B",
						   .unit = "Wh",
						   .kind = TESLA_COUNTER,
						   .n_elements = 1,
						   .elements = regs_unknown,
						   .rating = 3600 };

static const struct tesla_block plain_blocks[] = {
	{ .function = 3, .address = 10, .count = 2, .variable = 0 },
	{ .function = 3, .address = 20, .count = 1, .variable = 1 },
	{ .function = 3,
	  .address = 100,
	  .count = 1,
	  .flags = TESLA_BLOCK_CONNECT,
	  .variable = TESLA_EVERY_VARIABLE },
};

/* The same meter, its scale in every sweep. */
static const struct tesla_block sweep_blocks[] = {
	{ .function = 3, .address = 10, .count = 2, .variable = 0 },
	{ .function = 3, .address = 20, .count = 1, .variable = 1 },
	{ .function = 3, .address = 99, .count = 2, .variable = TESLA_EVERY_VARIABLE },
};

static int fake_open(const void *conf, const struct tesla_model *m,
		     const struct tesla_variable *const *wanted, size_t n, void **self,
		     struct tesla_error *err)
{
	static const int me;

	(void)conf, (void)m, (void)wanted, (void)n, (void)err;
	union {
		const int *in;
		void *out;
	} u = { .in = &me };
	*self = u.out;
	return 0;
}

static size_t fake_blocks(const void *self, const struct tesla_block **ret)
{
	(void)self;
	*ret = plain_blocks;
	return N_ELEMENTS(plain_blocks);
}

static int fake_decode(const void *self, const struct tesla_reply *r, struct tesla_element *out,
		       struct tesla_error *err)
{
	(void)self, (void)err;
	for (int i = 0; i < 3; i++) {
		const struct tesla_reply *from = &r[i / 2];

		if (from->status == TESLA_REPLY_OK)
			out[i] = (struct tesla_element){ from->data->bytes[i == 1 ? 3 : 1],
							 TESLA_GOOD };
		else
			out[i] = (struct tesla_element){ NAN, TESLA_ERROR };
	}
	return 0;
}

static void fake_close(void *self)
{
	(void)self;
}

/* ---- the world ---- */

struct meter {
	bool silent, hangs_up, garble_once, garble_scale, no_identity;
	int refuse_address;
	unsigned longest;
	uint8_t scale, energy;
	unsigned asked, identified;
};

struct world {
	int64_t mono, step;		    /* step: how far the wall clock was set */
	int64_t timeout_us, least_quiet_us; /* the last time-out's end; the least wait after one */
	struct host_fake {
		struct report report;
		struct gather gather;
		struct blame_page page;
		struct patterns patterns;
	} h;
	struct loader driver, data;
	struct model model;
	struct kind *kind;
	struct line line;
	struct line_driver line_driver;
	struct analyzer *analyzers[3];
	struct meter meters[3];
};

static int fake_identify(void *self, unsigned address, int64_t ms, struct tesla_reply *r,
			 struct tesla_error *err)
{
	(void)self, (void)address, (void)ms, (void)r, (void)err;
	return 0; /* never called here: line.c only looks whether it is there */
}

static struct analyzer *meter_new(struct world *w, unsigned address)
{
	struct analyzer *a = calloc(1, sizeof *a);
	struct tesla_error err;

	a->id = 100 + (int)address;
	a->address = address;
	a->kind = w->kind;
	a->data = &w->data;
	a->data_name = strdup("fake");
	a->wanted = calloc(2, sizeof *a->wanted);
	a->wanted[0] =
		(struct wanted){ .variable = &var_a, .interval = schedule_add(&a->schedule, 1000) };
	a->wanted[1] = (struct wanted){ .variable = &var_b,
					.interval = schedule_add(&a->schedule, 1000),
					.first = 2 };
	a->n_wanted = 2;
	a->n_elements = 3;
	a->elements = calloc(3, sizeof *a->elements);
	a->turnaround_us = 5000;
	a->max_registers = 125;
	cr_assert_eq(analyzer_open(a, w->line.slot, 1, &err), 0);
	return a;
}

static struct world *world_new(size_t n)
{
	struct world *w = calloc(1, sizeof *w);

	w->model = (struct model){ .pub = { .name = "FAKE", .n_scales = 2, .scales = scales },
				   .late_max_ms = -1 };
	w->kind = calloc(1, sizeof *w->kind);
	w->kind->model = &w->model;
	w->data.data = (struct tesla_data){
		.open = fake_open, .blocks = fake_blocks, .decode = fake_decode, .close = fake_close
	};
	w->driver.driver.identify = fake_identify;
	report_init(&w->h.report, -1, 7);
	gather_init(&w->h.gather, &w->h.report);
	w->line_driver = (struct line_driver){ .plugin = &w->driver, .name = strdup("fake") };
	w->line = (struct line){ .id = 1,
				 .name = strdup("/dev/fake"),
				 .drivers = &w->line_driver,
				 .n_drivers = 1,
				 .analyzers = w->analyzers,
				 .n_analyzers = n,
				 .gather = &w->h.gather,
				 .slot = &w->h.page.slots[0],
				 .patterns = &w->h.patterns,
				 .random = 1,
				 .params = { .baud = 19200,
					     .timeout_ms = 200,
					     .late_max_ms = -1,
					     .backoff_max_ms = 5000 } };
	w->mono = 1000000;
	w->least_quiet_us = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		w->meters[i] = (struct meter){ .scale = 7, .refuse_address = -1 };
		w->analyzers[i] = meter_new(w, (unsigned)i);
	}
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < w->line.n_analyzers; i++)
		analyzer_free(w->analyzers[i]);
	free(w->line_driver.name);
	free(w->line.name);
	ranges_release(&w->kind->forbidden);
	free(w->kind);
	gather_release(&w->h.gather);
	report_release(&w->h.report);
	free(w);
}

static int64_t wall(const struct world *w)
{
	return WALL_AT_ZERO + w->mono + w->step;
}

static void meter_answer(struct meter *m, const struct tesla_block *b, struct tesla_reply *reply)
{
	uint32_t last = (uint32_t)b->address + b->count - 1;

	if (m->silent) {
		reply->status = TESLA_REPLY_TIMEOUT;
	} else if (m->hangs_up) {
		reply->status = TESLA_REPLY_BROKEN;
	} else if (m->garble_scale && b->address == 100) {
		reply->status = TESLA_REPLY_GARBLED;
	} else if (m->garble_once) {
		m->garble_once = false;
		reply->status = TESLA_REPLY_GARBLED;
	} else if (m->longest != 0 && b->count > m->longest) {
		reply->status = TESLA_REPLY_EXCEPTION;
		reply->code = 2;
	} else if (m->refuse_address >= b->address && m->refuse_address <= (int)last) {
		reply->status = TESLA_REPLY_EXCEPTION;
		reply->code = 2;
	} else {
		reply->status = TESLA_REPLY_OK;
		for (uint32_t at = b->address; at <= last; at++)
			(void)reply->data->append(reply->data,
						  (uint8_t[]){ 0, at == 100  ? m->scale
								  : at == 20 ? m->energy
									     : (uint8_t)at },
						  2);
	}
}

static void world_transact(struct world *w, const struct action *act)
{
	struct meter *m = &w->meters[act->a->address];
	struct buf bytes;
	struct tesla_reply reply = { .data = &bytes.pub };
	struct tesla_error err = { .code = -EIO, .text = "fault" };

	buf_init(&bytes, 4096);
	if (w->timeout_us != 0 && w->mono - w->timeout_us < w->least_quiet_us)
		w->least_quiet_us = w->mono - w->timeout_us;
	reply.sent_us = w->mono;
	if (act->act == ACT_IDENTIFY) {
		m->identified++;
		reply.status = m->silent ? TESLA_REPLY_TIMEOUT : TESLA_REPLY_EXCEPTION;
	} else {
		m->asked++;
		meter_answer(m, &act->what, &reply);
	}
	w->mono += reply.status == TESLA_REPLY_TIMEOUT ? 1000 * w->line.params.timeout_ms : TOOK_US;
	reply.received_us = w->mono;
	w->timeout_us = reply.status == TESLA_REPLY_TIMEOUT ? w->mono : 0;
	line_done(&w->line, &reply, &err, w->mono, wall(w));
	buf_release(&bytes);
}

/* Lets the line do what it wants until `until_us`. */
static void world_go(struct world *w, int64_t until_us)
{
	for (int steps = 0; w->mono < until_us; steps++) {
		struct action act = line_next(&w->line, w->mono, wall(w));

		cr_assert(steps < 100000, "the line spins");
		if (act.act == ACT_OPEN)
			line_opened(&w->line, w->mono);
		else if (act.act == ACT_WAIT || act.act == ACT_DRAIN)
			w->mono = act.until_us < until_us
					  ? (act.until_us > w->mono ? act.until_us : w->mono)
					  : until_us;
		else
			world_transact(w, &act);
	}
}

/* And has it tell what it gathered. */
static void world_run(struct world *w, int64_t until_us)
{
	world_go(w, until_us);
	gather_flush(&w->h.gather);
}

/* ---- what the core was told ---- */

struct told {
	unsigned sweeps, failed, missed, timeouts, garbled, exceptions, states, forbidden, doubts,
		suspects, own_times, reasons, scales, sweeps_before_scales;
	int64_t own_dt_us;
	char last_state[16];
	int exponent; /* the last one told */
	bool other_known;
	int64_t last_t_us, worst_early_us;
};

static void tell_sweep(struct told *t, const msgpack_object *s, int64_t analyzer)
{
	const msgpack_object *f = s->via.array.ptr;
	const msgpack_object *readings = f[11].via.array.ptr;

	if (f[0].via.i64 != analyzer)
		return;
	t->sweeps++;
	t->failed += f[4].type != MSGPACK_OBJECT_NIL;
	t->missed += (unsigned)f[5].via.u64;
	t->timeouts += (unsigned)f[6].via.u64;
	t->garbled += (unsigned)f[7].via.u64;
	t->exceptions += (unsigned)f[8].via.u64;
	t->last_t_us = f[1].via.i64;
	if (t->sweeps > 1 && f[1].via.i64 - 1000 * f[3].via.i64 < t->worst_early_us)
		t->worst_early_us = f[1].via.i64 - 1000 * f[3].via.i64;
	for (uint32_t i = 0; i < f[11].via.array.size; i++) {
		const msgpack_object *q = &readings[i].via.array.ptr[2];

		if (readings[i].via.array.size == 5) {
			t->own_times++;
			t->own_dt_us = readings[i].via.array.ptr[4].via.i64;
		}
		t->suspects += q->type == MSGPACK_OBJECT_ARRAY &&
			       q->via.array.ptr[0].via.u64 == TESLA_SUSPECT;
	}
}

static void tell_scales(struct told *t, const msgpack_object *m)
{
	const msgpack_object *e = mp_get(m, "exponents");

	t->scales++;
	t->sweeps_before_scales = t->sweeps;
	t->exponent = (int)e->via.array.ptr[0].via.i64;
	t->other_known = e->via.array.size != 2 || e->via.array.ptr[1].type != MSGPACK_OBJECT_NIL;
}

static struct told told(const struct world *w, int64_t analyzer)
{
	struct told t = { 0 };
	struct frame_reader in;
	struct mp_doc doc;
	struct tesla_error err;
	size_t room;

	frame_reader_init(&in);
	for (size_t at = 0; at < w->h.report.out.pub.len;) {
		uint8_t *to = frame_reader_room(&in, &room);
		size_t n =
			w->h.report.out.pub.len - at < room ? w->h.report.out.pub.len - at : room;

		memcpy(to, w->h.report.out.pub.bytes + at, n);
		frame_reader_add(&in, n);
		at += n;
		while (frame_reader_next(&in, &doc, &err) == 1) {
			const msgpack_object *m = &doc.u.data;

			for (uint32_t i = 1;
			     m->type == MSGPACK_OBJECT_ARRAY && i < m->via.array.size; i++)
				tell_sweep(&t, &m->via.array.ptr[i], analyzer);
			t.forbidden += mp_is(m, "m", "forbidden");
			if (mp_is(m, "m", "scales") && mp_int(m, "analyzer", 0) == analyzer)
				tell_scales(&t, m);
			if (mp_is(m, "m", "state") && mp_int(m, "analyzer", 0) == analyzer) {
				_cleanup_free_ char *state = mp_strdup(m, "state");
				_cleanup_free_ char *reason = mp_strdup(m, "reason");

				t.states++;
				t.reasons += reason != NULL;
				t.doubts += mp_int(m, "from_ms", 0) != 0;
				(void)snprintf(t.last_state, sizeof t.last_state, "%s", state);
			}
			mp_doc_release(&doc);
		}
	}
	frame_reader_release(&in);
	return t;
}

/* ---- tests ---- */

Test(line, sweeps_every_interval_on_the_wall_clock)
{
	struct world *w = world_new(1);

	world_run(w, 61000000);
	struct told t = told(w, 100);

	cr_expect(t.sweeps >= 60 && t.sweeps <= 61, "%u", t.sweeps);
	cr_expect_eq(t.failed + t.missed + t.timeouts, 0);
	cr_expect(t.worst_early_us >= 0, "%lld", (long long)t.worst_early_us);
	cr_expect_str_eq(t.last_state, "online");
	cr_expect_eq(w->meters[0].identified, 1);
	world_free(w);
}

Test(line, a_silent_meter_goes_offline_and_comes_back)
{
	struct world *w = world_new(2);

	w->meters[0].silent = true;
	world_run(w, 20000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.timeouts, 4, "the identification, and three sweeps");
	cr_expect_eq(t.sweeps, 3);
	cr_expect_eq(t.failed, 3);
	cr_expect_str_eq(t.last_state, "offline");
	unsigned asked = w->meters[0].asked;

	cr_expect(asked >= 4 && asked <= 8, "probed %u times", asked);
	w->meters[0].silent = false;
	world_run(w, 26000000); /* backoff_max is 5 s */
	t = told(w, 100);
	cr_expect_str_eq(t.last_state, "online");
	cr_expect_eq(t.missed, 0, "deadlines of an offline analyzer are not missed");
	cr_expect_eq(w->meters[0].identified, 2);
	t = told(w, 101);
	/*
	 * per time-out (three, the identification, the probes) ceil((timeout + drain) / interval)
	 * = 1
	 */
	cr_expect(t.missed <= asked + 1, "the neighbour missed %u", t.missed);
	cr_expect_eq(t.failed, 0);
	world_free(w);
}

Test(line, after_a_time_out_the_line_is_drained)
{
	struct world *w = world_new(3);

	w->meters[1].silent = true;
	world_run(w, 20000000);
	cr_expect_eq(w->least_quiet_us, 1000 * w->line.params.timeout_ms, "%lld",
		     (long long)w->least_quiet_us);
	world_free(w);
}

Test(line, a_wrong_checksum_is_tried_once_more)
{
	struct world *w = world_new(1);

	world_run(w, 5000000);
	w->meters[0].garble_once = true;
	world_run(w, 10000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.garbled, 1);
	cr_expect_eq(t.failed, 0);
	world_free(w);
}

Test(line, learns_a_register_that_is_refused)
{
	struct world *w = world_new(2);

	w->meters[0].refuse_address = w->meters[1].refuse_address = 15; /* between A and B */
	world_run(w, 10500000);
	struct told t = told(w, 100), u = told(w, 101);

	cr_expect_eq(t.forbidden, 1);
	cr_expect_eq(t.exceptions, 1, "refused once, then planned round it");
	cr_expect_eq(u.exceptions, 0, "the other meter of the model needs no lesson");
	cr_expect_eq(t.failed + u.failed, 0, "recovered within the sweep");
	cr_expect_eq(t.own_times, 2 * t.sweeps, "two transactions, each with its time");
	cr_expect_eq(t.own_dt_us, TOOK_US / 2);
	cr_expect(ranges_touch(&w->kind->forbidden, 3, 15, 15));
	cr_expect(!ranges_touch(&w->kind->forbidden, 3, 11, 11) &&
		  !ranges_touch(&w->kind->forbidden, 3, 20, 20));
	world_free(w);
}

Test(line, a_refused_block_fails_alone)
{
	struct world *w = world_new(1);

	w->meters[0].refuse_address = 20; /* B itself */
	world_run(w, 5500000);
	struct told t = told(w, 100);

	cr_expect_eq(t.failed, t.sweeps, "B has an error in each");
	cr_expect_str_eq(t.last_state, "online");
	cr_expect_eq(t.exceptions, t.sweeps + 1,
		     "the merged read is refused once, then B alone each time");
	world_free(w);
}

Test(line, a_meter_that_hangs_up_costs_its_neighbour_nothing)
{
	struct world *w = world_new(2);

	w->meters[0].hangs_up = true;
	world_run(w, 31000000);
	struct told t = told(w, 100), u = told(w, 101);

	cr_expect_str_eq(t.last_state, "offline");
	cr_expect(u.sweeps >= 26, "the neighbour was read %u times", u.sweeps);
	cr_expect_eq(u.failed, 0);
	world_free(w);
}

Test(line, silent_meters_do_not_starve_the_others)
{
	struct world *w = world_new(3);

	w->line.params.timeout_ms = 1000;
	w->line.params.backoff_max_ms = 2000;
	w->meters[0].silent = w->meters[1].silent = true;
	world_run(w, 61000000);
	struct told t = told(w, 102);

	cr_expect(t.sweeps >= 20, "read %u times", t.sweeps);
	cr_expect(t.sweeps + t.missed >= 45, "%u read, %u missed", t.sweeps, t.missed);
	cr_expect(w->meters[1].asked >= 10, "the second is probed as well: %u", w->meters[1].asked);
	world_free(w);
}

Test(line, a_meter_that_never_answers_well_says_why)
{
	struct world *w = world_new(1);

	world_run(w, 5500000);
	cr_expect_eq(told(w, 100).reasons, 0);
	w->meters[0].refuse_address = 20;
	world_run(w, 30500000);
	cr_expect_eq(told(w, 100).reasons, 1, "once");
	cr_expect_str_eq(told(w, 100).last_state, "online");
	w->meters[0].refuse_address = -1;
	unsigned states = told(w, 100).states;

	world_run(w, 40500000);
	cr_expect_eq(told(w, 100).reasons, 1);
	cr_expect_eq(told(w, 100).states, states + 1, "and once when it is over");
	world_free(w);
}

Test(line, a_meter_of_short_reads_is_not_asked_for_longer_ones)
{
	struct world *w = world_new(1);

	w->meters[0].longest = 2;
	world_run(w, 10500000);
	struct told t = told(w, 100);

	cr_expect_eq(t.exceptions, 1);
	cr_expect_eq(t.failed, 0);
	world_free(w);
}

Test(line, scales_that_were_not_understood_are_asked_for_again_soon)
{
	struct world *w = world_new(1);

	w->meters[0].garble_scale = true;
	world_run(w, 5500000);
	w->meters[0].garble_scale = false;
	unsigned failed = told(w, 100).failed;

	cr_expect_gt(failed, 0, "no scale, no value");
	world_run(w, 20500000);
	struct told t = told(w, 100);

	cr_expect(t.failed <= failed + 1, "%u, then %u", failed, t.failed);
	world_free(w);
}

Test(line, what_was_under_way_when_the_line_broke_is_one_failed_sweep)
{
	struct world *w = world_new(1);
	struct action act;

	w->line.params.pause_ms = 50;
	world_run(w, 5200000);
	unsigned sweeps = told(w, 100).sweeps;

	do { /* into the next sweep, up to its pause */
		act = line_next(&w->line, w->mono, wall(w));
		if (act.act == ACT_WAIT && w->line.job.kind == JOB_NONE)
			w->mono = act.until_us;
	} while (w->line.job.kind == JOB_NONE);
	line_hung_up(&w->line, "unplugged", w->mono, wall(w));
	cr_expect_eq(w->line.job.kind, JOB_NONE);
	w->mono += 3600000000;
	world_run(w, w->mono + 2000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.failed, 1);
	cr_expect(t.sweeps >= sweeps + 2 && t.worst_early_us >= 0);
	world_free(w);
}

Test(line, scales_are_read_again_and_a_change_is_said)
{
	struct world *w = world_new(1);

	world_run(w, 30000000);
	w->meters[0].scale = 8;
	world_run(w, 700000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.doubts, 1);
	cr_expect_eq(t.suspects, 2, "both variables of one sweep");
	cr_expect_eq(t.missed, 0, "in idle time");
	world_free(w);
}

Test(line, exponents_are_told_once_and_when_they_change)
{
	for (int every_sweep = 0; every_sweep < 2; every_sweep++) {
		struct world *w = world_new(2);

		if (every_sweep)
			w->analyzers[0]->blocks = sweep_blocks;
		world_run(w, 30500000);
		struct told t = told(w, 100);

		cr_expect(t.scales == 1 && t.exponent == 7 && !t.other_known, "%u", t.scales);
		cr_expect_eq(t.sweeps_before_scales, 0, "before the first sweep");
		w->meters[0].scale = 200; /* beyond max: the last one stays */
		world_run(w, 700000000);
		cr_expect_eq(told(w, 100).scales, 1);
		unsigned sweeps = told(w, 100).sweeps;

		world_go(w, 710000000);
		w->meters[0].scale = 8;
		world_run(w, 1400000000);
		t = told(w, 100);
		cr_expect(t.scales == 2 && t.exponent == 8, "%u", t.scales);
		if (every_sweep)
			cr_expect(t.sweeps_before_scales >= sweeps + 9 &&
					  t.sweeps_before_scales <= sweeps + 10,
				  "with the next sweep, after the others");
		else
			cr_expect(t.sweeps_before_scales > sweeps + 100 &&
					  t.sweeps > t.sweeps_before_scales,
				  "when they were read again, in their place");
		cr_expect_eq(told(w, 101).scales, 1);
		world_free(w);
	}
}

Test(line, a_scale_that_was_not_read_is_not_told)
{
	for (int every_sweep = 0; every_sweep < 2; every_sweep++) {
		struct world *w = world_new(1);
		struct meter *m = &w->meters[0];

		if (every_sweep)
			w->analyzers[0]->blocks = sweep_blocks;
		m->garble_scale = !every_sweep;
		m->silent = every_sweep;
		world_run(w, 3500000);
		cr_expect_eq(told(w, 100).scales, 0);
		m->garble_scale = m->silent = false;
		world_run(w, 20500000);
		cr_expect_eq(told(w, 100).scales, 1);
		world_free(w);
	}
}

/* A counter at 10, then these, a second apart; which of them are in doubt. */
static const struct {
	const char *name;
	uint8_t reads[5];
	bool suspect[5];
} leaps[] = {
	{ "as fast as it may, and a step", { 11, 12, 14, 14, 16 }, { 0 } },
	{ "one false value", { 11, 200, 12, 13, 14 }, { 0, 1, 0, 0, 0 } },
	{ "a leap that is true", { 11, 200, 201, 202, 203 }, { 0, 1, 0, 0, 0 } },
	{ "leap upon leap", { 11, 100, 200, 200, 201 }, { 0, 1, 1, 0, 0 } },
	{ "a leap and a little", { 11, 100, 105, 106, 107 }, { 0, 1, 1, 0, 0 } },
	{ "a fall in a leap", { 11, 200, 3, 4, 5 }, { 0, 1, 1, 0, 0 } },
	{ "a leap after a fall", { 11, 3, 200, 12, 13 }, { 0, 1, 1, 0, 0 } },
};

Test(line, a_counter_that_leaps_is_in_doubt_until_confirmed)
{
	for (size_t i = 0; i < N_ELEMENTS(leaps); i++) {
		struct world *w = world_new(1);
		unsigned before = 0;

		w->analyzers[0]->wanted[1].variable = &var_rated;
		w->meters[0].energy = 10;
		world_run(w, 5500000);
		for (size_t k = 0; k < 5; k++) {
			w->meters[0].energy = leaps[i].reads[k];
			world_run(w, 6500000 + 1000000 * (int64_t)k);
			unsigned now = told(w, 100).suspects;

			cr_expect_eq(now - before, leaps[i].suspect[k], "%s: read %zu",
				     leaps[i].name, k);
			before = now;
		}
		world_free(w);
	}
}

Test(line, no_leap_is_told_where_the_scale_is_not_known)
{
	struct world *w = world_new(1);

	w->analyzers[0]->wanted[1].variable = &var_unknown;
	world_run(w, 5500000);
	w->meters[0].energy = 200;
	world_run(w, 9500000);
	cr_expect_eq(told(w, 100).suspects, 0);
	world_free(w);
}

Test(line, a_counter_that_was_not_read_for_long_has_grown)
{
	struct world *w = world_new(1);

	w->analyzers[0]->wanted[1].variable = &var_rated;
	world_run(w, 5500000);
	w->meters[0].silent = true;
	world_run(w, 100000000);
	w->meters[0].silent = false;
	w->meters[0].energy = 90;
	world_run(w, 110000000);
	cr_expect_eq(told(w, 100).suspects, 0);
	w->meters[0].energy = 120;
	world_run(w, 115000000);
	cr_expect_eq(told(w, 100).suspects, 1);
	world_free(w);
}

Test(line, a_counter_that_falls_is_in_doubt_until_confirmed)
{
	struct world *w = world_new(1);

	w->meters[0].energy = 200;
	world_run(w, 5500000);
	w->meters[0].energy = 3; /* reset */
	world_run(w, 6500000);
	cr_expect_eq(told(w, 100).suspects, 1);
	w->meters[0].energy = 4;
	world_run(w, 9500000);
	cr_expect_eq(told(w, 100).suspects, 1, "confirmed by the next read");
	world_free(w);
}

static const struct {
	const char *name;
	int64_t step_us;
} steps[] = {
	{ "an hour forward", 3600000000 },
	{ "an hour back", -3600000000 },
	{ "half a second", 500000 },
	{ "56 years", 1767000000000000 },
};

Test(line, a_stepped_clock_misses_nothing)
{
	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		struct world *w = world_new(1);

		world_run(w, 10300000);
		unsigned before = told(w, 100).sweeps;

		w->step = steps[i].step_us;
		world_run(w, 20300000);
		struct told t = told(w, 100);

		cr_expect_eq(t.missed, 0, "%s: %u", steps[i].name, t.missed);
		cr_expect(t.sweeps - before >= 9 && t.sweeps - before <= 11, "%s: %u",
			  steps[i].name, t.sweeps - before);
		world_free(w);
	}
}

Test(line, a_line_that_cannot_be_opened_is_tried_with_patience)
{
	struct world *w = world_new(1);
	unsigned tries = 0;

	while (w->mono < 61000000) {
		struct action act = line_next(&w->line, w->mono, wall(w));

		if (act.act == ACT_OPEN) {
			tries++;
			line_open_failed(&w->line, w->mono, "no such port");
		} else {
			w->mono = act.until_us;
		}
	}
	cr_expect(tries >= 12 && tries <= 16, "%u", tries); /* 1, 2, 4, 5, 5 ... s */
	struct told t = told(w, 100);

	cr_expect_eq(t.states, 1, "said once");
	cr_expect_str_eq(t.last_state, "offline");
	world_run(w, 70000000);
	cr_expect_str_eq(told(w, 100).last_state, "online");
	world_free(w);
}
