/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets: what rows mean, kept once for all that are of one form.  All are in memory; those of one
 * analyzer are found by a checksum of its node and id.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/model_tables.h"
#include "base/mp.h"
#include "base/utf8.h"
#include "central/bytes.h"
#include "central/store_internal.h"

#define DEFINITION_FIELDS 5
#define ROLL_FIELDS 3 /* a sixth: level, id of the set that it is made of, zone */
#define VARIABLE_FIELDS 5
#define CELLS_MAX (512u << 10)
#define ROWS_MIN 64u
#define FORMS_MAX 256u /* of an analyzer */
#define FORMS_BYTES ((size_t)512 << 20)

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

static void pack_roll(msgpack_packer *pk, const struct set *of, enum store_level level,
		      const char *zone)
{
	(void)msgpack_pack_array(pk, DEFINITION_FIELDS + 1);
	mp_str(pk, of->node);
	(void)msgpack_pack_int64(pk, of->analyzer);
	mp_str(pk, of->model);
	mp_str(pk, of->identity);
	(void)msgpack_pack_array(pk, of->n_variables);
	for (size_t i = 0; i < of->n_variables; i++) {
		const struct set_variable *v = &of->variables[i];

		(void)msgpack_pack_array(pk, VARIABLE_FIELDS);
		mp_str(pk, v->name);
		mp_str(pk, v->unit);
		(void)msgpack_pack_int(pk, (int)v->kind);
		(void)msgpack_pack_double(pk, v->factor);
		(void)msgpack_pack_uint64(pk, v->n_elements);
	}
	(void)msgpack_pack_array(pk, ROLL_FIELDS);
	(void)msgpack_pack_int(pk, (int)level);
	(void)msgpack_pack_uint32(pk, of->id);
	mp_str(pk, zone);
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

static bool read_roll(struct set *set, const msgpack_object *o)
{
	const msgpack_object *f = o->via.array.ptr;
	int64_t level, id;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != ROLL_FIELDS ||
	    !mp_to_int(&f[0], &level) || !mp_to_int(&f[1], &id))
		return false;
	if (level < 0 || level >= N_STORE_LEVELS || id < 1 || id >= set->id)
		return false;
	set->level = (enum store_level)level;
	set->of_id = (uint32_t)id;
	set->zone_name = text_of(&set->memory, &f[2]); /* NULL: UTC */
	return true;
}

static bool read_fields(struct set *set, const msgpack_object *o)
{
	const msgpack_object *f = o->via.array.ptr;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < DEFINITION_FIELDS ||
	    o->via.array.size > DEFINITION_FIELDS + 1 || f[4].type != MSGPACK_OBJECT_ARRAY ||
	    f[4].via.array.size > MODEL_VARIABLES_MAX)
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
	return o->via.array.size == DEFINITION_FIELDS || read_roll(set, &f[DEFINITION_FIELDS]);
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
	if (!set_count_columns(set))
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
	free(set->kept);
	free(set);
}

void sets_release(struct sets *sets)
{
	for (size_t i = 0; i < sets->n_who; i++)
		free(sets->who[i].who);
	for (size_t i = 0; i < sets->n; i++)
		set_free(sets->by_id[i]);
	free(sets->by_id);
	free(sets->who);
	for (size_t i = 0; i < sets->n_zones; i++)
		zone_free(sets->zones[i]);
	free(sets->zones);
	*sets = (struct sets){ 0 };
}

const struct set *set_by_id(const struct sets *sets, uint32_t id)
{
	const struct set *set = id >= 1 && id <= sets->n ? sets->by_id[id - 1] : NULL;

	return set != NULL && !set->unreadable ? set : NULL;
}

static uint32_t who_crc(const char *node, int64_t analyzer)
{
	uint8_t bytes[8];

	put_u64(bytes, (uint64_t)analyzer);
	return crc32c(crc32c(0, node, strlen(node)), bytes, sizeof bytes);
}

