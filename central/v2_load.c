/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET history/load: records of some days, variable by variable, as a stream.  The store is read in
 * parts, of so many rows that a part of all elements has a bounded size; a part is printed in
 * pieces, each when the client has taken the one before.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "central/catalogue.h"
#include "central/local_time.h"
#include "central/old_units.h"
#include "central/store_read.h"
#include "central/v2_internal.h"

#define CELLS_MAX ((size_t)48 << 10) /* of a part, each with its time */
#define ROWS_MAX 2048u		     /* of a part */
#define PART_MS INT64_C(86400000)    /* that it spans at most */
#define PIECE_BYTES ((size_t)48 << 10)
#define PIECE_MAX ((size_t)4 << 20)
#define STEP_US 3000

struct element { /* of a part */
	int64_t *ms;
	double *values; /* NAN: it is not good */
	size_t n, at;
};
struct variable {
	char *name, *unit;
	const char *description; /* the catalogue's */
	double factor;
	size_t n_elements;
	struct element *elements;
};
struct loading {
	struct call *call;
	struct keeper_job job;
	struct arena memory;
	const struct zone *zone;
	int64_t analyzer, from_ms, to_ms; /* what is left to read; both included */
	char *node;
	const char *only; /* NULL: all variables */
	struct variable *variables;
	size_t n_variables, n_elements, rows_max;
	/* The part that is there. */
	size_t read_variable, read_element; /* what of it is to be read next */
	int64_t part_to_ms;
	bool is_read; /* and printed up to each element's `at` */
	yajl_gen json;
	struct buf piece;
	bool found, opened, working, over, done;
	int result;
	struct tesla_error error;
};

static void loading_free(struct loading *l)
{
	for (size_t v = 0; v < l->n_variables; v++)
		for (size_t e = 0; e < l->variables[v].n_elements; e++) {
			free(l->variables[v].elements[e].ms);
			free(l->variables[v].elements[e].values);
		}
	if (l->json != NULL)
		yajl_gen_free(l->json);
	buf_release(&l->piece);
	arena_release(&l->memory);
	free(l);
}

static struct loading *of_job(struct keeper_job *job)
{
	return (struct loading *)(void *)((char *)job - offsetof(struct loading, job));
}

/* ---- what there is to read: in the keeper's thread, as all up to "the loop's side" ---- */

static int no_memory(struct loading *l)
{
	return tesla_fail(&l->error, -ENOMEM, "no memory");
}

static int variable_add(struct loading *l, const struct store_variable *from, const struct model *m)
{
	struct variable *v = &l->variables[l->n_variables];
	const struct tesla_variable *known = m != NULL ? model_variable(m, from->name) : NULL;
	char unit[OLD_UNIT_SIZE];

	old_unit(from->unit, from->factor, unit);
	*v = (struct variable){
		.name = arena_strdup(&l->memory, from->name),
		.unit = arena_strdup(&l->memory, unit),
		.description =
			known != NULL && known->description != NULL ? known->description : "",
		.factor = from->factor,
		.elements = arena_alloc(&l->memory, from->n_elements, sizeof *v->elements),
	};
	if (l->memory.failed)
		return no_memory(l);
	v->n_elements = from->n_elements;
	l->n_elements += v->n_elements;
	l->n_variables++;
	return 0;
}

static int variables_take(struct loading *l, const struct store_analyzer *a)
{
	const struct model *m = catalogue_model(l->call->app->catalogue, a->model);
	int r = 0;

	if (a->range.first_ms > l->from_ms)
		l->from_ms = a->range.first_ms;
	if (a->range.last_ms < l->to_ms)
		l->to_ms = a->range.last_ms;
	l->variables = arena_alloc(&l->memory, a->n_variables, sizeof *l->variables);
	if (l->variables == NULL)
		return no_memory(l);
	for (size_t i = 0; i < a->n_variables && r == 0; i++) {
		const struct store_variable *v = &a->variables[i];

		if ((l->only == NULL || strcmp(l->only, v->name) == 0) &&
		    v->range.first_ms <= v->range.last_ms)
			r = variable_add(l, v, m);
	}
	return r;
}

