/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files. */
#include "base/capture.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"

#define SECONDS_MAX 1000000000LL
#define MAGIC "tesla-capture"

static const struct {
	const char *name;
	enum tesla_line_kind kind;
} kinds[] = {
	{ "serial", TESLA_LINE_SERIAL },
	{ "tcp", TESLA_LINE_TCP },
	{ "rtu-over-tcp", TESLA_LINE_RAW_TCP },
};

struct parser {
	const char *file;
	unsigned line;
	struct capture *c;
	size_t n_bytes;
	bool versioned, has_line;
	struct tesla_error *err;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct parser *p, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return tesla_fail(p->err, -EINVAL, "%s:%u: %s", p->file, p->line, text);
}

/* ---- words ---- */

/* The next word of a line, ended by a NUL; "" at its end. */
static char *word_take(char **at)
{
	char *word = *at + strspn(*at, " \t"), *end = word + strcspn(word, " \t");

	*at = *end != '\0' ? end + 1 : end;
	*end = '\0';
	return word;
}

/* What follows a # that begins a word is for people. */
static void comment_cut(char *line)
{
	for (char *at = line; (at = strchr(at, '#')) != NULL; at++) {
		if (at == line || at[-1] == ' ' || at[-1] == '\t') {
			*at = '\0';
			return;
		}
	}
}

/* "12.000345": at most six digits of a fraction. */
static bool seconds_take(const char *text, int64_t *us)
{
	size_t whole = strspn(text, "0123456789"), n = 0;
	int64_t v = 0;

	if (whole == 0 || whole > 10)
		return false;
	for (size_t i = 0; i < whole; i++)
		v = v * 10 + (text[i] - '0');
	text += whole;
	if (*text == '.') {
		text++;
		n = strspn(text, "0123456789");
		if (n == 0 || n > 6)
			return false;
	}
	for (size_t i = 0; i < 6; i++)
		v = v * 10 + (i < n ? text[i] - '0' : 0);
	*us = v;
	return text[n] == '\0' && v <= SECONDS_MAX * 1000000;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* ---- lines of the head ---- */

static int version_take(struct parser *p, char *rest)
{
	const char *word = word_take(&rest), *number = word_take(&rest);

	if (strcmp(word, MAGIC) != 0)
		return wrong(
			p, "this is no capture: the first line is expected to be \"" MAGIC " %d\"",
			CAPTURE_VERSION);
	if (strcmp(number, "1") != 0 || *word_take(&rest) != '\0')
		return wrong(p, "version \"%.20s\": this program knows version %d", number,
			     CAPTURE_VERSION);
	p->versioned = true;
	return 0;
}

static int line_take(struct parser *p, char *rest)
{
	const char *id = word_take(&rest), *kind = word_take(&rest);

	if (p->has_line)
		return wrong(p, "a second \"line\"");
	if (*id == '\0' || id[strspn(id, "0123456789")] != '\0')
		return wrong(p, "line \"%.20s\": expected its id, a number", id);
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		if (strcmp(kind, kinds[i].name) != 0)
			continue;
		p->c->kind = kinds[i].kind;
		p->has_line = true;
		return 0; /* its name is for people */
	}
	return wrong(p, "a line of kind \"%.20s\": expected serial, tcp or rtu-over-tcp", kind);
}

/* ---- frames ---- */

static int bytes_take(struct parser *p, struct capture_entry *e, char *rest)
{
	uint8_t *to = p->c->bytes + p->n_bytes;
	char *word;

	e->bytes = to;
	while (*(word = word_take(&rest)) != '\0') {
		if (strlen(word) % 2 != 0)
			return wrong(p, "\"%.20s\": expected two digits a byte", word);
		for (; *word != '\0'; word += 2) {
			int high = digit_of(word[0]), low = digit_of(word[1]);

			if (high < 0 || low < 0)
				return wrong(p, "\"%.2s\" is no byte: expected two digits 0-9, a-f",
					     word);
			if (e->len == CAPTURE_BYTES_MAX)
				return wrong(p, "a frame of more than %u bytes", CAPTURE_BYTES_MAX);
			to[e->len++] = (uint8_t)(high << 4 | low);
		}
	}
	p->n_bytes += e->len;
	return e->len > 0 ? 0 : wrong(p, "a frame without bytes");
}

static int event_take(struct parser *p, struct capture_entry *e, char *rest)
{
	const char *word = word_take(&rest);
	size_t len = strlen(word);

	if (len == 0 || len >= sizeof e->word || strspn(word, "abcdefghijklmnopqrstuvwxyz-") != len)
		return wrong(p, "\"%.20s\": expected a word such as timeout", word);
	memcpy(e->word, word, len + 1);
	return 0; /* what follows, such as how many, is for people */
}

