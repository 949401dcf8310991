/* SPDX-License-Identifier: Apache-2.0 */
/* Reading everything, for `verify`.  A transaction a block, or for some rows. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "central/store_internal.h"

struct verify {
	struct store *s;
	uint64_t n_damaged;
	uint64_t n_seen;  /* in the table */
	uint64_t n_pages; /* on which keys stood, one behind the other */
	uintptr_t page;	  /* of the last one */
	uint32_t set;	  /* where to go on */
	int64_t ms;
	bool done;
	int64_t last_ms; /* of the block before, in the same set */
	uint32_t last_set;
};

static void say(struct verify *v, const char *what, uint32_t id, int64_t ms, const char *why)
{
	const struct set *set = set_by_id(&v->s->sets, id);
	char who[320];

	if (set != NULL)
		set_describe(set, who, sizeof who);
	else
		(void)snprintf(who, sizeof who, "set %" PRIu32, id);
	v->n_damaged++;
	store_say(v->s, "%s, %s %" PRId64 ": %s", who, what, ms, why);
}

/* What comes behind a key. */
static void go_behind(struct verify *v, uint32_t id, int64_t ms)
{
	v->set = ms == INT64_MAX ? id + 1 : id;
	v->ms = ms == INT64_MAX ? INT64_MIN : ms + 1;
}

static void check_block(struct verify *v, uint32_t id, int64_t ms, MDB_val value)
{
	const struct set *set = set_by_id(&v->s->sets, id);
	struct tesla_error why = { 0 };
	struct codec_block b;
	int r = codec_open(value.mv_data, value.mv_size, &b, &why);

	if (r == 0)
		r = codec_check(&b, &why);
	if (r == 0 && (set == NULL || set->n_columns != b.n_columns || b.first_ms != ms))
		r = tesla_fail(&why, -EBADMSG, "block: it does not belong where it stands");
	if (r == 0 && v->last_set == id && v->last_ms >= ms)
		r = tesla_fail(&why, -EBADMSG, "block: it begins before the one before it ends");
	if (r != 0) {
		say(v, "block from", id, ms, why.text);
		return;
	}
	v->last_set = id;
	v->last_ms = b.last_ms;
}

/* Where it stands; and whether who looks for its key comes there, by the pages above. */
static void see(struct verify *v, MDB_cursor *c, const char *what, uint32_t id, int64_t ms)
{
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE), page;
	MDB_val key, value, found;

	v->n_seen++;
	if (mdb_cursor_get(c, &key, &value, MDB_GET_CURRENT) != 0) {
		say(v, what, id, ms, "it cannot be read: a page of data.mdb is damaged");
		return;
	}
	page = (uintptr_t)key.mv_data / size;
	v->n_pages += page != v->page;
	v->page = page;
	if (mdb_get(mdb_cursor_txn(c), mdb_cursor_dbi(c), &key, &found) != 0 ||
	    found.mv_data != value.mv_data)
		say(v, what, id, ms, "it is not found by its key: a page of data.mdb is damaged");
}

static int next_block(struct verify *v, struct tesla_error *err)
{
	struct key at = key_of(v->set, v->ms);
	struct txn t;
	MDB_cursor *c;
	MDB_val value;
	uint32_t id;
	int64_t ms;

	txn_begin(&t, v->s, false);
	c = cursor_open(&t, TABLE_BLOCKS);
	v->done = c == NULL || !cursor_move(&t, c, MDB_SET_RANGE, &at, &id, &ms, &value);
	if (!v->done) {
		see(v, c, "block from", id, ms);
		check_block(v, id, ms, value);
		go_behind(v, id, ms);
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return txn_end(&t, err);
}

static void check_row(struct verify *v, const struct key *key, uint32_t id, int64_t ms,
		      MDB_val value)
{
	const struct set *set = set_by_id(&v->s->sets, id);

	if (set == NULL)
		say(v, "row of", id, ms, "nothing says what it means");
	else if (!row_is_good(set, key_val(key), value))
		say(v, "row of", id, ms, "the checksum is wrong");
}

static int next_rows(struct verify *v, struct tesla_error *err)
{
	struct key at = key_of(v->set, v->ms);
	MDB_cursor_op op = MDB_SET_RANGE;
	struct txn t;
	MDB_cursor *c;
	MDB_val value;
	uint32_t id;
	int64_t ms;

	txn_begin(&t, v->s, false);
	c = cursor_open(&t, TABLE_RECENT);
	v->done = false;
	for (; c != NULL && !v->done && !txn_is_long(&t); op = MDB_NEXT) {
		v->done = !cursor_move(&t, c, op, &at, &id, &ms, &value);
		if (v->done)
			break;
		at = key_of(id, ms);
		see(v, c, "row of", id, ms);
		check_row(v, &at, id, ms, value);
		go_behind(v, id, ms);
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return txn_end(&t, err);
}

/*
 * A page that leaves out some of its keys looks like one that has no more; one that takes a key
 * from another page, where an old one may stand that is good, makes two of itself.
 */
static int check_count(struct verify *v, enum table table, struct tesla_error *err)
{
	static const char *const names[] = {
		[TABLE_BLOCKS] = "blocks", [TABLE_RECENT] = "recent rows"
	};
	static const char damaged[] = "a page of data.mdb is damaged";
	MDB_stat stat = { 0 };
	struct txn t;

	txn_begin(&t, v->s, false);
	if (t.r == 0)
		t.r = mdb_stat(t.mdb, v->s->tables[table], &stat);
	if (t.r == 0 && stat.ms_entries == v->n_seen && stat.ms_leaf_pages != v->n_pages &&
	    stat.ms_psize == (unsigned)sysconf(_SC_PAGESIZE)) {
		v->n_damaged++;
		store_say(v->s, "%s: they stand on %" PRIu64 " pages of %zu: %s", names[table],
			  v->n_pages, stat.ms_leaf_pages, damaged);
	}
	if (t.r == 0 && stat.ms_entries != v->n_seen) {
		v->n_damaged++;
		store_say(v->s, "%s: %" PRIu64 " were found, but %zu were put there: %s",
			  names[table], v->n_seen, stat.ms_entries, damaged);
	}
	return txn_end(&t, err);
}

/* Nothing else is done with the store meanwhile. */
static int everything(struct verify *v, int (*next)(struct verify *, struct tesla_error *),
		      enum table table, struct tesla_error *err)
{
	int r = 0;

	v->set = 0;
	v->ms = INT64_MIN;
	v->done = false;
	v->n_seen = v->n_pages = 0;
	v->page = 0;
	while (r == 0 && !v->done)
		r = next(v, err);
	return r == 0 ? check_count(v, table, err) : r;
}

int store_verify(struct store *s, uint64_t *n_damaged, struct tesla_error *err)
{
	struct verify v = { .s = s };
	int r = store_apply(s, err);

	for (size_t i = 0; i < s->sets.n; i++)
		v.n_damaged += s->sets.by_id[i] != NULL && s->sets.by_id[i]->unreadable;
	if (r == 0)
		r = everything(&v, next_block, TABLE_BLOCKS, err);
	if (r == 0)
		r = everything(&v, next_rows, TABLE_RECENT, err);
	*n_damaged = v.n_damaged;
	return r;
}
