/* SPDX-License-Identifier: Apache-2.0 */
/* What a line tells the core about itself, its analyzers and its plan (docs/wire.md). */
#include "host/line.h"
#include "host/scales.h"
#include "host/trace.h"

static void transaction_pack(msgpack_packer *pk, const struct transaction *t)
{
	if (t->what.command != NULL) {
		(void)msgpack_pack_array(pk, 1);
		mp_str(pk, t->what.command);
		return;
	}
	(void)msgpack_pack_array(pk, 4);
	(void)msgpack_pack_uint16(pk, t->what.function);
	(void)msgpack_pack_uint16(pk, t->what.address);
	(void)msgpack_pack_uint16(pk, t->what.count);
	(void)msgpack_pack_uint64(pk, t->n);
}

/* An analyzer that has no plan (it failed) is shown with an empty one. */
static void analyzer_pack(msgpack_packer *pk, struct line *l, struct analyzer *a)
{
	const struct plan_cost cost = line_cost(l, a);
	struct plan *plan = NULL;
	struct tesla_error err;

	if (a->state != ANALYZER_FAILED)
		(void)analyzer_plan(a, (1u << a->schedule.n) - 1, &cost, &plan, &err);
	(void)msgpack_pack_map(pk, 6);
	mp_key_int(pk, "id", a->id);
	mp_key_int(pk, "interval_ms", a->schedule.interval_ms[0]);
	mp_key_int(pk, "predicted_us", plan != NULL ? (int64_t)plan_predict(plan, &cost) : 0);
	mp_str(pk, "measured_us");
	if (a->measured_us > 0)
		(void)msgpack_pack_int64(pk, (int64_t)a->measured_us);
	else
		(void)msgpack_pack_nil(pk);
	mp_key_bool(pk, "assumed", !a->turnaround_measured);
	mp_str(pk, "transactions");
	(void)msgpack_pack_array(pk, plan != NULL ? plan->n : 0);
	for (size_t i = 0; plan != NULL && i < plan->n; i++)
		transaction_pack(pk, &plan->list[i]);
}

/*
 * Time the analyzer takes of each second: every interval as if it were read apart, which is exact
 * for one interval and an upper bound for several.
 */
static double analyzer_share(struct line *l, struct analyzer *a)
{
	const struct plan_cost cost = line_cost(l, a);
	struct tesla_error err;
	double share = 0;

	for (size_t i = 0; a->state != ANALYZER_FAILED && !a->held && i < a->schedule.n; i++) {
		struct plan *plan;

		if (analyzer_plan(a, 1u << i, &cost, &plan, &err) == 0)
			share += plan_predict(plan, &cost) /
				 (1000.0 * (double)a->schedule.interval_ms[i]);
	}
	return share;
}

void line_report_plan(struct line *l)
{
	struct frame f;
	double share = l->params.baud > 0 ? 0 : -1;

	for (size_t i = 0; l->params.baud > 0 && i < l->n_analyzers; i++)
		share += analyzer_share(l, l->analyzers[i]);
	gather_flush(l->gather); /* sweeps so far are of the variables before */
	msgpack_packer *pk = report_begin(l->gather->to, &f, "plan", 5);

	mp_key_int(pk, "line", l->id);
	mp_key_int(pk, "i", l->change);
	mp_key_real(pk, "share", share);
	mp_str(pk, "analyzers");
	(void)msgpack_pack_array(pk, l->n_analyzers);
	for (size_t i = 0; i < l->n_analyzers; i++)
		analyzer_pack(pk, l, l->analyzers[i]);
	report_end(l->gather->to, &f);
}

