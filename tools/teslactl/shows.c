/* SPDX-License-Identifier: Apache-2.0 */
/* What the answers that tell of the whole daemon look like for people. */
#include "teslactl/shows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/param.h"
#include "teslactl/journal.h"
#include "teslactl/list.h"
#include "teslactl/rows.h"
#include "teslactl/table.h"

/* ---- status ---- */

static const struct table_column host_columns[] = {
	{ "HOST", true },     { "KIND", false },       { "PID", true },	   { "STATE", false },
	{ "RESTARTS", true }, { "QUARANTINE", false }, { "LINES", false }, { "REASON", false },
};
static const struct field host_fields[] = {
	{ "id", TEXT },	       { "kind", TEXT },       { "pid", COUNT },  { "state", TEXT },
	{ "restarts", COUNT }, { "quarantine", FLAG }, { "lines", TEXT }, { "reason", TEXT },
};
static const struct table_column line_columns[] = {
	{ "LINE", true },    { "KIND", false }, { "NAME", false },	  { "STATE", false },
	{ "PLANNED", true }, { "BUSY", true },	{ "TRANSACTIONS", true }, { "REASON", false },
};
static const struct field line_fields[] = {
	{ "id", TEXT },	    { "kind", TEXT },  { "name", TEXT },	  { "state", TEXT },
	{ "share", SHARE }, { "busy", SHARE }, { "transactions", COUNT }, { "reason", TEXT },
};
static const struct table_column analyzer_columns[] = {
	{ "ANALYZER", true }, { "LINE", true },	      { "ADDRESS", true }, { "MODEL", false },
	{ "STATE", false },   { "VERIFIED", false },  { "EVERY", true },   { "LAST", true },
	{ "SWEEPS", true },   { "FAILED", true },     { "MISSED", true },  { "TIME-OUTS", true },
	{ "GARBLED", true },  { "EXCEPTIONS", true }, { "RUN", false },	   { "REASON", false },
	{ "NOTE", false },
};
static const struct field analyzer_fields[] = {
	{ "id", TEXT },
	{ "line", TEXT },
	{ "address", COUNT },
	{ "model", TEXT },
	{ "state", TEXT },
	{ "verified", TEXT },
	{ "interval_ms", DURATION },
	{ "t_ms", AGE },
	{ "sweeps", COUNT },
	{ "failed", COUNT },
	{ "missed", COUNT },
	{ "timeouts", COUNT },
	{ "garbled", COUNT },
	{ "exceptions", COUNT },
	{ "run", TEXT },
	{ "reason", TEXT },
	{ "note", TEXT },
};
static const struct table_column exporter_columns[] = {
	{ "EXPORTER", false }, { "TYPE", false },    { "STATE", false },  { "BACKLOG", true },
	{ "DELIVERED", true }, { "REJECTED", true }, { "DROPPED", true }, { "REASON", false },
};
static const struct field exporter_fields[] = {
	{ "id", TEXT },		{ "type", TEXT },      { "state", TEXT },    { "backlog", COUNT },
	{ "delivered", COUNT }, { "rejected", COUNT }, { "dropped", COUNT }, { "reason", TEXT },
};
static const struct list status_lists[] = {
	{ "hosts", host_columns, host_fields, N_ELEMENTS(host_fields) },
	{ "lines", line_columns, line_fields, N_ELEMENTS(line_fields) },
	{ "analyzers", analyzer_columns, analyzer_fields, N_ELEMENTS(analyzer_fields) },
	{ "exporters", exporter_columns, exporter_fields, N_ELEMENTS(exporter_fields) },
};

/* Nothing when the daemon does not tell. */
static void reload_print(const msgpack_object *answer)
{
	const msgpack_object *last = mp_get(answer, "reload");
	_cleanup_free_ char *error = word(last, "error");
	int64_t generation, t_ms;
	char age[32];

	if (!mp_to_int(mp_get(answer, "generation"), &generation))
		return;
	(void)printf("configuration %lld", (long long)generation);
	if (mp_to_int(mp_get(last, "t_ms"), &t_ms)) {
		age_format(clock_wall_us() / 1000 - t_ms, age, sizeof age);
		(void)printf(", reload %s ago: %s", age,
			     mp_bool(last, "ok", false) ? "good" : error);
	}
	(void)puts("");
}

static void log_lost_print(const msgpack_object *lost)
{
	const long long unread = mp_int(lost, "unread", 0), full = mp_int(lost, "no-space", 0),
			other = mp_int(lost, "failed", 0);

	if (unread > 0 || full > 0 || other > 0)
		(void)printf("lines of the log lost: %lld unread, %lld for want of space, %lld "
			     "failed\n",
			     unread, full, other);
}

