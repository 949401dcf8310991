/* SPDX-License-Identifier: Apache-2.0 */
/* A line becomes another one between two transactions: what did not change notices nothing. */
#include <stdlib.h>
#include <string.h>

#include "host/line_parts.h"

static bool told_same(const struct buf *a, const struct buf *b)
{
	return a->pub.len == b->pub.len &&
	       (a->pub.len == 0 || memcmp(a->pub.bytes, b->pub.bytes, a->pub.len) == 0);
}

bool line_same(const struct line *a, const struct line *b)
{
	return told_same(&a->told, &b->told);
}

static struct analyzer **place_of(const struct line *l, int64_t id)
{
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->id == id)
			return &l->analyzers[i];
	return NULL;
}

static size_t driver_of(const struct line *l, const char *name)
{
	for (size_t i = 0; i < l->n_drivers; i++)
		if (strcmp(l->drivers[i].name, name) == 0)
			return i;
	return 0; /* never: the set of drivers is the same */
}

/* Held, or polled, as the core has it now. */
static void held_set(struct line *l, struct analyzer *a, bool held)
{
	bool released = a->held && !held;

	a->held = held;
	if (!released)
		return;
	line_release(a);
	if (l->state != LINE_OPEN)
		l->open_at_us = 0; /* perhaps it was closed because all were held */
}

/* Behind another connection the same meter is met anew; what is known of it stays. */
static void analyzer_meet(struct analyzer *a, const struct analyzer *fresh)
{
	if (a->state == ANALYZER_FAILED)
		return;
	a->unanswered = 0;
	a->turnaround_us = fresh->turnaround_us;
	a->turnaround_measured = false;
	a->measured_us = a->told_us = 0;
	a->plans_stale = true;
	line_release(a);
}

/* Unchanged analyzers change places with their likes in `fresh`. */
static void analyzers_keep(struct line *l, struct line *fresh, struct line *on)
{
	for (size_t i = 0; i < fresh->n_analyzers; i++) {
		struct analyzer *new = fresh->analyzers[i], **old = place_of(l, new->id);
		size_t driver = driver_of(on, fresh->drivers[new->driver].name);

		new->driver = driver;
		if (old == NULL || !told_same(&(*old)->told, &new->told) ||
		    (*old)->kind != new->kind)
			continue;
		fresh->analyzers[i] = *old;
		*old = new;
		fresh->analyzers[i]->driver = driver;
		if (on == fresh)
			analyzer_meet(fresh->analyzers[i], new);
		held_set(on, fresh->analyzers[i], new->held);
	}
}

static void lists_swap(struct line *a, struct line *b)
{
	struct analyzer **list = a->analyzers;
	size_t n = a->n_analyzers;
	struct patterns *patterns = a->patterns;

	a->analyzers = b->analyzers;
	a->n_analyzers = b->n_analyzers;
	a->patterns = b->patterns;
	b->analyzers = list;
	b->n_analyzers = n;
	b->patterns = patterns;
}

static bool has(const struct line *l, const struct analyzer *a)
{
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i] == a)
			return true;
	return false;
}

/* To be opened: then a line that could not be opened is tried at once, and says so for them too. */
static bool has_new(const struct line *l)
{
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->replies == NULL && l->analyzers[i]->state != ANALYZER_FAILED)
			return true;
	return false;
}

static struct line *changed_in_place(struct line *l, struct line *fresh, int64_t mono_us)
{
	analyzers_keep(l, fresh, l);
	if (l->job.kind != JOB_NONE && !has(fresh, l->job.a))
		line_job_drop(l);
	lists_swap(l, fresh);
	l->change = fresh->change;
	l->traced = fresh->traced;
	if (l->state != LINE_OPEN && has_new(l)) {
		l->state = LINE_CLOSED;
		l->open_at_us = mono_us;
	}
	return fresh;
}

/* The asks go to the new connection; the last meter on the old one may still be talking. */
static struct line *changed_whole(struct line *l, struct line *fresh)
{
	line_job_drop(l);
	analyzers_keep(l, fresh, fresh);
	fresh->asks = l->asks;
	fresh->looks = l->looks;
	l->asks = l->looks.first = NULL;
	fresh->drain_until_us = l->drain_until_us;
	fresh->offset_us = l->offset_us;
	return l;
}

struct line *line_change(struct line *l, struct line *fresh, int64_t mono_us, struct line **rest)
{
	*rest = line_same(l, fresh) ? changed_in_place(l, fresh, mono_us) : changed_whole(l, fresh);
	return *rest == l ? fresh : l;
}

void line_end(struct line *l)
{
	line_job_drop(l);
	l->ending = true;
}

void line_free(struct line *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_analyzers; i++)
		analyzer_free(l->analyzers[i]);
	free(l->analyzers);
	for (size_t i = 0; i < l->n_drivers; i++) {
		free(l->drivers[i].name);
		free(l->drivers[i].conf);
	}
	free(l->drivers);
	patterns_unref(l->patterns);
	texts_free(l->texts);
	buf_release(&l->told);
	free(l->name);
	free(l);
}
