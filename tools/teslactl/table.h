/* SPDX-License-Identifier: Apache-2.0 */
/* Text in aligned columns.  Control characters in foreign text never reach the terminal. */
#ifndef TESLACTL_TABLE_H
#define TESLACTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table_column {
	const char *head;
	bool right;
};
struct table {
	const struct table_column *columns;
	size_t n_columns, n_cells;
	char **cells;
};

void table_init(struct table *t, const struct table_column *columns, size_t n);
void table_release(struct table *t);
/* The next cell, row by row.  NULL is shown as "-"; without memory the cell is empty. */
void table_add(struct table *t, const char *text);
__attribute__((format(printf, 2, 3))) void table_addf(struct table *t, const char *fmt, ...);
void table_print(const struct table *t, FILE *out);

/* Columns on the terminal. */
int text_width(const char *text);
/* Makes control characters visible as '?'. */
void text_clean(char *text);
/* A copy of foreign text, or NULL, in the place of what was there; false: no memory. */
bool text_set(char **at, const char *text);

#endif