int status_show(const struct ctl *ctl, const msgpack_object *answer)
{
	const msgpack_object *node = mp_get(answer, "node");
	_cleanup_free_ char *id = word(node, "id"), *name = word(node, "name"),
			    *place = word(node, "location");
	_cleanup_free_ char *version = word(answer, "version"), *pid = word(answer, "pid");
	_cleanup_free_ char *config = word(answer, "config"), *stream = word(answer, "stream");
	char age[32];

	(void)ctl;
	age_format(clock_wall_us() / 1000 - mp_int(answer, "epoch_ms", 0), age, sizeof age);
	(void)printf("node %s, %s, %s\n", id, name, place);
	(void)printf("teslad %s, process %s, up %s\n", version, pid, age);
	(void)printf("config %s, stream %s\n", config, stream);
	reload_print(answer);
	journal_summary(mp_get(answer, "journal"));
	log_lost_print(mp_get(answer, "log_lost"));
	for (size_t i = 0; i < N_ELEMENTS(status_lists); i++)
		list_print(answer, &status_lists[i]);
	texts_print(answer, "warnings", "warning: ");
	return CTL_GOOD;
}

/* ---- snapshot ---- */

static const struct table_column snapshot_columns[] = {
	{ "ANALYZER", true }, { "VARIABLE", false }, { "AGE", true },
	{ "UNIT", false },    { "VALUES", false },   { "ERROR", false },
};

static const struct field snapshot_fields[] = {
	{ "analyzer", TEXT }, { "variable", TEXT }, { "t", AGE },
	{ "u", TEXT },	      { "v", VALUES },	    { "x", TEXT },
};
static const struct list snapshot_list = { "readings", snapshot_columns, snapshot_fields,
					   N_ELEMENTS(snapshot_fields) };

static bool row_wanted(const struct filter *f, const msgpack_object *row)
{
	_cleanup_free_ char *variable = mp_strdup(row, "variable");

	return variable != NULL && filter_takes(f, mp_int(row, "analyzer", 0), variable);
}

int snapshot_show(const struct ctl *ctl, const msgpack_object *answer)
{
	const struct filter *f = &ctl->filter;
	size_t n;
	const msgpack_object *readings = mp_array(answer, snapshot_list.key, &n);
	struct table t;
	int r = CTL_GOOD;

	table_init(&t, snapshot_columns, N_ELEMENTS(snapshot_columns));
	for (size_t i = 0; i < n; i++)
		if (row_wanted(f, &readings[i]))
			list_row(&t, &snapshot_list, &readings[i]);
	if (t.n_cells == 0 && (f->analyzer != 0 || f->n_variables > 0))
		r = ctl_say(ctl, CTL_NO, "there is no such reading");
	else
		table_print(&t, stdout);
	table_release(&t);
	return r;
}

static int readings_json(yajl_gen g, const struct filter *f, const msgpack_object *list,
			 struct tesla_error *err)
{
	int r = 0;

	(void)yajl_gen_array_open(g);
	for (uint32_t i = 0; i < list->via.array.size && r == 0; i++)
		if (row_wanted(f, &list->via.array.ptr[i]))
			r = json_value(g, &list->via.array.ptr[i], err);
	(void)yajl_gen_array_close(g);
	return r;
}

