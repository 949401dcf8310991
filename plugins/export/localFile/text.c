/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The predecessor's day file: a header line, then the time and every value as %9.2f, in its units,
 * with a tab behind each, the last one too.  What is not good is nine blanks.
 */
#include "format.h"

static void txt_header(FILE *out, const struct tesla_item *item)
{
	(void)fputs("HORA\t", out);
	for (size_t i = 0; i < item->n_variables; i++)
		for (size_t j = 0; j < item->variables[i]->n_elements; j++)
			(void)fprintf(out, "%s%zu\t", item->variables[i]->name, j);
	(void)fputc('\n', out);
}

static void txt_value(FILE *out, const struct tesla_record_variable *v,
		      const struct tesla_record_element *e)
{
	if (format_quality(e) == TESLA_GOOD)
		(void)fprintf(out, "%9.2f\t", tesla_predecessor_value(v, e->value));
	else
		(void)fprintf(out, "%9s\t", "");
}

static int txt_line(FILE *out, const struct tesla_item *item, const struct moment *end)
{
	(void)fprintf(out, "%s\t", end->clock);
	for (size_t i = 0; i < item->n_variables; i++)
		for (size_t j = 0; j < item->variables[i]->n_elements; j++)
			txt_value(out, item->variables[i], &item->variables[i]->elements[j]);
	(void)fputc('\n', out);
	return 0;
}

const struct format format_txt = {
	.ext = "txt", .header_mark = "HORA\t", .header = txt_header, .line = txt_line
};
