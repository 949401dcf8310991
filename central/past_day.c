/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A day file: HORA and columns as TPF0, then the time of day and a value for each, with a tab
 * behind each; blanks are no value.  A new header line may come at any place.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/past_internal.h"

#define COLUMNS_MAX 2048
#define NAME_CHARS 12u /* 20261122.txt */

struct day {
	struct past *past;
	char date[11]; /* 2026-11-22 */
	char analyzer[24];
	uint64_t line;
	bool has_header;
	size_t n;
	struct column {
		const char *variable; /* NULL: nobody knows it */
		size_t element;
	} columns[COLUMNS_MAX];
};

static bool all_digits(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* target/<analyzer>/20261122.txt */
static int parse_name(struct day *d, const char *name, struct tesla_error *err)
{
	const char *base = strrchr(name, '/'), *folder;
	size_t len;

	base = base != NULL ? base + 1 : name;
	if (strlen(base) != NAME_CHARS || !all_digits(base, 8) || strcmp(base + 8, ".txt") != 0)
		return tesla_fail(err, -EBADMSG, "expected the name of a day file, YYYYMMDD.txt");
	(void)snprintf(d->date, sizeof d->date, "%.4s-%.2s-%.2s", base, base + 4, base + 6);
	for (folder = base - 1; folder > name && folder[-1] != '/';)
		folder--;
	len = folder > name - 1 && base > name ? (size_t)(base - 1 - folder) : 0;
	if (len > 0 && len < sizeof d->analyzer && all_digits(folder, len))
		(void)snprintf(d->analyzer, sizeof d->analyzer, "%.*s", (int)len, folder);
	return 0;
}

static void take_header(struct day *d, char *rest)
{
	char *text;

	d->has_header = true;
	d->n = 0;
	while ((text = strsep(&rest, "\t")) != NULL && d->n < COLUMNS_MAX) {
		struct column *c = &d->columns[d->n];

		if (text[0] == '\0' && rest == NULL)
			break; /* behind the last tab */
		if (!past_column(d->past, text, &c->variable, &c->element)) {
			c->variable = NULL;
			past_refuse(d->past, d->line,
				    "the model has no %.40s: its column is left out", text);
		}
		d->n++;
	}
}

static size_t count_tabs(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\t';
	return n;
}

static int take_values(struct day *d, char *line, struct tesla_error *err)
{
	char *rest = line, *clock = strsep(&rest, "\t"), *text, time[24];
	const char *analyzer = past_conf_of(d->past)->analyzer;
	struct past_value v = { .at = d->line, .time = time };
	size_t n = rest != NULL ? count_tabs(rest) : 0;
	int r = 0;

	v.analyzer = analyzer == NULL && d->analyzer[0] != '\0' ? d->analyzer : NULL;
	if (!d->has_header || strlen(clock) != 8 || n != d->n) {
		past_refuse(d->past, d->line,
			    "expected HH:MM:SS and %zu values, with a tab behind each", d->n);
		return 0;
	}
	(void)snprintf(time, sizeof time, "%s %.8s", d->date, clock);
	for (size_t i = 0; i < d->n && r == 0; i++) {
		text = strsep(&rest, "\t");
		v.variable = d->columns[i].variable;
		v.element = d->columns[i].element;
		v.value = text + strspn(text, " ");
		if (v.variable != NULL)
			r = past_add(d->past, &v, err);
	}
	return r;
}

static int read_lines(struct day *d, FILE *file, struct tesla_error *err)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&line, &size, file)) >= 0) {
		d->line++;
		while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
			line[--len] = '\0';
		if (strlen(line) != (size_t)len)
			past_refuse(d->past, d->line, "it has a NUL");
		else if (strncmp(line, "HORA\t", 5) == 0)
			take_header(d, line + 5);
		else if (len > 0)
			r = take_values(d, line, err);
	}
	return r == 0 && ferror(file) ? tesla_fail(err, -EIO, "%s", strerror(errno)) : r;
}

int past_read_day(struct past *p, FILE *file, const char *name, struct tesla_error *err)
{
	struct day *d = calloc(1, sizeof *d);
	int r;

	if (d == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	d->past = p;
	r = parse_name(d, name, err);
	if (r == 0)
		r = read_lines(d, file, err);
	free(d);
	return r;
}
