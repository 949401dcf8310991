/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet's exporters: what they are given, what they say, what becomes of them in a change. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/fleet_parts.h"

#define BATCH_BYTES_MAX (8u << 20) /* waiting for one exporter; beyond it batches are lost */
#define DEFINE_MAX (1u << 20)

/* What it has under way is brought to its end first. */
static void exporter_again(struct slot *s)
{
	if (s->after) {
		s->again = false;
		return;
	}
	s->again = s->host != NULL;
	(void)uv_timer_stop(&s->timer);
	if (s->host != NULL)
		host_stop(s->host);
	else
		slot_start(s);
}

/*
 * An exporter that would not open is tried again: its host is ended, and started after the
 * back-off.
 */
static void on_exporter_failed(struct slot *s, const msgpack_object *msg)
{
	_cleanup_free_ char *text = mp_strdup(msg, "text");
	const char *why = text ? text : "it would not open";

	if (s->failure == NULL || strcmp(s->failure, why) != 0)
		log_msg(s->fleet->log, LOG_LEVEL_ERROR,
			"exporter %s cannot begin: %s; it is tried again, which is not said each "
			"time%s",
			slot_name(s), why,
			s->durable ? "; its records wait (`teslactl journal drain`: now)" : "");
	text_set(&s->failure, why);
	s->refused = true;
	host_kill(s->host, "%s: %s", s->exporter->name, s->failure);
}

/*
 * ---- its target: what its host may write to is the folder that stood there when it began, and
 * with another one in its place every delivery fails for good ----
 */

struct look {
	uv_work_t work;
	struct fleet *fleet;
	char *path;
	bool there;
	struct stat now;
};

static void look_in_pool(uv_work_t *work)
{
	struct look *l = work->data;

	l->there = stat(l->path, &l->now) == 0;
}

static void look_free(struct look *l)
{
	if (l != NULL)
		free(l->path);
	free(l);
}

static bool is_replaced(const struct slot *s, const struct look *l)
{
	const struct confinement_rule *rule = s ? confinement_target(&s->confinement) : NULL;

	return rule != NULL && l->there && strcmp(rule->path, l->path) == 0 &&
	       (l->now.st_dev != rule->dev || l->now.st_ino != rule->ino);
}

static void on_looked(uv_work_t *work, int status)
{
	struct look *l = work->data;
	struct fleet *f = l->fleet;
	struct slot *s = fleet_slot(f, f->looking);

	(void)status;
	f->looking = SIZE_MAX;
	if (!f->stopping && is_replaced(s, l) && s->host != NULL && !s->again && !s->gone) {
		log_msg(f->log, LOG_LEVEL_WARNING,
			"exporter %s: %s is another folder than when its host began, which may "
			"not write to this one: the host is started anew",
			slot_name(s), l->path);
		if (s->durable != NULL)
			durable_anew(s->durable);
		exporter_again(s);
	}
	look_free(l);
}

/* In the pool, and one at a time: the folder may be on a server that does not answer. */
static void target_look(struct slot *s)
{
	const struct confinement_rule *rule = confinement_target(&s->confinement);
	struct fleet *f = s->fleet;
	struct look *l;

	if (rule == NULL || f->looking != SIZE_MAX || s->again || s->gone)
		return;
	l = calloc(1, sizeof *l);
	if (l != NULL)
		l->path = strdup(rule->path);
	if (l == NULL || l->path == NULL) {
		look_free(l);
		return;
	}
	l->fleet = f;
	l->work.data = l;
	f->looking = s->owner;
	(void)uv_queue_work(f->loop, &l->work, look_in_pool,
			    on_looked); /* fails without a callback only */
}

static int on_verdicts(struct slot *s, const msgpack_object *msg, struct tesla_error *err)
{
	int r = durable_verdicts(s->durable, msg, err);

	if (r == 0 && delivery_is_failing(durable_delivery(s->durable)))
		target_look(s);
	return r;
}

static void on_counts(struct slot *s, const msgpack_object *msg)
{
	const msgpack_object *error = mp_get(msg, "last_error");

	tally_told(&s->tally, mp_int(msg, "delivered", 0), mp_int(msg, "dropped", 0));
	if (error != NULL && error->type != MSGPACK_OBJECT_NIL)
		target_look(s);
}

