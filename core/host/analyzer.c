/* SPDX-License-Identifier: Apache-2.0 */
/* One meter as its line sees it. */
#include "host/analyzer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/call.h"
#include "host/scales.h"

#define REPLAN_SWEEPS 64      /* how often a cheaper plan is looked for */
#define REPLAN_GAIN 0.95      /* an older plan is kept unless the new one is 5% cheaper */
#define REPLY_MAX 4096	      /* bytes of one block's reply */
#define CALL_LIMIT_US 1000000 /* open, blocks, decode: a second is plenty for what does no I/O */

struct kind *kind_new(struct model *model, char *text)
{
	struct kind *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	k->model = model;
	k->text = text;
	atomic_init(&k->refs, 1);
	(void)pthread_mutex_init(&k->lock, NULL);
	for (size_t i = 0; i < model->n_forbidden; i++)
		(void)ranges_add(&k->forbidden, model->forbidden[i]);
	return k;
}

struct kind *kind_ref(struct kind *k)
{
	(void)atomic_fetch_add(&k->refs, 1);
	return k;
}

void kind_unref(struct kind *k)
{
	if (k == NULL || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	model_free(k->model);
	free(k->text);
	ranges_release(&k->forbidden);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}

struct patterns *patterns_ref(struct patterns *p)
{
	(void)atomic_fetch_add(&p->refs, 1);
	return p;
}

void patterns_unref(struct patterns *p)
{
	if (p == NULL || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].model);
		regfree(&p->list[i].regex);
	}
	free(p->list);
	free(p);
}

int kind_forbid(struct kind *k, struct model_range range)
{
	int r;

	(void)pthread_mutex_lock(&k->lock);
	r = ranges_add(&k->forbidden, range);
	(void)pthread_mutex_unlock(&k->lock);
	if (r == 0)
		(void)atomic_fetch_add(&k->generation, 1);
	return r;
}

static void plans_drop(struct analyzer *a)
{
	for (size_t i = 0; i < N_ELEMENTS(a->plans); i++) {
		plan_free(a->plans[i]);
		a->plans[i] = NULL;
	}
	plan_free(a->connect_plan);
	a->connect_plan = NULL;
}

