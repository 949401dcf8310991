/* SPDX-License-Identifier: Apache-2.0 */
/* From MessagePack to records.  What a record must be beyond its form, the store looks at. */
#include "central/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/model_tables.h"
#include "base/utf8.h"
#include "central/ahead.h"

#define NAME_MAX_BYTES 127u
#define MODEL_MAX_BYTES 255u
#define KEYS_MAX 64u /* of a map, variables apart; more than we know, as some are skipped */

static const char *const field_names[STORE_N_FIELDS] = {
	[STORE_VALUE] = "value",
	[STORE_MIN] = "min",
	[STORE_MAX] = "max",
	[STORE_INCREASE] = "increase",
	[STORE_COVERED_MS] = "covered_ms",
	[STORE_COUNT] = "count",
	[STORE_QUALITY] = "quality",
};

/* ---- what is common to both forms ---- */

static bool same_text(const msgpack_object *a, const msgpack_object *b)
{
	return a->type == MSGPACK_OBJECT_STR && b->type == MSGPACK_OBJECT_STR &&
	       a->via.str.size == b->via.str.size &&
	       memcmp(a->via.str.ptr, b->via.str.ptr, a->via.str.size) == 0;
}

/* Of a map that has a key twice, nobody knows which is meant. */
static int check_keys(const msgpack_object_map *map, const char *what, size_t max,
		      struct tesla_error *err)
{
	if (map->size > max)
		return tesla_fail(err, -EBADMSG, "%.40s: a map of %u: expected at most %zu", what,
				  (unsigned)map->size, max);
	for (uint32_t i = 0; i < map->size; i++)
		for (uint32_t j = 0; j < i; j++)
			if (same_text(&map->ptr[i].key, &map->ptr[j].key))
				return tesla_fail(err, -EBADMSG, "%.40s: \"%.*s\" comes twice",
						  what,
						  map->ptr[i].key.via.str.size < 40
							  ? (int)map->ptr[i].key.via.str.size
							  : 40,
						  map->ptr[i].key.via.str.ptr);
	return 0;
}

/* A copy in the intake's memory, `?` for what is no writing in it; NULL: no text, or too long. */
static const char *text_of(struct intake *in, const msgpack_object *o, size_t max)
{
	char *text;

	if (o == NULL || o->type != MSGPACK_OBJECT_STR || o->via.str.size > max ||
	    memchr(o->via.str.ptr, '\0', o->via.str.size) != NULL)
		return NULL;
	text = arena_strndup(&in->memory, o->via.str.ptr, o->via.str.size);
	if (text != NULL)
		(void)utf8_clean(text, o->via.str.size, UTF8_LINE);
	return text;
}

static bool model_of(struct intake *in, const msgpack_object *o, const char **ret,
		     struct tesla_error *err)
{
	const msgpack_object *model = mp_get(o, "model");
	const char *text = text_of(in, model, MODEL_MAX_BYTES);

	*ret = text != NULL ? text : "";
	if (**ret == '\0')
		(void)tesla_fail(err, -EBADMSG, "\"model\": expected a text of 1 to %u bytes",
				 MODEL_MAX_BYTES);
	return **ret != '\0';
}

/* What series are asked for by, and units: as it came, or it is none. */
static const char *name_of(struct intake *in, const msgpack_object *o)
{
	const char *text = text_of(in, o, NAME_MAX_BYTES);

	return text != NULL && strchr(text, '/') == NULL &&
			       memcmp(text, o->via.str.ptr, o->via.str.size) == 0
		       ? text
		       : NULL;
}

/* A unit may have a slash: m3/h. */
static const char *unit_of(struct intake *in, const msgpack_object *o)
{
	const char *text = text_of(in, o, NAME_MAX_BYTES);

	return text != NULL && memcmp(text, o->via.str.ptr, o->via.str.size) == 0 ? text : NULL;
}

static bool kind_of(const msgpack_object *variable, enum tesla_variable_kind *ret)
{
	for (int k = TESLA_GAUGE; k <= TESLA_STATUS; k++)
		if (mp_is(variable, "kind", kind_name(k))) {
			*ret = (enum tesla_variable_kind)k;
			return true;
		}
	return false;
}

struct head { /* of a variable, in either form */
	const char *name, *unit;
	enum tesla_variable_kind kind;
	double factor;
	const msgpack_object *fields[STORE_N_FIELDS]; /* arrays; NULL: not there */
	size_t n_elements;
};

