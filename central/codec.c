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

#define CHUNK 256u /* values, for which decimals are looked for */
#define ZSTD_LEVEL 1
#define ZSTD_WORTH 64 /* shorter values do not gain */

struct codec_writer {
	size_t n_rows, n_columns;
	size_t n_added; /* columns */
	int64_t first_ms, last_ms;
	size_t cap;	/* rows that there is memory for */
	double *values; /* of a column, without those that are missing */
	int64_t *whole;
	struct buf plain;		    /* its values before zstd */
	struct buf times, directory, parts; /* of the block */
	ZSTD_CCtx *zstd;
};

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- whole numbers ---- */

/*
 * The nearest whole numbers, up to 2^51, in the rounding mode that programs start with; 0 when all
 * of them are the values with so many decimals, to the bit.  What is added and taken away again
 * leaves no room for a fraction; a whole number then stands in the lowest bits.
 */
VECTORIZED static uint64_t make_whole(const double *values, size_t n, double ten, int64_t *whole)
{
	const double shift = 0x1.8p52;
	uint64_t wrong = 0, shift_bits;

	memcpy(&shift_bits, &shift, sizeof shift_bits);
	for (size_t i = 0; i < n; i++) {
		double w = values[i] * ten, shifted = w + shift, back = (shifted - shift) / ten,
		       room = WHOLE_MAX - fabs(w);
		uint64_t is, was, bits, left;

		memcpy(&is, &back, sizeof is);
		memcpy(&was, &values[i], sizeof was);
		memcpy(&bits, &shifted, sizeof bits);
		memcpy(&left, &room, sizeof left);
		wrong |= (is ^ was) | left >> 63;
		whole[i] = (int64_t)(bits - shift_bits);
	}
	return wrong;
}

/*
 * With as many decimals as some need; false: they cannot be written so.  What has few decimals may
 * be too large for as many as its neighbours need.
 */