int exporter_message(struct slot *s, const msgpack_object *msg, struct tesla_error *err)
{
	if (s->durable != NULL && mp_is(msg, "m", "verdicts"))
		return on_verdicts(s, msg, err);
	if (mp_is(msg, "m", "counts")) {
		on_counts(s, msg);
		return 0;
	}
	if (!mp_is(msg, "m", "failed"))
		return tesla_fail(err, -EPROTO, "a message that is none of an exporter's");
	on_exporter_failed(s, msg);
	return 0;
}

/* ---- batches ---- */

/* One that was told to go takes nothing more: to it, what is new may be numbered otherwise. */
static int batch_send(struct slot *s, const struct buf *frame)
{
	return s->host != NULL && !s->again ? host_send(s->host, frame, BATCH_BYTES_MAX) : -EPIPE;
}

static int on_durable_send(void *arg, const struct buf *frame)
{
	return batch_send(arg, frame);
}

void fleet_on_journal(void *arg)
{
	struct fleet *f = arg;

	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->durable != NULL)
			durable_changed(f->slots[i]->durable);
}

static void on_batch(void *arg, const struct buf *frame, size_t n)
{
	struct slot *s = arg;

	(void)n;
	if (batch_send(s, frame) != 0)
		s->tally.dropped_before++;
	else
		s->tally.sent++;
}

/* ---- made and started ---- */

/* By analyzer of `h`; the stream wants all. */
static int live_listen(struct slot *s, struct hub *h)
{
	bool *wants = s->conf != NULL ? calloc(h->n_analyzers + 1, sizeof *wants) : NULL;

	if (s->conf != NULL && wants == NULL)
		return -ENOMEM;
	for (size_t i = 0; s->conf != NULL && i < s->conf->n_analyzers; i++)
		wants[s->conf->analyzers[i] - h->config->analyzers] = true;
	free(s->wants);
	s->wants = wants;
	s->sink = h->n_sinks;
	return hub_add_sink(h, wants, on_batch, s);
}

static int add_durable(struct slot *s, const struct conf_exporter *conf)
{
	const struct durable_conf durable = { .exporter = conf,
					      .clerk = s->fleet->clerk,
					      .log = s->fleet->log,
					      .send = on_durable_send,
					      .arg = s };

	s->durable = durable_new(s->fleet->loop, &durable);
	return s->durable ? 0 : -ENOMEM;
}

static bool is_live(const struct plugin *p, const struct conf_exporter *conf)
{
	return conf == NULL || (p->caps & TESLA_LIVE) != 0;
}

static struct slot *exporter_add(struct fleet *f, const struct plugin *p,
				 const struct conf_exporter *conf)
{
	struct slot *s = fleet_add(f);
	int r;

	if (s == NULL)
		return NULL;
	s->exporter = p;
	s->conf = conf;
	r = is_live(p, conf) ? live_listen(s, f->setup.hub) : add_durable(s, conf);
	return r == 0 ? s : NULL;
}

int fleet_add_exporter(struct fleet *f, const struct plugin *p, const struct conf_exporter *conf)
{
	return exporter_add(f, p, conf) ? 0 : -ENOMEM;
}

/* ---- a change of configuration ---- */

void attic_use(struct slot *s, struct attic *a)
{
	s->attic = a;
	a->users++;
}

void attic_leave(struct slot *s)
{
	struct attic *a = s->attic;

	s->attic = NULL;
	if (a == NULL || --a->users > 0)
		return;
	check_release(&a->check);
	free(a);
}

struct found { /* what an exporter is in the new configuration; plugin NULL: no more */
	const struct plugin *plugin;
	const struct conf_exporter *conf;
};

static struct found exporter_find(const struct check *next, const struct slot *s)
{
	if (s->conf == NULL)
		return (struct found){ next->plugins->stream, NULL };
	for (size_t i = 0; i < next->config->n_exporters; i++)
		if (strcmp(next->config->exporters[i].id, s->conf->id) == 0)
			return (struct found){ next->plugins->exporters[i],
					       &next->config->exporters[i] };
	return (struct found){ NULL, NULL };
}

