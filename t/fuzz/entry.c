/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of the write-ahead file of any bytes go into the tables, or it is said why not; what is
 * then read, verified and compacted is any bytes, too.  The input is a list of entries: a byte of
 * what it is, two of its length, its bytes.  Checksums are put right, since no fuzzer finds them.
 */
#include <assert.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc.h"
#include "central/bytes.h"
#include "central/codec_internal.h"
#include "central/store_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void hear(void *arg, bool lost, const char *sentence)
{
	(void)arg;
	(void)lost;
	assert(sentence[0] != '\0');
}

static int see(void *arg, const struct store_record *r, struct tesla_error *err)
{
	(void)arg;
	(void)err;
	assert(r->node[0] != '\0' && r->record->n_variables == 1);
	return 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *w)
{
	(void)s;
	(void)type;
	(void)w;
	return remove(path);
}

static struct store *open_store(const char *dir)
{
	const struct store_conf conf = { .wal_bytes = 1 << 16,
					 .cells_max = 1 << 10,
					 .damage = hear };
	const struct tesla_record_element e = { 1, 1, 1, NAN, 1, 1, TESLA_GOOD };
	const struct tesla_record_variable v = { "A", "", TESLA_GAUGE, 1, 1, &e };
	const struct tesla_record_variable *variables[] = { &v };
	const struct record record = { 1, 0, 1000, "m", NULL, 1, variables };
	struct store_verdict verdict;
	struct tesla_error err;
	struct store *s;

	if (store_open(dir, &conf, &s, &err) != 0 ||
	    store_append(s, &(struct store_record){ "n", &record }, 1, &verdict, &err) != 0)
		abort();
	assert(verdict.outcome == STORE_STORED);
	return s;
}

/* Blocks, one behind the other: each length as far as it goes, each checksum as it should be. */
static void mend_blocks(uint8_t *at, size_t len)
{
	while (len >= HEADER_BYTES) {
		size_t says = codec_length(at, len),
		       n = says >= HEADER_BYTES && says <= len ? says : len;

		put_u32(at + HEADER_MAGIC, CODEC_MAGIC);
		put_u32(at + HEADER_LEN, (uint32_t)n);
		put_u32(at + HEADER_CRC, crc32c(0, at + HEADER_LEN, n - HEADER_LEN));
		at += n;
		len -= n;
	}
}

static void mend_row(uint8_t *at, size_t len)
{
	if (len < KEY_BYTES + 6)
		return;
	put_u32(at + KEY_BYTES,
		crc32c(crc32c(0, at, KEY_BYTES), at + KEY_BYTES + 4, len - KEY_BYTES - 4));
}

static void add_entry(struct store *s, uint8_t what, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	struct tesla_error err;

	if (len > 0)
		memcpy(copy, bytes, len);
	if (what % 4 == 1)
		mend_row(copy, len);
	if (what % 4 == 2 && len > BLOCKS_HEAD)
		mend_blocks(copy + BLOCKS_HEAD, len - BLOCKS_HEAD);
	if (pending_add(s, s->applied + 1000, copy, len, &err) != 0 || store_apply(s, &err) != 0)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char dir[] = "/dev/shm/tesla-fuzz-XXXXXX";
	struct tesla_error err;
	struct store *s;
	uint64_t n;

	if (mkdtemp(dir) == NULL)
		abort();
	s = open_store(dir);
	for (size_t i = 0; i + 3 <= len;) {
		size_t entry = get_u16(bytes + i + 1), left = len - i - 3;

		entry = entry < left ? entry : left;
		add_entry(s, bytes[i], bytes + i + 3, entry);
		i += 3 + entry;
	}
	if (store_walk(s, see, NULL, &err) != 0 || store_compact(s, true, &err) != 0 ||
	    store_walk(s, see, NULL, &err) != 0 || store_verify(s, &n, &err) != 0)
		abort();
	store_close(s);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