/* The first that is above. */
static size_t place_behind(const struct sets *sets, uint32_t crc)
{
	size_t from = 0, to = sets->n_who;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (sets->who[middle].crc <= crc)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct who *who_look_up(const struct sets *sets, const char *node, int64_t analyzer)
{
	uint32_t crc = who_crc(node, analyzer);

	for (size_t i = place_behind(sets, crc); i > 0 && sets->who[i - 1].crc == crc; i--) {
		struct who *who = sets->who[i - 1].who;

		if (who->newest_set->analyzer == analyzer &&
		    strcmp(who->newest_set->node, node) == 0)
			return who;
	}
	return NULL;
}

const struct set *set_of(const struct sets *sets, const char *node, int64_t analyzer,
			 const struct set *before)
{
	const struct who *who = before == NULL ? who_look_up(sets, node, analyzer) : NULL;

	return before != NULL ? before->older : who != NULL ? who->newest_set : NULL;
}

static int no_memory(struct tesla_error *err)
{
	return tesla_fail(err, -ENOMEM, "store: no memory");
}

/* To those of its analyzer. */
static int list_who(struct sets *sets, struct set *set)
{
	struct who *who = who_look_up(sets, set->node, set->analyzer);
	uint32_t crc = who_crc(set->node, set->analyzer);
	size_t at = place_behind(sets, crc);
	struct who_at *more;

	if (who == NULL) {
		who = calloc(1, sizeof *who);
		more = realloc(sets->who, (sets->n_who + 1) * sizeof *more);
		sets->who = more != NULL ? more : sets->who;
		if (who == NULL || more == NULL) {
			free(who);
			return -ENOMEM;
		}
		memmove(more + at + 1, more + at, (sets->n_who - at) * sizeof *more);
		who->newest_ms = INT64_MIN;
		more[at] = (struct who_at){ crc, who };
		sets->n_who++;
	}
	set->who = who;
	set->look_from_ms = INT64_MIN;
	set->form = form_of_set(sets, set);
	set->older = who->newest_set;
	who->n_sets++;
	who->newest_set = set;
	return 0;
}

/* ---- roll-ups ---- */

/* *ret NULL: there is no such zone here. */
static int zone_of(struct sets *sets, const char *name, const struct zone **ret)
{
	struct tesla_error ignored;
	struct zone **more, *zone;
	int r;

	*ret = NULL;
	for (size_t i = 0; i < sets->n_zones; i++)
		if (strcmp(zone_name(sets->zones[i]), name) == 0) {
			*ret = sets->zones[i];
			return 0;
		}
	more = realloc(sets->zones, (sets->n_zones + 1) * sizeof(struct zone *));
	if (more == NULL)
		return -ENOMEM;
	sets->zones = more;
	r = zone_open(name, &zone, &ignored);
	if (r != 0)
		return r == -ENOMEM ? r : 0;
	more[sets->n_zones++] = zone;
	*ret = zone;
	return 0;
}

/* To the set that it is made of; without that, or with other columns, it says nothing. */
static int link_roll(struct sets *sets, struct set *roll)
{
	struct set *of = roll->of_id <= sets->n ? sets->by_id[roll->of_id - 1] : NULL;
	int r;

	if (of == NULL || of->unreadable || of->of_id != 0 ||
	    of->n_variables != roll->n_variables) {
		roll->unreadable = true;
		return 0;
	}
	roll->of = of;
	roll->done_ms = INT64_MIN;
	if (roll->zone_name != NULL) {
		r = zone_of(sets, roll->zone_name, &roll->zone);
		if (r != 0)
			return r;
		roll->unusable = roll->zone == NULL;
	}
	of->rolls[roll->level] = roll;
	return 0;
}

/* In memory, about. */
static size_t form_bytes(const struct set *set)
{
	return sizeof *set + 2 * set->definition_len + set->n_variables * sizeof *set->variables;
}

/* Takes `set`, whose id says where it goes; on failure it is freed. */
static int list_add(struct sets *sets, struct set *set, struct tesla_error *err)
{
	size_t n = set->id > sets->n ? set->id : sets->n;
	struct set **by_id = realloc(sets->by_id, n * sizeof(struct set *));

	sets->by_id = by_id != NULL ? by_id : sets->by_id;
	if (by_id == NULL || (!set->unreadable && (set->of_id != 0 ? link_roll(sets, set)
								   : list_who(sets, set)) != 0)) {
		set_free(set);
		return no_memory(err);
	}
	for (; sets->n < n; sets->n++)
		by_id[sets->n] = NULL;
	if (set->of_id != 0)
		sets->n_rolls++;
	else
		sets->form_bytes += form_bytes(set);
	by_id[set->id - 1] = set;
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
	set->gone_ms = INT64_MIN;
	*ret = set;
	return read_definition(set, err);
}

/* What a record must be, base/record.h knows: from here on only numbers have to be looked at. */
int record_check(const struct record *rec, struct tesla_error *err)
{
	struct arena memory = { 0 };
	struct record ignored;
	struct buf b;
	int r;

	buf_init(&b, RECORD_BYTES_MAX);
	r = record_encode(rec, &b);
	if (r != 0)
		(void)tesla_fail(err, r, "a record of analyzer %" PRId64 " %s", rec->analyzer,
				 r == -EMSGSIZE ? "is too long" : "finds no memory");
	else
		r = record_parse(b.pub.bytes, b.pub.len, &memory, &ignored, err);
	arena_release(&memory);
	buf_release(&b);
	return r == -EBADMSG || r == -EMSGSIZE ? -EINVAL : r;
}

/* Clients make them, and they stay. */
static int check_room(const struct store *s, const struct store_record *r, const struct set *set,
		      struct tesla_error *err)
{
	const struct who *who = who_look_up(&s->sets, r->node, r->record->analyzer);
	size_t max = s->conf.forms_bytes != 0 ? s->conf.forms_bytes : FORMS_BYTES;

	if (who != NULL && who->n_sets >= FORMS_MAX)
		return tesla_fail(err, -EINVAL,
				  "too many forms of records of analyzer %" PRId64
				  ": model, identity and variables may change %u times at most",
				  r->record->analyzer, FORMS_MAX);
	if (s->sets.form_bytes + form_bytes(set) > max)
		return tesla_fail(err, -EINVAL,
				  "too many forms of records: those that there are take %zu bytes",
				  s->sets.form_bytes);
	return 0;
}

int set_add(struct store *s, const struct store_record *r, const struct set **ret,
	    struct tesla_error *err)
{
	struct set *set = NULL;
	msgpack_packer pk;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_BYTES_MAX);
	mp_writer(&pk, &b);
	pack_definition(&pk, r);
	rc = b.failed ? tesla_fail(err, -EINVAL, "a record's names are too long to be stored")
		      : set_new((uint32_t)s->sets.n + 1, b.pub.bytes, b.pub.len, &set, err);
	buf_release(&b);
	if (rc == 0)
		rc = check_room(s, r, set, err);
	if (rc != 0) {
		set_free(set);
		return rc;
	}
	rc = list_add(&s->sets, set, err);
	if (rc == 0)
		*ret = set;
	return rc;
}

