/* SPDX-License-Identifier: Apache-2.0 */
/* Making blocks: each column in the shortest of the forms that give it back to the bit. */
#include "central/codec.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "central/codec_internal.h"

#define ZSTD_LEVEL 1
#define ZSTD_WORTH 64 /* shorter values do not gain */

struct maker {
	struct buf *out;
	size_t n_rows;
	double *values; /* of a column, without those that are missing */
	int64_t *whole;
	struct buf plain;	     /* its values before zstd */
	struct buf directory, parts; /* of all columns */
	ZSTD_CCtx *zstd;
};

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- whole numbers ---- */

/* The nearest one, up to 2^51, in the rounding mode that programs start with. */
static double nearest_whole(double v)
{
	return v + 0x1.8p52 - 0x1.8p52;
}

static bool is_exact(double v, unsigned decimals)
{
	double whole = v * ten_to(decimals);

	if (!(fabs(whole) <= WHOLE_MAX))
		return false;
	return same_bits(nearest_whole(whole) / ten_to(decimals), v);
}

/* How many decimals all of them have; false: some cannot be written so. */
static bool find_decimals(const double *values, size_t n, unsigned *ret)
{
	unsigned decimals = 0;

	for (size_t i = 0; i < n; i++)
		while (!is_exact(values[i], decimals))
			if (++decimals > DECIMALS_MAX)
				return false;
	*ret = decimals;
	return true;
}

/* What has few decimals may be too large for as many as its neighbours need. */
static bool to_whole(const double *values, size_t n, unsigned decimals, int64_t *whole)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_exact(values[i], decimals))
			return false;
		whole[i] = (int64_t)nearest_whole(values[i] * ten_to(decimals));
	}
	return true;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Means come in sixteenths: all whole numbers are then as far apart as some step, or twice that. */
static int64_t find_step(const int64_t *whole, size_t n)
{
	uint64_t step = 0;

	for (size_t i = 1; i < n && step != 1; i++) {
		int64_t d = whole[i] - whole[i - 1];

		step = gcd(d < 0 ? (uint64_t)-d : (uint64_t)d, step);
	}
	return step != 0 ? (int64_t)step : 1;
}

static int put_varint(struct buf *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; v >= 128; v >>= 7)
		bytes[n++] = (uint8_t)(v | 128);
	bytes[n++] = (uint8_t)v;
	return buf_append(out, bytes, n);
}

/* `whole` is used up. */
static int put_whole(int64_t *whole, size_t n, struct buf *out)
{
	int64_t first = whole[0], step = find_step(whole, n);
	int r = put_varint(out, zigzag((uint64_t)first));

	if (r == 0)
		r = put_varint(out, (uint64_t)step);
	for (size_t i = 0; i < n; i++)
		whole[i] = (whole[i] - first) / step;
	return r == 0 ? rice_encode(whole, n, out) : r;
}

/* ---- columns ---- */

static int put_real_planes(const double *values, size_t n, struct buf *out)
{
	uint8_t *at = buf_reserve(out, 8 * n), bytes[8];

	if (at == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		put_real(bytes, values[i]);
		for (size_t plane = 0; plane < 8; plane++)
			at[plane * n + i] = bytes[plane];
	}
	buf_advance(out, 8 * n);
	return 0;
}

/* Rows with a value, rows without, rows with ... */
static int put_holes(const double *column, size_t n_rows, struct buf *out)
{
	bool there = true;
	size_t run = 0;
	int r = 0;

	for (size_t i = 0; i < n_rows && r == 0; i++) {
		if (isnan(column[i]) == there) {
			r = put_varint(out, run);
			run = 0;
			there = !there;
		}
		run++;
	}
	return r == 0 ? put_varint(out, run) : r;
}

/* Copies the values that there are; their summary. */
static struct codec_summary gather(struct maker *m, const double *column)
{
	struct codec_summary s = { NAN, NAN, NAN, 0 };

	for (size_t i = 0; i < m->n_rows; i++) {
		double v = column[i];

		if (isnan(v))
			continue;
		m->values[s.count] = v;
		s.min = s.count == 0 || v < s.min ? v : s.min;
		s.max = s.count == 0 || v > s.max ? v : s.max;
		s.sum = s.count == 0 ? v : s.sum + v;
		s.count++;
	}
	return s;
}

static bool all_same(const double *values, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!same_bits(values[i], values[0]))
			return false;
	return true;
}

/* The values go to m->plain, and how they are written into *kind and *decimals. */
static int put_values(struct maker *m, size_t n, uint8_t *kind, unsigned *decimals)
{
	buf_clear(&m->plain);
	*kind = n == 0 ? KIND_NONE : n == m->n_rows ? KIND_ALL_SAME : KIND_SAME;
	if (n == 0 || all_same(m->values, n))
		return 0;
	if (find_decimals(m->values, n, decimals) && to_whole(m->values, n, *decimals, m->whole)) {
		*kind = KIND_WHOLE;
		return put_whole(m->whole, n, &m->plain);
	}
	*decimals = 0;
	*kind = KIND_REAL;
	return put_real_planes(m->values, n, &m->plain);
}

/* Through zstd where that gains; *packed says so. */
static int put_plain(struct maker *m, uint8_t *packed)
{
	size_t len = m->plain.pub.len, got;
	uint8_t *at;

	*packed = 0;
	if (len < ZSTD_WORTH)
		return buf_append(&m->parts, m->plain.pub.bytes, len);
	at = buf_reserve(&m->parts, len);
	if (at == NULL)
		return -ENOMEM;
	got = ZSTD_compressCCtx(m->zstd, at, len - len / 64, m->plain.pub.bytes, len, ZSTD_LEVEL);
	if (ZSTD_isError(got)) /* no room: it does not gain */
		return buf_append(&m->parts, m->plain.pub.bytes, len);
	*packed = 1;
	buf_advance(&m->parts, got);
	return 0;
}

