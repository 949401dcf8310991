/* SPDX-License-Identifier: Apache-2.0 */
/* What a host is told (docs/wire.md). */
#include "daemon/setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/confinement.h"
#include "daemon/place.h"

#define TURNS_MAX 16u		 /* under way: a host takes 32 */
#define HOST_TOLD_MAX (8u << 20) /* what defines one thing */

/* ---- messages: each is one frame; what does not fit is remembered and told at the end ---- */

struct out {
	struct buf *buf;
	struct frame f;
	int error;
};

static msgpack_packer *begin(struct out *o, const char *m, size_t n)
{
	frame_begin(&o->f, o->buf);
	(void)msgpack_pack_map(&o->f.pk, n + 1);
	mp_key_str(&o->f.pk, "m", m);
	return &o->f.pk;
}

static void end(struct out *o)
{
	int r = frame_end(&o->f);

	if (r != 0)
		o->error = r;
}

static msgpack_packer *put_hello(struct out *o, const struct setup *s)
{
	msgpack_packer *pk = begin(o, "hello", 4);

	mp_key_int(pk, "level", s->log_level);
	mp_key_str(pk, "node", s->hub->config->node_id);
	mp_key_int(pk, "epoch_ms", s->hub->epoch_ms);
	return pk; /* for confine, and end() */
}

static void put_go(struct out *o, const struct setup *s)
{
	mp_key_bool(begin(o, "go", 1), "dry", s->dry);
	end(o);
}

static void put_plugin(struct out *o, const struct plugin *p)
{
	msgpack_packer *pk = begin(o, "plugin", 3);

	mp_key_int(pk, "kind", p->kind);
	mp_key_str(pk, "name", p->name);
	mp_key_str(pk, "path", p->path);
	end(o);
}

static void put_ask(struct out *o, const struct setup_ask *ask)
{
	bool look = strcmp(ask->what, "look") == 0;
	msgpack_packer *pk = begin(o, "ask", look ? 9 : 3);

	mp_key_int(pk, "i", ask->i);
	mp_key_int(pk, "analyzer", ask->analyzer);
	mp_key_str(pk, "what", ask->what);
	if (look) {
		mp_key_int(pk, "address", ask->address);
		mp_key_int(pk, "function", ask->function);
		mp_key_int(pk, "first", ask->first);
		mp_key_int(pk, "count", ask->count);
		mp_key_int(pk, "timeout_ms", ask->timeout_ms);
		mp_key_str(pk, "command", ask->command);
	}
	end(o);
}

static void put_params(msgpack_packer *pk, const struct conf_params *params, const char *extra,
		       const char *value)
{
	mp_str(pk, "params");
	(void)msgpack_pack_map(pk, params->n + (value != NULL));
	for (size_t i = 0; i < params->n; i++)
		mp_key_str(pk, params->list[i].name, params->list[i].value);
	if (value != NULL)
		mp_key_str(pk, extra, value);
}

/* ---- what defines a thing ---- */

static void pack_variables(msgpack_packer *pk, const struct conf_analyzer *a)
{
	mp_str(pk, "variables");
	(void)msgpack_pack_array(pk, a->n_variables);
	for (size_t i = 0; i < a->n_variables; i++) {
		const struct conf_variable *v = &a->variables[i];

		(void)msgpack_pack_array(pk, 2);
		mp_str(pk, v->variable->name);
		(void)msgpack_pack_int64(pk, v->interval_ms > 0 ? v->interval_ms : a->interval_ms);
	}
}

static void pack_analyzer(msgpack_packer *pk, const struct conf_analyzer *c)
{
	mp_key_int(pk, "id", c->id);
	mp_key_int(pk, "address", c->address);
	mp_key_str(pk, "model", c->model->pub.name);
	mp_key_str(pk, "driver", c->driver);
	mp_key_str(pk, "data", c->data);
	mp_key_int(pk, "interval_ms", c->interval_ms);
	put_params(pk, &c->params, NULL, NULL);
	pack_variables(pk, c);
}

void setup_define_analyzer(const struct conf_analyzer *a, struct buf *out)
{
	msgpack_packer pk;

	mp_writer(&pk, out);
	pack_analyzer(&pk, a);
}

static void pack_line(msgpack_packer *pk, const struct conf_line *l)
{
	mp_key_int(pk, "id", l->id);
	mp_key_str(pk, "kind", hub_line_kind_name(l->kind));
	mp_key_str(pk, "name", l->name);
	put_params(pk, &l->params, NULL, NULL);
}

