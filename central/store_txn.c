/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions on LMDB, and what its errors are called. */
#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "central/bytes.h"
#include "central/mdb.h"
#include "central/store_internal.h"

#define GROWTH ((size_t)64 << 20) /* of the map, at least; else by half */

int store_mdb_fail(const struct store *s, int r, struct tesla_error *err)
{
	return mdb_fail("store", s->path, r, err);
}

/* ---- transactions ---- */

/*
 * After a write that failed at the wrong place, or a map that could not be had, LMDB takes nothing
 * more before it was closed.  Opened again it has what was committed, as after a start.  No
 * transaction is open: one thread, and none outlives a call.  0, or errno.
 */
static int open_again(struct store *s)
{
	struct tesla_error ignored;
	int r;

	if (s->opens_again)
		return EIO;
	s->opens_again = true;
	mdb_env_close(s->env);
	s->env = NULL;
	r = store_env_open(s, &ignored);
	if (r == 0)
		r = store_tables_open(s, &ignored);
	if (r != 0) {
		mdb_env_close(s->env);
		s->env = NULL;
	}
	s->opens_again = false;
	return -r;
}

void txn_begin(struct txn *t, struct store *s, bool write)
{
	unsigned flags = write ? 0 : MDB_RDONLY;

	*t = (struct txn){ .s = s, .start_us = clock_mono_us() };
	t->r = s->env != NULL ? mdb_txn_begin(s->env, NULL, flags, &t->mdb) : MDB_PANIC;
	if (t->r != MDB_PANIC)
		return;
	t->r = open_again(s);
	if (t->r == 0)
		t->r = mdb_txn_begin(s->env, NULL, flags, &t->mdb);
}

bool txn_is_long(const struct txn *t)
{
	return clock_mono_us() - t->start_us >= SLICE_US;
}

bool txn_get(struct txn *t, enum table table, MDB_val key, MDB_val *ret)
{
	int r = t->r != 0 ? t->r : mdb_get(t->mdb, t->s->tables[table], &key, ret);

	if (r != 0 && r != MDB_NOTFOUND)
		t->r = r;
	return r == 0;
}

void txn_put(struct txn *t, enum table table, MDB_val key, MDB_val value)
{
	if (t->r == 0)
		t->r = mdb_put(t->mdb, t->s->tables[table], &key, &value, 0);
}

bool txn_put_new(struct txn *t, enum table table, MDB_val key, MDB_val value)
{
	int r = t->r != 0 ? t->r
			  : mdb_put(t->mdb, t->s->tables[table], &key, &value, MDB_NOOVERWRITE);

	if (r != 0 && r != MDB_KEYEXIST)
		t->r = r;
	return r == 0;
}

static int grow(struct store *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), more;
	MDB_envinfo info;
	int r = mdb_env_info(s->env, &info);

	if (r != 0)
		return r;
	more = info.me_mapsize / 2 > GROWTH ? info.me_mapsize / 2 : GROWTH;
	if (info.me_mapsize > SIZE_MAX - 2 * more)
		return ENOMEM;
	more += info.me_mapsize;
	r = mdb_env_set_mapsize(s->env, more - more % page);
	if (r != 0) /* it has none at all now */
		(void)open_again(s);
	return r;
}

static void count(struct txn *t)
{
	uint64_t took = (uint64_t)(clock_mono_us() - t->start_us);
	struct store_info *i = &t->s->counts;

	i->transactions++;
	i->slow_transactions += took > SLOW_US;
	if (took > i->longest_us)
		i->longest_us = took;
}

int txn_end(struct txn *t, struct tesla_error *err)
{
	if (t->mdb != NULL && t->r == 0)
		t->r = mdb_txn_commit(t->mdb);
	else if (t->mdb != NULL)
		mdb_txn_abort(t->mdb);
	t->mdb = NULL;
	count(t);
	if (t->r == 0)
		return 0;
	if (t->r == MDB_MAP_FULL) {
		t->r = grow(t->s);
		if (t->r == 0)
			return -EAGAIN;
	}
	return store_mdb_fail(t->s, t->r, err);
}

/* ---- keys ---- */

struct key key_of(uint32_t set, int64_t ms)
{
	uint32_t high = htobe32(set);
	uint64_t low = htobe64((uint64_t)ms ^ UINT64_C(1) << 63);
	struct key k;

	memcpy(k.bytes, &high, sizeof high);
	memcpy(k.bytes + sizeof high, &low, sizeof low);
	return k;
}

MDB_val key_val(const struct key *k)
{
	return (MDB_val){ KEY_BYTES, (void *)(uintptr_t)k->bytes };
}

bool key_parse(MDB_val v, uint32_t *set, int64_t *ms)
{
	uint64_t low;

	if (v.mv_size != KEY_BYTES)
		return false;
	memcpy(set, v.mv_data, sizeof *set);
	memcpy(&low, (const uint8_t *)v.mv_data + sizeof *set, sizeof low);
	*set = be32toh(*set);
	*ms = (int64_t)(be64toh(low) ^ UINT64_C(1) << 63);
	return true;
}

MDB_cursor *cursor_open(struct txn *t, enum table table)
{
	MDB_cursor *c = NULL;

	if (t->r == 0)
		t->r = mdb_cursor_open(t->mdb, t->s->tables[table], &c);
	return t->r == 0 ? c : NULL;
}

/* `at`, when it is given with MDB_NEXT, is where the cursor is. */
static bool is_ahead(const struct key *at, MDB_val key, MDB_cursor_op op)
{
	int order = memcmp(key.mv_data, at->bytes, KEY_BYTES);

	return op == MDB_SET_RANGE ? order >= 0 : op == MDB_NEXT ? order > 0 : true;
}

bool cursor_move(struct txn *t, MDB_cursor *c, MDB_cursor_op op, const struct key *at,
		 uint32_t *set, int64_t *ms, MDB_val *value)
{
	MDB_val key = at != NULL ? key_val(at) : (MDB_val){ 0 };
	int r = t->r != 0 ? t->r : mdb_cursor_get(c, &key, value, op);

	if (r == 0 && !key_parse(key, set, ms))
		r = MDB_CORRUPTED;
	if (r == 0 && at != NULL && !is_ahead(at, key, op)) /* or it would never end */
		r = MDB_CORRUPTED;
	if (r != 0 && r != MDB_NOTFOUND)
		t->r = r;
	return r == 0;
}

bool last_of(struct txn *t, enum table table, const struct set *set, int64_t *ms, MDB_val *value)
{
	MDB_cursor *c = cursor_open(t, table);
	struct key behind = key_of(set->id + 1, INT64_MIN);
	uint32_t id;
	bool found;

	if (c == NULL)
		return false;
	found = cursor_move(t, c, MDB_SET_RANGE, &behind, &id, ms, value)
			? cursor_move(t, c, MDB_PREV, NULL, &id, ms, value)
			: cursor_move(t, c, MDB_LAST, NULL, &id, ms, value);
	mdb_cursor_close(c);
	return found && id == set->id;
}

int64_t week_of(int64_t ms)
{
	int64_t into = ms % WEEK_MS;

	return ms - (into < 0 ? into + WEEK_MS : into);
}
