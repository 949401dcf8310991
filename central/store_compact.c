/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compaction: rows become blocks, a week in each, or less where a week has many.  A step reads in
 * one transaction, encodes in none, puts the block in a second, and takes the rows away in as many
 * as it needs.  Killed in between, rows are in both: what is read is the block's.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "central/store_internal.h"

#define CHECK_EVERY 64 /* rows, between looks at the clock */

struct step {
	struct store *s;
	const struct set *set;
	int64_t first_ms;	/* of the rows that are taken */
	int64_t last_ms;	/* and the last */
	int64_t from_ms, to_ms; /* of the room for their block: from_ms within, to_ms not */
	size_t n_rows;		/* taken */
	bool merges;		/* with a block that begins at block_ms */
	int64_t block_ms;
	struct chunk chunk;
	struct buf bytes; /* one or two new blocks */
	size_t second_at; /* of the second; 0: there is none */
	int64_t new_ms[2];
};

/* ---- what is ripe ---- */

/* The end of the newest row of all; INT64_MIN: there is none. */
static int64_t newest(struct txn *t, const struct set *set)
{
	int64_t recent = INT64_MIN, block = INT64_MIN;
	struct tesla_error ignored;
	struct codec_block b;
	MDB_val value;

	if (!last_of(t, TABLE_RECENT, set, &recent, &value))
		recent = INT64_MIN;
	if (last_of(t, TABLE_BLOCKS, set, &block, &value) &&
	    codec_open(value.mv_data, value.mv_size, &b, &ignored) == 0)
		block = b.last_ms;
	return recent > block ? recent : block;
}

/* ---- reading: rows, and the block that they belong to ---- */

/* The last block of this week that begins at or before first_ms; where the next one begins. */
static bool find_block(struct txn *t, struct step *st, MDB_val *value)
{
	MDB_cursor *c = cursor_open(t, TABLE_BLOCKS);
	struct key at = key_of(st->set->id, st->first_ms + 1);
	uint32_t id = 0;
	int64_t ms = 0;
	bool behind, before;

	if (c == NULL)
		return false;
	behind = cursor_move(t, c, MDB_SET_RANGE, &at, &id, &ms, value);
	if (behind && id == st->set->id && ms < st->to_ms)
		st->to_ms = ms;
	before = cursor_move(t, c, behind ? MDB_PREV : MDB_LAST, NULL, &id, &ms, value);
	mdb_cursor_close(c);
	st->block_ms = ms;
	return before && id == st->set->id && ms >= st->from_ms;
}

static void take_rows(struct txn *t, struct step *st, const struct chunk_want *want, size_t max)
{
	MDB_cursor *c = cursor_open(t, TABLE_RECENT);
	struct key at = key_of(st->set->id, st->first_ms);
	MDB_cursor_op op = MDB_SET_RANGE;
	MDB_val value;
	uint32_t id;
	int64_t ms;

	for (; st->n_rows < max && c != NULL; op = MDB_NEXT) {
		if (!cursor_move(t, c, op, &at, &id, &ms, &value) || id != st->set->id ||
		    ms >= st->to_ms)
			break;
		at = key_of(id, ms);
		st->last_ms = ms;
		st->n_rows++;
		if (row_is_good(st->set, key_val(&at), value))
			chunk_add_row(&st->chunk, want, ms, value);
		else
			store_say(t->s, "set %u, row of %lld: damaged, and left out of its block",
				  (unsigned)id, (long long)ms);
	}
	if (c != NULL)
		mdb_cursor_close(c);
}

/* -EBADMSG: the block that the rows belong to is damaged. */
static int read_rows(struct txn *t, struct step *st, struct tesla_error *err)
{
	struct chunk_want want = { st->set, NULL, st->set->n_columns, INT64_MIN, INT64_MAX };
	size_t max = set_rows_max(st->s, st->set), first;
	struct codec_block b = { 0 };
	MDB_val value;
	int r = 0;

	st->merges = find_block(t, st, &value);
	if (st->merges)
		r = codec_open(value.mv_data, value.mv_size, &b, err);
	if (st->merges && r == 0 && st->first_ms > b.last_ms && b.n_rows >= max / 2)
		st->merges = false; /* long enough; what only follows it begins another */
	if (r == 0)
		r = chunk_reserve(&st->chunk, st->set->n_columns, max + b.n_rows, err);
	if (r == 0 && st->merges)
		r = chunk_add_block(&st->chunk, &b, &want, err);
	if (r != 0)
		return r;
	first = st->chunk.n;
	take_rows(t, st, &want, max);
	return chunk_merge(&st->chunk, first, err);
}

/* ---- encoding ---- */