void setup_define_line(const struct conf_line *l, struct buf *out)
{
	msgpack_packer pk;

	mp_writer(&pk, out);
	pack_line(&pk, l);
}

/* ---- a host of lines: what it does not know yet ---- */

struct update {
	const struct setup *s;
	size_t owner;
	struct told *told;
	struct out o;
	struct buf define; /* scratch */
};

static bool model_used(const struct update *u, const struct model *m)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].owner == u->owner && h->analyzers[i].conf->model == m)
			return true;
	return false;
}

static bool plugin_used(const struct update *u, const struct plugin *p)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].owner == u->owner &&
		    (u->s->plugins->uses[i].driver == p || u->s->plugins->uses[i].data == p))
			return true;
	return false;
}

/* 1: `define`, under that key, is news to the host; 0: it is not.  NULL for an error. */
__attribute__((format(printf, 3, 4))) static int news(struct update *u, struct told_entry **ret,
						      const char *fmt, ...)
{
	_cleanup_free_ char *key = NULL;
	va_list ap;
	int r = -ENOMEM;

	va_start(ap, fmt);
	if (vasprintf(&key, fmt, ap) < 0)
		key = NULL;
	va_end(ap);
	if (key != NULL)
		r = told_set(u->told, key, &u->define, ret);
	if (r < 0)
		u->o.error = r;
	buf_clear(&u->define);
	return r;
}

static void define_text(struct update *u, const char *text)
{
	(void)buf_append(&u->define, text, strlen(text) + 1);
}

/* A host has one version of a plugin for life: for another one its lines go to another host. */
static void update_plugins(struct update *u)
{
	const struct plugins *p = u->s->plugins;
	struct told_entry *e;

	for (size_t i = 0; i < p->n; i++) {
		const struct plugin *one = p->list[i];

		if (!plugin_used(u, one))
			continue;
		define_text(u, one->stamp);
		if (news(u, &e, "plugin/%d/%s", one->kind, one->name) == 1)
			put_plugin(&u->o, one);
	}
}

static void put_forbidden(struct update *u, const struct model *m)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < h->n_forbidden; i++) {
		const struct hub_forbidden *f = &h->forbidden[i];
		msgpack_packer *pk;

		if (f->model != m)
			continue;
		pk = begin(&u->o, "forbidden", 4);
		mp_key_str(pk, "model", m->pub.name);
		mp_key_int(pk, "function", f->function);
		mp_key_int(pk, "first", f->first);
		mp_key_int(pk, "last", f->last);
		end(&u->o);
	}
}

static void update_models(struct update *u)
{
	const struct config *c = u->s->hub->config;
	struct told_entry *e;

	for (size_t i = 0; i < c->n_models; i++) {
		const struct model *m = c->models[i];
		msgpack_packer *pk;

		if (!model_used(u, m))
			continue;
		define_text(u, c->model_texts[i]);
		if (news(u, &e, "model/%s", m->pub.name) != 1)
			continue;
		pk = begin(&u->o, "model", 3);
		mp_key_str(pk, "name", m->pub.name);
		mp_key_str(pk, "file", m->file);
		mp_key_str(pk, "text", c->model_texts[i]);
		end(&u->o);
		put_forbidden(u, m);
	}
}

static void update_patterns(struct update *u)
{
	const struct catalog *c = u->s->catalog;
	struct told_entry *e;
	msgpack_packer *pk;

	for (size_t i = 0; i < c->n; i++) {
		define_text(u, c->list[i].model);
		define_text(u, c->list[i].pattern);
	}
	if (news(u, &e, "patterns") != 1)
		return;
	pk = begin(&u->o, "patterns", 1);
	mp_str(pk, "list");
	(void)msgpack_pack_array(pk, c->n);
	for (size_t i = 0; i < c->n; i++) {
		(void)msgpack_pack_array(pk, 2);
		mp_str(pk, c->list[i].model);
		mp_str(pk, c->list[i].pattern);
	}
	end(&u->o);
}

static void update_level(struct update *u)
{
	struct told_entry *e;

	(void)buf_append(&u->define, &u->s->log_level, sizeof u->s->log_level);
	if (news(u, &e, "level") != 1 || !u->told->going)
		return; /* the first one is in `hello` */
	mp_key_int(begin(&u->o, "level", 1), "level", u->s->log_level);
	end(&u->o);
}

