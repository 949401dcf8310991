/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables, written piece by piece: JSON (rows), CSV, or MessagePack (columns).  What there is not is
 * null, or empty in CSV.  Pure.  docs/api-v1.md says how they look.
 */
#ifndef CENTRAL_TABLE_H
#define CENTRAL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum table_form { TABLE_JSON, TABLE_MSGPACK, TABLE_CSV };
enum table_type {
	TABLE_TEXT, /* UTF-8; NULL: none */
	TABLE_INT,  /* INT64_MIN: none */
	TABLE_REAL, /* NAN: none; infinities are none, too */
	TABLE_TIME  /* ms since 1970 UTC */
};
struct table_column {
	const char *name, *iso_name; /* the second where times are written as ISO 8601 */
	enum table_type type;
};
union table_cells { /* of a column, one for each row */
	const char *const *texts;
	const int64_t *ints; /* and times */
	const double *reals;
};
struct table_label { /* something that holds for the whole table */
	const char *name;
	const char *text; /* NULL: it is a number */
	int64_t number;
};

struct table {
	enum table_form form;
	bool iso; /* times; not in MessagePack */
	const struct table_column *columns;
	size_t n_columns;
	const char *series; /* CSV: the first cell of each row; NULL: there is none */
	bool some;	    /* rows were written */
};

/* A full buf is `failed`. */
void table_open(struct table *t, const struct table_label *labels, size_t n_labels,
		struct buf *out);
/* Rows [from, from + n). */
void table_rows(struct table *t, const union table_cells *cells, size_t from, size_t n,
		struct buf *out);
void table_close(struct table *t, struct buf *out);
/* CSV has one line of names for all tables of an answer. */
void table_csv_head(const struct table *t, struct buf *out);
/* MessagePack: {"end": true}, behind the last table; whoever did not see it has not all. */
void table_end(enum table_form form, struct buf *out);

/* A text as JSON, with its quotes; bad UTF-8 becomes "?". */
void table_json_text(const char *text, struct buf *out);

#endif
