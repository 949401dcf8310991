/* SPDX-License-Identifier: Apache-2.0 */
/* What a host of lines says, taken into the hub. */
#include "daemon/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/model_tables.h"

#define STEPS_MAX 4096u /* transactions of one analyzer's plan */

struct take {
	struct hub *h;
	size_t owner;
	bool changing;
	struct tesla_error *err;
};

static bool is_nil(const msgpack_object *o)
{
	return o == NULL || o->type == MSGPACK_OBJECT_NIL;
}

static bool is_array(const msgpack_object *o, uint32_t n)
{
	return o != NULL && o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == n;
}

static int breach(struct take *t, const char *what)
{
	return tesla_fail(t->err, -EPROTO, "%s", what);
}

/* 1: it has that analyzer; 0: it had, and what it says of it is left out. */
static int any_analyzer(struct take *t, const msgpack_object *id, struct hub_analyzer **ret)
{
	int64_t v;

	if (!mp_to_int(id, &v))
		return breach(t, "the id of an analyzer is missing");
	*ret = hub_analyzer(t->h, v);
	if (*ret != NULL && (*ret)->owner == t->owner)
		return 1;
	if (t->changing)
		return 0;
	return tesla_fail(t->err, -EPROTO, "analyzer %" PRId64 " is not its own", v);
}

/* The same; also 0 as long as it is not what the core knows it as. */
static int own_analyzer(struct take *t, const msgpack_object *id, struct hub_analyzer **ret)
{
	int r = any_analyzer(t, id, ret);

	return r == 1 && (*ret)->hushed ? 0 : r;
}

/* ---- sweeps ---- */

enum {
	S_ANALYZER,
	S_T,
	S_DT,
	S_DEADLINE,
	S_ERROR,
	S_MISSED,
	S_TIMEOUTS,
	S_GARBLED,
	S_EXCEPTIONS,
	S_TRANSACTIONS,
	S_BUS,
	S_READINGS,
	S_LATE,
	S_TOOK,
	S_FIELDS
};

struct sweep {
	int64_t v[S_FIELDS]; /* late: -1 when nil */
	char *error;
	struct histogram took;
};

static int take_element(struct take *t, const msgpack_object *value, const msgpack_object *quality,
			struct tesla_element *out)
{
	struct tesla_element e = { .value = NAN, .quality = TESLA_GOOD };
	int64_t q = TESLA_GOOD;

	if (quality != NULL && (!mp_to_int(quality, &q) || q < TESLA_GOOD || q > TESLA_ERROR))
		return breach(t, "sweep: a quality that is none");
	e.quality = (enum tesla_quality)q;
	if (q == TESLA_GOOD || q == TESLA_SUSPECT) {
		if (!mp_to_real(value, &e.value) || !isfinite(e.value))
			return breach(t, "sweep: a good element without a number");
	} else if (!is_nil(value)) {
		return breach(t, "sweep: a number where there can be none");
	}
	*out = e;
	return 0;
}

static bool take_time(const msgpack_object *o, int64_t *ret)
{
	return mp_to_int(o, ret) && *ret >= 0 && *ret <= INT64_MAX / 4;
}

