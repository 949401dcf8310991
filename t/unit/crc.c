/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C: the check vector, others' vectors, and that parts make the whole. */
#include "base/crc.h"

#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

Test(crc, vectors)
{
	static const struct {
		const char *what;
		uint8_t fill;
		uint32_t crc;
	} rows[] = { /* RFC 3720, B.4 */
		     { "32 times 0", 0x00, 0x8a9136aa },
		     { "32 times 0xff", 0xff, 0x62a8ab43 }
	};
	uint8_t bytes[32];

	cr_expect_eq(crc32c(0, "123456789", 9), 0xe3069283);
	cr_expect_eq(crc32c(0, "", 0), 0);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		memset(bytes, rows[i].fill, sizeof bytes);
		cr_expect_eq(crc32c(0, bytes, sizeof bytes), rows[i].crc, "%s", rows[i].what);
	}
}

Test(crc, parts_make_the_whole)
{
	uint8_t bytes[1000];
	uint32_t whole;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	whole = crc32c(0, bytes, sizeof bytes);
	for (size_t cut = 0; cut <= sizeof bytes; cut++)
		cr_expect_eq(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof bytes - cut), whole,
			     "cut at %zu", cut);
}
