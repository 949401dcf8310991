/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a file: a list of messages with their places. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/xml.h"

/* A file must not move the reader's cursor: what it quotes is clean. */
static void text_clean(char *text)
{
	size_t len = utf8_clean(text, strlen(text), UTF8_LINE);

	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
}

static struct diag *diags_room(struct diags *d)
{
	struct diag *list = d->n < DIAGS_MAX ? realloc(d->list, (d->n + 1) * sizeof *list) : NULL;

	if (list == NULL) {
		d->n_dropped++;
		return NULL;
	}
	d->list = list;
	return &list[d->n];
}

void diags_vadd(struct diags *d, const struct diag_place *at, const char *fmt, va_list ap)
{
	struct diag *new = diags_room(d);

	if (!at->warning)
		d->n_errors++;
	if (new == NULL)
		return;
	*new = (struct diag){ .line = at->line, .column = at->column, .warning = at->warning };
	new->file = strdup(at->file);
	if (vasprintf(&new->text, fmt, ap) < 0)
		new->text = NULL;
	if (new->file == NULL || new->text == NULL) {
		free(new->file);
		free(new->text);
		d->n_dropped++;
		return;
	}
	text_clean(new->text);
	d->n++;
}

void diags_error(struct diags *d, const char *file, int line, int column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diags_vadd(d, &(struct diag_place){ file, line, column, false }, fmt, ap);
	va_end(ap);
}

void diags_warning(struct diags *d, const char *file, int line, int column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diags_vadd(d, &(struct diag_place){ file, line, column, true }, fmt, ap);
	va_end(ap);
}

void diags_release(struct diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->list[i].file);
		free(d->list[i].text);
	}
	free(d->list);
	*d = (struct diags){ 0 };
}

char *diag_format(const struct diag *g, const char *kind)
{
	char place[32] = "", *text;

	if (g->line > 0 && g->column > 0)
		(void)snprintf(place, sizeof place, ":%d:%d", g->line, g->column);
	else if (g->line > 0)
		(void)snprintf(place, sizeof place, ":%d", g->line);
	return asprintf(&text, "%s%s: %s%s", g->file, place, kind, g->text) < 0 ? NULL : text;
}

void diags_print(const struct diags *d, FILE *out)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diag *g = &d->list[i];
		_cleanup_free_ char *text = diag_format(g, g->warning ? "warning: " : "error: ");

		(void)fprintf(out, "%s\n", text ? text : g->text);
	}
	if (d->n_dropped > 0)
		(void)fprintf(out, "and %zu more\n", d->n_dropped);
}
