/* SPDX-License-Identifier: Apache-2.0 */
/* A config.xml that is written by a program. */
#include "base/config_out.h"

#include <errno.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#define X(text) ((const xmlChar *)(text))

/* libxml2 returns NULL without memory; the count of that is looked at once, at the end. */
struct config_out {
	xmlDoc *doc;
	xmlNode *devices, *analyzers;
	size_t failed;
};

static xmlNode *element(struct config_out *o, xmlNode *parent, const char *name, const char *text)
{
	xmlNode *n = parent ? xmlNewTextChild(parent, NULL, X(name), text ? X(text) : NULL) : NULL;

	if (n == NULL)
		o->failed++;
	return n;
}

static void attribute(struct config_out *o, xmlNode *n, const char *name, const char *text)
{
	if (n == NULL || xmlNewProp(n, X(name), X(text)) == NULL)
		o->failed++;
}

static void attribute_int(struct config_out *o, xmlNode *n, const char *name, size_t v)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%zu", v);
	attribute(o, n, name, text);
}

struct config_out *config_out_new(const char *name, const char *location)
{
	struct config_out *o = calloc(1, sizeof *o);
	xmlNode *root, *node;

	if (o == NULL)
		return NULL;
	o->doc = xmlNewDoc(X("1.0"));
	root = o->doc ? xmlNewDocNode(o->doc, NULL, X("configuration"), NULL) : NULL;
	if (root == NULL) {
		config_out_free(o);
		return NULL;
	}
	(void)xmlDocSetRootElement(o->doc, root);
	node = element(o, root, "node", NULL);
	attribute(o, node, "id", "1");
	attribute(o, node, "name", name);
	attribute(o, node, "location", location);
	o->devices = element(o, root, "devices", NULL);
	o->analyzers = element(o, root, "analyzers", NULL);
	return o;
}

void config_out_device(struct config_out *o, const struct config_device *d)
{
	xmlNode *device = element(o, o->devices, "device", NULL);

	attribute_int(o, device, "id", d->id);
	attribute(o, device, "type", d->type);
	attribute(o, device, "enabled", "true");
	for (size_t i = 0; i < d->n_params; i++)
		if (d->params[i].value != NULL)
			(void)element(o, device, d->params[i].name, d->params[i].value);
}

/* Two hyphens would end it. */
static void comment(struct config_out *o, const char *text)
{
	char copy[400];
	xmlNode *n;

	(void)snprintf(copy, sizeof copy, " %s ", text);
	for (char *p = strstr(copy, "--"); p != NULL; p = strstr(p, "--"))
		*p = '/';
	n = xmlNewDocComment(o->doc, X(copy));
	if (n == NULL || o->analyzers == NULL || xmlAddChild(o->analyzers, n) == NULL)
		o->failed++;
}

void config_out_meter(struct config_out *o, const struct config_meter *m)
{
	const struct tesla_model *model = m->model;
	xmlNode *analyzer, *params, *variables;
	char interval[24];

	if (m->comment != NULL)
		comment(o, m->comment);
	analyzer = element(o, o->analyzers, "analyzer", NULL);
	attribute_int(o, analyzer, "id", m->id);
	attribute_int(o, analyzer, "device", m->device);
	attribute_int(o, analyzer, "address", m->address);
	attribute(o, analyzer, "driver", m->driver);
	attribute(o, analyzer, "data_driver", m->data);
	params = element(o, analyzer, "params", NULL);
	if (model->manufacturer != NULL)
		(void)element(o, params, "manufacturer", model->manufacturer);
	(void)element(o, params, "model", model->name);
	(void)element(o, params, "record_interval", "15");
	(void)snprintf(interval, sizeof interval, "%zu", m->interval_s);
	(void)element(o, params, "poll_interval", interval);
	variables = element(o, analyzer, "variables", NULL);
	for (size_t i = 0; i < model->n_variables; i++)
		if (model->variables[i]->kind != TESLA_STATUS)
			(void)element(o, variables, "variable", model->variables[i]->name);
}

int config_out_print(const struct config_out *o, FILE *out)
{
	if (o->failed > 0)
		return -ENOMEM;
	return xmlDocFormatDump(out, o->doc, 1) >= 0 && fflush(out) == 0 ? 0 : -EIO;
}

void config_out_free(struct config_out *o)
{
	if (o == NULL)
		return;
	xmlFreeDoc(o->doc);
	free(o);
}
