/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the core's messages to plugins, models and lines.  What cannot be is reported and left out.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "host/host.h"

#define LOAD_LIMIT_US 5000000
#define TCP_ROUND_TRIP_US 20000 /* assumed before the first contact */
#define TURNAROUND_US 5000

/* ---- growing an array of pointers ---- */

/* `list` is the address of the pointer, of whatever type: hence the copying. */
static int grow(void *list, size_t n, size_t size)
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

static struct host_plugin *plugin_find(const struct host *h, enum tesla_kind kind, const char *name)
{
	for (size_t i = 0; name != NULL && i < h->n_plugins; i++)
		if (h->plugins[i]->kind == kind && strcmp(h->plugins[i]->name, name) == 0)
			return h->plugins[i];
	return NULL;
}

static struct kind *kind_find(const struct host *h, const char *name)
{
	for (size_t i = 0; name != NULL && i < h->n_kinds; i++)
		if (strcmp(h->kinds[i]->model->pub.name, name) == 0)
			return h->kinds[i];
	return NULL;
}

static pthread_mutex_t *plugin_serial(struct host_plugin *p)
{
	return p->loader->plugin.threading == TESLA_SERIAL_PLUGIN ? &p->serial : NULL;
}

/* ---- hello, plugin, model, pattern, forbidden ---- */

static int take_hello(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	(void)err;
	h->report.log.level = (int)mp_int(m, "level", LOG_LEVEL_INFO);
	return 0;
}

static int take_plugin(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	struct host_plugin *p = calloc(1, sizeof *p);
	_cleanup_free_ char *path = mp_strdup(m, "path");
	struct tesla_error why;

	if (p == NULL || path == NULL || grow(&h->plugins, h->n_plugins, sizeof *h->plugins) != 0) {
		free(p);
		return malformed(err, "plugin");
	}
	p->kind = (enum tesla_kind)mp_int(m, "kind", 0);
	p->name = mp_strdup(m, "name");
	(void)pthread_mutex_init(&p->serial, NULL);
	h->plugins[h->n_plugins++] = p;
	if (p->name == NULL)
		return malformed(err, "plugin");
	blame_enter(h->slot, p->name, "load", 0, 0, LOAD_LIMIT_US);
	if (loader_open(path, p->kind, p->name, &p->loader, &why) != 0)
		report_failed(&h->report, p->name, 0, 0, why.text);
	blame_leave(h->slot);
	return 0;
}

static int take_model(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	_cleanup_free_ char *file = mp_strdup(m, "file"), *text = mp_strdup(m, "text");
	_cleanup_(diags_release) struct diags diags = { 0 };
	struct model *model;

	if (file == NULL || text == NULL || grow(&h->kinds, h->n_kinds, sizeof *h->kinds) != 0)
		return malformed(err, "model");
	model = model_parse(file, text, strlen(text), &diags);
	if (model == NULL) /* the core read the same bytes with the same code */
		return malformed(err, "model");
	h->kinds[h->n_kinds] = kind_new(model);
	if (h->kinds[h->n_kinds] == NULL) {
		model_free(model);
		return tesla_fail(err, -ENOMEM, "no memory for model %s", file);
	}
	h->n_kinds++;
	return 0;
}

