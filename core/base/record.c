/* SPDX-License-Identifier: Apache-2.0 */
/* A record as bytes and back.  What comes back is foreign: a disk or a peer had it. */
#include "base/record.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/model_tables.h"

#define RECORD_FIELDS 7
#define VARIABLE_FIELDS 5
/* A day before 1970, since a window may have begun before it, to the end of the year 9999. */
#define TIME_MIN_MS INT64_C(-86400000)
#define TIME_MAX_MS INT64_C(253402300799999)

static uint32_t element_fields(enum tesla_variable_kind kind)
{
	return kind == TESLA_GAUGE ? 6 : kind == TESLA_COUNTER ? 5 : 4;
}

static bool has_value(enum tesla_quality q)
{
	return q == TESLA_GOOD || q == TESLA_SUSPECT;
}

/* ---- how long it can get ---- */

#define NUMBER_BYTES 9u /* a double, or 64 bits */
#define COUNT_BYTES 5u	/* 32 bits; so is a day in ms */
#define ARRAY_BYTES 3u	/* of up to 65535 */
#define SMALL_BYTES 1u	/* a number below 128, or an array of up to 15 */
#define HEAD_NUMBERS 3u /* analyzer, start_ms, end_ms */

static size_t text_bytes(size_t len)
{
	return len + (len < 32 ? 1 : len < 256 ? 2 : len < 65536 ? 3 : 5);
}

size_t record_head_bytes(const char *model)
{
	return 2 * SMALL_BYTES + HEAD_NUMBERS * NUMBER_BYTES + text_bytes(strlen(model)) +
	       text_bytes(RECORD_IDENTITY_MAX) + ARRAY_BYTES;
}

size_t record_element_bytes(enum tesla_variable_kind kind)
{
	return 2 * SMALL_BYTES + 2 * COUNT_BYTES + (element_fields(kind) - 3) * NUMBER_BYTES;
}

size_t record_variable_bytes(const struct tesla_variable *v)
{
	return 2 * SMALL_BYTES + text_bytes(strlen(v->name)) + text_bytes(strlen(v->unit)) +
	       NUMBER_BYTES + ARRAY_BYTES + v->n_elements * record_element_bytes(v->kind);
}

/* ---- encoding ---- */

struct sink {
	struct buf *out;
	size_t start;
	int r; /* of the first write that failed */
};

static int sink_write(void *data, const char *bytes, size_t len)
{
	struct sink *s = data;

	if (s->r == 0 && len > RECORD_BYTES_MAX - (s->out->pub.len - s->start))
		s->r = -EMSGSIZE;
	if (s->r == 0)
		s->r = buf_append(s->out, bytes, len);
	return s->r;
}

static void pack_number(msgpack_packer *pk, double v)
{
	if (!isfinite(v))
		(void)msgpack_pack_nil(pk);
	else if (fabs(v) < 0x1p53 && v == trunc(v)) /* most counters: 5 bytes and not 9 */
		(void)msgpack_pack_int64(pk, (int64_t)v);
	else
		(void)msgpack_pack_double(pk, v);
}

static void pack_element(msgpack_packer *pk, enum tesla_variable_kind kind,
			 const struct tesla_record_element *e)
{
	(void)msgpack_pack_array(pk, element_fields(kind));
	(void)msgpack_pack_int(pk, (int)e->quality);
	(void)msgpack_pack_uint32(pk, e->count);
	(void)msgpack_pack_int64(pk, e->covered_ms);
	pack_number(pk, e->value);
	if (kind == TESLA_GAUGE) {
		pack_number(pk, e->min);
		pack_number(pk, e->max);
	} else if (kind == TESLA_COUNTER) {
		pack_number(pk, e->increase);
	}
}

