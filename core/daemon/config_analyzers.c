/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml: analyzers, each with its parameters and the variables that it is asked for. */
#include <inttypes.h>
#include <string.h>

#include "base/calendar.h"
#include "base/nearest.h"
#include "base/param.h"
#include "base/record.h"
#include "daemon/config_loader.h"

/* ---- who it is and where ---- */

static void id_check(struct loader *l, const xmlNode *node, int64_t id)
{
	if (id == UNSET)
		return;
	if (id < 1)
		xml_error(l->x, l->d, node, "<%s>: id is %" PRId64 ": expected a positive number",
			  (const char *)node->name, id);
	for (size_t i = 0; i < l->n_seen; i++)
		if (l->seen_ids[i] == id)
			xml_error(l->x, l->d, node, "<%s>: id %" PRId64 " is also that of line %d",
				  (const char *)node->name, id, config_line_of(l, l->seen[i]));
	l->seen[l->n_seen] = node;
	l->seen_ids[l->n_seen++] = id;
}

/* The first `n` devices are searched. */
static const struct device *device_find(const struct loader *l, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (l->devices[i].id == id)
			return &l->devices[i];
	return NULL;
}

static void no_device(struct loader *l, const xmlNode *node, int64_t id)
{
	char known[160] = "";

	for (size_t i = 0; i < l->n_devices; i++) {
		size_t len = strlen(known);

		if (l->devices[i].id != UNSET && device_find(l, i, l->devices[i].id) == NULL)
			(void)snprintf(known + len, sizeof known - len, "%s%" PRId64,
				       len ? ", " : "", l->devices[i].id);
	}
	xml_error(l->x, l->d, node, "<%s>: device %" PRId64 " is not defined: expected one of %s",
		  (const char *)node->name, id, *known ? known : "none, as there is no <device>");
}

/* False: its device is disabled.  *ret is NULL where there is none, which is reported. */
static bool line_find(struct loader *l, const xmlNode *node, int64_t id,
		      const struct conf_line **ret)
{
	const struct device *d = id == UNSET ? NULL : device_find(l, l->n_devices, id);

	if (d == NULL && id != UNSET)
		no_device(l, node, id);
	*ret = d ? d->on : NULL;
	return d == NULL || d->enabled;
}

static void address_set(struct loader *l, const xmlNode *node, struct conf_analyzer *a,
			int64_t address)
{
	if (address == UNSET && a->id > 255) {
		xml_error(l->x, l->d, node,
			  "<%s> %" PRId64 " has no attribute address: expected one, as its id is "
			  "larger than 255",
			  (const char *)node->name, a->id);
		return;
	}
	a->address = (unsigned)(address == UNSET ? a->id : address);
	if (a->id == UNSET || a->on == NULL || a->on->kind == TESLA_LINE_TCP)
		return;
	for (const struct conf_analyzer *other = l->c->analyzers; other < a; other++)
		if (other->on == a->on && other->address == a->address && other->id != UNSET)
			xml_error(l->x, l->d, node,
				  "<%s> %" PRId64 " has address %u on device %" PRId64
				  ", as %" PRId64
				  " in line %d has: expected different ones on one line",
				  (const char *)node->name, a->id, a->address, a->on->id, other->id,
				  other->line);
}

static char *plugin_name(struct loader *l, const xmlNode *node, const char *attr, const char *name)
{
	if (name != NULL && !config_name_ok(name))
		xml_error(l->x, l->d, node,
			  "<%s>: %s is \"%.60s\": expected the name of a plugin: " NAME_FORM,
			  (const char *)node->name, attr, name);
	return arena_strdup(l->a, name);
}

/* ---- params ---- */

/* A bare number counts in unit_ms, as the predecessor's files have it. */
static int64_t interval(struct loader *l, const xmlNode *node, double unit_ms, const char *unit,
			int64_t dflt)
{
	char *text = xml_text(node, l->a);
	int64_t ms;

	if (text == NULL)
		return dflt;
	if (duration_parse_ms(text, unit_ms, &ms) != 0) {
		xml_error(l->x, l->d, node,
			  "<%s> is \"%.60s\": expected %s, such as 15, or with a unit: 500 ms, 90 "
			  "s, 15 min, 1 h",
			  (const char *)node->name, text, unit);
		return dflt;
	}
	return ms;
}

static void poll_check(struct loader *l, const xmlNode *node, int64_t ms)
{
	if (ms < INTERVAL_MIN_MS || ms > DAY_MS)
		xml_error(l->x, l->d, node, "<%s> is \"%.60s\": expected 10 ms to 24 h",
			  (const char *)node->name, xml_text(node, l->a));
}

