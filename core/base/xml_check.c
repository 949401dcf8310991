/* SPDX-License-Identifier: Apache-2.0 */
/* A tree against the table of what may stand where; and reading a tree that was checked. */
#include <libxml/xmlstring.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "base/xml_internal.h"

#define NAMES_MAX 400 /* bytes of a list of names in a message */

static const char *name_of(const xmlNode *node)
{
	return (const char *)node->name;
}

/* By either name.  A prefix or another namespace makes it another thing. */
static bool is_named(const xmlChar *have, const xmlNs *ns, const char *name, const char *alias)
{
	return ns == NULL && (strcmp((const char *)have, name) == 0 ||
			      (alias != NULL && strcmp((const char *)have, alias) == 0));
}

bool xml_named(const xmlNode *node, const struct xml_element *e)
{
	return node->type == XML_ELEMENT_NODE && is_named(node->name, node->ns, e->name, e->alias);
}

static xmlNode *first_element(xmlNode *node)
{
	while (node != NULL && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *xml_child_any(const xmlNode *parent)
{
	return parent ? first_element(parent->children) : NULL;
}

xmlNode *xml_next_any(const xmlNode *node)
{
	return first_element(node->next);
}

size_t xml_count_any(const xmlNode *parent)
{
	size_t n = 0;

	for (const xmlNode *node = xml_child_any(parent); node != NULL; node = xml_next_any(node))
		n++;
	return n;
}

static xmlNode *first_named(xmlNode *node, const struct xml_element *e)
{
	while (node != NULL && !xml_named(node, e))
		node = node->next;
	return node;
}

xmlNode *xml_child(const xmlNode *parent, const struct xml_element *e)
{
	return parent ? first_named(parent->children, e) : NULL;
}

xmlNode *xml_next(const xmlNode *node, const struct xml_element *e)
{
	return first_named(node->next, e);
}

size_t xml_count(const xmlNode *parent, const struct xml_element *e)
{
	size_t n = 0;

	for (const xmlNode *node = xml_child(parent, e); node != NULL; node = xml_next(node, e))
		n++;
	return n;
}

static char *trimmed_copy(const xmlChar *text, struct arena *a)
{
	static const char blank[] = " \t\r\n";
	const char *from = (const char *)text;
	size_t len;

	from += strspn(from, blank);
	for (len = strlen(from); len > 0 && strchr(blank, from[len - 1]) != NULL;)
		len--;
	return arena_printf(a, "%.*s", (int)len, from);
}

static char *take_copy(xmlChar *text, struct arena *a)
{
	char *copy = text ? trimmed_copy(text, a) : NULL;

	a->failed |= text == NULL;
	xmlFree(text);
	return copy;
}

static xmlAttr *find_attr(const xmlNode *node, const struct xml_attr *attr)
{
	for (xmlAttr *at = node->properties; at != NULL; at = at->next)
		if (is_named(at->name, at->ns, attr->name, attr->alias))
			return at;
	return NULL;
}

char *xml_attr(const xmlNode *node, const struct xml_attr *attr, struct arena *a)
{
	const xmlAttr *at = find_attr(node, attr);

	return at ? take_copy(xmlNodeGetContent((const xmlNode *)at), a) : NULL;
}

char *xml_text(const xmlNode *node, struct arena *a)
{
	return node ? take_copy(xmlNodeGetContent(node), a) : NULL;
}

void xml_read(const xmlNode *node, const struct xml_attr *attrs, void *conf, struct arena *a)
{
	struct tesla_error err;

	for (; attrs != NULL && attrs->name != NULL; attrs++) {
		const char *text = attrs->value ? xml_attr(node, attrs, a) : NULL;

		if (text != NULL && param_set(attrs->value, text, NULL, &err) == 0)
			(void)param_set(attrs->value, text, conf, &err);
	}
}

/* ---- the check ---- */

const char *xml_spelling(const struct xml *x, const char *name, const char *alias)
{
	return x->aliased && alias != NULL ? alias : name;
}

struct check {
	const struct xml *x;
	struct diags *d;
	struct arena memory;
};

/* A word of a list for "expected ...". */
static void list_add(char *list, const char *before, const char *name, const char *after)
{
	size_t len = strlen(list);

	(void)snprintf(list + len, NAMES_MAX - len, "%s%s%s%s", len ? ", " : "", before, name,
		       after);
}

static void list_children(const struct check *c, const struct xml_element *e, char *list)
{
	*list = '\0';
	for (size_t i = 0; e->children != NULL && e->children[i] != NULL; i++)
		list_add(list, "<", xml_spelling(c->x, e->children[i]->name, e->children[i]->alias),
			 ">");
	if (*list == '\0')
		(void)snprintf(list, NAMES_MAX, "no element in it");
}

static void list_attrs(const struct check *c, const struct xml_element *e, char *list)
{
	*list = '\0';
	for (const struct xml_attr *a = e->attrs; a != NULL && a->name != NULL; a++)
		list_add(list, "", xml_spelling(c->x, a->name, a->alias), "");
	if (*list == '\0')
		(void)snprintf(list, NAMES_MAX, "no attribute");
}

/* The row's text, under the name that the file uses. */
static void check_value(struct check *c, const xmlNode *node, const struct tesla_param *row,
			const char *name, const char *text)
{
	struct tesla_param named = *row;
	struct tesla_error err;

	named.name = name;
	if (text != NULL && param_set(&named, text, NULL, &err) != 0)
		xml_error(c->x, c->d, node, "<%s>: %s", name_of(node), err.text);
}

static const struct xml_attr *known_attr(const struct xml_element *e, const xmlAttr *at)
{
	for (const struct xml_attr *a = e->attrs; a != NULL && a->name != NULL; a++)
		if (is_named(at->name, at->ns, a->name, a->alias))
			return a;
	return NULL;
}

static void check_unknown_attrs(struct check *c, const xmlNode *node, const struct xml_element *e)
{
	char list[NAMES_MAX];

	for (const xmlAttr *at = node->properties; at != NULL; at = at->next) {
		if (known_attr(e, at) != NULL || (e->open && at->ns == NULL))
			continue;
		list_attrs(c, e, list);
		xml_error(c->x, c->d, node, "<%s>: the attribute %s is not known: expected %s",
			  name_of(node), (const char *)at->name, list);
	}
}

/* Two spellings of one attribute: XML itself refuses only equal names. */
static void check_twice(struct check *c, const xmlNode *node, const struct xml_attr *a,
			const xmlAttr *first)
{
	for (const xmlAttr *at = first->next; at != NULL; at = at->next)
		if (is_named(at->name, at->ns, a->name, a->alias))
			xml_error(c->x, c->d, node, "<%s> has both %s and %s: expected one of them",
				  name_of(node), (const char *)first->name, (const char *)at->name);
}

static void check_attr(struct check *c, const xmlNode *node, const struct xml_attr *a)
{
	const xmlAttr *at = find_attr(node, a);

	if (at == NULL && a->required)
		xml_error(c->x, c->d, node, "<%s> has no attribute %s", name_of(node),
			  xml_spelling(c->x, a->name, a->alias));
	if (at == NULL)
		return;
	check_twice(c, node, a, at);
	if (a->value != NULL)
		check_value(c, node, a->value, (const char *)at->name,
			    xml_attr(node, a, &c->memory));
}

/* Text of its own, not of its children: an element that holds elements has none. */
static void check_text(struct check *c, const xmlNode *node, const struct xml_element *e)
{
	if (e->value != NULL)
		check_value(c, node, e->value, name_of(node), xml_text(node, &c->memory));
	if (e->value != NULL || e->text)
		return;
	for (xmlNode *n = node->children; n != NULL; n = n->next) {
		if (n->type == XML_ELEMENT_NODE || n->type == XML_COMMENT_NODE || xmlIsBlankNode(n))
			continue;
		if (n->type == XML_TEXT_NODE)
			xml_error(c->x, c->d, node, "<%s> has the text \"%.60s\": expected none",
				  name_of(node), trimmed_copy(n->content, &c->memory));
	}
}

static void check_count(struct check *c, const xmlNode *node, const struct xml_element *e)
{
	size_t n = 0;

	for (const xmlNode *child = xml_child(node, e); child != NULL; child = xml_next(child, e))
		if (++n == e->max + 1u && e->max > 0)
			xml_error(c->x, c->d, child, "<%s> number %zu in <%s>: expected at most %u",
				  name_of(child), n, name_of(node), e->max);
	if (n < e->min)
		xml_error(c->x, c->d, node, "<%s> has no <%s>", name_of(node),
			  xml_spelling(c->x, e->name, e->alias));
}

static const struct xml_element *known_child(const struct xml_element *e, const xmlNode *node)
{
	for (size_t i = 0; e->children != NULL && e->children[i] != NULL; i++)
		if (xml_named(node, e->children[i]))
			return e->children[i];
	return NULL;
}

static void check_unknown(struct check *c, const xmlNode *node, const struct xml_element *parent)
{
	char list[NAMES_MAX];

	list_children(c, parent, list);
	if (node->ns != NULL)
		xml_error(c->x, c->d, node, "<%s> is in the namespace %s: expected none",
			  name_of(node), (const char *)node->ns->href);
	else
		xml_error(c->x, c->d, node, "<%s> is not known in <%s>: expected %s", name_of(node),
			  name_of(node->parent), list);
}

/* Depth is bounded by the parser. */
static void check_element(struct check *c, const xmlNode *node, const struct xml_element *e)
{
	check_unknown_attrs(c, node, e);
	for (const struct xml_attr *a = e->attrs; a != NULL && a->name != NULL; a++)
		check_attr(c, node, a);
	check_text(c, node, e);
	for (size_t i = 0; e->children != NULL && e->children[i] != NULL; i++)
		check_count(c, node, e->children[i]);
	for (const xmlNode *child = xml_child_any(node); child != NULL;
	     child = xml_next_any(child)) {
		const struct xml_element *known = known_child(e, child);

		if (known != NULL)
			check_element(c, child, known);
		else if (!e->open || child->ns != NULL)
			check_unknown(c, child, e);
	}
}

void xml_check(struct xml *x, const struct xml_element *root, struct diags *diags)
{
	struct check c = { .x = x, .d = diags };
	const xmlNode *node = xml_root(x);

	x->aliased = root->alias != NULL && strcmp(name_of(node), root->alias) == 0;
	if (xml_named(node, root))
		check_element(&c, node, root);
	else
		xml_error(x, diags, node, "the root is <%s>: expected <%s>", name_of(node),
			  root->name);
	if (c.memory.failed)
		diags_error(diags, x->file, 0, 0, "cannot be checked: no memory is left");
	arena_release(&c.memory);
}
