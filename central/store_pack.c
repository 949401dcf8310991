/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row as bytes: few for the numbers that meters have, and each is found without those before it
 * being read.  What comes out is what went in, to the bit.
 */
#include <math.h>

#include "base/crc.h"
#include "central/bytes.h"
#include "central/store_internal.h"

#define ROW_COLUMNS 4 /* offset of how many there are, 16 bits, behind the checksum */
#define DECIMALS_MAX 6u

enum form { /* of a number: half a byte */
	    FORM_NONE,
	    FORM_ZERO,
	    FORM_U8,
	    FORM_U16,
	    FORM_I32,
	    FORM_I16_1, /* a 16-bit number, divided by ten */
	    FORM_I32_1,
	    FORM_I16_2,
	    FORM_I32_2,
	    FORM_I16_3,
	    FORM_I32_3,
	    FORM_I32_4,
	    FORM_I32_5,
	    FORM_I32_6,
	    FORM_UNUSED,
	    FORM_REAL
};
static const struct form_of {
	uint8_t bytes;
	double divisor;
} forms[16] = {
	[FORM_U8] = { 1, 1 },	   [FORM_U16] = { 2, 1 },     [FORM_I32] = { 4, 1 },
	[FORM_I16_1] = { 2, 1e1 }, [FORM_I32_1] = { 4, 1e1 }, [FORM_I16_2] = { 2, 1e2 },
	[FORM_I32_2] = { 4, 1e2 }, [FORM_I16_3] = { 2, 1e3 }, [FORM_I32_3] = { 4, 1e3 },
	[FORM_I32_4] = { 4, 1e4 }, [FORM_I32_5] = { 4, 1e5 }, [FORM_I32_6] = { 4, 1e6 },
	[FORM_REAL] = { 8, 1 },
};
static const struct {
	double ten;
	uint8_t i16, i32; /* the form; FORM_NONE: there is none */
} decimals[DECIMALS_MAX + 1] = {
	{ 1e0, FORM_NONE, FORM_I32 },	 { 1e1, FORM_I16_1, FORM_I32_1 },
	{ 1e2, FORM_I16_2, FORM_I32_2 }, { 1e3, FORM_I16_3, FORM_I32_3 },
	{ 1e4, FORM_NONE, FORM_I32_4 },	 { 1e5, FORM_NONE, FORM_I32_5 },
	{ 1e6, FORM_NONE, FORM_I32_6 },
};

static size_t head_bytes(size_t n_columns)
{
	return ROW_COLUMNS + 2 + (n_columns + 1) / 2;
}

/* ---- packing ---- */

static enum form whole_form(int32_t v, unsigned d)
{
	if (d == 0 && v >= 0 && v <= UINT16_MAX)
		return v <= UINT8_MAX ? FORM_U8 : FORM_U16;
	return decimals[d].i16 != FORM_NONE && v >= INT16_MIN && v <= INT16_MAX
		       ? (enum form)decimals[d].i16
		       : (enum form)decimals[d].i32;
}

/* Whether v is a whole number of 32 bits with d decimals, to the bit. */
static bool is_whole(double v, unsigned d, int32_t *ret)
{
	double w = v * decimals[d].ten, near = w + 0x1.8p52 - 0x1.8p52, back;

	if (!(fabs(w) < 0x1p31 - 1))
		return false;
	back = d == 0 ? near : near / decimals[d].ten;
	*ret = (int32_t)near;
	return memcmp(&back, &v, sizeof v) == 0;
}

/* *d: decimals that the last one had, which are tried first. */
static enum form form_of(double v, unsigned *d, int32_t *whole)
{
	if (isnan(v))
		return FORM_NONE;
	if (is_whole(v, 0, whole))
		return *whole == 0 ? FORM_ZERO : whole_form(*whole, 0);
	if (is_whole(v, *d, whole))
		return whole_form(*whole, *d);
	for (unsigned k = 1; k <= DECIMALS_MAX; k++) {
		if (is_whole(v, k, whole)) {
			*d = k;
			return whole_form(*whole, k);
		}
	}
	return FORM_REAL;
}

