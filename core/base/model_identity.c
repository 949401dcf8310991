/* SPDX-License-Identifier: Apache-2.0 */
/* Of a model file: how such a meter is recognised, and what is read of it for people. */
#include <inttypes.h>
#include <regex.h>
#include <string.h>

#include "base/model_build.h"

#define PATTERN_MAX 128
#define PLUSES_MAX 8 /* in a pattern: each may double what stands before it */

static size_t count_of(const char *text, char c)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == c;
	return n;
}

/* Repetition lets glibc's regcomp take gigabytes: "((a{99}){99}){99}", "a++++++++++++++++++++". */
static const char *pattern_fault(const char *pattern, char *text, size_t size)
{
	regex_t compiled;
	int r;

	if (strlen(pattern) > PATTERN_MAX)
		return "is longer than 128 characters";
	if (strchr(pattern, '{') != NULL)
		return "has a count in braces, which is not taken";
	if (count_of(pattern, '+') > PLUSES_MAX)
		return "has more than 8 times +";
	for (const char *p = strchr(pattern, '\\'); p != NULL && p[1] != '\0';
	     p = strchr(p + 2, '\\'))
		if (p[1] >= '0' && p[1] <= '9')
			return "has a back-reference, which is not taken";
	r = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&compiled);
		return NULL;
	}
	(void)regerror(r, &compiled, text, size);
	return text;
}

static void place_read(struct build *b, const xmlNode *node, const struct m_text_row *row,
		       struct model_text *ret)
{
	enum tesla_raw type = (enum tesla_raw)row->type;
	uint16_t count = type ? model_registers(type) : (uint16_t)row->count;

	if (count == 0 || (type != 0 && row->count > 0 && row->count != count)) {
		xml_error(b->x, b->d, node, "<%s>: count is %" PRId64 ": expected %s",
			  (const char *)node->name, row->count,
			  type ? "none, as the type says it" : "1 to 60 registers of characters");
		return;
	}
	model_address_check(b, node, (unsigned)row->function, (unsigned)row->address, count);
	*ret = (struct model_text){
		row->label, (uint16_t)row->function,	      (uint16_t)row->address, count,
		type,	    (enum tesla_word_order)row->order
	};
}

static void pattern_check(struct build *b, const xmlNode *node, const char *pattern)
{
	char text[100];
	const char *fault = pattern ? pattern_fault(pattern, text, sizeof text) : NULL;

	if (fault != NULL)
		xml_error(b->x, b->d, node,
			  "<recognise>: identity is \"%.60s\": expected an extended regular "
			  "expression: %s",
			  pattern, fault);
}

void model_recognise_read(struct build *b, const xmlNode *root)
{
	const xmlNode *node = xml_child(root, &m_recognise);
	struct m_text_row row = { .function = b->base.function, .address = -1 };

	if (node == NULL)
		return;
	xml_read(node, m_recognise.attrs, &row, b->a);
	b->m->identity_pattern = arena_strdup(b->a, row.pattern);
	pattern_check(b, node, row.pattern);
	if (row.address >= 0)
		place_read(b, node, &row, &b->m->identity);
	else if (row.count > 0 || row.type > 0 || row.label != NULL)
		xml_error(b->x, b->d, node,
			  "<recognise>: count, type or label is given, but no address: expected "
			  "all or none");
}

void model_texts_read(struct build *b, const xmlNode *root)
{
	size_t n = xml_count(root, &m_identity);
	struct model_text *texts = arena_alloc(b->a, n, sizeof *texts);

	b->m->texts = texts;
	if (texts == NULL)
		return;
	for (xmlNode *node = xml_child(root, &m_identity); node != NULL;
	     node = xml_next(node, &m_identity)) {
		struct m_text_row row = { .label = "", .function = b->base.function };

		xml_read(node, m_identity.attrs, &row, b->a);
		place_read(b, node, &row, &texts[b->m->n_texts]);
		b->m->n_texts++;
	}
}
