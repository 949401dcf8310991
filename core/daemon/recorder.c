/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings become records: when windows open and close, and where a record goes.  What a window
 * makes of its readings is window.h's, how it survives keep.h's.
 */
#include "daemon/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/model_tables.h"
#include "base/record.h"
#include "daemon/window.h"

#define GRACE_MS 2000
#define FUTURE_US 5000000 /* the clock may have stepped back since a reading was stamped */
#define BACK_MS 1000	  /* less is a clock that is being set right */
#define WRONG_CLOCK_MS (INT64_C(2) * 86400000) /* so far in the future: wrong altogether */
#define ENTRY_MAX (RECORD_BYTES_MAX + (1u << 20))

struct track { /* of one analyzer */
	struct window *w;
	size_t size;
	struct buf exporters; /* how its entries begin; empty: no exporter wants them */
};

struct recorder {
	struct hub *hub;
	struct keep *keep;
	struct recorder_calls calls;
	struct track *tracks; /* in the order of hub->analyzers; as are keep's slots */
	struct recorder_counts counts;
	struct buf record, entry; /* scratch */
	bool back;		  /* the clock went back, and that was said */
};

/* ---- records ---- */

static void track_keep(struct recorder *r, const struct track *t)
{
	keep_write(r->keep, (size_t)(t - r->tracks), t->w, t->size);
}

static void enqueue(struct recorder *r, const struct track *t)
{
	buf_clear(&r->entry);
	(void)buf_append(&r->entry, t->exporters.pub.bytes, t->exporters.pub.len);
	(void)buf_append(&r->entry, r->record.pub.bytes, r->record.pub.len);
	if (r->entry.failed)
		r->counts.lost++;
	else if (keep_push(r->keep, r->entry.pub.bytes, r->entry.pub.len) == 0)
		r->calls.ready(r->calls.arg);
}

static const struct conf_analyzer *conf_of(const struct recorder *r, const struct track *t)
{
	return r->hub->analyzers[t - r->tracks].conf;
}

/* What the open window holds is gone; that time was recorded up to closed_ms is not. */
static void track_forget(struct recorder *r, struct track *t, int64_t closed_ms)
{
	window_init(t->w, conf_of(r, t));
	t->w->closed_ms = closed_ms;
}

/*
 * Opens the window that t_us is in, unless there is a record with its end or a later one: a
 * record's end is its key.
 */
static void track_open(struct recorder *r, struct track *t, int64_t t_us)
{
	const struct conf_analyzer *conf = conf_of(r, t);
	int64_t t_ms = t_us / 1000;

	if (t->w->closed_ms > t_ms + WRONG_CLOCK_MS)
		t->w->closed_ms = INT64_MIN;
	if (calendar_end_ms(t_ms, conf->record_ms) > t->w->closed_ms)
		window_open(t->w, conf, t_us);
}

/*
 * The record is in the ring before the slot forgets its window: a kill in between makes it twice,
 * which the journal sees, and never loses it.
 */
static void track_close(struct recorder *r, struct track *t)
{
	struct hub_analyzer *a = &r->hub->analyzers[t - r->tracks];
	const struct window_scale scale = { a->exponents, a->conf->model->pub.n_scales };
	struct arena memory = { .blocks = NULL };
	int64_t end_ms = t->w->end_ms;
	struct record record;
	int rc = window_close(t->w, a->conf, a->identity, &scale, &memory, &record);

	buf_clear(&r->record);
	if (rc != 0)
		track_forget(r, t, end_ms);
	if (rc == 0 && record_encode(&record, &r->record) == 0) {
		r->counts.records++;
		if (t->exporters.pub.len > 0)
			enqueue(r, t);
		r->calls.made(r->calls.arg, a, end_ms, &r->record);
	} else {
		r->counts.lost++;
	}
	arena_release(&memory);
}

/* ---- readings ---- */

/* What another meter says than the one that is meant counts for nothing. */
static void add_strange(struct window *w, const struct hub_analyzer *a, size_t variable,
			const struct window_scale *scale)
{
	const struct hub_last *last = &a->last[variable];
	struct tesla_element none[MODEL_ELEMENTS_MAX];

	for (size_t i = 0; i < last->n_elements; i++) {
		bool error = last->elements[i].quality == TESLA_ERROR;

		none[i] = (struct tesla_element){ .value = NAN,
						  .quality =
							  error ? TESLA_ERROR : TESLA_UNAVAILABLE };
	}
	window_add(w, a->conf, variable, none, last->t_us, scale);
}

