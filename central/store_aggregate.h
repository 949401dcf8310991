/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows of one number as a few numbers: of a bucket, or of a row of a roll-up.  Pure. */
#ifndef CENTRAL_STORE_AGGREGATE_H
#define CENTRAL_STORE_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tesla/plugin.h>

#include "central/codec.h"

/* Columns of an element. */
enum cell {
	CELL_LENGTH, /* of the window, ms */
	CELL_VALUE,  /* of a roll-up: the last one */
	CELL_MIN,
	CELL_MAX,
	CELL_INCREASE,
	CELL_COVERED,
	CELL_QUALITY,
	/* of roll-ups only */
	CELL_MEAN, /* NAN: it is the sum by the rows */
	CELL_SUM,
	CELL_WEIGHT,  /* of the mean, ms */
	CELL_ROWS,    /* that have a value */
	CELL_LAST_AT, /* ms from the bucket's end to that of the last row that has a value */
	N_CELLS
};

struct cells {
	enum tesla_variable_kind kind;
	bool rolled; /* rows of a roll-up */
	const int64_t *end_ms;
	const double *at[N_CELLS]; /* NULL: not there, or not wanted */
};

struct aggregate {
	bool any; /* row, be it without a value */
	bool suspect;
	uint64_t n_rows; /* with a value */
	double weighted, weight, min, max, sum, last, increase, covered_ms;
	int64_t last_ms;
};
void aggregate_init(struct aggregate *a);
/* The rows from `from` on; in any order. */
void aggregate_add(struct aggregate *a, const struct cells *c, size_t from, size_t n);
/*
 * All rows of a block, of which its header has the summaries of columns; at: as in struct cells.
 * False: that is not enough to go by, and nothing was added.  `last` is never told by it.
 */
bool aggregate_block(struct aggregate *a, enum tesla_variable_kind kind, size_t n_rows,
		     const struct codec_summary *const at[N_CELLS]);
double aggregate_mean(const struct aggregate *a); /* NAN: there is none */
/* As a row of a roll-up whose bucket ends at end_ms; CELL_LENGTH is not filled. */
void aggregate_cells(const struct aggregate *a, int64_t end_ms, double cells[N_CELLS]);

#endif
