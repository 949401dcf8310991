/* SPDX-License-Identifier: Apache-2.0 */
/* Registers as numbers, and how likely a number is what a meter measures. */
#include "teslactl/number.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

/* ---- registers ---- */

enum form { WHOLE, SIGNED, FLOATING, PACKED };

static const enum form forms[] = {
	[TESLA_INT16] = SIGNED,	    [TESLA_UINT16] = WHOLE,	[TESLA_INT32] = SIGNED,
	[TESLA_UINT32] = WHOLE,	    [TESLA_INT64] = SIGNED,	[TESLA_UINT64] = WHOLE,
	[TESLA_FLOAT32] = FLOATING, [TESLA_FLOAT64] = FLOATING, [TESLA_BCD16] = PACKED,
	[TESLA_BCD32] = PACKED,	    [TESLA_BCD64] = PACKED,	[TESLA_DECIMAL] = WHOLE,
};

static uint64_t bits_of(const struct tesla_register *r, const uint8_t *bytes)
{
	uint64_t bits = 0;
	unsigned high = r->bytes_swapped ? 1 : 0;

	for (unsigned i = 0; i < r->count; i++) {
		unsigned at = 2 * (r->order == TESLA_LITTLE ? r->count - 1u - i : i);

		bits = bits << 16 | (uint64_t)bytes[at + high] << 8 | bytes[at + 1 - high];
	}
	return bits;
}

static double float_of(uint64_t bits, unsigned width)
{
	uint32_t narrow = (uint32_t)bits;
	float f;
	double d;

	if (width == 64) {
		memcpy(&d, &bits, sizeof d);
		return d;
	}
	memcpy(&f, &narrow, sizeof f);
	return f;
}

static double packed_of(uint64_t bits)
{
	double n = 0;

	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned digit = (unsigned)(bits >> shift) & 15;

		if (digit > 9)
			return NAN;
		n = 10 * n + digit;
	}
	return n;
}

static double raw_of(enum form form, uint64_t bits, unsigned width)
{
	switch (form) {
	case FLOATING:
		return float_of(bits, width);
	case PACKED:
		return packed_of(bits);
	case SIGNED:
		if (width < 64 && bits >> (width - 1) != 0)
			bits |= UINT64_MAX << width;
		return (double)(int64_t)bits;
	case WHOLE:
		break;
	}
	return (double)bits;
}

double number_of(const struct tesla_register *r, const uint8_t *bytes, int exponent)
{
	unsigned width = 16u * r->count;
	uint64_t bits = bits_of(r, bytes);
	double raw;

	if (r->has_sentinel &&
	    bits == (r->sentinel & (width < 64 ? ~(UINT64_MAX << width) : UINT64_MAX)))
		return NAN;
	if (r->mask != 0)
		raw = (double)((bits & r->mask) / (r->mask & -r->mask));
	else
		raw = raw_of(forms[r->type], bits, width);
	if (!isfinite(raw) || (r->has_max && fabs(raw) > r->max))
		return NAN;
	return raw * pow(10, exponent) * r->scale + r->offset;
}

/* ---- what is likely ---- */

struct range {
	const char *unit;
	double lo, hi, weight;
	const char *name;
};

/* The first that fits counts.  Beyond all of a unit, it cannot be. */
static const struct range ranges[] = {
	{ "Hz", 49.7, 50.3, 1, "frequency" },
	{ "Hz", 59.7, 60.3, 1, "frequency" },
	{ "Hz", 45, 65, 0.6, "frequency" },
	{ "V", 215, 245, 0.95, "voltage" },
	{ "V", 110, 130, 0.9, "voltage" },
	{ "V", 380, 425, 0.95, "voltage between phases" },
	{ "V", 195, 260, 0.7, "voltage" },
	{ "V", 90, 140, 0.6, "voltage" },
	{ "V", 340, 500, 0.6, "voltage between phases" },
	{ "V", 550, 760, 0.5, "voltage" },
	{ "V", 2500, 40000, 0.3, "medium voltage" },
	{ "V", 0, 0, 0.2, "voltage" }, /* a phase that is not connected */
};

double plausible(const char *unit, double value)
{
	double best = -1;

	for (size_t i = 0; unit != NULL && i < N_ELEMENTS(ranges); i++) {
		const struct range *r = &ranges[i];

		if (strcmp(unit, r->unit) != 0)
			continue;
		if (value >= r->lo && value <= r->hi)
			return r->weight;
		best = 0;
	}
	return best;
}

double plausible_any(double value, const char **what)
{
	*what = "";
	for (size_t i = 0; i < N_ELEMENTS(ranges); i++) {
		if (ranges[i].hi > 0 && value >= ranges[i].lo && value <= ranges[i].hi) {
			*what = ranges[i].name;
			return ranges[i].weight;
		}
	}
	return 0;
}
