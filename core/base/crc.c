/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C by ISA-L, which leaves the inversions to its caller. */
#include "base/crc.h"

#include <isa-l/crc.h>
#include <limits.h>

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	crc = ~crc;
	for (; len > INT_MAX; p += INT_MAX, len -= INT_MAX)
		crc = crc32_iscsi((unsigned char *)(uintptr_t)p, INT_MAX, crc);
	return ~crc32_iscsi((unsigned char *)(uintptr_t)p, (int)len, crc);
}