static int head_read(struct intake *in, const msgpack_object_kv *kv, struct head *ret,
		     struct tesla_error *err)
{
	struct head h = { .name = name_of(in, &kv->key), .factor = 1 };

	if (h.name == NULL || h.name[0] == '\0' || kv->val.type != MSGPACK_OBJECT_MAP)
		return tesla_fail(err, -EBADMSG,
				  "\"variables\": expected a map of names (writing, at most %u "
				  "bytes, no slash) to maps",
				  NAME_MAX_BYTES);
	if (check_keys(&kv->val.via.map, h.name, KEYS_MAX, err) != 0)
		return -EBADMSG;
	h.unit = unit_of(in, mp_get(&kv->val, "unit"));
	if (h.unit == NULL)
		return tesla_fail(err, -EBADMSG, "%.40s: expected a \"unit\"", h.name);
	if (!kind_of(&kv->val, &h.kind))
		return tesla_fail(err, -EBADMSG,
				  "%.40s: expected \"kind\" gauge, counter or status", h.name);
	h.factor = mp_real(&kv->val, "factor", 1);
	for (size_t f = 0; f < STORE_N_FIELDS; f++) {
		const msgpack_object *o = mp_get(&kv->val, field_names[f]);

		if (o == NULL || o->type == MSGPACK_OBJECT_NIL)
			continue;
		if (o->type != MSGPACK_OBJECT_ARRAY ||
		    (h.n_elements != 0 && o->via.array.size != h.n_elements))
			return tesla_fail(err, -EBADMSG,
					  "%.40s: \"%s\" is not an array with one for each element",
					  h.name, field_names[f]);
		h.n_elements = o->via.array.size;
		h.fields[f] = o;
	}
	if (h.fields[STORE_VALUE] == NULL || h.n_elements == 0 || h.n_elements > MODEL_ELEMENTS_MAX)
		return tesla_fail(err, -EBADMSG, "%.40s: expected a \"value\" of 1 to %d elements",
				  h.name, MODEL_ELEMENTS_MAX);
	*ret = h;
	return 0;
}

/* A number, or NAN for nil; false: something else. */
static bool number_of(const msgpack_object *o, double *ret)
{
	*ret = NAN;
	return o->type == MSGPACK_OBJECT_NIL || (mp_to_real(o, ret) && isfinite(*ret));
}

/* The map, when there is one that is not too large, in one that is as it must be. */
static const msgpack_object_map *variables_of(const msgpack_object *o, struct tesla_error *err)
{
	const msgpack_object *v = mp_get(o, "variables");

	if (v == NULL || v->type != MSGPACK_OBJECT_MAP || v->via.map.size > MODEL_VARIABLES_MAX) {
		(void)tesla_fail(err, -EBADMSG,
				 "expected \"variables\", a map with at most %d of them",
				 MODEL_VARIABLES_MAX);
		return NULL;
	}
	return check_keys(&o->via.map, "the record", KEYS_MAX, err) == 0 &&
			       check_keys(&v->via.map, "variables", MODEL_VARIABLES_MAX, err) == 0
		       ? &v->via.map
		       : NULL;
}

/* Whole, or it is none; what it may be, the store looks at. */
static bool time_of(const msgpack_object *o, const char *name, int64_t *ret,
		    struct tesla_error *err)
{
	if (mp_to_int(mp_get(o, name), ret))
		return true;
	(void)tesla_fail(err, -EBADMSG, "\"%s\": expected a whole number", name);
	return false;
}

/* As config.xml has them: from 1. */
static bool analyzer_of(const msgpack_object *o, int64_t *ret, struct tesla_error *err)
{
	if (!time_of(o, "analyzer", ret, err))
		return false;
	if (*ret >= 1)
		return true;
	(void)tesla_fail(err, -EBADMSG, "analyzer %" PRId64 ": expected an id from 1", *ret);
	return false;
}

/* ---- records ---- */

static int element_read(const struct head *h, size_t i, struct tesla_record_element *e,
			struct tesla_error *err)
{
	double n[STORE_N_FIELDS];

