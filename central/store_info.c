/* SPDX-License-Identifier: Apache-2.0 */
/* How the store is: by the headers of its blocks, in pieces. */
#include <errno.h>
#include <stdlib.h>

#include "central/store_internal.h"

struct store_counting {
	struct store *s;
	struct store_info blocks; /* so far */
	struct key next;	  /* the first that was not looked at */
	bool applied;
};

static void count_block(const struct codec_block *b, bool is_roll, struct store_info *i)
{
	if (is_roll) {
		i->roll_blocks++;
		i->roll_bytes += b->len;
		i->roll_rows += b->n_rows;
		return;
	}
	i->n_blocks++;
	i->block_bytes += b->len;
	i->block_rows += b->n_rows;
	i->samples += codec_samples(b);
}

static void count_value(const struct set *set, MDB_val value, struct store_info *i)
{
	struct tesla_error ignored;
	struct codec_block b;

	if (codec_look(value.mv_data, value.mv_size, &b, &ignored) == 0)
		count_block(&b, set != NULL && set->of != NULL, i);
	else /* damaged, and there */
		i->n_blocks++;
}

/* True: that was all. */
static bool count_some(struct store_counting *c, struct txn *t)
{
	MDB_cursor *cursor = cursor_open(t, TABLE_BLOCKS);
	MDB_val value;
	uint32_t id;
	int64_t ms;
	bool more =
		cursor != NULL && cursor_move(t, cursor, MDB_SET_RANGE, &c->next, &id, &ms, &value);

	while (more) {
		count_value(set_by_id(&c->s->sets, id), value, &c->blocks);
		more = cursor_move(t, cursor, MDB_NEXT, NULL, &id, &ms, &value);
		if (more)
			c->next = key_of(id, ms);
		if (more && txn_is_long(t))
			break;
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	return !more;
}

/* What the tables say of themselves. */
static void tell(struct store_counting *c, struct txn *t, struct store_info *i)
{
	struct store *s = c->s;
	MDB_envinfo env;
	MDB_stat stat;

	for (size_t k = 0; k < N_TABLES && t->r == 0; k++) {
		t->r = mdb_stat(t->mdb, s->tables[k], &stat);
		if (t->r != 0)
			break;
		if (k == TABLE_RECENT)
			i->recent_rows = stat.ms_entries;
		i->used_bytes +=
			(stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
			stat.ms_psize;
		i->file_bytes = stat.ms_psize; /* of one page */
	}
	if (t->r == 0)
		t->r = mdb_env_info(s->env, &env);
	if (t->r != 0)
		return;
	i->n_sets = s->sets.n - s->sets.n_rolls;
	i->file_bytes *= env.me_last_pgno + 1;
	i->map_bytes = env.me_mapsize;
	i->duplicates = s->counts.duplicates;
	i->transactions = s->counts.transactions;
	i->slow_transactions = s->counts.slow_transactions;
	i->longest_us = s->counts.longest_us;
}

int store_info_begin(struct store *s, struct store_counting **ret, struct tesla_error *err)
{
	struct store_counting *c = calloc(1, sizeof *c);

	if (c == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	c->s = s;
	c->next = key_of(0, INT64_MIN);
	*ret = c;
	return 0;
}

int store_info_step(struct store_counting *c, struct store_info *ret, struct tesla_error *err)
{
	struct store_info i;
	struct txn t;
	bool all;
	int r;

	if (!c->applied) {
		r = store_apply_step(c->s, err);
		c->applied = r == 0;
		return r < 0 ? r : 1;
	}
	txn_begin(&t, c->s, false);
	all = count_some(c, &t);
	i = c->blocks;
	if (all)
		tell(c, &t, &i);
	r = txn_end(&t, err);
	if (r != 0)
		return r;
	if (all)
		*ret = i;
	return all ? 0 : 1;
}

void store_info_end(struct store_counting *c)
{
	free(c);
}

int store_info(struct store *s, struct store_info *ret, struct tesla_error *err)
{
	struct store_counting *c;
	int r = store_info_begin(s, &c, err);

	if (r != 0)
		return r;
	do
		r = store_info_step(c, ret, err);
	while (r == 1);
	store_info_end(c);
	return r;
}
