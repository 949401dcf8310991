/* SPDX-License-Identifier: Apache-2.0 */
/* What meters offer, and how they are. */
#include "daemon/definitions.h"

#include "base/model_tables.h"
#include "daemon/asked.h"
#include "daemon/pack.h"
#include "daemon/window.h"

/* ---- of which analyzers ---- */

typedef void pack_one(const struct hub_analyzer *a, msgpack_packer *pk);

static bool answer_each(const struct daemon *d, const msgpack_object *request, const char *key,
			pack_one *pack, struct buf *reply)
{
	const struct hub *h = d->check.hub;
	struct hub_analyzer *one;
	msgpack_packer pk;

	if (!asked_analyzer(h, request, &one, reply))
		return true;
	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_bool(&pk, "ok", true);
	key_array(&pk, key, one ? 1 : h->n_analyzers);
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (one == NULL || one == &h->analyzers[i])
			pack(&h->analyzers[i], &pk);
	return true;
}

/* ---- definitions ---- */

static void key_real_or_nil(msgpack_packer *pk, const char *key, double v, bool there)
{
	mp_str(pk, key);
	(void)(there ? msgpack_pack_double(pk, v) : msgpack_pack_nil(pk));
}

static void pack_register(msgpack_packer *pk, const struct tesla_register *r,
			  const struct window_scale *s)
{
	static const char *const types[] = {
		[TESLA_INT16] = "int16",     [TESLA_UINT16] = "uint16",
		[TESLA_INT32] = "int32",     [TESLA_UINT32] = "uint32",
		[TESLA_INT64] = "int64",     [TESLA_UINT64] = "uint64",
		[TESLA_FLOAT32] = "float32", [TESLA_FLOAT64] = "float64",
		[TESLA_BCD16] = "bcd16",     [TESLA_BCD32] = "bcd32",
		[TESLA_BCD64] = "bcd64",     [TESLA_DECIMAL] = "decimal",
	};
	const struct tesla_scale *of = r->scale_register;
	bool known = of != NULL && s->exponents[of->index] != INT16_MIN;

	(void)msgpack_pack_map(pk, 9);
	mp_key_int(pk, "function", r->function);
	mp_key_int(pk, "address", r->address);
	mp_key_int(pk, "count", r->count);
	mp_key_str(pk, "type", types[r->type]);
	mp_key_real(pk, "scale", r->scale);
	mp_key_real(pk, "offset", r->offset);
	key_int_or_nil(pk, "scale_register", of ? of->address : 0, of != NULL);
	key_int_or_nil(pk, "exponent", known ? s->exponents[of->index] : 0, known);
	key_real_or_nil(pk, "max", r->max, r->has_max);
}

static void pack_elements(msgpack_packer *pk, const struct tesla_variable *v,
			  const struct window_scale *s)
{
	bool known = false;

	key_array(pk, "labels", v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		mp_str(pk, v->elements[i]->label);
	for (size_t i = 0; i < v->n_elements; i++)
		known = known || window_resolution(v->elements[i], s) > 0;
	mp_str(pk, "resolution");
	(void)(known ? msgpack_pack_array(pk, v->n_elements) : msgpack_pack_nil(pk));
	for (size_t i = 0; known && i < v->n_elements; i++) {
		double resolution = window_resolution(v->elements[i], s);

		(void)(resolution > 0 ? msgpack_pack_double(pk, resolution) : msgpack_pack_nil(pk));
	}
	key_array(pk, "registers", v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		pack_register(pk, v->elements[i], s);
}

static void pack_values(msgpack_packer *pk, const struct tesla_variable *v)
{
	key_array(pk, "values", v->n_values);
	for (size_t i = 0; i < v->n_values; i++) {
		(void)msgpack_pack_array(pk, 2);
		(void)msgpack_pack_int64(pk, v->values[i]->number);
		mp_str(pk, v->values[i]->text);
	}
}

/* NULL: it is not read. */
static const struct conf_variable *wanted(const struct hub_analyzer *a,
					  const struct tesla_variable *v)
{
	for (size_t i = 0; i < a->conf->n_variables; i++)
		if (a->conf->variables[i].variable == v)
			return &a->conf->variables[i];
	return NULL;
}

static void pack_variable(msgpack_packer *pk, const struct hub_analyzer *a,
			  const struct tesla_variable *v)
{
	const struct window_scale s = { a->exponents, a->conf->model->pub.n_scales };
	const struct conf_variable *w = wanted(a, v);
	int64_t interval_ms = w && w->interval_ms > 0 ? w->interval_ms : a->conf->interval_ms;

	(void)msgpack_pack_map(pk, 12);
	mp_key_str(pk, "name", v->name);
	mp_key_str(pk, "description", v->description);
	mp_key_str(pk, "unit", v->unit ? v->unit : "");
	mp_key_str(pk, "kind", kind_name(v->kind));
	mp_key_real(pk, "factor", v->predecessor_factor);
	mp_key_bool(pk, "compost", v->n_elements == 1 && v->elements[0]->count > 1);
	mp_key_bool(pk, "wanted", w != NULL);
	key_int_or_nil(pk, "interval_ms", interval_ms, w != NULL);
	pack_elements(pk, v, &s);
	pack_values(pk, v);
}

static void pack_definitions(const struct hub_analyzer *a, msgpack_packer *pk)
{
	const struct model *m = a->conf->model;

	(void)msgpack_pack_map(pk, 6);
	mp_key_int(pk, "analyzer", a->conf->id);
	mp_key_str(pk, "model", m->pub.name);
	mp_key_str(pk, "manufacturer", m->pub.manufacturer);
	mp_key_str(pk, "description", m->description);
	mp_key_bool(pk, "proven", m->proven);
	key_array(pk, "variables", m->pub.n_variables);
	for (size_t i = 0; i < m->pub.n_variables; i++)
		pack_variable(pk, a, m->pub.variables[i]);
}

bool cmd_definitions(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply)
{
	(void)peer;
	return answer_each(d, request, "definitions", pack_definitions, reply);
}

/* ---- device-status ---- */

static void pack_device(const struct hub_analyzer *a, msgpack_packer *pk)
{
	(void)msgpack_pack_map(pk, 9);
	mp_key_int(pk, "analyzer", a->conf->id);
	mp_key_str(pk, "run", hub_run_name(a->run));
	mp_key_bool(pk, "comm", a->state == HUB_ONLINE);
	mp_key_str(pk, "state", hub_state_name(a->state));
	mp_key_str(pk, "reason", a->reason);
	mp_key_str(pk, "error", a->error);
	key_int_or_nil(pk, "t_ms", a->answered_us / 1000, a->answered_us != 0);
	mp_key_str(pk, "identity", a->identity);
	mp_key_str(pk, "verified", hub_verified_name(a->verified));
}

bool cmd_device_status(struct daemon *d, const struct control_peer *peer,
		       const msgpack_object *request, struct buf *reply)
{
	(void)peer;
	return answer_each(d, request, "devices", pack_device, reply);
}
