/* SPDX-License-Identifier: Apache-2.0 */
/* What a host is told before it starts, and which host has which line. */
#include "daemon/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/supervise.h"

/* ---- which host has which line ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * The paths of the drivers on a line, each once, in alphabetical order; NULL when nothing there
 * can run.
 */
static char *drivers_key(const struct hub *h, const struct plugins *p, const struct conf_line *on)
{
	_cleanup_free_ const char **paths = calloc(h->n_analyzers + 1, sizeof *paths);
	char *key = NULL;
	size_t n = 0;

	for (size_t i = 0; paths != NULL && i < h->n_analyzers; i++)
		if (h->analyzers[i].conf->on == on && p->uses[i].why == NULL)
			paths[n++] = p->uses[i].driver->path;
	if (n > 0)
		qsort(paths, n, sizeof *paths, by_text);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *old = key;

		if (i > 0 && strcmp(paths[i], paths[i - 1]) == 0)
			old = NULL;
		else if (asprintf(&key, "%s:%s", old ? old : "", paths[i]) < 0)
			return NULL;
	}
	return key;
}

ssize_t setup_place(struct hub *h, const struct plugins *p)
{
	struct supervise_line *lines = calloc(h->n_lines + 1, sizeof *lines);
	char **keys = calloc(h->n_lines + 1, sizeof *keys);
	size_t n = 0;

	for (size_t i = 0; lines != NULL && keys != NULL && i < h->n_lines; i++) {
		keys[i] = drivers_key(h, p, h->lines[i].conf);
		lines[i].network = h->lines[i].conf->kind != TESLA_LINE_SERIAL;
		lines[i].drivers = keys[i];
	}
	if (lines != NULL && keys != NULL)
		n = supervise_group(lines, h->n_lines);
	for (size_t i = 0; n > 0 && i < h->n_lines; i++)
		h->lines[i].owner = lines[i].group == SUPERVISE_NONE ? HUB_NOBODY : lines[i].group;
	for (size_t i = 0; n > 0 && i < h->n_analyzers; i++)
		h->analyzers[i].owner = p->uses[i].why ? HUB_NOBODY : h->analyzers[i].line->owner;
	for (size_t i = 0; keys != NULL && i < h->n_lines; i++)
		free(keys[i]);
	n = lines != NULL && keys != NULL ? n : SIZE_MAX;
	free(keys);
	free(lines);
	return (ssize_t)n;
}

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

