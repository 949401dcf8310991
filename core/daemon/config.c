/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml: the way in, and what its parts share.  Every error is found in one pass. */
#include "daemon/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/param.h"
#include "base/paths.h"
#include "daemon/config_loader.h"
#include "daemon/config_text.h"

#define CONFIG_FILE_MAX (4u << 20)

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

bool config_name_ok(const char *name)
{
	size_t len = strlen(name);

	return strspn(name, ALNUM) > 0 && strspn(name, ALNUM "._-") == len && len <= 100;
}

int config_line_of(const struct loader *l, const xmlNode *node)
{
	int line, column;

	xml_where(l->x, node, &line, &column);
	return line;
}

const char *config_param_get(const struct conf_params *params, const char *name)
{
	for (size_t i = 0; i < params->n; i++)
		if (strcmp(params->list[i].name, name) == 0)
			return params->list[i].value;
	return NULL;
}

const char *config_param(struct loader *l, struct conf_params *params, const xmlNode *node)
{
	const char *name = (const char *)node->name;
	struct conf_param p = { .name = arena_strdup(l->a, name) };

	if (xml_child_any(node) != NULL || node->properties != NULL) {
		xml_error(l->x, l->d, node, "<%s> is a parameter: expected only text in it", name);
		return NULL;
	}
	if (config_param_get(params, name) != NULL) {
		xml_error(l->x, l->d, node, "<%s> stands in <%s> a second time", name,
			  (const char *)node->parent->name);
		return NULL;
	}
	p.value = xml_text(node, l->a);
	xml_where(l->x, node, &p.line, &p.column);
	if (p.name == NULL || p.value == NULL)
		return NULL;
	params->list[params->n++] = p;
	return p.value;
}

static void config_node(struct loader *l, const xmlNode *node)
{
	struct node_row row = { .name = "", .location = "" };

	if (node == NULL)
		return;
	xml_read(node, node_attrs, &row, l->a);
	if (row.id != NULL && !config_name_ok(row.id))
		xml_error(l->x, l->d, node, "<node>: id is \"%.60s\": expected " NAME_FORM, row.id);
	l->c->node_id = arena_strdup(l->a, row.id);
	l->c->node_name = arena_strdup(l->a, row.name);
	l->c->node_location = arena_strdup(l->a, row.location);
}

/* Exporters run elsewhere, with another working folder. */
static char *folder_of(const char *file, struct arena *a)
{
	_cleanup_free_ char *beside = path_beside(file, ".");
	_cleanup_free_ char *real = beside ? realpath(beside, NULL) : NULL;

	return arena_strdup(a, real ? real : beside);
}

static void config_fill(struct loader *l)
{
	const xmlNode *root = xml_root(l->x);

	l->c->file = arena_strdup(l->a, xml_file(l->x));
	l->folder = folder_of(xml_file(l->x), l->a);
	if (!xml_named(root, &config_element))
		return;
	config_node(l, xml_child(root, &node_element));
	config_lines(l, xml_child(root, &devices_element));
	config_analyzers(l, xml_child(root, &analyzers_element));
}

/* As the file declares it, or begins; NULL: neither. */
static const char *encoding_of(const struct xml *x)
{
	return (const char *)xml_root(x)->doc->encoding;
}

struct config *config_parse(const char *file, const char *text, size_t len,
			    const char *const *model_dirs, struct diags *diags)
{
	struct config *c = calloc(1, sizeof *c);
	struct xml *x = xml_parse(file, text, len, diags);
	size_t before = diags->n_errors;

	if (c != NULL && x != NULL) {
		struct loader l = {
			.c = c, .a = &c->memory, .x = x, .d = diags, .model_dirs = model_dirs
		};

		xml_check(x, &config_element, diags);
		config_fill(&l);
		c->text = config_text_utf8(text, len, encoding_of(x), &c->memory);
	}
	if (c == NULL || c->memory.failed)
		diags_error(diags, file, 0, 0, "cannot be read: no memory is left");
	if (x == NULL || diags->n_errors > before) {
		config_free(c);
		c = NULL;
	}
	xml_free(x);
	return c;
}

struct config *config_load(const char *file, const char *const *model_dirs, struct diags *diags)
{
	_cleanup_free_ char *text = NULL;
	struct tesla_error err;
	size_t len;
	int r = file_read(file, CONFIG_FILE_MAX, &text, &len, &err);

	if (r != 0) {
		diags_error(diags, file, 0, 0, "%s", err.text);
		return NULL;
	}
	return config_parse(file, text, len, model_dirs, diags);
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_models; i++)
		model_free(c->models[i]);
	arena_release(&c->memory);
	free(c);
}