static bool to_whole(const double *values, size_t n, unsigned *decimals, int64_t *whole)
{
	unsigned d = 0, first = 0;

	for (size_t i = 0; i < n; i += CHUNK) {
		size_t take = n - i < CHUNK ? n - i : CHUNK;

		while (make_whole(values + i, take, ten_to(d), whole + i) != 0)
			if (++d > DECIMALS_MAX)
				return false;
		first = i == 0 ? d : first;
	}
	*decimals = d;
	return d == first || make_whole(values, n, ten_to(d), whole) == 0;
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

/* How many times step d is, when it is that, rounded otherwise.  Both are far below 2^53. */
static int64_t multiple_of(int64_t d, double inverse)
{
	return (int64_t)((double)d * inverse + 0x1.8p52 - 0x1.8p52);
}

/* Means come in sixteenths: all whole numbers are then as far apart as some step, or twice that. */
static int64_t find_step(const int64_t *whole, size_t n)
{
	int64_t step = 0;
	double inverse = 0;

	for (size_t i = 1; i < n && step != 1; i++) {
		int64_t d = whole[i] - whole[i - 1];

		if (d == 0 || (step != 0 && multiple_of(d, inverse) * step == d))
			continue;
		step = (int64_t)gcd(d < 0 ? (uint64_t)-d : (uint64_t)d, (uint64_t)step);
		inverse = 1 / (double)step;
	}
	return step != 0 ? step : 1;
}

/* So many steps from the first. */
static void count_steps(int64_t *whole, size_t n, int64_t step)
{
	int64_t first = whole[0];
	double inverse = 1 / (double)step;

	if (step == 1)
		for (size_t i = 0; i < n; i++)
			whole[i] -= first;
	else
		for (size_t i = 0; i < n; i++)
			whole[i] = multiple_of(whole[i] - first, inverse);
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
	count_steps(whole, n, step);
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

/* How many there are. */
VECTORIZED static size_t count_values(const double *column, size_t n)
{
	uint64_t missing = 0;

	for (size_t i = 0; i < n; i++)
		missing += isnan(column[i]) ? 1 : 0;
	return n - (size_t)missing;
}

/* Those that there are, without a copy when none is missing. */
static const double *gather(struct codec_writer *w, const double *column, size_t *count)
{
	size_t n = 0;

	*count = count_values(column, w->n_rows);
	if (*count == w->n_rows)
		return column;
	for (size_t i = 0; i < w->n_rows && n < *count; i++) {
		w->values[n] = column[i];
		n += !isnan(column[i]);
	}
	return w->values;
}

static struct codec_summary summarize(const double *values, size_t n)
{
	struct codec_summary s = { NAN, NAN, NAN, n };

	if (n > 0)
		s.min = s.max = s.sum = values[0];
	for (size_t i = 1; i < n; i++) {
		double v = values[i];

		s.min = v < s.min ? v : s.min;
		s.max = v > s.max ? v : s.max;
		s.sum += v;
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

/* The values go to w->plain, and how they are written into *kind and *decimals. */
static int put_values(struct codec_writer *w, const double *values, size_t n, uint8_t *kind,
		      unsigned *decimals)
{
	buf_clear(&w->plain);
	*kind = n == 0 ? KIND_NONE : n == w->n_rows ? KIND_ALL_SAME : KIND_SAME;
	if (n == 0 || all_same(values, n))
		return 0;
	if (to_whole(values, n, decimals, w->whole)) {
		*kind = KIND_WHOLE;
		return put_whole(w->whole, n, &w->plain);
	}
	*decimals = 0;
	*kind = KIND_REAL;
	return put_real_planes(values, n, &w->plain);
}

/* Through zstd where that gains; *packed says so. */
static int put_plain(struct codec_writer *w, uint8_t *packed)
{
	size_t len = w->plain.pub.len, got;
	uint8_t *at;

	*packed = 0;
	if (len < ZSTD_WORTH)
		return buf_append(&w->parts, w->plain.pub.bytes, len);
	at = buf_reserve(&w->parts, len);
	if (at == NULL)
		return -ENOMEM;
	got = ZSTD_compressCCtx(w->zstd, at, len - len / 64, w->plain.pub.bytes, len, ZSTD_LEVEL);
	if (ZSTD_isError(got)) /* no room: it does not gain */
		return buf_append(&w->parts, w->plain.pub.bytes, len);
	*packed = 1;
	buf_advance(&w->parts, got);
	return 0;
}

static int put_short_entry(struct codec_writer *w, uint8_t kind, double value)
{
	uint8_t e[9] = { kind };

	put_real(e + ENTRY_VALUE, value);
	return buf_append(&w->directory, e, entry_bytes(kind));
}

static int put_column(struct codec_writer *w, const double *column)
{
	uint8_t e[ENTRY_BYTES] = { 0 };
	size_t start = w->parts.pub.len, holes_len, count;
	const double *values = gather(w, column, &count);
	struct codec_summary s;
	unsigned decimals = 0;
	int r = put_values(w, values, count, &e[ENTRY_KIND], &decimals);

	if (r == 0 && e[ENTRY_KIND] <= KIND_ALL_SAME)
		return put_short_entry(w, e[ENTRY_KIND], count > 0 ? values[0] : NAN);
	s = summarize(values, count);
	if (r == 0 && s.count != w->n_rows)
		r = put_holes(column, w->n_rows, &w->parts);
	holes_len = w->parts.pub.len - start;
	if (r == 0)
		r = put_plain(w, &e[ENTRY_PACKED]);
	if (r != 0)
		return r;
	e[ENTRY_DECIMALS] = (uint8_t)decimals;
	e[ENTRY_HOLES] = holes_len != 0;
	put_u32(e + ENTRY_LEN, (uint32_t)(w->parts.pub.len - start));
	put_u32(e + ENTRY_COUNT, (uint32_t)s.count);
	put_u32(e + ENTRY_HOLES_LEN, (uint32_t)holes_len);
	put_real(e + ENTRY_MIN, s.min);
	put_real(e + ENTRY_MAX, s.max);
	put_real(e + ENTRY_SUM, s.sum);
	return buf_append(&w->directory, e, sizeof e);
}

/* ---- the block ---- */

struct codec_writer *codec_writer_new(void)
{
	struct codec_writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	buf_init(&w->plain, CODEC_BYTES_MAX);
	buf_init(&w->times, CODEC_BYTES_MAX);
	buf_init(&w->directory, CODEC_BYTES_MAX);
	buf_init(&w->parts, CODEC_BYTES_MAX);
	w->zstd = ZSTD_createCCtx();
	if (w->zstd != NULL)
		return w;
	codec_writer_free(w);
	return NULL;
}

void codec_writer_free(struct codec_writer *w)
{
	if (w == NULL)
		return;
	(void)ZSTD_freeCCtx(w->zstd);
	buf_release(&w->plain);
	buf_release(&w->times);
	buf_release(&w->directory);
	buf_release(&w->parts);
	free(w->values);
	free(w->whole);
	free(w);
}

static int reserve(struct codec_writer *w, size_t n_rows)
{
	if (n_rows <= w->cap)
		return 0;
	free(w->values);
	free(w->whole);
	w->values = malloc(n_rows * sizeof *w->values);
	w->whole = malloc(n_rows * sizeof *w->whole);
	w->cap = w->values != NULL && w->whole != NULL ? n_rows : 0;
	return w->cap != 0 ? 0 : -ENOMEM;
}

static int write_fail(const struct codec_writer *w, int r, struct tesla_error *err)
{
	return tesla_fail(err, r, "block of %zu rows and %zu columns: %s", w->n_rows, w->n_columns,
			  r == -EMSGSIZE ? "too long" : "no memory");
}

int codec_begin(struct codec_writer *w, const int64_t *times, size_t n_rows, size_t n_columns,
		struct tesla_error *err)
{
	int r = reserve(w, n_rows);

	assert(n_rows > 0 && n_rows <= CODEC_ROWS_MAX && n_columns <= CODEC_COLUMNS_MAX);
	w->n_rows = n_rows;
	w->n_columns = n_columns;
	w->n_added = 0;
	w->first_ms = times[0];
	w->last_ms = times[n_rows - 1];
	buf_clear(&w->times);
	buf_clear(&w->directory);
	buf_clear(&w->parts);
	for (size_t i = 0; i < n_rows && r == 0; i++) {
		assert(times[i] >= -CODEC_TIME_MAX && times[i] <= CODEC_TIME_MAX);
		assert(i == 0 || times[i] > times[i - 1]);
		w->whole[i] = times[i];
	}
	if (r == 0)
		r = put_whole(w->whole, n_rows, &w->times);
	return r == 0 ? 0 : write_fail(w, r, err);
}

int codec_add(struct codec_writer *w, const double *column, struct tesla_error *err)
{
	int r;

	assert(w->n_added < w->n_columns);
	w->n_added++;
	r = column != NULL ? put_column(w, column) : put_short_entry(w, KIND_NONE, NAN);
	return r == 0 ? 0 : write_fail(w, r, err);
}

size_t codec_bytes(const struct codec_writer *w)
{
	return HEADER_BYTES + w->directory.pub.len + w->times.pub.len + w->parts.pub.len + RICE_PAD;
}

static void put_header(const struct codec_writer *w, uint8_t *at, size_t len)
{
	memset(at, 0, HEADER_BYTES);
	put_u32(at + HEADER_MAGIC, CODEC_MAGIC);
	put_u32(at + HEADER_LEN, (uint32_t)len);
	put_u16(at + HEADER_VERSION, CODEC_VERSION);
	put_u32(at + HEADER_ROWS, (uint32_t)w->n_rows);
	put_u32(at + HEADER_COLUMNS, (uint32_t)w->n_columns);
	put_u64(at + HEADER_FIRST, (uint64_t)w->first_ms);
	put_u64(at + HEADER_LAST, (uint64_t)w->last_ms);
	put_u32(at + HEADER_TIMES_LEN, (uint32_t)w->times.pub.len);
	put_u32(at + HEADER_DIRECTORY_LEN, (uint32_t)w->directory.pub.len);
}

/* Header, directory, times, columns. */
int codec_end(struct codec_writer *w, struct buf *out, struct tesla_error *err)
{
	const struct buf *const bufs[] = { &w->directory, &w->times, &w->parts };
	size_t len = codec_bytes(w), to = HEADER_BYTES;
	bool failed_before = out->failed;
	uint8_t *at = buf_reserve(out, len);

	assert(w->n_added == w->n_columns);
	if (at == NULL) {
		out->failed = failed_before;
		return write_fail(w, len > out->max - out->pub.len ? -EMSGSIZE : -ENOMEM, err);
	}
	put_header(w, at, len);
	for (size_t i = 0; i < N_ELEMENTS(bufs); to += bufs[i]->pub.len, i++)
		if (bufs[i]->pub.len > 0)
			memcpy(at + to, bufs[i]->pub.bytes, bufs[i]->pub.len);
	memset(at + to, 0, RICE_PAD);
	put_u32(at + HEADER_CRC, crc32c(0, at + HEADER_LEN, len - HEADER_LEN));
	buf_advance(out, len);
	return 0;
}

int codec_encode(const struct codec_rows *rows, struct buf *out, struct tesla_error *err)
{
	struct codec_writer *w = codec_writer_new();
	int r;

	if (w == NULL)
		return tesla_fail(err, -ENOMEM, "block of %zu rows: no memory", rows->n_rows);
	r = codec_begin(w, rows->times, rows->n_rows, rows->n_columns, err);
	for (size_t i = 0; i < rows->n_columns && r == 0; i++)
		r = codec_add(w, rows->columns[i], err);
	if (r == 0)
		r = codec_end(w, out, err);
	codec_writer_free(w);
	return r;
}
