/* SPDX-License-Identifier: Apache-2.0 */
/* A node's answers, in the predecessor's words. */
#include "central/v2_live.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/local_time.h"
#include "central/old_units.h"

/* ---- the first of a list, of the analyzer ---- */

/* NULL: there is none. */
static const msgpack_object *one_of(const struct live *l, size_t reply, const char *key)
{
	size_t n;
	const msgpack_object *list = mp_array(l->replies[reply], key, &n);

	for (size_t i = 0; i < n; i++)
		if (mp_int(&list[i], "analyzer", 0) == l->analyzer)
			return &list[i];
	return NULL;
}

static int missing(const char *what, struct tesla_error *err)
{
	return tesla_fail(err, -EBADMSG, "the node's answer has no %s", what);
}

static bool is_text(const msgpack_object *o, const msgpack_object *other)
{
	return o != NULL && other != NULL && o->type == MSGPACK_OBJECT_STR &&
	       other->type == MSGPACK_OBJECT_STR && o->via.str.size == other->via.str.size &&
	       memcmp(o->via.str.ptr, other->via.str.ptr, o->via.str.size) == 0;
}

/* As it is; NULL: "". */
static void pack_text(msgpack_packer *pk, const msgpack_object *o)
{
	if (o == NULL || o->type != MSGPACK_OBJECT_STR)
		mp_str(pk, "");
	else
		(void)msgpack_pack_object(pk, *o);
}

static void key_text(msgpack_packer *pk, const char *key, const msgpack_object *o)
{
	mp_str(pk, key);
	pack_text(pk, o);
}

/* Whole numbers as such: 1, not 1.0. */
static void pack_number(msgpack_packer *pk, double v)
{
	if (fabs(v) < 0x1p53 && v == trunc(v))
		(void)msgpack_pack_int64(pk, (int64_t)v);
	else
		(void)msgpack_pack_double(pk, v);
}

static void key_number(msgpack_packer *pk, const char *key, double v)
{
	mp_str(pk, key);
	pack_number(pk, v);
}

/* ---- Vars ---- */

static double factor_of(const struct live *l, const msgpack_object *name)
{
	const msgpack_object *d = one_of(l, 1, "definitions");
	size_t n;
	const msgpack_object *list = mp_array(d, "variables", &n);

	for (size_t i = 0; i < n; i++)
		if (is_text(mp_get(&list[i], "name"), name)) {
			double f = mp_real(&list[i], "factor", 1);

			return fabs(f) >= 1e-9 && fabs(f) <= 1e9 ? f : 1;
		}
	return 1;
}

/* One with an element that is not good is left out, as everywhere in this interface. */
static bool is_good(const msgpack_object *reading)
{
	size_t n, n_values;
	const msgpack_object *q = mp_array(reading, "q", &n),
			     *v = mp_array(reading, "v", &n_values);
	int64_t quality;
	double value;

	if (n == 0 || n != n_values || mp_get(reading, "variable") == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!mp_to_int(&q[i], &quality) || quality != TESLA_GOOD ||
		    !mp_to_real(&v[i], &value) || !isfinite(value))
			return false;
	return true;
}

static void pack_reading(const struct live *l, msgpack_packer *pk, const msgpack_object *reading)
{
	const msgpack_object *name = mp_get(reading, "variable");
	double factor = factor_of(l, name), value;
	size_t n;
	const msgpack_object *v = mp_array(reading, "v", &n);

	pack_text(pk, name);
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		(void)msgpack_pack_double(
			pk, old_value(mp_to_real(&v[i], &value) ? value : NAN, factor));
}