/* The whole answer, but of the readings only those that were asked for. */
int snapshot_json(const struct ctl *ctl, const msgpack_object *answer, struct tesla_error *err)
{
	yajl_gen g = json_new();
	int r = 0;

	if (g == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	(void)yajl_gen_map_open(g);
	for (uint32_t i = 0; i < answer->via.map.size && r == 0; i++) {
		const msgpack_object_kv *kv = &answer->via.map.ptr[i];

		r = json_value(g, &kv->key, err);
		if (r == 0 && &kv->val == mp_get(answer, "readings") &&
		    kv->val.type == MSGPACK_OBJECT_ARRAY)
			r = readings_json(g, &ctl->filter, &kv->val, err);
		else if (r == 0)
			r = json_value(g, &kv->val, err);
	}
	(void)yajl_gen_map_close(g);
	if (r == 0)
		json_finish(g, stdout);
	else
		yajl_gen_free(g);
	return r;
}

/* ---- plan ---- */

static void transaction_print(const msgpack_object *o)
{
	const msgpack_object *f = o->type == MSGPACK_OBJECT_ARRAY ? o->via.array.ptr : NULL;
	int64_t function, address, count, blocks;

	if (f != NULL && o->via.array.size == 4 && mp_to_int(&f[0], &function) &&
	    mp_to_int(&f[1], &address) && mp_to_int(&f[2], &count) && mp_to_int(&f[3], &blocks)) {
		(void)printf(
			"    function %lld, registers %lld to %lld: %lld registers, %lld blocks\n",
			(long long)function, (long long)address, (long long)(address + count - 1),
			(long long)count, (long long)blocks);
	} else if (f != NULL && o->via.array.size == 1) {
		_cleanup_free_ char *text = text_of(&f[0]);

		if (text == NULL)
			return;
		text_clean(text);
		(void)printf("    command %s\n", text);
	}
}

static void plan_analyzer_print(const msgpack_object *a)
{
	_cleanup_free_ char *id = word(a, "id"), *model = word(a, "model");
	size_t n;
	const msgpack_object *transactions = mp_array(a, "transactions", &n);
	double predicted, measured;
	char every[32];

	duration_format(mp_int(a, "interval_ms", 0), every, sizeof every);
	(void)printf("  analyzer %s, %s, every %s: ", id, model, every);
	if (!mp_to_real(mp_get(a, "predicted_us"), &predicted)) {
		(void)puts("no plan");
		return;
	}
	(void)printf("%zu transaction%s, predicted %.1f ms%s, ", n, n == 1 ? "" : "s",
		     predicted / 1000, mp_bool(a, "assumed", false) ? " (turnaround assumed)" : "");
	if (mp_to_real(mp_get(a, "measured_us"), &measured))
		(void)printf("measured %.1f ms\n", measured / 1000);
	else
		(void)puts("not measured yet");
	for (size_t i = 0; i < n; i++)
		transaction_print(&transactions[i]);
}

int plan_show(const struct ctl *ctl, const msgpack_object *answer)
{
	size_t n, m;
	const msgpack_object *lines = mp_array(answer, "lines", &n);

	(void)ctl;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = word(&lines[i], "id"), *name = word(&lines[i], "name");
		_cleanup_free_ char *kind = word(&lines[i], "kind");
		const msgpack_object *analyzers = mp_array(&lines[i], "analyzers", &m);
		double share = mp_real(&lines[i], "share", -1);

		(void)printf("line %s, %s, %s", id, kind, name);
		if (share >= 0)
			(void)printf(": %.1f%% of its time in use", share * 100);
		(void)puts("");
		for (size_t j = 0; j < m; j++)
			plan_analyzer_print(&analyzers[j]);
	}
	return CTL_GOOD;
}

/* ---- plugins ---- */

static void param_print(const msgpack_object *p)
{
	_cleanup_free_ char *name = word(p, "name"), *type = word(p, "type"),
			    *dflt = word(p, "default");
	_cleanup_free_ char *unit = word(p, "unit"), *help = word(p, "help");

	(void)printf("    %-16s %-6s  default %s %s  %s\n", name, type, dflt,
		     strcmp(unit, "-") ? unit : "", help);
}

int plugins_show(const struct ctl *ctl, const msgpack_object *answer)
{
	size_t n, m;
	const msgpack_object *plugins = mp_array(answer, "plugins", &n);

	(void)ctl;
	for (size_t i = 0; i < n; i++) {
		const msgpack_object *p = &plugins[i], *params = mp_array(p, "params", &m);
		_cleanup_free_ char *name = word(p, "name"), *kind = word(p, "kind"),
				    *path = word(p, "path");
		_cleanup_free_ char *version = word(p, "version"), *abi = word(p, "abi"),
				    *help = word(p, "help");
		_cleanup_free_ char *aliases = word(p, "aliases"), *error = word(p, "error");

		(void)printf("%s (%s) %s, interface %s, %s\n", name, kind, version, abi, path);
		if (strcmp(error, "-") != 0)
			(void)printf("  refused: %s\n", error);
		(void)printf("  %s%s%s\n", help, strcmp(aliases, "-") ? " Also called " : "",
			     strcmp(aliases, "-") ? aliases : "");
		for (size_t j = 0; j < m; j++)
			param_print(&params[j]);
	}
	return CTL_GOOD;
}

/* ---- check ---- */

int check_show(const struct ctl *ctl, const msgpack_object *answer)
{
	_cleanup_free_ char *text = mp_strdup(answer, "text");

	(void)ctl;
	if (text != NULL)
		(void)printf("%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
	return CTL_GOOD;
}

int check_code(const msgpack_object *answer)
{
	return mp_int(answer, "exit", 1) == 0 ? CTL_GOOD : CTL_NO;
}
