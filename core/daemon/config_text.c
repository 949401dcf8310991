/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of config.xml for others to read.  Parsing it again and writing it out anew would lose
 * how people laid it out; it is known to be well-formed, so that finding names in it is little.
 */
#include "daemon/config_text.h"

#include <libxml/encoding.h>
#include <string.h>
#include <strings.h>

#define BLANK " \t\r\n"
#define NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

char *config_text_utf8(const char *text, size_t len, const char *encoding, struct arena *a)
{
	xmlCharEncodingHandler *handler;
	xmlBuffer *in, *out;
	char *copy = NULL;

	if (encoding == NULL || strcasecmp(encoding, "UTF-8") == 0) {
		copy = arena_alloc(a, len + 1, 1); /* zeroed; `text` need not end with one */
		return copy != NULL ? memcpy(copy, text, len) : NULL;
	}
	handler = xmlFindCharEncodingHandler(encoding);
	in = xmlBufferCreateSize(len + 1);
	out = xmlBufferCreateSize(2 * len + 16);
	if (handler != NULL && in != NULL && out != NULL &&
	    xmlBufferAdd(in, (const xmlChar *)text, (int)len) == 0 &&
	    xmlCharEncInFunc(handler, out, in) >= 0 && xmlBufferLength(in) == 0)
		copy = arena_strdup(a, (const char *)xmlBufferContent(out));
	if (handler != NULL)
		(void)xmlCharEncCloseFunc(handler);
	if (in != NULL)
		xmlBufferFree(in);
	if (out != NULL)
		xmlBufferFree(out);
	return copy;
}

/* ---- what is secret ---- */

struct mask {
	const char *at;	  /* what is not looked at yet */
	const char *from; /* what is not appended yet */
	bool (*secret)(void *arg, const char *name, size_t len);
	void *arg;
	struct buf *out;
};

/* What lies between `begin` and `end` is not shown. */
static void hide(struct mask *m, const char *begin, const char *end)
{
	(void)buf_append(m->out, m->from, (size_t)(begin - m->from));
	(void)buf_append(m->out, CONFIG_MASK, strlen(CONFIG_MASK));
	m->from = end;
}

/* Behind the next `end`; the end of the text when there is none. */
static const char *behind(const char *at, const char *end)
{
	const char *found = strstr(at, end);

	return found ? found + strlen(end) : at + strlen(at);
}

/* At a name in a tag: the attribute, with its value. */
static void attribute(struct mask *m)
{
	const char *name = m->at;
	size_t len = strcspn(name, BLANK "=>/");
	const char *value = name + len + strspn(name + len, BLANK);
	char quote[2] = "";

	m->at = value;
	if (*value != '=')
		return;
	value += 1 + strspn(value + 1, BLANK);
	m->at = value;
	if (*value != '"' && *value != '\'')
		return;
	quote[0] = *value++;
	m->at = value + strcspn(value, quote);
	if (m->secret(m->arg, name, len))
		hide(m, value, m->at);
	m->at += *m->at != '\0';
}

/* To the "</" of the element that is open, or the end; none of its own are inside. */
static const char *content_end(const char *at, const char *name, size_t len)
{
	const char *end = at;

	while ((end = strstr(end, "</")) != NULL && strncmp(end + 2, name, len) != 0)
		end += 2;
	return end ? end : at + strlen(at);
}

/* Behind the '<' of an element. */
static void element(struct mask *m)
{
	const char *name = m->at;
	size_t len = strcspn(name, BLANK "/>");

	m->at += len;
	for (;;) {
		m->at += strspn(m->at, BLANK);
		if (*m->at == '\0' || *m->at == '>' || *m->at == '/')
			break;
		attribute(m);
	}
	if (*m->at == '>' && m->secret(m->arg, name, len)) {
		const char *end = content_end(m->at, name, len);

		hide(m, m->at + 1, end);
		m->at = end;
	}
}

static const struct {
	const char *begin, *end;
} others[] = {
	{ "![CDATA[", "]]>" },
	{ "?", "?>" },
	{ "!", ">" },
	{ "/", ">" },
};

/* What was taken out by making it a comment is no less secret: one that names such a thing goes. */
static void comment(struct mask *m)
{
	const char *begin = m->at + strlen("!--"), *end = strstr(begin, "-->");

	if (end == NULL)
		end = begin + strlen(begin);
	for (const char *word = begin; word < end;) {
		size_t len = strspn(word, NAME);

		if (len > 0 && m->secret(m->arg, word, len)) {
			hide(m, begin, end);
			break;
		}
		word += len + (len == 0);
	}
	m->at = end;
}

/* At a '<'. */
static void markup(struct mask *m)
{
	m->at++;
	if (strncmp(m->at, "!--", 3) == 0) {
		comment(m);
		return;
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (strncmp(m->at, others[i].begin, strlen(others[i].begin)) == 0) {
			m->at = behind(m->at + strlen(others[i].begin), others[i].end);
			return;
		}
	}
	element(m);
}

void config_text_mask(const char *text, bool (*secret)(void *arg, const char *name, size_t len),
		      void *arg, struct buf *out)
{
	struct mask m = { .at = text, .from = text, .secret = secret, .arg = arg, .out = out };

	while ((m.at = strchr(m.at, '<')) != NULL)
		markup(&m);
	(void)buf_append(out, m.from, strlen(m.from));
}
