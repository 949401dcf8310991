/* SPDX-License-Identifier: Apache-2.0 */
/* Sample and hold: what a reading stands for is counted when the next one comes, or at the end. */
#include "daemon/window.h"

#include <errno.h>
#include <math.h>

#include "base/calendar.h"
#include "daemon/window_parts.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- gathering ---- */

/* A good value that has a part in this window. */
static void note(struct window_element *e, double value)
{
	e->min = fmin(e->min, value);
	e->max = fmax(e->max, value);
	e->last = value;
}

static void gather(struct window_element *e, size_t n, int64_t us)
{
	for (; n > 0; n--, e++) {
		if (isnan(e->held))
			continue;
		note(e, e->held);
		e->sum += e->held * (double)us;
		e->covered_us += us;
	}
}

/* Counts the time of a variable, whose n elements begin at e, up to t_us or the window's end. */
static void advance(const struct window *w, struct window_variable *v, struct window_element *e,
		    size_t n, int64_t t_us)
{
	int64_t to = w->end_ms != 0 ? least(t_us, w->end_ms * 1000) : t_us;
	int64_t held_to = least(to, v->held_until_us);

	if (w->end_ms != 0 && held_to > v->at_us)
		gather(e, n, held_to - v->at_us);
	if (to > v->at_us)
		v->at_us = to;
}

static bool is_measured(const struct tesla_element *x)
{
	return (x->quality == TESLA_GOOD || x->quality == TESLA_SUSPECT) &&
	       fabs(x->value) <= WINDOW_VALUE_MAX;
}

static void take(struct window_element *e, const struct tesla_element *x, bool open)
{
	bool good = x->quality == TESLA_GOOD && is_measured(x);

	e->held = good ? x->value : NAN;
	if (!open)
		return;
	/* What the record says when there is no value: suspect ones are not used. */
	e->quality = x->quality < TESLA_ERROR ? TESLA_UNAVAILABLE : TESLA_ERROR;
	if (good) {
		e->count++;
		note(e, x->value);
	}
}

static void take_counter(struct window_element *e, const struct counter_rules *rules,
			 const struct tesla_element *x, int64_t t_us)
{
	static const uint8_t flags[] = {
		[COUNTER_GREW] = WINDOW_INCREASE,
		[COUNTER_FIRST] = 0,
		[COUNTER_PENDING] = 0,
		[COUNTER_ROLLED] = WINDOW_INCREASE,
		[COUNTER_RESET] = WINDOW_INCREASE | WINDOW_DOUBT,
		[COUNTER_LEAPT] = WINDOW_INCREASE | WINDOW_DOUBT,
		[COUNTER_BACK] = WINDOW_INCREASE,
	};
	double step;

	if (!is_measured(x))
		return;
	if (x->quality == TESLA_SUSPECT) {
		counter_suspect(&e->counter, x->value, t_us);
		return;
	}
	e->flags |= flags[counter_add(&e->counter, rules, x->value, t_us, &step)];
	e->increase += step;
}

/* Whether it is another one than before: numbers of both cannot be compared. */
static bool note_exponent(struct window_element *e, const struct tesla_register *r,
			  const struct window_scale *s)
{
	int16_t exponent = r->scale_register != NULL && s != NULL && r->scale_register->index < s->n
				   ? s->exponents[r->scale_register->index]
				   : INT16_MIN;
	bool moved = exponent != INT16_MIN && e->exponent != INT16_MIN && exponent != e->exponent;

	if (exponent != INT16_MIN)
		e->exponent = exponent;
	return moved;
}

/* What it stood at says nothing any more; what it grew until then stays. */
static void begin_anew(struct window_element *e)
{
	counter_init(&e->counter);
	e->flags |= WINDOW_ANEW;
}

/* What both clocks say of the time between two reads may differ by that much. */
#define AGREE_US (5 * INT64_C(1000000))
#define PASSED_MAX_US (366 * INT64_C(86400000000)) /* more allows any growth anyway */

static int64_t bounded(int64_t us)
{
	return us < 0 ? 0 : least(us, PASSED_MAX_US);
}

