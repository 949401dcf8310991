/* SPDX-License-Identifier: Apache-2.0 */
/* What is too old goes, in short transactions. */
#include <errno.h>

#include "central/store_rollup.h"

#define CHECK_EVERY 16

/* The first of a set; whether it is too old, *is_row says how to tell. */
static bool take_one(struct txn *t, MDB_cursor *c, const struct set *set, bool is_block,
		     int64_t until_ms)
{
	struct key first = key_of(set->id, INT64_MIN);
	MDB_val value;
	uint32_t id;
	int64_t ms;

	if (!cursor_move(t, c, MDB_SET_RANGE, &first, &id, &ms, &value) || id != set->id)
		return false;
	if ((is_block ? block_last_ms(value, ms) : ms) > until_ms)
		return false;
	t->r = mdb_cursor_del(c, 0);
	return t->r == 0;
}

static uint64_t take_some(struct txn *t, enum table table, const struct set *set, int64_t until_ms)
{
	MDB_cursor *c = cursor_open(t, table);
	uint64_t n = 0;

	while (c != NULL && t->r == 0 && (n % CHECK_EVERY != CHECK_EVERY - 1 || !txn_is_long(t)) &&
	       take_one(t, c, set, table == TABLE_BLOCKS, until_ms))
		n++;
	return n; /* the cursor of a writer is closed with it */
}

/* So that nothing is written where there is nothing to do. */
static bool has_old(struct store *s, const struct set *set, int64_t until_ms, int *r,
		    struct tesla_error *err)
{
	struct store_range range;
	struct txn t;

	txn_begin(&t, s, false);
	range = set_range(&t, set);
	*r = txn_end(&t, err);
	return *r == 0 && range.first_ms <= until_ms && range.first_ms <= range.last_ms;
}

int retain_some(struct store *s, const struct set *set, int64_t until_ms, struct retain_work *ret,
		struct tesla_error *err)
{
	struct txn t;
	int r;

	*ret = (struct retain_work){ 0 };
	if (!has_old(s, set, until_ms, &r, err))
		return r;
	txn_begin(&t, s, true);
	ret->n_blocks = take_some(&t, TABLE_BLOCKS, set, until_ms);
	ret->n_rows = txn_is_long(&t) ? 0 : take_some(&t, TABLE_RECENT, set, until_ms);
	r = txn_end(&t, err);
	if (r != 0)
		*ret = (struct retain_work){ 0 };
	return r == -EAGAIN ? 0 : r;
}

int retain_forget(struct store *s, struct set *roll, struct tesla_error *err)
{
	struct key first = key_of(roll->id, INT64_MIN);
	struct txn t;
	int r;

	if (roll->done_ms == INT64_MIN)
		return 0;
	do {
		MDB_cursor *c;
		MDB_val value;
		uint32_t id;
		int64_t ms;

		txn_begin(&t, s, true);
		level_put_done(&t, roll, INT64_MIN);
		c = cursor_open(&t, TABLE_LATE);
		while (c != NULL && !txn_is_long(&t) &&
		       cursor_move(&t, c, MDB_SET_RANGE, &first, &id, &ms, &value) &&
		       id == roll->id)
			t.r = mdb_cursor_del(c, 0);
		r = txn_end(&t, err);
	} while (r == -EAGAIN);
	if (r == 0)
		roll->done_ms = INT64_MIN;
	return r;
}
