/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window's memory: how large, how empty, and whether bytes that were found are one.  Whoever
 * uses them later divides, adds and counts without looking again: so nothing is believed here.
 */
#include <math.h>
#include <string.h>

#include "daemon/window_parts.h"

#define HOLD_US 500000
#define TIME_MAX_MS INT64_C(253402300799999)  /* the end of the year 9999 */
#define LENGTH_MAX_MS (INT64_C(3) * 86400000) /* a day, and what a zone may skip */
/* Another one's state cannot be used. */
#define LAYOUT \
	((uint64_t)3 << 48 | sizeof(struct window) << 32 | sizeof(struct window_variable) << 16 | \
	 sizeof(struct window_element))
#define READINGS_MAX 100000000u /* in one window: a thousand a second */

static size_t count_elements(const struct conf_analyzer *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_variables; i++)
		n += a->variables[i].variable->n_elements;
	return n;
}

size_t window_size(const struct conf_analyzer *a)
{
	return sizeof(struct window) + a->n_variables * sizeof(struct window_variable) +
	       count_elements(a) * sizeof(struct window_element);
}

int64_t window_hold_us(const struct conf_analyzer *a, size_t variable)
{
	int64_t ms = a->variables[variable].interval_ms;

	return (ms > 0 ? ms : a->interval_ms) * 1500 + HOLD_US;
}

/* ---- the shape ---- */

/* FNV-1a, 64 bits. */
static void hash_bytes(uint64_t *h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		*h = (*h ^ p[i]) * UINT64_C(0x100000001b3);
}

static void hash_int(uint64_t *h, int64_t v)
{
	hash_bytes(h, &v, sizeof v);
}

static void hash_real(uint64_t *h, double v)
{
	hash_bytes(h, &v, sizeof v);
}

static void hash_text(uint64_t *h, const char *text)
{
	hash_bytes(h, text, strlen(text) + 1); /* "ab" "c" is not "a" "bc" */
}

static void hash_register(uint64_t *h, const struct tesla_register *r)
{
	hash_int(h, r->type);
	hash_int(h, r->count);
	hash_int(h, r->scale_register ? (int64_t)r->scale_register->index : -1);
	hash_real(h, r->scale);
	hash_real(h, r->offset);
	hash_real(h, r->has_modulus ? r->modulus : 0);
}

/* All that gives the numbers their meaning; how often they are read does not. */
static uint64_t shape_of(const struct conf_analyzer *a, const struct tesla_variable *v)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	hash_text(&h, a->on->name);
	hash_int(&h, a->address);
	hash_text(&h, a->model->pub.name);
	hash_text(&h, v->name);
	hash_text(&h, v->unit);
	hash_int(&h, v->kind);
	hash_int(&h, (int64_t)v->n_elements);
	for (size_t k = 0; k < v->n_elements; k++)
		hash_register(&h, v->elements[k]);
	return h;
}

/* ---- empty ---- */

void window_element_reset(struct window_element *e)
{
	e->sum = 0;
	e->covered_us = 0;
	e->min = e->max = e->last = NAN;
	e->increase = 0;
	e->count = 0;
	e->quality = TESLA_ERROR;
	e->flags = 0;
}

void window_init(struct window *w, const struct conf_analyzer *a)
{
	memset(w, 0, window_size(a));
	w->analyzer = a->id;
	w->layout = LAYOUT;
	w->n_variables = (uint32_t)a->n_variables;
	w->n_elements = (uint32_t)count_elements(a);
	for (size_t i = 0; i < a->n_variables; i++) {
		const struct tesla_variable *v = a->variables[i].variable;

		w->variables[i].shape = shape_of(a, v);
		w->variables[i].n_elements = (uint32_t)v->n_elements;
	}
	for (uint32_t i = 0; i < w->n_elements; i++) {
		struct window_element *e = &window_elements(w)[i];

		window_element_reset(e);
		e->held = NAN;
		e->exponent = INT16_MIN;
		counter_init(&e->counter);
	}
}

/* ---- is it one? ---- */

static bool is_time_ms(int64_t ms)
{
	return ms >= -TIME_MAX_MS && ms <= TIME_MAX_MS;
}

static bool is_time_us(int64_t us)
{
	return us >= -TIME_MAX_MS * 1000 && us <= TIME_MAX_MS * 1000;
}

static bool is_value(double v)
{
	return fabs(v) <= WINDOW_VALUE_MAX; /* no NAN */
}

static bool is_value_or_none(double v)
{
	return isnan(v) || is_value(v);
}

static bool is_frame(const struct window *w)
{
	if (w->end_ms == 0)
		return w->start_ms == 0;
	return is_time_ms(w->start_ms) && is_time_ms(w->end_ms) && w->start_ms < w->end_ms &&
	       w->end_ms - w->start_ms <= LENGTH_MAX_MS;
}

/* Of this analyzer, and as long as it says. */
static bool is_whole(const struct window *w, size_t len, int64_t analyzer)
{
	uint64_t n = 0;

	if (len < sizeof *w || w->layout != LAYOUT || w->analyzer != analyzer ||
	    len != sizeof *w + w->n_variables * (uint64_t)sizeof(struct window_variable) +
			    w->n_elements * (uint64_t)sizeof(struct window_element))
		return false;
	for (uint32_t i = 0; i < w->n_variables; i++)
		n += w->variables[i].n_elements;
	return n == w->n_elements && is_frame(w) && recorded_ok(&w->recorded) &&
	       memchr(w->identity, '\0', sizeof w->identity) != NULL &&
	       memchr(w->meter, '\0', sizeof w->meter) != NULL;
}

