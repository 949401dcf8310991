/* SPDX-License-Identifier: Apache-2.0 */
/* Reading blocks.  They are foreign: a disk had them. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "central/codec_internal.h"

static int bad(struct tesla_error *err, const char *what)
{
	return tesla_fail(err, -EBADMSG, "block: %s", what);
}

/* ---- its parts ---- */

static bool entry_is_sane(const uint8_t *e, size_t n_rows)
{
	size_t count = get_u32(e + ENTRY_COUNT), len = get_u32(e + ENTRY_LEN),
	       holes = get_u32(e + ENTRY_HOLES_LEN);

	if (e[ENTRY_KIND] >= N_KINDS || e[ENTRY_DECIMALS] > DECIMALS_MAX || e[ENTRY_PACKED] > 1)
		return false;
	if (count == 0 || count > n_rows || e[ENTRY_HOLES] != (count != n_rows) || holes > len)
		return false;
	return (holes != 0) == e[ENTRY_HOLES] && (e[ENTRY_KIND] == KIND_SAME) == (len == holes);
}

static size_t part_bytes(const uint8_t *e)
{
	return e[ENTRY_KIND] <= KIND_ALL_SAME ? 0 : get_u32(e + ENTRY_LEN);
}

static int check_parts(const struct codec_block *b, struct tesla_error *err)
{
	const uint8_t *e = b->bytes + HEADER_BYTES;
	size_t left = get_u32(b->bytes + HEADER_DIRECTORY_LEN);
	uint64_t sum = HEADER_BYTES + RICE_PAD + (uint64_t)left;

	if (sum > b->len)
		return bad(err, "shorter than its directory");
	sum += get_u32(b->bytes + HEADER_TIMES_LEN);
	for (size_t i = 0; i < b->n_columns; i++) {
		size_t n = left > 0 ? entry_bytes(e[ENTRY_KIND]) : 1;

		if (n > left)
			return bad(err, "its directory is too short");
		if (n == ENTRY_BYTES && !entry_is_sane(e, b->n_rows))
			return tesla_fail(err, -EBADMSG, "block: the entry of column %zu is wrong",
					  i + 1);
		sum += part_bytes(e);
		e += n;
		left -= n;
	}
	return sum == b->len && left == 0 ? 0 : bad(err, "its parts are not as long as it is");
}

/* The columns follow them. */
static const uint8_t *times_of(const struct codec_block *b)
{
	return b->bytes + HEADER_BYTES + get_u32(b->bytes + HEADER_DIRECTORY_LEN);
}

static void read_entry(const uint8_t *e, size_t n_rows, struct codec_entry *ret)
{
	double v = NAN;

	if (e[ENTRY_KIND] == KIND_ALL_SAME)
		v = get_real(e + ENTRY_VALUE);
	*ret = (struct codec_entry){ .kind = (enum kind)e[ENTRY_KIND],
				     .sum = { v, v, v * (double)n_rows, isnan(v) ? 0 : n_rows } };
	if (ret->kind <= KIND_ALL_SAME)
		return;
	ret->decimals = e[ENTRY_DECIMALS];
	ret->packed = e[ENTRY_PACKED] != 0;
	ret->sum.min = get_real(e + ENTRY_MIN);
	ret->sum.max = get_real(e + ENTRY_MAX);
	ret->sum.sum = get_real(e + ENTRY_SUM);
	ret->sum.count = get_u32(e + ENTRY_COUNT);
	ret->holes_len = get_u32(e + ENTRY_HOLES_LEN);
	ret->values_len = get_u32(e + ENTRY_LEN) - ret->holes_len;
}

void codec_entry_of(const struct codec_block *b, size_t column, struct codec_entry *ret)
{
	const uint8_t *e = b->bytes + HEADER_BYTES;
	const uint8_t *part = times_of(b) + get_u32(b->bytes + HEADER_TIMES_LEN);

	for (size_t i = 0; i < column; i++) {
		part += part_bytes(e);
		e += entry_bytes(e[ENTRY_KIND]);
	}
	read_entry(e, b->n_rows, ret);
	ret->holes = part;
	ret->values = part + ret->holes_len;
}

size_t codec_length(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	return len < HEADER_BYTES || get_u32(at + HEADER_MAGIC) != CODEC_MAGIC
		       ? 0
		       : get_u32(at + HEADER_LEN);
}

bool codec_peek(const void *bytes, size_t len, struct codec_block *ret, uint32_t *crc)
{
	const uint8_t *at = bytes;

	if (len < HEADER_BYTES)
		return false;
	*ret = (struct codec_block){ at,
				     len,
				     get_u32(at + HEADER_ROWS),
				     get_u32(at + HEADER_COLUMNS),
				     (int64_t)get_u64(at + HEADER_FIRST),
				     (int64_t)get_u64(at + HEADER_LAST) };
	*crc = get_u32(at + HEADER_CRC);
	return true;
}