/*
 * Lets the time of its counters pass up to now.  The monotonic clock of an earlier life may be of
 * another start of the machine.  False: nobody knows how much it was.
 */
static bool pass(const struct window *w, struct window_variable *v, int64_t t_us)
{
	bool first = v->read_us == 0, both = v->mono_us != 0 && w->mono_us != 0;
	int64_t wall_us = t_us - v->read_us, mono_us = both ? w->mono_us - v->mono_us : wall_us;
	bool agree = both && wall_us - mono_us <= AGREE_US && mono_us - wall_us <= AGREE_US;
	bool sure = !v->resumed || agree;

	if (first)
		v->passed_us = t_us;
	else if (sure && mono_us > wall_us)
		v->passed_us += bounded(mono_us);
	else
		v->passed_us += bounded(wall_us);
	v->read_us = t_us;
	v->mono_us = w->mono_us;
	v->resumed = 0;
	return sure || first;
}

static struct window_element *elements_of(struct window *w, const struct conf_analyzer *a,
					  size_t variable)
{
	struct window_element *e = window_elements(w);

	for (size_t i = 0; i < variable; i++)
		e += a->variables[i].variable->n_elements;
	return e;
}

void window_add(struct window *w, const struct conf_analyzer *a, size_t variable,
		const struct tesla_element *elements, int64_t t_us, const struct window_scale *s)
{
	const struct tesla_variable *of = a->variables[variable].variable;
	struct window_variable *v = &w->variables[variable];
	struct window_element *e = elements_of(w, a, variable);
	bool open = w->end_ms != 0, sure = pass(w, v, t_us);

	advance(w, v, e, of->n_elements, t_us);
	v->held_until_us = least(t_us, v->at_us) + window_hold_us(a, variable);
	for (size_t i = 0; i < of->n_elements; i++) {
		bool moved = note_exponent(&e[i], of->elements[i], s);

		take(&e[i], &elements[i], open);
		if (of->kind == TESLA_COUNTER) {
			struct counter_rules rules = window_rules(of, of->elements[i], s);

			if (moved)
				begin_anew(&e[i]);
			if (!sure)
				counter_unsure(&e[i].counter);
			take_counter(&e[i], &rules, &elements[i], v->passed_us);
		}
	}
}

void window_begin_anew(struct window *w, const struct conf_analyzer *a)
{
	struct window_element *e = window_elements(w);

	for (size_t i = 0; i < a->n_variables; i++) {
		const struct tesla_variable *of = a->variables[i].variable;

		for (size_t k = 0; k < of->n_elements; k++, e++) {
			e->held = NAN;
			if (of->kind == TESLA_COUNTER)
				begin_anew(e);
		}
	}
}

/* ---- opening ---- */

/* Its mark lies in the window that begins; a mark of a wrong clock is forgotten. */
static void open_variable(const struct window *w, struct window_variable *v,
			  struct window_element *e, size_t n)
{
	int64_t start_us = w->start_ms * 1000;

	if (v->at_us > w->end_ms * 1000) {
		for (size_t i = 0; i < n; i++)
			e[i].held = NAN;
		v->at_us = v->held_until_us = start_us;
	}
	if (v->at_us < start_us)
		v->at_us = start_us;
}

void window_open(struct window *w, const struct conf_analyzer *a, int64_t t_us)
{
	int64_t t_ms = t_us / 1000 - (t_us % 1000 < 0);
	struct window_element *e = window_elements(w);

	w->start_ms = calendar_start_ms(t_ms, a->record_ms);
	w->end_ms = calendar_end_ms(t_ms, a->record_ms);
	w->start_ms = recorded_last(&w->recorded, w->start_ms, w->end_ms);
	for (size_t i = 0; i < a->n_variables; i++) {
		size_t n = a->variables[i].variable->n_elements;

		open_variable(w, &w->variables[i], e, n);
		e += n;
	}
}

/* ---- closing ---- */

static bool is_reported(const struct window_element *e)
{
	return e->count > 0 || e->covered_us > 0;
}

