/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction whose first error sticks, so that it is looked at once, at its end.  What is known
 * in memory changes with the commit or not at all.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "daemon/journal_internal.h"

#define GROWTH ((size_t)64 << 20)
#define FULL_BYTES (256u << 10) /* what LMDB writes at once does not fit */

/* ---- errors ---- */

static const struct mdb_error {
	int mdb, code;
	bool broken;
	const char *text;
} errors[] = {
	{ MDB_MAP_FULL, EOVERFLOW, false, "no room is left within its limits" },
	{ MDB_TXN_FULL, EOVERFLOW, false, "too much was to be changed at once" },
	{ MDB_PANIC, EIO, true, "an earlier write failed half way" },
	{ MDB_CORRUPTED, EUCLEAN, true, "a page of it is damaged" },
	{ MDB_PAGE_NOTFOUND, EUCLEAN, true, "a page of it is missing" },
	{ MDB_NOTFOUND, EUCLEAN, true, "a table of it is missing" },
	{ MDB_INVALID, EUCLEAN, true,
	  "data.mdb is no LMDB file, or one of another kind of machine" },
	{ MDB_VERSION_MISMATCH, EUCLEAN, true, "data.mdb is of another version of LMDB" },
	{ EIO, EIO, true, "the disk fails (input/output error)" },
	{ ENOSPC, ENOSPC, false, "the disk is full" },
	{ EACCES, EACCES, false, "permission denied" },
};

/* LMDB says EIO of a write that is cut short, too, which is what a full disk does. */
static bool is_cut_short(const char *path, int r)
{
	struct statvfs s;

	return r == EIO && statvfs(path, &s) == 0 && s.f_bavail < FULL_BYTES / s.f_frsize;
}

int journal_mdb_fail(const char *path, int r, bool *broken, struct tesla_error *err)
{
	if (is_cut_short(path, r)) {
		*broken = true; /* or it may fail as well */
		return tesla_fail(err, -ENOSPC, "journal %s: the disk is full", path);
	}
	for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
		if (errors[i].mdb == r) {
			*broken = *broken || errors[i].broken;
			return tesla_fail(err, -errors[i].code, "journal %s: %s", path,
					  errors[i].text);
		}
	}
	if (r > 0)
		return tesla_fail(err, -r, "journal %s: %s", path, strerror(r));
	*broken = true;
	return tesla_fail(err, -EUCLEAN, "journal %s: %s", path, mdb_strerror(r));
}

int txn_fail(struct journal *j, int r, struct tesla_error *err)
{
	return journal_mdb_fail(j->path, r, &j->broken, err);
}

bool txn_grow(struct journal *j)
{
	MDB_envinfo info;

	if (j->grown || mdb_env_info(j->env, &info) != 0)
		return false;
	j->grown = mdb_env_set_mapsize(j->env, info.me_mapsize + GROWTH) == 0;
	return j->grown;
}

/* ---- begin and end ---- */

static void copy_counts(struct txn *t)
{
	const struct journal_counts *now = &t->j->now;

	t->next = *now;
	t->next.exporters = calloc(now->n_exporters + 1, sizeof *now->exporters);
	if (t->next.exporters == NULL)
		t->r = ENOMEM;
	else if (now->n_exporters > 0)
		memcpy(t->next.exporters, now->exporters,
		       now->n_exporters * sizeof *now->exporters);
}

void txn_begin(struct txn *t, struct journal *j, unsigned flags)
{
	*t = (struct txn){ .j = j };
	t->r = mdb_txn_begin(j->env, NULL, flags, &t->mdb);
	if (t->r == 0 && (flags & MDB_RDONLY) == 0)
		copy_counts(t);
}

static void put_meta(struct txn *t)
{
	uint32_t version = JOURNAL_VERSION;
	const struct iovec parts[] = {
		{ &version, sizeof version },
		{ &t->next.reserved, sizeof t->next.reserved },
		{ t->next.dropped, sizeof t->next.dropped },
	};

	txn_put(t, TABLE_STATE, ROW_META, key_meta(), parts, N_ELEMENTS(parts));
	t->next.meta_changed = false;
}

static void put_cursor(struct txn *t, struct exporter_state *e)
{
	const struct iovec parts[] = {
		{ &e->info.delivered, sizeof e->info.delivered },
		{ &e->info.rejected, sizeof e->info.rejected },
		{ e->info.id, strlen(e->info.id) },
	};

	txn_put(t, TABLE_STATE, ROW_CURSOR, key_cursor(e->info.no), parts, N_ELEMENTS(parts));
	e->row_changed = false;
}

static void find_oldest(struct txn *t, struct exporter_state *e)
{
	struct bytes key, value;
	struct row_record r;
	uint16_t no;
	uint64_t seq;

	e->info.oldest_ms = 0;
	e->queue_changed = false;
	if (txn_first(t, TABLE_QUEUE, key_queue(e->info.no, 0), &key, &value) &&
	    key_parse_queue(key, &no, &seq) && no == e->info.no &&
	    txn_record(t, seq, &r) == ROW_GOOD)
		e->info.oldest_ms = r.end_ms;
}

static uint64_t pages(struct txn *t, enum table table, MDB_stat *s)
{
	if (t->r == 0)
		t->r = mdb_stat(t->mdb, t->j->tables[table], s);
	return t->r == 0 ? s->ms_branch_pages + s->ms_leaf_pages + s->ms_overflow_pages : 0;
}

