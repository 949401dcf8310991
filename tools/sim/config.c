/* SPDX-License-Identifier: Apache-2.0 */
/* A config.xml that reads everything that is simulated. */
#include <errno.h>
#include <libxml/tree.h>
#include <string.h>

#include "sim/sim.h"

#define X(text) ((const xmlChar *)(text))

/* libxml2 returns NULL without memory; the count of that is looked at once, at the end. */
struct writer {
	size_t failed;
};

static xmlNode *element(struct writer *w, xmlNode *parent, const char *name, const char *text)
{
	xmlNode *n = parent ? xmlNewTextChild(parent, NULL, X(name), text ? X(text) : NULL) : NULL;

	if (n == NULL)
		w->failed++;
	return n;
}

static void attribute(struct writer *w, xmlNode *n, const char *name, const char *text)
{
	if (n == NULL || xmlNewProp(n, X(name), X(text)) == NULL)
		w->failed++;
}

static void attribute_int(struct writer *w, xmlNode *n, const char *name, size_t v)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%zu", v);
	attribute(w, n, name, text);
}

static const char *reachable(const char *host)
{
	if (strcmp(host, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(host, "::") == 0 ? "::1" : host;
}

/* "127.0.0.1:502" or "[::1]:502" as host and port. */
static void endpoint_config(struct writer *w, xmlNode *device, const char *where)
{
	const char *colon = strrchr(where, ':');
	int bracket = *where == '[';
	char host[64];

	(void)snprintf(host, sizeof host, "%.*s", (int)(colon - where) - 2 * bracket,
		       where + bracket);
	element(w, device, "host", reachable(host));
	element(w, device, "port", colon + 1);
}

static void line_config(struct writer *w, xmlNode *devices, const struct line *l, size_t id)
{
	xmlNode *device = element(w, devices, "device", NULL);
	char text[24];

	attribute_int(w, device, "id", id);
	attribute(w, device, "type", l->kind == LINE_PTY ? "serial" : line_kind_name(l->kind));
	attribute(w, device, "enabled", "true");
	if (l->kind == LINE_PTY)
		element(w, device, "port", l->where);
	else
		endpoint_config(w, device, l->where);
	(void)snprintf(text, sizeof text, "%lld", (long long)l->baud);
	if (l->baud != 0)
		element(w, device, "baud", text);
	element(w, device, "timeout", "1");
}

static void meter_config(struct writer *w, xmlNode *analyzers, const struct meter *meter,
			 size_t interval_s, const size_t ids[3])
{
	const struct tesla_model *model = meter_model(meter);
	bool commands = meter_takes_commands(meter);
	char interval[24];

	static const char *const names[] = { "id", "device", "address" };
	xmlNode *analyzer = element(w, analyzers, "analyzer", NULL), *params, *variables;

	for (size_t i = 0; i < 3; i++)
		attribute_int(w, analyzer, names[i], ids[i]);
	attribute(w, analyzer, "driver", commands ? "cvmk" : "modBusComm");
	attribute(w, analyzer, "data_driver", commands ? "cvmData" : "mapData");
	params = element(w, analyzer, "params", NULL);
	if (model->manufacturer != NULL)
		element(w, params, "manufacturer", model->manufacturer);
	element(w, params, "model", model->name);
	element(w, params, "record_interval", "15");
	(void)snprintf(interval, sizeof interval, "%zu", interval_s);
	element(w, params, "poll_interval", interval);
	variables = element(w, analyzer, "variables", NULL);
	for (size_t i = 0; i < model->n_variables; i++)
		if (model->variables[i]->kind != TESLA_STATUS)
			element(w, variables, "variable", model->variables[i]->name);
}

/* On a serial line 0 is a broadcast of Modbus, and beyond 247 is nobody; a CVMk has two digits. */
static bool meter_reachable(const struct line *l, size_t address)
{
	const struct meter *m = l->fleet->meter[address];

	if (m == NULL || (meter_takes_commands(m) && !line_is_serial(l)))
		return false;
	return meter_takes_commands(m) ? address < 100 : address > 0 && address < 248;
}

/* A CVMk has a request for each variable: at 9600 Bd some 1.7 s for all of them. */
static size_t commands_interval_s(const struct line *l)
{
	size_t n = 0;

	for (size_t a = 0; a < ADDRESSES; a++)
		n += meter_reachable(l, a) && meter_takes_commands(l->fleet->meter[a]);
	return 3 * n;
}

static void line_meters_config(struct writer *w, xmlNode *analyzers, const struct line *l,
			       size_t line_id, size_t *id)
{
	size_t slow_s = commands_interval_s(l);

	for (size_t a = 0; a < ADDRESSES; a++) {
		const struct meter *m = l->fleet->meter[a];

		if (meter_reachable(l, a))
			meter_config(w, analyzers, m, meter_takes_commands(m) ? slow_s : 1,
				     (const size_t[]){ ++*id, line_id, a });
	}
}

static void sim_config(const struct sim *s, struct writer *w, xmlNode *root)
{
	xmlNode *node = element(w, root, "node", NULL);
	xmlNode *devices = element(w, root, "devices", NULL),
		*analyzers = element(w, root, "analyzers", NULL);
	size_t id = 0;

	attribute(w, node, "id", "1");
	attribute(w, node, "name", "Simulated");
	attribute(w, node, "location", "tesla-sim");
	for (size_t i = 0; i < s->n_lines; i++) {
		const struct line *l = s->lines[i];

		line_config(w, devices, l, i + 1);
		line_meters_config(w, analyzers, l, i + 1, &id);
	}
}

int sim_print_config(const struct sim *s, FILE *out)
{
	xmlDoc *doc = xmlNewDoc(X("1.0"));
	xmlNode *root = doc ? xmlNewDocNode(doc, NULL, X("configuration"), NULL) : NULL;
	struct writer w = { 0 };
	int r = -ENOMEM;

	if (root != NULL) {
		(void)xmlDocSetRootElement(doc, root);
		sim_config(s, &w, root);
		if (w.failed == 0)
			r = xmlDocFormatDump(out, doc, 1) >= 0 && fflush(out) == 0 ? 0 : -EIO;
	}
	xmlFreeDoc(doc);
	return r;
}
