/* SPDX-License-Identifier: Apache-2.0 */
/* From replies to readings. */
#include "host/sweep.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "host/call.h"
#include "host/scales.h"

#define DECODE_LIMIT_US 1000000

void sweep_clear(struct analyzer *a)
{
	for (size_t i = 0; i < a->n_blocks; i++) {
		if (a->blocks[i].flags & TESLA_BLOCK_CONNECT)
			continue;
		a->replies[i].status = TESLA_REPLY_NONE;
		a->replies[i].code = 0;
		buf_clear(&a->bytes[i]);
	}
}

static void block_take(struct analyzer *a, size_t i, const struct transaction *t,
		       const struct tesla_reply *reply)
{
	const struct tesla_block *b = &a->blocks[i];
	struct tesla_reply *own = &a->replies[i];
	size_t at = t->what.command ? 0 : 2u * (b->address - t->what.address);
	size_t len = t->what.command ? reply->data->len : 2u * b->count;
	bool kept = (b->flags & TESLA_BLOCK_CONNECT) && own->status == TESLA_REPLY_OK;

	if (kept && reply->status != TESLA_REPLY_OK)
		return; /* the scale that was read last stays */
	if (kept && at + len <= reply->data->len && own->data->len == len &&
	    memcmp(own->data->bytes, reply->data->bytes + at, len) != 0)
		a->scales_changed = true;
	own->status = reply->status;
	own->code = reply->code;
	own->sent_us = reply->sent_us;
	own->received_us = reply->received_us;
	buf_clear(&a->bytes[i]);
	if (reply->status != TESLA_REPLY_OK)
		return;
	if (at + len > reply->data->len ||
	    buf_append(&a->bytes[i], reply->data->bytes + at, len) != 0)
		own->status = TESLA_REPLY_GARBLED;
}

void sweep_take(struct analyzer *a, const struct plan *plan, const struct transaction *t,
		const struct tesla_reply *reply)
{
	for (size_t i = 0; i < t->n; i++)
		block_take(a, plan->order[t->first + i], t, reply);
}

/* An instant known to +- dt: midway between request and reply. */
struct stamp {
	int64_t t_us, dt_us;
};

static struct stamp stamp_between(int64_t sent_us, int64_t received_us, int64_t wall_offset_us)
{
	int64_t dt_us = (received_us - sent_us + 1) / 2;

	return (struct stamp){ wall_offset_us + sent_us + dt_us, dt_us };
}

/* From the first request to the last reply that this variable came with.  False: nothing came. */
static bool reading_stamp(const struct analyzer *a, size_t index, int64_t wall_offset_us,
			  struct stamp *ret)
{
	int64_t sent = INT64_MAX, received = 0;

	for (size_t i = 0; i < a->n_blocks; i++) {
		const struct tesla_reply *r = &a->replies[i];

		if (a->blocks[i].variable != (int64_t)index || r->status != TESLA_REPLY_OK)
			continue;
		sent = r->sent_us < sent ? r->sent_us : sent;
		received = r->received_us > received ? r->received_us : received;
	}
	if (received == 0)
		return false;
	*ret = stamp_between(sent, received, wall_offset_us);
	return true;
}

/* Can a counter have grown from there to `v`?  false from NAN. */
static bool can_grow(double from, int64_t from_us, double v, int64_t t_us, double rating,
		     double step)
{
	double s = fmax((double)(t_us - from_us) / 1e6, 1);

	return v >= from && (rating == 0 || v - from <= rating * s / 3600 + step);
}

/*
 * A counter that falls, or leaps beyond its rating, is in doubt until the next read confirms it:
 * then counting goes on from there.
 */
static enum tesla_quality counter_judge(struct counter_state *c, double v, int64_t t_us,
					double rating, double step)
{
	if (!isnan(c->accepted) && !can_grow(c->accepted, c->accepted_us, v, t_us, rating, step) &&
	    !can_grow(c->candidate, c->candidate_us, v, t_us, rating, step)) {
		c->candidate = v;
		c->candidate_us = t_us;
		return TESLA_SUSPECT;
	}
	c->accepted = v;
	c->accepted_us = t_us;
	c->candidate = NAN;
	return TESLA_GOOD;
}

static void elements_judge(struct analyzer *a, size_t index, int64_t mono_us)
{
	const struct wanted *w = &a->wanted[index];
	const struct tesla_variable *v = w->variable;
	struct stamp own;
	int64_t t_us = reading_stamp(a, index, 0, &own) ? own.t_us : mono_us;
	double rating = scales_rating(a, v);
	bool doubt = a->scales_changed || a->verified == VERIFIED_OTHER ||
		     a->verified == VERIFIED_CHANGED;

	for (size_t i = 0; i < v->n_elements; i++) {
		struct tesla_element *e = &a->elements[w->first + i];

		if ((unsigned)e->quality >
		    TESLA_ERROR) /* a plugin's mistake must not look like the host's */
			e->quality = TESLA_ERROR;
		if ((e->quality == TESLA_GOOD || e->quality == TESLA_SUSPECT) &&
		    !isfinite(e->value))
			e->quality = TESLA_UNAVAILABLE;
		if (e->quality == TESLA_GOOD && v->kind == TESLA_COUNTER)
			e->quality = counter_judge(&a->counters[w->first + i], e->value, t_us,
						   rating, scales_step(a, v->elements[i]));
		if (e->quality == TESLA_GOOD && doubt)
			e->quality = TESLA_SUSPECT;
	}
}

