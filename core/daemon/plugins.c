/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins that a configuration names. */
#include "daemon/plugins.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/line_params.h"
#include "base/param.h"

#define STREAM_PLUGIN "zmqPublish"

static const char *env_or(const char *name, const char *dflt)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : dflt;
}

void places_init(struct places *p)
{
	*p = (struct places){
		.host = env_or("TESLA_HOST", HOST_PROGRAM),
		.plugins = env_or("TESLA_PLUGINDIR", PLUGIN_DIR),
		.models = { env_or("TESLA_MODELDIR", MODEL_DIR), NULL },
	};
}

/* ---- finding ---- */

/* dir/sub/name.so when it is there; else NULL and the path is added to *tried. */
static char *try_path(const char *dir, const char *sub, const char *name, char **tried)
{
	_cleanup_free_ char *before = *tried;
	char *path;

	if (asprintf(&path, "%s/%s%s%s.so", dir, sub, *sub ? "/" : "", name) < 0) {
		*tried = NULL;
		return NULL;
	}
	if (access(path, F_OK) == 0) {
		*tried = NULL;
		return path;
	}
	if (asprintf(tried, "%s%s%s", before ? before : "", before ? ", " : "", path) < 0)
		*tried = NULL;
	free(path);
	return NULL;
}

char *plugin_find(const char *name, enum tesla_kind kind, const char *plugin_dir,
		  char *const *plugin_path, char **tried)
{
	static const char *const folders[] = { "", "drivers", "data", "export" };
	char *path;

	*tried = NULL;
	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL) {
		*tried = strdup("a plugin's name is the name of a file without its folder");
		return NULL;
	}
	path = try_path(plugin_dir, folders[kind], name, tried);
	for (size_t i = 0; path == NULL && plugin_path != NULL && plugin_path[i] != NULL; i++) {
		path = try_path(plugin_path[i], folders[kind], name, tried);
		if (path == NULL)
			path = try_path(plugin_path[i], "", name, tried);
	}
	return path;
}

/* ---- one of each name ---- */

struct load {
	struct plugins *p;
	const struct config *c;
	const struct ini *ini;
	const struct places *places;
	const struct plugins_how *how;
	struct diags *diags;
};

/* Before it is described: a file that is replaced meanwhile is seen as a newer one. */
static char *stamp_of(const char *path)
{
	struct stat st = { .st_size = 0 };
	char *stamp;

	(void)stat(path, &st); /* a file that is gone has a stamp of its own too */
	return asprintf(&stamp, "%s:%ju:%ju:%jd:%jd.%09ld", path, (uintmax_t)st.st_dev,
			(uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
			st.st_mtim.tv_nsec) < 0
		       ? NULL
		       : stamp;
}

static void plugin_load(const struct load *l, struct plugin *p)
{
	_cleanup_free_ char *tried = NULL;

	p->path = plugin_find(p->name, p->kind, l->places->plugins, l->ini->plugin_path, &tried);
	p->stamp = stamp_of(p->path ? p->path : p->name);
	if (p->path != NULL && p->stamp != NULL)
		describe(l->places->host, p, l->how->stop_fd);
	else if (asprintf(&p->error, "not found: looked for %s", tried ? tried : "it") < 0)
		p->error = strdup("not found");
}

static struct plugin *plugin_named(const struct load *l, enum tesla_kind kind, const char *name)
{
	struct plugin **list, *p;

	for (size_t i = 0; i < l->p->n; i++)
		if (l->p->list[i]->kind == kind && strcmp(l->p->list[i]->name, name) == 0)
			return l->p->list[i];
	list = realloc(l->p->list, (l->p->n + 1) * sizeof(struct plugin *));
	p = calloc(1, sizeof *p);
	if (list != NULL)
		l->p->list = list;
	if (list == NULL || p == NULL) {
		free(p);
		return NULL;
	}
	p->kind = kind;
	p->name = strdup(name);
	list[l->p->n++] = p;
	if (p->name != NULL)
		plugin_load(l, p);
	return p->name != NULL && p->stamp != NULL ? p : NULL;
}

/* ---- analyzers: can they run? ---- */

__attribute__((format(printf, 5, 6))) static void complain(const struct load *l, bool error,
							   int line, int column, const char *fmt,
							   ...)
{
	const struct diag_place at = { l->c->file, line, column, !error };
	va_list ap;

	va_start(ap, fmt);
	diags_vadd(l->diags, &at, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 3, 4))) static void disable(const struct load *l,
							  const struct conf_analyzer *a,
							  const char *fmt, ...)
{
	struct plugin_use *u = &l->p->uses[a - l->c->analyzers];
	va_list ap;

	if (u->why != NULL)
		return;
	va_start(ap, fmt);
	if (vasprintf(&u->why, fmt, ap) < 0)
		u->why = NULL;
	va_end(ap);
}