/* From there on in steps, down or up: the first length that divides a day. */
static int64_t length_near(int64_t ms, int64_t step_ms)
{
	while (!calendar_length_ok(ms))
		ms += step_ms;
	return ms;
}

/* Windows end at the same times of every day. */
static void record_check(struct loader *l, const xmlNode *node, int64_t ms)
{
	int64_t step_ms = ms % MINUTE_MS == 0 ? MINUTE_MS : 1000; /* round as what came */
	char below[32], above[32];

	if (calendar_length_ok(ms))
		return;
	if (ms < 1000 || ms > DAY_MS) {
		xml_error(l->x, l->d, node, "<%s> is \"%.60s\": expected 1 s to 24 h",
			  (const char *)node->name, xml_text(node, l->a));
		return;
	}
	duration_format(length_near(ms / step_ms * step_ms, -step_ms), below, sizeof below);
	duration_format(length_near(ms / step_ms * step_ms + step_ms, step_ms), above,
			sizeof above);
	xml_error(l->x, l->d, node,
		  "<%s> is \"%.60s\": expected whole seconds that divide a day: nearest are "
		  "%s and %s",
		  (const char *)node->name, xml_text(node, l->a), below, above);
}

static void intervals_set(struct loader *l, const xmlNode *params, struct conf_analyzer *a)
{
	const xmlNode *record = xml_child(params, &record_element),
		      *poll = xml_child(params, &poll_element);

	a->record_ms = interval(l, record, MINUTE_MS, "minutes", 15 * MINUTE_MS);
	a->interval_ms = interval(l, poll, 1000, "seconds", MINUTE_MS);
	record_check(l, record, a->record_ms);
	poll_check(l, poll, a->interval_ms);
	if (a->record_ms < a->interval_ms)
		xml_warning(l->x, l->d, record ? record : poll,
			    "records are to be made more often than the meter is read: some will "
			    "be empty");
}

static void model_set(struct loader *l, const xmlNode *node, const xmlNode *params,
		      const char *attr, struct conf_analyzer *a)
{
	const xmlNode *at = xml_child(params, &model_element);
	const char *name = xml_text(at, l->a);

	if (name == NULL || *name == '\0')
		return;
	if (attr != NULL && strcmp(attr, name) != 0)
		xml_warning(l->x, l->d, node,
			    "<%s>: the attribute model is \"%.60s\", <params> says \"%.60s\": the "
			    "latter counts",
			    (const char *)node->name, attr, name);
	a->model = config_model(l, at, name);
}

static bool is_own_param(const xmlNode *node)
{
	for (size_t i = 0; params_element.children[i] != NULL; i++)
		if (xml_named(node, params_element.children[i]))
			return true;
	return false;
}

static void data_params(struct loader *l, const xmlNode *params, struct conf_analyzer *a)
{
	a->params.list = arena_alloc(l->a, xml_count_any(params), sizeof *a->params.list);
	if (a->params.list == NULL)
		return;
	for (xmlNode *node = xml_child_any(params); node != NULL; node = xml_next_any(node))
		if (!is_own_param(node))
			(void)config_param(l, &a->params, node);
}

/* ---- variables ---- */

static void no_variable(struct loader *l, const xmlNode *node, const char *name,
			const struct model *m)
{
	struct nearest near;
	char known[200];

	nearest_init(&near, name);
	for (size_t i = 0; i < m->pub.n_variables; i++)
		nearest_add(&near, m->pub.variables[i]->name);
	nearest_text(&near, known, sizeof known);
	xml_error(l->x, l->d, node, "<%s>: %s has no variable %.60s: nearest: %s",
		  (const char *)node->name, m->pub.name, name, known);
}

static bool asked_before(const struct conf_analyzer *a, const struct tesla_variable *v)
{
	for (size_t i = 0; i < a->n_variables; i++)
		if (a->variables[i].variable == v)
			return true;
	return false;
}

static void variable_add(struct loader *l, const xmlNode *node, struct conf_analyzer *a)
{
	struct variable_row row = { .interval_ms = a->interval_ms };
	const char *name = xml_text(node, l->a);
	const struct tesla_variable *v;

	if (name == NULL || *name == '\0')
		return;
	xml_read(node, variable_attrs, &row, l->a);
	v = model_variable(a->model, name);
	if (v == NULL)
		no_variable(l, node, name, a->model);
	else if (asked_before(a, v))
		xml_warning(l->x, l->d, node, "<%s>: %s is asked for twice: this one is ignored",
			    (const char *)node->name, name);
	else
		a->variables[a->n_variables++] = (struct conf_variable){ v, row.interval_ms };
}

