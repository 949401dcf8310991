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
#include "base/mp.h"
#include "teslactl/table.h"

#define ROWS_MAX 200000
#define ELEMENTS_MAX 4096

/* ---- storage ---- */

static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->analyzer != y->analyzer)
		return x->analyzer < y->analyzer ? -1 : 1;
	return strcmp(x->variable, y->variable);
}

static void labels_free(struct row *row)
{
	for (size_t i = 0; i < row->n_labels; i++)
		free(row->labels[i]);
	free(row->labels);
	row->labels = NULL;
	row->n_labels = 0;
}

static void row_free(struct row *row)
{
	labels_free(row);
	free(row->variable);
	free(row->unit);
	free(row->error);
	free(row->elements);
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

/* The row of that name, made when it is new; takes `variable` over. */
static struct row *row_get(struct rows *rows, int64_t analyzer, char *variable)
{
	struct row key = { .analyzer = analyzer, .variable = variable };
	struct row *const *found = tfind(&key, &rows->index, row_compare);
	struct row *row;

	if (found != NULL) {
		free(variable);
		return *found;
	}
	row = calloc(1, sizeof *row);
	if (row == NULL) {
		free(variable);
		return NULL;
	}
	row->analyzer = analyzer;
	row->variable = variable;
	if (row_insert(rows, row) != 0) {
		row_free(row);
		return NULL;
	}
	return row;
}

/* ---- reading the wire ---- */

static void replace_text(char **at, const msgpack_object *map, const char *key)
{
	free(*at);
	*at = mp_strdup(map, key);
	if (*at != NULL)
		text_clean(*at);
}

/* Missing qualities are all good; a missing value has none, whatever its quality says. */
static int elements_take(struct row *row, const msgpack_object *map)
{
	size_t n, n_q;
	const msgpack_object *v = mp_array(map, "v", &n), *q = mp_array(map, "q", &n_q);
	struct row_element *e;

	if (n > ELEMENTS_MAX || (q != NULL && n_q != n))
		return -EBADMSG;
	e = realloc(row->elements, (n ? n : 1) * sizeof *e);
	if (e == NULL)
		return -ENOMEM;
	row->elements = e;
	row->n_elements = n;
	for (size_t i = 0; i < n; i++) {
		int64_t quality = TESLA_GOOD;

		if (q != NULL && !mp_to_int(&q[i], &quality))
			quality = TESLA_ERROR;
		e[i] = (struct row_element){ .quality = (int)quality };
		e[i].has_value = mp_to_real(&v[i], &e[i].value) && isfinite(e[i].value);
	}
	return 0;
}

static int reading_take(struct row *row, const msgpack_object *map, struct tesla_error *err)
{
	replace_text(&row->unit, map, "u");
	replace_text(&row->error, map, "x");
	row->t_ms = mp_int(map, "t", 0);
	row->sweep = mp_int(map, "n", 0);
	row->k = (uint64_t)mp_int(map, "k", 0);
	if (elements_take(row, map) == 0)
		return 0;
	return tesla_fail(err, -EBADMSG, "%s of analyzer %lld: values and qualities do not fit",
			  row->variable, (long long)row->analyzer);
}

static int labels_take(struct row *row, const msgpack_object *map)
{
	size_t n;
	const msgpack_object *list = mp_array(map, "labels", &n);

	labels_free(row);
	if (n == 0 || n > ELEMENTS_MAX)
		return 0;
	row->labels = calloc(n, sizeof *row->labels);
	if (row->labels == NULL)
		return -ENOMEM;
	row->n_labels = n;
	for (size_t i = 0; i < n; i++) {
		row->labels[i] = mp_to_strdup(&list[i]);
		if (row->labels[i] != NULL)
			text_clean(row->labels[i]);
	}
	return 0;
}

bool filter_takes(const struct filter *f, int64_t analyzer, const char *variable, size_t len)
{
	if (f->analyzer != 0 && analyzer != f->analyzer)
		return false;
	for (size_t i = 0; i < f->n_variables; i++)
		if (strlen(f->variables[i]) == len && memcmp(f->variables[i], variable, len) == 0)
			return true;
	return f->n_variables == 0;
}

/* One reading of the snapshot. */
static int last_take(struct rows *rows, const struct filter *filter, const msgpack_object *map,
		     int64_t epoch_ms, struct tesla_error *err)
{
	int64_t analyzer = mp_int(map, "analyzer", 0);
	char *variable = mp_strdup(map, "variable");
	struct row *row;

	if (variable == NULL || analyzer <= 0) {
		free(variable);
		return tesla_fail(err, -EBADMSG,
				  "snapshot: a reading without analyzer or variable");
	}
	if (!filter_takes(filter, analyzer, variable, strlen(variable))) {
		free(variable);
		return 0;
	}
	text_clean(variable);
	row = row_get(rows, analyzer, variable);
	if (row == NULL || labels_take(row, map) != 0)
		return tesla_fail(err, -ENOMEM, "no memory for the readings");
	row->epoch_ms = epoch_ms;
	return reading_take(row, map, err);
}

int rows_snapshot(struct rows *rows, const struct filter *filter, const msgpack_object *answer,
		  struct tesla_error *err)
{
	size_t n;
	const msgpack_object *list = mp_array(answer, "readings", &n);
	int64_t epoch_ms = mp_int(answer, "e", 0);

	for (size_t i = 0; i < n; i++)
		if (last_take(rows, filter, &list[i], epoch_ms, err) != 0)
			return err->code;
	return 0;
}

bool topic_split(const char *topic, int64_t *analyzer, const char **variable, size_t *len)
{
	static const char head[] = "reading/";
	const char *slash;
	char *end;

	if (strncmp(topic, head, sizeof head - 1) != 0)
		return false;
	slash = strchr(topic + sizeof head - 1, '/');
	if (slash == NULL)
		return false;
	*analyzer = strtoll(slash + 1, &end, 10);
	if (end == slash + 1 || *end != '/')
		return false;
	*variable = end + 1;
	*len = strcspn(*variable, "/");
	return *len > 0 && strcmp(*variable + *len, "/") == 0;
}

int rows_message(struct rows *rows, const char *topic, const msgpack_object *payload,
		 struct row **ret, struct tesla_error *err)
{
	int64_t analyzer, epoch_ms = mp_int(payload, "e", 0);
	const char *name;
	char *variable;
	struct row *row;
	size_t len;

	if (!topic_split(topic, &analyzer, &name, &len))
		return tesla_fail(err, -EBADMSG, "stream: %s is no topic of a reading", topic);
	variable = strndup(name, len);
	if (variable != NULL)
		text_clean(variable);
	row = variable ? row_get(rows, analyzer, variable) : NULL;
	if (row == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for %s", topic);
	*ret = row;
	/* The snapshot came after the subscription: what it has already is not put back. */
	if (row->epoch_ms == epoch_ms && row->n_elements > 0 &&
	    (uint64_t)mp_int(payload, "k", 0) < row->k)
		return 0;
	row->epoch_ms = epoch_ms;
	return reading_take(row, payload, err);
}

/* ---- for people ---- */

void element_format(const struct row_element *e, char *text, size_t size)
{
	static const char *const words[] = {
		[TESLA_GOOD] = "good",	     [TESLA_UNAVAILABLE] = "unavailable",
		[TESLA_SUSPECT] = "suspect", [TESLA_ERROR] = "error",
		[TESLA_STALE] = "stale",
	};
	bool known = e->quality >= 0 && e->quality < (int)N_ELEMENTS(words);
	const char *word = known && (e->quality != TESLA_GOOD || e->has_value) ? words[e->quality]
									       : "no value";

	if (e->has_value && e->quality == TESLA_GOOD)
		(void)snprintf(text, size, "%.10g", e->value);
	else if (e->has_value && (e->quality == TESLA_SUSPECT || e->quality == TESLA_STALE))
		(void)snprintf(text, size, "%.10g (%s)", e->value, word);
	else
		(void)snprintf(text, size, "%s", word);
}

const char *row_label(const struct row *row, size_t i)
{
	return i < row->n_labels && row->labels[i] != NULL ? row->labels[i] : "";
}

char *row_values(const struct row *row)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; out != NULL && i < row->n_elements; i++) {
		const char *label = row_label(row, i);
		char value[64];

		element_format(&row->elements[i], value, sizeof value);
		(void)fprintf(out, "%s%s%s%s", i ? "  " : "", label, *label ? " " : "", value);
	}
	if (out == NULL || fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
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
