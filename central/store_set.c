/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets: what rows mean, kept once for all that are of one form.  All are in memory; found by the
 * checksum of their definition.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/model_tables.h"
#include "base/mp.h"
#include "base/utf8.h"
#include "central/bytes.h"
#include "central/store_internal.h"

#define DEFINITION_FIELDS 5
#define VARIABLE_FIELDS 5
#define CELLS_MAX (512u << 10)
#define ROWS_MIN 64u

/* ---- columns: the length of the window, then what each element of a variable has ---- */

static const struct fields {
	size_t n;
	enum store_field at[6];
} fields_of[] = {
	[TESLA_GAUGE] = { 6,
			  { STORE_VALUE, STORE_MIN, STORE_MAX, STORE_COVERED_MS, STORE_COUNT,
			    STORE_QUALITY } },
	[TESLA_COUNTER] = { 5,
			    { STORE_VALUE, STORE_INCREASE, STORE_COVERED_MS, STORE_COUNT,
			      STORE_QUALITY } },
	[TESLA_STATUS] = { 4, { STORE_VALUE, STORE_COVERED_MS, STORE_COUNT, STORE_QUALITY } },
};

/* The number of `field` in an element. */
static double *member(struct tesla_record_element *e, enum store_field field)
{
	switch (field) {
	case STORE_VALUE:
		return &e->value;
	case STORE_MIN:
		return &e->min;
	case STORE_MAX:
		return &e->max;
	case STORE_INCREASE:
		return &e->increase;
	default:
		return NULL; /* a whole number */
	}
}

static double get_field(const struct tesla_record_element *e, enum store_field field)
{
	struct tesla_record_element copy = *e;
	double *real = member(&copy, field);

	if (real != NULL)
		return *real;
	return field == STORE_COVERED_MS ? (double)e->covered_ms
	       : field == STORE_COUNT	 ? (double)e->count
					 : (double)e->quality;
}

/* Whole numbers of a damaged block may be anything. */
static void set_field(struct tesla_record_element *e, enum store_field field, double v)
{
	double *real = member(e, field);

	if (real != NULL)
		*real = v;
	else if (!(v >= 0 && v <= 0x1p52))
		return;
	else if (field == STORE_COVERED_MS)
		e->covered_ms = (int64_t)v;
	else if (field == STORE_COUNT && v <= UINT32_MAX)
		e->count = (uint32_t)v;
	else if (field == STORE_QUALITY && v <= TESLA_ERROR)
		e->quality = (enum tesla_quality)v;
}

bool set_column(const struct set *set, const struct store_query *q, size_t *ret)
{
	for (size_t i = 0; i < set->n_variables; i++) {
		const struct set_variable *v = &set->variables[i];
		const struct fields *f = &fields_of[v->kind];

		if (strcmp(v->name, q->variable) != 0 || q->element >= v->n_elements)
			continue;
		for (size_t k = 0; k < f->n; k++) {
			if (f->at[k] == q->field) {
				*ret = v->first_column + q->element * f->n + k;
				return true;
			}
		}
	}
	return false;
}

/* False: more than a block has. */
static bool count_columns(struct set *set)
{
	set->n_columns = 1;
	for (size_t i = 0; i < set->n_variables; i++) {
		struct set_variable *v = &set->variables[i];

		v->first_column = set->n_columns;
		set->n_columns += v->n_elements * fields_of[v->kind].n;
	}
	return set->n_columns <= CODEC_COLUMNS_MAX;
}

size_t set_rows_max(const struct store *s, const struct set *set)
{
	size_t cells = s->conf.cells_max != 0 ? s->conf.cells_max : CELLS_MAX;
	size_t rows = cells / set->n_columns;

	return rows < ROWS_MIN ? ROWS_MIN : rows > CODEC_ROWS_MAX ? CODEC_ROWS_MAX : rows;
}

void set_describe(const struct set *set, char *text, size_t size)
{
	if (set->unreadable)
		(void)snprintf(text, size, "set %" PRIu32, set->id);
	else
		(void)snprintf(text, size, "node %s, analyzer %" PRId64, set->node, set->analyzer);
	(void)utf8_clean(text, strlen(text), UTF8_LINE);
}

