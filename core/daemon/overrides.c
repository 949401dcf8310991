/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that somebody asks of an analyzer instead of those in config.xml. */
#include "daemon/overrides.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/record.h"

static void names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static struct override *find(const struct overrides *o, int64_t analyzer)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].analyzer == analyzer)
			return &o->list[i];
	return NULL;
}

int overrides_set(struct overrides *o, int64_t analyzer, char **names, size_t n)
{
	struct override *at = find(o, analyzer), *list;

	if (at == NULL) {
		list = o->n < OVERRIDES_MAX ? reallocarray(o->list, o->n + 1, sizeof *list) : NULL;
		if (list == NULL) {
			names_free(names, n);
			return o->n < OVERRIDES_MAX ? -ENOMEM : -ENOSPC;
		}
		o->list = list;
		at = &list[o->n++];
		*at = (struct override){ .analyzer = analyzer };
	}
	names_free(at->names, at->n);
	at->names = names;
	at->n = n;
	return 0;
}

int overrides_copy(const struct overrides *from, struct overrides *to)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct override *o = &from->list[i];
		char **names = calloc(o->n + 1, sizeof *names);
		size_t n = 0;
		int rc;

		while (names != NULL && n < o->n && (names[n] = strdup(o->names[n])) != NULL)
			n++;
		if (names == NULL || n < o->n) {
			names_free(names, n);
			return -ENOMEM;
		}
		rc = overrides_set(to, o->analyzer, names, n);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void overrides_release(struct overrides *o)
{
	for (size_t i = 0; i < o->n; i++)
		names_free(o->list[i].names, o->list[i].n);
	free(o->list);
	*o = (struct overrides){ .n = 0 };
}

/* ---- into a configuration ---- */

static const struct conf_variable *asked(const struct conf_variable *list, size_t n,
					 const struct tesla_variable *v)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].variable == v)
			return &list[i];
	return NULL;
}

static void no_variable(const struct config *c, const struct conf_analyzer *a, const char *name,
			struct diags *diags)
{
	const struct tesla_model *m = &a->model->pub;
	struct nearest near;
	char known[200];

	nearest_init(&near, name);
	for (size_t i = 0; i < m->n_variables; i++)
		nearest_add(&near, m->variables[i]->name);
	nearest_text(&near, known, sizeof known);
	diags_error(diags, c->file, a->line, a->column,
		    "analyzer %" PRId64 ": %s has no variable %.60s: nearest: %s", a->id, m->name,
		    name, known);
}

static void check_size(const struct config *c, const struct conf_analyzer *a, struct diags *diags)
{
	size_t bytes = record_head_bytes(a->model->pub.name);

	for (size_t i = 0; i < a->n_variables; i++)
		bytes += record_variable_bytes(a->variables[i].variable);
	if (bytes > RECORD_BYTES_MAX)
		diags_error(diags, c->file, a->line, a->column,
			    "analyzer %" PRId64 ": a record of its %zu variables can take %zu "
			    "bytes: expected at most %u",
			    a->id, a->n_variables, bytes, RECORD_BYTES_MAX);
	if (a->n_variables == 0)
		diags_error(diags, c->file, a->line, a->column,
			    "analyzer %" PRId64 ": expected at least one variable", a->id);
}

/* One that was asked for already keeps its interval. */
static void apply_one(const struct override *o, struct config *c, struct conf_analyzer *a,
		      struct diags *diags)
{
	struct conf_variable *list = arena_alloc(&c->memory, o->n + 1, sizeof *list);
	const struct conf_variable *was;
	size_t n = 0;

	for (size_t i = 0; list != NULL && i < o->n; i++) {
		const struct tesla_variable *v = model_variable(a->model, o->names[i]);

		if (v == NULL) {
			no_variable(c, a, o->names[i], diags);
			continue;
		}
		if (asked(list, n, v) != NULL)
			continue;
		was = asked(a->variables, a->n_variables, v);
		list[n++] = (struct conf_variable){ v, was ? was->interval_ms : a->interval_ms };
	}
	if (list == NULL) {
		diags_error(diags, c->file, a->line, a->column, "no memory for its variables");
		return;
	}
	a->variables = list;
	a->n_variables = n;
	check_size(c, a, diags);
}

void overrides_apply(const struct overrides *o, struct config *c, struct diags *diags)
{
	for (size_t i = 0; i < c->n_analyzers; i++) {
		const struct override *at = find(o, c->analyzers[i].id);

		if (at != NULL)
			apply_one(at, c, &c->analyzers[i], diags);
	}
}
