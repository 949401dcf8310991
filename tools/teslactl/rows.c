/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last readings, found by analyzer and variable (tsearch), shown in the order in which they
 * came.
 */
#include "teslactl/rows.h"

#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/table.h"

#define ROWS_MAX 200000

/* ---- storage ---- */

static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->analyzer != y->analyzer)
		return x->analyzer < y->analyzer ? -1 : 1;
	return strcmp(x->variable, y->variable);
}

static void elements_free(struct row *row)
{
	for (size_t i = 0; i < row->n_elements; i++)
		free(row->labels[i]);
	free(row->labels);
	free(row->elements);
	row->labels = NULL;
	row->elements = NULL;
	row->n_elements = 0;
}

static void row_free(struct row *row)
{
	elements_free(row);
	free(row->variable);
	free(row->unit);
	free(row->error);
	free(row);
}

static void keep(void *row)
{
	(void)row; /* freed through the list */
}

void rows_release(struct rows *rows)
{
	tdestroy(rows->index, keep);
	for (size_t i = 0; i < rows->n; i++)
		row_free(rows->list[i]);
	free(rows->list);
	*rows = (struct rows){ 0 };
}

static int row_insert(struct rows *rows, struct row *row)
{
	if (rows->n == ROWS_MAX)
		return -E2BIG;
	if (rows->n % 256 == 0) {
		struct row **list = realloc(rows->list, (rows->n + 256) * sizeof *list);

		if (list == NULL)
			return -ENOMEM;
		rows->list = list;
	}
	if (tsearch(row, &rows->index, row_compare) == NULL)
		return -ENOMEM;
	rows->list[rows->n++] = row;
	return 0;
}

/* The row of that name, made when it is new. */
static struct row *row_get(struct rows *rows, int64_t analyzer, const char *variable)
{
	struct row *row = calloc(1, sizeof *row), *const *found = NULL;

	if (row == NULL)
		return NULL;
	row->analyzer = analyzer;
	row->variable = strdup(variable);
	if (row->variable != NULL) {
		text_clean(row->variable);
		found = tfind(row, &rows->index, row_compare);
		if (found == NULL && row_insert(rows, row) == 0)
			return row;
	}
	row_free(row);
	return found ? *found : NULL;
}

/* ---- readings ---- */

/* Labels that are not known (yet) are those of before, as long as they may fit. */
static bool elements_take(struct row *row, const struct tesla_client_reading *r)
{
	size_t n = r->n_elements;

	if (row->n_elements != n) {
		elements_free(row);
		row->elements = calloc(n, sizeof *row->elements);
		row->labels = calloc(n, sizeof *row->labels);
		if (row->elements == NULL || row->labels == NULL)
			return false;
		row->n_elements = n;
	}
	memcpy(row->elements, r->elements, n * sizeof *row->elements);
	for (size_t i = 0; i < n && r->labels != NULL; i++)
		if (!text_set(&row->labels[i], r->labels[i]))
			return false;
	return true;
}

struct row *rows_take(struct rows *rows, const struct tesla_client_reading *r)
{
	struct row *row = row_get(rows, r->analyzer, r->variable);

	if (row == NULL || !text_set(&row->unit, r->unit) || !text_set(&row->error, r->error) ||
	    !elements_take(row, r))
		return NULL;
	row->t_ms = r->t_ms;
	return row;
}

bool filter_takes(const struct filter *f, int64_t analyzer, const char *variable)
{
	if (f->analyzer != 0 && analyzer != f->analyzer)
		return false;
	for (size_t i = 0; i < f->n_variables; i++)
		if (strcmp(f->variables[i], variable) == 0)
			return true;
	return f->n_variables == 0;
}

/* ---- for people ---- */

bool element_has_value(const struct tesla_element *e)
{
	return isfinite(e->value) && (e->quality == TESLA_GOOD || e->quality == TESLA_SUSPECT ||
				      e->quality == TESLA_STALE);
}

void element_format(const struct tesla_element *e, char *text, size_t size)
{
	static const char *const words[] = {
		[TESLA_GOOD] = "no value",   [TESLA_UNAVAILABLE] = "unavailable",
		[TESLA_SUSPECT] = "suspect", [TESLA_ERROR] = "error",
		[TESLA_STALE] = "stale",
	};
	const char *word = (size_t)e->quality < N_ELEMENTS(words) ? words[e->quality] : "no value";

	if (!element_has_value(e))
		(void)snprintf(text, size, "%s", word);
	else if (e->quality == TESLA_GOOD)
		(void)snprintf(text, size, "%.10g", e->value);
	else
		(void)snprintf(text, size, "%.10g (%s)", e->value, word);
}

void element_print(FILE *out, const char *before, const char *label, const struct tesla_element *e)
{
	char value[64];

	element_format(e, value, sizeof value);
	(void)fprintf(out, "%s%s%s%s", before, label, *label ? " " : "", value);
}

const char *row_label(const struct row *row, size_t i)
{
	return row->labels[i] != NULL ? row->labels[i] : "";
}

void age_format(int64_t ms, char *text, size_t size)
{
	static const struct {
		int64_t below_ms, unit_ms;
		const char *unit;
	} forms[] = {
		{ 120000, 1000, "s" },
		{ 7200000, 60000, "min" },
		{ 172800000, 3600000, "h" },
		{ INT64_MAX, 86400000, "d" },
	};
	size_t i = 0;

	if (ms < 0)
		ms = 0;
	while (ms >= forms[i].below_ms && i + 1 < N_ELEMENTS(forms))
		i++;
	if (ms < 10000)
		(void)snprintf(text, size, "%.1f s", (double)ms / 1000);
	else
		(void)snprintf(text, size, "%lld %s", (long long)(ms / forms[i].unit_ms),
			       forms[i].unit);
}