/* Each plugin is said once, where it is first named; the analyzers behind it keep the reason. */
static void check_usable(const struct load *l, const struct conf_analyzer *a,
			 const struct plugin *p)
{
	const char *error = p->error ? p->error : "";

	if (p->error == NULL)
		return;
	for (const struct conf_analyzer *b = l->c->analyzers;; b++) {
		if (b == a) {
			complain(l, l->how->strict, a->line, a->column, "%s %s: %s",
				 plugin_kind_name(p->kind), p->name, error);
			break;
		}
		if (l->p->uses[b - l->c->analyzers].driver == p ||
		    l->p->uses[b - l->c->analyzers].data == p)
			break;
	}
	disable(l, a, "%s %s: %s", plugin_kind_name(p->kind), p->name, error);
}

static const char *takes_name(uint32_t takes)
{
	static const char *const names[] = { "nothing", "registers", "commands",
					     "registers and commands" };

	return names[takes & 3];
}

static void check_fit(const struct load *l, const struct conf_analyzer *a)
{
	const struct plugin_use *u = &l->p->uses[a - l->c->analyzers];

	if (u->why != NULL)
		return;
	if ((u->driver->lines & TESLA_ON(a->on->kind)) == 0)
		complain(l, true, a->line, a->column,
			 "driver %s of analyzer %" PRId64 " cannot use line %" PRId64
			 ", which is of another kind (%s)",
			 a->driver, a->id, a->on->id, a->on->name);
	if (a->on->kind != TESLA_LINE_TCP && u->driver->last_address > 0 &&
	    (a->address < u->driver->first_address || a->address > u->driver->last_address))
		complain(l, true, a->line, a->column,
			 "analyzer %" PRId64 " has the address %" PRId64
			 ": meters of driver %s have %" PRId64 " to %" PRId64 " on a shared line",
			 a->id, (int64_t)a->address, a->driver, u->driver->first_address,
			 u->driver->last_address);
	if ((u->driver->takes & u->data->takes) == 0)
		complain(l, true, a->line, a->column,
			 "analyzer %" PRId64 ": driver %s takes %s, but data %s makes %s", a->id,
			 a->driver, takes_name(u->driver->takes), a->data,
			 takes_name(u->data->takes));
}

/* ---- parameters ---- */

/* "a, b and c", for messages; for free(). */
static char *names_of(const struct tesla_param *table, const char *before)
{
	char *text = before ? strdup(before) : NULL;

	for (const struct tesla_param *p = table; p != NULL && p->type != TESLA_T_END; p++) {
		_cleanup_free_ char *old = text;

		if (asprintf(&text, "%s%s%s", old ? old : "", old ? ", " : "", p->name) < 0)
			text = NULL;
	}
	return text;
}

static const struct conf_param *param_given(const struct conf_params *given, const char *name)
{
	for (size_t i = 0; i < given->n; i++)
		if (strcmp(given->list[i].name, name) == 0)
			return &given->list[i];
	return NULL;
}

static void check_value(const struct load *l, const struct conf_param *p,
			const struct tesla_param *row)
{
	struct tesla_error err = { .code = 0 };

	if (param_set(row, p->value, NULL, &err) != 0)
		complain(l, true, p->line, p->column, "%s", err.text);
}

static void check_required(const struct load *l, const struct plugin *p,
			   const struct conf_params *given, int line, int column)
{
	for (const struct tesla_param *r = p->params; r != NULL && r->type != TESLA_T_END; r++)
		if ((r->flags & TESLA_REQUIRED) && param_given(given, r->name) == NULL)
			complain(l, true, line, column, "%s %s needs the parameter %s (%s)",
				 plugin_kind_name(p->kind), p->name, r->name,
				 r->help ? r->help : "");
}

/*
 * Parameters of one plugin: every one given must be in its table, every required one must be
 * given.
 */
static void check_params(const struct load *l, const struct plugin *p,
			 const struct conf_params *given, int line, int column)
{
	for (size_t i = 0; i < given->n; i++) {
		const struct conf_param *g = &given->list[i];
		const struct tesla_param *row = param_find(p->params, g->name);
		_cleanup_free_ char *known = NULL;

		if (row != NULL) {
			check_value(l, g, row);
			continue;
		}
		known = names_of(p->params, NULL);
		complain(l, true, g->line, g->column, "%s %s has no parameter %s: expected %s",
			 plugin_kind_name(p->kind), p->name, g->name, known ? known : "none");
	}
	check_required(l, p, given, line, column);
}

/* The distinct drivers of a line that can be used; *all: no other is named there. */
static size_t drivers_of(const struct load *l, const struct conf_line *on,
			 const struct plugin **ret, size_t max, bool *all)
{
	size_t n = 0;

	*all = true;
	for (size_t i = 0; i < l->c->n_analyzers; i++) {
		const struct plugin *d = l->p->uses[i].driver;
		size_t j = 0;

		if (l->c->analyzers[i].on != on)
			continue;
		while (j < n && ret[j] != d)
			j++;
		if (d->error != NULL || (j == n && n == max))
			*all = false;
		else if (j == n)
			ret[n++] = d;
	}
	return n;
}

