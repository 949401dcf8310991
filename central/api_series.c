/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/series: numbers over time, as they came or by step, of one series or of many. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/pieces.h"
#include "central/query.h"
#include "central/zones.h"

#define SERIES_MAX 256u
#define ROWS_MAX 16384u /* that are written in a step */
#define RUN_MAX 256u	/* buckets; more than the store gives at a time */
#define DAY_MS INT64_C(86400000)
#define COLUMNS_MAX (2 + N_AGGREGATES)

struct answer {
	struct series_name *series;
	size_t n, n_cap, at; /* which one is under way */
	bool many;	     /* they were asked for by s= */
	int64_t from_ms, to_ms;
	bool stepped;
	struct step_calendar calendar;
	enum aggregate_column aggregates[N_AGGREGATES];
	size_t n_aggregates;
	struct table table;
	struct table_column columns[COLUMNS_MAX];
	/* the store's thread */
	bool begun, opened; /* the answer; a table */
	struct store_series *raw;
	struct store_buckets *buckets;
	struct store_points points; /* those from `used` on were not written */
	size_t used;
	int64_t done_ms; /* rows up to here were written */
	char label[SERIES_NODE_MAX + SERIES_VARIABLE_MAX + 64];
};

/* ---- in the store's thread: reading ---- */

static void park(void *arg)
{
	struct answer *a = arg;

	store_series_close(a->raw);
	store_buckets_close(a->buckets);
	a->raw = NULL;
	a->buckets = NULL;
	a->points.n = a->used = 0;
}

static int open_raw(struct answer *a, struct store *store, struct tesla_error *err)
{
	const struct series_name *s = &a->series[a->at];
	const struct store_query q = { .node = s->node,
				       .analyzer = s->analyzer,
				       .variable = s->variable,
				       .element = (size_t)s->element - 1,
				       .field = s->field,
				       .from_ms = a->done_ms + 1,
				       .to_ms = a->to_ms };

	return store_series_open(store, &q, &a->raw, err);
}

static int open_buckets(struct answer *a, struct store *store, struct tesla_error *err)
{
	const struct series_name *s = &a->series[a->at];
	const struct store_bucket_query q = {
		.node = s->node,
		.analyzer = s->analyzer,
		.variable = s->variable,
		.element = (size_t)s->element - 1,
		.from_ms = a->done_ms,
		.to_ms = a->to_ms,
		.steps = step_steps(&a->calendar, a->from_ms, a->to_ms),
		.wanted = aggregates_wanted(a->aggregates, a->n_aggregates),
	};

	return store_buckets_open(store, &q, &a->buckets, err);
}

/* 1: it is open; 0: there is nothing of the kind, and that is an empty table. */
static int open_reader(struct answer *a, struct store *store, struct tesla_error *err)
{
	const struct series_name *s = &a->series[a->at];
	int r;

	if (a->raw != NULL || a->buckets != NULL)
		return 1;
	r = a->stepped ? open_buckets(a, store, err) : open_raw(a, store, err);
	if (r == -ENOENT && a->many)
		return 0;
	if (r == -ENOENT)
		return tesla_fail(err, r,
				  "node %.80s, analyzer %" PRId64 ": nothing was ever stored of "
				  "%.80s, element %" PRId64,
				  s->node, s->analyzer, s->variable, s->element);
	return r == 0 ? 1 : r;
}

/* ---- writing ---- */

static void begin_table(struct answer *a, struct buf *out)
{
	const struct series_name *s = &a->series[a->at];
	struct table_label labels[] = {
		{ "node", s->node, 0 },
		{ "analyzer", NULL, s->analyzer },
		{ "variable", s->variable, 0 },
		{ "element", NULL, s->element },
		{ "field", store_field_names[s->field], 0 },
	};

	(void)snprintf(a->label, sizeof a->label, "%s/%" PRId64 "/%s/%" PRId64 "/%s", s->node,
		       s->analyzer, s->variable, s->element, store_field_names[s->field]);
	a->table.series = a->many ? a->label : NULL;
	if (!a->begun && a->table.form == TABLE_JSON)
		(void)buf_append(out, "{\"series\":[", 11);
	else if (!a->begun && a->table.form == TABLE_CSV)
		table_csv_head(&a->table, out);
	else if (a->table.form == TABLE_JSON)
		(void)buf_append(out, ",", 1);
	a->begun = a->opened = true;
	table_open(&a->table, labels, N_ELEMENTS(labels) - (a->stepped ? 1 : 0), out);
}