static int take_pattern(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	struct patterns *p = &h->patterns;
	_cleanup_free_ char *text = mp_strdup(m, "pattern");
	char *model = mp_strdup(m, "model");

	if (text == NULL || model == NULL || grow(&p->list, p->n, sizeof *p->list) != 0 ||
	    regcomp(&p->list[p->n].regex, text, REG_EXTENDED | REG_NOSUB) != 0) {
		free(model);
		return malformed(err, "pattern");
	}
	p->list[p->n++].model = model;
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

/* ---- line ---- */

/* Name and value of every parameter; l->texts owns the texts. */
static struct loader_pair *pairs_make(struct line *l, const msgpack_object *params, size_t *n)
{
	size_t size =
		params != NULL && params->type == MSGPACK_OBJECT_MAP ? params->via.map.size : 0;
	struct loader_pair *pairs = calloc(size + 1, sizeof *pairs);
	size_t had = 0;

	while (l->texts != NULL && l->texts[had] != NULL)
		had++;
	char **texts = reallocarray(l->texts, had + 2 * size + 1, sizeof *texts);

	if (texts != NULL)
		l->texts = texts;
	*n = 0;
	for (size_t i = 0; pairs != NULL && texts != NULL && i < size; i++) {
		char *name = mp_to_strdup(&params->via.map.ptr[i].key);
		char *value = mp_to_strdup(&params->via.map.ptr[i].val);

		if (name == NULL || value == NULL) {
			free(name);
			free(value);
			continue;
		}
		pairs[*n] = (struct loader_pair){ name, value };
		texts[had++] = name;
		texts[had++] = value;
		++*n;
	}
	if (texts != NULL)
		texts[had] = NULL;
	return pairs;
}

static int params_set(struct line *l, const struct loader_pair *pairs, size_t n,
		      struct tesla_error *err)
{
	const struct tesla_param *table = line_params_table(l->pub.kind);
	int r;

	l->params.late_max_ms = -1;
	r = param_defaults(table, &l->params, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct tesla_param *row = param_find(table, pairs[i].name);

		if (row != NULL)
			r = param_set(row, pairs[i].value, &l->params, err);
	}
	return r;
}

/* The line's instance of a driver, made when the first analyzer names it.  NULL: no memory. */
static struct line_driver *driver_use(struct host *h, struct line *l, const char *name,
				      const struct loader_pair *pairs, size_t n)
{
	struct host_plugin *p = plugin_find(h, TESLA_DRIVER, name);
	struct tesla_error why;
	struct line_driver *d;

	for (size_t i = 0; i < l->n_drivers; i++)
		if (strcmp(l->drivers[i].name, name) == 0)
			return &l->drivers[i];
	if (grow(&l->drivers, l->n_drivers, sizeof *l->drivers) != 0)
		return NULL;
	d = &l->drivers[l->n_drivers];
	*d = (struct line_driver){ .name = strdup(name) };
	if (d->name == NULL)
		return NULL;
	l->n_drivers++;
	if (p == NULL || p->loader == NULL)
		return d;
	if (loader_conf(p->loader, pairs, n, &d->conf, &why) != 0) {
		report_failed(&h->report, name, l->id, 0, why.text);
		return d;
	}
	d->plugin = p->loader;
	d->serial = plugin_serial(p);
	return d;
}

static int wanted_add(struct analyzer *a, const msgpack_object *o)
{
	_cleanup_free_ char *name = NULL;
	int64_t interval_ms;
	struct wanted *w = &a->wanted[a->n_wanted];

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 2 ||
	    !mp_to_int(&o->via.array.ptr[1], &interval_ms) || interval_ms <= 0)
		return -EPROTO;
	name = mp_to_strdup(&o->via.array.ptr[0]);
	w->variable = name != NULL ? model_variable(a->kind->model, name) : NULL;
	w->interval = schedule_add(&a->schedule, interval_ms);
	if (w->variable == NULL || w->interval < 0)
		return -EPROTO;
	w->first = a->n_elements;
	a->n_elements += w->variable->n_elements;
	a->n_wanted++;
	return 0;
}

/*
 * Intervals get their numbers only once all are known: the schedule keeps them in ascending order.
 */
static void intervals_number(struct analyzer *a, const msgpack_object *variables)
{
	for (size_t i = 0; i < a->n_wanted; i++)
		a->wanted[i].interval =
			schedule_add(&a->schedule, variables[i].via.array.ptr[1].via.i64);
}

static int wanted_make(struct analyzer *a, const msgpack_object *m)
{
	size_t n;
	const msgpack_object *variables = mp_array(m, "variables", &n);

	a->wanted = calloc(n + 1, sizeof *a->wanted);
	for (size_t i = 0; a->wanted != NULL && i < n; i++)
		if (wanted_add(a, &variables[i]) != 0)
			return -EPROTO;
	a->elements = calloc(a->n_elements + 1, sizeof *a->elements);
	if (n == 0 || a->wanted == NULL || a->elements == NULL)
		return -EPROTO;
	intervals_number(a, variables);
	return 0;
}

static void limits_set(const struct line *l, struct analyzer *a)
{
	const struct model *m = a->kind->model;
	const struct loader *driver = l->drivers[a->driver].plugin;

	a->turnaround_us = m->turnaround_us >= 0 ? (double)m->turnaround_us : TURNAROUND_US;
	if (l->params.baud == 0)
		a->turnaround_us = TCP_ROUND_TRIP_US;
	a->max_registers = driver != NULL ? driver->driver.max_registers : 1;
	if (m->pub.max_registers > 0 && m->pub.max_registers < a->max_registers)
		a->max_registers = m->pub.max_registers;
}

