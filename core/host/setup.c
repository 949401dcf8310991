/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the core's messages to plugins, models and patterns.  What cannot be is reported and left
 * out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/confine.h"
#include "host/host.h"

#define LOAD_LIMIT_US 5000000

/* `list` is the address of the pointer, of whatever type: hence the copying. */
int grow(void *list, size_t n, size_t size)
{
	void *old, *bigger;

	memcpy(&old, list, sizeof old);
	bigger = reallocarray(old, n + 1, size);
	if (bigger == NULL)
		return -ENOMEM;
	memcpy(list, &bigger, sizeof bigger);
	return 0;
}

static int malformed(struct tesla_error *err, const char *what)
{
	return tesla_fail(err, -EPROTO, "the core sent a %s that this host does not understand",
			  what);
}

struct host_plugin *plugin_find(const struct host *h, enum tesla_kind kind, const char *name)
{
	for (size_t i = 0; name != NULL && i < h->n_plugins; i++)
		if (h->plugins[i]->kind == kind && strcmp(h->plugins[i]->name, name) == 0)
			return h->plugins[i];
	return NULL;
}

static struct kind **kind_place(const struct host *h, const char *name)
{
	for (size_t i = 0; name != NULL && i < h->n_kinds; i++)
		if (strcmp(h->kinds[i]->model->pub.name, name) == 0)
			return &h->kinds[i];
	return NULL;
}

struct kind *kind_find(const struct host *h, const char *name)
{
	struct kind **at = kind_place(h, name);

	return at != NULL ? *at : NULL;
}

static int take_hello(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	atomic_store_explicit(&h->report.log.level, (int)mp_int(m, "level", LOG_LEVEL_INFO),
			      memory_order_relaxed);
	return confine_hello(m, &h->report, err);
}

/* ---- plugin ---- */

static void plugin_load(struct host *h, struct host_plugin *p, const char *path)
{
	struct tesla_error why;

	blame_enter(h->slot, p->name, "load", 0, 0, LOAD_LIMIT_US);
	if (loader_open(path, p->kind, p->name, &p->loader, &why) != 0)
		report_failed(&h->report, p->name, 0, 0, why.text);
	blame_leave(h->slot);
}

static int take_plugin(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	_cleanup_free_ char *path = mp_strdup(m, "path"), *name = mp_strdup(m, "name");
	enum tesla_kind kind = (enum tesla_kind)mp_int(m, "kind", 0);
	struct host_plugin *p;

	if (path == NULL || name == NULL)
		return malformed(err, "plugin");
	if (plugin_find(h, kind, name) != NULL)
		return tesla_fail(err, -EPROTO, "the core sent the plugin %s of kind %d twice",
				  name, (int)kind);
	p = calloc(1, sizeof *p);
	if (p == NULL || grow(&h->plugins, h->n_plugins, sizeof *h->plugins) != 0) {
		free(p);
		return tesla_fail(err, -ENOMEM, "no memory for plugin %s", name);
	}
	p->kind = kind;
	p->name = name;
	name = NULL;
	(void)pthread_mutex_init(&p->serial, NULL);
	h->plugins[h->n_plugins++] = p;
	plugin_load(h, p, path);
	return 0;
}

/* ---- model ---- */

/* The text goes with it. */
static int kind_make(const char *file, char **text, struct kind **ret, struct tesla_error *err)
{
	_cleanup_(diags_release) struct diags diags = { 0 };
	struct model *model = model_parse(file, *text, strlen(*text), &diags);

	if (model == NULL) /* the core read the same bytes with the same code */
		return malformed(err, "model");
	*ret = kind_new(model, *text);
	if (*ret == NULL) {
		model_free(model);
		return tesla_fail(err, -ENOMEM, "no memory for model %s", file);
	}
	*text = NULL;
	return 0;
}