/* ---- lines ---- */

/* Another line of this host may have it still: nobody is on two lines. */
static bool is_elsewhere(const struct update *u, const struct hub_analyzer *a)
{
	const struct told_entry *e = a->was_line != 0 ? told_line(u->told, a->was_line) : NULL;

	return e != NULL && !told_is_done(e);
}

static bool belongs(const struct update *u, const struct hub_line *l, const struct hub_analyzer *a)
{
	return a->line == l && a->owner == u->owner;
}

static bool has(const struct update *u, const struct hub_line *l, const struct hub_analyzer *a)
{
	return belongs(u, l, a) && !is_elsewhere(u, a);
}

static size_t count_analyzers(const struct update *u, const struct hub_line *l)
{
	const struct hub *h = u->s->hub;
	size_t n = 0;

	for (size_t i = 0; i < h->n_analyzers; i++)
		n += has(u, l, &h->analyzers[i]);
	return n;
}

/* It is to have analyzers here, now or when they have left other lines. */
static bool is_ours(const struct update *u, const struct hub_line *l)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < h->n_analyzers; i++)
		if (belongs(u, l, &h->analyzers[i]))
			return true;
	return false;
}

static void define_number(struct update *u, const char *prefix, const char *name)
{
	_cleanup_free_ char *key = NULL;
	const struct told_entry *e;

	if (asprintf(&key, "%s%s", prefix, name) < 0) {
		key = NULL;
		u->define.failed = true;
		return;
	}
	e = told_find(u->told, key);
	if (e != NULL)
		(void)buf_append(&u->define, &e->number, sizeof e->number);
}

/* Also what it depends on: with another model, or other patterns, it is another line. */
static void define_line(struct update *u, const struct hub_line *l)
{
	const struct hub *h = u->s->hub;

	setup_define_line(l->conf, &u->define);
	define_number(u, "patterns", "");
	for (size_t i = 0; i < h->n_analyzers; i++) {
		if (!has(u, l, &h->analyzers[i]))
			continue;
		setup_define_analyzer(h->analyzers[i].conf, &u->define);
		define_number(u, "model/", h->analyzers[i].conf->model->pub.name);
	}
}

static void put_analyzer(msgpack_packer *pk, const struct hub_analyzer *a)
{
	(void)msgpack_pack_map(pk, 10);
	pack_analyzer(pk, a->conf);
	mp_key_str(pk, "identity", a->identity);
	mp_key_bool(pk, "held", a->run != HUB_STARTED);
}

/* Whether it is polled: the line's message says it at first, and `ask` when that changes. */
static int turn_news(struct update *u, const struct hub_analyzer *a)
{
	struct told_entry *e;
	bool held = a->run != HUB_STARTED;

	(void)buf_append(&u->define, &held, sizeof held);
	return news(u, &e, TOLD_TURN, a->conf->id);
}

static void put_line(struct update *u, const struct hub_line *l, uint64_t number)
{
	const struct hub *h = u->s->hub;
	msgpack_packer *pk = begin(&u->o, "line", 6);

	mp_key_int(pk, "i", (int64_t)number);
	pack_line(pk, l->conf);
	mp_str(pk, "analyzers");
	(void)msgpack_pack_array(pk, count_analyzers(u, l));
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (has(u, l, &h->analyzers[i])) {
			put_analyzer(pk, &h->analyzers[i]);
			(void)turn_news(u, &h->analyzers[i]);
		}
	end(&u->o);
}

/* The drivers of its analyzers here, as place_join has them. */
static char *drivers_of(const struct update *u, const struct hub_line *l)
{
	const struct hub *h = u->s->hub;
	_cleanup_free_ const char **names = calloc(h->n_analyzers + 1, sizeof *names);
	size_t n = 0;

	for (size_t i = 0; names != NULL && i < h->n_analyzers; i++)
		if (has(u, l, &h->analyzers[i]))
			names[n++] = h->analyzers[i].conf->driver;
	return names != NULL ? place_join(names, n) : NULL;
}

/* The host has them on that line, or is to have them with the message of that number. */
static void analyzers_told(const struct update *u, const struct hub_line *l, uint64_t number)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < h->n_analyzers; i++) {
		struct hub_analyzer *a = &h->analyzers[i];

		if (!has(u, l, a))
			continue;
		a->was_line = 0;
		if (a->told == 0)
			a->told = number;
	}
}