static void add_reading(struct window *w, const struct hub_analyzer *a, size_t variable)
{
	const struct window_scale scale = { a->exponents, a->conf->model->pub.n_scales };
	const struct hub_last *last = &a->last[variable];

	if (a->verified == HUB_OTHER || a->verified == HUB_CHANGED)
		add_strange(w, a, variable, &scale);
	else
		window_add(w, a->conf, variable, last->elements, last->t_us, &scale);
}

/*
 * Adds those that are from from_us on and before the open window's end.  The earliest one after it;
 * INT64_MAX: there is none.
 */
static int64_t add_span(struct window *w, const struct hub_analyzer *a, const size_t *which,
			size_t n, int64_t from_us, int64_t until_us)
{
	int64_t end_us = w->end_ms * 1000, next_us = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		int64_t t_us = a->last[which[i]].t_us;

		if (t_us < from_us || t_us > until_us)
			continue;
		if (t_us < end_us)
			add_reading(w, a, which[i]);
		else if (t_us < next_us)
			next_us = t_us;
	}
	return next_us;
}

/* They have no window; counters go on, as long as none is open that they would be counted into. */
static void add_late(struct recorder *r, struct window *w, const struct hub_analyzer *a,
		     const size_t *which, size_t n, int64_t until_us)
{
	bool open = w->end_ms != 0;

	for (size_t i = 0; i < n; i++) {
		int64_t t_us = a->last[which[i]].t_us;

		if (open && t_us >= w->start_ms * 1000 && t_us <= until_us)
			continue;
		r->counts.late++;
		if (!open && t_us <= until_us)
			add_reading(w, a, which[i]);
	}
}

void recorder_add(struct recorder *r, struct hub_analyzer *a, const size_t *which, size_t n,
		  int64_t wall_us)
{
	struct track *t = &r->tracks[a - r->hub->analyzers];
	int64_t until_us = wall_us + FUTURE_US, from_us, next_us;

	if (t->w->end_ms == 0)
		track_open(r, t, wall_us);
	add_late(r, t->w, a, which, n, until_us);
	from_us = t->w->start_ms * 1000;
	while (t->w->end_ms != 0 &&
	       (next_us = add_span(t->w, a, which, n, from_us, until_us)) != INT64_MAX) {
		from_us = t->w->end_ms * 1000;
		track_close(r, t);
		track_open(r, t, next_us);
	}
	track_keep(r, t);
}

/* ---- the clock ---- */

static int64_t grace_ms(const struct window *w)
{
	int64_t half = (w->end_ms - w->start_ms) / 2;

	return half < GRACE_MS ? half : GRACE_MS;
}

/*
 * The clock went back to before the window.  It goes on later when time up to its beginning has
 * records; else what it holds was read under a wrong label, and makes room for the right one.
 */
static bool is_misplaced(const struct window *w, int64_t wall_ms)
{
	return wall_ms < w->start_ms - BACK_MS &&
	       (w->closed_ms != w->start_ms || w->start_ms - wall_ms > WRONG_CLOCK_MS);
}

/* Whether the clock is where there are records already. */
static bool track_tick(struct recorder *r, struct track *t, int64_t wall_us)
{
	int64_t wall_ms = wall_us / 1000;
	bool open = t->w->end_ms != 0;

	if (open && wall_ms >= t->w->end_ms + grace_ms(t->w))
		track_close(r, t);
	else if (open && is_misplaced(t->w, wall_ms))
		track_forget(r, t, t->w->closed_ms);
	if (t->w->end_ms == 0) {
		track_open(r, t, wall_us);
		track_keep(r, t);
	}
	return t->w->end_ms == 0 || wall_ms < t->w->start_ms - BACK_MS;
}

void recorder_tick(struct recorder *r, int64_t wall_us)
{
	bool back = false;

	for (size_t i = 0; i < r->hub->n_analyzers; i++)
		back |= track_tick(r, &r->tracks[i], wall_us);
	if (back && !r->back)
		log_msg(r->hub->log, LOG_LEVEL_WARNING,
			"the clock went back: time that has records already is not recorded again");
	r->back = back;
}

/* ---- making and ending ---- */

struct keep_slot *recorder_slots(const struct hub *h)
{
	struct keep_slot *slots = calloc(h->n_analyzers + 1, sizeof *slots);

	for (size_t i = 0; slots != NULL && i < h->n_analyzers; i++)
		slots[i] = (struct keep_slot){ h->analyzers[i].conf->id,
					       window_size(h->analyzers[i].conf) };
	return slots;
}

static bool names(const struct conf_exporter *e, const struct conf_analyzer *conf)
{
	for (size_t i = 0; i < e->n_analyzers; i++)
		if (e->analyzers[i] == conf)
			return true;
	return false;
}