static void qualities_pack(msgpack_packer *pk, const struct tesla_element *e, size_t n,
			   bool all_good)
{
	if (all_good) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		(void)msgpack_pack_uint8(pk, (uint8_t)e[i].quality);
}

/* own: the reading's time, where it is not the sweep's; else NULL. */
static void reading_pack(msgpack_packer *pk, const struct analyzer *a, size_t index,
			 const struct stamp *own)
{
	const struct wanted *w = &a->wanted[index];
	const struct tesla_element *e = &a->elements[w->first];
	size_t n = w->variable->n_elements;
	bool good = true;

	(void)msgpack_pack_array(pk, own != NULL ? 5 : 3);
	(void)msgpack_pack_uint64(pk, index);
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++) {
		good = good && e[i].quality == TESLA_GOOD;
		if (e[i].quality == TESLA_GOOD || e[i].quality == TESLA_SUSPECT)
			(void)msgpack_pack_double(pk, e[i].value);
		else
			(void)msgpack_pack_nil(pk);
	}
	qualities_pack(pk, e, n, good);
	if (own != NULL) {
		(void)msgpack_pack_int64(pk, own->t_us);
		(void)msgpack_pack_int64(pk, own->dt_us);
	}
}

static bool wanted_due(const struct analyzer *a, size_t i, unsigned due)
{
	return (due & 1u << a->wanted[i].interval) != 0;
}

static void readings_pack(msgpack_packer *pk, const struct job *job, int64_t wall_offset_us)
{
	const struct analyzer *a = job->a;
	size_t n = 0;

	for (size_t i = 0; i < a->n_wanted; i++)
		n += wanted_due(a, i, job->due);
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < a->n_wanted; i++) {
		struct stamp own;
		bool has = job->reads > 1 && reading_stamp(a, i, wall_offset_us, &own);

		if (wanted_due(a, i, job->due))
			reading_pack(pk, a, i, has ? &own : NULL);
	}
}

static void sweep_pack(struct gather *g, const struct job *job, const struct stamp *stamp,
		       int64_t wall_offset_us)
{
	const struct analyzer *a = job->a;
	const struct counts *c = &job->counts;
	const int64_t counts[] = { job->missed,	  c->timeouts,	   c->garbled,
				   c->exceptions, c->transactions, c->bus_us };
	size_t before = g->sweeps.pub.len;
	msgpack_packer pk;

	mp_writer(&pk, &g->sweeps);
	(void)msgpack_pack_array(&pk, 14);
	(void)msgpack_pack_int64(&pk, a->id);
	(void)msgpack_pack_int64(&pk, stamp->t_us);
	(void)msgpack_pack_int64(&pk, stamp->dt_us);
	(void)msgpack_pack_int64(&pk, job->deadline_ms);
	mp_str(&pk, job->error.code != 0 ? job->error.text : NULL);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		(void)msgpack_pack_int64(&pk, counts[i]);
	readings_pack(&pk, job, wall_offset_us);
	if (job->timed && job->late_us >= 0) /* less: the clock was put back */
		(void)msgpack_pack_int64(&pk, job->late_us);
	else
		(void)msgpack_pack_nil(&pk);
	histogram_pack(&pk, &c->took);
	if (!g->sweeps.failed) {
		g->n++;
		return;
	}
	g->sweeps.pub.len = before; /* it did not fit beside the others: those go first */
	g->sweeps.failed = false;
	if (before == 0)
		return; /* longer than any message may be; core/daemon bounds the variables */
	gather_flush(g);
	sweep_pack(g, job, stamp, wall_offset_us);
}

static void elements_fail(struct analyzer *a)
{
	for (size_t i = 0; i < a->n_elements; i++)
		a->elements[i] = (struct tesla_element){ NAN, TESLA_ERROR };
}

void sweep_finish(struct line *l, struct job *job, int64_t mono_us, int64_t wall_us)
{
	struct analyzer *a = job->a;
	struct tesla_error err = { 0 };
	struct stamp stamp = { wall_us, 0 };
	int r;

	if (scales_look(a))
		line_report_scales(l, a);
	elements_fail(a);
	call_enter(l->slot, a->data_serial, a->data_name, "decode", l->id, a->id, DECODE_LIMIT_US);
	r = a->data->data.decode(a->data_self, a->replies, a->elements, &err);
	call_leave(l->slot, a->data_serial);
	if (r != 0) {
		elements_fail(a);
		if (job->error.code == 0)
			job->error = err;
		job->error.code = r;
	}
	for (size_t i = 0; i < a->n_wanted; i++)
		if (wanted_due(a, i, job->due))
			elements_judge(a, i, mono_us);
	if (job->first_sent_us != 0)
		stamp = stamp_between(job->first_sent_us, job->last_received_us, wall_us - mono_us);
	a->scales_changed = false;
	sweep_pack(l->gather, job, &stamp, wall_us - mono_us);
}