static double mean_of(const struct window_element *e, const struct tesla_register *r)
{
	const struct tesla_scale only = { .index = 0 };
	const struct window_scale known = { &e->exponent, 1 };
	struct tesla_register by = *r;
	double mean = e->covered_us > 0 ? e->sum / (double)e->covered_us : e->last;

	if (r->scale_register != NULL)
		by.scale_register = &only;
	return fmin(fmax(window_round(mean, &by, &known), e->min), e->max);
}

/* A counter's first value, with which nothing agreed yet, is suspect; so is one from before. */
static void counter_record(const struct window_element *e, struct tesla_record_element *to)
{
	bool believed = !isnan(e->counter.last);

	to->value = believed			  ? e->counter.last
		    : isnan(e->counter.candidate) ? e->last
						  : e->counter.candidate;
	to->increase = e->flags & WINDOW_INCREASE ? e->increase : NAN;
	if (!believed)
		to->quality = TESLA_SUSPECT;
}

static struct tesla_record_element element_record(const struct window_element *e,
						  enum tesla_variable_kind kind,
						  const struct tesla_register *r)
{
	struct tesla_record_element to = { .value = NAN,
					   .min = NAN,
					   .max = NAN,
					   .increase = NAN,
					   .covered_ms = e->covered_us / 1000,
					   .count = e->count,
					   .quality = (enum tesla_quality)e->quality };

	if (!is_reported(e))
		return to;
	to.quality = e->flags & (WINDOW_DOUBT | WINDOW_ANEW) ? TESLA_SUSPECT : TESLA_GOOD;
	if (kind == TESLA_GAUGE) {
		to.value = mean_of(e, r);
		to.min = e->min;
		to.max = e->max;
	} else if (kind == TESLA_COUNTER) {
		counter_record(e, &to);
	} else {
		to.value = e->last;
	}
	return to;
}

static const struct tesla_record_variable *variable_record(const struct tesla_variable *v,
							   const struct window_element *e,
							   struct arena *memory)
{
	struct tesla_record_variable *to = arena_alloc(memory, 1, sizeof *to);
	struct tesla_record_element *elements =
		arena_alloc(memory, v->n_elements, sizeof *elements);

	if (to == NULL || elements == NULL)
		return NULL;
	for (size_t i = 0; i < v->n_elements; i++)
		elements[i] = element_record(&e[i], v->kind, v->elements[i]);
	*to = (struct tesla_record_variable){ v->name,	     v->unit,
					      v->kind,	     v->predecessor_factor,
					      v->n_elements, elements };
	return to;
}

/* What grew goes on where no record says it. */
static void window_end(struct window *w, bool recorded)
{
	for (uint32_t i = 0; i < w->n_elements; i++) {
		struct window_element *e = &window_elements(w)[i];
		double increase = e->increase;
		uint8_t flags = e->flags;
		bool goes_on = !recorded || !is_reported(e);

		window_element_reset(e);
		e->increase = goes_on ? increase : 0;
		e->flags = goes_on ? flags : 0;
	}
	w->start_ms = w->end_ms = 0;
	w->identity[0] = '\0';
}

int window_close(struct window *w, const struct conf_analyzer *a, const char *identity,
		 struct arena *memory, struct record *ret)
{
	const struct tesla_record_variable **rows =
		arena_alloc(memory, a->n_variables, sizeof *rows);
	struct window_element *e = window_elements(w);

	if (rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_variables; i++) {
		const struct tesla_variable *v = a->variables[i].variable;

		advance(w, &w->variables[i], e, v->n_elements, w->end_ms * 1000);
		rows[i] = variable_record(v, e, memory);
		if (rows[i] == NULL)
			return -ENOMEM;
		e += v->n_elements;
	}
	*ret = (struct record){ a->id,	  w->start_ms,	  w->end_ms, a->model->pub.name,
				identity, a->n_variables, rows };
	recorded_add(&w->recorded, w->start_ms, w->end_ms);
	window_end(w, true);
	return 0;
}

bool window_has_readings(const struct window *w)
{
	const struct window_element *e = window_elements((struct window *)(uintptr_t)w);

	for (uint32_t i = 0; i < w->n_elements; i++)
		if (is_reported(&e[i]))
			return true;
	return false;
}

void window_discard(struct window *w)
{
	window_end(w, false);
}
