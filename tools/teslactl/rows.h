/* SPDX-License-Identifier: Apache-2.0 */
/* The last reading of each variable of each analyzer. */
#ifndef TESLACTL_ROWS_H
#define TESLACTL_ROWS_H

#include <stdio.h>
#include <tesla/client.h>

struct row {
	int64_t analyzer;
	char *variable, *unit, *error; /* error: NULL when there is none */
	size_t n_elements;
	struct tesla_element *elements; /* value: NAN where there is none */
	char **labels;			/* NULL in there: not known */
	int64_t t_ms;
};

/* Which readings one wants to see. */
struct filter {
	int64_t analyzer; /* 0: all */
	char **variables; /* none: all */
	size_t n_variables;
};
bool filter_takes(const struct filter *f, int64_t analyzer, const char *variable);

struct rows {
	struct row **list; /* as they came */
	size_t n;
	void *index; /* tsearch */
};

void rows_release(struct rows *rows);
/* The row that has it now; NULL: no memory. */
struct row *rows_take(struct rows *rows, const struct tesla_client_reading *r);
/* The label of element i, "" when unknown. */
const char *row_label(const struct row *row, size_t i);

/* A number that may be shown as one. */
bool element_has_value(const struct tesla_element *e);
/* "230.1", "unavailable", "230.1 (stale)": never a number for what has none. */
void element_format(const struct tesla_element *e, char *text, size_t size);
/* "L1 230.1" */
void element_print(FILE *out, const char *before, const char *label, const struct tesla_element *e);
/* "0.4 s", "12 s", "3 min", "2 h", "5 d" */
void age_format(int64_t ms, char *text, size_t size);

#endif