static int elements_reserve(struct loading *l)
{
	size_t rows = l->n_elements > 0 ? CELLS_MAX / l->n_elements : 0;

	l->rows_max = rows > ROWS_MAX ? ROWS_MAX : rows < 16 ? 16 : rows;
	for (size_t v = 0; v < l->n_variables; v++)
		for (size_t e = 0; e < l->variables[v].n_elements; e++) {
			struct element *el = &l->variables[v].elements[e];

			el->ms = calloc(l->rows_max, sizeof *el->ms);
			el->values = calloc(l->rows_max, sizeof *el->values);
			if (el->ms == NULL || el->values == NULL)
				return no_memory(l);
		}
	return 0;
}

static int find(struct loading *l, struct store *store)
{
	struct store_list *list;
	struct store_analyzer a;
	int r = store_list_open(store, l->node, &list, &l->error);

	if (r != 0)
		return r;
	while (!l->found && (r = store_list_next(list, &a, &l->error)) == 1)
		if (a.analyzer == l->analyzer) {
			l->found = true;
			r = variables_take(l, &a);
			if (r != 0)
				break;
		}
	store_list_close(list);
	return r < 0 ? r : elements_reserve(l);
}

/* ---- reading a part ---- */

/* Points of one number into `values` or, of qualities, what is not good out of it. */
static int column_read(struct loading *l, struct store *store, struct store_query *q,
		       struct element *el)
{
	bool qualities = q->field == STORE_QUALITY;
	struct store_series *series;
	struct store_points points;
	size_t n = 0;
	int r = store_series_open(store, q, &series, &l->error);

	if (r != 0)
		return r == -ENOENT ? 0 : r;
	while (n < l->rows_max && (r = store_series_next(series, &points, &l->error)) == 1)
		for (size_t i = 0; i < points.n && n < l->rows_max; i++, n++) {
			if (!qualities) {
				el->ms[n] = points.end_ms[i];
				el->values[n] = points.values[i];
			} else if (n >= el->n || el->ms[n] != points.end_ms[i] ||
				   points.values[i] != TESLA_GOOD) {
				el->values[n] = NAN;
			}
		}
	store_series_close(series);
	if (!qualities)
		el->n = n;
	return r < 0 ? r : 0;
}

/* Where a part is full, all of it ends there. */
static int element_read(struct loading *l, struct store *store)
{
	struct variable *v = &l->variables[l->read_variable];
	struct element *el = &v->elements[l->read_element];
	struct store_query q = { l->node,     l->analyzer, v->name,	 l->read_element,
				 STORE_VALUE, l->from_ms,  l->part_to_ms };
	int r;

	el->n = el->at = 0;
	r = column_read(l, store, &q, el);
	if (r == 0 && el->n > 0) {
		q.field = STORE_QUALITY;
		r = column_read(l, store, &q, el);
	}
	if (el->n == l->rows_max && el->ms[el->n - 1] < l->part_to_ms)
		l->part_to_ms = el->ms[el->n - 1];
	return r;
}

/* 1: the part is there; 0: there is more to read. */
static int part_step(struct loading *l, struct store *store)
{
	int r = 0;

	if (l->read_variable == 0 && l->read_element == 0)
		l->part_to_ms = l->to_ms - l->from_ms > PART_MS ? l->from_ms + PART_MS : l->to_ms;
	if (l->read_variable < l->n_variables)
		r = element_read(l, store);
	if (r < 0)
		return r;
	if (l->n_variables > 0 && ++l->read_element == l->variables[l->read_variable].n_elements) {
		l->read_element = 0;
		l->read_variable++;
	}
	return l->read_variable >= l->n_variables;
}

/* ---- printing it ---- */

/* The next time of the part; false: it is printed. */
static bool next_time(const struct loading *l, int64_t *ret)
{
	bool found = false;

	for (size_t v = 0; v < l->n_variables; v++)
		for (size_t e = 0; e < l->variables[v].n_elements; e++) {
			const struct element *el = &l->variables[v].elements[e];

			if (el->at < el->n && el->ms[el->at] <= l->part_to_ms &&
			    (!found || el->ms[el->at] < *ret)) {
				*ret = el->ms[el->at];
				found = true;
			}
		}
	return found;
}

