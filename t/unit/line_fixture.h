/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line's state machine with a clock and meters of its own: no I/O, no waiting.  A meter here
 * answers registers with their address; what it does wrong is set per test.
 */
#ifndef T_LINE_FIXTURE_H
#define T_LINE_FIXTURE_H

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

/* The second one is never read. */
static const struct tesla_scale scale_read = {
	.name = "S", .function = 3, .address = 100, .min = -4, .max = 9
};
static const struct tesla_scale scale_unread = {
	.name = "T", .function = 3, .address = 200, .min = -4, .max = 9, .index = 1
};
static const struct tesla_scale *const scales[] = { &scale_read, &scale_unread };

static const struct tesla_block plain_blocks[] = {
	{ .function = 3, .address = 10, .count = 2, .variable = 0 },
	{ .function = 3, .address = 20, .count = 1, .variable = 1 },
	{ .function = 3,
	  .address = 100,
	  .count = 1,
	  .flags = TESLA_BLOCK_CONNECT,
	  .variable = TESLA_EVERY_VARIABLE },
};

static inline int fake_open(const void *conf, const struct tesla_model *m,
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

static inline size_t fake_blocks(const void *self, const struct tesla_block **ret)
{
	(void)self;
	*ret = plain_blocks;
	return N_ELEMENTS(plain_blocks);
}

static inline int fake_decode(const void *self, const struct tesla_reply *r,
			      struct tesla_element *out, struct tesla_error *err)
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

static inline void fake_close(void *self)
{
	(void)self;
}

/* ---- the world ---- */

struct meter {
	bool silent, hangs_up, garble_once, garble_scale, no_identity;
	int refuse_address;
	unsigned longest;
	unsigned short_once; /* characters that are missing from a command's reply, once */
	int64_t took_us;     /* a reply takes so long; 0: TOOK_US */
	bool overdue;	     /* what is garbled has taken the whole time-out */
	const char *name;    /* what it says it is; NULL: an exception */
	unsigned refuses;    /* to say so, so many times */
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
	} h;
	struct loader driver, data;
	struct model model;
	struct kind *kind;
	struct line *line;
	struct meter meters[3];
	atomic_uint asks;
};

static inline int fake_identify(void *self, unsigned address, int64_t ms, struct tesla_reply *r,
				struct tesla_error *err)
{
	(void)self, (void)address, (void)ms, (void)r, (void)err;
	return 0; /* never called here: line.c only looks whether it is there */
}

/* As the main thread of a host makes it: not yet open. */
static inline struct analyzer *meter_new(struct world *w, unsigned address)
{
	struct analyzer *a = calloc(1, sizeof *a);

	a->id = 100 + (int)address;
	a->address = address;
	a->kind = kind_ref(w->kind);
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
	return a;
}

static inline struct line *fake_line_new(struct world *w, size_t n)
{
	struct line *l = calloc(1, sizeof *l);

	*l = (struct line){ .id = 1,
			    .name = strdup("/dev/fake"),
			    .drivers = calloc(1, sizeof *l->drivers),
			    .n_drivers = 1,
			    .analyzers = calloc(n + 1, sizeof(struct analyzer *)),
			    .n_analyzers = n,
			    .gather = &w->h.gather,
			    .slot = &w->h.page.slots[0],
			    .random = 1,
			    .params = { .baud = 19200,
					.timeout_ms = 200,
					.late_max_ms = -1,
					.backoff_max_ms = 5000 } };
	l->drivers[0] = (struct line_driver){ .plugin = &w->driver, .name = strdup("fake") };
	for (size_t i = 0; i < n; i++)
		l->analyzers[i] = meter_new(w, (unsigned)i);
	return l;
}

/* What the thread of a line does with one that is its own from now on. */
static inline void line_take(struct line *l)
{
	struct tesla_error err;

	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->replies == NULL)
			cr_assert_eq(analyzer_open(l->analyzers[i], l->slot, 1, &err), 0);
}

