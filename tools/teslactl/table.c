/* SPDX-License-Identifier: Apache-2.0 */
/* Text in aligned columns. */
#include "teslactl/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/utf8.h"

void text_clean(char *text)
{
	(void)utf8_clean(text, strlen(text), UTF8_LINE);
}

bool text_set(char **at, const char *text)
{
	free(*at);
	*at = text ? strdup(text) : NULL;
	if (*at != NULL)
		text_clean(*at);
	return text == NULL || *at != NULL;
}

int text_width(const char *text)
{
	wchar_t wide[512];
	size_t n = mbstowcs(wide, text, N_ELEMENTS(wide));
	int w = n < N_ELEMENTS(wide) ? wcswidth(wide, n) : -1;

	return w >= 0 ? w : (int)strlen(text);
}

void table_init(struct table *t, const struct table_column *columns, size_t n)
{
	*t = (struct table){ .columns = columns, .n_columns = n };
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
}

static void table_take(struct table *t, char *text)
{
	char **cells = t->cells;

	if (t->n_cells % 64 == 0)
		cells = realloc(t->cells, (t->n_cells + 64) * sizeof *cells);
	if (cells == NULL) {
		free(text);
		return;
	}
	if (text != NULL)
		text_clean(text);
	t->cells = cells;
	t->cells[t->n_cells++] = text;
}

void table_add(struct table *t, const char *text)
{
	table_take(t, strdup(text && *text ? text : "-"));
}

void table_addf(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	table_take(t, text);
}

static const char *cell(const struct table *t, size_t i)
{
	return t->cells[i] ? t->cells[i] : "";
}

static int column_width(const struct table *t, size_t c)
{
	int max = text_width(t->columns[c].head);

	for (size_t i = c; i < t->n_cells; i += t->n_columns)
		if (text_width(cell(t, i)) > max)
			max = text_width(cell(t, i));
	return max;
}

static void cell_print(const char *text, int width, bool right, bool last, FILE *out)
{
	int pad = width - text_width(text);

	(void)fprintf(out, "%*s%s", right ? pad : 0, "", text);
	(void)fprintf(out, "%*s", last ? 0 : (right ? 0 : pad) + 2, last ? "\n" : "");
}

void table_print(const struct table *t, FILE *out)
{
	_cleanup_free_ int *width = calloc(t->n_columns, sizeof *width);

	if (width == NULL)
		return;
	for (size_t c = 0; c < t->n_columns; c++) {
		width[c] = column_width(t, c);
		cell_print(t->columns[c].head, width[c], t->columns[c].right, c + 1 == t->n_columns,
			   out);
	}
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t c = i % t->n_columns;

		cell_print(cell(t, i), width[c], t->columns[c].right, c + 1 == t->n_columns, out);
	}
}
