/* SPDX-License-Identifier: Apache-2.0 */
/* Remote read: which numbers there are, which of them are asked for, and their samples. */
#include "central/prom_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "central/codec.h"
#include "central/store_read.h"

#define SLICE 4096u /* samples of a step */

struct prom_reader {
	struct prom_request *request;
	const struct auth_principal *who;
	const struct catalogue *models;
	struct prom_response *response;
	struct prom_labels labels;
	size_t n_begun;		/* queries; the last of them is under way while `list` is there */
	int64_t from_ms, to_ms; /* of that query */
	struct store_list *list;
	/* The number that comes next, of the analyzer; none when `variable` is behind the last. */
	struct store_analyzer analyzer;
	size_t variable, element, field;
	/* Its samples; NULL: there is none under way.  Those from `used` on were not written. */
	struct store_series *series;
	struct store_points points;
	size_t used;
};

/* Whatever it was: it is not the request that is wrong. */
static int store_failed(struct tesla_error *err)
{
	return err->code = -EIO;
}

/* ---- samples ---- */

static int series_step(struct prom_reader *r, struct tesla_error *err)
{
	size_t from, n;
	int rc = 1;

	if (r->used == r->points.n) {
		r->used = r->points.n = 0;
		rc = store_series_next(r->series, &r->points, err);
		if (rc < 0)
			return store_failed(err);
	}
	if (rc == 0) {
		store_series_close(r->series);
		r->series = NULL;
		return 1;
	}
	from = r->used;
	n = r->points.n - from < SLICE ? r->points.n - from : SLICE;
	r->used += n;
	rc = prom_response_samples(r->response, r->points.end_ms + from, r->points.values + from, n,
				   err);
	return rc == 0 ? 1 : rc;
}

static int series_open(struct prom_reader *r, struct store *store, const struct store_variable *v,
		       struct tesla_error *err)
{
	const struct store_query q = { .node = r->analyzer.node,
				       .analyzer = r->analyzer.analyzer,
				       .variable = v->name,
				       .element = r->element,
				       .field = (enum store_field)r->field,
				       .from_ms = r->from_ms,
				       .to_ms = r->to_ms };
	int rc = store_series_open(store, &q, &r->series, err);

	r->used = r->points.n = 0;
	if (rc == -ENOENT) { /* nobody ever sent minima, say */
		r->series = NULL;
		return 0;
	}
	return rc == 0 ? prom_response_series(r->response, &r->labels, err) : store_failed(err);
}

/* ---- numbers ---- */

/* What the model calls its elements, if it has those that the store has; else NULL. */
static const struct tesla_variable *labelled(const struct prom_reader *r,
					     const struct store_variable *v)
{
	const struct model *m =
		r->analyzer.model != NULL ? catalogue_model(r->models, r->analyzer.model) : NULL;
	const struct tesla_variable *known = m != NULL ? model_variable(m, v->name) : NULL;

	if (known == NULL || known->n_elements != v->n_elements)
		return NULL;
	for (size_t i = 0; i < known->n_elements; i++)
		if (known->elements[i]->label == NULL || known->elements[i]->label[0] == '\0')
			return NULL; /* a mixture could name two alike */
	return known;
}

static int labels_set(struct prom_reader *r, const struct store_variable *v,
		      struct tesla_error *err)
{
	const struct tesla_variable *known = labelled(r, v);
	struct prom_series series = { .node = r->analyzer.node,
				      .analyzer = r->analyzer.analyzer,
				      .model = r->analyzer.model,
				      .variable = v->name,
				      .unit = v->unit,
				      .kind = v->kind,
				      .field = (enum store_field)r->field };
	char number[24];

	(void)snprintf(number, sizeof number, "%zu", r->element + 1);
	if (known != NULL)
		series.element = known->elements[r->element]->label;
	else if (v->n_elements > 1)
		series.element = number;
	return prom_labels_set(&r->labels, &series, err);
}