static void put_hello(struct out *o, const struct setup *s)
{
	msgpack_packer *pk = begin(o, "hello", 3);

	mp_key_int(pk, "level", s->log_level);
	mp_key_str(pk, "node", s->hub->config->node_id);
	mp_key_int(pk, "epoch_ms", s->hub->epoch_ms);
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

static void put_go(struct out *o, const struct setup *s)
{
	mp_key_bool(begin(o, "go", 1), "dry", s->dry);
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

/* Does a host need it? */
static bool plugin_used(const struct setup *s, size_t owner, const struct plugin *p)
{
	for (size_t i = 0; i < s->hub->n_analyzers; i++)
		if (s->hub->analyzers[i].owner == owner &&
		    (s->plugins->uses[i].driver == p || s->plugins->uses[i].data == p))
			return true;
	return false;
}

static bool model_used(const struct setup *s, size_t owner, const struct model *m)
{
	for (size_t i = 0; i < s->hub->n_analyzers; i++)
		if (s->hub->analyzers[i].owner == owner && s->hub->analyzers[i].conf->model == m)
			return true;
	return false;
}

static void put_models(struct out *o, const struct setup *s, size_t owner)
{
	const struct config *c = s->hub->config;

	for (size_t i = 0; i < c->n_models; i++) {
		msgpack_packer *pk;

		if (!model_used(s, owner, c->models[i]))
			continue;
		pk = begin(o, "model", 3);
		mp_key_str(pk, "name", c->models[i]->pub.name);
		mp_key_str(pk, "file", c->models[i]->file);
		mp_key_str(pk, "text", c->model_texts[i]);
		end(o);
	}
}

static void put_patterns(struct out *o, const struct catalog *c)
{
	msgpack_packer *pk = begin(o, "patterns", 1);

	mp_str(pk, "list");
	(void)msgpack_pack_array(pk, c->n);
	for (size_t i = 0; i < c->n; i++) {
		(void)msgpack_pack_array(pk, 2);
		mp_str(pk, c->list[i].model);
		mp_str(pk, c->list[i].pattern);
	}
	end(o);
}

static void put_forbidden(struct out *o, const struct setup *s, size_t owner)
{
	for (size_t i = 0; i < s->hub->n_forbidden; i++) {
		const struct hub_forbidden *f = &s->hub->forbidden[i];
		msgpack_packer *pk;

		if (!model_used(s, owner, f->model))
			continue;
		pk = begin(o, "forbidden", 4);
		mp_key_str(pk, "model", f->model->pub.name);
		mp_key_int(pk, "function", f->function);
		mp_key_int(pk, "first", f->first);
		mp_key_int(pk, "last", f->last);
		end(o);
	}
}

/* ---- lines ---- */

static void put_variables(msgpack_packer *pk, const struct conf_analyzer *a)
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

static void put_analyzer(msgpack_packer *pk, const struct hub_analyzer *a)
{
	const struct conf_analyzer *c = a->conf;

	(void)msgpack_pack_map(pk, 9);
	mp_key_int(pk, "id", c->id);
	mp_key_int(pk, "address", c->address);
	mp_key_str(pk, "model", c->model->pub.name);
	mp_key_str(pk, "driver", c->driver);
	mp_key_str(pk, "data", c->data);
	mp_key_int(pk, "interval_ms", c->interval_ms);
	mp_key_str(pk, "identity", a->identity);
	put_params(pk, &c->params, NULL, NULL);
	put_variables(pk, c);
}

static void put_line(struct out *o, const struct setup *s, size_t owner, const struct hub_line *l)
{
	const struct hub *h = s->hub;
	msgpack_packer *pk;
	size_t n = 0;

	for (size_t i = 0; i < h->n_analyzers; i++)
		n += h->analyzers[i].line == l && h->analyzers[i].owner == owner;
	if (n == 0)
		return;
	pk = begin(o, "line", 5);
	mp_key_int(pk, "id", l->conf->id);
	mp_key_str(pk, "kind", hub_line_kind_name(l->conf->kind));
	mp_key_str(pk, "name", l->conf->name);
	put_params(pk, &l->conf->params, NULL, NULL);
	mp_str(pk, "analyzers");
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].line == l && h->analyzers[i].owner == owner)
			put_analyzer(pk, &h->analyzers[i]);
	end(o);
}

int setup_lines(const struct setup *s, size_t owner, struct buf *out)
{
	struct out o = { .buf = out };

	put_hello(&o, s);
	for (size_t i = 0; i < s->plugins->n; i++)
		if (plugin_used(s, owner, s->plugins->list[i]))
			put_plugin(&o, s->plugins->list[i]);
	put_models(&o, s, owner);
	put_patterns(&o, s->catalog);
	put_forbidden(&o, s, owner);
	for (size_t i = 0; i < s->hub->n_lines; i++)
		put_line(&o, s, owner, &s->hub->lines[i]);
	put_go(&o, s);
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

int setup_exporter(const struct setup *s, const struct plugin *p, const struct conf_exporter *e,
		   const char *endpoint, struct buf *out)
{
	static const struct conf_params none = { .n = 0 };
	struct out o = { .buf = out };

	put_hello(&o, s);
	put_plugin(&o, p);
	put_params(begin(&o, "exporter", 1), e ? &e->params : &none, e ? "target" : "endpoint",
		   e ? e->target : endpoint);
	end(&o);
	put_table(&o, s->hub, p->caps & TESLA_LIVE);
	put_go(&o, s);
	return o.error;
}