/* ---- definitions ---- */

static void pack_definition(msgpack_packer *pk, const struct store_record *r)
{
	const struct record *rec = r->record;
	bool known = rec->identity != NULL && rec->identity[0] != '\0';

	(void)msgpack_pack_array(pk, DEFINITION_FIELDS);
	mp_str(pk, r->node);
	(void)msgpack_pack_int64(pk, rec->analyzer);
	mp_str(pk, rec->model);
	mp_str(pk, known ? rec->identity : NULL);
	(void)msgpack_pack_array(pk, rec->n_variables);
	for (size_t i = 0; i < rec->n_variables; i++) {
		const struct tesla_record_variable *v = rec->variables[i];

		(void)msgpack_pack_array(pk, VARIABLE_FIELDS);
		mp_str(pk, v->name);
		mp_str(pk, v->unit);
		(void)msgpack_pack_int(pk, (int)v->kind);
		(void)msgpack_pack_double(pk, v->predecessor_factor);
		(void)msgpack_pack_uint64(pk, v->n_elements);
	}
}

static const char *text_of(struct arena *memory, const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_STR
		       ? arena_printf(memory, "%.*s", (int)o->via.str.size, o->via.str.ptr)
		       : NULL;
}

static bool read_variable(struct set *set, const msgpack_object *o, struct set_variable *v)
{
	int64_t kind, n;
	const msgpack_object *f = o->via.array.ptr;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != VARIABLE_FIELDS)
		return false;
	v->name = text_of(&set->memory, &f[0]);
	v->unit = text_of(&set->memory, &f[1]);
	if (v->name == NULL || v->unit == NULL || !mp_to_int(&f[2], &kind) ||
	    !mp_to_real(&f[3], &v->factor) || !mp_to_int(&f[4], &n))
		return false;
	if (kind < TESLA_GAUGE || kind > TESLA_STATUS || n < 1 || n > MODEL_ELEMENTS_MAX)
		return false;
	v->kind = (enum tesla_variable_kind)kind;
	v->n_elements = (size_t)n;
	return true;
}

static bool read_fields(struct set *set, const msgpack_object *o)
{
	const msgpack_object *f = o->via.array.ptr;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != DEFINITION_FIELDS ||
	    f[4].type != MSGPACK_OBJECT_ARRAY || f[4].via.array.size > MODEL_VARIABLES_MAX)
		return false;
	set->node = text_of(&set->memory, &f[0]);
	set->model = text_of(&set->memory, &f[2]);
	set->identity = text_of(&set->memory, &f[3]); /* NULL: not known */
	set->n_variables = f[4].via.array.size;
	set->variables = arena_alloc(&set->memory, set->n_variables, sizeof *set->variables);
	if (set->node == NULL || set->model == NULL || set->variables == NULL ||
	    !mp_to_int(&f[1], &set->analyzer))
		return false;
	for (size_t i = 0; i < set->n_variables; i++)
		if (!read_variable(set, &f[4].via.array.ptr[i], &set->variables[i]))
			return false;
	return true;
}

/* -EBADMSG: it is none. */
static int read_definition(struct set *set, struct tesla_error *err)
{
	struct mp_doc doc;
	bool good;

	if (mp_unpack(&doc, set->definition, set->definition_len, err) != 0)
		return -EBADMSG;
	good = read_fields(set, &doc.u.data);
	mp_doc_release(&doc);
	if (set->memory.failed)
		return tesla_fail(err, -ENOMEM, "store: no memory");
	if (!good)
		return tesla_fail(err, -EBADMSG, "store: a definition is none");
	if (!count_columns(set))
		return tesla_fail(err, -EINVAL,
				  "a record has %zu numbers: at most %u can be stored",
				  set->n_columns, CODEC_COLUMNS_MAX);
	return 0;
}

/* ---- the list ---- */

static void set_free(struct set *set)
{
	if (set == NULL)
		return;
	arena_release(&set->memory);
	free(set->definition);
	free(set);
}