static int kind_add(struct host *h, struct kind *k, struct tesla_error *err)
{
	struct kind **old = kind_place(h, k->model->pub.name);

	if (old != NULL) { /* analyzers that have the old one keep it */
		kind_unref(*old);
		*old = k;
		return 0;
	}
	if (grow(&h->kinds, h->n_kinds, sizeof *h->kinds) != 0) {
		kind_unref(k);
		return tesla_fail(err, -ENOMEM, "no memory for a model");
	}
	h->kinds[h->n_kinds++] = k;
	return 0;
}

/* The same text again is the same model: nobody who has it changes. */
static bool kind_known(const struct host *h, const char *name, const char *file, const char *text)
{
	const struct kind *k = kind_find(h, name);

	return k != NULL && strcmp(k->text, text) == 0 && strcmp(k->model->file, file) == 0;
}

static int take_model(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	_cleanup_free_ char *name = mp_strdup(m, "name"), *file = mp_strdup(m, "file"),
			    *text = mp_strdup(m, "text");
	struct kind *k;
	int r;

	if (file == NULL || text == NULL)
		return malformed(err, "model");
	if (kind_known(h, name, file, text))
		return 0;
	r = kind_make(file, &text, &k, err);
	return r != 0 ? r : kind_add(h, k, err);
}

/* ---- patterns, forbidden, level ---- */

static int pattern_take(struct patterns *p, const msgpack_object *pair)
{
	_cleanup_free_ char *text = NULL;
	struct pattern *next = &p->list[p->n];

	if (pair->type != MSGPACK_OBJECT_ARRAY || pair->via.array.size != 2)
		return -EPROTO;
	text = mp_to_strdup(&pair->via.array.ptr[1]);
	next->model = mp_to_strdup(&pair->via.array.ptr[0]);
	if (text == NULL || next->model == NULL ||
	    regcomp(&next->regex, text, REG_EXTENDED | REG_NOSUB) != 0) {
		free(next->model);
		return -EPROTO;
	}
	p->n++;
	return 0;
}

static int take_patterns(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	struct patterns *p = calloc(1, sizeof *p);
	const msgpack_object *list;
	size_t n;
	int r = 0;

	list = mp_array(m, "list", &n);
	if (p != NULL)
		*p = (struct patterns){ .refs = 1, .list = calloc(n + 1, sizeof *p->list) };
	if (p == NULL || p->list == NULL) {
		free(p);
		return tesla_fail(err, -ENOMEM, "no memory for %zu patterns", n);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = pattern_take(p, &list[i]);
	if (r != 0) {
		patterns_unref(p);
		return malformed(err, "list of patterns");
	}
	patterns_unref(h->patterns); /* lines that have them keep them */
	h->patterns = p;
	return 0;
}

static int take_forbidden(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	_cleanup_free_ char *model = mp_strdup(m, "model");
	struct kind *kind = kind_find(h, model);

	if (kind == NULL)
		return malformed(err, "forbidden range");
	(void)kind_forbid(kind, (struct model_range){ (uint16_t)mp_int(m, "function", 0),
						      (uint16_t)mp_int(m, "first", 0),
						      (uint16_t)mp_int(m, "last", 0) });
	return 0;
}

/* ---- the table ---- */

int setup_message(struct host *h, const msgpack_object *message, struct tesla_error *err)
{
	static const struct {
		const char *m;
		int (*take)(struct host *, const msgpack_object *, struct tesla_error *);
	} messages[] = {
		{ "hello", take_hello },
		{ "plugin", take_plugin },
		{ "model", take_model },
		{ "patterns", take_patterns },
		{ "forbidden", take_forbidden },
		{ "level", take_hello },
		{ "line", live_line },
		{ "unline", live_unline },
		{ "ask", live_ask },
		{ "trace", live_trace },
	};

	for (size_t i = 0; i < N_ELEMENTS(messages); i++)
		if (mp_is(message, "m", messages[i].m))
			return messages[i].take(h, message, err);
	return malformed(err, "message");
}