/* s: the sweep, whose time the reading has unless it brings its own. */
static int take_reading(struct take *t, struct hub_analyzer *a, const struct sweep *s,
			const msgpack_object *r, size_t *which)
{
	const msgpack_object *p, *values, *qualities;
	struct hub_last *last;
	int64_t index;

	if (!is_array(r, 3) && !is_array(r, 5))
		return breach(t, "sweep: a reading is no array of 3 or 5");
	p = r->via.array.ptr;
	values = &p[1];
	qualities = is_nil(&p[2]) ? NULL : &p[2];
	if (!mp_to_int(&p[0], &index) || index < 0 || (uint64_t)index >= a->conf->n_variables)
		return tesla_fail(t->err, -EPROTO,
				  "sweep of analyzer %" PRId64 ": a variable that it has not",
				  a->conf->id);
	last = &a->last[index];
	if (!is_array(values, (uint32_t)last->n_elements) ||
	    (qualities != NULL && !is_array(qualities, (uint32_t)last->n_elements)))
		return tesla_fail(t->err, -EPROTO,
				  "sweep of analyzer %" PRId64 ": %s has %zu elements", a->conf->id,
				  a->conf->variables[index].variable->name, last->n_elements);
	*which = (size_t)index;
	last->t_us = s->v[S_T];
	last->dt_us = s->v[S_DT];
	if (r->via.array.size == 5 &&
	    (!take_time(&p[3], &last->t_us) || !take_time(&p[4], &last->dt_us)))
		return breach(t, "sweep: a reading's time is none");
	for (uint32_t i = 0; i < last->n_elements; i++) {
		const msgpack_object *q = qualities ? &qualities->via.array.ptr[i] : NULL;
		int rc = take_element(t, &values->via.array.ptr[i], q, &last->elements[i]);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int take_numbers(struct take *t, const msgpack_object *p, struct sweep *s)
{
	for (int i = S_T; i < S_READINGS; i++) {
		if (i == S_ERROR)
			continue;
		if (!mp_to_int(&p[i], &s->v[i]) || s->v[i] < 0 || s->v[i] > INT64_MAX / 4)
			return tesla_fail(t->err, -EPROTO,
					  "sweep: field %d is no number of its kind", i);
	}
	s->v[S_LATE] = -1;
	if (!is_nil(&p[S_LATE]) && !take_time(&p[S_LATE], &s->v[S_LATE]))
		return breach(t, "sweep: it is late by what is no time");
	if (!histogram_unpack(&p[S_TOOK], &s->took))
		return breach(t, "sweep: how long requests took is no histogram");
	if (is_nil(&p[S_ERROR]))
		return 0;
	s->error = mp_to_strdup(&p[S_ERROR]);
	return s->error ? 0 : breach(t, "sweep: the error is no text");
}

static void count_line(struct hub_line *l, const struct sweep *s)
{
	struct hub_line_totals *c = &l->totals;

	l->transactions += (uint64_t)s->v[S_TRANSACTIONS];
	l->busy_us += s->v[S_BUS];
	c->busy_us += (uint64_t)s->v[S_BUS];
	c->timeouts += (uint64_t)s->v[S_TIMEOUTS];
	c->garbled += (uint64_t)s->v[S_GARBLED];
	c->exceptions += (uint64_t)s->v[S_EXCEPTIONS];
	histogram_merge(&c->took, &s->took);
	if (s->v[S_LATE] >= 0)
		histogram_add(&c->late, s->v[S_LATE]);
}

static void count(struct hub_analyzer *a, const struct sweep *s)
{
	a->sweeps++;
	a->failed += s->error != NULL;
	a->missed += (uint64_t)s->v[S_MISSED];
	a->timeouts += (uint64_t)s->v[S_TIMEOUTS];
	a->garbled += (uint64_t)s->v[S_GARBLED];
	a->exceptions += (uint64_t)s->v[S_EXCEPTIONS];
	a->t_us = s->v[S_T];
	count_line(a->line, s);
}

/* What is asked of a meter long after that sweep: did it answer, and what was wrong? */
static void remember(struct hub_analyzer *a, const struct sweep *s, const size_t *which, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct hub_last *last = &a->last[which[i]];

		for (size_t k = 0; k < last->n_elements; k++)
			if (last->elements[k].quality != TESLA_ERROR)
				a->answered_us = s->v[S_T];
	}
	if (s->error != NULL)
		text_set(&a->error, s->error);
}

static int take_sweep(struct take *t, const msgpack_object *o)
{
	struct sweep s = { .error = NULL };
	size_t which[MODEL_VARIABLES_MAX];
	const msgpack_object *p, *readings;
	struct hub_analyzer *a;
	int rc;

	if (!is_array(o, S_FIELDS))
		return tesla_fail(t->err, -EPROTO, "sweep: expected an array of %d", S_FIELDS);
	p = o->via.array.ptr;
	readings = &p[S_READINGS];
	rc = own_analyzer(t, &p[S_ANALYZER], &a);
	if (rc <= 0)
		return rc;
	if (readings->type != MSGPACK_OBJECT_ARRAY ||
	    readings->via.array.size > MODEL_VARIABLES_MAX)
		return breach(t, "sweep: the readings are no array, or too many");
	rc = take_numbers(t, p, &s);
	for (uint32_t i = 0; rc == 0 && i < readings->via.array.size; i++)
		rc = take_reading(t, a, &s, &readings->via.array.ptr[i], &which[i]);
	if (rc == 0) {
		a->n++;
		count(a, &s);
		remember(a, &s, which, readings->via.array.size);
		hub_publish(t->h, a, which, readings->via.array.size, s.error, s.v[S_T], s.v[S_DT]);
	}
	free(s.error);
	return rc;
}

static int take_sweeps(struct take *t, const msgpack_object *msg)
{
	const msgpack_object *p = msg->via.array.ptr;
	int rc = 0;

	if (msg->via.array.size == 0 || p[0].type != MSGPACK_OBJECT_STR || p[0].via.str.size != 1 ||
	    p[0].via.str.ptr[0] != 's')
		return breach(t, "an array that is no batch of sweeps");
	for (uint32_t i = 1; rc == 0 && i < msg->via.array.size; i++)
		rc = take_sweep(t, &p[i]);
	return rc;
}

/* ---- states ---- */

/* Which of the names the text under `key` is; -1: none of them. */
static int name_of(const msgpack_object *msg, const char *key, const char *(*name)(int), int n)
{
	for (int i = 0; i < n; i++)
		if (mp_is(msg, key, name(i)))
			return i;
	return -1;
}

static const char *state_name(int i)
{
	return hub_state_name((enum hub_state)i);
}

static const char *line_state_name(int i)
{
	return hub_line_state_name((enum hub_line_state)i);
}

static const char *verified_name(int i)
{
	return hub_verified_name((enum hub_verified)i);
}

static void utc(int64_t ms, char *text, size_t size)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL || strftime(text, size, "%FT%TZ", &tm) == 0)
		*text = '\0';
}