static void next_number(struct prom_reader *r, const struct store_variable *v)
{
	if (++r->field < STORE_N_FIELDS)
		return;
	r->field = 0;
	if (++r->element < v->n_elements)
		return;
	r->element = 0;
	r->variable++;
}

static bool overlaps(const struct prom_reader *r, const struct store_range *range)
{
	return range->first_ms <= r->to_ms && range->last_ms >= r->from_ms;
}

static int number_step(struct prom_reader *r, struct store *store, struct tesla_error *err)
{
	const struct store_variable *v = &r->analyzer.variables[r->variable];
	int rc;

	if (v->n_elements == 0 || !overlaps(r, &v->range)) {
		r->element = r->field = 0;
		r->variable++;
		return 1;
	}
	if (prom_offers(v->kind, (enum store_field)r->field)) {
		rc = labels_set(r, v, err);
		if (rc == 0)
			rc = prom_request_matches(r->request, r->n_begun - 1, &r->labels, err);
		if (rc == 1)
			rc = series_open(r, store, v, err);
		if (rc < 0)
			return rc;
	}
	next_number(r, v);
	return 1;
}

/* ---- analyzers ---- */

/* What can be told before any label is made. */
static bool wanted(const struct prom_reader *r)
{
	const struct prom_query *q = prom_request_query(r->request, r->n_begun - 1);
	const char *id = prom_query_equals(q, "analyzer");
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRId64, r->analyzer.analyzer);
	return (id == NULL || strcmp(id, text) == 0) && overlaps(r, &r->analyzer.range) &&
	       auth_may(r->who, AUTH_READ, r->analyzer.node);
}

static int analyzer_step(struct prom_reader *r, struct tesla_error *err)
{
	int rc = store_list_next(r->list, &r->analyzer, err);

	r->variable = r->element = r->field = 0;
	if (rc < 0)
		return store_failed(err);
	if (rc == 0) {
		store_list_close(r->list);
		r->list = NULL;
	}
	if (rc == 0 || !wanted(r))
		r->variable = r->analyzer.n_variables;
	return 1;
}

static int query_begin(struct prom_reader *r, struct store *store, struct tesla_error *err)
{
	const struct prom_query *q = prom_request_query(r->request, r->n_begun++);
	int rc = prom_response_query(r->response, err);

	if (rc != 0)
		return rc;
	r->from_ms = q->from_ms > -CODEC_TIME_MAX ? q->from_ms : -CODEC_TIME_MAX;
	r->to_ms = q->to_ms < CODEC_TIME_MAX ? q->to_ms : CODEC_TIME_MAX;
	r->analyzer.n_variables = r->variable = 0;
	if (store_list_open(store, prom_query_equals(q, "node"), &r->list, err) != 0)
		return store_failed(err);
	return 1;
}

/* ---- all of it ---- */

int prom_reader_step(struct prom_reader *r, struct store *store, struct buf *ret,
		     struct tesla_error *err)
{
	int rc;

	if (r->response == NULL) {
		rc = prom_response_new(NULL, &r->response, err);
		return rc == 0 ? 1 : rc;
	}
	if (r->series != NULL)
		return series_step(r, err);
	if (r->variable < r->analyzer.n_variables)
		return number_step(r, store, err);
	if (r->list != NULL)
		return analyzer_step(r, err);
	if (r->n_begun < prom_request_n_queries(r->request))
		return query_begin(r, store, err);
	return prom_response_take(r->response, ret, err);
}

struct prom_reader *prom_reader_new(struct prom_request *request, const struct auth_principal *who,
				    const struct catalogue *models)
{
	struct prom_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->request = request;
	r->who = who;
	r->models = models;
	prom_labels_init(&r->labels);
	return r;
}

void prom_reader_free(struct prom_reader *r)
{
	if (r == NULL)
		return;
	store_series_close(r->series);
	store_list_close(r->list);
	prom_labels_release(&r->labels);
	prom_response_free(r->response);
	prom_request_free(r->request);
	free(r);
}