static int end_table(struct answer *a, struct buf *out)
{
	table_close(&a->table, out);
	park(a);
	a->opened = false;
	a->done_ms = a->from_ms;
	a->at++;
	if (a->at < a->n)
		return 1;
	if (a->table.form == TABLE_JSON)
		(void)buf_append(out, "]}", 2);
	table_end(a->table.form, out);
	return 0;
}

static int next_raw(struct answer *a, struct buf *out, struct tesla_error *err)
{
	union table_cells cells[2];
	size_t n;
	int r = 1;

	if (a->used == a->points.n) {
		a->used = a->points.n = 0;
		r = store_series_next(a->raw, &a->points, err);
	}
	if (r <= 0)
		return r;
	n = a->points.n - a->used < ROWS_MAX ? a->points.n - a->used : ROWS_MAX;
	cells[0].ints = a->points.end_ms;
	cells[1].reals = a->points.values;
	table_rows(&a->table, cells, a->used, n, out);
	a->used += n;
	if (n > 0)
		a->done_ms = a->points.end_ms[a->used - 1];
	return 1;
}

static double aggregate_of(const struct store_bucket *b, enum aggregate_column which)
{
	switch (which) {
	case AGGREGATE_MEAN:
		return b->mean;
	case AGGREGATE_MIN:
		return b->min;
	case AGGREGATE_MAX:
		return b->max;
	case AGGREGATE_SUM:
		return b->sum;
	case AGGREGATE_LAST:
		return b->last;
	case AGGREGATE_INCREASE:
		return b->increase;
	case AGGREGATE_COUNT:
		return (double)b->n_rows;
	default:
		return b->coverage;
	}
}

static void write_buckets(struct answer *a, const struct store_bucket *b, size_t n, struct buf *out)
{
	double reals[N_AGGREGATES][RUN_MAX];
	int64_t starts[RUN_MAX], ends[RUN_MAX];
	union table_cells cells[COLUMNS_MAX];

	for (size_t i = 0; i < n; i++) {
		starts[i] = b[i].start_ms;
		ends[i] = b[i].end_ms;
		for (size_t c = 0; c < a->n_aggregates; c++)
			reals[c][i] = aggregate_of(&b[i], a->aggregates[c]);
	}
	cells[0].ints = starts;
	cells[1].ints = ends;
	for (size_t c = 0; c < a->n_aggregates; c++)
		cells[2 + c].reals = reals[c];
	table_rows(&a->table, cells, 0, n, out);
	a->done_ms = b[n - 1].end_ms;
}

static int next_buckets(struct answer *a, struct buf *out, struct tesla_error *err)
{
	struct store_bucket_run run = { NULL, 0 };
	int r = store_buckets_next(a->buckets, &run, err);

	for (size_t at = 0; r > 0 && at < run.n; at += RUN_MAX)
		write_buckets(a, run.at + at, run.n - at < RUN_MAX ? run.n - at : RUN_MAX, out);
	return r;
}

static int make(void *arg, struct store *store, struct buf *out, struct tesla_error *err)
{
	struct answer *a = arg;
	int r = open_reader(a, store, err);

	if (r < 0)
		return r;
	if (!a->opened)
		begin_table(a, out);
	if (r > 0)
		r = a->stepped ? next_buckets(a, out, err) : next_raw(a, out, err);
	return r == 0 ? end_table(a, out) : r;
}

static void release(void *arg)
{
	struct answer *a = arg;

	park(a);
	free(a->series);
	free(a);
}

/* ---- what is asked ---- */

static int series_add(struct answer *a, const struct series_name *name, struct tesla_error *err)
{
	if (a->n == SERIES_MAX)
		return tesla_fail(err, -EINVAL, "more than %u series in one call", SERIES_MAX);
	if (a->n == a->n_cap) {
		size_t cap = 2 * a->n_cap + 1;
		struct series_name *more = realloc(a->series, cap * sizeof *more);

		if (more == NULL)
			return tesla_fail(err, -ENOMEM, "no memory");
		a->series = more;
		a->n_cap = cap;
	}
	a->series[a->n++] = *name;
	return 0;
}

struct adding {
	struct answer *answer;
	struct tesla_error *err;
	int result;
};

static void on_query(void *arg, const char *name, const char *value)
{
	struct adding *adding = arg;
	struct series_name series;

	if (strcmp(name, "s") != 0 || adding->result != 0)
		return;
	adding->answer->many = true;
	adding->result = series_parse(value, &series, adding->err);
	if (adding->result == 0)
		adding->result = series_add(adding->answer, &series, adding->err);
}