/* `prepare`, when it is not NULL, changes what there is before anything is opened. */
static inline struct world *world_make(size_t n, void (*prepare)(struct world *))
{
	struct world *w = calloc(1, sizeof *w);

	w->model = (struct model){ .pub = { .name = "FAKE", .n_scales = 2, .scales = scales },
				   .late_max_ms = -1 };
	w->kind = calloc(1, sizeof *w->kind);
	w->kind->model = &w->model;
	w->kind->refs = 1;
	w->data.data = (struct tesla_data){
		.open = fake_open, .blocks = fake_blocks, .decode = fake_decode, .close = fake_close
	};
	w->driver.driver.identify = fake_identify;
	report_init(&w->h.report, -1, 7);
	gather_init(&w->h.gather, &w->h.report);
	w->line = fake_line_new(w, n);
	if (prepare != NULL)
		prepare(w);
	line_take(w->line);
	w->mono = 1000000;
	w->least_quiet_us = INT64_MAX;
	for (size_t i = 0; i < N_ELEMENTS(w->meters); i++)
		w->meters[i] = (struct meter){ .scale = 7, .refuse_address = -1 };
	return w;
}

static inline struct world *world_new(size_t n)
{
	return world_make(n, NULL);
}

static inline void world_free(struct world *w)
{
	line_free(w->line);
	ranges_release(&w->kind->forbidden);
	free(w->kind);
	gather_release(&w->h.gather);
	report_release(&w->h.report);
	free(w);
}

static inline int64_t wall(const struct world *w)
{
	return WALL_AT_ZERO + w->mono + w->step;
}

