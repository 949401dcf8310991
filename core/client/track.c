/* SPDX-License-Identifier: Apache-2.0 */
/* What has been handed on, per topic. */
#include "client/track.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "client/topic.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct track_topic *)a)->name, ((const struct track_topic *)b)->name);
}

static void labels_free(struct track_topic *t)
{
	for (size_t i = 0; i < t->n_labels; i++)
		free(t->labels[i]);
	free(t->labels);
	t->labels = NULL;
	t->n_labels = 0;
}

static void topic_free(void *arg)
{
	struct track_topic *t = arg;

	labels_free(t);
	free(t->name);
	free(t);
}

void track_init(struct track *t)
{
	*t = (struct track){ 0 };
}

void track_release(struct track *t)
{
	tdestroy(t->topics, topic_free);
	*t = (struct track){ 0 };
}

static void epoch_begin(struct track *t, int64_t epoch_ms, bool whole)
{
	track_release(t);
	t->epoch_ms = epoch_ms;
	t->whole = whole;
}

void track_join(struct track *t, int64_t epoch_ms)
{
	epoch_begin(t, epoch_ms, false);
}

static struct track_topic *topic_find(const struct track *t, const char *name)
{
	struct track_topic key = { .name = (char *)(uintptr_t)name };
	void *at = tfind(&key, &t->topics, by_name);

	return at ? *(struct track_topic **)at : NULL;
}

/* A reading that no snapshot had has not come before, so it is at 0; of others nobody told us. */
static struct track_topic *topic_new(const struct track *t, const char *name)
{
	struct track_topic *at = calloc(1, sizeof *at);
	struct topic_parts parts;

	if (at == NULL)
		return NULL;
	at->name = strdup(name);
	at->known = t->whole || (topic_split(name, &parts) == 0 && parts.is_reading);
	if (at->name != NULL)
		return at;
	topic_free(at);
	return NULL;
}

static int topic_get(struct track *t, const char *name, struct track_topic **ret, bool *fresh,
		     struct tesla_error *err)
{
	struct track_topic *at = topic_find(t, name);

	*fresh = at == NULL;
	if (at == NULL && t->n == TRACK_TOPICS_MAX)
		return tesla_fail(err, -ENOBUFS, "%s: beyond %u topics", name, TRACK_TOPICS_MAX);
	if (at == NULL) {
		at = topic_new(t, name);
		if (at == NULL || tsearch(at, &t->topics, by_name) == NULL) {
			if (at != NULL)
				topic_free(at);
			return tesla_fail(err, -ENOMEM, "%s: no memory for a topic", name);
		}
		t->n++;
	}
	*ret = at;
	return 0;
}

/*
 * The stream keeps the daemon's order: after k came by it, a lower one is a count that begins anew.
 * After a snapshot it is what the snapshot had already.
 */
static void number_judge(struct track_topic *at, uint64_t k, struct track_verdict *v)
{
	if (at->known && k <= at->k && !at->streamed)
		return;
	v->deliver = true;
	v->reset = at->known && k <= at->k;
	v->missed = v->reset ? k - 1 : at->known ? k - at->k - 1 : 0;
	at->k = k;
	at->known = true;
	at->streamed = true;
}

int track_message(struct track *t, const char *topic, int64_t epoch_ms, uint64_t k,
		  struct track_verdict *ret, struct tesla_error *err)
{
	struct track_verdict v = { .restart = epoch_ms != t->epoch_ms,
				   .old_epoch_ms = t->epoch_ms };
	struct track_topic *at;

	*ret = (struct track_verdict){ 0 };
	if (k == 0)
		return tesla_fail(err, -EBADMSG, "%s: `k` is 0", topic);
	if (v.restart)
		epoch_begin(t, epoch_ms, true);
	*ret = v; /* also when the topic cannot be kept: a restart is told all the same */
	if (topic_get(t, topic, &at, &v.fresh, err) != 0)
		return err->code;
	number_judge(at, k, &v);
	v.topic = at;
	*ret = v;
	return 0;
}

bool track_is_past(const struct track *t, const char *topic, uint64_t k)
{
	const struct track_topic *at = topic_find(t, topic);

	return at != NULL && at->snapshot != 0 && at->snapshot == t->snapshots &&
	       k > at->snapshot_k;
}

void track_note_begin(struct track *t)
{
	t->snapshots++;
}

int track_note(struct track *t, const char *topic, uint64_t k, struct tesla_error *err)
{
	struct track_topic *at;
	bool fresh;

	if (topic_get(t, topic, &at, &fresh, err) != 0)
		return err->code;
	at->snapshot = t->snapshots;
	at->snapshot_k = k;
	return 0;
}

static int labels_learn(struct track_topic *at, const struct tesla_client_reading *r)
{
	labels_free(at);
	if (r->labels == NULL)
		return 0;
	at->labels = calloc(r->n_elements, sizeof *at->labels);
	if (at->labels == NULL)
		return -ENOMEM;
	for (at->n_labels = 0; at->n_labels < r->n_elements; at->n_labels++) {
		at->labels[at->n_labels] = strdup(r->labels[at->n_labels]);
		if (at->labels[at->n_labels] == NULL) {
			labels_free(at);
			return -ENOMEM;
		}
	}
	return 0;
}

int track_snapshot(struct track *t, const char *topic, const struct tesla_client_reading *r,
		   bool first, struct track_verdict *ret, struct tesla_error *err)
{
	struct track_verdict v = { 0 };
	struct track_topic *at;

	if (topic_get(t, topic, &at, &v.fresh, err) != 0)
		return err->code;
	if (labels_learn(at, r) != 0)
		return tesla_fail(err, -ENOMEM, "%s: no memory for labels", topic);
	v.deliver = r->k > at->k;
	if (v.deliver) {
		v.missed = first ? 0 : r->k - at->k - 1;
		at->k = r->k;
		at->known = true;
		at->streamed = false;
	}
	v.topic = at;
	*ret = v;
	return 0;
}
