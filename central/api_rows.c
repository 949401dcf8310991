/* SPDX-License-Identifier: Apache-2.0 */
/* Rows between the store and a table. */
#include "central/api_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

/* ---- what is wanted ---- */

/* Whom a list of nodes limits, and a node's own token. */
static int nodes_copy(const struct call *c, struct rows_filter *f, struct tesla_error *err)
{
	const struct auth_principal *who = &c->who;
	const char *const *list = who->node != NULL ? &who->node : who->nodes.list;
	size_t n = who->node != NULL ? 1 : who->nodes.n;

	f->all = n == 0;
	f->nodes = calloc(n + 1, sizeof *f->nodes);
	for (size_t i = 0; i < n && f->nodes != NULL; i++) {
		f->nodes[i] = strdup(list[i]);
		if (f->nodes[i] == NULL)
			return tesla_fail(err, -ENOMEM, "no memory");
		f->n_nodes++;
	}
	return f->nodes != NULL ? 0 : tesla_fail(err, -ENOMEM, "no memory");
}

int rows_filter_read(const struct call *c, struct rows_filter *f, struct tesla_error *err)
{
	const char *node = request_query(c->request, "node");
	const char *variable = request_query(c->request, "variable");

	f->one_analyzer = request_query(c->request, "analyzer") != NULL;
	if (call_query_int(c, "analyzer", 0, &f->analyzer, err) != 0)
		return -EINVAL;
	if (f->one_analyzer && node == NULL)
		return tesla_fail(err, -EINVAL, "analyzer without its node");
	if (node != NULL && !auth_may(&c->who, AUTH_READ, node))
		return tesla_fail(err, -EACCES, "%s may not read node %.80s", c->who_text, node);
	f->node = node != NULL ? strdup(node) : NULL;
	f->variable = variable != NULL ? strdup(variable) : NULL;
	if ((node != NULL && f->node == NULL) || (variable != NULL && f->variable == NULL))
		return tesla_fail(err, -ENOMEM, "no memory");
	return nodes_copy(c, f, err);
}

bool rows_wanted(const struct rows_filter *f, const char *node, int64_t analyzer)
{
	bool may = f->all;

	if ((f->node != NULL && strcmp(f->node, node) != 0) ||
	    (f->one_analyzer && f->analyzer != analyzer))
		return false;
	for (size_t i = 0; i < f->n_nodes && !may; i++)
		may = strcmp(f->nodes[i], node) == 0;
	return may;
}

void rows_filter_release(struct rows_filter *f)
{
	for (size_t i = 0; i < f->n_nodes; i++)
		free(f->nodes[i]);
	free(f->nodes);
	free(f->node);
	free(f->variable);
}

/* ---- rows ---- */

/* All cells have eight bytes. */
_Static_assert(sizeof(int64_t) == sizeof(double) && sizeof(char *) <= sizeof(double), "a cell");

static bool grow(struct rows *r)
{
	size_t cap = 2 * r->cap + 64;

	for (size_t i = 0; i < r->table.n_columns; i++) {
		void *more = realloc((void *)(uintptr_t)r->cells[i].ints, cap * sizeof(int64_t));

		if (more == NULL)
			return false;
		r->cells[i].ints = more;
	}
	r->cap = cap;
	return true;
}

void rows_begin(struct rows *r)
{
	if (r->n == r->cap && !grow(r))
		r->texts.failed = true;
	else
		r->n++;
}

/* NULL: there is no memory, and no row. */
static void *cell(struct rows *r, size_t column, size_t size)
{
	return r->texts.failed ? NULL
			       : (char *)(uintptr_t)r->cells[column].ints + (r->n - 1) * size;
}

/* The same text as in the row before, mostly; foreign ones may be no UTF-8. */
void rows_text(struct rows *r, size_t column, const char *text)
{
	const char **at = cell(r, column, sizeof *at);
	char *copy;

	if (at == NULL)
		return;
	if (r->n > 1 && at[-1] != NULL && text != NULL && strcmp(at[-1], text) == 0) {
		*at = at[-1];
		return;
	}
	copy = arena_strdup(&r->texts, text);
	if (copy != NULL)
		(void)utf8_clean(copy, strlen(copy), UTF8_LINE);
	*at = copy;
}

void rows_int(struct rows *r, size_t column, int64_t v)
{
	int64_t *at = cell(r, column, sizeof *at);

	if (at != NULL)
		*at = v;
}

void rows_real(struct rows *r, size_t column, double v)
{
	double *at = cell(r, column, sizeof *at);

	if (at != NULL)
		*at = v;
}

static void begin(struct rows *r, struct buf *out)
{
	if (r->begun)
		return;
	r->begun = true;
	if (r->table.form == TABLE_CSV)
		table_csv_head(&r->table, out);
	table_open(&r->table, NULL, 0, out);
}

void rows_write(struct rows *r, struct buf *out)
{
	begin(r, out);
	table_rows(&r->table, r->cells, 0, r->n, out);
	out->failed = out->failed || r->texts.failed;
	r->n = 0;
	arena_release(&r->texts);
}

void rows_write_when_many(struct rows *r, struct buf *out)
{
	if (r->n >= ROWS_MANY)
		rows_write(r, out);
}

int rows_end(struct rows *r, struct buf *out)
{
	rows_write(r, out);
	table_close(&r->table, out);
	table_end(r->table.form, out);
	return 0;
}

void rows_release(struct rows *r)
{
	for (size_t i = 0; i < r->table.n_columns; i++)
		free((void *)(uintptr_t)r->cells[i].ints);
	arena_release(&r->texts);
}

void rows_answer(struct call *c, struct rows *r, struct rows_filter *filter,
		 const struct table_column *columns, size_t n, const struct pieces_maker *maker)
{
	struct tesla_error err = { 0 };

	r->table.columns = columns;
	r->table.n_columns = n;
	if ((filter != NULL && rows_filter_read(c, filter, &err) != 0) ||
	    call_table(c, &r->table, &err) != 0) {
		call_fail(c, &err);
		maker->release(maker->arg);
		return;
	}
	pieces_answer(c, call_types[c->form], maker);
}
