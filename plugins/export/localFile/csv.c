/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4180: all that a record says, a column each, in base units; a field is empty for nothing. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "format.h"

/* Only names can need quotes: numbers, times and qualities have nothing to quote. */
static void csv_name(FILE *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == '"')
			(void)fputc('"', out);
		(void)fputc(*name, out);
	}
}

static void csv_column(FILE *out, const char *variable, size_t i, const char *what)
{
	const char *quote = strpbrk(variable, ",\"") ? "\"" : "";

	(void)fprintf(out, ",%s", quote);
	csv_name(out, variable);
	(void)fprintf(out, "%zu.%s%s", i, what, quote);
}

static void csv_header(FILE *out, const struct tesla_item *item)
{
	struct format_number numbers[FORMAT_NUMBERS];

	(void)fputs("time,start", out);
	for (size_t i = 0; i < item->n_variables; i++) {
		const struct tesla_record_variable *v = item->variables[i];

		for (size_t j = 0; j < v->n_elements; j++) {
			size_t n = format_numbers(v, &v->elements[j], numbers);

			for (size_t k = 0; k < n; k++)
				csv_column(out, v->name, j, numbers[k].name);
			csv_column(out, v->name, j, "quality");
		}
	}
	(void)fputs("\r\n", out);
}

static void csv_element(FILE *out, const struct tesla_record_variable *v,
			const struct tesla_record_element *e)
{
	struct format_number numbers[FORMAT_NUMBERS];
	size_t n = format_numbers(v, e, numbers);

	for (size_t i = 0; i < n; i++) {
		char text[FORMAT_NUMBER_MAX] = "";

		if (!isnan(numbers[i].value))
			format_number_text(numbers[i].value, text);
		(void)fprintf(out, ",%s", text);
	}
	(void)fprintf(out, ",%s", format_quality_name(format_quality(e)));
}

static int csv_line(FILE *out, const struct tesla_item *item, const struct moment *end)
{
	struct moment start;

	if (!moment_at(item->start_ms, &start))
		return -ERANGE;
	(void)fprintf(out, "%s,%s", end->iso, start.iso);
	for (size_t i = 0; i < item->n_variables; i++)
		for (size_t j = 0; j < item->variables[i]->n_elements; j++)
			csv_element(out, item->variables[i], &item->variables[i]->elements[j]);
	(void)fputs("\r\n", out);
	return 0;
}

const struct format format_csv = {
	.ext = "csv", .header_mark = "time,start", .header = csv_header, .line = csv_line
};