void texts_free(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

void analyzer_close(struct analyzer *a, struct blame_slot *slot, int64_t line)
{
	if (a->data_self == NULL)
		return;
	call_enter(slot, a->data_serial, a->data_name, "close", line, a->id, CALL_LIMIT_US);
	a->data->data.close(a->data_self);
	call_leave(slot, a->data_serial);
	a->data_self = NULL;
}

void analyzer_free(struct analyzer *a)
{
	if (a == NULL)
		return;
	if (a->data_self != NULL)
		a->data->data.close(a->data_self);
	for (size_t i = 0; a->bytes != NULL && i < a->n_blocks; i++)
		buf_release(&a->bytes[i]);
	plans_drop(a);
	free(a->bytes);
	free(a->exponents);
	free(a->replies);
	free(a->counters);
	free(a->elements);
	free(a->wanted);
	free(a->data_conf);
	free(a->data_name);
	free(a->identity);
	free(a->heard);
	for (size_t i = 0; a->said != NULL && i < model_n_texts(a->kind->model); i++)
		free(a->said[i]);
	free(a->said);
	texts_free(a->texts);
	buf_release(&a->told);
	kind_unref(a->kind);
	free(a);
}

static int replies_make(struct analyzer *a)
{
	a->replies = calloc(a->n_blocks + 1, sizeof *a->replies);
	a->bytes = calloc(a->n_blocks + 1, sizeof *a->bytes);
	a->counters = calloc(a->n_elements + 1, sizeof *a->counters);
	a->said = calloc(model_n_texts(a->kind->model) + 1, sizeof(char *));
	if (a->replies == NULL || a->bytes == NULL || a->counters == NULL || a->said == NULL ||
	    scales_init(a) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_blocks; i++) {
		buf_init(&a->bytes[i], REPLY_MAX);
		a->replies[i].data = &a->bytes[i].pub;
	}
	for (size_t i = 0; i < a->n_elements; i++)
		a->counters[i] = (struct counter_state){ NAN, NAN, 0, 0 };
	return 0;
}

static int blocks_check(const struct analyzer *a, struct tesla_error *err)
{
	for (size_t i = 0; i < a->n_blocks; i++)
		if (a->blocks[i].variable < TESLA_EVERY_VARIABLE ||
		    (int64_t)a->blocks[i].variable >= (int64_t)a->n_wanted)
			return tesla_fail(err, -EPROTO, "block %zu of %s names variable %d of %zu",
					  i, a->data_name, a->blocks[i].variable, a->n_wanted);
	return 0;
}

int analyzer_open(struct analyzer *a, struct blame_slot *slot, int64_t line,
		  struct tesla_error *err)
{
	_cleanup_free_ const struct tesla_variable **wanted =
		calloc(a->n_wanted + 1, sizeof *wanted);
	int r;

	if (wanted == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for analyzer %lld", (long long)a->id);
	for (size_t i = 0; i < a->n_wanted; i++)
		wanted[i] = a->wanted[i].variable;
	call_enter(slot, a->data_serial, a->data_name, "open", line, a->id, CALL_LIMIT_US);
	r = a->data->data.open(a->data_conf, &a->kind->model->pub, wanted, a->n_wanted,
			       &a->data_self, err);
	if (r == 0)
		a->n_blocks = a->data->data.blocks(a->data_self, &a->blocks);
	call_leave(slot, a->data_serial);
	if (r == 0)
		r = blocks_check(a, err);
	if (r == 0 && replies_make(a) != 0)
		r = tesla_fail(err, -ENOMEM, "no memory for the replies of analyzer %lld",
			       (long long)a->id);
	a->connect_needed = a->identify_needed = true;
	a->base = -1;
	schedule_at_once(&a->schedule);
	return r;
}

/* Which blocks a plan is for: those of the connect kind, or those of the variables that are due. */
static void blocks_due(const struct analyzer *a, bool connect, unsigned due, bool *ret)
{
	for (size_t i = 0; i < a->n_blocks; i++) {
		const struct tesla_block *b = &a->blocks[i];
		bool at_connect = b->flags & TESLA_BLOCK_CONNECT;

		ret[i] = at_connect == connect &&
			 (connect || b->variable == TESLA_EVERY_VARIABLE ||
			  (due & 1u << a->wanted[b->variable].interval) != 0);
	}
}

static int plan_new(struct analyzer *a, bool connect, unsigned due, const struct plan_cost *cost,
		    struct plan **ret, struct tesla_error *err)
{
	_cleanup_free_ bool *which = calloc(a->n_blocks + 1, sizeof *which);
	int r;

	if (which == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a plan");
	blocks_due(a, connect, due, which);
	(void)pthread_mutex_lock(&a->kind->lock);
	r = plan_make(a->blocks, which, a->n_blocks, cost, &a->kind->forbidden, ret, err);
	(void)pthread_mutex_unlock(&a->kind->lock);
	return r;
}

/* Ranges were learned, or a limit: what was planned before may be refused. */
static void plans_refresh(struct analyzer *a)
{
	unsigned generation = atomic_load(&a->kind->generation);

	if (generation != a->plan_generation || a->plans_stale) {
		plans_drop(a);
		a->plan_generation = generation;
		a->plans_stale = false;
	}
}

int analyzer_plan(struct analyzer *a, unsigned due, const struct plan_cost *cost, struct plan **ret,
		  struct tesla_error *err)
{
	struct plan *fresh;
	int r;

	plans_refresh(a);
	struct plan **kept = &a->plans[due];

	if (*kept == NULL || ++a->plan_age[due] >= REPLAN_SWEEPS) {
		a->plan_age[due] = 0;
		r = plan_new(a, false, due, cost, &fresh, err);
		if (r != 0)
			return r;
		if (*kept == NULL ||
		    fresh->predicted_us < REPLAN_GAIN * plan_predict(*kept, cost)) {
			plan_free(*kept);
			*kept = fresh;
		} else {
			plan_free(fresh);
		}
	}
	*ret = *kept;
	return 0;
}

int analyzer_connect_plan(struct analyzer *a, const struct plan_cost *cost, struct plan **ret,
			  struct tesla_error *err)
{
	int r = 0;

	plans_refresh(a);
	if (a->connect_plan == NULL)
		r = plan_new(a, true, 0, cost, &a->connect_plan, err);
	if (r == 0)
		*ret = a->connect_plan;
	return r;
}

const struct tesla_block *analyzer_cheapest(const struct analyzer *a)
{
	const struct tesla_block *best = NULL;

	for (size_t i = 0; i < a->n_blocks; i++)
		if (best == NULL || a->blocks[i].count < best->count)
			best = &a->blocks[i];
	return best;
}

bool analyzer_limit(struct analyzer *a, uint32_t max_registers)
{
	if (max_registers >= a->max_registers)
		return false;
	a->max_registers = max_registers;
	a->plans_stale = true; /* a job may still be walking one */
	return true;
}

void analyzer_observe(struct analyzer *a, double turnaround_us)
{
	if (turnaround_us < 0)
		turnaround_us = 0;
	if (a->turnaround_measured)
		a->turnaround_us += SMOOTH * (turnaround_us - a->turnaround_us);
	else
		a->turnaround_us = turnaround_us;
	a->turnaround_measured = true;
}

static enum verified identity_match(const struct analyzer *a, const char *text,
				    const struct patterns *known, const char **other)
{
	enum verified v = VERIFIED_NO;

	for (size_t i = 0; known != NULL && i < known->n; i++) {
		if (regexec(&known->list[i].regex, text, 0, NULL, 0) != 0)
			continue;
		if (strcmp(known->list[i].model, a->kind->model->pub.name) == 0)
			return VERIFIED_YES;
		*other = known->list[i].model;
		v = VERIFIED_OTHER;
	}
	return v;
}

bool analyzer_identified(struct analyzer *a, const char *text, const struct patterns *patterns,
			 struct tesla_error *note)
{
	const char *other = NULL;
	bool changed = a->identity != NULL && strcmp(a->identity, text) != 0;
	char *copy = strdup(text);

	a->verified = identity_match(a, text, patterns, &other);
	if (a->verified == VERIFIED_NO && a->base >= 0)
		a->verified = VERIFIED_YES; /* the meter says itself that it has the model */
	if (a->verified == VERIFIED_OTHER)
		(void)tesla_fail(
			note, 0,
			"the meter says \"%s\", which is a %s, not a %s: its readings are suspect",
			text, other, a->kind->model->pub.name);
	else if (changed)
		(void)tesla_fail(
			note, 0,
			"the meter says \"%s\", it was \"%s\" before: its readings are suspect",
			text, a->identity);
	if (changed && a->verified != VERIFIED_OTHER)
		a->verified = VERIFIED_CHANGED;
	if (copy != NULL && !changed) { /* what was first known stays the reference */
		free(a->identity);
		a->identity = copy;
	} else {
		free(copy);
	}
	return a->verified == VERIFIED_OTHER || changed;
}

const char *analyzer_state_name(enum analyzer_state s)
{
	static const char *const names[] = { "connecting", "online", "offline", "failed" };

	return names[s];
}

const char *verified_name(enum verified v)
{
	static const char *const names[] = { "no", "yes", "other", "changed" };

	return names[v];
}
