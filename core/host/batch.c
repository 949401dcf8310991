/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of what happens.  A first walk checks everything, makes the records and counts what is
 * needed; the second fills one block of memory and cannot fail.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/batch_parts.h"

struct variable {
	int64_t analyzer;
	const char *name, *unit;
};
struct variables {
	atomic_uint refs;
	struct arena memory;
	size_t n;
	struct variable *rows;
};

enum { KIND, ANALYZER, T_US, DT_US, N, K, ERROR_TEXT, STATE, REASON, READINGS, ITEM_FIELDS };
enum {
	VARIABLE,
	READING_K,
	VALUES,
	QUALITIES,
	READING_FIELDS,
	READING_T_US = READING_FIELDS,
	READING_DT_US,
	READING_TIMED_FIELDS
};

/* ---- the table of variables ---- */

static int variable_decode(const msgpack_object *o, struct arena *memory, struct variable *ret,
			   struct tesla_error *err)
{
	const msgpack_object *f = tuple(o, 3);
	_cleanup_free_ char *name = f ? mp_to_strdup(&f[1]) : NULL;
	_cleanup_free_ char *unit = f ? mp_to_strdup(&f[2]) : NULL;

	if (name == NULL || unit == NULL || !mp_to_int(&f[0], &ret->analyzer) || ret->analyzer <= 0)
		return tesla_fail(err, -EBADMSG, "variables: expected [analyzer, variable, unit]");
	ret->name = arena_strdup(memory, name);
	ret->unit = arena_strdup(memory, unit);
	return 0;
}