static int begins_as_one(const uint8_t *at, size_t len, struct tesla_error *err)
{
	if (len < HEADER_BYTES + RICE_PAD || get_u32(at + HEADER_MAGIC) != CODEC_MAGIC)
		return bad(err, "it does not begin as one");
	if (get_u32(at + HEADER_LEN) != len)
		return tesla_fail(err, -EBADMSG, "block: it is %zu bytes long, and says %u", len,
				  (unsigned)get_u32(at + HEADER_LEN));
	return 0;
}

int codec_look(const void *bytes, size_t len, struct codec_block *ret, struct tesla_error *err)
{
	const uint8_t *at = bytes;
	struct codec_block b = { 0 };
	uint32_t ignored;
	int r = begins_as_one(at, len, err);

	if (r != 0)
		return r;
	(void)codec_peek(bytes, len, &b, &ignored);
	if (get_u16(at + HEADER_VERSION) != CODEC_VERSION)
		return tesla_fail(err, -EBADMSG, "block: version %u: this program reads %u",
				  (unsigned)get_u16(at + HEADER_VERSION), CODEC_VERSION);
	if (b.n_rows == 0 || b.n_rows > CODEC_ROWS_MAX || b.n_columns > CODEC_COLUMNS_MAX)
		return bad(err, "more rows or columns than there may be, or none");
	r = check_parts(&b, err);
	if (r == 0)
		*ret = b;
	return r;
}

int codec_open(const void *bytes, size_t len, struct codec_block *ret, struct tesla_error *err)
{
	const uint8_t *at = bytes;
	int r = begins_as_one(at, len, err);

	if (r != 0)
		return r;
	if (get_u32(at + HEADER_CRC) != crc32c(0, at + HEADER_LEN, len - HEADER_LEN))
		return bad(err, "the checksum is wrong");
	return codec_look(bytes, len, ret, err);
}

uint64_t codec_samples(const struct codec_block *b)
{
	const uint8_t *e = b->bytes + HEADER_BYTES;
	uint64_t n = 0;

	for (size_t i = 0; i < b->n_columns; i++) {
		struct codec_entry entry;

		read_entry(e, b->n_rows, &entry);
		n += entry.sum.count;
		e += entry_bytes(e[ENTRY_KIND]);
	}
	return n;
}

void codec_summary(const struct codec_block *b, size_t column, struct codec_summary *ret)
{
	struct codec_entry e;

	codec_entry_of(b, column, &e);
	*ret = e.sum;
}

/* ---- numbers ---- */

struct span { /* with RICE_PAD behind it */
	const uint8_t *at;
	size_t len;
};

static bool take_varint(struct span *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && s->len > 0; shift += 7) {
		uint8_t byte = *s->at++;

		s->len--;
		v |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Not 0 when one is not -2^50 to 2^50: its highest bit. */
static inline uint64_t beyond(uint64_t v)
{
	const uint64_t limit = (uint64_t)WHOLE_MAX;
	uint64_t up = v + limit;

	return up | (2 * limit - up);
}

VECTORIZED static uint64_t add_first(int64_t *whole, size_t n, uint64_t first)
{
	uint64_t any = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t v = first + (uint64_t)whole[i];

		whole[i] = (int64_t)v;
		any |= beyond(v);
	}
	return any;
}

static uint64_t add_steps(int64_t *whole, size_t n, uint64_t first, uint64_t step)
{
	uint64_t any = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t v = first + step * (uint64_t)whole[i];

		whole[i] = (int64_t)v;
		any |= beyond(v);
	}
	return any;
}

/* -2^50 to 2^50 each, or it is refused: sums may have wrapped. */
static bool take_whole(struct span s, size_t n, int64_t *whole)
{
	uint64_t first, step;

	if (!take_varint(&s, &first) || !take_varint(&s, &step) ||
	    !rice_decode(s.at, s.len, whole, n))
		return false;
	first = unzigzag(first);
	return (step == 1 ? add_first(whole, n, first) : add_steps(whole, n, first, step)) >> 63 ==
	       0;
}

int codec_times(const struct codec_block *b, int64_t *times, struct tesla_error *err)
{
	struct span s = { times_of(b), get_u32(b->bytes + HEADER_TIMES_LEN) };

	if (!take_whole(s, b->n_rows, times))
		return bad(err, "its times cannot be read");
	for (size_t i = 1; i < b->n_rows; i++)
		if (times[i] <= times[i - 1])
			return bad(err, "its times are out of order");
	if (times[0] != b->first_ms || times[b->n_rows - 1] != b->last_ms)
		return bad(err, "its times are not those that it says");
	return 0;
}

/* In place.  Added to 1.5 * 2^52 as bits, a whole number is one as a double. */
VECTORIZED static void divide(double *values, size_t n, double divisor)
{
	const double shift = 0x1.8p52;
	uint64_t shift_bits;

	memcpy(&shift_bits, &shift, sizeof shift_bits);
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;
		double v;

		memcpy(&bits, &values[i], sizeof bits);
		bits += shift_bits;
		memcpy(&v, &bits, sizeof v);
		values[i] = (v - shift) / divisor;
	}
}