/* The remark with the range of time that it puts in doubt; for free(). */
static char *note_text(const msgpack_object *msg)
{
	_cleanup_free_ char *note = mp_strdup(msg, "note");
	int64_t from = mp_int(msg, "from_ms", -1), to = mp_int(msg, "to_ms", -1);
	char first[40], last[40], *text;

	if (note == NULL || from < 0 || to < from)
		return note ? strdup(note) : NULL;
	utc(from, first, sizeof first);
	utc(to, last, sizeof last);
	return asprintf(&text, "%s (in doubt: %s to %s)", note, first, last) < 0 ? NULL : text;
}

static int take_state(struct take *t, const msgpack_object *msg)
{
	static const int levels[HUB_N_STATES] = {
		[HUB_DOWN] = LOG_LEVEL_DEBUG,	[HUB_CONNECTING] = LOG_LEVEL_DEBUG,
		[HUB_ONLINE] = LOG_LEVEL_INFO,	[HUB_OFFLINE] = LOG_LEVEL_WARNING,
		[HUB_FAILED] = LOG_LEVEL_ERROR,
	};
	_cleanup_free_ char *reason = mp_strdup(msg, "reason"),
			    *identity = mp_strdup(msg, "identity");
	_cleanup_free_ char *note = note_text(msg);
	struct hub_analyzer *a;
	int r = own_analyzer(t, mp_get(msg, "analyzer"), &a);
	int state = name_of(msg, "state", state_name, HUB_N_STATES);
	int v = is_nil(mp_get(msg, "verified"))
			? HUB_NOT_VERIFIED
			: name_of(msg, "verified", verified_name, HUB_N_VERIFIED);

	if (r <= 0)
		return r;
	if (state < 0 || v < 0)
		return breach(t, "state: not one of those that there are");
	if (identity != NULL)
		text_set(&a->identity, identity);
	a->verified = (enum hub_verified)v;
	/* Online and yet a reason: it answers, but not well. */
	hub_set_state(t->h, a, (enum hub_state)state, reason,
		      state == HUB_ONLINE && reason != NULL ? LOG_LEVEL_WARNING : levels[state]);
	hub_note(t->h, a, note);
	return 0;
}

/*
 * The line of that id.  1: it does not speak for it, as a quarantined analyzer's host, or one that
 * the line is leaving; then *ret may be NULL.
 */
static int own_line(struct take *t, const msgpack_object *msg, struct hub_line **ret)
{
	struct hub_line *l = hub_line(t->h, mp_int(msg, "line", -1));

	*ret = l;
	if (l == NULL && !t->changing)
		return breach(t, "a line that there is not");
	if (l != NULL && l->owner == t->owner)
		return 0;
	if (t->changing)
		return 1;
	for (size_t i = 0; i < t->h->n_analyzers; i++)
		if (t->h->analyzers[i].line == l && t->h->analyzers[i].owner == t->owner)
			return 1;
	return tesla_fail(t->err, -EPROTO, "line %" PRId64 " is not its own", l->conf->id);
}

static int take_line_state(struct take *t, const msgpack_object *msg)
{
	_cleanup_free_ char *reason = mp_strdup(msg, "reason");
	int state = name_of(msg, "state", line_state_name, HUB_LINE_N_STATES);
	struct hub_line *l;
	int rc = own_line(t, msg, &l);

	if (rc < 0)
		return rc;
	if (state < 0)
		return breach(t, "line-state: not one of those that there are");
	if (rc == 0)
		hub_set_line_state(t->h, l, (enum hub_line_state)state, reason);
	return 0;
}

