/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a block, as docs/store.md has it: codec.c writes it, codec_read.c reads it. */
#ifndef CENTRAL_CODEC_INTERNAL_H
#define CENTRAL_CODEC_INTERNAL_H

#include <stdbool.h>

#include "central/bytes.h"
#include "central/codec.h"
#include "central/rice.h"

#define CODEC_MAGIC UINT32_C(0x31424354) /* TCB1 */
#define DECIMALS_MAX 9u
/* Below it every whole number is a double, and what a predictor makes of three does not wrap. */
#define WHOLE_MAX 0x1p50

/* Offsets in the header. */
enum header {
	HEADER_MAGIC = 0,
	HEADER_CRC = 4, /* CRC32C of all that follows it */
	HEADER_LEN = 8,
	HEADER_VERSION = 12, /* 16 bits, and 16 that are 0 */
	HEADER_ROWS = 16,
	HEADER_COLUMNS = 20,
	HEADER_FIRST = 24,
	HEADER_LAST = 32,
	HEADER_TIMES_LEN = 40,
	HEADER_DIRECTORY_LEN = 44,
	HEADER_BYTES = 48
};

enum kind {
	KIND_NONE,     /* no row has a value: an entry of one byte */
	KIND_ALL_SAME, /* all rows have the same one: its entry ends with that */
	KIND_SAME,     /* all rows that have a value have the minimum */
	KIND_WHOLE,    /* first + step * number, times 10^-decimals: two varints, then Rice */
	KIND_REAL,     /* float64: all lowest bytes, then all second ones ... */
	N_KINDS
};

/* Offsets in an entry of the directory, which has one a column. */
enum entry {
	ENTRY_KIND = 0,
	ENTRY_VALUE = 1, /* of KIND_ALL_SAME */
	ENTRY_DECIMALS = 1,
	ENTRY_PACKED = 2, /* 1: the values went through zstd */
	ENTRY_HOLES = 3,  /* 1: runs of rows with and without a value come first */
	ENTRY_LEN = 4,
	ENTRY_COUNT = 8,
	ENTRY_HOLES_LEN = 12,
	ENTRY_MIN = 16,
	ENTRY_MAX = 24,
	ENTRY_SUM = 32,
	ENTRY_BYTES = 40
};

static inline size_t entry_bytes(uint8_t kind)
{
	return kind == KIND_NONE ? 1 : kind == KIND_ALL_SAME ? 9 : ENTRY_BYTES;
}

struct codec_entry {
	enum kind kind;
	unsigned decimals;
	bool packed;
	struct codec_summary sum;
	const uint8_t *holes, *values;
	size_t holes_len, values_len;
};
/* Of a block that is open; column: below n_columns. */
void codec_entry_of(const struct codec_block *b, size_t column, struct codec_entry *ret);

static inline double ten_to(unsigned decimals)
{
	static const double powers[DECIMALS_MAX + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4,
							 1e5, 1e6, 1e7, 1e8, 1e9 };

	return powers[decimals];
}

/* The most bytes of the values of a column before zstd. */
static inline size_t values_bytes_max(size_t count)
{
	return 2 * 10 + rice_bytes_max(count);
}

#endif