static void put_unline(struct update *u, struct told_entry *e)
{
	e->leaving = true;
	mp_key_int(begin(&u->o, "unline", 1), "line", e->line);
	end(&u->o);
}

/* What it was told of the line last; takes the drivers over. */
static void line_told(struct update *u, struct told_entry *e, const struct hub_line *l,
		      char *drivers)
{
	char *endpoint = strdup(l->conf->name);

	e->line = l->conf->id;
	if (e->endpoint != NULL && strcmp(e->endpoint, l->conf->name) != 0)
		e->was_endpoint = e->endpoint; /* none else is there: it was settled */
	else
		free(e->endpoint);
	free(e->drivers);
	e->endpoint = endpoint;
	e->drivers = drivers;
	if (e->endpoint == NULL || e->drivers == NULL)
		u->o.error = -ENOMEM;
}

/*
 * vacant: nobody else has its place.  A line that has to be given up is told again once it is gone:
 * when its drivers are others, when it is to go where another one is, which may be waiting for its
 * place in turn, and when all of its analyzers are to come from elsewhere.
 */
static void update_line(struct update *u, const struct hub_line *l, bool vacant)
{
	struct told_entry *e = told_line(u->told, l->conf->id);
	size_t n = count_analyzers(u, l);
	char *drivers;
	int r;

	if (e != NULL ? !told_is_settled(e) : !vacant || n == 0)
		return;
	if (e != NULL && !vacant &&
	    (e->endpoint == NULL || strcmp(e->endpoint, l->conf->name) == 0))
		return;
	drivers = drivers_of(u, l);
	if (e != NULL &&
	    (!vacant || n == 0 || (drivers != NULL && strcmp(e->drivers, drivers) != 0))) {
		put_unline(u, e);
		free(drivers);
		return;
	}
	define_line(u, l);
	r = news(u, &e, "line/%" PRId64, l->conf->id);
	if (r >= 0) {
		e->current = true;
		analyzers_told(u, l, e->number);
	}
	if (r == 1) {
		line_told(u, e, l, drivers);
		put_line(u, l, e->number); /* more is told: the entry may move */
	} else {
		free(drivers);
	}
}

/* A bounded number at a time; the answers make room for more. */
static void update_turns(struct update *u)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < h->n_analyzers && u->told->turns < TURNS_MAX; i++) {
		const struct hub_analyzer *a = &h->analyzers[i];
		const struct told_entry *e = told_line(u->told, a->line->conf->id);

		if (a->owner != u->owner || e == NULL || e->leaving || turn_news(u, a) != 1)
			continue;
		u->told->turns++;
		put_ask(&u->o,
			&(struct setup_ask){ .i = -a->conf->id,
					     .analyzer = a->conf->id,
					     .what = a->run == HUB_STARTED ? "release" : "hold" });
	}
}

static bool traced_told(const struct update *u, const struct hub_line *l)
{
	_cleanup_free_ char *key = NULL;

	if (asprintf(&key, TOLD_TRACE, l->conf->id) < 0)
		key = NULL;
	return key == NULL || told_find(u->told, key) != NULL;
}

/* With the line's number: a host that gets the line anew is told again. */
static void update_traces(struct update *u)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < h->n_lines; i++) {
		const struct hub_line *l = &h->lines[i];
		struct told_entry *e = told_line(u->told, l->conf->id);
		uint64_t number = e != NULL && l->traced ? e->number : 0;
		msgpack_packer *pk;

		if (e == NULL || e->leaving || (number == 0 && !traced_told(u, l)))
			continue;
		(void)buf_append(&u->define, &number, sizeof number);
		if (news(u, &e, TOLD_TRACE, l->conf->id) != 1)
			continue;
		pk = begin(&u->o, "trace", 2);
		mp_key_int(pk, "line", l->conf->id);
		mp_key_bool(pk, "on", l->traced);
		end(&u->o);
	}
}

/* Lines that it has and is not to have any more. */
static void update_leaving(struct update *u)
{
	const struct hub *h = u->s->hub;

	for (size_t i = 0; i < u->told->n; i++) {
		struct told_entry *e = &u->told->list[i];
		const struct hub_line *l = e->line != 0 ? hub_line(h, e->line) : NULL;

		if (e->line == 0 || e->leaving)
			continue;
		e->to_leave = l == NULL || !is_ours(u, l);
		if (e->to_leave && told_is_settled(e))
			put_unline(u, e);
	}
}

