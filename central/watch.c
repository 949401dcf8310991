/* SPDX-License-Identifier: Apache-2.0 */
/* Readings, states and presence of nodes, on their ways. */
#include "central/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/feeds.h"
#include "central/news.h"
#include "central/pool.h"

#define READINGS_KEPT_MAX 200000u
#define TICK_MS 1000
#define SYNC_TICKS 10 /* who could not be followed is tried again */
#define MESSAGE_MAX ((size_t)256 << 10)

struct watch {
	struct app *app;
	struct live *live;
	struct streams *streams;
	struct news *news;
	struct feeds *feeds;
	uv_timer_t timer;
	uint64_t ticks, changes; /* changes: of the registry, that were looked at */
	struct watch_counts counts;
};

/* ---- messages to clients ---- */

static msgpack_packer packer(struct buf *packed)
{
	msgpack_packer pk;

	buf_init(packed, MESSAGE_MAX);
	mp_writer(&pk, packed);
	return pk;
}

/* The presence of a node; to all, or to the one who has just come. */
static void say_node(struct watch *w, const struct live_node *n, struct streams_client *first)
{
	const struct streams_message m = { .event = "node", .node = n->id };
	struct buf packed;
	msgpack_packer pk = packer(&packed);

	(void)msgpack_pack_map(&pk, 5);
	mp_key_str(&pk, "node", n->id);
	mp_key_str(&pk, "state", live_presence_names[n->presence]);
	mp_key_str(&pk, "reason", n->reason);
	mp_key_int(&pk, "t", n->since_ms);
	mp_key_int(&pk, "e", n->epoch_ms);
	if (first != NULL)
		streams_say_first(first, &m, &packed);
	else
		streams_say(w->streams, &m, &packed);
	buf_release(&packed);
}

static void say_state(struct watch *w, const struct live_node *n, const struct live_analyzer *a,
		      struct streams_client *first)
{
	const struct streams_message m = { .event = "status", .node = n->id, .analyzer = a->addr };
	struct buf packed;
	msgpack_packer pk = packer(&packed);

	(void)msgpack_pack_map(&pk, 5);
	mp_key_str(&pk, "node", n->id);
	mp_key_int(&pk, "analyzer", a->addr);
	mp_key_str(&pk, "state", a->state);
	mp_key_str(&pk, "reason", a->reason);
	mp_key_int(&pk, "t", a->state_t_ms);
	if (first != NULL)
		streams_say_first(first, &m, &packed);
	else
		streams_say(w->streams, &m, &packed);
	buf_release(&packed);
}

static void say_reading(struct watch *w, const struct live_node *n,
			const struct tesla_client_reading *r)
{
	const struct streams_message m = {
		.event = "reading", .node = n->id, .analyzer = r->analyzer, .variable = r->variable
	};
	const struct reading_form form = { .node = n->id };
	struct buf packed;
	msgpack_packer pk = packer(&packed);

	reading_pack(&pk, r, &form);
	streams_say(w->streams, &m, &packed);
	buf_release(&packed);
}

static void say_value(const struct watch *w, const struct live_node *n,
		      const struct live_analyzer *a, const struct live_value *v,
		      struct streams_client *first)
{
	const struct streams_message m = { .event = "reading",
					   .node = n->id,
					   .analyzer = v->reading.analyzer,
					   .variable = v->reading.variable };
	const struct reading_form form = {
		.node = n->id,
		.labels = true,
		.stale = live_is_stale(n, a, v, app_now_ms(w->app)),
	};
	struct buf packed;
	msgpack_packer pk;

	if (!streams_takes(first, &m))
		return;
	pk = packer(&packed);
	reading_pack(&pk, &v->reading, &form);
	streams_say_first(first, &m, &packed);
	buf_release(&packed);
}

static void pack_entry(msgpack_packer *pk, const struct registry_entry *e)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_int(pk, "seq", (int64_t)e->seq);
	mp_key_int(pk, "t", e->at_ms);
	mp_key_str(pk, "what", e->what);
	mp_key_str(pk, "node", e->node);
	mp_key_str(pk, "text", e->text);
}

