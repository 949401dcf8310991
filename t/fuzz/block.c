/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of any bytes: refused with a sentence, or read whole and the same again after another
 * round.  The length and the checksum are set right first: else nothing would come past them.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/crc.h"
#include "central/codec_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void make_right(uint8_t *at, size_t len)
{
	if (len < HEADER_BYTES)
		return;
	put_u32(at + HEADER_MAGIC, CODEC_MAGIC);
	put_u32(at + HEADER_LEN, (uint32_t)len);
	put_u32(at + HEADER_CRC, crc32c(0, at + HEADER_LEN, len - HEADER_LEN));
}

/* Decodes; returns the rows, or NULL when something in them is refused. */
static double *read_all(const struct codec_block *b, int64_t *times)
{
	double *values = malloc((b->n_columns + 1) * b->n_rows * sizeof *values);
	struct tesla_error err = { 0 };
	int r = codec_times(b, times, &err);

	for (size_t i = 0; i < b->n_columns && r == 0; i++)
		r = codec_column(b, i, values + i * b->n_rows, &err);
	if (r == 0)
		return values;
	assert(err.text[0] != '\0');
	free(values);
	return NULL;
}

static void again(const struct codec_block *b, const int64_t *times, const double *values)
{
	const double **columns = malloc((b->n_columns + 1) * sizeof *columns);
	struct codec_rows rows = { times, b->n_rows, b->n_columns, columns };
	int64_t *times_read = malloc(b->n_rows * sizeof *times_read);
	double *read = malloc(b->n_rows * sizeof *read);
	struct codec_block block;
	struct tesla_error err;
	struct buf out;
	int r;

	for (size_t i = 0; i < b->n_columns; i++)
		columns[i] = values + i * b->n_rows;
	buf_init(&out, CODEC_BYTES_MAX);
	r = codec_encode(&rows, &out, &err);
	assert(r == 0);
	r = codec_open(out.pub.bytes, out.pub.len, &block, &err);
	assert(r == 0 && codec_check(&block, &err) == 0);
	r = codec_times(&block, times_read, &err);
	assert(r == 0 && memcmp(times_read, times, b->n_rows * sizeof *times) == 0);
	for (size_t i = 0; i < b->n_columns; i++) {
		r = codec_column(&block, i, read, &err);
		assert(r == 0);
		for (size_t k = 0; k < b->n_rows; k++)
			assert((read[k] != read[k] && columns[i][k] != columns[i][k]) ||
			       memcmp(&read[k], &columns[i][k], sizeof *read) == 0);
	}
	buf_release(&out);
	free(columns);
	free(times_read);
	free(read);
}

static void try_block(const uint8_t *bytes, size_t len)
{
	struct tesla_error err = { 0 };
	struct codec_block b;

	if (codec_open(bytes, len, &b, &err) != 0) {
		assert(err.text[0] != '\0');
		return;
	}
	(void)codec_check(&b, &err);
	if (b.n_rows * (b.n_columns + 1) > 1u << 22)
		return; /* constant columns take no bytes, but memory here */
	int64_t *times = malloc(b.n_rows * sizeof *times);
	double *values = read_all(&b, times);

	if (values != NULL)
		again(&b, times, values);
	free(values);
	free(times);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1); /* nothing behind it */

	memcpy(copy, bytes, len);
	try_block(copy, len);
	make_right(copy, len);
	try_block(copy, len);
	free(copy);
	return 0;
}