static int encode_part(struct step *st, size_t from, size_t n, struct tesla_error *err)
{
	_cleanup_free_ const double **columns = malloc(st->set->n_columns * sizeof *columns);
	struct codec_rows rows = { st->chunk.times + from, n, st->set->n_columns, columns };

	if (columns == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", st->s->path);
	for (size_t i = 0; i < st->set->n_columns; i++)
		columns[i] = chunk_column(&st->chunk, i) + from;
	return codec_encode(&rows, &st->bytes, err);
}

static int encode(struct step *st, struct tesla_error *err)
{
	size_t n = st->chunk.n, max = set_rows_max(st->s, st->set), half = n > max ? n / 2 : n;
	int r;

	if (n == 0)
		return 0;
	st->new_ms[0] = st->chunk.times[0];
	r = encode_part(st, 0, half, err);
	if (r != 0 || half == n)
		return r;
	st->second_at = st->bytes.pub.len;
	st->new_ms[1] = st->chunk.times[half];
	return encode_part(st, half, n - half, err);
}

/* ---- writing ---- */

static int put_blocks(struct step *st, struct tesla_error *err)
{
	size_t first = st->second_at != 0 ? st->second_at : st->bytes.pub.len;
	struct key keys[2] = { key_of(st->set->id, st->new_ms[0]),
			       key_of(st->set->id, st->new_ms[1]) };
	struct txn t;
	int r;

	do { /* it takes the place of the block that it was merged with, which begins as it does */
		txn_begin(&t, st->s, true);
		if (first > 0)
			txn_put(&t, TABLE_BLOCKS, key_val(&keys[0]),
				(MDB_val){ first, st->bytes.pub.bytes });
		if (st->second_at != 0)
			txn_put(&t, TABLE_BLOCKS, key_val(&keys[1]),
				(MDB_val){ st->bytes.pub.len - first,
					   st->bytes.pub.bytes + first });
		r = txn_end(&t, err);
	} while (r == -EAGAIN);
	return r;
}

/* As many rows as there is time for; *done when none is left. */
static int delete_some(struct step *st, bool *done, struct tesla_error *err)
{
	struct key at = key_of(st->set->id, st->first_ms);
	MDB_cursor *c;
	MDB_val value;
	struct txn t;
	uint32_t id;
	int64_t ms;
	int r;

	txn_begin(&t, st->s, true);
	c = cursor_open(&t, TABLE_RECENT);
	*done = false;
	for (size_t i = 1; c != NULL && t.r == 0 && (i % CHECK_EVERY != 0 || !txn_is_long(&t));
	     i++) {
		*done = !cursor_move(&t, c, MDB_SET_RANGE, &at, &id, &ms, &value) ||
			id != st->set->id || ms > st->last_ms;
		if (*done)
			break;
		t.r = mdb_cursor_del(c, 0);
	}
	r = txn_end(&t, err); /* closes the cursor of a writer */
	if (r == -EAGAIN)
		*done = false;
	return r == -EAGAIN ? 0 : r;
}

/* ---- a step ---- */

static void step_init(struct step *st, struct store *s, const struct set *set, int64_t first_ms)
{
	*st = (struct step){ .s = s, .set = set, .first_ms = first_ms };
	st->from_ms = week_of(first_ms);
	st->to_ms = st->from_ms + WEEK_MS;
	buf_init(&st->bytes, CODEC_BYTES_MAX);
}

static void step_release(struct step *st)
{
	chunk_release(&st->chunk);
	buf_release(&st->bytes);
}

static void say_left(struct step *st, const struct tesla_error *why)
{
	char who[320];

	set_describe(st->set, who, sizeof who);
	store_say(st->s, "%s, block from %lld: %s; rows that belong to it stay apart", who,
		  (long long)st->block_ms, why->text);
}

/* *next: where the rest of the rows begins. */
static int step(struct store *s, const struct set *set, int64_t first_ms, int64_t *next,
		struct tesla_error *err)
{
	struct step st;
	struct txn t;
	bool done = false;
	int r, end;

	step_init(&st, s, set, first_ms);
	txn_begin(&t, s, false);
	r = read_rows(&t, &st, err);
	*next = r == -EBADMSG ? st.to_ms : 0;
	if (r == -EBADMSG)
		say_left(&st, err);
	end = txn_end(&t, err);
	if (r == 0 && end == 0) {
		r = encode(&st, err);
		if (r == 0)
			r = put_blocks(&st, err);
		while (r == 0 && !done)
			r = delete_some(&st, &done, err);
		*next = st.last_ms + 1;
	}
	step_release(&st);
	return r == -EBADMSG && end == 0 ? 0 : r != 0 ? r : end;
}

/* The first recent row from *ms on, if it is to become one of a block. */
static int next_ripe(struct store *s, const struct set *set, bool all, int64_t *ms, bool *found,
		     struct tesla_error *err)
{
	struct key at = key_of(set->id, *ms);
	MDB_cursor *c;
	MDB_val value;
	struct txn t;
	uint32_t id;
	int64_t first;
	size_t n = 0;

	txn_begin(&t, s, false);
	c = cursor_open(&t, TABLE_RECENT);
	*found = c != NULL && cursor_move(&t, c, MDB_SET_RANGE, &at, &id, &first, &value) &&
		 id == set->id;
	if (*found) {
		int64_t end = week_of(first) + WEEK_MS;

		*ms = first;
		*found = all || newest(&t, set) >= end;
		for (; !*found && n < set_rows_max(s, set); n++)
			if (!cursor_move(&t, c, MDB_NEXT, NULL, &id, &first, &value) ||
			    id != set->id || first >= end)
				break;
		*found = *found || n >= set_rows_max(s, set);
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return txn_end(&t, err);
}

int store_compact(struct store *s, bool all, struct tesla_error *err)
{
	int r = store_apply(s, err);

	for (size_t i = 0; i < s->sets.n && r == 0; i++) {
		const struct set *set = set_by_id(&s->sets, (uint32_t)i + 1);
		int64_t ms = INT64_MIN;
		bool found = set != NULL;

		while (found && r == 0) {
			r = next_ripe(s, set, all, &ms, &found, err);
			if (r == 0 && found)
				r = step(s, set, ms, &ms, err);
		}
	}
	return r;
}