	for (size_t f = 0; f < STORE_N_FIELDS; f++) {
		n[f] = NAN;
		if (h->fields[f] != NULL && !number_of(&h->fields[f]->via.array.ptr[i], &n[f]))
			return tesla_fail(err, -EBADMSG,
					  "%.40s: element %zu of \"%s\": expected a number or null",
					  h->name, i + 1, field_names[f]);
	}
	if (isnan(n[STORE_QUALITY]))
		n[STORE_QUALITY] = isnan(n[STORE_VALUE]) ? TESLA_UNAVAILABLE : TESLA_GOOD;
	if (!(n[STORE_QUALITY] >= 0 && n[STORE_QUALITY] <= TESLA_STALE) || n[STORE_COUNT] < 0 ||
	    n[STORE_COUNT] > UINT32_MAX || n[STORE_COVERED_MS] < 0 || n[STORE_COVERED_MS] > 1e12)
		return tesla_fail(err, -EBADMSG,
				  "%.40s: element %zu: no such quality, count or covered_ms",
				  h->name, i + 1);
	*e = (struct tesla_record_element){
		.value = n[STORE_VALUE],
		.min = n[STORE_MIN],
		.max = n[STORE_MAX],
		.increase = n[STORE_INCREASE],
		.covered_ms = isnan(n[STORE_COVERED_MS]) ? 0 : (int64_t)n[STORE_COVERED_MS],
		.count = isnan(n[STORE_COUNT]) ? 0 : (uint32_t)n[STORE_COUNT],
		.quality = (enum tesla_quality)n[STORE_QUALITY],
	};
	return 0;
}

static int variable_read(struct intake *in, const msgpack_object_kv *kv,
			 struct tesla_record_variable *v, struct tesla_error *err)
{
	struct tesla_record_element *elements;
	struct head h;
	int r = head_read(in, kv, &h, err);

	if (r != 0)
		return r;
	elements = arena_alloc(&in->memory, h.n_elements, sizeof *elements);
	if (elements == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < h.n_elements && r == 0; i++)
		r = element_read(&h, i, &elements[i], err);
	*v = (struct tesla_record_variable){ .name = h.name,
					     .unit = h.unit,
					     .kind = h.kind,
					     .predecessor_factor = h.factor,
					     .n_elements = h.n_elements,
					     .elements = elements };
	return r;
}

static int record_read(struct intake *in, const msgpack_object *o, struct record *rec,
		       struct tesla_error *err)
{
	const msgpack_object_map *map = variables_of(o, err);
	const struct tesla_record_variable **list;
	struct tesla_record_variable *v;
	int r = 0;

	if (map == NULL || !analyzer_of(o, &rec->analyzer, err) ||
	    !time_of(o, "start_ms", &rec->start_ms, err) ||
	    !time_of(o, "end_ms", &rec->end_ms, err) || !model_of(in, o, &rec->model, err))
		return -EBADMSG;
	rec->identity = text_of(in, mp_get(o, "identity"), RECORD_IDENTITY_MAX);
	v = arena_alloc(&in->memory, map->size, sizeof *v);
	list = arena_alloc(&in->memory, map->size, sizeof(const struct tesla_record_variable *));
	if (v == NULL || list == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < map->size && r == 0; i++) {
		r = variable_read(in, &map->ptr[i], &v[i], err);
		list[i] = &v[i];
	}
	rec->n_variables = map->size;
	rec->variables = list;
	return r;
}

static int records_read(struct intake *in, const msgpack_object *list, struct tesla_error *err)
{
	for (size_t i = 0; i < in->n_records; i++) {
		struct record *rec = arena_alloc(&in->memory, 1, sizeof *rec);
		int r;

		if (rec == NULL)
			return tesla_fail(err, -ENOMEM, "no memory");
		r = record_read(in, &list[i], rec, err);
		if (r == -ENOMEM)
			return r;
		in->records[i] = (struct store_record){ in->node, r == 0 ? rec : NULL };
		if (r != 0)
			intake_reject(in, i, "%s", err->text);
	}
	return 0;
}

/* ---- columns ---- */

/* An array of a number a row; NULL: *err says why. */
static const double *numbers_read(struct intake *in, const struct head *h, size_t field,
				  size_t element, size_t n_rows, struct tesla_error *err)
{
	const msgpack_object *o = &h->fields[field]->via.array.ptr[element];
	double *numbers;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != n_rows) {
		(void)tesla_fail(err, -EBADMSG,
				 "%.40s: element %zu of \"%s\" is not an array of %zu numbers",
				 h->name, element + 1, field_names[field], n_rows);
		return NULL;
	}
	numbers = arena_alloc(&in->memory, n_rows, sizeof *numbers);
	if (numbers == NULL)
		(void)tesla_fail(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < n_rows && numbers != NULL; i++)
		if (!number_of(&o->via.array.ptr[i], &numbers[i])) {
			(void)tesla_fail(err, -EBADMSG,
					 "%.40s: row %zu of \"%s\": expected a number or null",
					 h->name, i + 1, field_names[field]);
			return NULL;
		}
	return numbers;
}