void line_report_state(const struct line *l, const struct analyzer *a, const char *reason,
		       const char *note, int64_t from_ms, int64_t to_ms)
{
	struct frame f;

	gather_flush(l->gather); /* the order of events is kept */
	msgpack_packer *pk = report_begin(l->gather->to, &f, "state", from_ms != 0 ? 9 : 7);

	mp_key_int(pk, "analyzer", a->id);
	mp_key_str(pk, "state", analyzer_state_name(a->state));
	mp_key_str(pk, "reason", reason);
	mp_key_str(pk, "identity", a->identity);
	mp_key_str(pk, "verified", verified_name(a->verified));
	mp_key_str(pk, "note", note);
	if (from_ms != 0) {
		mp_key_int(pk, "from_ms", from_ms);
		mp_key_int(pk, "to_ms", to_ms);
	}
	report_end(l->gather->to, &f);
}

void line_report_texts(const struct line *l, const struct analyzer *a)
{
	size_t n = model_n_texts(a->kind->model);
	struct frame f;
	msgpack_packer *pk;

	if (n == 0)
		return;
	gather_flush(l->gather);
	pk = report_begin(l->gather->to, &f, "texts", 3);
	mp_key_int(pk, "analyzer", a->id);
	mp_str(pk, "list");
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		mp_str(pk, a->said[i]);
	report_end(l->gather->to, &f);
}

void line_report_scales(const struct line *l, const struct analyzer *a)
{
	size_t n = a->kind->model->pub.n_scales;
	struct frame f;

	gather_flush(l->gather); /* sweeps so far were decoded with the old ones */
	msgpack_packer *pk = report_begin(l->gather->to, &f, "scales", 3);

	mp_key_int(pk, "analyzer", a->id);
	mp_str(pk, "exponents");
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		if (a->exponents[i] == SCALE_UNKNOWN)
			(void)msgpack_pack_nil(pk);
		else
			(void)msgpack_pack_int16(pk, a->exponents[i]);
	report_end(l->gather->to, &f);
}

void line_report_answer(const struct line *l, struct ask *ask, const char *error)
{
	struct frame f;

	gather_flush(l->gather); /* what it caused goes first */
	msgpack_packer *pk = report_begin(l->gather->to, &f, "answer", 4);

	mp_key_int(pk, "i", ask->i);
	mp_key_int(pk, "analyzer", ask->analyzer);
	mp_key_str(pk, "error", error);
	report_end(l->gather->to, &f);
	(void)atomic_fetch_sub(ask->open, 1);
	free(ask);
}

void line_report_look(const struct line *l, struct ask *ask, const struct tesla_reply *reply,
		      const struct tesla_error *err)
{
	bool ok = reply->status == TESLA_REPLY_OK, refused = reply->status == TESLA_REPLY_EXCEPTION;
	size_t len = ok ? reply->data->len : 0;
	struct frame f;

	gather_flush(l->gather);
	msgpack_packer *pk = report_begin(l->gather->to, &f, "answer", 9);

	mp_key_int(pk, "i", ask->i);
	mp_key_int(pk, "analyzer", ask->analyzer);
	mp_key_str(pk, "error", NULL);
	mp_key_str(pk, "status", status_word(reply->status));
	mp_key_int(pk, "code", refused ? reply->code : 0);
	mp_key_int(pk, "took_us", ok || refused ? reply->received_us - reply->sent_us : 0);
	mp_key_str(pk, "why", ok ? NULL : err->text);
	mp_str(pk, "data");
	(void)msgpack_pack_bin(pk, len);
	(void)msgpack_pack_bin_body(pk, reply->data->bytes, len);
	report_end(l->gather->to, &f);
	(void)atomic_fetch_sub(ask->open, 1);
	free(ask);
}

void line_report_line(struct line *l, const char *reason)
{
	static const char *const names[] = { "closed", "open", "failed" };
	struct frame f;

	trace_event(l, names[l->state], reason);
	gather_flush(l->gather);
	msgpack_packer *pk = report_begin(l->gather->to, &f, "line-state", 4);

	mp_key_int(pk, "line", l->id);
	mp_key_str(pk, "state", names[l->state]);
	mp_key_str(pk, "reason", reason);
	report_end(l->gather->to, &f);
}
