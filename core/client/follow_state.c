/* SPDX-License-Identifier: Apache-2.0 */
/* What a follower makes of what comes. */
#include "client/follow_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define OLD_US 1000000	     /* a snapshot of another daemon: it is asked again after so long */
#define STRANGERS 3u	     /* so many in a row are no restart in between */
#define HEARTBEATS_PASSED 2u /* after so many a snapshot is taken, whatever else comes */

void follow_state_init(struct follow_state *f, char **prefixes, int64_t now_us)
{
	*f = (struct follow_state){ .prefixes = prefixes, .heard_us = now_us };
	track_init(&f->track);
}

static void message_drop(struct follow_message *m)
{
	reading_release(&m->reading);
	if (m->unpacked)
		mp_doc_release(&m->doc);
	*m = (struct follow_message){ 0 };
}

void follow_state_release(struct follow_state *f)
{
	message_drop(&f->at);
	tesla_snapshot_free(f->snapshot);
	track_release(&f->track);
	for (char **p = f->prefixes; p != NULL && *p != NULL; p++)
		free(*p);
	free(f->prefixes);
	free(f->node);
	free(f->row_topic);
}

/* ---- events ---- */

static struct tesla_event *tell(struct follow_state *f, enum tesla_event_kind kind)
{
	struct tesla_event *e = &f->events[f->n_events];

	assert(f->n_events < N_ELEMENTS(f->events));
	f->n_events++;
	*e = (struct tesla_event){ .kind = kind };
	return e;
}

const struct tesla_event *follow_state_event(struct follow_state *f)
{
	if (f->next_event < f->n_events)
		return &f->events[f->next_event++];
	f->next_event = f->n_events = 0;
	return NULL;
}

static void tell_up(struct follow_state *f)
{
	f->told_down = false;
	tell(f, TESLA_EVENT_UP)->epoch_ms = f->at.epoch_ms;
}

void follow_state_down(struct follow_state *f, const char *reason)
{
	if (f->told_down)
		return;
	f->told_down = true;
	(void)snprintf(f->reason, sizeof f->reason, "%s", reason);
	tell(f, TESLA_EVENT_DOWN)->reason = f->reason;
}

static bool is_wanted(const struct follow_state *f, const char *topic)
{
	if (f->prefixes == NULL)
		return true;
	for (char **p = f->prefixes; *p != NULL; p++)
		if (strncmp(topic, *p, strlen(*p)) == 0)
			return true;
	return false;
}

/* Of a topic: what went wrong before the message, and where the message is to be filled in. */
static struct tesla_event *tell_topic(struct follow_state *f, const char *topic, int64_t epoch_ms,
				      uint64_t k, const struct track_verdict *v)
{
	size_t first = f->n_events;

	if (!is_wanted(f, topic))
		return NULL;
	if (v->reset)
		(void)tell(f, TESLA_EVENT_RESET);
	if (v->missed > 0)
		tell(f, TESLA_EVENT_GAP)->missed = v->missed;
	if (v->deliver)
		(void)tell(f, TESLA_EVENT_MESSAGE);
	for (size_t i = first; i < f->n_events; i++) {
		f->events[i].topic = topic;
		f->events[i].epoch_ms = epoch_ms;
		f->events[i].k = k;
	}
	return v->deliver ? &f->events[f->n_events - 1] : NULL;
}

/* ---- the message at hand ---- */

