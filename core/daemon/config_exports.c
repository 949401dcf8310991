/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml: exporters.  Analyzers that name the same one share an instance. */
#include <string.h>

#include "daemon/config_loader.h"

#define ID_MAX 255 /* the journal keeps it in so many bytes */
#define BATCH_DEFAULT 100
#define RATE_DEFAULT 1000
#define NOT_GIVEN (-1)

/* Relative targets are beside config.xml; absolute ones, and those with a scheme, stay. */
static char *target_resolve(struct loader *l, const char *target)
{
	if (target == NULL || *target == '/' || strstr(target, "://") != NULL)
		return arena_strdup(l->a, target);
	return arena_printf(l->a, "%s/%s", l->folder, target);
}

static bool is_own_attr(const xmlAttr *at)
{
	for (const struct xml_attr *a = export_attrs; a->name != NULL; a++)
		if (strcmp((const char *)at->name, a->name) == 0)
			return true;
	return false;
}

static void params_take(struct loader *l, const xmlNode *node, struct conf_params *out)
{
	size_t n = 0;

	for (const xmlAttr *at = node->properties; at != NULL; at = at->next)
		n += !is_own_attr(at);
	out->list = arena_alloc(l->a, n, sizeof *out->list);
	for (const xmlAttr *at = node->properties; at != NULL && out->list != NULL; at = at->next) {
		const struct xml_attr by_name = { .name = (const char *)at->name };
		struct conf_param *p = &out->list[out->n];

		if (is_own_attr(at) || at->ns != NULL)
			continue;
		p->name = arena_strdup(l->a, by_name.name);
		p->value = xml_attr(node, &by_name, l->a);
		xml_where(l->x, node, &p->line, &p->column);
		out->n++;
	}
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Whoever names a known exporter again may leave its parameters out, but not contradict them. */
static bool same_exporter(const struct conf_exporter *known, const struct conf_exporter *again,
			  const struct export_row *row)
{
	if (!same_text(known->type, again->type) || !same_text(known->target, again->target))
		return false;
	if ((row->batch != NOT_GIVEN && row->batch != known->batch) ||
	    (row->rate != NOT_GIVEN && row->rate != known->rate))
		return false;
	for (size_t i = 0; i < again->params.n; i++) {
		const struct conf_param *p = &again->params.list[i];
		const char *value = NULL;

		for (size_t k = 0; k < known->params.n && value == NULL; k++)
			if (strcmp(known->params.list[k].name, p->name) == 0)
				value = known->params.list[k].value;
		if (!same_text(value, p->value))
			return false;
	}
	return true;
}

static void analyzer_join(struct loader *l, const xmlNode *node, struct conf_exporter *e,
			  const struct conf_analyzer *a)
{
	size_t n = e->n_analyzers;

	if (n > 0 && e->analyzers[n - 1] == a) {
		xml_warning(l->x, l->d, node,
			    "<%s>: %s is named twice for one analyzer: this one is ignored",
			    (const char *)node->name, e->id);
		return;
	}
	if ((n & (n - 1)) == 0) { /* full at every power of two */
		const struct conf_analyzer **list = arena_alloc(l->a, n ? 2 * n : 1, sizeof(*list));

		if (list == NULL)
			return;
		if (n > 0)
			memcpy(list, e->analyzers, n * sizeof(*list));
		e->analyzers = list;
	}
	e->analyzers[e->n_analyzers++] = a;
}

static struct conf_exporter *exporter_find(const struct config *c, const char *id)
{
	for (size_t i = 0; i < c->n_exporters; i++)
		if (strcmp(c->exporters[i].id, id) == 0)
			return &c->exporters[i];
	return NULL;
}

static bool names_check(struct loader *l, const xmlNode *node, const struct export_row *row)
{
	const char *name = (const char *)node->name;

	if (xml_child_any(node) != NULL)
		xml_error(l->x, l->d, node,
			  "<%s> has an element in it: expected its parameters as attributes", name);
	if (row->type != NULL && !config_name_ok(row->type))
		xml_error(l->x, l->d, node,
			  "<%s>: type is \"%.60s\": expected the name of a plugin: " NAME_FORM,
			  name, row->type);
	if (row->id != NULL && !config_name_ok(row->id))
		xml_error(l->x, l->d, node, "<%s>: id is \"%.60s\": expected " NAME_FORM, name,
			  row->id);
	return row->type != NULL;
}

/*
 * A name or password before the host of a URL.  A slash in one ends what a URL has before its host;
 * what stands for the port is no number then.
 */
static bool has_login(const char *target)
{
	const char *host = target ? strstr(target, "://") : NULL, *at, *port;
	size_t len;

	if (host == NULL)
		return false;
	host += strlen("://");
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	port = *host != '[' ? memchr(host, ':', len) : NULL;
	if (at != NULL)
		return at > host; /* ipc://@name has none */
	return port != NULL && port + 1 + strspn(port + 1, "0123456789") < host + len &&
	       strchr(host + len, '@') != NULL;
}

/* It would become a part of the id, which is in messages, in the status and in the journal. */
static bool target_check(struct loader *l, const xmlNode *node, const char *target)
{
	if (!has_login(target))
		return true;
	xml_error(l->x, l->d, node,
		  "<%s>: there is a user name or a password in target: expected them in attributes "
		  "of their own, such as user and password, where they are kept secret",
		  (const char *)node->name);
	return false;
}

static char *export_id(struct loader *l, const struct export_row *row)
{
	if (row->id != NULL)
		return arena_strdup(l->a, row->id);
	return row->target ? arena_printf(l->a, "%s:%s", row->type, row->target)
			   : arena_strdup(l->a, row->type);
}

static void id_check(struct loader *l, const xmlNode *node, const char *id)
{
	if (strlen(id) > ID_MAX)
		xml_error(
			l->x, l->d, node,
			"<%s>: it is known by \"%.40s...\", which has %zu bytes: expected at most "
			"%d, or the attribute id",
			(const char *)node->name, id, strlen(id), ID_MAX);
}

static void export_add(struct loader *l, const xmlNode *node, const struct conf_analyzer *a)
{
	struct config *c = l->c;
	struct conf_exporter new = { 0 }, *known;
	struct export_row row = { .batch = NOT_GIVEN, .rate = NOT_GIVEN };

	xml_read(node, export_attrs, &row, l->a);
	if (!names_check(l, node, &row) || !target_check(l, node, row.target))
		return;
	new.id = export_id(l, &row);
	new.type = arena_strdup(l->a, row.type);
	new.target = target_resolve(l, row.target);
	new.batch = row.batch == NOT_GIVEN ? BATCH_DEFAULT : (uint32_t)row.batch;
	new.rate = row.rate == NOT_GIVEN ? RATE_DEFAULT : row.rate;
	params_take(l, node, &new.params);
	xml_where(l->x, node, &new.line, &new.column);
	if (l->a->failed)
		return;
	id_check(l, node, new.id);
	known = exporter_find(c, new.id);
	if (known == NULL) {
		known = &c->exporters[c->n_exporters++];
		*known = new;
	} else if (!same_exporter(known, &new, &row)) {
		xml_error(l->x, l->d, node,
			  "<%s>: %s is described otherwise in line %d: expected the same type, "
			  "target and attributes, or another id",
			  (const char *)node->name, new.id, known->line);
	}
	analyzer_join(l, node, known, a);
}

void config_exports(struct loader *l, const xmlNode *exports, const struct conf_analyzer *analyzer)
{
	for (xmlNode *node = xml_child(exports, &export_element); node != NULL;
	     node = xml_next(node, &export_element))
		export_add(l, node, analyzer);
}