static int pack_vars(const struct live *l, msgpack_packer *pk, struct tesla_error *err)
{
	size_t n, n_good = 0;
	const msgpack_object *list = mp_array(l->replies[0], "readings", &n);
	char when[LOCAL_TIME_SIZE] = "";
	int64_t newest_ms = 0;

	if (one_of(l, 1, "definitions") == NULL)
		return missing("definitions", err);
	for (size_t i = 0; i < n; i++) {
		int64_t t_ms = mp_int(&list[i], "t", 0);

		n_good += is_good(&list[i]);
		newest_ms = t_ms > newest_ms ? t_ms : newest_ms;
	}
	if (newest_ms > 0)
		local_time_print(newest_ms / 1000 + zone_offset_s(l->zone, newest_ms / 1000), when);
	(void)msgpack_pack_map(pk, 2);
	mp_key_str(pk, "lastRead", when);
	mp_str(pk, "values");
	(void)msgpack_pack_map(pk, n_good);
	for (size_t i = 0; i < n; i++)
		if (is_good(&list[i]))
			pack_reading(l, pk, &list[i]);
	return 0;
}

/* ---- Defs ---- */

/* As people count them; the wire counts from 0. */
static int64_t register_number(const msgpack_object *r, const char *key)
{
	int64_t address = mp_int(r, key, -1);

	return address >= 0 && address <= UINT16_MAX ? address + 1 : 0;
}

/* value = raw x this, in the predecessor's unit, with the power of ten where it was read. */
static double old_scale(const msgpack_object *variable, const msgpack_object *r)
{
	double scale = old_value(mp_real(r, "scale", 1), mp_real(variable, "factor", 1));
	int64_t exponent = mp_int(r, "exponent", 0);

	return exponent >= -30 && exponent <= 30 ? scale * pow(10, (double)exponent) : scale;
}

static void pack_register_definition(msgpack_packer *pk, const msgpack_object *v,
				     const msgpack_object *registers, size_t n)
{
	int64_t n_registers = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t count = mp_int(&registers[i], "count", 0);

		n_registers += count > 0 && count <= 8 ? count : 0;
	}
	(void)msgpack_pack_map(pk, 7);
	mp_key_int(pk, "registre", n > 0 ? register_number(&registers[0], "address") : 0);
	mp_key_int(pk, "numRegs", n_registers);
	key_text(pk, "descripcio", mp_get(v, "description"));
	mp_key_int(pk, "regEscala", n > 0 ? register_number(&registers[0], "scale_register") : 0);
	key_number(pk, "valEscala", n > 0 ? old_scale(v, &registers[0]) : 1);
	key_number(pk, "valMax", n > 0 ? mp_real(&registers[0], "max", 0) : 0);
	mp_key_bool(pk, "compost", mp_bool(v, "compost", false));
}

/* Of a meter that takes commands: what those are, only its model says. */
static void pack_command_definition(const struct live *l, msgpack_packer *pk,
				    const msgpack_object *v, const msgpack_object *registers,
				    size_t n)
{
	_cleanup_free_ char *name = mp_strdup(v, "name");
	const struct tesla_variable *known =
		l->model != NULL && name != NULL ? model_variable(l->model, name) : NULL;
	const struct tesla_register *r = known != NULL ? known->elements[0] : NULL;
	const msgpack_object *labels = mp_get(v, "labels");
	bool several = n > 1 && labels != NULL && labels->type == MSGPACK_OBJECT_ARRAY;

	(void)msgpack_pack_map(pk, several ? 7 : 6);
	mp_key_str(pk, "registre", r != NULL && r->command != NULL ? r->command : "");
	mp_key_int(pk, "numRegs", (int64_t)n);
	key_text(pk, "descripcio", mp_get(v, "description"));
	key_number(pk, "valEscala", n > 0 ? old_scale(v, &registers[0]) : 1);
	mp_key_int(pk, "numDigits", r != NULL ? r->digits : 0);
	if (several) {
		mp_str(pk, "descVars");
		(void)msgpack_pack_object(pk, *labels);
	}
	{
		_cleanup_free_ char *unit = mp_strdup(v, "unit");
		char old[OLD_UNIT_SIZE];

		old_unit(unit != NULL ? unit : "", mp_real(v, "factor", 1), old);
		mp_key_str(pk, "magnitut", old);
	}
}