int variables_decode(const msgpack_object *message, struct variables **ret, struct tesla_error *err)
{
	const msgpack_object *list = mp_get(message, "variables");
	struct variables *v;

	if (list == NULL || list->type != MSGPACK_OBJECT_ARRAY)
		return tesla_fail(err, -EBADMSG, "variables: expected an array under `variables`");
	v = calloc(1, sizeof *v);
	if (v == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for %u variables", list->via.array.size);
	atomic_init(&v->refs, 1);
	v->n = list->via.array.size;
	v->rows = arena_alloc(&v->memory, v->n, sizeof *v->rows);
	err->code = 0;
	for (size_t i = 0; i < v->n && v->rows != NULL && err->code == 0; i++)
		(void)variable_decode(&list->via.array.ptr[i], &v->memory, &v->rows[i], err);
	if (err->code == 0 && v->memory.failed)
		(void)tesla_fail(err, -ENOMEM, "no memory for %zu variables", v->n);
	if (err->code != 0) {
		variables_unref(v);
		return err->code;
	}
	*ret = v;
	return 0;
}

void variables_unref(struct variables *v)
{
	if (v == NULL || atomic_fetch_sub(&v->refs, 1) > 1)
		return;
	arena_release(&v->memory);
	free(v);
}

/* ---- first walk: check and count ---- */

/* A record that the first walk made, for the second. */
struct made {
	struct record record;
	struct made *next;
};

struct sizes {
	size_t items, readings, elements, text;
	struct arena *memory; /* of the records */
	struct made *records, **last;
};

static const struct {
	int64_t min, max;
	const char *name;
} numbers[] = {
	[KIND] = { TESLA_SWEEP, TESLA_HEARTBEAT, "kind" },
	[ANALYZER] = { 0, INT64_MAX, "analyzer" },
	[T_US] = { 0, INT64_MAX, "t_us" },
	[DT_US] = { 0, INT64_MAX, "dt_us" },
	[N] = { 0, INT64_MAX, "n" },
	[K] = { 0, INT64_MAX, "k" },
};

/* nil, or a text without NUL; *size: what its copy takes. */
static bool text_check(const msgpack_object *o, size_t *size)
{
	if (o->type == MSGPACK_OBJECT_NIL)
		return true;
	if (o->type != MSGPACK_OBJECT_STR || memchr(o->via.str.ptr, '\0', o->via.str.size) != NULL)
		return false;
	*size += (size_t)o->via.str.size + 1;
	return true;
}

static bool has_value(enum tesla_quality q)
{
	return q == TESLA_GOOD || q == TESLA_SUSPECT;
}

/* The quality of one element: qualities are left out when all are good. */
static bool quality_at(const msgpack_object *qualities, size_t i, int64_t *ret)
{
	*ret = TESLA_GOOD;
	if (qualities->type == MSGPACK_OBJECT_NIL)
		return true;
	return mp_to_int(&qualities->via.array.ptr[i], ret) && *ret >= TESLA_GOOD &&
	       *ret <= TESLA_STALE;
}

static bool elements_check(const msgpack_object *values, const msgpack_object *qualities, size_t *n)
{
	if (values->type != MSGPACK_OBJECT_ARRAY || values->via.array.size == 0 ||
	    (qualities->type != MSGPACK_OBJECT_NIL &&
	     tuple(qualities, values->via.array.size) == NULL))
		return false;
	for (size_t i = 0; i < values->via.array.size; i++) {
		const msgpack_object *v = &values->via.array.ptr[i];
		int64_t q;
		double number;

		if (!quality_at(qualities, i, &q))
			return false;
		if (v->type == MSGPACK_OBJECT_NIL ? has_value((enum tesla_quality)q)
						  : !mp_to_real(v, &number))
			return false;
	}
	*n += values->via.array.size;
	return true;
}

static int reading_check(const msgpack_object *o, int64_t analyzer, const struct variables *v,
			 struct sizes *need, struct tesla_error *err)
{
	const msgpack_object *timed = tuple(o, READING_TIMED_FIELDS);
	const msgpack_object *f = timed != NULL ? timed : tuple(o, READING_FIELDS);
	int64_t index, k, us;

	if (timed != NULL &&
	    (!mp_to_int(&timed[READING_T_US], &us) || !mp_to_int(&timed[READING_DT_US], &us)))
		return tesla_fail(err, -EBADMSG,
				  "a reading: expected t_us and dt_us after the qualities");
	if (f == NULL || !mp_to_int(&f[VARIABLE], &index) || !mp_to_int(&f[READING_K], &k) || k < 0)
		return tesla_fail(err, -EBADMSG,
				  "a reading: expected [variable, k, values, qualities]");
	if (index < 0 || (uint64_t)index >= v->n)
		return tesla_fail(err, -EBADMSG, "variable %" PRId64 ": there are %zu", index,
				  v->n);
	if (v->rows[index].analyzer != analyzer)
		return tesla_fail(err, -EBADMSG,
				  "variable %" PRId64 " is of analyzer %" PRId64 ", not %" PRId64,
				  index, v->rows[index].analyzer, analyzer);
	if (!elements_check(&f[VALUES], &f[QUALITIES], &need->elements))
		return tesla_fail(err, -EBADMSG, "%s: values and qualities do not fit",
				  v->rows[index].name);
	need->readings++;
	return 0;
}

static int readings_check(const msgpack_object *o, int64_t analyzer, const struct variables *v,
			  struct sizes *need, struct tesla_error *err)
{
	if (o->type != MSGPACK_OBJECT_ARRAY)
		return tesla_fail(err, -EBADMSG, "readings: expected an array");
	for (size_t i = 0; i < o->via.array.size; i++)
		if (reading_check(&o->via.array.ptr[i], analyzer, v, need, err) != 0)
			return err->code;
	return 0;
}

static int record_make(const msgpack_object *o, int64_t analyzer, struct sizes *need,
		       struct tesla_error *err)
{
	struct made *m = arena_alloc(need->memory, 1, sizeof *m);

	if (m == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a record");
	if (record_decode(o, need->memory, &m->record, err) != 0)
		return err->code;
	if (m->record.analyzer != analyzer)
		return tesla_fail(err, -EBADMSG, "a record of analyzer %" PRId64 ", not %" PRId64,
				  m->record.analyzer, analyzer);
	*need->last = m;
	need->last = &m->next;
	return 0;
}

static int item_check(const msgpack_object *o, const struct variables *v, struct sizes *need,
		      struct tesla_error *err)
{
	const msgpack_object *f = tuple(o, ITEM_FIELDS);
	int64_t number[N_ELEMENTS(numbers)];

	if (f == NULL)
		return tesla_fail(err, -EBADMSG, "expected an array of %d", ITEM_FIELDS);
	for (size_t i = 0; i < N_ELEMENTS(numbers); i++)
		if (!mp_to_int(&f[i], &number[i]) || number[i] < numbers[i].min ||
		    number[i] > numbers[i].max)
			return tesla_fail(err, -EBADMSG,
					  "%s: expected a whole number from %" PRId64
					  " to %" PRId64,
					  numbers[i].name, numbers[i].min, numbers[i].max);
	for (int i = ERROR_TEXT; i <= REASON; i++)
		if (!text_check(&f[i], &need->text))
			return tesla_fail(err, -EBADMSG,
					  "error, state, reason: expected a text or nil");
	if (number[KIND] == TESLA_STATUS_CHANGE && f[STATE].type != MSGPACK_OBJECT_STR)
		return tesla_fail(err, -EBADMSG, "a status change without a state");
	need->items++;
	return number[KIND] == TESLA_RECORD
		       ? record_make(&f[READINGS], number[ANALYZER], need, err)
		       : readings_check(&f[READINGS], number[ANALYZER], v, need, err);
}

static int batch_check(const msgpack_object_array *a, const struct variables *v, struct sizes *need,
		       struct tesla_error *err)
{
	for (size_t i = 1; i < a->size; i++) {
		struct tesla_error why;

		if (item_check(&a->ptr[i], v, need, &why) != 0)
			return tesla_fail(err, why.code, "batch: item %zu: %.200s", i, why.text);
	}
	return 0;
}

/* ---- second walk: fill ---- */

/* Where the next of each kind goes; all are parts of one block. */
struct fill {
	const struct variables *variables;
	const struct made *made;
	struct tesla_item *item;
	const struct tesla_item **item_at;
	struct tesla_reading *reading;
	const struct tesla_reading **reading_at;
	struct tesla_element *element;
	char *text;
};

static int64_t number_of(const msgpack_object *o)
{
	int64_t v = 0;

	(void)mp_to_int(o, &v);
	return v;
}

static const char *text_fill(struct fill *to, const msgpack_object *o)
{
	char *text = to->text;

	if (o->type == MSGPACK_OBJECT_NIL)
		return NULL;
	memcpy(text, o->via.str.ptr, o->via.str.size); /* the block is zeroed: NUL is there */
	to->text += (size_t)o->via.str.size + 1;
	return text;
}

/* A number that is none (a float register may hold anything) is not a value. */
static void element_fill(struct tesla_element *e, const msgpack_object *value, int64_t quality)
{
	e->quality = (enum tesla_quality)quality;
	e->value = NAN;
	if (!has_value(e->quality))
		return;
	(void)mp_to_real(value, &e->value);
	if (!isfinite(e->value))
		*e = (struct tesla_element){ .value = NAN, .quality = TESLA_UNAVAILABLE };
}

/* Its own time, or else that of its sweep. */
static void reading_fill(struct fill *to, const struct tesla_item *sweep,
			 const msgpack_object_array *fields)
{
	const msgpack_object *f = fields->ptr;
	bool timed = fields->size == READING_TIMED_FIELDS;
	const struct variable *v = &to->variables->rows[number_of(&f[VARIABLE])];
	struct tesla_reading *r = to->reading++;

	*to->reading_at++ = r;
	*r = (struct tesla_reading){
		.variable = v->name,
		.unit = v->unit,
		.k = (uint64_t)number_of(&f[READING_K]),
		.t_ms = timed ? number_of(&f[READING_T_US]) / 1000 : sweep->t_ms,
		.dt_ms = timed ? (double)number_of(&f[READING_DT_US]) / 1000 : sweep->dt_ms,
		.n_elements = f[VALUES].via.array.size,
		.elements = to->element
	};
	for (size_t i = 0; i < r->n_elements; i++) {
		int64_t quality;

		(void)quality_at(&f[QUALITIES], i, &quality);
		element_fill(to->element++, &f[VALUES].via.array.ptr[i], quality);
	}
}

static void record_fill(struct fill *to, const msgpack_object *f)
{
	struct tesla_item *item = to->item++;

	*to->item_at++ = item;
	*item = record_item(&to->made->record, (uint64_t)number_of(&f[N]));
	item->k = (uint64_t)number_of(&f[K]);
	to->made = to->made->next;
}

static void item_fill(struct fill *to, const msgpack_object *f)
{
	struct tesla_item *item = to->item;
	const msgpack_object_array *readings = &f[READINGS].via.array;

	if (number_of(&f[KIND]) == TESLA_RECORD) {
		record_fill(to, f);
		return;
	}
	to->item++;
	*to->item_at++ = item;
	*item = (struct tesla_item){ .kind = (enum tesla_item_kind)number_of(&f[KIND]),
				     .analyzer = number_of(&f[ANALYZER]),
				     .t_ms = number_of(&f[T_US]) / 1000,
				     .dt_ms = (double)number_of(&f[DT_US]) / 1000,
				     .n = (uint64_t)number_of(&f[N]),
				     .k = (uint64_t)number_of(&f[K]),
				     .error = text_fill(to, &f[ERROR_TEXT]),
				     .n_readings = readings->size,
				     .readings = to->reading_at };
	item->state = text_fill(to, &f[STATE]);
	item->reason = text_fill(to, &f[REASON]);
	for (size_t i = 0; i < readings->size; i++)
		reading_fill(to, item, &readings->ptr[i].via.array);
}

/* Every part but the text has the alignment of a pointer or a double, which are the same here. */
static struct batch *batch_alloc(const struct sizes *need, struct fill *to)
{
	struct batch *b =
		calloc(1, sizeof *b + need->items * (sizeof *to->item + sizeof *to->item_at) +
				  need->readings * (sizeof *to->reading + sizeof *to->reading_at) +
				  need->elements * sizeof *to->element + need->text);

	if (b == NULL)
		return NULL;
	to->item = (void *)(b + 1);
	to->item_at = (void *)(to->item + need->items);
	to->reading = (void *)(to->item_at + need->items);
	to->reading_at = (void *)(to->reading + need->readings);
	to->element = (void *)(to->reading_at + need->readings);
	to->text = (void *)(to->element + need->elements);
	b->pub = (struct tesla_batch){ .size = sizeof b->pub,
				       .n_items = need->items,
				       .items = to->item_at };
	return b;
}

static int batch_make(const msgpack_object_array *message, struct variables *v,
		      struct arena *memory, struct batch **ret, struct tesla_error *err)
{
	struct sizes need = { .memory = memory, .last = &need.records };
	struct fill to = { .variables = v };
	struct batch *b;
	int r = batch_check(message, v, &need, err);

	if (r != 0)
		return r;
	b = batch_alloc(&need, &to);
	if (b == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a batch of %zu items", need.items);
	to.made = need.records;
	for (size_t i = 1; i < message->size; i++)
		item_fill(&to, message->ptr[i].via.array.ptr);
	atomic_fetch_add(&v->refs, 1);
	b->variables = v;
	b->memory = *memory;
	*ret = b;
	return 0;
}

/* The letter that a batch begins with; 0: it is none. */
static char batch_tag(const msgpack_object *message)
{
	const msgpack_object *tag;

	if (message->type != MSGPACK_OBJECT_ARRAY || message->via.array.size == 0)
		return 0;
	tag = message->via.array.ptr;
	return tag->type == MSGPACK_OBJECT_STR && tag->via.str.size == 1 ? *tag->via.str.ptr : 0;
}

int batch_decode(const msgpack_object *message, struct variables *v, struct batch **ret,
		 struct tesla_error *err)
{
	struct arena memory = { 0 };
	char tag = batch_tag(message);
	int r;

	if (tag == 'd')
		return batch_decode_durable(&message->via.array, ret, err);
	if (tag != 'b')
		return tesla_fail(err, -EBADMSG,
				  "batch: expected [\"b\", item, ...] or [\"d\", i, ...]");
	r = batch_make(&message->via.array, v, &memory, ret, err);
	if (r != 0)
		arena_release(&memory);
	return r;
}

void batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	variables_unref(b->variables);
	arena_release(&b->memory);
	free(b);
}