static void pack_variable(msgpack_packer *pk, const struct tesla_record_variable *v)
{
	(void)msgpack_pack_array(pk, VARIABLE_FIELDS);
	mp_str(pk, v->name);
	mp_str(pk, v->unit);
	(void)msgpack_pack_int(pk, (int)v->kind);
	pack_number(pk, v->predecessor_factor);
	(void)msgpack_pack_array(pk, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		pack_element(pk, v->kind, &v->elements[i]);
}

int record_encode(const struct record *r, struct buf *out)
{
	struct sink s = { .out = out, .start = out->pub.len };
	bool failed_before = out->failed;
	msgpack_packer pk;

	msgpack_packer_init(&pk, &s, sink_write);
	(void)msgpack_pack_array(&pk, RECORD_FIELDS);
	(void)msgpack_pack_int(&pk, RECORD_VERSION);
	(void)msgpack_pack_int64(&pk, r->analyzer);
	(void)msgpack_pack_int64(&pk, r->start_ms);
	(void)msgpack_pack_int64(&pk, r->end_ms);
	mp_str(&pk, r->model);
	mp_str(&pk, r->identity != NULL && r->identity[0] != '\0' ? r->identity : NULL);
	(void)msgpack_pack_array(&pk, r->n_variables);
	for (size_t i = 0; i < r->n_variables && s.r == 0; i++)
		pack_variable(&pk, r->variables[i]);
	if (s.r != 0) {
		out->pub.len = s.start;
		out->failed = failed_before;
	}
	return s.r;
}

/* ---- decoding ---- */

struct reader {
	struct arena *memory;
	struct tesla_error *err;
	const char *name;	  /* of the variable that is read; NULL: not known */
	size_t variable, element; /* counted from 1; 0: not inside one */
	int64_t length_ms;	  /* of the window */
};

static void describe_place(const struct reader *rd, char *text, size_t size)
{
	int n = 0;

	text[0] = '\0';
	if (rd->variable != 0)
		n = snprintf(text, size, ", variable %zu%s%.40s%s", rd->variable,
			     rd->name ? " (" : "", rd->name ? rd->name : "", rd->name ? ")" : "");
	if (rd->element != 0 && n >= 0 && (size_t)n < size)
		(void)snprintf(text + n, size - (size_t)n, ", element %zu", rd->element);
}

static void describe_object(const msgpack_object *o, char *text, size_t size)
{
	int64_t whole;
	double real;

	if (mp_to_int(o, &whole))
		(void)snprintf(text, size, "%" PRId64, whole);
	else if (mp_to_real(o, &real))
		(void)snprintf(text, size, "%.17g", real);
	else if (o->type == MSGPACK_OBJECT_STR)
		(void)snprintf(text, size, "a text of %" PRIu32 " bytes", o->via.str.size);
	else if (o->type == MSGPACK_OBJECT_ARRAY)
		(void)snprintf(text, size, "an array of %" PRIu32, o->via.array.size);
	else
		(void)snprintf(text, size, "%s",
			       o->type == MSGPACK_OBJECT_NIL ? "nil" : "of another type");
}

static int refuse(const struct reader *rd, const char *what, const msgpack_object *o,
		  const char *expected)
{
	char place[96], came[40];

	describe_place(rd, place, sizeof place);
	describe_object(o, came, sizeof came);
	return tesla_fail(rd->err, -EBADMSG, "record%s: %s is %s: expected %s", place, what, came,
			  expected);
}

static int no_memory(const struct reader *rd)
{
	return tesla_fail(rd->err, -ENOMEM, "record: no memory");
}

/* An array of from `min` to `max`. */
static int get_array(const struct reader *rd, const char *what, const msgpack_object *o,
		     uint32_t min, uint32_t max)
{
	char expected[48];

	if (o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size >= min && o->via.array.size <= max)
		return 0;
	if (min == max)
		(void)snprintf(expected, sizeof expected, "an array of %" PRIu32, min);
	else
		(void)snprintf(expected, sizeof expected, "an array of %" PRIu32 " to %" PRIu32,
			       min, max);
	return refuse(rd, what, o, expected);
}

static int get_int(const struct reader *rd, const char *what, const msgpack_object *o,
		   const int64_t bounds[2], int64_t *ret)
{
	char expected[64];
	int64_t v;

	if (mp_to_int(o, &v) && v >= bounds[0] && v <= bounds[1]) {
		*ret = v;
		return 0;
	}
	(void)snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64,
		       bounds[0], bounds[1]);
	return refuse(rd, what, o, expected);
}

/* With a number, or nil (NAN) and nothing else. */
static int get_number(const struct reader *rd, const char *what, const msgpack_object *o,
		      bool wanted, double *ret)
{
	*ret = NAN;
	if (!wanted)
		return o->type == MSGPACK_OBJECT_NIL
			       ? 0
			       : refuse(rd, what, o, "nil, by the element's quality");
	if (!mp_to_real(o, ret) || !isfinite(*ret))
		return refuse(rd, what, o, "a finite number");
	return 0;
}

