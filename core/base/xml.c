/* SPDX-License-Identifier: Apache-2.0 */
/* XML with line and column of every element.  What may stand where is in xml_check.c. */
#include "base/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml_internal.h"

#define XML_FILE_MAX (4u << 20)
#define XML_DEPTH_MAX 64

#if LIBXML_VERSION >= 21200
typedef const xmlError *error_arg;
#else
typedef xmlError *error_arg;
#endif

static struct xml *xml_of(void *ctxt)
{
	return ((xmlParserCtxt *)ctxt)->_private;
}

/* Says it once and ends the parsing: what follows a broken place is mostly its consequence. */
__attribute__((format(printf, 4, 5))) static void xml_stop(xmlParserCtxt *ctxt, int line,
							   int column, const char *fmt, ...)
{
	struct xml *x = xml_of(ctxt);
	va_list ap;

	if (x->broken)
		return;
	x->broken = true;
	va_start(ap, fmt);
	diags_vadd(x->diags, &(struct diag_place){ x->file, line, column, false }, fmt, ap);
	va_end(ap);
	xmlStopParser(ctxt);
}

/* Characters, not their bytes, from `from` to `to`. */
static int characters(const xmlChar *from, const xmlChar *to)
{
	int n = 0;

	for (; from < to; from++)
		n += (*from & 0xc0) != 0x80;
	return n;
}

/*
 * libxml2 reports the end of a start tag; people look for its '<', which no attribute can contain.
 * Its own column serves only where the beginning of the line has left the buffer already.
 */
static struct xml_pos tag_start(const xmlParserInput *in)
{
	struct xml_pos pos = { in->line, 0 };
	const xmlChar *tag = in->cur, *line;

	while (tag > in->base && *tag != '<')
		pos.line -= *--tag == '\n';
	for (line = tag; line > in->base && line[-1] != '\n';)
		line--;
	if (line == in->base && pos.line == in->line)
		pos.column = in->col - characters(tag, in->cur);
	else
		pos.column = 1 + characters(line, tag);
	return pos;
}

static bool pos_add(struct xml *x, xmlNode *node, struct xml_pos pos)
{
	if (x->n_pos == x->cap_pos) {
		size_t cap = x->cap_pos ? 2 * x->cap_pos : 64;
		struct xml_pos *list = realloc(x->pos, cap * sizeof *list);

		if (list == NULL)
			return false;
		x->pos = list;
		x->cap_pos = cap;
	}
	x->pos[x->n_pos++] = pos;
	node->_private = (void *)(uintptr_t)x->n_pos;
	return true;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		     int n_ns, const xmlChar **ns, int n_attrs, int n_defaulted,
		     const xmlChar **attrs)
{
	xmlParserCtxt *ctxt = ctx;
	struct xml_pos pos = tag_start(ctxt->input);

	if (ctxt->nodeNr >= XML_DEPTH_MAX) {
		xml_stop(ctxt, pos.line, pos.column, "<%s> is nested deeper than %d elements", name,
			 XML_DEPTH_MAX);
		return;
	}
	xmlSAX2StartElementNs(ctx, name, prefix, uri, n_ns, ns, n_attrs, n_defaulted, attrs);
	if (ctxt->node == NULL || !pos_add(xml_of(ctxt), ctxt->node, pos))
		xml_stop(ctxt, pos.line, pos.column, "no memory is left");
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	xmlParserCtxt *ctxt = ctx;

	(void)external;
	(void)system;
	xml_stop(ctxt, ctxt->input->line, ctxt->input->col,
		 "a document type is not taken (<!DOCTYPE %s ...>): such files name no DTD, no "
		 "entities",
		 name);
}