/* The plugins of an analyzer.  What is missing was reported: the analyzer is out. */
static int plugins_set(struct host *h, struct line *l, struct analyzer *a, const msgpack_object *m,
		       const struct loader_pair *pairs, size_t n)
{
	_cleanup_free_ char *driver = mp_strdup(m, "driver");
	_cleanup_free_ struct loader_pair *own = NULL;
	struct line_driver *d = driver != NULL ? driver_use(h, l, driver, pairs, n) : NULL;
	struct host_plugin *data;
	struct tesla_error why;
	size_t n_own;

	a->data_name = mp_strdup(m, "data");
	data = plugin_find(h, TESLA_DATA, a->data_name);
	own = pairs_make(l, mp_get(m, "params"), &n_own);
	if (d == NULL || a->data_name == NULL || own == NULL)
		return -EPROTO;
	a->driver = (size_t)(d - l->drivers);
	if (d->plugin == NULL || data == NULL || data->loader == NULL) {
		a->state = ANALYZER_FAILED;
		return 0;
	}
	a->data = data->loader;
	a->data_serial = plugin_serial(data);
	if (loader_conf(a->data, own, n_own, &a->data_conf, &why) != 0) {
		report_failed(&h->report, a->data_name, l->id, a->id, why.text);
		a->state = ANALYZER_FAILED;
	}
	return 0;
}

static int analyzer_add(struct host *h, struct line *l, const msgpack_object *m,
			const struct loader_pair *pairs, size_t n)
{
	_cleanup_free_ char *model = mp_strdup(m, "model");
	struct analyzer *a = calloc(1, sizeof *a);

	if (a == NULL || grow(&l->analyzers, l->n_analyzers, sizeof *l->analyzers) != 0) {
		free(a);
		return -ENOMEM;
	}
	l->analyzers[l->n_analyzers++] = a;
	a->id = mp_int(m, "id", 0);
	a->address = (unsigned)mp_int(m, "address", 0);
	a->kind = kind_find(h, model);
	a->identity = mp_strdup(m, "identity");
	if (a->id <= 0 || a->kind == NULL || wanted_make(a, m) != 0 ||
	    plugins_set(h, l, a, m, pairs, n) != 0)
		return -EPROTO;
	limits_set(l, a);
	return 0;
}

static int line_kind_of(const msgpack_object *m, enum tesla_line_kind *ret)
{
	static const struct {
		const char *name;
		enum tesla_line_kind kind;
	} kinds[] = {
		{ "serial", TESLA_LINE_SERIAL },
		{ "tcp", TESLA_LINE_TCP },
		{ "rtu-over-tcp", TESLA_LINE_RAW_TCP },
	};

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		if (mp_is(m, "kind", kinds[i].name)) {
			*ret = kinds[i].kind;
			return 0;
		}
	}
	return -EPROTO;
}

static int line_fill(struct host *h, struct line *l, const msgpack_object *m,
		     struct tesla_error *err)
{
	_cleanup_free_ struct loader_pair *pairs = NULL;
	const msgpack_object *analyzers;
	size_t n, n_analyzers;

	l->id = mp_int(m, "id", 0);
	l->name = mp_strdup(m, "name");
	pairs = pairs_make(l, mp_get(m, "params"), &n);
	analyzers = mp_array(m, "analyzers", &n_analyzers);
	if (l->name == NULL || pairs == NULL || line_kind_of(m, &l->pub.kind) != 0)
		return malformed(err, "line");
	if (params_set(l, pairs, n, err) != 0)
		return -EPROTO;
	for (size_t i = 0; i < n_analyzers; i++)
		if (analyzer_add(h, l, &analyzers[i], pairs, n) != 0)
			return malformed(err, "analyzer");
	l->pub.size = sizeof l->pub;
	l->pub.name = l->name;
	l->pub.fd = -1;
	l->pub.baud = (uint32_t)l->params.baud;
	l->patterns = &h->patterns;
	l->random = (unsigned)l->id * 2654435761u;
	return 0;
}

static int take_line(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	struct line *l = calloc(1, sizeof *l);

	if (l == NULL || grow(&h->lines, h->n_lines, sizeof *h->lines) != 0) {
		free(l);
		return tesla_fail(err, -ENOMEM, "no memory for a line");
	}
	h->lines[h->n_lines++] = l;
	return line_fill(h, l, m, err);
}

int setup_message(struct host *h, const msgpack_object *message, struct tesla_error *err)
{
	static const struct {
		const char *m;
		int (*take)(struct host *, const msgpack_object *, struct tesla_error *);
	} messages[] = {
		{ "hello", take_hello },	 { "plugin", take_plugin },
		{ "model", take_model },	 { "pattern", take_pattern },
		{ "forbidden", take_forbidden }, { "line", take_line },
	};

	for (size_t i = 0; i < N_ELEMENTS(messages); i++)
		if (mp_is(message, "m", messages[i].m))
			return messages[i].take(h, message, err);
	return malformed(err, "message");
}