static int entry_take(struct parser *p, const char *seconds, char *rest)
{
	struct capture *c = p->c;
	const char *direction = word_take(&rest);
	struct capture_entry e = { .line = p->line }, *list;
	int r;

	if (!p->has_line)
		return wrong(p, "a frame ahead of \"line\", which says what kind of line it is of");
	if (!seconds_take(seconds, &e.at_us))
		return wrong(p, "\"%.20s\": expected seconds since the beginning, such as 0.012345",
			     seconds);
	if (c->n > 0 && e.at_us < c->entries[c->n - 1].at_us)
		return wrong(p, "%.20s is before the frame ahead of it", seconds);
	if (strlen(direction) != 1 || strchr("><~!", *direction) == NULL)
		return wrong(p, "\"%.20s\": expected >, <, ~ or !", direction);
	e.direction = (enum capture_direction) * direction;
	r = e.direction == CAPTURE_EVENT ? event_take(p, &e, rest) : bytes_take(p, &e, rest);
	if (r != 0)
		return r;
	list = (c->n & (c->n - 1)) != 0 /* it doubles */
		       ? c->entries
		       : realloc(c->entries, (c->n > 0 ? 2 * c->n : 1) * sizeof *list);
	if (list == NULL)
		return tesla_fail(p->err, -ENOMEM, "%s: no memory", p->file);
	c->entries = list;
	list[c->n++] = e;
	return 0;
}

static int text_line(struct parser *p, char *line)
{
	char *rest = line;
	const char *word;

	comment_cut(line);
	if (!p->versioned)
		return version_take(p, rest);
	word = word_take(&rest);
	if (*word == '\0' || strcmp(word, "begin") == 0)
		return 0;
	return strcmp(word, "line") == 0 ? line_take(p, rest) : entry_take(p, word, rest);
}

int capture_parse(const char *file, const char *text, size_t len, struct capture *ret,
		  struct tesla_error *err)
{
	struct capture c = { .bytes = malloc(len / 2 + 1) }; /* two digits a byte at least */
	struct parser p = { .file = file, .c = &c, .err = err };
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	int r = 0;

	if (copy == NULL || c.bytes == NULL)
		r = tesla_fail(err, -ENOMEM, "%s: no memory", file);
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL) {
		size_t end = strlen(line);

		if (end > 0 && line[end - 1] == '\r')
			line[end - 1] = '\0';
		p.line++;
		r = text_line(&p, line);
	}
	if (r == 0 && strlen(text) != len)
		r = wrong(&p, "a character that is none (NUL)");
	if (r == 0 && !p.has_line)
		r = wrong(&p, "\"line\" is missing, which says what kind of line it is of");
	if (r != 0)
		capture_release(&c);
	else
		*ret = c;
	return r;
}

int capture_read(const char *file, struct capture *ret, struct tesla_error *err)
{
	_cleanup_free_ char *text = NULL;
	struct tesla_error why;
	size_t len;
	int r = file_read(file, CAPTURE_FILE_MAX, &text, &len, &why);

	if (r != 0)
		return tesla_fail(err, r, "%s: %s", file, why.text);
	return capture_parse(file, text, len, ret, err);
}

void capture_release(struct capture *c)
{
	free(c->entries);
	free(c->bytes);
	*c = (struct capture){ 0 };
}

/* ---- writing ---- */

void capture_put_head(FILE *out, const struct capture_head *head)
{
	time_t s = (time_t)(head->begin_us / 1000000);
	struct tm tm;
	char when[32] = "";

	if (gmtime_r(&s, &tm) != NULL)
		(void)strftime(when, sizeof when, "%FT%T", &tm);
	(void)fprintf(out,
		      MAGIC
		      " %d\nline %" PRId64 " %s %s\nbegin %s.%06dZ\n"
		      "# seconds, > request < reply ~ thrown away ! event, bytes  # meaning\n",
		      CAPTURE_VERSION, head->line, head->kind, head->name, when,
		      (int)(head->begin_us % 1000000));
}

void capture_put(FILE *out, const struct capture_text *t)
{
	(void)fprintf(out, "%" PRId64 ".%06d %c", t->at_us / 1000000, (int)(t->at_us % 1000000),
		      t->direction);
	if (t->direction == CAPTURE_EVENT)
		(void)fprintf(out, " %s", t->what);
	else
		for (const char *at = t->what; at[0] != '\0' && at[1] != '\0'; at += 2)
			(void)fprintf(out, " %.2s", at);
	(void)fprintf(out, t->meaning != NULL ? "  # %s\n" : "%s\n",
		      t->meaning != NULL ? t->meaning : "");
}