static int message_parse_reading(struct follow_message *m, struct tesla_error *err)
{
	struct tesla_client_reading *r = &m->reading.pub;

	if (!m->parts.is_reading)
		return 0;
	if (reading_parse(&m->reading, &m->doc.u.data, err) != 0)
		return err->code;
	m->reading.variable = strndup(m->parts.variable.text, m->parts.variable.len);
	if (m->reading.variable == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a reading");
	r->variable = m->reading.variable;
	r->analyzer = m->parts.analyzer;
	r->epoch_ms = m->epoch_ms;
	return 0;
}

static int message_parse(struct follow_message *m, const char *topic, const uint8_t *payload,
			 size_t len, struct tesla_error *err)
{
	int64_t k = 0;

	m->topic = topic;
	m->payload = payload;
	m->len = len;
	if (topic_split(topic, &m->parts) != 0)
		return tesla_fail(err, -EBADMSG, "stream: \"%.100s\" is no topic", topic);
	if (mp_unpack(&m->doc, payload, len, err) != 0)
		return err->code;
	m->unpacked = true;
	if (!mp_to_int(mp_get(&m->doc.u.data, "e"), &m->epoch_ms) ||
	    !mp_to_int(mp_get(&m->doc.u.data, "k"), &k) || k <= 0)
		return tesla_fail(err, -EBADMSG, "stream: %.100s: no `e` or no `k`", topic);
	m->k = (uint64_t)k;
	return message_parse_reading(m, err);
}

/* Snapshots do not say of which node they are; topics do. */
static int node_set(struct follow_state *f)
{
	char *node = strndup(f->at.parts.node.text, f->at.parts.node.len);

	if (node == NULL)
		return -ENOMEM;
	free(f->node);
	f->node = node;
	return 0;
}

/* The message at hand begins it all: it is held until the snapshot is there. */
static int first_message(struct follow_state *f, int64_t now_us, struct tesla_error *err)
{
	if (f->at.epoch_ms == f->old_epoch_ms && now_us < f->old_until_us)
		return 0;
	if (node_set(f) != 0)
		return tesla_fail(err, -ENOMEM, "no memory for a node's id");
	f->phase = FOLLOW_ASKING;
	f->held = true;
	f->wants_snapshot = true;
	return 0;
}

/*
 * Is the stream past the instant of the snapshot that waits?  A number that the snapshot does not
 * have yet proves it.  Where nothing else comes, two heartbeats are believed: should a message then
 * still come, it counts as missed, and is not handed on.
 */
static bool is_past(struct follow_state *f)
{
	static const char heartbeat[] = "node/";
	const struct follow_message *m = &f->at;

	if (m->epoch_ms != f->track.epoch_ms)
		return false;
	if (f->drained && strncmp(m->topic, heartbeat, sizeof heartbeat - 1) == 0 &&
	    ++f->heartbeats >= HEARTBEATS_PASSED)
		return true;
	return track_is_past(&f->track, m->topic, m->k);
}

static void restart(struct follow_state *f, int64_t old_epoch_ms)
{
	struct tesla_event *e = tell(f, TESLA_EVENT_RESTART);

	e->epoch_ms = f->at.epoch_ms;
	e->old_epoch_ms = old_epoch_ms;
	tesla_snapshot_free(f->snapshot);
	f->snapshot = NULL;
	f->wants_snapshot = true;
	f->restarted = true;
	(void)node_set(f); /* without memory the old one stays, which is most likely the same */
}

static void labels_add(struct tesla_client_reading *r, const struct track_topic *t)
{
	if (t->n_labels == r->n_elements)
		r->labels = (const char *const *)t->labels;
}

static int live_message(struct follow_state *f, struct tesla_error *err)
{
	struct follow_message *m = &f->at;
	struct track_verdict v;
	struct tesla_event *e;
	int r = track_message(&f->track, m->topic, m->epoch_ms, m->k, &v, err);

	if (v.restart)
		restart(f, v.old_epoch_ms);
	if (r != 0)
		return f->n_events > 0 ? 0 : r;
	if (v.missed > 0 || v.reset || (v.fresh && m->parts.is_reading))
		f->wants_snapshot = true;
	e = tell_topic(f, m->topic, m->epoch_ms, m->k, &v);
	if (e == NULL)
		return 0;
	e->payload = m->payload;
	e->len = m->len;
	if (!m->parts.is_reading)
		return 0;
	labels_add(&m->reading.pub, v.topic);
	e->kind = TESLA_EVENT_READING;
	e->reading = &m->reading.pub;
	return 0;
}

int follow_state_message(struct follow_state *f, const char *topic, const uint8_t *payload,
			 size_t len, int64_t now_us, struct tesla_error *err)
{
	int r;

	assert(!f->held && !f->walking && f->n_events == 0);
	message_drop(&f->at);
	r = message_parse(&f->at, topic, payload, len, err);
	if (r != 0)
		return r;
	f->heard_us = now_us;
	if (f->phase == FOLLOW_FIRST)
		return first_message(f, now_us, err);
	if (f->told_down)
		tell_up(f);
	f->held = true;
	f->walking = f->snapshot != NULL && is_past(f);
	return 0;
}

/* ---- snapshots ---- */

/* At the beginning: the message at hand and the snapshot must be of the same daemon. */
static void first_snapshot(struct follow_state *f, struct tesla_snapshot *s, int64_t now_us)
{
	int64_t epoch_ms = tesla_snapshot_epoch_ms(s);

	f->heard_us = now_us;
	if (epoch_ms != f->at.epoch_ms) {
		f->old_epoch_ms = f->at.epoch_ms;
		f->old_until_us = now_us + OLD_US;
		f->phase = FOLLOW_FIRST;
		f->held = false;
		tesla_snapshot_free(s);
		if (++f->strangers >= STRANGERS)
			follow_state_down(f, "the stream is of another daemon than who answers on "
					     "the control socket");
		return;
	}
	f->strangers = 0;
	f->phase = FOLLOW_LIVE;
	f->snapshot = s;
	f->walking = f->first = true;
	track_join(&f->track, epoch_ms);
	tell_up(f);
}

static int row_topic(struct follow_state *f, const struct tesla_client_reading *r,
		     struct tesla_error *err)
{
	free(f->row_topic);
	f->row_topic = topic_of_reading(f->node, r->analyzer, r->variable);
	return f->row_topic ? 0 : tesla_fail(err, -ENOMEM, "no memory for a topic");
}

/* Which numbers it has, so that it is seen when the stream is past it. */
static int snapshot_note(struct follow_state *f, struct tesla_snapshot *s, struct tesla_error *err)
{
	const struct tesla_client_reading *row;
	int r;

	track_note_begin(&f->track);
	while ((r = tesla_snapshot_next(s, &row, err)) == 0) {
		if (row_topic(f, row, err) != 0 ||
		    track_note(&f->track, f->row_topic, row->k, err) != 0)
			return err->code;
	}
	tesla_snapshot_rewind(s);
	return r == -ENODATA ? 0 : r;
}

int follow_state_snapshot(struct follow_state *f, struct tesla_snapshot *s, int64_t now_us,
			  struct tesla_error *err)
{
	if (f->phase == FOLLOW_ASKING) {
		first_snapshot(f, s, now_us);
		return 0;
	}
	/* Of another daemon: the stream will say so, and then it is asked again. */
	if (f->phase != FOLLOW_LIVE || f->walking ||
	    tesla_snapshot_epoch_ms(s) != f->track.epoch_ms) {
		tesla_snapshot_free(s);
		return 0;
	}
	tesla_snapshot_free(f->snapshot);
	f->snapshot = NULL;
	f->drained = false;
	f->heartbeats = 0;
	if (snapshot_note(f, s, err) != 0) {
		tesla_snapshot_free(s);
		return err->code;
	}
	f->snapshot = s;
	return 0;
}

static int walk(struct follow_state *f, struct tesla_error *err)
{
	const struct tesla_client_reading *row;
	struct track_verdict v;
	struct tesla_event *e;
	int r = tesla_snapshot_next(f->snapshot, &row, err);

	if (r != 0) {
		tesla_snapshot_free(f->snapshot);
		f->snapshot = NULL;
		f->walking = f->first = false;
		return r == -ENODATA ? 0 : r;
	}
	if (row_topic(f, row, err) != 0 ||
	    track_snapshot(&f->track, f->row_topic, row, f->first, &v, err) != 0)
		return err->code;
	e = tell_topic(f, f->row_topic, row->epoch_ms, row->k, &v);
	if (e != NULL) {
		e->kind = TESLA_EVENT_READING;
		e->reading = row;
		e->from_snapshot = true;
	}
	return 0;
}

void follow_state_drained(struct follow_state *f)
{
	f->drained = f->snapshot != NULL;
}

int follow_state_step(struct follow_state *f, struct tesla_error *err)
{
	if (f->walking)
		return walk(f, err);
	if (f->phase != FOLLOW_LIVE || !f->held)
		return -EAGAIN;
	f->held = false;
	return live_message(f, err);
}

int64_t follow_state_due_us(const struct follow_state *f)
{
	return f->told_down || f->phase == FOLLOW_ASKING ? -1 : f->heard_us + FOLLOW_SILENT_US;
}