void sets_release(struct sets *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		set_free(sets->by_id[i]);
	free(sets->by_id);
	free(sets->by_crc);
	*sets = (struct sets){ 0 };
}

const struct set *set_by_id(const struct sets *sets, uint32_t id)
{
	const struct set *set = id >= 1 && id <= sets->n ? sets->by_id[id - 1] : NULL;

	return set != NULL && !set->unreadable ? set : NULL;
}

/* The first in by_crc that is not below. */
static size_t place_of(const struct sets *sets, uint32_t crc)
{
	size_t from = 0, to = sets->n_by_crc;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (sets->by_id[sets->by_crc[middle]]->crc < crc)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static int no_memory(struct tesla_error *err)
{
	return tesla_fail(err, -ENOMEM, "store: no memory");
}

/* Takes `set`, whose id says where it goes; on failure it is freed. */
static int list_add(struct sets *sets, struct set *set, struct tesla_error *err)
{
	size_t n = set->id > sets->n ? set->id : sets->n, at;
	struct set **by_id = realloc(sets->by_id, n * sizeof(struct set *));
	uint32_t *by_crc;

	sets->by_id = by_id != NULL ? by_id : sets->by_id;
	by_crc = realloc(sets->by_crc, (sets->n_by_crc + 1) * sizeof *by_crc);
	sets->by_crc = by_crc != NULL ? by_crc : sets->by_crc;
	if (by_id == NULL || by_crc == NULL) {
		set_free(set);
		return no_memory(err);
	}
	for (; sets->n < n; sets->n++)
		by_id[sets->n] = NULL;
	by_id[set->id - 1] = set;
	if (set->unreadable)
		return 0;
	at = place_of(sets, set->crc);
	memmove(by_crc + at + 1, by_crc + at, (sets->n_by_crc - at) * sizeof *by_crc);
	by_crc[at] = set->id - 1;
	sets->n_by_crc++;
	return 0;
}

/* With a copy of the definition; *ret is for list_add, or set_free. */
static int set_new(uint32_t id, const uint8_t *definition, size_t len, struct set **ret,
		   struct tesla_error *err)
{
	struct set *set = calloc(1, sizeof *set);

	if (set != NULL)
		set->definition = malloc(len > 0 ? len : 1);
	if (set == NULL || set->definition == NULL) {
		set_free(set);
		return no_memory(err);
	}
	memcpy(set->definition, definition, len);
	set->definition_len = len;
	set->id = id;
	set->crc = crc32c(0, definition, len);
	*ret = set;
	return read_definition(set, err);
}

int set_find(struct sets *sets, const struct store_record *r, struct set **ret,
	     struct tesla_error *err)
{
	struct set *set = NULL;
	msgpack_packer pk;
	struct buf b;
	uint32_t crc;
	int rc;

	buf_init(&b, RECORD_BYTES_MAX);
	mp_writer(&pk, &b);
	pack_definition(&pk, r);
	crc = crc32c(0, b.pub.bytes, b.pub.len);
	for (size_t i = place_of(sets, crc); i < sets->n_by_crc && !b.failed; i++) {
		set = sets->by_id[sets->by_crc[i]];
		if (set->crc != crc)
			break;
		if (set->definition_len == b.pub.len &&
		    memcmp(set->definition, b.pub.bytes, b.pub.len) == 0) {
			*ret = set;
			buf_release(&b);
			return 0;
		}
	}
	set = NULL;
	rc = b.failed ? tesla_fail(err, -EINVAL, "a record's names are too long to be stored")
		      : set_new((uint32_t)sets->n + 1, b.pub.bytes, b.pub.len, &set, err);
	buf_release(&b);
	if (rc != 0) {
		set_free(set);
		return rc;
	}
	*ret = set;
	return list_add(sets, set, err);
}

/* The definition, and its CRC32C with that of its id. */
int set_value(const struct set *set, struct buf *out)
{
	uint8_t id[4], crc[4];
	int r = buf_append(out, set->definition, set->definition_len);

	put_u32(id, set->id);
	put_u32(crc, crc32c(set->crc, id, sizeof id));
	return r == 0 ? buf_append(out, crc, sizeof crc) : r;
}

int set_load(struct sets *sets, uint32_t id, MDB_val value, struct tesla_error *err)
{
	const uint8_t *at = value.mv_data;
	size_t len = value.mv_size < 4 ? 0 : value.mv_size - 4;
	uint8_t id_bytes[4];
	struct set *set = NULL;
	int r;

	put_u32(id_bytes, id);
	r = set_new(id, at, len, &set, err);
	if (set == NULL || r == -ENOMEM) {
		set_free(set);
		return r;
	}
	set->saved = true;
	set->unreadable = r != 0 || len == 0 ||
			  get_u32(at + len) != crc32c(set->crc, id_bytes, sizeof id_bytes);
	return list_add(sets, set, err);
}

/* ---- rows ---- */

static uint32_t row_crc(const uint8_t *key, const uint8_t *numbers, size_t len)
{
	return crc32c(crc32c(0, key, KEY_BYTES), numbers, len);
}

void row_make(const struct set *set, const struct record *r, const struct key *key, uint8_t *out)
{
	uint8_t *at = out + 4;

	put_real(at, (double)(r->end_ms - r->start_ms));
	at += 8;
	for (size_t i = 0; i < r->n_variables; i++) {
		const struct tesla_record_variable *v = r->variables[i];
		const struct fields *f = &fields_of[v->kind];

		for (size_t e = 0; e < v->n_elements; e++)
			for (size_t k = 0; k < f->n; k++, at += 8)
				put_real(at, get_field(&v->elements[e], f->at[k]));
	}
	put_u32(out, row_crc(key->bytes, out + 4, 8 * set->n_columns));
}

bool row_is_good(const struct set *set, MDB_val key, MDB_val value)
{
	const uint8_t *at = value.mv_data;

	return value.mv_size == row_bytes(set) && key.mv_size == KEY_BYTES &&
	       get_u32(at) == row_crc(key.mv_data, at + 4, value.mv_size - 4);
}

double row_number(MDB_val value, size_t column)
{
	return get_real((const uint8_t *)value.mv_data + 4 + 8 * column);
}

static void fill_elements(const struct set_variable *v, const double *numbers,
			  struct tesla_record_element *elements)
{
	const struct fields *f = &fields_of[v->kind];

	for (size_t e = 0; e < v->n_elements; e++) {
		elements[e] = (struct tesla_record_element){ .value = NAN,
							     .min = NAN,
							     .max = NAN,
							     .increase = NAN,
							     .quality = TESLA_ERROR };
		for (size_t k = 0; k < f->n; k++)
			set_field(&elements[e], f->at[k], numbers[v->first_column + e * f->n + k]);
	}
}

bool row_record(const struct set *set, int64_t end_ms, const double *numbers, struct arena *memory,
		struct record *ret)
{
	struct tesla_record_variable *all = arena_alloc(memory, set->n_variables, sizeof *all);
	const struct tesla_record_variable **rows =
		arena_alloc(memory, set->n_variables, sizeof *rows);
	double length = numbers[0] >= 0 && numbers[0] <= 0x1p52 ? numbers[0] : 0;

	for (size_t i = 0; i < set->n_variables && all != NULL && rows != NULL; i++) {
		const struct set_variable *v = &set->variables[i];
		struct tesla_record_element *elements =
			arena_alloc(memory, v->n_elements, sizeof *elements);

		if (elements == NULL)
			break;
		fill_elements(v, numbers, elements);
		all[i] = (struct tesla_record_variable){ v->name,   v->unit,	   v->kind,
							 v->factor, v->n_elements, elements };
		rows[i] = &all[i];
	}
	*ret = (struct record){ .analyzer = set->analyzer,
				.start_ms = end_ms - (int64_t)length,
				.end_ms = end_ms,
				.model = set->model,
				.identity = set->identity,
				.n_variables = set->n_variables,
				.variables = rows };
	return !memory->failed;
}
