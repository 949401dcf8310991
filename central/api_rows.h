/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that are gathered row by row from the store, and answered piece by piece. */
#ifndef CENTRAL_API_ROWS_H
#define CENTRAL_API_ROWS_H

#include "central/api_help.h"
#include "central/pieces.h"

#define ROWS_COLUMNS_MAX 16
#define ROWS_MANY 1024u

/* What of the store is wanted: node=, analyzer=, variable=, and what the caller may read. */
struct rows_filter {
	char *node, *variable; /* NULL: any */
	bool one_analyzer;
	int64_t analyzer;
	/* A copy of whom it is for; all: he may read everything. */
	bool all;
	char **nodes;
	size_t n_nodes;
};
/* -EINVAL; -EACCES: the node that is named may not be read. */
int rows_filter_read(const struct call *c, struct rows_filter *f, struct tesla_error *err);
bool rows_wanted(const struct rows_filter *f, const char *node, int64_t analyzer);
void rows_filter_release(struct rows_filter *f);

struct rows { /* as many as were not written yet */
	struct table table;
	bool begun;
	size_t n, cap;
	union table_cells cells[ROWS_COLUMNS_MAX]; /* with malloc */
	struct arena texts;
};
/*
 * Answers by `maker`, which is released in any case; `filter` is read before, unless it is NULL.
 */
void rows_answer(struct call *c, struct rows *r, struct rows_filter *filter,
		 const struct table_column *columns, size_t n, const struct pieces_maker *maker);
void rows_release(struct rows *r);

/* The next row; then each of its columns.  Texts are copied. */
void rows_begin(struct rows *r);
void rows_text(struct rows *r, size_t column, const char *text);
void rows_int(struct rows *r, size_t column, int64_t v);
void rows_real(struct rows *r, size_t column, double v);
/* Into the answer, so that they are none again. */
void rows_write(struct rows *r, struct buf *out);
void rows_write_when_many(struct rows *r, struct buf *out);
int rows_end(struct rows *r, struct buf *out); /* 0 */

#endif
