/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking what is whole out of a store whose pages are damaged.  LMDB follows its pages' numbers
 * wherever they lead; here each page is looked at by itself, free ones too, and what is in it
 * counts when its checksum is right: definitions, recent rows, blocks.  The form of the pages is
 * that of LMDB 0.9 on a 64-bit machine: a node is its size (4), flags (2), the size of its key (2),
 * key and value.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "central/bytes.h"
#include "central/store_backup.h"
#include "central/store_internal.h"

#define PAGE_HEAD 16u
#define NODE_HEAD 8u
#define NODE_FLAGS 4u
#define NODE_KEY 6u
#define NODE_BIG 0x01u /* its value is the number of the first page that has it */
#define META_MAGIC 0xBEEFC0DEu
#define META_PAGE_SIZE 24u /* where it is, behind the head of the first page */
#define SET_KEY_BYTES 4u
#define WAL_MAX ((size_t)1 << 32)
#define GROUP 512
#define COMPACT_EVERY 200000 /* records */

struct salvage {
	struct store *to;
	const uint8_t *bytes;
	size_t len, page;
	struct sets sets;
	uint64_t n_records, since_compaction;
	/* what is to be appended */
	struct arena memory;
	struct record records[GROUP];
	struct store_record group[GROUP];
	struct store_verdict verdicts[GROUP];
	size_t n;
	struct tesla_error *err;
	int r; /* the first error sticks */
};

/* ---- records ---- */

static void flush(struct salvage *v)
{
	if (v->r == 0 && v->n > 0)
		v->r = store_append(v->to, v->group, v->n, v->verdicts, v->err);
	for (size_t i = 0; i < v->n && v->r == 0; i++)
		v->n_records += v->verdicts[i].outcome == STORE_STORED; /* pages have copies */
	store_verdicts_release(v->verdicts, v->n);
	v->since_compaction += v->n;
	v->n = 0;
	arena_release(&v->memory);
	if (v->since_compaction < COMPACT_EVERY || v->r != 0)
		return;
	v->since_compaction = 0;
	v->r = store_compact(v->to, false, v->err);
}

static void add(struct salvage *v, const struct set *set, int64_t ms, const double *numbers)
{
	struct record *r = &v->records[v->n];

	if (!row_record(set, ms, numbers, &v->memory, r)) {
		v->r = tesla_fail(v->err, -ENOMEM, "salvage: no memory");
		return;
	}
	v->group[v->n++] = (struct store_record){ set->node, r };
	if (v->n == GROUP)
		flush(v);
}

/* NULL: none is known, or it is a roll-up, which is made again of what it was made of. */
static const struct set *records_set(const struct salvage *v, uint32_t id)
{
	const struct set *set = set_by_id(&v->sets, id);

	return set != NULL && set->of_id == 0 ? set : NULL;
}

static void take_row(struct salvage *v, MDB_val key, MDB_val value)
{
	_cleanup_free_ double *numbers = NULL;
	const struct set *set;
	uint32_t id;
	int64_t ms;

	if (!key_parse(key, &id, &ms))
		return;
	set = records_set(v, id);
	if (set == NULL || !row_is_good(set, key, value))
		return;
	numbers = malloc(set->n_columns * sizeof *numbers);
	if (numbers == NULL)
		v->r = tesla_fail(v->err, -ENOMEM, "salvage: no memory");
	for (size_t i = 0; i < set->n_columns && numbers != NULL; i++)
		numbers[i] = row_number(value, i);
	if (numbers != NULL)
		add(v, set, ms, numbers);
}

static int take_rows(struct salvage *v, const struct set *set, const struct codec_block *b,
		     struct chunk *c)
{
	struct chunk_want want = { set, NULL, set->n_columns, INT64_MIN, INT64_MAX };
	_cleanup_free_ double *numbers = malloc(set->n_columns * sizeof *numbers);
	struct tesla_error ignored;
	int r = numbers != NULL ? chunk_reserve(c, set->n_columns, b->n_rows, v->err)
				: tesla_fail(v->err, -ENOMEM, "salvage: no memory");