int setup_leave(const struct setup *s, size_t owner, struct told *told, struct buf *out)
{
	struct update u = { .s = s, .owner = owner, .told = told, .o = { .buf = out } };

	update_leaving(&u);
	return u.o.error;
}

int setup_lines(const struct setup *s, size_t owner, struct told *told, setup_blocked *blocked,
		void *arg, struct buf *out)
{
	struct update u = { .s = s, .owner = owner, .told = told, .o = { .buf = out } };

	buf_init(&u.define, HOST_TOLD_MAX);
	if (!told->going) {
		confinement_pack_lines(put_hello(&u.o, s), s, owner);
		end(&u.o);
	}
	update_level(&u);
	update_plugins(&u);
	update_models(&u);
	update_patterns(&u);
	for (size_t i = 0; i < s->hub->n_lines; i++) {
		const struct hub_line *l = &s->hub->lines[i];

		if (is_ours(&u, l))
			update_line(&u, l, blocked == NULL || !blocked(arg, owner, l));
	}
	update_turns(&u);
	update_traces(&u);
	if (!told->going)
		put_go(&u.o, s);
	told->going = true;
	buf_release(&u.define);
	return u.o.error;
}

int setup_ask(const struct setup_ask *ask, struct buf *out)
{
	struct out o = { .buf = out };

	put_ask(&o, ask);
	return o.error;
}

/* ---- exporters ---- */

/* Records say all about themselves: who takes only those needs no table. */
static void put_table(struct out *o, const struct hub *h, bool live)
{
	msgpack_packer *pk = begin(o, "variables", 1);

	mp_str(pk, "variables");
	(void)msgpack_pack_array(pk, live ? h->n_variables : 0);
	for (size_t i = 0; live && i < h->n_analyzers; i++) {
		const struct conf_analyzer *a = h->analyzers[i].conf;

		for (size_t k = 0; k < a->n_variables; k++) {
			const struct tesla_variable *v = a->variables[k].variable;

			(void)msgpack_pack_array(pk, 3);
			(void)msgpack_pack_int64(pk, a->id);
			mp_str(pk, v->name);
			mp_str(pk, v->unit ? v->unit : "");
		}
	}
	end(o);
}

int setup_table(const struct hub *h, struct buf *out)
{
	struct out o = { .buf = out };

	put_table(&o, h, true);
	return o.error;
}

/* Keys are named, not sent: its host reads the files. */
static void pack_stream(msgpack_packer *pk, const struct ini *ini, const char *endpoint)
{
	bool curve = ini != NULL && ini->stream_key != NULL;

	mp_str(pk, "params");
	(void)msgpack_pack_map(pk, 1u + 2 * curve);
	mp_key_str(pk, "endpoint", endpoint);
	if (!curve)
		return;
	mp_key_str(pk, "key", ini->stream_key);
	mp_key_str(pk, "clients", ini->stream_clients);
}

static void pack_exporter(msgpack_packer *pk, const struct conf_exporter *e, const struct ini *ini,
			  const char *endpoint)
{
	if (e != NULL)
		put_params(pk, &e->params, "target", e->target);
	else
		pack_stream(pk, ini, endpoint);
}

void setup_define_exporter(const struct plugin *p, const struct conf_exporter *e,
			   const struct ini *ini, struct buf *out)
{
	msgpack_packer pk;

	mp_writer(&pk, out);
	mp_str(&pk, p->stamp);
	mp_str(&pk, p->error);
	pack_exporter(&pk, e, ini, ini ? ini->stream : NULL);
	if (e == NULL && ini != NULL)
		mp_str(&pk, ini->stream_public);
}

int setup_exporter(const struct setup *s, const struct plugin *p, const struct conf_exporter *e,
		   const char *endpoint, struct buf *out)
{
	struct out o = { .buf = out };

	confinement_pack_exporter(put_hello(&o, s), s, p, e, endpoint);
	end(&o);
	put_plugin(&o, p);
	pack_exporter(begin(&o, "exporter", 1), e, s->ini, endpoint);
	end(&o);
	put_table(&o, s->hub, p->caps & TESLA_LIVE);
	put_go(&o, s);
	return o.error;
}
