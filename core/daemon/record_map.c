/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a map: the same that clientRest sends. */
#include "daemon/record_map.h"

#include <math.h>

#include "base/cleanup.h"
#include "base/model_tables.h"

static void pack_number(msgpack_packer *pk, double v)
{
	(void)(isnan(v) ? msgpack_pack_nil(pk) : msgpack_pack_double(pk, v));
}

static void pack_value(msgpack_packer *pk, const struct tesla_record_element *e)
{
	pack_number(pk, e->value);
}

static void pack_min(msgpack_packer *pk, const struct tesla_record_element *e)
{
	pack_number(pk, e->min);
}

static void pack_max(msgpack_packer *pk, const struct tesla_record_element *e)
{
	pack_number(pk, e->max);
}

static void pack_increase(msgpack_packer *pk, const struct tesla_record_element *e)
{
	pack_number(pk, e->increase);
}

static void pack_count(msgpack_packer *pk, const struct tesla_record_element *e)
{
	(void)msgpack_pack_uint32(pk, e->count);
}

static void pack_covered(msgpack_packer *pk, const struct tesla_record_element *e)
{
	(void)msgpack_pack_int64(pk, e->covered_ms);
}

static void pack_quality(msgpack_packer *pk, const struct tesla_record_element *e)
{
	(void)msgpack_pack_int(pk, e->quality);
}

#define OF(kind) (1u << (kind))
#define OF_ALL (OF(TESLA_GAUGE) | OF(TESLA_COUNTER) | OF(TESLA_STATUS))

static const struct column { /* an array with a number per element */
	const char *key;
	unsigned of; /* kinds of variable that have it */
	void (*pack)(msgpack_packer *, const struct tesla_record_element *);
} columns[] = {
	{ "value", OF_ALL, pack_value },      { "min", OF(TESLA_GAUGE), pack_min },
	{ "max", OF(TESLA_GAUGE), pack_max }, { "increase", OF(TESLA_COUNTER), pack_increase },
	{ "count", OF_ALL, pack_count },      { "covered_ms", OF_ALL, pack_covered },
	{ "quality", OF_ALL, pack_quality },
};

static void pack_variable(msgpack_packer *pk, const struct tesla_record_variable *v)
{
	size_t n = 2;

	for (size_t i = 0; i < N_ELEMENTS(columns); i++)
		n += (columns[i].of & OF(v->kind)) != 0;
	mp_str(pk, v->name);
	(void)msgpack_pack_map(pk, n);
	mp_key_str(pk, "unit", v->unit);
	mp_key_str(pk, "kind", kind_name(v->kind));
	for (size_t i = 0; i < N_ELEMENTS(columns); i++) {
		if ((columns[i].of & OF(v->kind)) == 0)
			continue;
		mp_str(pk, columns[i].key);
		(void)msgpack_pack_array(pk, v->n_elements);
		for (size_t k = 0; k < v->n_elements; k++)
			columns[i].pack(pk, &v->elements[k]);
	}
}

void record_map_pack(msgpack_packer *pk, const struct record *r)
{
	(void)msgpack_pack_map(pk, 6);
	mp_key_int(pk, "analyzer", r->analyzer);
	mp_key_int(pk, "start_ms", r->start_ms);
	mp_key_int(pk, "end_ms", r->end_ms);
	mp_key_str(pk, "model", r->model);
	mp_key_str(pk, "identity", r->identity);
	mp_str(pk, "variables");
	(void)msgpack_pack_map(pk, r->n_variables);
	for (size_t i = 0; i < r->n_variables; i++)
		pack_variable(pk, r->variables[i]);
}
