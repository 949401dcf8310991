/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/last: the newest record of each analyzer, an element a row. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/model_tables.h"
#include "central/api.h"
#include "central/api_rows.h"
#include "central/store_read.h"

enum {
	NODE,
	ANALYZER,
	VARIABLE,
	ELEMENT,
	END,
	UNIT,
	KIND,
	VALUE,
	MIN,
	MAX,
	INCREASE,
	COUNT,
	COVERED,
	QUALITY,
	N_COLUMNS
};
static const struct table_column columns[N_COLUMNS] = {
	[NODE] = { "node", NULL, TABLE_TEXT },	       [ANALYZER] = { "analyzer", NULL, TABLE_INT },
	[VARIABLE] = { "variable", NULL, TABLE_TEXT }, [ELEMENT] = { "element", NULL, TABLE_INT },
	[END] = { "end_ms", "end", TABLE_TIME },       [UNIT] = { "unit", NULL, TABLE_TEXT },
	[KIND] = { "kind", NULL, TABLE_TEXT },	       [VALUE] = { "value", NULL, TABLE_REAL },
	[MIN] = { "min", NULL, TABLE_REAL },	       [MAX] = { "max", NULL, TABLE_REAL },
	[INCREASE] = { "increase", NULL, TABLE_REAL }, [COUNT] = { "count", NULL, TABLE_INT },
	[COVERED] = { "covered_ms", NULL, TABLE_INT }, [QUALITY] = { "quality", NULL, TABLE_INT },
};

#define ANALYZERS_A_STEP 64

struct wanted {
	char *node;
	int64_t analyzer;
};
struct last {
	struct rows rows; /* first */
	struct rows_filter filter;
	struct wanted *analyzers; /* of the registry, when it was asked */
	size_t n, at;
};

static void add_variable(struct rows *r, const struct wanted *w, const struct record *record,
			 const struct tesla_record_variable *v)
{
	for (size_t i = 0; i < v->n_elements; i++) {
		const struct tesla_record_element *e = &v->elements[i];

		rows_begin(r);
		rows_text(r, NODE, w->node);
		rows_int(r, ANALYZER, w->analyzer);
		rows_text(r, VARIABLE, v->name);
		rows_int(r, ELEMENT, (int64_t)i + 1);
		rows_int(r, END, record->end_ms);
		rows_text(r, UNIT, v->unit);
		rows_text(r, KIND, kind_name(v->kind));
		rows_real(r, VALUE, e->value);
		rows_real(r, MIN, v->kind == TESLA_GAUGE ? e->min : NAN);
		rows_real(r, MAX, v->kind == TESLA_GAUGE ? e->max : NAN);
		rows_real(r, INCREASE, v->kind == TESLA_COUNTER ? e->increase : NAN);
		rows_int(r, COUNT, e->count);
		rows_int(r, COVERED, e->covered_ms);
		rows_int(r, QUALITY, e->quality);
	}
}

static int one(struct last *l, struct store *store, const struct wanted *w, struct tesla_error *err)
{
	struct arena memory = { 0 };
	struct record record;
	int r = store_last(store, w->node, w->analyzer, &memory, &record, err);

	for (size_t i = 0; r == 0 && i < record.n_variables; i++)
		if (l->filter.variable == NULL ||
		    strcmp(l->filter.variable, record.variables[i]->name) == 0)
			add_variable(&l->rows, w, &record, record.variables[i]);
	arena_release(&memory);
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

static int make(void *arg, struct store *store, struct buf *out, struct tesla_error *err)
{
	struct last *l = arg;
	int r = 0;

	for (int turns = 0; turns < ANALYZERS_A_STEP && l->at < l->n && r == 0; turns++) {
		r = one(l, store, &l->analyzers[l->at++], err);
		rows_write_when_many(&l->rows, out);
	}
	if (r != 0)
		return r;
	rows_write(&l->rows, out);
	return l->at < l->n ? 1 : rows_end(&l->rows, out);
}

static void release(void *arg)
{
	struct last *l = arg;

	for (size_t i = 0; i < l->n; i++)
		free(l->analyzers[i].node);
	free(l->analyzers);
	rows_filter_release(&l->filter);
	rows_release(&l->rows);
	free(l);
}

/* Those that may be asked for are copied: the registry may change while they are read. */
static bool find_analyzers(struct call *c, struct last *l)
{
	const char *node = request_query(c->request, "node");
	const struct registry *r = c->app->registry;
	size_t first = 0, n = registry_n_analyzers(r);

	if (node != NULL)
		n = registry_analyzers_of(r, node, &first);
	l->analyzers = calloc(n + 1, sizeof *l->analyzers);
	for (size_t i = first; i < first + n && l->analyzers != NULL; i++) {
		const struct registry_analyzer *a = registry_analyzer_at(r, i);

		if (!rows_wanted(&l->filter, a->node, a->addr) ||
		    !auth_may(&c->who, AUTH_READ, a->node))
			continue;
		l->analyzers[l->n] = (struct wanted){ strdup(a->node), a->addr };
		if (l->analyzers[l->n].node == NULL)
			return false;
		l->n++;
	}
	return l->analyzers != NULL;
}

void api_last_get(struct call *c)
{
	struct last *l = calloc(1, sizeof *l);
	const struct pieces_maker maker = { make, NULL, release, l };
	struct tesla_error err;

	if (l == NULL) {
		call_busy(c);
	} else if (rows_filter_read(c, &l->filter, &err) != 0) {
		call_fail(c, &err);
		release(l);
	} else if (!find_analyzers(c, l)) {
		call_busy(c);
		release(l);
	} else {
		rows_answer(c, &l->rows, NULL, columns, N_COLUMNS, &maker);
	}
}
