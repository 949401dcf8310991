/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the message about a line to the line, complete but for its data plugins, which its own
 * thread opens.  What cannot be is reported and left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "host/host.h"

#define TCP_ROUND_TRIP_US 20000 /* assumed before the first contact */
#define TURNAROUND_US 5000
#define CHECK_LIMIT_US 1000000

struct making { /* a line that is being made, and the parameters that it was told */
	struct host *h;
	struct line *l;
	struct loader_pair *pairs;
	size_t n;
};

/* ---- parameters ---- */

/* Name and value of every one; *texts, NULL-terminated, owns the texts.  NULL: no memory. */
static struct loader_pair *pairs_make(char ***texts, const msgpack_object *params, size_t *n)
{
	size_t size =
		params != NULL && params->type == MSGPACK_OBJECT_MAP ? params->via.map.size : 0;
	struct loader_pair *pairs = calloc(size + 1, sizeof *pairs);

	*texts = calloc(2 * size + 1, sizeof **texts);
	*n = 0;
	for (size_t i = 0; pairs != NULL && *texts != NULL && i < size; i++) {
		char *name = mp_to_strdup(&params->via.map.ptr[i].key);
		char *value = mp_to_strdup(&params->via.map.ptr[i].val);

		if (name == NULL || value == NULL) {
			free(name);
			free(value);
			continue;
		}
		pairs[*n] = (struct loader_pair){ name, value };
		(*texts)[2 * *n] = name;
		(*texts)[2 * *n + 1] = value;
		++*n;
	}
	if (*texts == NULL) {
		free(pairs);
		return NULL;
	}
	return pairs;
}

static int params_set(const struct making *k, struct tesla_error *err)
{
	const struct tesla_param *table = line_params_table(k->l->pub.kind);
	struct line_params *params = &k->l->params;
	int r;

	params->late_max_ms = -1;
	r = param_defaults(table, params, err);
	for (size_t i = 0; r == 0 && i < k->n; i++) {
		const struct tesla_param *row = param_find(table, k->pairs[i].name);

		if (row != NULL)
			r = param_set(row, k->pairs[i].value, params, err);
	}
	return r;
}

/* A plugin's own check runs here, in the main thread. */
static int conf_make(const struct making *k, const struct host_plugin *p, int64_t analyzer,
		     void **conf)
{
	struct tesla_error why;
	int r;

	blame_enter(k->h->slot, p->name, "check", k->l->id, analyzer, CHECK_LIMIT_US);
	r = loader_conf(p->loader, k->pairs, k->n, conf, &why);
	blame_leave(k->h->slot);
	if (r != 0)
		report_failed(&k->h->report, p->name, k->l->id, analyzer, why.text);
	return r;
}

static pthread_mutex_t *plugin_serial(struct host_plugin *p)
{
	return p->loader->plugin.threading == TESLA_SERIAL_PLUGIN ? &p->serial : NULL;
}

/* What a message says, but for some of its keys: to be compared with what it says next time. */
static int told_pack(struct buf *told, const msgpack_object *m, const char *const *keys, bool only)
{
	msgpack_packer pk;

	buf_init(told, FRAME_MAX);
	mp_writer(&pk, told);
	for (uint32_t i = 0; m->type == MSGPACK_OBJECT_MAP && i < m->via.map.size; i++) {
		const msgpack_object *key = &m->via.map.ptr[i].key;
		bool found = false;

		for (size_t j = 0; keys[j] != NULL && key->type == MSGPACK_OBJECT_STR; j++)
			found = found ||
				(key->via.str.size == strlen(keys[j]) &&
				 memcmp(key->via.str.ptr, keys[j], key->via.str.size) == 0);
		if (found != only)
			continue;
		(void)msgpack_pack_object(&pk, *key);
		(void)msgpack_pack_object(&pk, m->via.map.ptr[i].val);
	}
	return told->failed ? -ENOMEM : 0;
}

/* ---- drivers ---- */

/* The line's instance of a driver, made when the first analyzer names it.  NULL: no memory. */
static struct line_driver *driver_use(const struct making *k, const char *name)
{
	struct host_plugin *p = plugin_find(k->h, TESLA_DRIVER, name);
	struct line *l = k->l;
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
	if (p == NULL || p->loader == NULL || conf_make(k, p, 0, &d->conf) != 0)
		return d;
	d->plugin = p->loader;
	d->serial = plugin_serial(p);
	return d;
}

/* ---- analyzers ---- */

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

