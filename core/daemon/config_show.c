/* SPDX-License-Identifier: Apache-2.0 */
/* The command `config`: what is in force, for people and for programs.  Secrets are left out. */
#include <string.h>

#include "base/cleanup.h"
#include "daemon/config_text.h"
#include "daemon/definitions.h"
#include "daemon/pack.h"

#define TEXT_MAX (8u << 20)

/* Of plugins that nobody could ask, such as one that is missing. */
static const char *const by_name[] = { "password", "token", "secret", "passphrase", "api_key" };

/* ---- what is secret: what any plugin says of a parameter of that name ---- */

static bool is(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && memcmp(name, text, len) == 0;
}

static bool secret_of(const struct plugin *p, const char *name, size_t len)
{
	for (const struct tesla_param *t = p->params; t != NULL && t->type != TESLA_T_END; t++)
		if ((t->flags & TESLA_SECRET) && is(t->name, name, len))
			return true;
	return false;
}

static bool is_secret(void *arg, const char *name, size_t len)
{
	const struct plugins *p = arg;

	for (size_t i = 0; i < N_ELEMENTS(by_name); i++)
		if (is(by_name[i], name, len))
			return true;
	for (size_t i = 0; i < p->n; i++)
		if (secret_of(p->list[i], name, len))
			return true;
	return false;
}

/* ---- the parts ---- */

static void pack_params(msgpack_packer *pk, struct plugins *p, const struct conf_params *params)
{
	key_map(pk, "params", params->n);
	for (size_t i = 0; i < params->n; i++) {
		const struct conf_param *row = &params->list[i];

		mp_key_str(pk, row->name,
			   is_secret(p, row->name, strlen(row->name)) ? CONFIG_MASK : row->value);
	}
}

static void pack_device(msgpack_packer *pk, struct plugins *p, const struct conf_line *l)
{
	(void)msgpack_pack_map(pk, 4);
	mp_key_int(pk, "id", l->id);
	mp_key_str(pk, "kind", hub_line_kind_name(l->kind));
	mp_key_str(pk, "name", l->name);
	pack_params(pk, p, &l->params);
}

static bool exports(const struct conf_exporter *e, const struct conf_analyzer *a)
{
	for (size_t i = 0; i < e->n_analyzers; i++)
		if (e->analyzers[i] == a)
			return true;
	return false;
}

static void pack_exports(msgpack_packer *pk, const struct config *c, const struct conf_analyzer *a)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_exporters; i++)
		n += exports(&c->exporters[i], a);
	key_array(pk, "exporters", n);
	for (size_t i = 0; i < c->n_exporters; i++)
		if (exports(&c->exporters[i], a))
			mp_str(pk, c->exporters[i].id);
}

static void pack_analyzer(msgpack_packer *pk, const struct config *c, struct plugins *p,
			  const struct conf_analyzer *a)
{
	(void)msgpack_pack_map(pk, 12);
	mp_key_int(pk, "id", a->id);
	mp_key_int(pk, "device", a->on->id);
	mp_key_int(pk, "address", a->address);
	mp_key_str(pk, "model", a->model->pub.name);
	mp_key_str(pk, "manufacturer", a->model->pub.manufacturer);
	mp_key_str(pk, "driver", a->driver);
	mp_key_str(pk, "data", a->data);
	mp_key_int(pk, "interval_ms", a->interval_ms);
	mp_key_int(pk, "record_ms", a->record_ms);
	pack_params(pk, p, &a->params);
	key_array(pk, "variables", a->n_variables);
	for (size_t i = 0; i < a->n_variables; i++) {
		const struct conf_variable *v = &a->variables[i];

		(void)msgpack_pack_map(pk, 2);
		mp_key_str(pk, "name", v->variable->name);
		mp_key_int(pk, "interval_ms", v->interval_ms > 0 ? v->interval_ms : a->interval_ms);
	}
	pack_exports(pk, c, a);
}

static void pack_exporter(msgpack_packer *pk, struct plugins *p, const struct conf_exporter *e)
{
	(void)msgpack_pack_map(pk, 4);
	mp_key_str(pk, "id", e->id);
	mp_key_str(pk, "type", e->type);
	mp_key_str(pk, "target", e->target);
	pack_params(pk, p, &e->params);
}

static void pack_text(msgpack_packer *pk, const struct config *c, struct plugins *p)
{
	_cleanup_(buf_release) struct buf text;

	buf_init(&text, TEXT_MAX);
	mp_str(pk, "text");
	if (c->text != NULL)
		config_text_mask(c->text, is_secret, p, &text);
	if (c->text == NULL || text.failed) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	(void)msgpack_pack_str(pk, text.pub.len);
	(void)msgpack_pack_str_body(pk, text.pub.bytes, text.pub.len);
}

bool cmd_config(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		struct buf *reply)
{
	const struct config *c = d->check.config;
	struct plugins *p = d->check.plugins;
	msgpack_packer pk;

	(void)peer, (void)request;
	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 7);
	mp_key_bool(&pk, "ok", true);
	mp_key_str(&pk, "file", c->file);
	mp_key_int(&pk, "generation", (int64_t)reload_generation(d->reload));
	pack_text(&pk, c, p);
	key_array(&pk, "devices", c->n_lines);
	for (size_t i = 0; i < c->n_lines; i++)
		pack_device(&pk, p, &c->lines[i]);
	key_array(&pk, "analyzers", c->n_analyzers);
	for (size_t i = 0; i < c->n_analyzers; i++)
		pack_analyzer(&pk, c, p, &c->analyzers[i]);
	key_array(&pk, "exporters", c->n_exporters);
	for (size_t i = 0; i < c->n_exporters; i++)
		pack_exporter(&pk, p, &c->exporters[i]);
	return true;
}