static void say_entry(struct watch *w, const struct registry_entry *e, struct streams_client *first)
{
	const struct streams_message m = { .event = "event", .node = e->node, .id = e->seq };
	struct buf packed;
	msgpack_packer pk = packer(&packed);

	pack_entry(&pk, e);
	if (first != NULL)
		streams_say_first(first, &m, &packed);
	else
		streams_say(w->streams, &m, &packed);
	buf_release(&packed);
}

static void on_told(void *arg, const struct registry_entry *e)
{
	struct watch *w = arg;

	if (streams_any(w->streams))
		say_entry(w, e, NULL);
}

static void tell_analyzer(struct watch *w, const struct live_node *n, const struct live_analyzer *a,
			  struct streams_client *c)
{
	const struct streams_message any = { .node = n->id, .analyzer = a->addr };

	if (!streams_takes(c, &any))
		return;
	if (a->state != NULL)
		say_state(w, n, a, c);
	for (size_t v = 0; v < a->n_values && !streams_is_full(c); v++)
		say_value(w, n, a, &a->values[v], c);
}

static void tell_node(struct watch *w, const struct live_node *n, struct streams_client *c)
{
	const struct streams_message any = { .node = n->id };

	if (!streams_takes(c, &any))
		return;
	say_node(w, n, c);
	for (size_t a = 0; a < n->n_analyzers && !streams_is_full(c); a++)
		tell_analyzer(w, n, n->analyzers[a], c);
}

/* ---- what a client missed ---- */

struct past { /* being read for one that has just come */
	struct watch *watch;
	struct pool_job pool;
	uint64_t client, after;
	bool again;
	struct news_list list;
	int result;
	struct tesla_error error;
};

static void past_work(struct pool_job *job)
{
	struct past *p = job->arg;

	p->result = news_read(p->watch->app->registry_db, p->after, &p->list, &p->error);
}

static void past_done(struct pool_job *job)
{
	struct past *p = job->arg;
	struct watch *w = p->watch;
	struct streams_client *c = streams_client(w->streams, p->client);
	size_t n = p->result == 0 ? p->list.n : 0;
	uint64_t last = n > 0 ? p->list.entries[n - 1].seq : 0;
	bool more;

	for (size_t i = 0; c != NULL && i < n; i++)
		say_entry(w, &p->list.entries[i], c);
	if (p->result == 0)
		news_list_release(&p->list);
	else
		log_msg(&w->app->log, LOG_LEVEL_ERROR, "events for a client: %s", p->error.text);
	more = c != NULL && streams_past_end(c, last);
	if (more && p->result == 0 && (n > 0 || !p->again)) {
		p->after = n > 0 ? last : p->after;
		p->again = true;
		pool_submit(w->app, job);
		return;
	}
	if (c != NULL && (more || p->result != 0))
		streams_past_fail(c);
	free(p);
}

static void tell_past(struct watch *w, struct streams_client *c, uint64_t after)
{
	struct past *p = calloc(1, sizeof *p);

	if (p == NULL) {
		streams_past_fail(c);
		return;
	}
	p->watch = w;
	p->after = after;
	p->client = streams_past_begin(c, after);
	p->pool = (struct pool_job){ .work = past_work, .done = past_done, .arg = p };
	pool_submit(w->app, &p->pool);
}

void watch_tell(struct watch *w, struct streams_client *c, uint64_t after)
{
	for (size_t i = 0; i < live_n_nodes(w->live) && !streams_is_full(c); i++)
		tell_node(w, live_node_at(w->live, i), c);
	if (after > 0)
		tell_past(w, c, after);
}

/* ---- events ---- */

