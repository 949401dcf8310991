/* SPDX-License-Identifier: Apache-2.0 */
/* What is different between two checked configurations. */
#include "daemon/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define DEFINE_MAX (8u << 20)

struct diffing {
	const struct check *old, *next;
	struct diff *d;
	struct buf a, b; /* scratch */
	bool failed;
};

/* ---- the lists ---- */

__attribute__((format(printf, 3, 4))) static void name_add(struct diffing *x, struct diff_list *l,
							   const char *fmt, ...)
{
	char **names = reallocarray(l->names, l->n + 1, sizeof *names);
	va_list ap;
	int r;

	if (names == NULL) {
		x->failed = true;
		return;
	}
	l->names = names;
	va_start(ap, fmt);
	r = vasprintf(&names[l->n], fmt, ap);
	va_end(ap);
	if (r < 0)
		x->failed = true;
	else
		l->n++;
}

static void list_release(struct diff_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
}

/* ---- are two things the same? ---- */

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What was defined into x->a and x->b. */
static bool same_bytes(struct diffing *x)
{
	bool same =
		x->a.pub.len == x->b.pub.len &&
		(x->a.pub.len == 0 || memcmp(x->a.pub.bytes, x->b.pub.bytes, x->a.pub.len) == 0);

	x->failed = x->failed || x->a.failed || x->b.failed;
	buf_clear(&x->a);
	buf_clear(&x->b);
	return same;
}

static bool same_line(struct diffing *x, const struct conf_line *a, const struct conf_line *b)
{
	setup_define_line(a, &x->a);
	setup_define_line(b, &x->b);
	return same_bytes(x);
}

static const char *model_text(const struct config *c, const struct model *m)
{
	for (size_t i = 0; i < c->n_models; i++)
		if (c->models[i] == m)
			return c->model_texts[i];
	return NULL;
}

static bool same_model(const struct diffing *x, const struct model *a, const struct model *b)
{
	return same_text(a->pub.name, b->pub.name) &&
	       same_text(model_text(x->old->config, a), model_text(x->next->config, b));
}

/* Its plugins are the same files. */
static bool same_plugins(const struct diffing *x, size_t a, size_t b)
{
	const struct plugin_use *p = &x->old->plugins->uses[a], *q = &x->next->plugins->uses[b];

	return same_text(p->driver->stamp, q->driver->stamp) &&
	       same_text(p->data->stamp, q->data->stamp) && (p->why == NULL) == (q->why == NULL);
}

static enum diff_analyzer analyzer_compare(struct diffing *x, size_t i, size_t k)
{
	const struct conf_analyzer *a = &x->old->config->analyzers[i];
	const struct conf_analyzer *b = &x->next->config->analyzers[k];

	if (a->on->kind != b->on->kind || !same_text(a->on->name, b->on->name) ||
	    a->address != b->address || !same_model(x, a->model, b->model))
		return DIFF_OTHER;
	if (!same_line(x, a->on, b->on))
		return DIFF_ASKED;
	setup_define_analyzer(a, &x->a);
	setup_define_analyzer(b, &x->b);
	return same_bytes(x) && same_plugins(x, i, k) ? DIFF_SAME : DIFF_ASKED;
}

/* ---- by kind of thing ---- */

static size_t analyzer_of(const struct config *c, int64_t id)
{
	for (size_t i = 0; i < c->n_analyzers; i++)
		if (c->analyzers[i].id == id)
			return i;
	return SIZE_MAX;
}

static void diff_analyzers(struct diffing *x)
{
	const struct config *old = x->old->config, *next = x->next->config;
	struct diff *d = x->d;

	for (size_t k = 0; k < next->n_analyzers; k++) {
		const struct conf_analyzer *b = &next->analyzers[k];
		size_t i = analyzer_of(old, b->id);

		d->analyzers[k] = i == SIZE_MAX ? DIFF_NEW : analyzer_compare(x, i, k);
		d->table = d->table || i != k || d->analyzers[k] != DIFF_SAME;
		if (i == SIZE_MAX)
			name_add(x, &d->added, "analyzer %" PRId64, b->id);
		else if (d->analyzers[k] != DIFF_SAME ||
			 old->analyzers[i].record_ms != b->record_ms)
			name_add(x, &d->changed, "analyzer %" PRId64, b->id);
	}
	for (size_t i = 0; i < old->n_analyzers; i++)
		if (analyzer_of(next, old->analyzers[i].id) == SIZE_MAX)
			name_add(x, &d->removed, "analyzer %" PRId64, old->analyzers[i].id);
	d->table = d->table || old->n_analyzers != next->n_analyzers;
}

static const struct conf_line *line_of(const struct config *c, int64_t id)
{
	for (size_t i = 0; i < c->n_lines; i++)
		if (c->lines[i].id == id)
			return &c->lines[i];
	return NULL;
}