/* ---- scales ---- */

/* What makes no sense for that register is the meter's fault, not the host's: it is not known. */
static int take_exponent(struct take *t, const msgpack_object *o, const struct tesla_scale *s,
			 int16_t *ret)
{
	int64_t v;

	*ret = INT16_MIN;
	if (is_nil(o))
		return 0;
	if (!mp_to_int(o, &v) || v < INT16_MIN || v > INT16_MAX)
		return breach(t, "scales: an exponent that is no number of 16 bits");
	if (v >= s->min && v <= s->max)
		*ret = (int16_t)v;
	return 0;
}

static int take_scales(struct take *t, const msgpack_object *msg)
{
	const msgpack_object *list = mp_get(msg, "exponents");
	const struct tesla_model *model;
	struct hub_analyzer *a;
	int rc = own_analyzer(t, mp_get(msg, "analyzer"), &a);

	if (rc <= 0)
		return rc;
	rc = 0;
	model = &a->conf->model->pub;
	if (list == NULL || list->type != MSGPACK_OBJECT_ARRAY ||
	    list->via.array.size != model->n_scales)
		return tesla_fail(t->err, -EPROTO, "scales of analyzer %" PRId64 ": expected %zu",
				  a->conf->id, model->n_scales);
	for (size_t i = 0; rc == 0 && i < model->n_scales; i++)
		rc = take_exponent(t, &list->via.array.ptr[i], model->scales[i], &a->exponents[i]);
	return rc;
}

/* ---- texts ---- */

static int take_texts(struct take *t, const msgpack_object *msg)
{
	struct hub_analyzer *a;
	size_t n;
	const msgpack_object *list = mp_array(msg, "list", &n);
	int rc = own_analyzer(t, mp_get(msg, "analyzer"), &a);

	if (rc <= 0)
		return rc;
	if (n != model_n_texts(a->conf->model))
		return tesla_fail(t->err, -EPROTO, "texts of analyzer %" PRId64 ": expected %zu",
				  a->conf->id, model_n_texts(a->conf->model));
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = mp_to_strdup(&list[i]);

		if (text == NULL && !is_nil(&list[i]))
			return breach(t, "texts: one that is none");
		text_set(&a->said[i], text);
	}
	return 0;
}

/* ---- plans ---- */

static int take_step(struct take *t, const msgpack_object *o, struct hub_step *step)
{
	int64_t *const fields[] = { &step->function, &step->address, &step->count, &step->blocks };

	if (is_array(o, 1)) {
		step->command = mp_to_strdup(&o->via.array.ptr[0]);
		return step->command ? 0 : breach(t, "plan: a command that is no text");
	}
	if (!is_array(o, N_ELEMENTS(fields)))
		return breach(t, "plan: a transaction of the wrong form");
	for (size_t i = 0; i < N_ELEMENTS(fields); i++)
		if (!mp_to_int(&o->via.array.ptr[i], fields[i]) || *fields[i] < 0 ||
		    *fields[i] > 65536)
			return breach(t, "plan: a transaction with a number out of range");
	return 0;
}

/* A model of time gives fractions; beyond a day it is none. */
static int64_t micros(const msgpack_object *o, const char *key, int64_t dflt)
{
	double v = mp_real(o, key, (double)dflt);

	return v >= 0 && v < 86400e6 ? llround(v) : dflt;
}

static int take_analyzer_plan(struct take *t, const msgpack_object *o)
{
	struct hub_plan plan = { .known = true };
	const msgpack_object *steps;
	struct hub_analyzer *a;
	size_t n;
	int rc = own_analyzer(t, mp_get(o, "id"), &a);

	if (rc <= 0)
		return rc;
	rc = 0;
	steps = mp_array(o, "transactions", &n);
	if (n > STEPS_MAX)
		return breach(t, "plan: too many transactions");
	plan.predicted_us = micros(o, "predicted_us", 0);
	plan.measured_us = micros(o, "measured_us", -1);
	plan.assumed = mp_bool(o, "assumed", false);
	plan.steps = calloc(n + 1, sizeof *plan.steps);
	if (plan.steps == NULL)
		return tesla_fail(t->err, -ENOMEM, "no memory for a plan");
	while (rc == 0 && plan.n_steps < n) {
		rc = take_step(t, &steps[plan.n_steps], &plan.steps[plan.n_steps]);
		plan.n_steps++;
	}
	if (rc != 0) {
		hub_plan_release(&plan);
		return rc;
	}
	hub_plan_release(&a->plan);
	a->plan = plan;
	return 0;
}