static void intervals_count(struct loader *l, const xmlNode *node, const struct conf_analyzer *a)
{
	int64_t different[INTERVALS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < a->n_variables; i++) {
		size_t k = 0;

		while (k < n && different[k] != a->variables[i].interval_ms)
			k++;
		if (k == INTERVALS_MAX) {
			xml_error(l->x, l->d, node,
				  "<%s>: its variables have more than %d different intervals: "
				  "expected at most %d",
				  (const char *)node->name, INTERVALS_MAX, INTERVALS_MAX);
			return;
		}
		if (k == n)
			different[n++] = a->variables[i].interval_ms;
	}
}

/* Whatever is in it: one that does not fit would be lost at each window's end. */
static void record_fits(struct loader *l, const xmlNode *node, const struct conf_analyzer *a)
{
	size_t bytes = record_head_bytes(a->model->pub.name), n = 0;

	for (size_t i = 0; i < a->n_variables; i++) {
		bytes += record_variable_bytes(a->variables[i].variable);
		n += a->variables[i].variable->n_elements;
	}
	if (bytes > RECORD_BYTES_MAX)
		xml_error(l->x, l->d, node,
			  "<%s>: a record of its %zu elements can take %zu bytes (%zu for each of "
			  "a gauge, %zu of a counter, %zu of a status): expected at most %u",
			  (const char *)node->name, n, bytes, record_element_bytes(TESLA_GAUGE),
			  record_element_bytes(TESLA_COUNTER), record_element_bytes(TESLA_STATUS),
			  RECORD_BYTES_MAX);
}

static void variables_set(struct loader *l, const xmlNode *variables, struct conf_analyzer *a)
{
	a->variables =
		arena_alloc(l->a, xml_count(variables, &variable_element), sizeof *a->variables);
	if (a->variables == NULL || a->model == NULL)
		return;
	for (xmlNode *node = xml_child(variables, &variable_element); node != NULL;
	     node = xml_next(node, &variable_element))
		variable_add(l, node, a);
	if (a->n_variables > 0) {
		intervals_count(l, variables, a);
		record_fits(l, variables, a);
	}
}

/* ---- all of it ---- */

/* One with an error is read to its end, for all its errors: the whole is then refused. */
static void analyzer_add(struct loader *l, const xmlNode *node)
{
	struct analyzer_row row = { .id = UNSET, .device = UNSET, .address = UNSET };
	const xmlNode *params = xml_child(node, &params_element);
	const struct conf_line *on;
	struct conf_analyzer *a;

	xml_read(node, analyzer_attrs, &row, l->a);
	id_check(l, node, row.id);
	if (!line_find(l, node, row.device, &on))
		return;
	a = &l->c->analyzers[l->c->n_analyzers++];
	a->id = row.id;
	a->on = on;
	xml_where(l->x, node, &a->line, &a->column);
	address_set(l, node, a, row.address);
	a->driver = plugin_name(l, node, "driver", row.driver);
	a->data = plugin_name(l, node, xml_spelling(l->x, "data_driver", "dataDriver"), row.data);
	if (params == NULL)
		return;
	intervals_set(l, params, a);
	model_set(l, node, params, row.model, a);
	data_params(l, params, a);
	variables_set(l, xml_child(node, &variables_element), a);
	config_exports(l, xml_child(node, &exports_element), a);
}

static size_t exports_count(const xmlNode *analyzers)
{
	size_t n = 0;

	for (xmlNode *node = xml_child(analyzers, &analyzer_element); node != NULL;
	     node = xml_next(node, &analyzer_element))
		n += xml_count(xml_child(node, &exports_element), &export_element);
	return n;
}

void config_analyzers(struct loader *l, const xmlNode *analyzers)
{
	struct config *c = l->c;
	size_t n = xml_count(analyzers, &analyzer_element);

	c->analyzers = arena_alloc(l->a, n, sizeof *c->analyzers);
	c->exporters = arena_alloc(l->a, exports_count(analyzers), sizeof *c->exporters);
	c->models = arena_alloc(l->a, n, sizeof *c->models);
	c->model_texts = arena_alloc(l->a, n, sizeof *c->model_texts);
	l->seen = arena_alloc(l->a, n, sizeof *l->seen);
	l->seen_ids = arena_alloc(l->a, n, sizeof *l->seen_ids);
	l->bad_models = arena_alloc(l->a, n, sizeof *l->bad_models);
	if (l->a->failed)
		return;
	for (xmlNode *node = xml_child(analyzers, &analyzer_element); node != NULL;
	     node = xml_next(node, &analyzer_element))
		analyzer_add(l, node);
}