static int read_series(const struct call *c, struct answer *a, struct tesla_error *err)
{
	static const char *const names[] = { "node", "analyzer", "variable", "element", "field" };
	struct adding adding = { a, err, 0 };
	const char *parts[N_ELEMENTS(names)];
	struct series_name one;

	request_query_each(c->request, on_query, &adding);
	if (adding.result != 0)
		return adding.result;
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		parts[i] = request_query(c->request, names[i]);
		if (a->many && parts[i] != NULL)
			return tesla_fail(err, -EINVAL, "s and %s: expected one of them", names[i]);
	}
	if (a->many)
		return 0;
	if (series_parts(parts, &one, err) != 0)
		return -EINVAL;
	return series_add(a, &one, err);
}

/* That of the query, else that of the first node. */
static int read_zone(const struct call *c, struct answer *a, struct tesla_error *err)
{
	const struct registry_node *node = registry_node(c->app->registry, a->series[0].node);
	const char *zone = request_query(c->request, "zone");
	int r;

	if (zone == NULL)
		zone = node != NULL ? node->zone : "";
	r = zones_get(c->app->zones, zone, &a->calendar.zone, err);
	if (r == -ENOENT) /* it is the query that is wrong */
		r = err->code = -EINVAL;
	return r;
}

static int read_time(const struct call *c, const char *name, const struct zone *zone, int64_t *ret,
		     struct tesla_error *err)
{
	const char *text = request_query(c->request, name);
	struct tesla_error why;

	if (text == NULL || moment_parse(text, zone, ret, &why) == 0)
		return 0;
	return tesla_fail(err, -EINVAL, "%s is %s", name, why.text);
}

static int read_times(const struct call *c, struct answer *a, struct tesla_error *err)
{
	int r;

	a->to_ms = app_wall_ms(c->app);
	r = read_time(c, "to", a->calendar.zone, &a->to_ms, err);
	a->from_ms = a->to_ms - DAY_MS;
	if (r == 0)
		r = read_time(c, "from", a->calendar.zone, &a->from_ms, err);
	if (r == 0 && a->from_ms > a->to_ms)
		r = tesla_fail(err, -EINVAL, "from is behind to");
	a->done_ms = a->from_ms;
	return r;
}

static int read_step(const struct call *c, struct answer *a, struct tesla_error *err)
{
	const char *step = request_query(c->request, "step");
	const char *aggregates = request_query(c->request, "aggregates");

	if (step == NULL && aggregates != NULL)
		return tesla_fail(err, -EINVAL, "aggregates without a step");
	if (step == NULL)
		return 0;
	a->stepped = true;
	for (size_t i = 0; i < a->n; i++)
		if (a->series[i].field != STORE_VALUE)
			return tesla_fail(err, -EINVAL, "a step takes the field value only");
	if (step_parse(step, &a->calendar.step, err) != 0)
		return -EINVAL;
	return aggregates_parse(aggregates, a->aggregates, &a->n_aggregates, err);
}

static int read_query(const struct call *c, struct answer *a, struct tesla_error *err)
{
	int r = read_series(c, a, err);

	if (r == 0)
		r = read_zone(c, a, err);
	if (r == 0)
		r = read_times(c, a, err);
	return r == 0 ? read_step(c, a, err) : r;
}

static void columns_make(struct answer *a)
{
	a->table.columns = a->columns;
	if (!a->stepped) {
		a->columns[0] = (struct table_column){ "end_ms", "end", TABLE_TIME };
		a->columns[1] = (struct table_column){ "value", NULL, TABLE_REAL };
		a->table.n_columns = 2;
		return;
	}
	a->columns[0] = (struct table_column){ "start_ms", "start", TABLE_TIME };
	a->columns[1] = (struct table_column){ "end_ms", "end", TABLE_TIME };
	for (size_t i = 0; i < a->n_aggregates; i++)
		a->columns[2 + i] = (struct table_column){ aggregate_names[a->aggregates[i]], NULL,
							   TABLE_REAL };
	a->table.n_columns = 2 + a->n_aggregates;
}

static bool may_read_all(const struct call *c, const struct answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!auth_may(&c->who, AUTH_READ, a->series[i].node))
			return false;
	return true;
}

void api_series_get(struct call *c)
{
	const struct pieces_maker maker = { make, park, release, calloc(1, sizeof(struct answer)) };
	struct answer *a = maker.arg;
	struct tesla_error err = { 0 };
	int r;

	if (a == NULL) {
		call_busy(c);
		return;
	}
	r = read_query(c, a, &err);
	if (r == 0)
		r = call_table(c, &a->table, &err);
	if (r == 0 && may_read_all(c, a)) {
		columns_make(a);
		pieces_answer(c, call_types[c->form], &maker);
		return;
	}
	release(a);
	if (r == 0)
		call_error(c, 403, "%s may not read all of these", c->who_text);
	else
		call_fail(c, &err);
}
