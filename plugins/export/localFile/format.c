/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats share. */
#include "format.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum tesla_quality format_quality(const struct tesla_record_element *e)
{
	bool claims = e->quality == TESLA_GOOD || e->quality == TESLA_SUSPECT;

	return claims && !isfinite(e->value) ? TESLA_ERROR : e->quality;
}

const char *format_quality_name(enum tesla_quality q)
{
	static const char *const names[] = { [TESLA_GOOD] = "good",
					     [TESLA_UNAVAILABLE] = "unavailable",
					     [TESLA_SUSPECT] = "suspect",
					     [TESLA_ERROR] = "error",
					     [TESLA_STALE] = "stale" };

	return (size_t)q < sizeof names / sizeof *names ? names[q] : "error";
}

size_t format_numbers(const struct tesla_record_variable *v, const struct tesla_record_element *e,
		      struct format_number out[FORMAT_NUMBERS])
{
	enum tesla_quality q = format_quality(e);
	double value = q == TESLA_GOOD || q == TESLA_SUSPECT ? e->value : NAN;
	size_t n = 0;

	out[n++] = (struct format_number){ v->kind == TESLA_GAUGE ? "mean" : "value", value };
	if (v->kind == TESLA_GAUGE) {
		out[n++] = (struct format_number){ "min", e->min };
		out[n++] = (struct format_number){ "max", e->max };
	} else if (v->kind == TESLA_COUNTER) {
		out[n++] = (struct format_number){ "increase", e->increase };
	}
	out[n++] = (struct format_number){ "count", e->count };
	out[n++] = (struct format_number){ "covered_s", (double)e->covered_ms / 1000 };
	for (size_t i = 0; i < n; i++)
		out[i].value = isfinite(out[i].value) ? out[i].value : NAN;
	return n;
}

void format_number_text(double value, char text[FORMAT_NUMBER_MAX])
{
	for (int digits = 15; digits <= 17; digits++) { /* trailing zeros are not printed */
		(void)snprintf(text, FORMAT_NUMBER_MAX, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			return;
	}
}

static bool is_name(const char *name)
{
	const char *c = name;

	while (c != NULL && *c > ' ' && *c <= '~')
		c++;
	return c != NULL && c != name && *c == '\0';
}

/* RFC 3629: by its first byte, how long it is; by its second, no surrogate and none too long. */
size_t format_utf8(const char *text)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t len;
	} rows[] = {
		{ 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *c = (const unsigned char *)text;
	size_t row = 0, i;

	while (row < sizeof rows / sizeof *rows &&
	       (c[0] < rows[row].first || c[0] > rows[row].last))
		row++;
	if (row == sizeof rows / sizeof *rows)
		return 0;
	if (rows[row].len > 1 && (c[1] < rows[row].low || c[1] > rows[row].high))
		return 0;
	for (i = 2; i < rows[row].len; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return rows[row].len;
}

static bool is_utf8(const char *text)
{
	size_t len;

	while ((len = format_utf8(text)) > 0)
		text += len;
	return *text == '\0';
}

static int variable_check(const struct format *f, const struct tesla_record_variable *v, size_t i,
			  struct tesla_error *err)
{
	if (!is_name(v->name))
		return tesla_fail(err, -EBADMSG, "variable %zu: expected a name of visible ASCII",
				  i + 1);
	if (f->has_units && v->unit != NULL && !is_utf8(v->unit))
		return tesla_fail(err, -EBADMSG, "%s: its unit is not UTF-8", v->name);
	return 0;
}

int format_check(const struct format *f, const struct tesla_item *item, struct tesla_error *err)
{
	struct moment m;
	int r = 0;

	if (item->kind != TESLA_RECORD)
		return tesla_fail(err, -EBADMSG, "item of kind %d: expected a record",
				  (int)item->kind);
	if (item->analyzer <= 0)
		return tesla_fail(err, -EBADMSG, "analyzer %" PRId64 ": expected a positive number",
				  item->analyzer);
	if (!moment_at(item->t_ms, &m) || !moment_at(item->start_ms, &m))
		return tesla_fail(err, -ERANGE,
				  "window from %" PRId64 " to %" PRId64
				  " ms: expected years from 1970 to 9999",
				  item->start_ms, item->t_ms);
	for (size_t i = 0; r == 0 && i < item->n_variables; i++)
		r = variable_check(f, item->variables[i], i, err);
	return r;
}

/* end: NULL for the header. */
static int format_text(const struct format *f, const struct tesla_item *item,
		       const struct moment *end, char **text, size_t *len, struct tesla_error *err)
{
	FILE *out = open_memstream(text, len);
	int r = 0;

	if (out == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a line");
	if (end == NULL)
		f->header(out, item);
	else
		r = f->line(out, item, end);
	if ((fclose(out) != 0 || *text == NULL) && r == 0)
		r = -ENOMEM;
	if (r == 0)
		return 0;
	free(*text);
	*text = NULL;
	return tesla_fail(err, r,
			  r == -ENOMEM ? "no memory for a line" : "record cannot be a %s line",
			  f->ext);
}

int format_line(const struct format *f, const struct tesla_item *item, char **text, size_t *len,
		struct tesla_error *err)
{
	struct moment end;

	if (!moment_at(item->t_ms, &end))
		return tesla_fail(err, -ERANGE, "time out of range");
	return format_text(f, item, &end, text, len, err);
}

int format_header(const struct format *f, const struct tesla_item *item, char **text, size_t *len,
		  struct tesla_error *err)
{
	return format_text(f, item, NULL, text, len, err);
}
