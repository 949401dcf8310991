/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/variables: what there is in the store, and from when to when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/model_tables.h"
#include "central/api.h"
#include "central/api_rows.h"
#include "central/store_read.h"

enum { NODE, ANALYZER, MODEL, VARIABLE, UNIT, KIND, ELEMENTS, FIRST, LAST, N_COLUMNS };
static const struct table_column columns[N_COLUMNS] = {
	[NODE] = { "node", NULL, TABLE_TEXT },	      [ANALYZER] = { "analyzer", NULL, TABLE_INT },
	[MODEL] = { "model", NULL, TABLE_TEXT },      [VARIABLE] = { "variable", NULL, TABLE_TEXT },
	[UNIT] = { "unit", NULL, TABLE_TEXT },	      [KIND] = { "kind", NULL, TABLE_TEXT },
	[ELEMENTS] = { "elements", NULL, TABLE_INT }, [FIRST] = { "first_ms", "first", TABLE_TIME },
	[LAST] = { "last_ms", "last", TABLE_TIME },
};

struct listing {
	struct rows rows; /* first */
	struct rows_filter filter;
	struct store_list *list;
};

static void add_variable(struct rows *r, const struct store_analyzer *a,
			 const struct store_variable *v)
{
	bool some = v->range.last_ms >= v->range.first_ms;

	rows_begin(r);
	rows_text(r, NODE, a->node);
	rows_int(r, ANALYZER, a->analyzer);
	rows_text(r, MODEL, a->model);
	rows_text(r, VARIABLE, v->name);
	rows_text(r, UNIT, v->unit);
	rows_text(r, KIND, kind_name(v->kind));
	rows_int(r, ELEMENTS, (int64_t)v->n_elements);
	rows_int(r, FIRST, some ? v->range.first_ms : INT64_MIN);
	rows_int(r, LAST, some ? v->range.last_ms : INT64_MIN);
}

static int make(void *arg, struct store *store, struct buf *out, struct tesla_error *err)
{
	struct listing *l = arg;
	struct store_analyzer a;
	int r = 0;

	if (l->list == NULL)
		r = store_list_open(store, l->filter.node, &l->list, err);
	for (int turns = 0; r == 0 && turns < 16; turns++) {
		r = store_list_next(l->list, &a, err);
		if (r <= 0)
			return r == 0 ? rows_end(&l->rows, out) : r;
		r = 0;
		if (!rows_wanted(&l->filter, a.node, a.analyzer))
			continue;
		for (size_t i = 0; i < a.n_variables; i++)
			if (l->filter.variable == NULL ||
			    strcmp(l->filter.variable, a.variables[i].name) == 0)
				add_variable(&l->rows, &a, &a.variables[i]);
		rows_write(&l->rows, out);
	}
	return r == 0 ? 1 : r;
}

static void release(void *arg)
{
	struct listing *l = arg;

	store_list_close(l->list);
	rows_filter_release(&l->filter);
	rows_release(&l->rows);
	free(l);
}

void api_variables_get(struct call *c)
{
	struct listing *l = calloc(1, sizeof *l);
	const struct pieces_maker maker = { make, NULL, release, l };

	if (l == NULL)
		call_busy(c);
	else
		rows_answer(c, &l->rows, &l->filter, columns, N_COLUMNS, &maker);
}