static bool is_good(const struct variable *v, int64_t ms)
{
	for (size_t e = 0; e < v->n_elements; e++) {
		const struct element *el = &v->elements[e];

		if (el->at == el->n || el->ms[el->at] != ms || isnan(el->values[el->at]))
			return false;
	}
	return true;
}

static void print_one(yajl_gen g, const struct variable *v, const char *when)
{
	(void)yajl_gen_map_open(g);
	(void)json_text(g, "dataHora");
	(void)json_text(g, when);
	(void)json_text(g, "descripcio");
	(void)json_text(g, v->description);
	(void)json_text(g, "unitats");
	(void)json_text(g, v->unit);
	(void)json_text(g, "valor");
	if (v->n_elements > 1)
		(void)yajl_gen_array_open(g);
	for (size_t e = 0; e < v->n_elements; e++) {
		const struct element *el = &v->elements[e];

		(void)json_number(g, old_rounded(el->values[el->at], v->factor));
	}
	if (v->n_elements > 1)
		(void)yajl_gen_array_close(g);
	(void)json_text(g, "variable");
	(void)json_text(g, v->name);
	(void)yajl_gen_map_close(g);
}

static void print_time(struct loading *l, int64_t ms)
{
	int64_t t_s = ms / 1000;
	char when[LOCAL_TIME_SIZE];

	iso_time_print(t_s + zone_offset_s(l->zone, t_s), when);
	for (size_t i = 0; i < l->n_variables; i++) {
		struct variable *v = &l->variables[i];

		if (is_good(v, ms))
			print_one(l->json, v, when);
		for (size_t e = 0; e < v->n_elements; e++) {
			struct element *el = &v->elements[e];

			if (el->at < el->n && el->ms[el->at] == ms)
				el->at++;
		}
	}
}

static size_t printed(const struct loading *l)
{
	const unsigned char *text;
	size_t len = 0;

	(void)yajl_gen_get_buf(l->json, &text, &len);
	return len;
}

/* What is printed so far becomes the piece. */
static int piece_make(struct loading *l)
{
	const unsigned char *text;
	size_t len = 0;

	(void)yajl_gen_get_buf(l->json, &text, &len);
	if (buf_append(&l->piece, text, len) != 0)
		return no_memory(l);
	yajl_gen_clear(l->json);
	return 0;
}

/* The part is printed: on with the next one, or that was all. */
static void part_end(struct loading *l)
{
	l->is_read = false;
	l->read_variable = l->read_element = 0;
	l->from_ms = l->part_to_ms + 1;
	if (l->from_ms <= l->to_ms && l->n_variables > 0)
		return;
	(void)yajl_gen_array_close(l->json);
	(void)yajl_gen_map_close(l->json);
	(void)yajl_gen_map_close(l->json);
	l->done = true;
}

static int step(struct loading *l, struct store *store)
{
	int64_t ms = 0;
	int r;

	if (!l->is_read) {
		r = part_step(l, store);
		l->is_read = r == 1;
		return r < 0 ? r : 0;
	}
	for (size_t i = 0; i < 64; i++) {
		if (!next_time(l, &ms)) {
			part_end(l);
			return 0;
		}
		print_time(l, ms);
	}
	return 0;
}

static bool load_work(struct keeper_job *job, struct store *store)
{
	struct loading *l = of_job(job);
	int64_t until_us = clock_mono_us() + STEP_US;

	if (!l->opened) {
		l->result = find(l, store);
		return false;
	}
	do
		l->result = step(l, store);
	while (l->result == 0 && !l->done && printed(l) < PIECE_BYTES &&
	       clock_mono_us() < until_us);
	if (l->result == 0 && !l->done && printed(l) < PIECE_BYTES)
		return true;
	if (l->result == 0)
		l->result = piece_make(l);
	return false;
}

/* ---- the loop's side ---- */