static void diff_lines(struct diffing *x)
{
	const struct config *old = x->old->config, *next = x->next->config;

	for (size_t k = 0; k < next->n_lines; k++) {
		const struct conf_line *b = &next->lines[k], *a = line_of(old, b->id);

		if (a == NULL)
			name_add(x, &x->d->added, "line %" PRId64, b->id);
		else if (!same_line(x, a, b))
			name_add(x, &x->d->changed, "line %" PRId64, b->id);
	}
	for (size_t i = 0; i < old->n_lines; i++)
		if (line_of(next, old->lines[i].id) == NULL)
			name_add(x, &x->d->removed, "line %" PRId64, old->lines[i].id);
}

static size_t exporter_of(const struct config *c, const char *id)
{
	for (size_t i = 0; i < c->n_exporters; i++)
		if (strcmp(c->exporters[i].id, id) == 0)
			return i;
	return SIZE_MAX;
}

static bool same_analyzers(const struct conf_exporter *a, const struct conf_exporter *b)
{
	if (a->n_analyzers != b->n_analyzers)
		return false;
	for (size_t i = 0; i < a->n_analyzers; i++)
		if (a->analyzers[i]->id != b->analyzers[i]->id)
			return false;
	return true;
}

static bool same_exporter(struct diffing *x, size_t i, size_t k)
{
	const struct conf_exporter *a = &x->old->config->exporters[i];
	const struct conf_exporter *b = &x->next->config->exporters[k];
	const struct plugin *p = x->old->plugins->exporters[i], *q = x->next->plugins->exporters[k];

	if (p != NULL)
		setup_define_exporter(p, a, NULL, &x->a);
	if (q != NULL)
		setup_define_exporter(q, b, NULL, &x->b);
	return same_bytes(x) && a->batch == b->batch && a->rate >= b->rate && a->rate <= b->rate &&
	       same_analyzers(a, b);
}

static void diff_exporters(struct diffing *x)
{
	const struct config *old = x->old->config, *next = x->next->config;

	for (size_t k = 0; k < next->n_exporters; k++) {
		const char *id = next->exporters[k].id;
		size_t i = exporter_of(old, id);

		if (i == SIZE_MAX)
			name_add(x, &x->d->added, "exporter %s", id);
		else if (!same_exporter(x, i, k))
			name_add(x, &x->d->changed, "exporter %s", id);
	}
	for (size_t i = 0; i < old->n_exporters; i++)
		if (exporter_of(next, old->exporters[i].id) == SIZE_MAX)
			name_add(x, &x->d->removed, "exporter %s", old->exporters[i].id);
}

static bool same_catalog(const struct catalog *a, const struct catalog *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->list[i].model, b->list[i].model) != 0 ||
		    strcmp(a->list[i].pattern, b->list[i].pattern) != 0)
			return false;
	return true;
}

static void diff_settings(struct diffing *x)
{
	const struct config *a = x->old->config, *b = x->next->config;
	const struct plugin *p = x->old->plugins->stream, *q = x->next->plugins->stream;

	if (!same_text(a->node_name, b->node_name) ||
	    !same_text(a->node_location, b->node_location))
		name_add(x, &x->d->changed, "node");
	if (x->old->ini->log_level != x->next->ini->log_level)
		name_add(x, &x->d->changed, "log_level");
	if (!same_text(x->old->ini->stream, x->next->ini->stream) ||
	    !same_text(x->old->ini->stream_key, x->next->ini->stream_key) ||
	    !same_text(x->old->ini->stream_clients, x->next->ini->stream_clients) ||
	    !same_text(x->old->ini->stream_public, x->next->ini->stream_public) ||
	    !same_text(p ? p->stamp : NULL, q ? q->stamp : NULL))
		name_add(x, &x->d->changed, "stream");
	if (!same_catalog(&x->old->catalog, &x->next->catalog))
		name_add(x, &x->d->changed, "recognition");
}

int diff_make(const struct check *old, const struct check *next, struct diff *ret)
{
	struct diffing x = { .old = old, .next = next, .d = ret };

	*ret = (struct diff){ .analyzers = calloc(next->config->n_analyzers + 1,
						  sizeof *ret->analyzers) };
	if (ret->analyzers == NULL)
		return -ENOMEM;
	buf_init(&x.a, DEFINE_MAX);
	buf_init(&x.b, DEFINE_MAX);
	diff_lines(&x);
	diff_analyzers(&x);
	diff_exporters(&x);
	diff_settings(&x);
	buf_release(&x.a);
	buf_release(&x.b);
	if (x.failed)
		diff_release(ret);
	return x.failed ? -ENOMEM : 0;
}

void diff_release(struct diff *d)
{
	free(d->analyzers);
	list_release(&d->added);
	list_release(&d->removed);
	list_release(&d->changed);
	*d = (struct diff){ .analyzers = NULL };
}

bool diff_is_empty(const struct diff *d)
{
	return d->added.n + d->removed.n + d->changed.n == 0;
}
