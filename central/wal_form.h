/* SPDX-License-Identifier: Apache-2.0 */
/* The form of the write-ahead file, as docs/store.md has it. */
#ifndef CENTRAL_WAL_FORM_H
#define CENTRAL_WAL_FORM_H

#include "base/crc.h"
#include "central/bytes.h"
#include "central/wal.h"

#define WAL_MAGIC UINT32_C(0x4c415754) /* TWAL */
#define WAL_VERSION 1u
#define WAL_SEQ_MAX (UINT64_MAX >> 2) /* numbers begin at 1 */
#define WAL_COPY_AT 4096u	      /* of the header */

/* Offsets. */
enum wal_header {
	WAL_HEADER_MAGIC = 0,
	WAL_HEADER_CRC = 4, /* of what follows */
	WAL_HEADER_VERSION = 8,
	WAL_HEADER_ZERO = 12,
	WAL_HEADER_TURN = 16,  /* how often it began anew */
	WAL_HEADER_SALT = 24,  /* entries of this turn have it: nobody can foretell it */
	WAL_HEADER_FIRST = 32, /* the number of the first entry */
	WAL_HEADER_BYTES = 40
};

enum wal_entry_header {
	WAL_ENTRY_CRC = 0, /* of what follows in this header */
	WAL_ENTRY_LEN = 4,
	WAL_ENTRY_SALT = 8,
	WAL_ENTRY_SEQ = 16,
	WAL_ENTRY_INDEX = 24, /* in its group, from 0 */
	WAL_ENTRY_BYTES_CRC = 28
};

static inline size_t wal_entry_bytes(size_t len)
{
	return WAL_ENTRY + (len + 7) / 8 * 8;
}

#endif