static bool is_variable(const struct window *w, const struct window_variable *v)
{
	if (!is_time_us(v->at_us) || !is_time_us(v->held_until_us) || !is_time_us(v->read_us) ||
	    !is_time_us(v->mono_us) || !is_time_us(v->passed_us))
		return false;
	return w->end_ms == 0 || (v->at_us >= w->start_ms * 1000 && v->at_us <= w->end_ms * 1000);
}

static bool is_counter(const struct counter *c, bool wanted)
{
	if (!is_value_or_none(c->last) || !is_value_or_none(c->candidate) ||
	    !is_value_or_none(c->before) || !is_time_us(c->last_us) ||
	    !is_time_us(c->candidate_us) || !is_time_us(c->before_us) ||
	    (c->unsure != 0 && (c->unsure != 1 || isnan(c->last))))
		return false;
	return wanted ? !isnan(c->last) || isnan(c->before)
		      : isnan(c->last) && isnan(c->candidate) && isnan(c->before);
}

/* What was gathered: nothing, or a sum that lies between so much of the least and the greatest. */
static bool is_gathered(const struct window_element *e)
{
	double covered = (double)e->covered_us, slack;

	if (e->count == 0 && e->covered_us == 0)
		return e->sum == 0 && isnan(e->min) && isnan(e->max) && isnan(e->last);
	slack = 1e-6 * covered * fmax(fabs(e->min), fabs(e->max));
	return is_value(e->min) && is_value(e->max) && e->min <= e->last && e->last <= e->max &&
	       e->sum >= e->min * covered - slack && e->sum <= e->max * covered + slack;
}

static bool is_element(const struct window_element *e, const struct tesla_variable *v,
		       int64_t passed_us)
{
	bool counts = v->kind == TESLA_COUNTER, any = e->count > 0 || e->covered_us > 0;

	if (e->covered_us < 0 || e->covered_us > passed_us || e->count > READINGS_MAX ||
	    e->quality > TESLA_ERROR ||
	    (e->flags & ~(WINDOW_INCREASE | WINDOW_DOUBT | WINDOW_ANEW)) != 0)
		return false;
	if (!is_gathered(e) || !is_value_or_none(e->held) || !is_counter(&e->counter, counts))
		return false;
	if (counts && (any || !isnan(e->held)) && isnan(e->counter.last) &&
	    isnan(e->counter.candidate) && (e->flags & WINDOW_ANEW) == 0)
		return false;
	if (e->flags != 0 && !counts)
		return false;
	return is_value(e->increase) && e->increase >= 0 &&
	       (e->flags & WINDOW_INCREASE || (e->increase == 0 && (e->flags & WINDOW_DOUBT) == 0));
}

/* ---- going on ---- */

static bool are_elements(const struct window *w, const struct window_variable *v,
			 const struct window_element *e, const struct tesla_variable *of)
{
	int64_t passed_us = w->end_ms != 0 ? v->at_us - w->start_ms * 1000 : 0;

	for (size_t i = 0; i < of->n_elements; i++)
		if (!is_element(&e[i], of, passed_us))
			return false;
	return true;
}

/* The variable of that shape; n_variables: there is none. */
static uint32_t find(const struct window *w, const struct window_variable *v)
{
	uint32_t i = 0;

	while (i < w->n_variables &&
	       (w->variables[i].shape != v->shape || w->variables[i].n_elements != v->n_elements))
		i++;
	return i;
}

static bool take_over(struct window *w, const struct conf_analyzer *a, uint32_t variable,
		      const struct window_variable *v, const struct window_element *elements)
{
	struct window_variable *to = &w->variables[variable];
	struct window_element *e = window_elements(w);
	int64_t held_max_us = v->at_us + window_hold_us(a, variable);

	if (!is_variable(w, v) || !are_elements(w, v, elements, a->variables[variable].variable))
		return false;
	for (uint32_t i = 0; i < variable; i++)
		e += w->variables[i].n_elements;
	memcpy(e, elements, v->n_elements * sizeof *e);
	to->at_us = v->at_us;
	to->read_us = v->read_us;
	to->mono_us = v->mono_us;
	to->passed_us = v->passed_us;
	to->resumed = 1;
	to->held_until_us = v->held_until_us < held_max_us ? v->held_until_us : held_max_us;
	return true;
}

bool window_resume(struct window *w, const struct conf_analyzer *a, const void *bytes, size_t len,
		   size_t *lost)
{
	const struct window *from = bytes;
	const struct window_element *e;

	window_init(w, a);
	*lost = 0;
	if (!is_whole(from, len, a->id))
		return false;
	w->start_ms = from->start_ms;
	w->end_ms = from->end_ms;
	w->recorded = from->recorded;
	memcpy(w->identity, from->identity, sizeof w->identity);
	memcpy(w->meter, from->meter, sizeof w->meter);
	for (uint32_t i = 0; i < w->n_variables; i++)
		w->variables[i].at_us = w->variables[i].held_until_us = w->start_ms * 1000;
	e = (const struct window_element *)(const void *)&from->variables[from->n_variables];
	for (uint32_t i = 0; i < from->n_variables; e += from->variables[i++].n_elements) {
		uint32_t to = find(w, &from->variables[i]);

		if (to == w->n_variables) {
			(*lost)++;
		} else if (!take_over(w, a, to, &from->variables[i], e)) {
			window_init(w, a);
			return false;
		}
	}
	return true;
}
