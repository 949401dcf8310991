/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a form. */
#include "central/lectura.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/model_tables.h"
#include "central/old_units.h"

#define NAME_SHOWN 40

/* NULL: the model has no such variable. */
static const struct tesla_variable *variable_of(const struct model *m, const msgpack_object *key,
						size_t *place)
{
	for (size_t i = 0; key->type == MSGPACK_OBJECT_STR && i < m->pub.n_variables; i++) {
		const struct tesla_variable *v = m->pub.variables[i];

		if (strlen(v->name) == key->via.str.size &&
		    memcmp(v->name, key->via.str.ptr, key->via.str.size) == 0) {
			*place = i;
			return v;
		}
	}
	return NULL;
}

__attribute__((format(printf, 3, 4))) static void skip(struct lectura *l, const msgpack_object *key,
						       const char *fmt, ...)
{
	size_t len = strlen(l->skipped), size = sizeof l->skipped - len;
	int shown = key->via.str.size < NAME_SHOWN ? (int)key->via.str.size : NAME_SHOWN;
	va_list ap;
	char why[80];

	l->n_skipped++;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	(void)snprintf(l->skipped + len, size, "%s%.*s %s", len > 0 ? ", " : "", shown,
		       key->via.str.ptr, why);
}

/* Of several registers that are one number. */
static bool is_compost(const struct tesla_variable *v)
{
	return v->n_elements == 1 && v->elements[0]->count > 1;
}

static bool has_numbers(const msgpack_object *list)
{
	double v;

	for (uint32_t i = 0; i < list->via.array.size; i++)
		if (!mp_to_real(&list->via.array.ptr[i], &v) || !isfinite(v))
			return false;
	return list->via.array.size > 0 && list->via.array.size <= MODEL_ELEMENTS_MAX;
}

static int take(const struct tesla_variable *v, const msgpack_object *list, struct arena *memory,
		struct tesla_record_variable *ret)
{
	size_t n = list->via.array.size;
	struct tesla_record_element *elements = arena_alloc(memory, n, sizeof *elements);

	if (elements == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		double value = NAN;

		(void)mp_to_real(&list->via.array.ptr[i], &value);
		elements[i] = (struct tesla_record_element){
			.value = new_value(value, v->predecessor_factor),
			.min = NAN,
			.max = NAN,
			.increase = NAN,
			.quality = TESLA_GOOD,
		};
	}
	*ret = (struct tesla_record_variable){ .name = v->name,
					       .unit = v->unit != NULL ? v->unit : "",
					       .kind = v->kind,
					       .predecessor_factor = v->predecessor_factor,
					       .n_elements = n,
					       .elements = elements };
	return 0;
}

static int take_one(const struct model *m, const msgpack_object_kv *kv, struct arena *memory,
		    struct tesla_record_variable *all, struct lectura *l)
{
	size_t place = 0;
	const struct tesla_variable *v = variable_of(m, &kv->key, &place);
	msgpack_object one = { .type = MSGPACK_OBJECT_ARRAY };
	const msgpack_object *list = &kv->val;
	double number;

	if (mp_to_real(list, &number)) { /* not in an array */
		one.via.array.size = 1;
		one.via.array.ptr = (msgpack_object *)(uintptr_t)list;
		list = &one;
	}
	if (v == NULL)
		skip(l, &kv->key, "is no variable of %.40s", m->pub.name);
	else if (all[place].name != NULL)
		skip(l, &kv->key, "comes twice");
	else if (list->type != MSGPACK_OBJECT_ARRAY || !has_numbers(list))
		skip(l, &kv->key, "is not an array of numbers");
	else if (!is_compost(v) && list->via.array.size != v->n_elements)
		skip(l, &kv->key, "has %u values, expected %zu", list->via.array.size,
		     v->n_elements);
	else
		return take(v, list, memory, &all[place]);
	return 0;
}

static int take_all(const struct model *m, const msgpack_object *map, struct arena *memory,
		    struct lectura *l)
{
	size_t n = m->pub.n_variables;
	struct tesla_record_variable *all = arena_alloc(memory, n, sizeof *all);
	const struct tesla_record_variable **rows = arena_alloc(memory, n, sizeof *rows);
	int r = all != NULL && rows != NULL ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < map->via.map.size && r == 0; i++)
		r = take_one(m, &map->via.map.ptr[i], memory, all, l);
	for (size_t i = 0; i < n && r == 0; i++)
		if (all[i].name != NULL)
			rows[l->n_variables++] = &all[i];
	l->variables = rows;
	return r;
}

static int read_map(const struct model *m, const msgpack_object *map, struct arena *memory,
		    struct lectura *ret, struct tesla_error *err)
{
	struct lectura l = { 0 };
	int r;

	if (map->type != MSGPACK_OBJECT_MAP || map->via.map.size > MODEL_VARIABLES_MAX)
		return tesla_fail(err, -EBADMSG,
				  "LECTURA: expected an object of at most %u variables",
				  MODEL_VARIABLES_MAX);
	r = take_all(m, map, memory, &l);
	if (r != 0)
		return tesla_fail(err, r, "no memory");
	if (l.n_variables == 0)
		return tesla_fail(err, -EBADMSG, "LECTURA: nothing in it can be kept%s%.150s",
				  l.n_skipped > 0 ? ": " : "", l.skipped);
	*ret = l;
	return 0;
}

int lectura_read(const char *text, const struct model *m, struct arena *memory, struct lectura *ret,
		 struct tesla_error *err)
{
	struct tesla_error why = { 0 };
	struct mp_doc doc;
	struct buf packed;
	int r;

	buf_init(&packed, (size_t)1 << 20);
	r = json_read(text, strlen(text), &packed, &why);
	if (r == 0)
		r = mp_unpack(&doc, packed.pub.bytes, packed.pub.len, &why);
	if (r == 0) {
		r = read_map(m, &doc.u.data, memory, ret, err);
		mp_doc_release(&doc);
	} else {
		r = tesla_fail(err, r == -ENOMEM ? r : -EBADMSG, "LECTURA: %.200s", why.text);
	}
	buf_release(&packed);
	return r;
}