static inline void meter_answer(struct meter *m, const struct tesla_block *b,
				struct tesla_reply *reply)
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
	} else if (b->command != NULL) {
		reply->status = TESLA_REPLY_OK;
		for (unsigned i = m->short_once; i < b->count; i++)
			(void)reply->data->append(reply->data, "1", 1);
		m->short_once = 0;
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

static inline void world_transact(struct world *w, const struct action *act)
{
	struct meter nobody = { .silent = true };
	struct meter *m = act->address < N_ELEMENTS(w->meters) ? &w->meters[act->address] : &nobody;
	struct buf bytes;
	struct tesla_reply reply = { .data = &bytes.pub };
	struct tesla_error err = { .code = -EIO, .text = "fault" };

	buf_init(&bytes, 4096);
	if (w->timeout_us != 0 && w->mono - w->timeout_us < w->least_quiet_us)
		w->least_quiet_us = w->mono - w->timeout_us;
	reply.sent_us = w->mono;
	if (act->act == ACT_IDENTIFY) {
		m->identified++;
		bool refuses = m->refuses > 0 || m->name == NULL;

		m->refuses -= m->refuses > 0;
		reply.status = m->silent ? TESLA_REPLY_TIMEOUT
			       : refuses ? TESLA_REPLY_EXCEPTION
					 : TESLA_REPLY_OK;
		if (reply.status == TESLA_REPLY_OK)
			(void)buf_append(&bytes, m->name, strlen(m->name));
	} else {
		m->asked++;
		meter_answer(m, &act->what, &reply);
	}
	bool whole = reply.status == TESLA_REPLY_TIMEOUT ||
		     (reply.status == TESLA_REPLY_GARBLED && m->overdue);

	w->mono += whole ? 1000 * act->timeout_ms : m->took_us != 0 ? m->took_us : TOOK_US;
	reply.received_us = w->mono;
	w->timeout_us = whole ? w->mono : 0;
	line_done(w->line, &reply, &err, w->mono, wall(w));
	buf_release(&bytes);
}

/* Lets the line do what it wants until `until_us`. */
static inline void world_go(struct world *w, int64_t until_us)
{
	for (int steps = 0; w->mono < until_us; steps++) {
		struct action act = line_next(w->line, w->mono, wall(w));

		cr_assert(steps < 100000, "the line spins");
		if (act.act == ACT_END)
			return;
		if (act.act == ACT_OPEN)
			line_opened(w->line, w->mono);
		else if (act.act == ACT_WAIT || act.act == ACT_DRAIN)
			w->mono = act.until_us < until_us
					  ? (act.until_us > w->mono ? act.until_us : w->mono)
					  : until_us;
		else
			world_transact(w, &act);
	}
}

/* And has it tell what it gathered. */
static inline void world_run(struct world *w, int64_t until_us)
{
	world_go(w, until_us);
	gather_flush(&w->h.gather);
}

/* ---- what the core was told ---- */

struct told {
	unsigned sweeps, failed, missed, timeouts, garbled, exceptions, states, forbidden, doubts,
		suspects, own_times, reasons, scales, sweeps_before_scales, answers, plans;
	int64_t last_deadline_ms, longest_ms; /* between two deadlines, from the second sweep on */
	char error[64], verified[16];	      /* of the last answer, the last state */
	unsigned transactions, lates; /* lates: sweeps that had a deadline to be late after */
	int64_t late_us;	      /* the most */
	struct histogram took;
	int64_t own_dt_us;
	char last_state[16];
	int exponent; /* the last one told */
	unsigned looks;
	char status[16]; /* of the last look, and its first register */
	unsigned first, looked_len;
	bool other_known;
	int64_t last_t_us, worst_early_us;
};

static inline void tell_sweep(struct told *t, const msgpack_object *s, int64_t analyzer)
{
	const msgpack_object *f = s->via.array.ptr;
	const msgpack_object *readings = f[11].via.array.ptr;
	struct histogram took;

	if (f[0].via.i64 != analyzer)
		return;
	t->sweeps++;
	t->failed += f[4].type != MSGPACK_OBJECT_NIL;
	t->missed += (unsigned)f[5].via.u64;
	t->timeouts += (unsigned)f[6].via.u64;
	t->garbled += (unsigned)f[7].via.u64;
	t->exceptions += (unsigned)f[8].via.u64;
	t->transactions += (unsigned)f[9].via.u64;
	if (f[12].type != MSGPACK_OBJECT_NIL) {
		t->lates++;
		t->late_us = f[12].via.i64 > t->late_us ? f[12].via.i64 : t->late_us;
	}
	if (histogram_unpack(&f[13], &took))
		histogram_merge(&t->took, &took);
	t->last_t_us = f[1].via.i64;
	if (t->sweeps > 2 && f[3].via.i64 - t->last_deadline_ms > t->longest_ms)
		t->longest_ms = f[3].via.i64 - t->last_deadline_ms;
	t->last_deadline_ms = f[3].via.i64;
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

static inline void tell_scales(struct told *t, const msgpack_object *m)
{
	const msgpack_object *e = mp_get(m, "exponents");

	t->scales++;
	t->sweeps_before_scales = t->sweeps;
	t->exponent = (int)e->via.array.ptr[0].via.i64;
	t->other_known = e->via.array.size != 2 || e->via.array.ptr[1].type != MSGPACK_OBJECT_NIL;
}

static inline void copy_text(char *to, size_t size, const msgpack_object *m, const char *key)
{
	_cleanup_free_ char *text = mp_strdup(m, key);

	(void)snprintf(to, size, "%s", text != NULL ? text : "");
}

static inline void tell_look(struct told *t, const msgpack_object *m)
{
	const msgpack_object *data = mp_get(m, "data");

	if (data == NULL)
		return;
	t->looks++;
	copy_text(t->status, sizeof t->status, m, "status");
	t->looked_len = data->via.bin.size;
	t->first = t->looked_len > 1 ? (unsigned char)data->via.bin.ptr[1] : 0;
}

static inline struct told told(const struct world *w, int64_t analyzer)
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
				_cleanup_free_ char *reason = mp_strdup(m, "reason");

				t.states++;
				t.reasons += reason != NULL;
				t.doubts += mp_int(m, "from_ms", 0) != 0;
				copy_text(t.last_state, sizeof t.last_state, m, "state");
				copy_text(t.verified, sizeof t.verified, m, "verified");
			}
			t.plans += mp_is(m, "m", "plan");
			if (mp_is(m, "m", "answer") && mp_int(m, "analyzer", 0) == analyzer) {
				t.answers++;
				copy_text(t.error, sizeof t.error, m, "error");
				tell_look(&t, m);
			}
			mp_doc_release(&doc);
		}
	}
	frame_reader_release(&in);
	return t;
}

#endif