static int put_short_entry(struct maker *m, uint8_t kind, double value)
{
	uint8_t e[9] = { kind };

	put_real(e + ENTRY_VALUE, value);
	return buf_append(&m->directory, e, entry_bytes(kind));
}

static int put_column(struct maker *m, const double *column)
{
	struct codec_summary s = gather(m, column);
	uint8_t e[ENTRY_BYTES] = { 0 };
	size_t start = m->parts.pub.len, holes_len;
	unsigned decimals = 0;
	int r = put_values(m, s.count, &e[ENTRY_KIND], &decimals);

	if (r == 0 && e[ENTRY_KIND] <= KIND_ALL_SAME)
		return put_short_entry(m, e[ENTRY_KIND], s.min);
	if (r == 0 && s.count != m->n_rows)
		r = put_holes(column, m->n_rows, &m->parts);
	holes_len = m->parts.pub.len - start;
	if (r == 0)
		r = put_plain(m, &e[ENTRY_PACKED]);
	if (r != 0)
		return r;
	e[ENTRY_DECIMALS] = (uint8_t)decimals;
	e[ENTRY_HOLES] = holes_len != 0;
	put_u32(e + ENTRY_LEN, (uint32_t)(m->parts.pub.len - start));
	put_u32(e + ENTRY_COUNT, (uint32_t)s.count);
	put_u32(e + ENTRY_HOLES_LEN, (uint32_t)holes_len);
	put_real(e + ENTRY_MIN, s.min);
	put_real(e + ENTRY_MAX, s.max);
	put_real(e + ENTRY_SUM, s.sum);
	return buf_append(&m->directory, e, sizeof e);
}

/* ---- the block ---- */

static int put_times(struct maker *m, const int64_t *times)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		assert(times[i] >= -CODEC_TIME_MAX && times[i] <= CODEC_TIME_MAX);
		assert(i == 0 || times[i] > times[i - 1]);
		m->whole[i] = times[i];
	}
	return put_whole(m->whole, m->n_rows, &m->plain);
}

static void put_header(uint8_t *at, const struct codec_rows *rows, size_t len)
{
	put_u32(at + HEADER_MAGIC, CODEC_MAGIC);
	put_u32(at + HEADER_LEN, (uint32_t)len);
	put_u16(at + HEADER_VERSION, CODEC_VERSION);
	put_u32(at + HEADER_ROWS, (uint32_t)rows->n_rows);
	put_u32(at + HEADER_COLUMNS, (uint32_t)rows->n_columns);
	put_u64(at + HEADER_FIRST, (uint64_t)rows->times[0]);
	put_u64(at + HEADER_LAST, (uint64_t)rows->times[rows->n_rows - 1]);
	put_u32(at + HEADER_CRC, crc32c(0, at + HEADER_LEN, len - HEADER_LEN));
}

static int put_bytes(struct buf *out, const struct buf *bytes)
{
	return buf_append(out, bytes->pub.bytes, bytes->pub.len);
}

/* Header, directory, times, columns. */
static int put_block(struct maker *m, const struct codec_rows *rows)
{
	uint8_t header[HEADER_BYTES] = { 0 };
	size_t start = m->out->pub.len;
	int r = 0;

	for (size_t i = 0; i < rows->n_columns && r == 0; i++)
		r = put_column(m, rows->columns[i]);
	buf_clear(&m->plain);
	if (r == 0)
		r = put_times(m, rows->times);
	put_u32(header + HEADER_TIMES_LEN, (uint32_t)m->plain.pub.len);
	put_u32(header + HEADER_DIRECTORY_LEN, (uint32_t)m->directory.pub.len);
	if (r == 0)
		r = buf_append(m->out, header, sizeof header);
	if (r == 0)
		r = put_bytes(m->out, &m->directory);
	if (r == 0)
		r = put_bytes(m->out, &m->plain);
	if (r == 0)
		r = put_bytes(m->out, &m->parts);
	if (r == 0)
		r = buf_append(m->out, (uint8_t[RICE_PAD]){ 0 }, RICE_PAD);
	if (r == 0)
		put_header(m->out->pub.bytes + start, rows, m->out->pub.len - start);
	return r;
}

int codec_encode(const struct codec_rows *rows, struct buf *out, struct tesla_error *err)
{
	struct maker m = { .out = out, .n_rows = rows->n_rows };
	size_t start = out->pub.len;
	bool failed_before = out->failed;
	int r = -ENOMEM;

	assert(rows->n_rows > 0 && rows->n_rows <= CODEC_ROWS_MAX);
	assert(rows->n_columns <= CODEC_COLUMNS_MAX);
	buf_init(&m.plain, CODEC_BYTES_MAX);
	buf_init(&m.directory, CODEC_BYTES_MAX);
	buf_init(&m.parts, CODEC_BYTES_MAX);
	m.values = malloc(rows->n_rows * sizeof *m.values);
	m.whole = malloc(rows->n_rows * sizeof *m.whole);
	m.zstd = ZSTD_createCCtx();
	if (m.values != NULL && m.whole != NULL && m.zstd != NULL)
		r = put_block(&m, rows);
	ZSTD_freeCCtx(m.zstd);
	free(m.whole);
	free(m.values);
	buf_release(&m.plain);
	buf_release(&m.directory);
	buf_release(&m.parts);
	if (r == 0)
		return 0;
	out->pub.len = start;
	out->failed = failed_before;
	return tesla_fail(err, r, "block of %zu rows and %zu columns: %s", rows->n_rows,
			  rows->n_columns, r == -EMSGSIZE ? "too long" : "no memory");
}