static int get_text(const struct reader *rd, const char *what, const msgpack_object *o,
		    const char **ret)
{
	if (o->type != MSGPACK_OBJECT_STR || memchr(o->via.str.ptr, 0, o->via.str.size) != NULL)
		return refuse(rd, what, o, "a text without NUL");
	*ret = arena_printf(rd->memory, "%.*s", (int)o->via.str.size, o->via.str.ptr);
	return *ret != NULL ? 0 : no_memory(rd);
}

static int get_name(const struct reader *rd, const char *what, const msgpack_object *o,
		    const char **ret)
{
	if (o->type == MSGPACK_OBJECT_STR && o->via.str.size == 0)
		return refuse(rd, what, o, "a text that is not empty");
	return get_text(rd, what, o, ret);
}

static int get_extremes(const struct reader *rd, const msgpack_object *o,
			struct tesla_record_element *e)
{
	bool known = o[4].type != MSGPACK_OBJECT_NIL || o[5].type != MSGPACK_OBJECT_NIL;
	bool wanted = has_value(e->quality) && known;
	int r = get_number(rd, "min", &o[4], wanted, &e->min);

	if (r == 0)
		r = get_number(rd, "max", &o[5], wanted, &e->max);
	if (r == 0 && wanted && !(e->min <= e->value))
		r = refuse(rd, "min", &o[4], "at most the value");
	if (r == 0 && wanted && !(e->max >= e->value))
		r = refuse(rd, "max", &o[5], "at least the value");
	return r;
}

static int get_increase(const struct reader *rd, const msgpack_object *o,
			struct tesla_record_element *e)
{
	bool wanted = has_value(e->quality) && o[4].type != MSGPACK_OBJECT_NIL;
	int r = get_number(rd, "increase", &o[4], wanted, &e->increase);

	if (r == 0 && wanted && e->increase < 0)
		r = refuse(rd, "increase", &o[4], "0 or more");
	return r;
}

static int get_element(const struct reader *rd, enum tesla_variable_kind kind,
		       const msgpack_object *element, struct tesla_record_element *e)
{
	uint32_t n = element_fields(kind);
	int64_t quality = 0, count = 0;
	int r = get_array(rd, "it", element, n, n);

	if (r != 0)
		return r;
	const msgpack_object *o = element->via.array.ptr;

	*e = (struct tesla_record_element){ .min = NAN, .max = NAN, .increase = NAN };
	r = get_int(rd, "quality", &o[0], (int64_t[2]){ TESLA_GOOD, TESLA_ERROR }, &quality);
	if (r == 0)
		r = get_int(rd, "count", &o[1], (int64_t[2]){ 0, UINT32_MAX }, &count);
	if (r == 0)
		r = get_int(rd, "covered_ms", &o[2], (int64_t[2]){ 0, rd->length_ms },
			    &e->covered_ms);
	e->quality = (enum tesla_quality)quality;
	e->count = (uint32_t)count;
	if (r == 0)
		r = get_number(rd, "value", &o[3], has_value(e->quality), &e->value);
	if (r == 0 && kind == TESLA_GAUGE)
		r = get_extremes(rd, o, e);
	if (r == 0 && kind == TESLA_COUNTER)
		r = get_increase(rd, o, e);
	return r;
}

static int get_elements(struct reader *rd, const msgpack_object *list,
			struct tesla_record_variable *v)
{
	struct tesla_record_element *elements;
	int r = get_array(rd, "elements", list, 1, MODEL_ELEMENTS_MAX);

	if (r != 0)
		return r;
	v->n_elements = list->via.array.size;
	elements = arena_alloc(rd->memory, v->n_elements, sizeof *elements);
	if (elements == NULL)
		return no_memory(rd);
	v->elements = elements;
	for (size_t i = 0; i < v->n_elements && r == 0; i++) {
		rd->element = i + 1;
		r = get_element(rd, v->kind, &list->via.array.ptr[i], &elements[i]);
	}
	rd->element = 0;
	return r;
}