	if (r != 0)
		return r;
	if (chunk_add_block(c, b, &want, &ignored) != 0)
		return 0;
	for (size_t row = 0; row < c->n && v->r == 0; row++) {
		for (size_t i = 0; i < set->n_columns; i++)
			numbers[i] = chunk_column(c, i)[row];
		add(v, set, c->times[row], numbers);
	}
	return 0;
}

static void take_block(struct salvage *v, MDB_val key, const uint8_t *at, size_t len)
{
	struct tesla_error ignored;
	struct codec_block b;
	struct chunk c = { 0 };
	const struct set *set;
	uint32_t id;
	int64_t ms;

	if (!key_parse(key, &id, &ms))
		return;
	set = records_set(v, id);
	if (set == NULL || codec_open(at, len, &b, &ignored) != 0 || b.first_ms != ms ||
	    b.n_columns != set->n_columns)
		return;
	if (v->r == 0)
		v->r = take_rows(v, set, &b, &c);
	chunk_release(&c);
}

/* ---- pages ---- */

/* Looks at a key and its value, which lie within the file. */
typedef void each_node(struct salvage *v, MDB_val key, MDB_val value);

/* A roll-up may come before what it is made of, and is not read then; nor is it needed. */
static void take_set(struct salvage *v, MDB_val key, MDB_val value)
{
	struct tesla_error ignored;
	uint32_t id;

	if (key.mv_size != SET_KEY_BYTES)
		return;
	memcpy(&id, key.mv_data, sizeof id);
	id = be32toh(id);
	if (id == 0 || id > 1u << 20 || (id <= v->sets.n && v->sets.by_id[id - 1] != NULL) ||
	    !set_is_good(id, value))
		return;
	if (set_load(&v->sets, id, value, &ignored) == -ENOMEM)
		v->r = tesla_fail(v->err, -ENOMEM, "salvage: no memory");
}

static void take_values(struct salvage *v, MDB_val key, MDB_val value)
{
	if (key.mv_size != KEY_BYTES)
		return;
	if (value.mv_size > 4 && memcmp(value.mv_data, "TCB1", 4) == 0)
		take_block(v, key, value.mv_data, value.mv_size);
	else
		take_row(v, key, value);
}

/* Where a value stands that has pages of its own; NULL: not within the file. */
static const uint8_t *big_value(const struct salvage *v, uint64_t page, size_t len)
{
	uint64_t at;

	if (page >= v->len / v->page)
		return NULL;
	at = page * v->page + PAGE_HEAD;
	return at <= v->len && len <= v->len - at ? v->bytes + at : NULL;
}

static void look_at_node(struct salvage *v, const uint8_t *page, size_t at, each_node *each)
{
	size_t size = (size_t)get_u16(page + at) | (size_t)get_u16(page + at + 2) << 16;
	size_t key = get_u16(page + at + NODE_KEY), room = v->page - NODE_HEAD - at;
	const uint8_t *value;

	if ((key != KEY_BYTES && key != SET_KEY_BYTES) || key > room)
		return;
	value = page + at + NODE_HEAD + key;
	room -= key;
	if ((get_u16(page + at + NODE_FLAGS) & NODE_BIG) != 0)
		value = room >= 8 ? big_value(v, get_u64(value), size) : NULL;
	else if (size > room)
		value = NULL;
	if (value != NULL)
		each(v, (MDB_val){ key, (void *)(uintptr_t)(page + at + NODE_HEAD) },
		     (MDB_val){ size, (void *)(uintptr_t)value });
}