static void submit(struct loading *l)
{
	struct call *c = l->call;

	l->working = !c->app->stopping && keeper_submit(c->app->keeper, &l->job);
	if (l->working)
		return;
	if (l->opened) { /* the client sees that it is not whole */
		stream_end(c->request, false);
		return;
	}
	c->app->v2->loads--;
	call_busy(c);
	loading_free(l);
}

static void on_want(void *arg)
{
	struct loading *l = arg;

	if (!l->working && !l->over)
		submit(l);
}

static void on_gone(void *arg)
{
	struct loading *l = arg;

	l->call->app->v2->loads--;
	l->over = true;
	if (!l->working)
		loading_free(l);
}

static void begin(struct loading *l)
{
	const struct stream stream = { on_want, on_gone, l };

	l->opened = true;
	(void)yajl_gen_map_open(l->json);
	(void)json_text(l->json, "ResultSet");
	(void)yajl_gen_map_open(l->json);
	(void)json_text(l->json, "Lectures");
	(void)yajl_gen_array_open(l->json);
	request_answer_stream(l->call->request, 200, call_types[CALL_JSON], &stream);
}

static void on_opened(struct loading *l)
{
	struct call *c = l->call;
	const struct registry *r = c->app->registry;

	if (l->result == 0 && (l->found || registry_analyzer(r, c->args[0], l->analyzer) != NULL)) {
		begin(l);
		return;
	}
	if (l->result == 0)
		v2_say(c, 400, "#node %.80s has no analyzer %.24s", c->args[0], c->args[1]);
	else
		call_fail(c, &l->error);
	c->app->v2->loads--;
	loading_free(l);
}

static void load_done(struct keeper_job *job)
{
	struct loading *l = of_job(job);
	struct call *c = l->call;

	l->working = false;
	if (l->over) {
		loading_free(l);
		return;
	}
	if (!l->opened) {
		on_opened(l);
		return;
	}
	if (l->result != 0) {
		call_failed(c, l->error.text);
		stream_end(c->request, false);
		return;
	}
	if (l->piece.pub.len > 0) {
		stream_push(c->request, &l->piece);
		buf_init(&l->piece, PIECE_MAX);
	}
	if (l->done)
		stream_end(c->request, true);
}

/* False: answered. */
static bool arguments_take(struct loading *l)
{
	struct call *c = l->call;
	const struct registry_node *n = registry_node(c->app->registry, c->args[0]);
	int64_t days_s[2];
	struct tesla_error err;

	if (n == NULL || !v2_number(c->args[1], &l->analyzer)) {
		v2_say(c, 400, "#there is no node %.80s with an analyzer %.24s", c->args[0],
		       c->args[1]);
	} else if (!v2_days(c->args[3], c->args[4], days_s)) {
		v2_say(c, 400, "#expected two days, such as 01-05-2012, the earlier one first");
	} else if (v2_zone(c->app, n, &l->zone, &err) != 0) {
		v2_say(c, 503, "#node %.80s: %.200s", n->id, err.text);
	} else {
		l->node = arena_strdup(&l->memory, n->id);
		l->only = strcmp(c->args[2], "ALL") != 0 ? c->args[2] : NULL;
		l->from_ms = local_day_begin(l->zone, days_s[0]) * 1000;
		l->to_ms = local_day_begin(l->zone, days_s[1]) * 1000 - 1;
		return true;
	}
	return false;
}

void v2_load(struct call *c)
{
	struct loading *l = c->app->v2->loads < V2_LOADS_MAX ? calloc(1, sizeof *l) : NULL;

	if (l == NULL) {
		call_busy(c);
		return;
	}
	l->call = c;
	buf_init(&l->piece, PIECE_MAX);
	if (!arguments_take(l)) {
		loading_free(l);
		return;
	}
	l->json = json_new();
	if (l->json == NULL || l->node == NULL) {
		call_busy(c);
		loading_free(l);
		return;
	}
	l->job = (struct keeper_job){ .kind = KEEPER_READ, .work = load_work, .done = load_done };
	c->app->v2->loads++;
	request_hold(c->request);
	submit(l);
}
