/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks on their way from the write-ahead file into the tables.  One that lies between those that
 * there are goes among them as it is; one that would overlap them goes into rows, which compaction
 * merges with them.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "central/bytes.h"
#include "central/store_internal.h"

/* Whether no block reaches into its time. */
static bool lies_between(struct txn *t, const struct set *set, const struct codec_block *b)
{
	MDB_cursor *c = cursor_open(t, TABLE_BLOCKS);
	struct key at = key_of(set->id, b->last_ms + 1);
	struct codec_block before;
	uint32_t id = 0, crc;
	int64_t ms = 0;
	MDB_val value;
	bool here;

	if (c == NULL)
		return false;
	here = cursor_move(t, c, MDB_SET_RANGE, &at, &id, &ms, &value);
	here = cursor_move(t, c, here ? MDB_PREV : MDB_LAST, NULL, &id, &ms, &value);
	mdb_cursor_close(c);
	if (!here || id != set->id)
		return true;
	return ms < b->first_ms && codec_peek(value.mv_data, value.mv_size, &before, &crc) &&
	       before.last_ms < b->first_ms;
}

/* It was put by a transaction before a kill. */
static bool is_there_already(struct txn *t, const struct key *key, const struct codec_block *b)
{
	MDB_val value;

	return txn_get(t, TABLE_BLOCKS, key_val(key), &value) && value.mv_size == b->len &&
	       memcmp(value.mv_data, b->bytes, b->len) == 0;
}

/* ---- into rows ---- */

/* Rows from `from` on, as many as fit; row after row, each as it is on disk. */
static int make_rows(const struct set *set, const struct codec_block *b, size_t from, size_t n,
		     uint8_t *rows, struct tesla_error *err)
{
	_cleanup_free_ double *column = malloc(b->n_rows * sizeof *column);
	size_t step = row_bytes(set);
	int r = column != NULL ? 0 : tesla_fail(err, -ENOMEM, "store: no memory");

	for (size_t i = 0; i < set->n_columns && r == 0; i++) {
		r = codec_column(b, i, column, err);
		for (size_t k = 0; k < n && r == 0; k++)
			put_real(rows + k * step + 4 + 8 * i, column[from + k]);
	}
	return r;
}

static void put_rows(struct txn *t, struct set *set, const int64_t *times, size_t n, uint8_t *rows)
{
	size_t step = row_bytes(set);

	for (size_t i = 0; i < n; i++) {
		struct key key = key_of(set->id, times[i]);
		uint8_t *row = rows + i * step;

		put_u32(row, row_crc(key.bytes, row + 4, step - 4));
		(void)txn_put_new(t, TABLE_RECENT, key_val(&key), (MDB_val){ step, row });
	}
	set->n_recent += n;
}

/* Some rows of it; those that are damaged cannot be. */
static int loosen(struct txn *t, struct set *set, const struct codec_block *b, size_t *done,
		  struct tesla_error *err)
{
	size_t n = b->n_rows - *done, max = LOOSE_CELLS / set->n_columns + 1;
	_cleanup_free_ int64_t *times = malloc(b->n_rows * sizeof *times);
	_cleanup_free_ uint8_t *rows = NULL;
	int r;

	n = n < max ? n : max;
	rows = malloc(n * row_bytes(set));
	if (times == NULL || rows == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory");
	r = codec_times(b, times, err);
	if (r == 0)
		r = make_rows(set, b, *done, n, rows, err);
	if (r != 0)
		return r;
	put_rows(t, set, times + *done, n, rows);
	*done += n;
	return 0;
}

/* ---- an entry ---- */

static int apply_block(struct txn *t, struct set *set, const struct codec_block *b, size_t *done,
		       struct tesla_error *err)
{
	struct key key = key_of(set->id, b->first_ms);

	if (b->n_columns != set->n_columns)
		return tesla_fail(err, -EBADMSG, "block: it is another one's");
	if (*done == 0 && is_there_already(t, &key, b)) {
		*done = b->n_rows;
		return 0;
	}
	if (*done > 0 || !lies_between(t, set, b))
		return loosen(t, set, b, done, err);
	txn_put(t, TABLE_BLOCKS, key_val(&key), (MDB_val){ b->len, (void *)(uintptr_t)b->bytes });
	*done = b->n_rows;
	if (week_of(b->first_ms) < set->look_from_ms)
		set->look_from_ms = week_of(b->first_ms);
	return 0;
}

/* The block at the beginning of some bytes, which says itself how long it is. */
static int block_at(const uint8_t *at, size_t left, struct codec_block *b, struct tesla_error *err)
{
	size_t len = codec_length(at, left);

	return len > 0 && len <= left
		       ? codec_open(at, len, b, err)
		       : tesla_fail(err, -EBADMSG, "block: longer than what there is");
}

bool blocks_apply(struct txn *t, const uint8_t *entry, size_t len, struct pending *p)
{
	uint32_t id = get_u32(entry + 4);
	struct set *set = set_by_id(&t->s->sets, id) != NULL ? t->s->sets.by_id[id - 1] : NULL;
	struct tesla_error why = { 0 };
	size_t at = BLOCKS_HEAD;
	int r = set != NULL ? 0 : tesla_fail(&why, -EBADMSG, "nothing says what it means");

	for (size_t i = 0; at < len && r == 0 && t->r == 0; i++) {
		struct codec_block b;

		r = block_at(entry + at, len - at, &b, &why);
		if (r != 0)
			break;
		at += b.len;
		if (i < p->part)
			continue;
		r = apply_block(t, set, &b, &p->part_row, &why);
		if (r == 0 && p->part_row < b.n_rows)
			return false;
		p->part++;
		p->part_row = 0;
		if (r == 0 && at < len && txn_is_long(t))
			return false;
	}
	if (r == -ENOMEM)
		t->r = ENOMEM;
	else if (r != 0)
		store_say(t->s, "set %u, columns in the write-ahead file: %s", (unsigned)id,
			  why.text);
	p->part = p->part_row = 0;
	return t->r == 0;
}
