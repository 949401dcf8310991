/* SPDX-License-Identifier: Apache-2.0 */
/* History as CSV: a header line with names, then a value, or an array of them, a line. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "central/past_internal.h"

#define FIELDS_MAX 16

enum column { NODE, ANALYZER, MODEL, TIME, VARIABLE, ELEMENT, VALUE, N_COLUMNS };

static const struct name {
	const char *text;
	enum column column;
} names[] = {
	{ "node", NODE },	  { "analyzer", ANALYZER },
	{ "addr", ANALYZER },	  { "analitzador", ANALYZER },
	{ "model", MODEL },	  { "time", TIME },
	{ "data_hora", TIME },	  { "dataHora", TIME },
	{ "variable", VARIABLE }, { "element", ELEMENT },
	{ "index", ELEMENT },	  { "value", VALUE },
	{ "valor", VALUE },
};

struct csv {
	struct past *past;
	char separator;
	size_t n_fields;
	int at[N_COLUMNS]; /* which field; -1: it has none */
	uint64_t line;
};

/* Splits in place, with quotes as RFC 4180 has them.  False: it cannot be. */
static bool split(char *line, char separator, char **fields, size_t *n)
{
	char *from = line;

	for (*n = 0; *n < FIELDS_MAX;) {
		char *to = from;
		bool quoted = *from == '"';

		fields[(*n)++] = to;
		from += quoted;
		for (; *from != '\0' && (quoted || *from != separator); from++) {
			if (quoted && *from == '"' && *++from != '"') {
				quoted = false;
				if (*from != separator && *from != '\0')
					return false;
				break;
			}
			*to++ = *from;
		}
		if (quoted)
			return false;
		if (*from == '\0') {
			*to = '\0';
			return true;
		}
		from++;
		*to = '\0';
	}
	return false;
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " ");
	for (len = strlen(text); len > 0 && text[len - 1] == ' ';)
		text[--len] = '\0';
	return text;
}

/* ---- the header ---- */

static int name_column(struct csv *c, const char *text, int field, struct tesla_error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (strcasecmp(names[i].text, text) != 0)
			continue;
		if (c->at[names[i].column] >= 0)
			return tesla_fail(err, -EBADMSG, "line 1: %.40s is there twice", text);
		c->at[names[i].column] = field;
		return 0;
	}
	return tesla_fail(err, -EBADMSG,
			  "line 1: %.40s is no name of a column: expected node, analyzer, model, "
			  "time, variable, element, value",
			  text);
}

static int read_header(struct csv *c, char *line, struct tesla_error *err)
{
	char *fields[FIELDS_MAX];
	int r = 0;

	if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	c->separator = strchr(line, '\t') != NULL ? '\t' : strchr(line, ';') != NULL ? ';' : ',';
	for (size_t i = 0; i < N_COLUMNS; i++)
		c->at[i] = -1;
	if (!split(line, c->separator, fields, &c->n_fields))
		return tesla_fail(err, -EBADMSG, "line 1: expected the names of columns");
	for (size_t i = 0; i < c->n_fields && r == 0; i++)
		r = name_column(c, trim(fields[i]), (int)i, err);
	if (r == 0 && (c->at[TIME] < 0 || c->at[VARIABLE] < 0 || c->at[VALUE] < 0))
		r = tesla_fail(err, -EBADMSG, "line 1: expected time, variable and value at least");
	return r;
}

/* ---- lines ---- */

static const char *field(const struct csv *c, char **fields, enum column column)
{
	return c->at[column] >= 0 ? trim(fields[c->at[column]]) : NULL;
}

/* [230.1, null, 231]: elements from 0 on. */
static int add_array(struct csv *c, struct past_value *v, char *text, struct tesla_error *err)
{
	char *end = strchr(text, ']'), *rest = text + 1;
	int r = 0;

	if (end == NULL || end[1] != '\0') {
		past_refuse(c->past, c->line, "an array ends with ]");
		return 0;
	}
	*end = '\0';
	for (v->element = 0; rest != NULL && r == 0; v->element++) {
		v->value = trim(strsep(&rest, ","));
		r = past_add(c->past, v, err);
	}
	return r;
}

static bool parse_element(const char *text, size_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 4)
		return false;
	*ret = strtoul(text, &end, 10);
	return *end == '\0';
}

static int take_line(struct csv *c, char *line, struct tesla_error *err)
{
	struct past_value v = { .at = c->line };
	char *fields[FIELDS_MAX];
	const char *element;
	size_t n;

	if (!split(line, c->separator, fields, &n) || n != c->n_fields) {
		past_refuse(c->past, c->line, "it has other fields than the header");
		return 0;
	}
	v.node = field(c, fields, NODE);
	v.analyzer = field(c, fields, ANALYZER);
	v.model = field(c, fields, MODEL);
	v.time = field(c, fields, TIME);
	v.variable = field(c, fields, VARIABLE);
	v.value = field(c, fields, VALUE);
	element = field(c, fields, ELEMENT);
	if (v.value[0] == '[' && (element == NULL || element[0] == '\0'))
		return add_array(c, &v, trim(fields[c->at[VALUE]]), err);
	if (element != NULL && element[0] != '\0' && !parse_element(element, &v.element)) {
		past_refuse(c->past, c->line, "an element is a number, from 0: %s", element);
		return 0;
	}
	return past_add(c->past, &v, err);
}

int past_read_csv(struct past *p, FILE *file, struct tesla_error *err)
{
	struct csv c = { .past = p };
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&line, &size, file)) >= 0) {
		c.line++;
		while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
			line[--len] = '\0';
		if (strlen(line) != (size_t)len)
			past_refuse(p, c.line, "it has a NUL");
		else if (c.line == 1)
			r = read_header(&c, line, err);
		else if (len > 0)
			r = take_line(&c, line, err);
		if (c.line == 1 && r == 0 && c.n_fields == 0)
			r = tesla_fail(err, -EBADMSG, "line 1: expected the names of columns");
	}
	if (r == 0 && ferror(file))
		r = tesla_fail(err, -EIO, "%s", strerror(errno));
	return r;
}
