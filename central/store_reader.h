/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of several sets in one order, some of their columns, chunk by chunk. */
#ifndef CENTRAL_STORE_READER_H
#define CENTRAL_STORE_READER_H

#include "central/store_internal.h"

#define READER_COLUMNS_MAX 12u

struct reader_source {
	const struct set *set;
	size_t columns[READER_COLUMNS_MAX], n_columns;
	struct chunk chunk;
	size_t at;    /* of the first row of the chunk that was not given out */
	int64_t next; /* where the next chunk begins */
};
struct reader {
	struct store *s;
	int64_t to_ms;
	bool all; /* rows of one time are given out of each set, not of the first only */
	struct reader_source *sources;
	size_t n;
};
struct reader_run {    /* rows of one set; good until the next call */
	size_t source; /* which one, from 0, as they were added */
	const int64_t *end_ms;
	const double *columns[READER_COLUMNS_MAX];
	size_t n;
};

/* What is pending goes into the tables, if any of it is to be read. */
int reader_apply(struct store *s, const char *node, int64_t analyzer, int64_t from_ms,
		 int64_t to_ms, struct tesla_error *err);
void reader_init(struct reader *r, struct store *s, int64_t to_ms);
void reader_release(struct reader *r);
/* from_ms: the first end that is wanted. */
int reader_add(struct reader *r, const struct set *set, const size_t *columns, size_t n_columns,
	       int64_t from_ms, struct tesla_error *err);
/* 1: some rows, in the order of times; 0: that was all. */
int reader_next(struct reader *r, struct reader_run *ret, struct tesla_error *err);
/* What ends before from_ms is passed over. */
void reader_skip(struct reader *r, int64_t from_ms);

#endif