static int take_decimals(struct span s, size_t n, unsigned decimals, double *values)
{
	/* The whole numbers first stand where the values will. */
	if (!take_whole(s, n, (int64_t *)(void *)values))
		return -EBADMSG;
	divide(values, n, ten_to(decimals));
	return 0;
}

static int take_reals(struct span s, size_t n, double *values)
{
	uint8_t bytes[8];

	if (s.len != 8 * n)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		for (size_t plane = 0; plane < 8; plane++)
			bytes[plane] = s.at[plane * n + i];
		values[i] = get_real(bytes);
		if (isnan(values[i]))
			return -EBADMSG; /* what is missing is no value */
	}
	return 0;
}

/* *memory is for free(), and what the span then points to. */
static int unpack(struct span *s, size_t count, uint8_t **memory)
{
	size_t max = values_bytes_max(count), got;

	*memory = calloc(1, max + RICE_PAD);
	if (*memory == NULL)
		return -ENOMEM;
	got = ZSTD_decompress(*memory, max, s->at, s->len);
	if (ZSTD_isError(got))
		return -EBADMSG;
	*s = (struct span){ *memory, got };
	return 0;
}

static int take_same(double value, size_t n, double *values)
{
	for (size_t i = 0; i < n; i++)
		values[i] = value;
	return isnan(value) ? -EBADMSG : 0;
}

static int take_values(const struct codec_entry *e, double *values)
{
	_cleanup_free_ uint8_t *memory = NULL;
	struct span s = { e->values, e->values_len };
	size_t n = e->sum.count;
	int r = 0;

	if (e->kind == KIND_NONE)
		return 0;
	if (e->kind == KIND_ALL_SAME || e->kind == KIND_SAME)
		return take_same(e->sum.min, n, values);
	if (e->packed)
		r = unpack(&s, n, &memory);
	if (r != 0)
		return r;
	return e->kind == KIND_WHOLE ? take_decimals(s, n, e->decimals, values)
				     : take_reals(s, n, values);
}

/* The values stand at the end of `values`; they move forward, each to its row. */
static bool spread(struct span holes, size_t n_rows, size_t count, double *values)
{
	size_t row = 0, from = n_rows - count;
	bool there = true;
	uint64_t run;

	for (; row < n_rows; there = !there) {
		if (!take_varint(&holes, &run) || run > (there ? n_rows - from : n_rows - row))
			return false;
		if (!there && row + run > from) /* more rows without a value than there are */
			return false;
		for (uint64_t i = 0; i < run; i++)
			values[row++] = there ? values[from++] : NAN;
	}
	return from == n_rows && holes.len == 0;
}

int codec_column(const struct codec_block *b, size_t column, double *values,
		 struct tesla_error *err)
{
	struct codec_entry e;
	size_t missing;
	int r;

	codec_entry_of(b, column, &e);
	missing = b->n_rows - e.sum.count;
	for (size_t i = 0; i < missing && e.sum.count == 0; i++)
		values[i] = NAN;
	r = take_values(&e, values + missing);
	if (r == 0 && e.holes_len != 0 &&
	    !spread((struct span){ e.holes, e.holes_len }, b->n_rows, e.sum.count, values))
		r = -EBADMSG;
	if (r == 0)
		return 0;
	return tesla_fail(err, r, "block: column %zu %s", column + 1,
			  r == -ENOMEM ? "finds no memory" : "cannot be read");
}

/* ---- all of it ---- */

static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static bool summary_is_true(const struct codec_entry *e, const double *values, size_t n_rows)
{
	const struct codec_summary *s = &e->sum;
	struct codec_summary t = { NAN, NAN, NAN, 0 };

	for (size_t i = 0; i < n_rows; i++) {
		double v = values[i];

		if (isnan(v))
			continue;
		t.min = t.count == 0 || v < t.min ? v : t.min;
		t.max = t.count == 0 || v > t.max ? v : t.max;
		t.sum = t.count == 0 ? v : t.sum + v;
		t.count++;
	}
	if (e->kind == KIND_ALL_SAME) /* a product, not a sum */
		t.sum = s->sum;
	return same(s->min, t.min) && same(s->max, t.max) && same(s->sum, t.sum) &&
	       s->count == t.count;
}

int codec_check(const struct codec_block *b, struct tesla_error *err)
{
	_cleanup_free_ double *values = malloc(b->n_rows * sizeof *values);
	_cleanup_free_ int64_t *times = malloc(b->n_rows * sizeof *times);
	struct codec_entry e;
	int r;

	if (values == NULL || times == NULL)
		return tesla_fail(err, -ENOMEM, "block: no memory");
	r = codec_times(b, times, err);
	for (size_t i = 0; i < b->n_columns && r == 0; i++) {
		r = codec_column(b, i, values, err);
		codec_entry_of(b, i, &e);
		if (r == 0 && !summary_is_true(&e, values, b->n_rows))
			r = tesla_fail(err, -EBADMSG, "block: the summary of column %zu is wrong",
				       i + 1);
	}
	return r;
}