static int exporters_init(struct track *t, const struct config *c, const struct conf_analyzer *conf,
			  const bool *durable)
{
	uint32_t n = 0;

	buf_init(&t->exporters, ENTRY_MAX - RECORD_BYTES_MAX);
	for (size_t i = 0; i < c->n_exporters; i++) {
		const char *id = c->exporters[i].id;

		if (!durable[i] || !names(&c->exporters[i], conf))
			continue;
		if (n++ == 0)
			(void)buf_append(&t->exporters, &n, sizeof n);
		(void)buf_append(&t->exporters, id, strlen(id) + 1);
	}
	if (n > 0 && !t->exporters.failed)
		memcpy(t->exporters.pub.bytes, &n, sizeof n);
	return t->exporters.failed ? -ENOMEM : 0;
}

/* Goes on with the window of an earlier life, or closes it; else opens one. */
static void track_begin(struct recorder *r, struct track *t, int64_t wall_us)
{
	const struct conf_analyzer *conf = conf_of(r, t);
	size_t len;
	const void *kept = keep_read(r->keep, (size_t)(t - r->tracks), &len);

	window_init(t->w, conf);
	if (kept != NULL && len == t->size && window_fits(kept, len, conf)) {
		memcpy(t->w, kept, len);
	} else if (kept != NULL) {
		log_msg(r->hub->log, LOG_LEVEL_WARNING,
			"analyzer %" PRId64 ": its open window is thrown away: it was begun under "
			"another configuration",
			conf->id);
	}
	if (t->w->end_ms != 0 && wall_us >= t->w->end_ms * 1000)
		track_close(r, t);
	if (t->w->end_ms == 0)
		track_open(r, t, wall_us);
	track_keep(r, t);
}

static int track_init(struct recorder *r, struct track *t, const bool *durable)
{
	const struct conf_analyzer *conf = conf_of(r, t);

	t->size = window_size(conf);
	t->w = malloc(t->size);
	return t->w ? exporters_init(t, r->hub->config, conf, durable) : -ENOMEM;
}

struct recorder *recorder_new(struct hub *h, struct keep *k, const struct recorder_calls *calls,
			      const bool *durable, int64_t wall_us)
{
	struct recorder *r = calloc(1, sizeof *r);
	int rc = 0;

	if (r == NULL)
		return NULL;
	*r = (struct recorder){ .hub = h, .keep = k, .calls = *calls };
	buf_init(&r->record, RECORD_BYTES_MAX);
	buf_init(&r->entry, ENTRY_MAX);
	r->tracks = calloc(h->n_analyzers + 1, sizeof *r->tracks);
	for (size_t i = 0; r->tracks != NULL && rc == 0 && i < h->n_analyzers; i++)
		rc = track_init(r, &r->tracks[i], durable);
	if (r->tracks == NULL || rc != 0) {
		recorder_free(r);
		return NULL;
	}
	for (size_t i = 0; i < h->n_analyzers; i++)
		track_begin(r, &r->tracks[i], wall_us);
	return r;
}

void recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; r->tracks != NULL && i < r->hub->n_analyzers; i++) {
		free(r->tracks[i].w);
		buf_release(&r->tracks[i].exporters);
	}
	free(r->tracks);
	buf_release(&r->record);
	buf_release(&r->entry);
	free(r);
}

void recorder_counts(const struct recorder *r, struct recorder_counts *ret)
{
	*ret = r->counts;
}

/* ---- entries of the ring ---- */

int recorder_entry_parse(const void *bytes, size_t len, struct recorder_entry *ret)
{
	const char *at = bytes, *end = at + len;
	struct arena memory = { .blocks = NULL };
	struct tesla_error err;
	struct record record;
	uint32_t n;
	int rc;

	if (len < sizeof n)
		return -EBADMSG;
	memcpy(&n, at, sizeof n);
	at += sizeof n;
	*ret = (struct recorder_entry){ .exporters = at, .n_exporters = n };
	for (uint32_t i = 0; i < n; i++) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));

		if (nul == NULL || nul == at)
			return -EBADMSG;
		at = nul + 1;
	}
	rc = record_parse(at, (size_t)(end - at), &memory, &record, &err);
	arena_release(&memory);
	if (n == 0 || rc != 0)
		return rc == -ENOMEM ? rc : -EBADMSG;
	ret->analyzer = record.analyzer;
	ret->start_ms = record.start_ms;
	ret->end_ms = record.end_ms;
	ret->record = at;
	ret->len = (size_t)(end - at);
	return 0;
}
