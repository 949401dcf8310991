/* SPDX-License-Identifier: Apache-2.0 */
/* From a value in engineering units to registers. */
#include "sim/encode.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

enum form { WHOLE, FLOATING, PACKED }; /* PACKED: a decimal digit in four bits */

/* hi: the largest double below 2^63, 2^64 or 10^16, as those themselves do not fit. */
static const struct raw_type {
	size_t words;
	double lo, hi;
	bool is_signed;
	enum form form;
} types[] = {
	[TESLA_INT16] = { 1, INT16_MIN, INT16_MAX, true, WHOLE },
	[TESLA_UINT16] = { 1, 0, UINT16_MAX, false, WHOLE },
	[TESLA_INT32] = { 2, INT32_MIN, INT32_MAX, true, WHOLE },
	[TESLA_UINT32] = { 2, 0, UINT32_MAX, false, WHOLE },
	[TESLA_INT64] = { 4, -0x1p63, 0x1.fffffffffffffp62, true, WHOLE },
	[TESLA_UINT64] = { 4, 0, 0x1.fffffffffffffp63, false, WHOLE },
	[TESLA_FLOAT32] = { 2, -FLT_MAX, FLT_MAX, true, FLOATING },
	[TESLA_FLOAT64] = { 4, -DBL_MAX, DBL_MAX, true, FLOATING },
	[TESLA_BCD16] = { 1, 0, 9999, false, PACKED },
	[TESLA_BCD32] = { 2, 0, 99999999, false, PACKED },
	[TESLA_BCD64] = { 4, 0, 9999999999999998, false, PACKED },
	[TESLA_DECIMAL] = { 0, 0, 0, true, WHOLE }, /* of a command: no registers */
};

size_t encode_words(enum tesla_raw type)
{
	return types[type].words;
}

static double raw_to_value(const struct tesla_register *r, int exponent, double raw)
{
	return raw * pow(10, exponent) * r->scale + r->offset;
}

static void raw_limits(const struct tesla_register *r, double *lo, double *hi)
{
	const struct raw_type *t = &types[r->type];

	*lo = t->lo;
	*hi = r->mask ? (double)(r->mask / (r->mask & -r->mask)) : t->hi;
	if (r->type == TESLA_DECIMAL) { /* the sign takes a digit */
		*lo = 1 - pow(10, r->digits - 1);
		*hi = pow(10, r->digits) - 1;
	}
	if (r->has_max) {
		*lo = fmax(*lo, -r->max);
		*hi = fmin(*hi, r->max);
	}
}

void encode_limits(const struct tesla_register *r, int exponent, double *lo, double *hi)
{
	double a, b;

	raw_limits(r, &a, &b);
	a = raw_to_value(r, exponent, a);
	b = raw_to_value(r, exponent, b);
	*lo = fmin(a, b);
	*hi = fmax(a, b);
}

static uint64_t raw_mask(size_t words)
{
	return words == ENCODE_WORDS ? UINT64_MAX : (UINT64_C(1) << 16 * words) - 1;
}

static uint64_t float_bits(size_t words, double raw)
{
	uint64_t bits = 0;

	if (words == ENCODE_WORDS) {
		memcpy(&bits, &raw, sizeof raw);
	} else {
		float narrow = (float)raw;
		uint32_t low;

		memcpy(&low, &narrow, sizeof low);
		bits = low;
	}
	return bits;
}

static uint64_t packed_bits(double raw)
{
	uint64_t rest = (uint64_t)raw, bits = 0;

	for (int shift = 0; rest > 0; shift += 4, rest /= 10)
		bits |= rest % 10 << shift;
	return bits;
}

/* A number is never written as the bits that mean "not available": it moves by one towards 0. */
static uint64_t whole_bits(const struct tesla_register *r, const struct raw_type *t, double raw)
{
	uint64_t bits = t->is_signed ? (uint64_t)(int64_t)raw : (uint64_t)raw;

	bits &= raw_mask(t->words);
	if (r->has_sentinel && bits == (r->sentinel & raw_mask(t->words)))
		bits = raw > 0 ? bits - 1 : bits + 1;
	return bits & raw_mask(t->words);
}

static uint16_t swapped(const struct tesla_register *r, uint16_t word)
{
	return r->bytes_swapped ? (uint16_t)(word << 8 | word >> 8) : word;
}

/* The word with the lowest bits but 16 * i. */
static size_t word_at(const struct tesla_register *r, size_t n, size_t i)
{
	return r->order == TESLA_LITTLE ? i : n - 1 - i;
}

static void bits_to_words(const struct tesla_register *r, uint64_t bits, uint16_t *words)
{
	size_t n = types[r->type].words;

	for (size_t i = 0; i < n; i++)
		words[word_at(r, n, i)] = swapped(r, (uint16_t)(bits >> 16 * i));
}

static uint64_t words_to_bits(const struct tesla_register *r, const uint16_t *words)
{
	size_t n = types[r->type].words;
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= (uint64_t)swapped(r, words[word_at(r, n, i)]) << 16 * i;
	return bits;
}

static int encode_absent(const struct tesla_register *r, const struct raw_type *t, uint16_t *words)
{
	if (r->type == TESLA_DECIMAL)
		return 0; /* blanks */
	if (r->has_sentinel)
		bits_to_words(r, r->sentinel, words);
	else if (t->form == FLOATING)
		bits_to_words(r, float_bits(t->words, NAN), words);
	else if (t->form == PACKED) /* no digit */
		bits_to_words(r, UINT64_MAX, words);
	else
		return -EDOM;
	return 0;
}

static uint64_t raw_to_bits(const struct tesla_register *r, const struct raw_type *t, double raw)
{
	switch (t->form) {
	case FLOATING:
		return float_bits(t->words, raw);
	case PACKED:
		return packed_bits(raw);
	case WHOLE:
		break;
	}
	return whole_bits(r, t, raw);
}

int encode(const struct tesla_register *r, int exponent, double value, uint16_t words[ENCODE_WORDS])
{
	const struct raw_type *t = &types[r->type];
	double lo, hi, raw;
	uint64_t bits;

	if (isnan(value))
		return encode_absent(r, t, words);
	raw_limits(r, &lo, &hi);
	/* Division by a power, not multiplication by its inverse: 0.1 has no exact inverse. */
	raw = (value - r->offset) / r->scale / pow(10, exponent);
	if (t->form != FLOATING)
		raw = nearbyint(raw);
	if (!(raw >= lo && raw <= hi))
		return -ERANGE;
	if (r->mask != 0)
		bits = (words_to_bits(r, words) & ~r->mask) | (uint64_t)raw * (r->mask & -r->mask);
	else
		bits = raw_to_bits(r, t, raw);
	bits_to_words(r, bits, words);
	return 0;
}

void encode_text(const struct tesla_register *r, double value, char *out)
{
	double raw = nearbyint((value - r->offset) / r->scale), lo, hi;
	char text[32];

	raw_limits(r, &lo, &hi);
	if (isnan(value) || !(raw >= lo && raw <= hi)) {
		memset(out, isnan(value) ? ' ' : '*', r->digits);
		return;
	}
	(void)snprintf(text, sizeof text, "%0*.0f", (int)r->digits, raw == 0 ? 0 : raw);
	memcpy(out, text, r->digits);
}