static void check_line_param(const struct load *l, const struct conf_line *on,
			     const struct conf_param *g, const struct plugin *const *drivers,
			     size_t n)
{
	_cleanup_free_ char *known = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct tesla_param *row = param_find(drivers[i]->params, g->name);

		if (row != NULL) {
			check_value(l, g, row);
			return;
		}
	}
	known = names_of(line_params_table(on->kind), NULL);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *before = known;

		known = names_of(drivers[i]->params, before);
	}
	complain(l, true, g->line, g->column, "device %" PRId64 " has no parameter %s: expected %s",
		 on->id, g->name, known ? known : "none");
}

static void check_line(const struct load *l, const struct conf_line *on)
{
	const struct plugin *drivers[16];
	bool all;
	size_t n = drivers_of(l, on, drivers, N_ELEMENTS(drivers), &all);

	for (size_t i = 0; all && n > 0 && i < on->params.n; i++)
		if (param_find(line_params_table(on->kind), on->params.list[i].name) == NULL)
			check_line_param(l, on, &on->params.list[i], drivers, n);
	for (size_t i = 0; i < n; i++)
		check_required(l, drivers[i], &on->params, on->line, on->column);
}

/* ---- exporters ---- */

static void check_exporter_params(const struct load *l, const struct conf_exporter *e,
				  const struct plugin *p)
{
	struct conf_param target = { .name = (char[]){ "target" },
				     .value = e->target,
				     .line = e->line,
				     .column = e->column };
	struct conf_params given = { .list = calloc(e->params.n + 1, sizeof *given.list),
				     .n = e->params.n };

	if (given.list == NULL)
		return;
	for (size_t i = 0; i < e->params.n; i++)
		given.list[i] = e->params.list[i];
	if (e->target != NULL && param_given(&given, "target") == NULL)
		given.list[given.n++] = target;
	check_params(l, p, &given, e->line, e->column);
	free(given.list);
}

/* One that cannot be described takes records, for all that is known. */
static bool takes_no_records(const struct plugin *p)
{
	return (p->caps & TESLA_LIVE) || strcmp(p->name, STREAM_PLUGIN) == 0;
}

static void load_exporter(const struct load *l, size_t i)
{
	const struct conf_exporter *e = &l->c->exporters[i];
	const struct plugin *p = plugin_named(l, TESLA_EXPORTER, e->type);

	if (p == NULL)
		return;
	if (p->error == NULL)
		check_exporter_params(l, e, p);
	else
		complain(l, false, e->line, e->column, "exporter %s %s: %s", e->type,
			 takes_no_records(p) ? "is left out" : "is down, its records are kept",
			 p->error);
	if (p->error == NULL || !takes_no_records(p))
		l->p->exporters[i] = p;
}

static void load_stream(const struct load *l)
{
	const struct plugin *p =
		l->ini->stream[0] ? plugin_named(l, TESLA_EXPORTER, STREAM_PLUGIN) : NULL;

	if (p != NULL && p->error != NULL)
		diags_warning(l->diags, l->c->file, 0, 0, "the stream (%s) is off: exporter %s: %s",
			      l->ini->stream, STREAM_PLUGIN, p->error);
	else
		l->p->stream = p;
}

static int load_analyzer(const struct load *l, size_t i)
{
	const struct conf_analyzer *a = &l->c->analyzers[i];
	struct plugin_use *u = &l->p->uses[i];
	const struct plugin *driver = plugin_named(l, TESLA_DRIVER, a->driver);
	const struct plugin *data = plugin_named(l, TESLA_DATA, a->data);

	if (driver == NULL || data == NULL)
		return -ENOMEM;
	check_usable(l, a, driver);
	check_usable(l, a, data);
	u->driver = driver;
	u->data = data;
	check_fit(l, a);
	if (data->error == NULL)
		check_params(l, data, &a->params, a->line, a->column);
	return 0;
}

struct plugins *plugins_load(const struct config *c, const struct ini *ini,
			     const struct places *places, const struct plugins_how *how,
			     struct diags *diags)
{
	struct plugins *p = calloc(1, sizeof *p);
	const struct load l = { p, c, ini, places, how, diags };

	if (p == NULL)
		return NULL;
	p->n_analyzers = c->n_analyzers;
	p->uses = calloc(c->n_analyzers + 1, sizeof *p->uses);
	p->exporters = calloc(c->n_exporters + 1, sizeof *p->exporters);
	if (p->uses == NULL || p->exporters == NULL) {
		plugins_free(p);
		return NULL;
	}
	for (size_t i = 0; i < c->n_analyzers; i++) {
		if (load_analyzer(&l, i) != 0) {
			plugins_free(p);
			return NULL;
		}
	}
	for (size_t i = 0; i < c->n_lines; i++)
		check_line(&l, &c->lines[i]);
	for (size_t i = 0; i < c->n_exporters; i++)
		load_exporter(&l, i);
	load_stream(&l);
	return p;
}

void plugins_free(struct plugins *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++) {
		plugin_release(p->list[i]);
		free(p->list[i]);
	}
	for (size_t i = 0; p->uses != NULL && i < p->n_analyzers; i++)
		free(p->uses[i].why);
	free(p->list);
	free(p->uses);
	free(p->exporters);
	free(p);
}
