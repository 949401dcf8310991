/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/models: what kinds of meters offer, those that records are taken apart by. */
#include "base/cleanup.h"
#include "base/model_tables.h"
#include "base/mp.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/catalogue.h"

static void head_pack(msgpack_packer *pk, const struct model *m)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_str(pk, "name", m->pub.name);
	mp_key_str(pk, "manufacturer", m->pub.manufacturer);
	mp_key_str(pk, "description", m->description);
	mp_key_bool(pk, "proven", m->proven);
	mp_str(pk, "variables");
}

static void variable_pack(msgpack_packer *pk, const struct tesla_variable *v)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_str(pk, "name", v->name);
	mp_key_str(pk, "unit", v->unit);
	mp_key_str(pk, "kind", kind_name(v->kind));
	mp_key_int(pk, "elements", (int64_t)v->n_elements);
	mp_key_str(pk, "description", v->description);
}

void api_models_get(struct call *c)
{
	const struct catalogue *all = c->app->catalogue;
	msgpack_packer pk;
	struct buf out;

	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 1);
	mp_str(&pk, "models");
	(void)msgpack_pack_array(&pk, catalogue_n(all));
	for (size_t i = 0; i < catalogue_n(all); i++) {
		head_pack(&pk, catalogue_at(all, i));
		(void)msgpack_pack_uint64(&pk, catalogue_at(all, i)->pub.n_variables);
	}
	call_answer_ok(c, &out);
}

void api_model_get(struct call *c)
{
	const struct model *m = catalogue_model(c->app->catalogue, c->args[0]);
	msgpack_packer pk;
	struct buf out;

	if (m == NULL) {
		call_error(c, 404, "there is no model %.80s", c->args[0]);
		return;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	head_pack(&pk, m);
	(void)msgpack_pack_array(&pk, m->pub.n_variables);
	for (size_t i = 0; i < m->pub.n_variables; i++)
		variable_pack(&pk, m->pub.variables[i]);
	call_answer_ok(c, &out);
}
