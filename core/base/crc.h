/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C (Castagnoli), by ISA-L: what guards bytes on a disk. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of `len` bytes, going on from `crc`; 0 at first. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
