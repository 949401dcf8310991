/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks on their way from the write-ahead file into the tables.  One that lies between those that
 * there are goes among them as it is; one that would overlap them goes into rows, which compaction
 * merges with them.
 */
#include <errno.h>
#include <stdlib.h>

#include "central/bytes.h"
#include "central/store_levels.h"

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

struct matrix { /* of the rows that are made at once */
	size_t n;
	int64_t *times; /* of all rows */
	double *column; /* of all rows */
	double *rows;	/* row after row */
	uint8_t *bytes; /* of one row */
};

static int fill(const struct set *set, const struct codec_block *b, size_t from, struct matrix *m,
		struct tesla_error *err)
{
	int r = codec_times(b, m->times, err);

	for (size_t i = 0; i < set->n_columns && r == 0; i++) {
		r = codec_column(b, i, m->column, err);
		for (size_t k = 0; k < m->n && r == 0; k++)
			m->rows[k * set->n_columns + i] = m->column[from + k];
	}
	return r;
}

static void put_rows(struct txn *t, struct set *set, size_t from, const struct matrix *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct key key = key_of(set->id, m->times[from + i]);
		size_t len = row_pack(set, m->rows + i * set->n_columns, &key, m->bytes);

		if (txn_put_new(t, TABLE_RECENT, key_val(&key), (MDB_val){ len, m->bytes }))
			levels_note(t, set, m->times[from + i]);
	}
	set->n_recent += m->n;
}

/* Some rows of it. */
static int loosen(struct txn *t, struct set *set, const struct codec_block *b, size_t *done,
		  struct tesla_error *err)
{
	size_t left = b->n_rows - *done, max = LOOSE_CELLS / set->n_columns + 1;
	struct matrix m = { .n = left < max ? left : max };
	int r;

	m.times = malloc(b->n_rows * sizeof *m.times);
	m.column = malloc(b->n_rows * sizeof *m.column);
	m.rows = malloc(m.n * set->n_columns * sizeof *m.rows);
	m.bytes = malloc(row_bytes_max(set));
	r = m.times != NULL && m.column != NULL && m.rows != NULL && m.bytes != NULL
		    ? fill(set, b, *done, &m, err)
		    : tesla_fail(err, -ENOMEM, "store: no memory");
	if (r == 0) {
		put_rows(t, set, *done, &m);
		*done += m.n;
	}
	free(m.times);
	free(m.column);
	free(m.rows);
	free(m.bytes);
	return r;
}

/* ---- an entry ---- */

static int apply_block(struct txn *t, struct set *set, const struct codec_block *b, size_t *done,
		       struct tesla_error *err)
{
	struct key key = key_of(set->id, b->first_ms);

	if (b->n_columns != set->n_columns || b->first_ms < ROW_TIME_MIN_MS ||
	    b->last_ms > ROW_TIME_MAX_MS || b->first_ms > b->last_ms)
		return tesla_fail(err, -EBADMSG, "block: it is another one's");
	if (*done == 0 && is_there_already(t, &key, b)) {
		*done = b->n_rows;
		return 0;
	}
	if (*done > 0 || !lies_between(t, set, b))
		return loosen(t, set, b, done, err);
	txn_put(t, TABLE_BLOCKS, key_val(&key), (MDB_val){ b->len, (void *)(uintptr_t)b->bytes });
	*done = b->n_rows;
	levels_note_block(t, set, b);
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