uint64_t txn_bytes(struct txn *t)
{
	MDB_stat records = { 0 }, queue = { 0 };
	uint64_t n = pages(t, TABLE_RECORDS, &records) + pages(t, TABLE_QUEUE, &queue);

	t->next.records = records.ms_entries;
	return n * records.ms_psize;
}

void txn_refresh(struct txn *t)
{
	for (size_t i = 0; i < t->next.n_exporters; i++)
		if (t->next.exporters[i].queue_changed)
			find_oldest(t, &t->next.exporters[i]);
	t->next.bytes = txn_bytes(t);
}

static void put_changed(struct txn *t)
{
	for (size_t i = 0; i < t->next.n_exporters; i++)
		if (t->next.exporters[i].row_changed)
			put_cursor(t, &t->next.exporters[i]);
	if (t->next.meta_changed)
		put_meta(t);
	if (t->changed)
		txn_refresh(t);
}

int txn_end(struct txn *t, struct tesla_error *err)
{
	struct journal_counts old = t->j->now;

	if (t->next.exporters != NULL)
		put_changed(t);
	if (t->r == 0 && t->changed) {
		t->r = mdb_txn_commit(t->mdb);
		t->mdb = NULL;
	}
	if (t->mdb != NULL)
		mdb_txn_abort(t->mdb);
	if (t->r != 0 || !t->changed) {
		free(t->next.exporters);
		return t->r != 0 ? txn_fail(t->j, t->r, err) : 0;
	}
	t->j->now = t->next;
	free(old.exporters);
	return 0;
}

/* ---- rows ---- */

static MDB_val val(const void *at, size_t len)
{
	return (MDB_val){ len, (void *)(uintptr_t)at };
}

static struct bytes bytes(const MDB_val *v)
{
	return (struct bytes){ v->mv_data, v->mv_size };
}

static bool find(struct txn *t, enum table table, const struct key *key, MDB_val *v)
{
	MDB_val k = val(key->bytes, key->len);
	int r = t->r != 0 ? t->r : mdb_get(t->mdb, t->j->tables[table], &k, v);

	if (r != 0 && r != MDB_NOTFOUND)
		t->r = r;
	return r == 0;
}

enum row_found txn_get(struct txn *t, enum table table, enum row_kind kind, struct key key,
		       struct bytes *payload)
{
	MDB_val v;

	if (!find(t, table, &key, &v))
		return ROW_NONE;
	return row_open(kind, (struct bytes){ key.bytes, key.len }, bytes(&v), payload)
		       ? ROW_GOOD
		       : ROW_DAMAGED;
}

bool txn_has(struct txn *t, enum table table, struct key key)
{
	MDB_val v;

	return find(t, table, &key, &v);
}

void txn_put(struct txn *t, enum table table, enum row_kind kind, struct key key,
	     const struct iovec *parts, size_t n)
{
	MDB_val k = val(key.bytes, key.len), v = { row_size(parts, n), NULL };
	/* Records are added at the end, nearly always; told so, LMDB fills its pages. */
	unsigned append = table == TABLE_RECORDS ? MDB_APPEND : 0;

	if (t->r == 0)
		t->r = mdb_put(t->mdb, t->j->tables[table], &k, &v, MDB_RESERVE | append);
	if (t->r == MDB_KEYEXIST)
		t->r = mdb_put(t->mdb, t->j->tables[table], &k, &v, MDB_RESERVE);
	if (t->r != 0)
		return;
	row_write(v.mv_data, kind, (struct bytes){ key.bytes, key.len }, parts, n);
	t->changed = true;
}

bool txn_del(struct txn *t, enum table table, struct key key)
{
	MDB_val k = val(key.bytes, key.len);
	int r = t->r != 0 ? t->r : mdb_del(t->mdb, t->j->tables[table], &k, NULL);

	if (r != 0 && r != MDB_NOTFOUND)
		t->r = r;
	t->changed = t->changed || r == 0;
	return r == 0;
}

void rows_begin(struct rows *w, struct txn *t, enum table table, const struct key *from)
{
	*w = (struct rows){ .t = t };
	if (from != NULL)
		w->from = val(from->bytes, from->len);
	if (t->r == 0)
		t->r = mdb_cursor_open(t->mdb, t->j->tables[table], &w->cursor);
}

bool rows_next(struct rows *w)
{
	MDB_val k = w->from, v;
	MDB_cursor_op op = w->begun ? MDB_NEXT : k.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST;
	int r = w->t->r != 0 ? w->t->r : mdb_cursor_get(w->cursor, &k, &v, op);

	w->begun = true;
	if (r != 0 && r != MDB_NOTFOUND)
		w->t->r = r;
	if (r != 0)
		return false;
	w->key = bytes(&k);
	w->value = bytes(&v);
	return true;
}

void rows_end(struct rows *w)
{
	if (w->cursor != NULL)
		mdb_cursor_close(w->cursor);
}

bool txn_first(struct txn *t, enum table table, struct key from, struct bytes *key,
	       struct bytes *value)
{
	struct rows w;
	bool found;

	rows_begin(&w, t, table, &from);
	found = rows_next(&w);
	*key = w.key;
	*value = w.value;
	rows_end(&w);
	return found;
}