static int column_variable_read(struct intake *in, const msgpack_object_kv *kv, size_t n_rows,
				struct store_column_variable *v, struct tesla_error *err)
{
	struct store_column_element *elements;
	struct head h;
	int r = head_read(in, kv, &h, err);

	if (r != 0)
		return r;
	elements = arena_alloc(&in->memory, h.n_elements, sizeof *elements);
	if (elements == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (size_t f = 0; f < STORE_N_FIELDS; f++)
		for (size_t i = 0; i < h.n_elements && h.fields[f] != NULL; i++) {
			elements[i].fields[f] = numbers_read(in, &h, f, i, n_rows, err);
			if (elements[i].fields[f] == NULL)
				return err->code;
		}
	*v = (struct store_column_variable){ .name = h.name,
					     .unit = h.unit,
					     .kind = h.kind,
					     .predecessor_factor = h.factor,
					     .n_elements = h.n_elements,
					     .elements = elements };
	return 0;
}

static int times_read(struct intake *in, const msgpack_object *o, struct store_columns *c,
		      struct tesla_error *err)
{
	size_t n;
	const msgpack_object *list = mp_array(o, "end_ms", &n);
	int64_t *times;

	if (n == 0 || n > INTAKE_ROWS_MAX)
		return tesla_fail(err, -EBADMSG, "\"end_ms\": expected an array of 1 to %u times",
				  INTAKE_ROWS_MAX);
	times = arena_alloc(&in->memory, n, sizeof *times);
	if (times == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < n; i++)
		if (!mp_to_int(&list[i], &times[i]))
			return tesla_fail(err, -EBADMSG,
					  "\"end_ms\": row %zu: expected a whole number", i + 1);
	c->end_ms = times;
	c->n_rows = n;
	return 0;
}

static int one_columns_read(struct intake *in, const msgpack_object *o, struct store_columns *c,
			    struct tesla_error *err)
{
	const msgpack_object_map *map = variables_of(o, err);
	struct store_column_variable *v;
	int r;