/* Its host would be told something else, or has another version of its plugin. */
static bool is_other(const struct slot *s, const struct found *now, const struct ini *before,
		     const struct ini *next)
{
	struct buf a, b;
	bool same;

	buf_init(&a, DEFINE_MAX);
	buf_init(&b, DEFINE_MAX);
	setup_define_exporter(s->exporter, s->conf, before, &a);
	setup_define_exporter(now->plugin, now->conf, next, &b);
	same = !a.failed && !b.failed && a.pub.len == b.pub.len &&
	       memcmp(a.pub.bytes, b.pub.bytes, a.pub.len) == 0;
	buf_release(&a);
	buf_release(&b);
	return !same;
}

static void exporter_leave(struct slot *s, struct attic *a)
{
	attic_use(s, a);
	s->sink = SIZE_MAX;
	if (s->durable != NULL)
		durable_stop(s->durable);
	slot_leave(s);
}

static void table_tell(struct slot *s)
{
	struct buf out;

	if (s->host == NULL)
		return;
	buf_init(&out, HOST_QUEUE_MAX);
	if (setup_table(s->fleet->setup.hub, &out) != 0 ||
	    host_send(s->host, &out, HOST_QUEUE_MAX) != 0)
		host_kill(s->host, "its table of variables is too long");
	buf_release(&out);
}

/* It stays; `f->setup` is the new one already.  What was dropped in its name counts on. */
static int exporter_stay(struct slot *s, const struct found *now, const struct hub *before,
			 bool table)
{
	struct hub *h = s->fleet->setup.hub;
	uint64_t dropped = s->durable == NULL ? before->sinks[s->sink].dropped : 0;
	int r;

	s->exporter = now->plugin;
	s->conf = now->conf;
	if (s->durable != NULL) {
		durable_use(s->durable, now->conf);
		return 0;
	}
	if (table)
		table_tell(s);
	r = live_listen(s, h);
	if (r == 0)
		h->sinks[s->sink].dropped = dropped;
	return r;
}

static bool has_slot(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n_slots; i++) {
		const struct slot *s = f->slots[i];

		if (s->exporter == NULL || s->gone)
			continue;
		if (id == NULL ? s->conf == NULL : s->conf != NULL && strcmp(s->conf->id, id) == 0)
			return true;
	}
	return false;
}

/* Two at once would deliver the same records. */
static bool is_leaving(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->gone && f->slots[i]->conf != NULL &&
		    strcmp(f->slots[i]->conf->id, id) == 0)
			return true;
	return false;
}

void exporter_follow(struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n_slots && !is_leaving(f, id); i++) {
		struct slot *s = f->slots[i];

		if (!s->after || strcmp(s->conf->id, id) != 0)
			continue;
		s->after = false;
		slot_start(s);
	}
}

static int exporter_new(struct fleet *f, const struct plugin *p, const struct conf_exporter *conf)
{
	struct slot *s;

	if (p == NULL || has_slot(f, conf ? conf->id : NULL))
		return 0;
	s = exporter_add(f, p, conf);
	if (s == NULL)
		return -ENOMEM;
	s->after = conf != NULL && is_leaving(f, conf->id);
	if (!s->after)
		slot_start(s);
	return 0;
}

int fleet_change_exporters(struct fleet *f, const struct fleet_change *c)
{
	const struct check *next = c->next;
	int r = 0;

	for (size_t i = f->n_slots; i-- > 0;) {
		struct slot *s = f->slots[i];
		struct found now = { NULL, NULL };
		bool other;

		if (s->exporter == NULL || s->gone)
			continue;
		now = exporter_find(next, s);
		if (now.plugin == NULL || is_live(now.plugin, now.conf) != (s->durable == NULL)) {
			exporter_leave(s, c->attic);
			continue;
		}
		other = c->force || is_other(s, &now, c->before_ini, next->ini);
		if (exporter_stay(s, &now, c->before, c->diff->table && !other) != 0)
			r = -ENOMEM;
		s->again = other;
	}
	f->stream = next->ini->stream;
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->exporter != NULL && f->slots[i]->again && !f->slots[i]->gone)
			exporter_again(f->slots[i]);
	if (exporter_new(f, next->plugins->stream, NULL) != 0)
		r = -ENOMEM;
	for (size_t i = 0; i < next->config->n_exporters; i++)
		if (exporter_new(f, next->plugins->exporters[i], &next->config->exporters[i]) != 0)
			r = -ENOMEM;
	return r;
}
