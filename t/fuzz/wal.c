/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write-ahead files of any bytes: entries lie within them and their numbers grow; what is wrong is
 * said.  The input is a list of entries to be laid out, since no fuzzer finds checksums: a byte of
 * what to do, a byte of length.
 */
#include <assert.h>
#include <stdlib.h>

#include "central/wal_form.h"

#define FILE_BYTES (WAL_HEADERS + 4096)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct seen {
	const uint8_t *bytes;
	size_t len;
	uint64_t seq;
	bool said;
};

static int see(void *arg, uint64_t seq, const void *bytes, size_t len, struct tesla_error *err)
{
	struct seen *s = arg;
	const uint8_t *at = bytes;

	(void)err;
	assert(seq > s->seq && at >= s->bytes + WAL_HEADERS && at + len <= s->bytes + s->len);
	s->seq = seq;
	return 0;
}

static void hear(void *arg, bool lost, const char *sentence)
{
	(void)lost;
	assert(sentence[0] != '\0');
	((struct seen *)arg)->said = true;
}

static void try_file(const uint8_t *bytes, size_t len)
{
	struct seen seen = { .bytes = bytes, .len = len };
	struct wal_reader reader = { see, hear, &seen };
	struct tesla_error err = { 0 };
	struct wal_found found;

	if (wal_scan(bytes, len, &reader, &found, &err) != 0)
		assert(err.text[0] != '\0');
	else
		assert(found.next_seq > seen.seq && found.damaged == seen.said);
}

static void lay_header(uint8_t *h, uint8_t what)
{
	put_u32(h + WAL_HEADER_MAGIC, WAL_MAGIC);
	put_u32(h + WAL_HEADER_VERSION, WAL_VERSION);
	put_u64(h + WAL_HEADER_TURN, what >> 4);
	put_u64(h + WAL_HEADER_FIRST, 1 + (what & 15));
	put_u32(h + WAL_HEADER_CRC,
		crc32c(0, h + WAL_HEADER_VERSION, WAL_HEADER_BYTES - WAL_HEADER_VERSION));
}

/* Lays an entry out; what: 2 bits of how far its number leaps, a bit each of what is wrong. */
static size_t lay_entry(uint8_t *e, size_t room, uint8_t what, uint8_t len, uint64_t *seq)
{
	size_t takes = wal_entry_bytes(len);

	if (takes > room)
		return room;
	*seq += what & 3;
	put_u32(e + WAL_ENTRY_LEN, len | ((what & 4) != 0 ? UINT32_C(0x80000000) : 0));
	put_u64(e + WAL_ENTRY_SALT, (what & 8) != 0 ? 1 : 0);
	put_u64(e + WAL_ENTRY_SEQ, (what & 16) != 0 ? ~*seq : *seq);
	put_u32(e + WAL_ENTRY_INDEX, what);
	put_u32(e + WAL_ENTRY_BYTES_CRC, crc32c(what & 32, e + WAL_ENTRY, len));
	put_u32(e + WAL_ENTRY_CRC, crc32c(what & 64, e + WAL_ENTRY_LEN, WAL_ENTRY - WAL_ENTRY_LEN));
	return takes;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *file = calloc(1, FILE_BYTES);
	uint64_t seq = 1;

	try_file(bytes, len);
	if (len >= 2) {
		lay_header(file, bytes[0]);
		lay_header(file + WAL_COPY_AT, bytes[1]);
	}
	for (size_t i = 2, at = WAL_HEADERS; i + 1 < len && at < FILE_BYTES; i += 2)
		at += lay_entry(file + at, FILE_BYTES - at, bytes[i], bytes[i + 1], &seq);
	try_file(file, FILE_BYTES - (len % 64) * 65);
	free(file);
	return 0;
}