	if (map == NULL || !analyzer_of(o, &c->analyzer, err) ||
	    !time_of(o, "window_ms", &c->window_ms, err) || !model_of(in, o, &c->model, err))
		return -EBADMSG;
	c->identity = text_of(in, mp_get(o, "identity"), RECORD_IDENTITY_MAX);
	r = times_read(in, o, c, err);
	v = arena_alloc(&in->memory, map->size, sizeof *v);
	if (v == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < map->size && r == 0; i++)
		r = column_variable_read(in, &map->ptr[i], c->n_rows, &v[i], err);
	c->n_variables = map->size;
	c->variables = v;
	return r;
}

static int columns_read(struct intake *in, const msgpack_object *list, struct tesla_error *err)
{
	for (size_t i = 0; i < in->n_columns; i++) {
		struct store_columns *c = &in->columns[i];
		int r = one_columns_read(in, &list[i], c, err);

		if (r == -ENOMEM)
			return r;
		c->node = in->node;
		if (r != 0)
			intake_reject(in, in->n_records + i, "%s", err->text);
	}
	return 0;
}

/* ---- the whole ---- */

static int lists_read(struct intake *in, const msgpack_object *body, struct tesla_error *err)
{
	const msgpack_object *records = mp_array(body, "records", &in->n_records),
			     *columns = mp_array(body, "columns", &in->n_columns);
	size_t n = in->n_records + in->n_columns;
	int r;

	if (in->n_records > INTAKE_RECORDS_MAX || in->n_columns > INTAKE_COLUMNS_MAX) {
		in->n_records = in->n_columns = 0;
		return tesla_fail(err, -EMSGSIZE, "expected at most %u records and %u columns",
				  INTAKE_RECORDS_MAX, INTAKE_COLUMNS_MAX);
	}
	in->records = arena_alloc(&in->memory, in->n_records, sizeof *in->records);
	in->columns = arena_alloc(&in->memory, in->n_columns, sizeof *in->columns);
	in->verdicts = arena_alloc(&in->memory, n, sizeof *in->verdicts);
	if (in->records == NULL || in->columns == NULL || in->verdicts == NULL) {
		in->n_records = in->n_columns = 0;
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	r = records_read(in, records, err);
	return r == 0 ? columns_read(in, columns, err) : r;
}

static bool is_list(const msgpack_object *o)
{
	return o == NULL || o->type == MSGPACK_OBJECT_ARRAY || o->type == MSGPACK_OBJECT_NIL;
}

int intake_read(const msgpack_object *body, struct intake *in, struct tesla_error *err)
{
	const msgpack_object *node = mp_get(body, "node"), *records = mp_get(body, "records"),
			     *columns = mp_get(body, "columns");
	int r;

	if (body->type != MSGPACK_OBJECT_MAP || (records == NULL && columns == NULL))
		return tesla_fail(err, -EBADMSG,
				  "expected a map with \"records\" or \"columns\", or both");
	if (check_keys(&body->via.map, "the body", KEYS_MAX, err) != 0)
		return -EBADMSG;
	if (!is_list(records) || !is_list(columns))
		return tesla_fail(err, -EBADMSG, "\"%s\": expected an array",
				  is_list(records) ? "columns" : "records");
	in->node = text_of(in, node, STORE_NODE_MAX);
	if (node != NULL && in->node == NULL)
		return tesla_fail(err, -EBADMSG, "\"node\": expected a text");
	r = lists_read(in, body, err);
	return r == 0 && in->memory.failed ? tesla_fail(err, -ENOMEM, "no memory") : r;
}

void intake_release(struct intake *in)
{
	if (in->verdicts != NULL)
		store_verdicts_release(in->verdicts, in->n_records + in->n_columns);
	arena_release(&in->memory);
	*in = (struct intake){ 0 };
}

/* ---- afterwards ---- */

struct intake_who intake_who(const struct intake *in, size_t i)
{
	const struct record *r = i < in->n_records ? in->records[i].record : NULL;
	const struct store_columns *c = i < in->n_records ? NULL : &in->columns[i - in->n_records];
	struct intake_who w = { 0 };

	if (r != NULL)
		w = (struct intake_who){ r->analyzer, r->model, r->identity, r->end_ms, true };
	else if (c != NULL && c->n_rows > 0)
		w = (struct intake_who){ c->analyzer, c->model, c->identity,
					 c->end_ms[c->n_rows - 1], true };
	return w;
}

/* False: the store rejects it, whenever it comes. */
static bool has_sound_times(const struct intake *in, size_t i)
{
	const struct store_columns *c = i < in->n_records ? NULL : &in->columns[i - in->n_records];

	if (c == NULL)
		return in->records[i].record->start_ms < in->records[i].record->end_ms;
	for (size_t row = 1; row < c->n_rows; row++)
		if (c->end_ms[row] <= c->end_ms[row - 1])
			return false;
	return c->window_ms > 0;
}

/* Taken now, it would come before one that stands before it. */
static void hold_behind(const struct intake *in, size_t first, enum intake_hold *holds)
{
	int64_t analyzer = intake_who(in, first).analyzer;

	for (size_t i = first + 1; i < in->n_records + in->n_columns; i++) {
		struct intake_who w = intake_who(in, i);

		if (w.there && w.analyzer == analyzer)
			holds[i] = INTAKE_BEHIND;
	}
}

void intake_hold(const struct intake *in, int64_t now_ms, enum intake_hold *holds)
{
	for (size_t i = 0; i < in->n_records + in->n_columns; i++) {
		struct intake_who w = intake_who(in, i);

		if (holds[i] != INTAKE_GO || !w.there || !is_ahead(w.end_ms, now_ms) ||
		    !has_sound_times(in, i))
			continue;
		holds[i] = INTAKE_AHEAD;
		hold_behind(in, i, holds);
	}
}

void intake_reject(struct intake *in, size_t i, const char *fmt, ...)
{
	struct store_verdict *v = &in->verdicts[i];
	va_list ap;

	if (v->outcome == STORE_REJECTED)
		return;
	v->outcome = STORE_REJECTED;
	va_start(ap, fmt);
	if (vasprintf(&v->reason, fmt, ap) < 0)
		v->reason = NULL;
	va_end(ap);
	if (i < in->n_records)
		in->records[i].record = NULL;
	else
		in->columns[i - in->n_records].n_rows = 0;
}