int set_add_roll(struct sets *sets, struct set *of, enum store_level level, const char *zone,
		 struct set **ret, struct tesla_error *err)
{
	struct set *set = NULL;
	msgpack_packer pk;
	struct buf b;
	int r;

	buf_init(&b, 2 * RECORD_BYTES_MAX);
	mp_writer(&pk, &b);
	pack_roll(&pk, of, level, zone);
	r = b.failed ? no_memory(err)
		     : set_new((uint32_t)sets->n + 1, b.pub.bytes, b.pub.len, &set, err);
	buf_release(&b);
	if (r != 0) {
		set_free(set);
		return r;
	}
	r = list_add(sets, set, err);
	if (r == 0)
		*ret = set;
	return r;
}

/* Of the definition and the id that it stands under. */
static uint32_t definition_crc(const uint8_t *definition, size_t len, uint32_t id)
{
	uint8_t bytes[4];

	put_u32(bytes, id);
	return crc32c(crc32c(0, definition, len), bytes, sizeof bytes);
}

int set_value(const struct set *set, struct buf *out)
{
	uint8_t crc[4];
	int r = buf_append(out, set->definition, set->definition_len);

	put_u32(crc, definition_crc(set->definition, set->definition_len, set->id));
	return r == 0 ? buf_append(out, crc, sizeof crc) : r;
}

bool set_is_good(uint32_t id, MDB_val value)
{
	const uint8_t *at = value.mv_data;
	size_t len = value.mv_size < 4 ? 0 : value.mv_size - 4;

	return len > 0 && get_u32(at + len) == definition_crc(at, len, id);
}

int set_load(struct sets *sets, uint32_t id, MDB_val value, struct tesla_error *err)
{
	const uint8_t *at = value.mv_data;
	size_t len = value.mv_size < 4 ? 0 : value.mv_size - 4;
	struct set *set = NULL;
	int r = set_new(id, at, len, &set, err);

	if (set == NULL || r == -ENOMEM) {
		set_free(set);
		return r;
	}
	set->saved = true;
	set->unreadable = r != 0 || !set_is_good(id, value);
	return list_add(sets, set, err);
}