static int pack_defs(const struct live *l, msgpack_packer *pk, struct tesla_error *err)
{
	const msgpack_object *d = one_of(l, 0, "definitions");
	size_t n, n_registers;
	const msgpack_object *list = mp_array(d, "variables", &n);

	if (d == NULL)
		return missing("definitions", err);
	(void)msgpack_pack_map(pk, n);
	for (size_t i = 0; i < n; i++) {
		const msgpack_object *registers = mp_array(&list[i], "registers", &n_registers);

		pack_text(pk, mp_get(&list[i], "name"));
		if (n_registers > 0 && mp_is(&registers[0], "type", "decimal"))
			pack_command_definition(l, pk, &list[i], registers, n_registers);
		else
			pack_register_definition(pk, &list[i], registers, n_registers);
	}
	return 0;
}

/* ---- Status, Id ---- */

#define STARTED 1
#define PAUSED 2
#define STOPPED 0
#define COMM 255
#define NOCOMM 240

static int pack_status(const struct live *l, msgpack_packer *pk, struct tesla_error *err)
{
	const msgpack_object *d = one_of(l, 0, "devices");

	if (d == NULL)
		return missing("status of the analyzer", err);
	(void)msgpack_pack_array(pk, 2);
	(void)msgpack_pack_int(pk, mp_is(d, "run", "started")  ? STARTED
				   : mp_is(d, "run", "paused") ? PAUSED
							       : STOPPED);
	(void)msgpack_pack_int(pk, mp_bool(d, "comm", false) ? COMM : NOCOMM);
	return 0;
}

static int pack_id(const struct live *l, msgpack_packer *pk, struct tesla_error *err)
{
	const msgpack_object *d = one_of(l, 0, "devices");

	if (d == NULL)
		return missing("identity of the analyzer", err);
	pack_text(pk, mp_get(d, "identity"));
	return 0;
}

/* ---- Conf ---- */

static void pack_device(msgpack_packer *pk, const msgpack_object *d)
{
	const msgpack_object *params = mp_get(d, "params"), *id = mp_get(d, "id");
	uint32_t n =
		params != NULL && params->type == MSGPACK_OBJECT_MAP ? params->via.map.size : 0;

	(void)msgpack_pack_map(pk, n + 2);
	mp_str(pk, "id");
	(void)(id != NULL ? msgpack_pack_object(pk, *id) : msgpack_pack_nil(pk));
	key_text(pk, "type", mp_get(d, "kind"));
	for (uint32_t i = 0; i < n; i++) {
		(void)msgpack_pack_object(pk, params->via.map.ptr[i].key);
		(void)msgpack_pack_object(pk, params->via.map.ptr[i].val);
	}
}

static void pack_exports(msgpack_packer *pk, const msgpack_object *analyzer,
			 const msgpack_object *exporters, size_t n_exporters)
{
	size_t n, n_known = 0;
	const msgpack_object *ids = mp_array(analyzer, "exporters", &n);

	for (size_t i = 0; i < n; i++)
		for (size_t e = 0; e < n_exporters; e++)
			n_known += is_text(&ids[i], mp_get(&exporters[e], "id"));
	mp_str(pk, "dataexports");
	(void)msgpack_pack_array(pk, n_known);
	for (size_t i = 0; i < n; i++)
		for (size_t e = 0; e < n_exporters; e++) {
			if (!is_text(&ids[i], mp_get(&exporters[e], "id")))
				continue;
			(void)msgpack_pack_map(pk, 2);
			key_text(pk, "type", mp_get(&exporters[e], "type"));
			key_text(pk, "target", mp_get(&exporters[e], "target"));
		}
}