static int take_plan(struct take *t, const msgpack_object *msg)
{
	struct hub_line *l;
	size_t n;
	const msgpack_object *list = mp_array(msg, "analyzers", &n);
	double share = mp_real(msg, "share", -1);
	int rc = own_line(t, msg, &l);

	if (rc < 0)
		return rc;
	if (!isfinite(share))
		return breach(t, "plan: the share is no number");
	if (rc == 0) {
		l->share = share;
		l->planned = true;
	}
	rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = take_analyzer_plan(t, &list[i]);
	return rc;
}

static const struct model *model_in_use(const struct config *c, const msgpack_object *msg)
{
	for (size_t i = 0; i < c->n_models; i++)
		if (mp_is(msg, "model", c->models[i]->pub.name))
			return c->models[i];
	return NULL;
}

static int take_forbidden(struct take *t, const msgpack_object *msg)
{
	struct hub_forbidden f = {
		.model = model_in_use(t->h->config, msg),
		.function = mp_int(msg, "function", -1),
		.first = mp_int(msg, "first", -1),
		.last = mp_int(msg, "last", -1),
	};

	if (f.model == NULL && t->changing)
		return 0; /* it is in use no more */
	if (f.model == NULL || f.function < 0 || f.function > 255 || f.first < 0 ||
	    f.last < f.first || f.last > 65535)
		return breach(t, "forbidden: not a range of a model in use");
	if (hub_forbid(t->h, &f) == 0)
		log_msg(t->h->log, LOG_LEVEL_INFO,
			"model %s: function %" PRId64 " does not read 0x%04" PRIX64 "..0x%04" PRIX64
			" in one go: learned",
			f.model->pub.name, f.function, (uint64_t)f.first, (uint64_t)f.last);
	return 0;
}

/* ---- a plugin that would not ---- */

static int take_failed(struct take *t, const msgpack_object *msg)
{
	_cleanup_free_ char *plugin = mp_strdup(msg, "plugin"), *text = mp_strdup(msg, "text");
	_cleanup_free_ char *reason = NULL;
	const msgpack_object *id = mp_get(msg, "analyzer");
	struct hub_analyzer *only = NULL;
	struct hub_line *l = NULL;
	int rc = 1;

	if (plugin == NULL || text == NULL)
		return breach(t, "failed: without plugin and text");
	if (asprintf(&reason, "%s: %s", plugin, text) < 0)
		return tesla_fail(t->err, -ENOMEM, "no memory for a reason");
	if (!is_nil(id)) /* also of one that is hushed: it is said when something is opened */
		rc = any_analyzer(t, id, &only);
	if (rc <= 0)
		return rc;
	if (!is_nil(mp_get(msg, "line")) && own_line(t, msg, &l) < 0)
		return -EPROTO;
	if (!is_nil(mp_get(msg, "line")) && l == NULL)
		return 0;
	log_msg(t->h->log, LOG_LEVEL_ERROR, "plugin %s", reason);
	for (size_t i = 0; i < t->h->n_analyzers; i++) {
		struct hub_analyzer *a = &t->h->analyzers[i];

		if (a->owner != t->owner || (only != NULL && a != only) ||
		    (l != NULL && a->line != l))
			continue;
		if (strcmp(a->conf->driver, plugin) == 0 || strcmp(a->conf->data, plugin) == 0)
			hub_set_state(t->h, a, HUB_FAILED, reason, LOG_LEVEL_DEBUG);
	}
	return 0;
}

/* ---- all of them ---- */

static const struct {
	const char *m;
	int (*take)(struct take *, const msgpack_object *);
} messages[] = {
	{ "state", take_state },   { "line-state", take_line_state },
	{ "plan", take_plan },	   { "forbidden", take_forbidden },
	{ "failed", take_failed }, { "scales", take_scales },
	{ "texts", take_texts },   { "ready", NULL },
	{ "pong", NULL },	   { "log", NULL },
	{ "done", NULL }, /* of the host itself */
};

int intake(struct hub *h, const struct intake_from *from, const msgpack_object *msg,
	   struct tesla_error *err)
{
	struct take t = { h, from->owner, from->changing, err };

	if (msg->type == MSGPACK_OBJECT_ARRAY)
		return take_sweeps(&t, msg);
	for (size_t i = 0; i < N_ELEMENTS(messages); i++)
		if (mp_is(msg, "m", messages[i].m))
			return messages[i].take ? messages[i].take(&t, msg) : 1;
	return breach(&t, "a message of no known kind");
}
