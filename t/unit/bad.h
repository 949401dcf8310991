/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of bad files: a good text, one change, and the message that it must give. */
#ifndef UNIT_BAD_H
#define UNIT_BAD_H

#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/xml.h"

#define BAD_FILE "test.xml"

enum schema { SCHEMA_SAME, SCHEMA_CANNOT }; /* can RelaxNG express the rule? */

struct bad {
	const char *from, *to; /* the change; from NULL: `to` is the whole text */
	int line, column;
	const char *expected; /* part of the first message */
	enum schema schema;
};

/* The text with the first `from` made `to`, for free(). */
static inline char *bad_text(const char *good, const char *from, const char *to)
{
	const char *at = from ? strstr(good, from) : NULL;
	char *text;

	if (from == NULL)
		return strdup(to);
	cr_assert_not_null(at, "the good text has no %s", from);
	cr_assert(asprintf(&text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from)) >= 0);
	return text;
}

static inline void bad_dump(const struct diags *d, char *text, size_t size)
{
	FILE *f = fmemopen(text, size, "w");

	diags_print(d, f);
	(void)fclose(f);
}

/* The first message is the one expected, at its place. */
static inline void bad_check(const struct bad *b, const struct diags *d)
{
	char all[4096] = "";

	bad_dump(d, all, sizeof all);
	cr_expect(d->n > 0 && strstr(d->list[0].text, b->expected) != NULL,
		  "\"%s\": expected \"%s\", got\n%s", b->to, b->expected, all);
	cr_expect(d->n > 0 && d->list[0].line == b->line && d->list[0].column == b->column,
		  "\"%s\": expected line %d, column %d, got\n%s", b->to, b->line, b->column, all);
}

static inline void schema_quiet(void *arg, const char *fmt, ...)
{
	(void)arg;
	(void)fmt;
}

static inline xmlRelaxNG *schema_load(const char *path_in_tree)
{
	_cleanup_free_ char *path = NULL;
	xmlRelaxNGParserCtxt *ctxt;
	xmlRelaxNG *schema;

	cr_assert(asprintf(&path, "%s/%s", getenv("top_srcdir") ? getenv("top_srcdir") : ".",
			   path_in_tree) >= 0);
	ctxt = xmlRelaxNGNewParserCtxt(path);
	schema = xmlRelaxNGParse(ctxt);
	xmlRelaxNGFreeParserCtxt(ctxt);
	cr_assert_not_null(schema, "%s", path);
	return schema;
}

static inline bool schema_takes(xmlRelaxNG *schema, const char *text)
{
	xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), BAD_FILE, NULL,
				    XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
	xmlRelaxNGValidCtxt *ctxt;
	bool taken;

	if (doc == NULL)
		return false;
	ctxt = xmlRelaxNGNewValidCtxt(schema);
	xmlRelaxNGSetValidErrors(ctxt, schema_quiet, schema_quiet, NULL);
	taken = xmlRelaxNGValidateDoc(ctxt, doc) == 0;
	xmlRelaxNGFreeValidCtxt(ctxt);
	xmlFreeDoc(doc);
	return taken;
}

/* Ours refused it: so must the schema, where it can. */
static inline void schema_check(xmlRelaxNG *schema, const struct bad *b, const char *text)
{
	bool taken = schema_takes(schema, text);

	if (b->schema == SCHEMA_SAME)
		cr_expect(!taken, "\"%s\": the schema takes what ours refuses (%s)", b->to,
			  b->expected);
	else
		cr_expect(taken, "\"%s\": the schema refuses it too: mark the row SCHEMA_SAME",
			  b->to);
}

#endif
