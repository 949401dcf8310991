/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as bytes: what comes out is what went in, to the bit, wherever one begins to read. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/store_internal.h"

static const double numbers[] = {
	0,	   -0.0,	1,	     255,	 256,		65535,	    65536,
	-1,	   -32768,	2147483646,  2147483647, -2147483648.0, 4294967295, 230.1,
	-0.1,	   3276.7,	3276.8,	     -3276.8,	 -3276.9,	0.01,	    327.67,
	327.68,	   1.234,	32.767,	     32.768,	 1.2345,	1.23456,    230.10625,
	12.345625, 1e-6,	1e-7,	     0.1 + 0.2,	 1e300,		5e-324,	    INFINITY,
	-INFINITY, 214748.3647, 214748.3648, 29836850.0, 1e15,		NAN,	    2.5
};

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

Test(store_rows, to_the_bit)
{
	struct set set = { .id = 7, .n_columns = N_ELEMENTS(numbers) };
	uint8_t bytes[8 + N_ELEMENTS(numbers) * 9];
	double got[N_ELEMENTS(numbers)];
	struct key key = key_of(7, 1234567);

	for (; set.n_columns > 0; set.n_columns--) { /* even and odd ones */
		size_t len = row_pack(&set, numbers, &key, bytes);
		MDB_val row = { len, bytes };

		cr_assert(len <= row_bytes_max(&set) && row_is_good(&set, key_val(&key), row));
		row_numbers(row, 0, set.n_columns, got, 1);
		for (size_t i = 0; i < set.n_columns; i++) {
			cr_expect(same_bits(got[i], numbers[i]), "%.17g: %.17g", numbers[i],
				  got[i]);
			cr_expect(same_bits(row_number(row, i), numbers[i]));
		}
	}
}

Test(store_rows, short_where_they_can_be)
{
	struct set set = { .id = 7, .n_columns = 7 };
	struct key key = key_of(7, 1);
	uint8_t bytes[100];
	/* window, value, min, max, covered, count, quality: 2 + 3 * 2 + 2 + 1 + 0 */
	static const double gauge[] = { 60000, 230.1, 229.8, 231.2, 60000, 60, 0 };

	cr_expect(row_pack(&set, gauge, &key, bytes) == 6 + 4 + 11);
}

/* Each bit that flips is seen, in the row and in its key, and so is each byte that is missing. */
Test(store_rows, damage_is_seen)
{
	struct set set = { .id = 7, .n_columns = N_ELEMENTS(numbers) };
	uint8_t bytes[8 + N_ELEMENTS(numbers) * 9];
	struct key key = key_of(7, 1234567);
	size_t len = row_pack(&set, numbers, &key, bytes);

	for (size_t i = 0; i < 8 * (len + KEY_BYTES); i++) {
		uint8_t *at = i / 8 < len ? &bytes[i / 8] : &key.bytes[i / 8 - len];

		*at ^= (uint8_t)(1 << i % 8);
		cr_expect(!row_is_good(&set, key_val(&key), (MDB_val){ len, bytes }));
		*at ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < len; n++)
		cr_expect(!row_is_good(&set, key_val(&key), (MDB_val){ n, bytes }));
	cr_expect(row_is_good(&set, key_val(&key), (MDB_val){ len, bytes }));
}