static void pack_analyzer(msgpack_packer *pk, const msgpack_object *a,
			  const msgpack_object *exporters, size_t n_exporters)
{
	const msgpack_object *device = mp_get(a, "device");
	size_t n;
	const msgpack_object *variables = mp_array(a, "variables", &n);

	(void)msgpack_pack_map(pk, 8);
	mp_key_int(pk, "id", mp_int(a, "id", 0));
	mp_str(pk, "device");
	(void)(device != NULL ? msgpack_pack_object(pk, *device) : msgpack_pack_nil(pk));
	key_text(pk, "model", mp_get(a, "model"));
	key_text(pk, "driver", mp_get(a, "driver"));
	key_text(pk, "dataDriver", mp_get(a, "data"));
	mp_str(pk, "params");
	(void)msgpack_pack_map(pk, 4);
	key_text(pk, "fabricant", mp_get(a, "manufacturer"));
	key_text(pk, "model", mp_get(a, "model"));
	key_number(pk, "tempsgravacio", (double)mp_int(a, "record_ms", 0) / 60000);
	key_number(pk, "tempslectura", (double)mp_int(a, "interval_ms", 0) / 1000);
	pack_exports(pk, a, exporters, n_exporters);
	mp_str(pk, "peticions");
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		pack_text(pk, mp_get(&variables[i], "name"));
}

static int pack_conf(const struct live *l, msgpack_packer *pk, struct tesla_error *err)
{
	size_t n_devices, n_analyzers, n_exporters;
	const msgpack_object *devices = mp_array(l->replies[0], "devices", &n_devices),
			     *analyzers = mp_array(l->replies[0], "analyzers", &n_analyzers),
			     *exporters = mp_array(l->replies[0], "exporters", &n_exporters);
	bool known = false;

	for (size_t i = 0; i < n_analyzers; i++)
		known = known || mp_int(&analyzers[i], "id", 0) == l->analyzer;
	if (!known)
		return missing("such analyzer", err);
	(void)msgpack_pack_map(pk, 2);
	mp_str(pk, "devices");
	(void)msgpack_pack_array(pk, n_devices);
	for (size_t i = 0; i < n_devices; i++)
		pack_device(pk, &devices[i]);
	mp_str(pk, "equips");
	(void)msgpack_pack_array(pk, n_analyzers);
	for (size_t i = 0; i < n_analyzers; i++)
		pack_analyzer(pk, &analyzers[i], exporters, n_exporters);
	return 0;
}

/* ---- all of them ---- */

static const struct kind {
	const char *name;
	const char *commands[LIVE_COMMANDS_MAX + 1];
	bool of_all;
	int (*pack)(const struct live *l, msgpack_packer *pk, struct tesla_error *err);
} kinds[N_LIVE] = {
	[LIVE_VARS] = { "Vars", { "snapshot", "definitions" }, false, pack_vars },
	[LIVE_DEFS] = { "Defs", { "definitions" }, false, pack_defs },
	[LIVE_STATUS] = { "Status", { "device-status" }, false, pack_status },
	[LIVE_CONF] = { "Conf", { "config" }, true, pack_conf },
	[LIVE_ID] = { "Id", { "device-status" }, false, pack_id },
};

bool live_parse(const char *text, enum live_what *ret)
{
	for (int i = 0; i < N_LIVE; i++)
		if (strcmp(kinds[i].name, text) == 0) {
			*ret = (enum live_what)i;
			return true;
		}
	return false;
}

const char *const *live_commands(enum live_what what, bool *of_all)
{
	*of_all = kinds[what].of_all;
	return kinds[what].commands;
}

int live_pack(const struct live *l, struct buf *out, struct tesla_error *err)
{
	msgpack_packer pk;
	int r;

	mp_writer(&pk, out);
	r = kinds[l->what].pack(l, &pk, err);
	return r == 0 && out->failed ? tesla_fail(err, -EMSGSIZE, "the answer is too long") : r;
}