static int data_set(const struct making *k, struct analyzer *a, struct host_plugin *p,
		    const msgpack_object *m)
{
	_cleanup_free_ struct loader_pair *own = NULL;
	struct making with = *k;

	own = pairs_make(&a->texts, mp_get(m, "params"), &with.n);
	if (own == NULL)
		return -ENOMEM;
	with.pairs = own;
	a->data = p->loader;
	a->data_serial = plugin_serial(p);
	if (conf_make(&with, p, a->id, &a->data_conf) != 0)
		a->state = ANALYZER_FAILED;
	return 0;
}

/* The plugins of an analyzer.  What is missing was reported: the analyzer is out. */
static int plugins_set(const struct making *k, struct analyzer *a, const msgpack_object *m)
{
	_cleanup_free_ char *driver = mp_strdup(m, "driver");
	struct line_driver *d = driver != NULL ? driver_use(k, driver) : NULL;
	struct host_plugin *data;

	a->data_name = mp_strdup(m, "data");
	data = plugin_find(k->h, TESLA_DATA, a->data_name);
	if (d == NULL || a->data_name == NULL)
		return -EPROTO;
	a->driver = (size_t)(d - k->l->drivers);
	if (d->plugin == NULL || data == NULL || data->loader == NULL) {
		a->state = ANALYZER_FAILED;
		return 0;
	}
	return data_set(k, a, data, m);
}

static int analyzer_add(const struct making *k, const msgpack_object *m)
{
	static const char *const apart[] = { "identity", "held", NULL };
	_cleanup_free_ char *model = mp_strdup(m, "model");
	struct analyzer *a = calloc(1, sizeof *a);
	struct line *l = k->l;
	struct kind *kind = kind_find(k->h, model);

	if (a == NULL || grow(&l->analyzers, l->n_analyzers, sizeof *l->analyzers) != 0) {
		free(a);
		return -ENOMEM;
	}
	l->analyzers[l->n_analyzers++] = a;
	a->id = mp_int(m, "id", 0);
	a->address = (unsigned)mp_int(m, "address", 0);
	a->held = mp_bool(m, "held", false);
	a->identity = mp_strdup(m, "identity");
	if (a->id <= 0 || kind == NULL || told_pack(&a->told, m, apart, false) != 0)
		return -EPROTO;
	a->kind = kind_ref(kind);
	if (wanted_make(a, m) != 0 || plugins_set(k, a, m) != 0)
		return -EPROTO;
	limits_set(l, a);
	return 0;
}

/* ---- the line ---- */

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

static int malformed(struct tesla_error *err, const char *what, const struct line *l)
{
	return tesla_fail(err, -EPROTO,
			  "the core sent %s (line %lld) that this host does not understand", what,
			  (long long)l->id);
}

static int analyzers_fill(const struct making *k, const msgpack_object *m, struct tesla_error *err)
{
	size_t n;
	const msgpack_object *list = mp_array(m, "analyzers", &n);

	if (params_set(k, err) != 0)
		return -EPROTO;
	for (size_t i = 0; i < n; i++)
		if (analyzer_add(k, &list[i]) != 0)
			return malformed(err, "an analyzer", k->l);
	return 0;
}

static int line_fill(struct host *h, struct line *l, const msgpack_object *m,
		     struct tesla_error *err)
{
	static const char *const connection[] = { "kind", "name", "params", NULL };
	_cleanup_free_ struct loader_pair *pairs = NULL;
	size_t n;

	l->id = mp_int(m, "id", 0);
	l->change = mp_int(m, "i", 0);
	l->name = mp_strdup(m, "name");
	pairs = pairs_make(&l->texts, mp_get(m, "params"), &n);
	if (l->name == NULL || pairs == NULL || line_kind_of(m, &l->pub.kind) != 0 ||
	    told_pack(&l->told, m, connection, true) != 0)
		return malformed(err, "a line", l);
	l->pub.size = sizeof l->pub;
	l->pub.name = l->name;
	l->pub.fd = -1;
	l->patterns = h->patterns != NULL ? patterns_ref(h->patterns) : NULL;
	l->random = (unsigned)l->id * 2654435761u;
	const struct making k = { h, l, pairs, n };
	int r = analyzers_fill(&k, m, err);

	l->pub.baud = (uint32_t)l->params.baud;
	return r;
}

int line_make(struct host *h, const msgpack_object *m, struct line **ret, struct tesla_error *err)
{
	struct line *l = calloc(1, sizeof *l);
	int r;

	if (l == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a line");
	r = line_fill(h, l, m, err);
	if (r != 0)
		line_free(l);
	else
		*ret = l;
	return r;
}
