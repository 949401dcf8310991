/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block: rows of one set of columns, each with a time, as bytes that say all about themselves.
 * Pure.  What comes out is what went in, to the bit; NAN is "no value", and no other number ever
 * becomes one or comes of one.  docs/store.md has the form.
 */
#ifndef CENTRAL_CODEC_H
#define CENTRAL_CODEC_H

#include <stdbool.h>
#include <tesla/plugin.h>

#include "base/buf.h"

#define CODEC_VERSION 1
#define CODEC_ROWS_MAX 65536u
#define CODEC_COLUMNS_MAX 65535u
#define CODEC_TIME_MAX (INT64_C(1) << 50) /* in absolute value */
#define CODEC_BYTES_MAX (1u << 30)

struct codec_rows {
	const int64_t *times; /* ms; each is later than the one before */
	size_t n_rows;	      /* 1 to CODEC_ROWS_MAX */
	size_t n_columns;
	const double *const *columns; /* n_rows numbers each */
};

/* Adds a block to `out`; on failure (-ENOMEM, -EMSGSIZE) `out` is as it was. */
int codec_encode(const struct codec_rows *rows, struct buf *out, struct tesla_error *err);

/*
 * The same, column by column: in the order of columns, after codec_begin as many as were said.  The
 * memory stays for the next block.  After a failure only codec_begin or codec_writer_free follow.
 */
struct codec_writer;
struct codec_writer *codec_writer_new(void); /* NULL: no memory */
void codec_writer_free(struct codec_writer *w);
int codec_begin(struct codec_writer *w, const int64_t *times, size_t n_rows, size_t n_columns,
		struct tesla_error *err);
/* NULL: no row has a value. */
int codec_add(struct codec_writer *w, const double *column, struct tesla_error *err);
size_t codec_bytes(const struct codec_writer *w); /* of the block so far */
int codec_end(struct codec_writer *w, struct buf *out, struct tesla_error *err);

struct codec_block { /* a view: the bytes stay where they are */
	const uint8_t *bytes;
	size_t len, n_rows, n_columns;
	int64_t first_ms, last_ms;
};
struct codec_summary {	      /* of the values that there are */
	double min, max, sum; /* NAN where there are none */
	size_t count;
};

/*
 * Foreign bytes, as are those that the following take: -EBADMSG says what is wrong.  After this
 * the checksum is right and the parts lie within each other.
 */
int codec_open(const void *bytes, size_t len, struct codec_block *ret, struct tesla_error *err);
/* The same without a look at the checksum: what it says may be wrong. */
int codec_look(const void *bytes, size_t len, struct codec_block *ret, struct tesla_error *err);
/* Values of all columns. */
uint64_t codec_samples(const struct codec_block *b);
/* What its header says, unchecked, and its checksum; false: it is too short to have one. */
bool codec_peek(const void *bytes, size_t len, struct codec_block *ret, uint32_t *crc);
/* How long a block says it is that begins here; 0: none does. */
size_t codec_length(const void *bytes, size_t len);
int codec_times(const struct codec_block *b, int64_t *times, struct tesla_error *err);
/* column: below n_columns. */
int codec_column(const struct codec_block *b, size_t column, double *values,
		 struct tesla_error *err);
void codec_summary(const struct codec_block *b, size_t column, struct codec_summary *ret);
/* Decodes all of it, and holds each summary to its values. */
int codec_check(const struct codec_block *b, struct tesla_error *err);

#endif