static void on_error(void *ctx, error_arg e)
{
	xmlParserCtxt *ctxt = ctx;
	const char *what = e->message ? e->message : "not well-formed";

	if (e->level < XML_ERR_ERROR)
		return;
	switch (e->code) {
	case XML_ERR_TAG_NOT_FINISHED:
		xml_stop(ctxt, e->line, e->int2,
			 "the file ends inside <%s>, which line %d opens: expected </%s>", e->str1,
			 e->int1, e->str1);
		break;
	case XML_ERR_TAG_NAME_MISMATCH:
		xml_stop(ctxt, e->line, e->int2,
			 "</%s> stands where </%s> is expected, which closes line %d", e->str2,
			 e->str1, e->int1);
		break;
	case XML_ERR_DOCUMENT_EMPTY:
		xml_stop(ctxt, e->line, e->int2,
			 "this is no XML: expected a file that begins with <");
		break;
	case XML_ERR_UNDECLARED_ENTITY:
	case XML_WAR_UNDECLARED_ENTITY:
		xml_stop(ctxt, e->line, e->int2,
			 "&%s; is not known: expected &amp; &lt; &gt; &quot; or &apos;", e->str1);
		break;
	case XML_ERR_INVALID_CHAR:
		xml_stop(ctxt, e->line, e->int2,
			 "a character is not UTF-8, or one that XML does not allow: expected "
			 "UTF-8, or the encoding in the first line, such as "
			 "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>");
		break;
	default:
		xml_stop(ctxt, e->line, e->int2, "%.*s", (int)strcspn(what, "\n"), what);
	}
}

static struct xml *xml_new(const char *file, struct diags *diags)
{
	struct xml *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->diags = diags;
	x->file = strdup(file);
	if (x->file == NULL) {
		xml_free(x);
		return NULL;
	}
	return x;
}

static void xml_run(struct xml *x, const char *text, size_t len)
{
	xmlParserCtxt *ctxt = xmlNewParserCtxt();

	if (ctxt == NULL)
		return;
	ctxt->_private = x;
	ctxt->sax->initialized = XML_SAX2_MAGIC;
	ctxt->sax->startElementNs = on_start;
	ctxt->sax->internalSubset = on_doctype;
	ctxt->sax->serror = on_error;
	/* CDATA as text: a value is a value, however it is quoted. */
	x->doc = xmlCtxtReadMemory(ctxt, text, (int)len, NULL, NULL,
				   XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
	xmlFreeParserCtxt(ctxt);
}

struct xml *xml_parse(const char *file, const char *text, size_t len, struct diags *diags)
{
	struct xml *x;

	if (len > XML_FILE_MAX) {
		diags_error(diags, file, 0, 0, "has %zu bytes: expected at most %u", len,
			    XML_FILE_MAX);
		return NULL;
	}
	if (len == 0) {
		diags_error(diags, file, 0, 0, "is empty");
		return NULL;
	}
	x = xml_new(file, diags);
	if (x != NULL)
		xml_run(x, text, len);
	if (x != NULL && !x->broken && x->doc != NULL && xmlDocGetRootElement(x->doc) != NULL)
		return x;
	if (x == NULL || !x->broken)
		diags_error(diags, file, 0, 0, "cannot be read: no memory is left");
	xml_free(x);
	return NULL;
}

void xml_free(struct xml *x)
{
	if (x == NULL)
		return;
	if (x->doc != NULL)
		xmlFreeDoc(x->doc);
	free(x->pos);
	free(x->file);
	free(x);
}

const char *xml_file(const struct xml *x)
{
	return x->file;
}

xmlNode *xml_root(const struct xml *x)
{
	return xmlDocGetRootElement(x->doc);
}

void xml_where(const struct xml *x, const xmlNode *node, int *line, int *column)
{
	size_t i = (uintptr_t)node->_private;

	*line = i > 0 ? x->pos[i - 1].line : 0;
	*column = i > 0 ? x->pos[i - 1].column : 0;
}

void xml_error(const struct xml *x, struct diags *d, const xmlNode *node, const char *fmt, ...)
{
	struct diag_place at = { .file = x->file };
	va_list ap;

	xml_where(x, node, &at.line, &at.column);
	va_start(ap, fmt);
	diags_vadd(d, &at, fmt, ap);
	va_end(ap);
}

void xml_warning(const struct xml *x, struct diags *d, const xmlNode *node, const char *fmt, ...)
{
	struct diag_place at = { .file = x->file, .warning = true };
	va_list ap;

	xml_where(x, node, &at.line, &at.column);
	va_start(ap, fmt);
	diags_vadd(d, &at, fmt, ap);
	va_end(ap);
}
