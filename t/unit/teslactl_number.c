/* SPDX-License-Identifier: Apache-2.0 */
/* Registers as numbers, by hand; what is likely; the lists of a scan. */
#include "teslactl/number.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/scan.h"

#define SWAPPED 2

static const struct number_case {
	enum tesla_raw type;
	int order; /* enum tesla_word_order, and SWAPPED */
	const char *bytes;
	double value;
} numbers[] = {
	{ TESLA_UINT16, TESLA_BIG, "\x80\x01", 32769 },
	{ TESLA_INT16, TESLA_BIG, "\x80\x01", -32767 },
	{ TESLA_INT16, SWAPPED, "\x01\x80", -32767 },
	{ TESLA_UINT32, TESLA_BIG, "\x00\x01\x00\x02", 65538 },
	{ TESLA_UINT32, TESLA_LITTLE, "\x00\x02\x00\x01", 65538 },
	{ TESLA_UINT32, TESLA_LITTLE | SWAPPED, "\x02\x00\x01\x00", 65538 },
	{ TESLA_INT32, TESLA_BIG, "\xff\xff\xff\xfe", -2 },
	{ TESLA_INT64, TESLA_BIG, "\xff\xff\xff\xff\xff\xff\xff\xfd", -3 },
	{ TESLA_UINT64, TESLA_LITTLE, "\x00\x04\x00\x00\x00\x00\x00\x00", 4 },
	{ TESLA_FLOAT32, TESLA_BIG, "\x43\x67\x40\x00", 231.25 },
	{ TESLA_FLOAT32, TESLA_LITTLE, "\x40\x00\x43\x67", 231.25 },
	{ TESLA_FLOAT32, TESLA_BIG, "\x7f\xc0\x00\x00", NAN },
	{ TESLA_FLOAT64, TESLA_BIG, "\x40\x49\x00\x00\x00\x00\x00\x00", 50 },
	{ TESLA_BCD16, TESLA_BIG, "\x12\x34", 1234 },
	{ TESLA_BCD16, TESLA_BIG, "\x12\x3a", NAN },
	{ TESLA_BCD32, TESLA_LITTLE, "\x56\x78\x12\x34", 12345678 },
};

Test(teslactl_number, every_type_in_every_order)
{
	for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
		const struct number_case *c = &numbers[i];
		struct tesla_register r = { .type = c->type,
					    .count = model_registers(c->type),
					    .order = c->order & TESLA_LITTLE ? TESLA_LITTLE
									     : TESLA_BIG,
					    .bytes_swapped = (c->order & SWAPPED) != 0,
					    .scale = 1 };
		uint8_t bytes[8]; /* exactly, so that a sanitizer sees what is read beyond */

		memcpy(bytes, c->bytes, 2u * r.count);
		double v = number_of(&r, bytes, 0);

		cr_expect(isnan(c->value) ? isnan(v) : v == c->value, "%zu: %g", i, v);
	}
}

Test(teslactl_number, scale_offset_sentinel_bits_and_bounds)
{
	struct tesla_register r = { .type = TESLA_INT16, .count = 1, .scale = 0.5, .offset = 3 };

	cr_expect_float_eq(number_of(&r, (const uint8_t *)"\x00\x14", 1), 103, 1e-9);
	r.has_sentinel = true;
	r.sentinel = 0xffffffff8000;
	cr_expect(isnan(number_of(&r, (const uint8_t *)"\x80\x00", 0)));
	r.has_max = true;
	r.max = 100;
	cr_expect(isnan(number_of(&r, (const uint8_t *)"\x00\x65", 0)));
	cr_expect_float_eq(number_of(&r, (const uint8_t *)"\xff\x9c", 0), -47, 1e-9);
	r = (struct tesla_register){ .type = TESLA_UINT16, .count = 1, .scale = 1, .mask = 0xf0 };
	cr_expect_eq(number_of(&r, (const uint8_t *)"\x12\x34", 0), 3);
}

Test(teslactl_number, what_is_likely)
{
	const char *what;

	cr_expect(plausible("V", 230) > plausible("V", 200));
	cr_expect_eq(plausible("V", 17), 0);
	cr_expect(plausible("V", 0) > 0 && plausible("V", 0) < 0.25, "a phase that is not used");
	cr_expect_eq(plausible("Hz", 0), 0);
	cr_expect(plausible("A", 5) < 0);
	cr_expect_eq(plausible("V", NAN), 0);
	cr_expect(plausible_any(49.98, &what) > 0.9);
	cr_expect_str_eq(what, "frequency");
	cr_expect_eq(plausible_any(0, &what), 0);
	cr_expect_str_eq(what, "");
}

static bool lists(struct scan *s, const char *addresses, const char *baud, const char *parity)
{
	struct ctl ctl = { .addresses = addresses, .baud = baud, .parity = parity };
	struct tesla_error err;

	*s = (struct scan){ .ctl = &ctl };
	return scan_lists(s, &err);
}

Test(teslactl_number, the_lists_of_a_scan)
{
	static const char *const bad[] = { "", "1,", "1-", "-1", "256", "5-3", "x", "1-2-3", " 1" };
	struct scan s;

	cr_assert(lists(&s, NULL, NULL, NULL));
	cr_expect(!s.wanted[0] && s.wanted[1] && s.wanted[247] && !s.wanted[248]);
	cr_expect_eq(s.n_bauds, 2);
	cr_expect_eq(s.n_parities, 2);
	cr_assert(lists(&s, "0,7-9", "115200", "odd,E"));
	cr_expect(s.wanted[0] && !s.wanted[1] && s.wanted[7] && s.wanted[9] && !s.wanted[10]);
	cr_expect_eq(s.bauds[0], 115200);
	cr_expect_str_eq(s.parities[0], "O");
	cr_expect_str_eq(s.parities[1], "E");
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		cr_expect(!lists(&s, bad[i], NULL, NULL), "%s", bad[i]);
	cr_expect(!lists(&s, NULL, "9600-19200", NULL));
	cr_expect(!lists(&s, NULL, "300,1,2,3,4,5,6,7,8", NULL));
	cr_expect(!lists(&s, NULL, NULL, "none,even,odd,none"));
}