static int get_factor(const struct reader *rd, const msgpack_object *o, double *ret)
{
	char expected[64];
	int r = get_number(rd, "factor", o, true, ret);

	if (r != 0 || (fabs(*ret) >= MODEL_FACTOR_MIN && fabs(*ret) <= MODEL_FACTOR_MAX))
		return r;
	(void)snprintf(expected, sizeof expected, "%g to %g in absolute value", MODEL_FACTOR_MIN,
		       MODEL_FACTOR_MAX);
	return refuse(rd, "factor", o, expected);
}

static int get_variable(struct reader *rd, const msgpack_object *variable,
			struct tesla_record_variable *v)
{
	int64_t kind = 0;
	int r = get_array(rd, "it", variable, VARIABLE_FIELDS, VARIABLE_FIELDS);

	if (r != 0)
		return r;
	const msgpack_object *o = variable->via.array.ptr;

	r = get_name(rd, "name", &o[0], &v->name);
	rd->name = v->name;
	if (r == 0)
		r = get_text(rd, "unit", &o[1], &v->unit);
	if (r == 0)
		r = get_int(rd, "kind", &o[2], (int64_t[2]){ TESLA_GAUGE, TESLA_STATUS }, &kind);
	v->kind = (enum tesla_variable_kind)kind;
	if (r == 0)
		r = get_factor(rd, &o[3], &v->predecessor_factor);
	return r == 0 ? get_elements(rd, &o[4], v) : r;
}

static int get_variables(struct reader *rd, const msgpack_object *list, struct record *rec)
{
	const struct tesla_record_variable **rows;
	struct tesla_record_variable *all;
	int r = get_array(rd, "the list of variables", list, 0, MODEL_VARIABLES_MAX);

	if (r != 0)
		return r;
	rec->n_variables = list->via.array.size;
	rows = arena_alloc(rd->memory, rec->n_variables, sizeof *rows);
	all = arena_alloc(rd->memory, rec->n_variables, sizeof *all);
	if (rows == NULL || all == NULL)
		return no_memory(rd);
	rec->variables = rows;
	for (size_t i = 0; i < rec->n_variables && r == 0; i++) {
		rd->variable = i + 1;
		rd->name = NULL;
		rows[i] = &all[i];
		r = get_variable(rd, &list->via.array.ptr[i], &all[i]);
	}
	return r;
}

static int get_head(struct reader *rd, const msgpack_object *o, struct record *rec)
{
	int64_t version;
	int r = get_int(rd, "version", &o[0], (int64_t[2]){ RECORD_VERSION, RECORD_VERSION },
			&version);

	if (r == 0)
		r = get_int(rd, "analyzer", &o[1], (int64_t[2]){ 1, INT64_MAX }, &rec->analyzer);
	if (r == 0)
		r = get_int(rd, "start_ms", &o[2], (int64_t[2]){ TIME_MIN_MS, TIME_MAX_MS - 1 },
			    &rec->start_ms);
	if (r == 0)
		r = get_int(rd, "end_ms", &o[3], (int64_t[2]){ rec->start_ms + 1, TIME_MAX_MS },
			    &rec->end_ms);
	if (r == 0)
		r = get_name(rd, "model", &o[4], &rec->model);
	if (r == 0 && o[5].type != MSGPACK_OBJECT_NIL)
		r = get_name(rd, "identity", &o[5], &rec->identity);
	rd->length_ms = rec->end_ms - rec->start_ms;
	return r;
}

int record_decode(const msgpack_object *o, struct arena *memory, struct record *r,
		  struct tesla_error *err)
{
	struct reader rd = { .memory = memory, .err = err };
	struct record read = { 0 };
	int rc = get_array(&rd, "it", o, RECORD_FIELDS, RECORD_FIELDS);

	if (rc == 0)
		rc = get_head(&rd, o->via.array.ptr, &read);
	if (rc == 0)
		rc = get_variables(&rd, &o->via.array.ptr[6], &read);
	if (rc == 0)
		*r = read;
	return rc;
}

int record_parse(const void *bytes, size_t len, struct arena *memory, struct record *r,
		 struct tesla_error *err)
{
	struct mp_doc doc;
	int rc;

	if (len > RECORD_BYTES_MAX)
		return tesla_fail(err, -EMSGSIZE, "record of %zu bytes: at most %u", len,
				  RECORD_BYTES_MAX);
	rc = mp_unpack(&doc, bytes, len, err);
	if (rc != 0)
		return rc;
	rc = record_decode(&doc.u.data, memory, r, err);
	mp_doc_release(&doc);
	return rc;
}