__attribute__((format(printf, 5, 6))) static void note(struct watch *w, struct live_brake *brake,
						       const char *what, const char *node,
						       const char *fmt, ...)
{
	struct tesla_error sentence;
	uint64_t left_out;
	va_list ap;

	if (!live_brake(brake, app_now_ms(w->app), &left_out)) {
		w->counts.braked++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(sentence.text, sizeof sentence.text, fmt, ap);
	va_end(ap);
	if (left_out > 0)
		news_add(w->news, what, node, "%.200s (%" PRIu64 " more before it are left out)",
			 sentence.text, left_out);
	else
		news_add(w->news, what, node, "%s", sentence.text);
}

/* ---- presence ---- */

static void judge(struct watch *w, struct live_node *n)
{
	enum live_presence was = n->presence;
	enum live_turn turn = live_judge(n, app_now_ms(w->app), app_wall_ms(w->app));

	if (n->presence != was && streams_any(w->streams))
		say_node(w, n, NULL);
	if (turn == LIVE_GONE)
		note(w, &n->brake, "node.gone", n->id, "node %s is gone: %s", n->id,
		     n->reason != NULL ? n->reason : "why is not known");
	if (turn == LIVE_BACK)
		note(w, &n->brake, "node.back", n->id, "node %s is back", n->id);
}

static void epoch(struct watch *w, struct live_node *n, int64_t epoch_ms)
{
	if (live_epoch(n, epoch_ms))
		note(w, &n->brake, "node.restart", n->id, "teslad of node %s was started again",
		     n->id);
}

/* ---- what comes ---- */

/* The registry's word: which analyzers of a node there may be. */
static bool is_admitted(const struct watch *w, const struct live_node *n, int64_t addr)
{
	const struct registry *r = w->app->registry;
	const struct registry_analyzer *a = registry_analyzer(r, n->id, addr);
	const struct registry_node *node = registry_node(r, n->id);

	if (a != NULL)
		return a->state == REGISTRY_IS_ACTIVE;
	return node != NULL && node->unknown == REGISTRY_AUTO &&
	       (live_analyzer(n, addr) != NULL || n->n_analyzers < REGISTRY_NODE_ANALYZERS_MAX);
}

/* False: it is not wanted. */
static bool take_reading(struct watch *w, struct live_node *n, const struct tesla_client_reading *r)
{
	enum live_outcome outcome;

	if (!is_admitted(w, n, r->analyzer) || !reading_fits(r)) {
		w->counts.refused++;
		return false;
	}
	outcome = live_put(w->live, n, r, app_now_ms(w->app));
	if (outcome == LIVE_NEW) {
		w->counts.taken++;
		if (streams_any(w->streams))
			say_reading(w, n, r);
	}
	return outcome == LIVE_NEW || outcome == LIVE_OLD;
}

static void state_note(struct watch *w, struct live_node *n, struct live_analyzer *a)
{
	bool away = strcmp(a->state, "offline") == 0 || strcmp(a->state, "failed") == 0;

	if (away && !a->offline)
		note(w, &a->brake, "analyzer.offline", n->id,
		     "analyzer %" PRId64 " of node %s is %s: %.150s", a->addr, n->id, a->state,
		     a->reason != NULL ? a->reason : "why is not known");
	else if (a->offline && strcmp(a->state, "online") == 0)
		note(w, &a->brake, "analyzer.online", n->id,
		     "analyzer %" PRId64 " of node %s is online", a->addr, n->id);
	else
		return;
	a->offline = away;
}

static bool take_state(struct watch *w, struct live_node *n, const struct readings_state *s)
{
	struct live_analyzer *a;

	if (!is_admitted(w, n, s->analyzer)) {
		w->counts.refused++;
		return false;
	}
	if (!live_state(n, s->analyzer, s->state, s->reason, s->t_ms))
		return true;
	a = live_analyzer(n, s->analyzer);
	if (a == NULL || a->state == NULL) /* no memory for it */
		return true;
	if (streams_any(w->streams))
		say_state(w, n, a, NULL);
	state_note(w, n, a);
	return true;
}

size_t watch_posted(struct watch *w, const char *node, const struct readings *in)
{
	struct live_node *n = live_node(w->live, node);
	size_t taken = 0;

	if (n == NULL)
		return 0;
	live_posted(n, app_now_ms(w->app));
	epoch(w, n, in->epoch_ms);
	judge(w, n);
	for (size_t i = 0; i < in->n; i++)
		taken += take_reading(w, n, &in->list[i].pub);
	for (size_t i = 0; i < in->n_states; i++)
		taken += take_state(w, n, &in->states[i]);
	return taken;
}

/* ---- what streams of nodes say ---- */

/* "status/<node>/<analyzer>/": the analyzer, or 0. */
static int64_t status_analyzer(const char *topic, const char *node)
{
	static const char status[] = "status/";
	size_t len = strlen(node);
	char *end;
	int64_t addr;

	if (strncmp(topic, status, sizeof status - 1) != 0)
		return 0;
	topic += sizeof status - 1;
	if (strncmp(topic, node, len) != 0 || topic[len] != '/')
		return 0;
	addr = strtoll(topic + len + 1, &end, 10);
	return *end == '/' && addr > 0 ? addr : 0;
}

static void on_status(struct watch *w, struct live_node *n, const struct tesla_event *e)
{
	struct readings_state s = { .analyzer = status_analyzer(e->topic, n->id) };
	struct tesla_error err;
	struct mp_doc doc;

	if (s.analyzer == 0)
		return;
	if (mp_unpack(&doc, e->payload, e->len, &err) != 0) {
		w->counts.bad++;
		return;
	}
	s.state = mp_strdup(&doc.u.data, "state");
	s.reason = mp_strdup(&doc.u.data, "reason");
	s.t_ms = mp_int(&doc.u.data, "t", 0);
	mp_doc_release(&doc);
	if (s.state == NULL || !reading_text_fits(s.state) || !reading_text_fits(s.reason))
		w->counts.bad++;
	else
		(void)take_state(w, n, &s);
	free(s.state);
	free(s.reason);
}

/* What is of another node than the registry has there is nobody's. */
static bool is_of(struct watch *w, struct live_node *n, const char *topic)
{
	const char *of = strchr(topic, '/');
	size_t len = strlen(n->id);

	if (of != NULL && strncmp(of + 1, n->id, len) == 0 && of[1 + len] == '/')
		return true;
	w->counts.refused++;
	if (!n->stranger)
		log_msg(&w->app->log, LOG_LEVEL_WARNING,
			"node %s: another node answers there: %.100s is not taken", n->id, topic);
	n->stranger = true;
	return false;
}

static void on_feed(void *arg, const char *node, const struct tesla_event *e)
{
	struct watch *w = arg;
	struct live_node *n = live_node(w->live, node);

	if (n == NULL)
		return;
	switch (e->kind) {
	case TESLA_EVENT_UP:
		n->stranger = false;
		live_followed(n, true, NULL);
		epoch(w, n, e->epoch_ms);
		judge(w, n);
		break;
	case TESLA_EVENT_DOWN:
		live_followed(n, false, e->reason);
		judge(w, n);
		break;
	case TESLA_EVENT_READING:
		if (is_of(w, n, e->topic))
			(void)take_reading(w, n, e->reading);
		break;
	case TESLA_EVENT_MESSAGE:
		if (is_of(w, n, e->topic))
			on_status(w, n, e);
		break;
	case TESLA_EVENT_GAP:
		w->counts.gaps += e->missed;
		break;
	case TESLA_EVENT_RESTART:
		epoch(w, n, e->epoch_ms);
		break;
	case TESLA_EVENT_RESET:
		break;
	}
}

static void on_trouble(void *arg, const char *node, const char *sentence)
{
	struct watch *w = arg;
	struct live_node *n = live_node(w->live, node);

	if (n == NULL || (n->reason != NULL && strcmp(n->reason, sentence) == 0))
		return;
	log_msg(&w->app->log, LOG_LEVEL_WARNING, "node %s is not followed: %s", node, sentence);
	live_followed(n, false, sentence);
	judge(w, n);
}

static void on_over(void *arg, const char *node)
{
	struct watch *w = arg;
	struct live_node *n = live_find(w->live, node);

	if (n == NULL)
		return;
	live_not_followed(n);
	judge(w, n);
}

/* ---- the registry ---- */

/* What it does not have any more, or takes no more, is forgotten. */
static void prune(struct watch *w)
{
	const struct registry *r = w->app->registry;

	for (size_t i = live_n_nodes(w->live); i-- > 0;) {
		const char *id = live_node_at(w->live, i)->id;
		struct live_node *n = live_find(w->live, id);

		if (registry_node(r, id) == NULL) {
			live_forget(w->live, id);
			continue;
		}
		for (size_t a = n->n_analyzers; a-- > 0;)
			if (!is_admitted(w, n, n->analyzers[a]->addr))
				live_forget_analyzer(w->live, n, n->analyzers[a]->addr);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct watch *w = timer->data;
	bool changed;

	app_refresh(w->app);
	changed = w->changes != w->app->registry_changes;
	w->changes = w->app->registry_changes;
	w->ticks++;
	if (changed || w->ticks % SYNC_TICKS == 0)
		feeds_sync(w->feeds, w->app->registry);
	if (changed) {
		prune(w);
		news_look(w->news);
	}
	for (size_t i = 0; i < live_n_nodes(w->live); i++)
		judge(w, live_find(w->live, live_node_at(w->live, i)->id));
	streams_tick(w->streams);
}

/* ---- its life ---- */

const struct live *watch_live(const struct watch *w)
{
	return w->live;
}

struct streams *watch_streams(struct watch *w)
{
	return w->streams;
}

static int parts_start(struct watch *w, struct tesla_error *err)
{
	struct app *app = w->app;
	const struct conf *c = app->conf;
	const struct streams_limits limits = { (size_t)c->streams, (size_t)c->streams_per_user };
	const struct news_conf news = { app, on_told, w };
	struct keys_pair pair = { 0 };
	const struct feeds_conf feeds = { .loop = &app->loop,
					  .pair = &pair,
					  .max = (size_t)c->nodes_followed,
					  .event = on_feed,
					  .trouble = on_trouble,
					  .over = on_over,
					  .arg = w };

	if (c->control_key[0] != '\0' && keys_read(c->control_key, true, &pair, err) != 0)
		return err->code;
	w->live = live_new(READINGS_KEPT_MAX);
	w->streams = streams_new(app, &limits);
	w->news = news_new(&news, err);
	w->feeds = w->news != NULL ? feeds_new(&feeds, err) : NULL;
	keys_forget(&pair);
	if (w->news != NULL && (w->live == NULL || w->streams == NULL))
		return tesla_fail(err, -ENOMEM, "no memory");
	return w->feeds != NULL ? 0 : -EIO;
}

int watch_start(struct app *app, struct tesla_error *err)
{
	struct watch *w = calloc(1, sizeof *w);

	if (w == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	app->watch = w;
	w->app = app;
	w->changes = app->registry_changes;
	(void)uv_timer_init(&app->loop, &w->timer);
	w->timer.data = w;
	if (parts_start(w, err) != 0)
		return err->code != 0 ? err->code : -EIO;
	feeds_sync(w->feeds, app->registry);
	(void)uv_timer_start(&w->timer, on_tick, TICK_MS, TICK_MS);
	return 0;
}

void watch_quiesce(struct app *app)
{
	struct watch *w = app->watch;

	if (w == NULL)
		return;
	(void)uv_timer_stop(&w->timer);
	feeds_stop(w->feeds);
	w->feeds = NULL;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void watch_stop(struct app *app)
{
	struct watch *w = app->watch;

	if (w == NULL)
		return;
	app->watch = NULL;
	streams_free(w->streams);
	news_free(w->news);
	live_free(w->live);
	uv_close((uv_handle_t *)&w->timer, on_closed);
}

void watch_count(const struct watch *w, struct watch_counts *ret)
{
	*ret = w->counts;
	ret->readings = live_count(w->live);
	ret->refused += live_refused(w->live);
	ret->events_lost = news_lost(w->news);
	if (w->feeds != NULL) {
		ret->nodes_followed = feeds_count(w->feeds);
		ret->nodes_left_out = feeds_left_out(w->feeds);
		ret->bad += feeds_bad(w->feeds);
	}
	streams_count(w->streams, &ret->streams);
}
