/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading out of foreign bytes.  A number counts only with a quality that has one, and the other
 * way round: what is not clearly a value is none.
 */
#include "base/reading.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mp.h"

void reading_release(struct reading *r)
{
	for (size_t i = 0; r->labels != NULL && i < r->pub.n_elements; i++)
		free(r->labels[i]);
	free(r->labels);
	free(r->elements);
	free(r->variable);
	free(r->unit);
	free(r->error);
	*r = (struct reading){ 0 };
}

static int bad(struct tesla_error *err, const char *what)
{
	return tesla_fail(err, -EBADMSG, "a reading that makes no sense: %s", what);
}

static int no_memory(struct tesla_error *err)
{
	return tesla_fail(err, -ENOMEM, "no memory for a reading");
}

/* A text under key, or *ret NULL when there is none; another type is an error. */
static int take_text(const msgpack_object *map, const char *key, char **ret,
		     struct tesla_error *err)
{
	const msgpack_object *o = mp_get(map, key);

	if (o == NULL || o->type == MSGPACK_OBJECT_NIL)
		return 0;
	if (o->type != MSGPACK_OBJECT_STR || memchr(o->via.str.ptr, 0, o->via.str.size) != NULL)
		return bad(err, key);
	*ret = mp_to_strdup(o);
	return *ret ? 0 : no_memory(err);
}

static int take_count(const msgpack_object *map, const char *key, uint64_t *ret,
		      struct tesla_error *err)
{
	int64_t v;

	if (!mp_to_int(mp_get(map, key), &v) || v < 0)
		return bad(err, key);
	*ret = (uint64_t)v;
	return 0;
}

static bool has_number(enum tesla_quality q)
{
	return q == TESLA_GOOD || q == TESLA_SUSPECT || q == TESLA_STALE;
}

static struct tesla_element element(const msgpack_object *v, enum tesla_quality quality)
{
	struct tesla_element e = { NAN, quality };

	if (has_number(quality) && (!mp_to_real(v, &e.value) || !isfinite(e.value))) {
		e.value = NAN;
		e.quality = quality == TESLA_STALE ? TESLA_STALE : TESLA_ERROR;
	}
	return e;
}

static int take_elements(struct reading *r, const msgpack_object *map, struct tesla_error *err)
{
	size_t n, n_q;
	const msgpack_object *v = mp_array(map, "v", &n), *q = mp_array(map, "q", &n_q);

	if (n == 0)
		return bad(err, "v");
	if (q != NULL && n_q != n)
		return bad(err, "q");
	r->elements = calloc(n, sizeof *r->elements);
	if (r->elements == NULL)
		return no_memory(err);
	r->pub.n_elements = n;
	for (size_t i = 0; i < n; i++) {
		int64_t quality = TESLA_GOOD;

		if (q != NULL &&
		    (!mp_to_int(&q[i], &quality) || quality < TESLA_GOOD || quality > TESLA_STALE))
			return bad(err, "q");
		r->elements[i] = element(&v[i], (enum tesla_quality)quality);
	}
	r->pub.elements = r->elements;
	return 0;
}

static int take_labels(struct reading *r, const msgpack_object *map, struct tesla_error *err)
{
	size_t n;
	const msgpack_object *labels = mp_array(map, "labels", &n);

	if (labels == NULL)
		return 0;
	if (n != r->pub.n_elements)
		return bad(err, "labels");
	r->labels = calloc(n, sizeof *r->labels);
	if (r->labels == NULL)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		r->labels[i] = mp_to_strdup(&labels[i]);
		if (r->labels[i] == NULL)
			return bad(err, "labels");
	}
	r->pub.labels = (const char *const *)r->labels;
	return 0;
}

static int take_numbers(struct reading *r, const msgpack_object *map, struct tesla_error *err)
{
	if (!mp_to_int(mp_get(map, "t"), &r->pub.t_ms))
		return bad(err, "t");
	r->pub.dt_ms = mp_real(map, "dt", 0);
	if (!(r->pub.dt_ms >= 0))
		return bad(err, "dt");
	if (take_count(map, "n", &r->pub.n, err) != 0)
		return err->code;
	return take_count(map, "k", &r->pub.k, err);
}

static int parse(struct reading *r, const msgpack_object *map, struct tesla_error *err)
{
	if (take_numbers(r, map, err) != 0 || take_elements(r, map, err) != 0 ||
	    take_labels(r, map, err) != 0 || take_text(map, "u", &r->unit, err) != 0 ||
	    take_text(map, "x", &r->error, err) != 0)
		return err->code;
	r->pub.unit = r->unit ? r->unit : "";
	r->pub.error = r->error;
	return 0;
}

int reading_parse(struct reading *r, const msgpack_object *map, struct tesla_error *err)
{
	*r = (struct reading){ 0 };
	if (parse(r, map, err) != 0)
		reading_release(r);
	else
		err->code = 0;
	return err->code;
}

int reading_parse_row(struct reading *r, const msgpack_object *row, int64_t epoch_ms,
		      struct tesla_error *err)
{
	int64_t analyzer;

	if (!mp_to_int(mp_get(row, "analyzer"), &analyzer) || analyzer <= 0) {
		*r = (struct reading){ 0 };
		return bad(err, "analyzer");
	}
	if (reading_parse(r, row, err) != 0)
		return err->code;
	r->pub.analyzer = analyzer;
	r->pub.epoch_ms = epoch_ms;
	if (take_text(row, "variable", &r->variable, err) == 0 && r->variable == NULL)
		(void)bad(err, "variable");
	r->pub.variable = r->variable;
	if (r->variable == NULL)
		reading_release(r);
	return r->variable ? 0 : err->code;
}