static uint8_t *put_number(uint8_t *at, enum form form, double v, int32_t whole)
{
	switch (forms[form].bytes) {
	case 1:
		*at = (uint8_t)whole;
		break;
	case 2:
		put_u16(at, (uint16_t)whole);
		break;
	case 4:
		put_u32(at, (uint32_t)whole);
		break;
	case 8:
		put_real(at, v);
		break;
	default:
		break;
	}
	return at + forms[form].bytes;
}

static uint32_t row_crc(const uint8_t *key, const uint8_t *row, size_t len)
{
	return crc32c(crc32c(0, key, KEY_BYTES), row + ROW_COLUMNS, len - ROW_COLUMNS);
}

size_t row_pack(const struct set *set, const double *numbers, const struct key *key, uint8_t *out)
{
	uint8_t *tags = out + ROW_COLUMNS + 2, *at = out + head_bytes(set->n_columns);
	unsigned d = 1;

	put_u16(out + ROW_COLUMNS, (uint16_t)set->n_columns);
	memset(tags, 0, (size_t)(at - tags));
	for (size_t i = 0; i < set->n_columns; i++) {
		int32_t whole = 0;
		enum form form = form_of(numbers[i], &d, &whole);

		tags[i / 2] |= (uint8_t)(form << (i % 2 * 4));
		at = put_number(at, form, numbers[i], whole);
	}
	put_u32(out, row_crc(key->bytes, out, (size_t)(at - out)));
	return (size_t)(at - out);
}

/* ---- reading ---- */

/* Of the first n numbers.  Two forms at once: this is what looking for a number takes. */
static size_t bytes_of(const uint8_t *tags, size_t n)
{
#define OF(high, low) (high) + (low)
#define ROW(high) \
	OF(high, 0), OF(high, 0), OF(high, 1), OF(high, 2), OF(high, 4), OF(high, 2), OF(high, 4), \
		OF(high, 2), OF(high, 4), OF(high, 2), OF(high, 4), OF(high, 4), OF(high, 4), \
		OF(high, 4), OF(high, 0), OF(high, 8)
	static const uint8_t pairs[256] = { ROW(0), ROW(0), ROW(1), ROW(2), ROW(4), ROW(2),
					    ROW(4), ROW(2), ROW(4), ROW(2), ROW(4), ROW(4),
					    ROW(4), ROW(4), ROW(0), ROW(8) };
#undef ROW
#undef OF
	size_t sum = 0;

	for (size_t i = 0; i < n / 2; i++)
		sum += pairs[tags[i]];
	return n % 2 == 0 ? sum : sum + pairs[tags[n / 2] & 15];
}

bool row_is_good(const struct set *set, MDB_val key, MDB_val value)
{
	const uint8_t *at = value.mv_data;
	size_t head = head_bytes(set->n_columns);

	return value.mv_size >= head && key.mv_size == KEY_BYTES &&
	       get_u32(at) == row_crc(key.mv_data, at, value.mv_size) &&
	       get_u16(at + ROW_COLUMNS) == (uint16_t)set->n_columns &&
	       value.mv_size == head + bytes_of(at + ROW_COLUMNS + 2, set->n_columns);
}

static double get_number(const uint8_t *at, enum form form)
{
	switch (form) {
	case FORM_NONE:
	case FORM_UNUSED:
		return NAN;
	case FORM_ZERO:
		return 0;
	case FORM_U8:
		return *at;
	case FORM_U16:
		return get_u16(at);
	case FORM_REAL:
		return get_real(at);
	default:
		return (forms[form].bytes == 2 ? (double)(int16_t)get_u16(at)
					       : (double)(int32_t)get_u32(at)) /
		       forms[form].divisor;
	}
}

void row_numbers(MDB_val value, size_t from, size_t n, double *numbers, size_t step)
{
	const uint8_t *row = value.mv_data, *tags = row + ROW_COLUMNS + 2;
	const uint8_t *at = row + head_bytes(get_u16(row + ROW_COLUMNS)) + bytes_of(tags, from);

	for (size_t i = from; i < from + n; i++, numbers += step) {
		enum form form = (enum form)(tags[i / 2] >> (i % 2 * 4) & 15);

		*numbers = get_number(at, form);
		at += forms[form].bytes;
	}
}

double row_number(MDB_val value, size_t column)
{
	double v;

	row_numbers(value, column, 1, &v, 1);
	return v;
}