/* Whatever the page says that it is, and where its nodes are: a node may be at any even place. */
static void look_at_pages(struct salvage *v, each_node *each)
{
	for (size_t at = 0; at + v->page <= v->len; at += v->page)
		for (size_t i = PAGE_HEAD; i + NODE_HEAD <= v->page && v->r == 0; i += 2)
			look_at_node(v, v->bytes + at, i, each);
}

static size_t page_size(const struct salvage *v)
{
	const uint8_t *meta = v->bytes + PAGE_HEAD;
	uint32_t size = v->len >= 512 ? get_u32(meta + META_PAGE_SIZE) : 0;

	if (size >= 512 && size <= 65536 && (size & (size - 1)) == 0 && get_u32(meta) == META_MAGIC)
		return size;
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- the write-ahead file ---- */

/* Blocks, one behind the other. */
static void take_blocks(struct salvage *v, const uint8_t *entry, size_t len)
{
	uint32_t id = get_u32(entry + 4);

	for (size_t at = BLOCKS_HEAD, n; at < len; at += n) {
		struct codec_block b;
		struct key key;
		uint32_t crc;

		n = codec_length(entry + at, len - at);
		if (n == 0 || n > len - at || !codec_peek(entry + at, n, &b, &crc))
			return;
		key = key_of(id, b.first_ms);
		take_block(v, key_val(&key), entry + at, n);
	}
}

static int take_entry(void *arg, uint64_t seq, const void *bytes, size_t len,
		      struct tesla_error *err)
{
	struct salvage *v = arg;
	const uint8_t *at = bytes;

	(void)seq;
	(void)err;
	if (len > BLOCKS_HEAD && get_u32(at) == 0)
		take_blocks(v, at, len);
	else if (len > KEY_BYTES)
		take_row(v, (MDB_val){ KEY_BYTES, (void *)(uintptr_t)at },
			 (MDB_val){ len - KEY_BYTES, (void *)(uintptr_t)(at + KEY_BYTES) });
	return v->r;
}

static void hear_nothing(void *arg, bool lost, const char *sentence)
{
	(void)arg;
	(void)lost;
	(void)sentence;
}

static void look_at_wal(struct salvage *v, const char *from)
{
	struct wal_reader reader = { take_entry, hear_nothing, v };
	struct tesla_error ignored;
	struct wal_found found;
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *bytes = NULL;
	size_t len;

	if (asprintf(&path, "%s/wal", from) < 0)
		v->r = tesla_fail(v->err, -ENOMEM, "salvage: no memory");
	else if (file_read(path, WAL_MAX, &bytes, &len, &ignored) == 0)
		(void)wal_scan(bytes, len, &reader, &found, &ignored);
}

/* ---- all of it ---- */

static int map(struct salvage *v, const char *from, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	void *bytes;

	if (asprintf(&path, "%s/data.mdb", from) < 0)
		return tesla_fail(err, -ENOMEM, "salvage: no memory");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	v->len = (size_t)st.st_size;
	bytes = v->len > 0 ? mmap(NULL, v->len, PROT_READ, MAP_SHARED, fd, 0) : NULL;
	if (bytes == MAP_FAILED)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	v->bytes = bytes;
	v->page = page_size(v);
	return 0;
}

int store_salvage(const char *from, struct store *to, uint64_t *n_records, struct tesla_error *err)
{
	struct salvage *v = calloc(1, sizeof *v);
	int r;

	if (v == NULL)
		return tesla_fail(err, -ENOMEM, "salvage: no memory");
	v->to = to;
	v->err = err;
	r = map(v, from, err);
	if (r == 0) {
		look_at_pages(v, take_set); /* what follows needs all of them */
		look_at_pages(v, take_values);
		look_at_wal(v, from);
		flush(v);
		r = v->r;
	}
	if (r == 0)
		r = store_compact(to, true, err);
	*n_records = v->n_records;
	if (v->bytes != NULL)
		(void)munmap((void *)(uintptr_t)v->bytes, v->len);
	arena_release(&v->memory);
	sets_release(&v->sets);
	free(v);
	return r;
}
