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
#include "base/cleanup.h"
#include "base/model_tables.h"
#include "base/record.h"
#include "daemon/window.h"

#define GRACE_MS 2000
#define FUTURE_US 5000000 /* the clock may have stepped back since a reading was stamped */
#define BACK_MS 1000	  /* less is a clock that is being set right */
#define ENTRY_MAX (RECORD_BYTES_MAX + (1u << 20))

struct track { /* of one analyzer */
	struct window *w;
	size_t size;
	struct buf exporters; /* how its entries begin; empty: no exporter wants them */
	bool too_large;	      /* so are its records, and that was said */
};

struct recorder {
	struct hub *hub;
	struct keep *keep;
	struct recorder_calls calls;
	struct track *tracks; /* in the order of hub->analyzers; as are keep's slots */
	struct recorder_counts counts;
	struct buf record, entry;  /* scratch */
	bool back;		   /* the clock went back, and that was said */
	int64_t ticked_us, due_us; /* when recorder_tick last looked; nothing ends before due */
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

static int64_t grace_ms(const struct window *w)
{
	int64_t half = (w->end_ms - w->start_ms) / 2;

	return half < GRACE_MS ? half : GRACE_MS;
}

static void note_due(struct recorder *r, const struct track *t)
{
	int64_t due_us = (t->w->end_ms + grace_ms(t->w)) * 1000;

	if (t->w->end_ms != 0 && due_us < r->due_us)
		r->due_us = due_us;
}

/* Does the window that wall_ms is in have a record?  A record's end is its key. */
static bool is_recorded(const struct recorder *r, const struct track *t, int64_t wall_ms)
{
	int64_t end_ms = calendar_end_ms(wall_ms, conf_of(r, t)->record_ms);

	return recorded_has(&t->w->recorded, end_ms);
}

/* Opens the window that t_us is in, unless there is a record of it. */
static void track_open(struct recorder *r, struct track *t, int64_t t_us)
{
	if (is_recorded(r, t, t_us / 1000))
		return;
	window_open(t->w, conf_of(r, t), t_us);
	note_due(r, t);
}

/* No record came of a window that was closed. */
static void track_lost(struct recorder *r, struct track *t, const struct record *record, int rc)
{
	size_t n_elements = t->w->n_elements;

	r->counts.lost++;
	if (rc != -EMSGSIZE || t->too_large)
		return;
	t->too_large = true;
	log_msg(r->hub->log, LOG_LEVEL_ERROR,
		"analyzer %" PRId64 ": %zu variables with %zu elements make records of more than "
		"%u bytes: they are lost until fewer are asked for",
		record->analyzer, record->n_variables, n_elements, RECORD_BYTES_MAX);
}

/* Who was read in it: also what an earlier life knew. */
static const char *identity_of(const struct window *w, const struct hub_analyzer *a,
			       struct arena *memory)
{
	if (a->identity != NULL)
		return a->identity;
	return w->identity[0] != '\0' ? arena_strdup(memory, w->identity) : NULL;
}

static void track_record(struct recorder *r, struct track *t)
{
	struct hub_analyzer *a = &r->hub->analyzers[t - r->tracks];
	struct arena memory = { .blocks = NULL };
	int64_t end_ms = t->w->end_ms;
	struct record record = { .analyzer = a->conf->id };
	int rc = window_close(t->w, a->conf, identity_of(t->w, a, &memory), &memory, &record);

	buf_clear(&r->record);
	if (rc != 0)
		window_discard(t->w);
	else
		rc = record_encode(&record, &r->record);
	if (rc == 0) {
		r->counts.records++;
		if (t->exporters.pub.len > 0)
			enqueue(r, t);
		r->calls.made(r->calls.arg, a, end_ms, &r->record);
	} else {
		track_lost(r, t, &record, rc);
	}
	arena_release(&memory);
}

/*
 * The record is in the ring before the slot forgets its window: a kill in between makes it twice,
 * which the journal sees, and never loses it.
 */
static void track_close(struct recorder *r, struct track *t)
{
	track_record(r, t);
	track_keep(r, t);
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

static bool is_strange(const struct hub_analyzer *a)
{
	return a->verified == HUB_OTHER || a->verified == HUB_CHANGED;
}

static void add_reading(struct window *w, const struct hub_analyzer *a, size_t variable)
{
	const struct window_scale scale = { a->exponents, a->conf->model->pub.n_scales };
	const struct hub_last *last = &a->last[variable];

	if (is_strange(a))
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

/* Empty when it is too long. */
static void note_text(char *to, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(to, text, size) == 0)
		return;
	memset(to, 0, size);
	if (len < size)
		memcpy(to, text, len);
}

/* Who was replaced while nobody looked is seen here: the host knows its own life only. */
static void note_meter(struct recorder *r, struct track *t, const struct hub_analyzer *a)
{
	struct window *w = t->w;

	if (a->identity == NULL || is_strange(a))
		return;
	if (w->meter[0] != '\0' && strncmp(w->meter, a->identity, sizeof w->meter) != 0) {
		log_msg(r->hub->log, LOG_LEVEL_WARNING,
			"analyzer %" PRId64
			": it is \"%s\" now, and was \"%s\": its counters begin "
			"anew, and what they grew in between is in no record",
			a->conf->id, a->identity, w->meter);
		window_begin_anew(w, a->conf);
	}
	note_text(w->meter, sizeof w->meter, a->identity);
}

void recorder_add(struct recorder *r, struct hub_analyzer *a, const size_t *which, size_t n,
		  int64_t wall_us)
{
	struct track *t = &r->tracks[a - r->hub->analyzers];
	int64_t until_us = wall_us + FUTURE_US, from_us, next_us;

	t->w->mono_us = r->calls.mono_us != NULL ? r->calls.mono_us(r->calls.arg) : 0;
	note_meter(r, t, a);
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
	if (a->identity != NULL)
		note_text(t->w->identity, sizeof t->w->identity, a->identity);
	track_keep(r, t);
}

/* ---- the clock ---- */

/*
 * The clock went back to before the open window, to where there are no records.  Where what runs
 * up to it was recorded, so is what it has: it is of the same clock.  Else it is the first of a
 * clock that was wrong, and would take the room of a right one.
 */
static void track_leave(struct recorder *r, struct track *t)
{
	if (window_has_readings(t->w) && recorded_has(&t->w->recorded, t->w->start_ms)) {
		track_close(r, t);
		return;
	}
	if (window_has_readings(t->w)) {
		r->counts.lost++;
		log_msg(r->hub->log, LOG_LEVEL_WARNING,
			"analyzer %" PRId64 ": the clock went back, %" PRId64
			" s before the window that was open: it is thrown away",
			conf_of(r, t)->id, t->w->start_ms / 1000 - r->ticked_us / 1000000);
	}
	window_discard(t->w);
}

static bool is_ahead(const struct window *w, int64_t wall_ms)
{
	return w->end_ms != 0 && wall_ms < w->start_ms - BACK_MS;
}

/* Whether the clock is where there are records already. */
static bool track_tick(struct recorder *r, struct track *t, int64_t wall_us)
{
	int64_t wall_ms = wall_us / 1000;

	if (t->w->end_ms != 0 && wall_ms >= t->w->end_ms + grace_ms(t->w))
		track_close(r, t);
	else if (is_ahead(t->w, wall_ms) && !is_recorded(r, t, wall_ms))
		track_leave(r, t);
	if (t->w->end_ms == 0) {
		track_open(r, t, wall_us);
		if (t->w->end_ms != 0)
			track_keep(r, t);
	}
	return t->w->end_ms == 0 || is_ahead(t->w, wall_ms);
}

/* Where the records end, a window opens: not before the end of the one that the clock is in. */
static void note_back(struct recorder *r, const struct track *t, int64_t wall_us)
{
	int64_t due_us = calendar_end_ms(wall_us / 1000, conf_of(r, t)->record_ms) * 1000;

	if (due_us < r->due_us)
		r->due_us = due_us;
}

void recorder_tick(struct recorder *r, int64_t wall_us)
{
	bool back = false;

	if (wall_us >= r->ticked_us && wall_us < r->due_us)
		return;
	r->ticked_us = wall_us;
	r->due_us = INT64_MAX;
	for (size_t i = 0; i < r->hub->n_analyzers; i++) {
		bool is_back = track_tick(r, &r->tracks[i], wall_us);

		note_due(r, &r->tracks[i]);
		if (is_back)
			note_back(r, &r->tracks[i], wall_us);
		back |= is_back;
	}
	if (back && !r->back)
		log_msg(r->hub->log, LOG_LEVEL_WARNING,
			"the clock went back: time that has records already is not recorded again");
	r->back = back;
}

/* ---- making and ending ---- */

static bool names(const struct conf_exporter *e, const struct conf_analyzer *conf)
{
	for (size_t i = 0; i < e->n_analyzers; i++)
		if (e->analyzers[i] == conf)
			return true;
	return false;
}

/* The most that an entry of its records can take; 0: no exporter names it. */
static size_t entry_max(const struct config *c, const struct conf_analyzer *conf)
{
	size_t bytes = record_head_bytes(conf->model->pub.name), ids = 0;

	for (size_t i = 0; i < conf->n_variables; i++)
		bytes += record_variable_bytes(conf->variables[i].variable);
	for (size_t i = 0; i < c->n_exporters; i++)
		if (names(&c->exporters[i], conf))
			ids += strlen(c->exporters[i].id) + 1;
	if (ids == 0)
		return 0;
	return sizeof(uint32_t) + ids + (bytes < RECORD_BYTES_MAX ? bytes : RECORD_BYTES_MAX);
}

struct keep_slot *recorder_slots(const struct hub *h)
{
	struct keep_slot *slots = calloc(h->n_analyzers + 1, sizeof *slots);

	for (size_t i = 0; slots != NULL && i < h->n_analyzers; i++)
		slots[i] = (struct keep_slot){ h->analyzers[i].conf->id,
					       window_size(h->analyzers[i].conf),
					       entry_max(h->config, h->analyzers[i].conf) };
	return slots;
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

static void track_resume(struct recorder *r, struct track *t, bool goes_on)
{
	const struct conf_analyzer *conf = conf_of(r, t);
	size_t len, lost;
	const void *kept = keep_read(r->keep, (size_t)(t - r->tracks), &len);

	window_init(t->w, conf);
	if (kept == NULL)
		return;
	if (!window_resume(t->w, conf, kept, len, &lost)) {
		window_begin_anew(t->w, conf);
		log_msg(r->hub->log, LOG_LEVEL_WARNING,
			"analyzer %" PRId64 ": its open window is thrown away: %s", conf->id,
			"it is damaged, or of another version");
	} else if (lost > 0 && !goes_on) { /* else it was recorded as far as it was: track_cut */
		log_msg(r->hub->log, LOG_LEVEL_WARNING,
			"analyzer %" PRId64 ": %zu of the variables of its open window are %s",
			conf->id, lost, "configured otherwise, or no longer: they are thrown away");
	}
}

/* Goes on with the window of an earlier life, or closes it; else opens one. */
static void track_begin(struct recorder *r, struct track *t, bool goes_on, int64_t wall_us)
{
	int64_t grace;

	track_resume(r, t, goes_on);
	grace = goes_on ? grace_ms(t->w) : 0;
	if (t->w->end_ms != 0 && wall_us >= (t->w->end_ms + grace) * 1000)
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
			      const bool *durable)
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
	return r;
}

void recorder_begin(struct recorder *r, bool goes_on, int64_t wall_us)
{
	for (size_t i = 0; i < r->hub->n_analyzers; i++)
		track_begin(r, &r->tracks[i], goes_on, wall_us);
}

/* Whether something of its open window has no place in the one that `a` would have. */
static bool track_loses(const struct track *t, const struct hub_analyzer *a)
{
	_cleanup_free_ struct window *w = malloc(window_size(a->conf));
	size_t lost = 0;

	return w != NULL && window_resume(w, a->conf, t->w, t->size, &lost) && lost > 0;
}

/*
 * What was measured so far is a record that ends now, so that what is measured from now on has a
 * record of its own.  One that began in this second is let go: old formats tell seconds only.
 */
static void track_cut(struct recorder *r, struct track *t, int64_t wall_ms)
{
	struct window *w = t->w;

	if (w->end_ms == 0 || !window_has_readings(w) || wall_ms / 1000 <= w->start_ms / 1000)
		return;
	if (wall_ms < w->end_ms)
		w->end_ms = wall_ms;
	track_record(r, t);
}

void recorder_hand_over(struct recorder *r, struct recorder *next, int64_t wall_us)
{
	for (size_t i = 0; i < r->hub->n_analyzers; i++) {
		struct track *t = &r->tracks[i];
		const struct hub_analyzer *a =
			hub_analyzer(next->hub, r->hub->analyzers[i].conf->id);

		if (a != NULL && !track_loses(t, a))
			continue;
		track_cut(r, t, wall_us / 1000);
		if (a != NULL) /* the slot is the next one's already, and has room for both */
			keep_write(r->keep, (size_t)(a - next->hub->analyzers), t->w, t->size);
	}
	next->counts.records += r->counts.records;
	next->counts.late += r->counts.late;
	next->counts.lost += r->counts.lost;
	next->back = r->back;
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

void recorder_doubt(struct recorder *r)
{
	for (size_t i = 0; i < r->hub->n_analyzers; i++) {
		window_begin_anew(r->tracks[i].w, conf_of(r, &r->tracks[i]));
		track_keep(r, &r->tracks[i]);
	}
	log_msg(r->hub->log, LOG_LEVEL_WARNING,
		"the windows that were open are gone, as after a power cut: what counters grew "
		"since their last records is in no record, and the next ones are suspect");
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
