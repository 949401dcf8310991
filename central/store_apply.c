/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the write-ahead file into the tables, in short transactions.  An
 * entry of that file is a key of the table `recent` and the row under it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/crc.h"
#include "central/bytes.h"
#include "central/store_levels.h"
#include "central/wal_form.h"

#define META_BYTES 16u

/* ---- definitions: on disk before there is a row that needs them ---- */

void set_put(struct txn *t, const struct set *set)
{
	uint32_t id = htobe32(set->id);
	struct buf b;

	buf_init(&b, RECORD_BYTES_MAX + 256);
	if (set_value(set, &b) == 0)
		txn_put(t, TABLE_SETS, (MDB_val){ sizeof id, &id },
			(MDB_val){ b.pub.len, b.pub.bytes });
	else
		t->r = ENOMEM;
	buf_release(&b);
}

/* The first of those at the end that are not saved. */
static size_t first_unsaved(const struct sets *sets)
{
	size_t i = sets->n;

	while (i > 0 && sets->by_id[i - 1] != NULL && !sets->by_id[i - 1]->saved)
		i--;
	return i;
}

int sets_save(struct store *s, struct tesla_error *err)
{
	size_t first = first_unsaved(&s->sets);
	struct txn t;
	int r;

	if (first == s->sets.n)
		return 0;
	do {
		txn_begin(&t, s, true);
		for (size_t i = first; i < s->sets.n && t.r == 0; i++)
			set_put(&t, s->sets.by_id[i]);
		r = txn_end(&t, err);
	} while (r == -EAGAIN);
	for (size_t i = first; i < s->sets.n && r == 0; i++)
		s->sets.by_id[i]->saved = true;
	return r;
}

/* ---- rows ---- */

int pending_add(struct store *s, uint64_t seq, const void *bytes, size_t len,
		struct tesla_error *err)
{
	struct buf *b = &s->pending.bytes;
	size_t start = b->pub.len;
	uint8_t *at = wal_lay(b, len);

	if (at == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	memcpy(at, bytes, len);
	put_u64(b->pub.bytes + start + WAL_ENTRY_SEQ, seq);
	s->pending.written = b->pub.len;
	return 0;
}

static struct set *set_to_count(const struct sets *sets, uint32_t id)
{
	return set_by_id(sets, id) != NULL ? sets->by_id[id - 1] : NULL;
}

/* Under a key that is there already nothing changes. */
static void put_row(struct txn *t, const uint8_t *at, size_t len, uint64_t *duplicates)
{
	MDB_val key = { KEY_BYTES, (void *)(uintptr_t)at };
	struct set *set;
	int64_t ms;
	uint32_t id;

	if (len <= KEY_BYTES || !key_parse(key, &id, &ms) || ms < ROW_TIME_MIN_MS ||
	    ms > ROW_TIME_MAX_MS) { /* not of store_append: there is nothing to keep */
		store_say(t->s, "the write-ahead file has an entry that is no row");
		return;
	}
	set = set_to_count(&t->s->sets, id);
	if (!txn_put_new(t, TABLE_RECENT, key,
			 (MDB_val){ len - KEY_BYTES, (void *)(uintptr_t)(at + KEY_BYTES) }))
		++*duplicates;
	else if (set != NULL)
		levels_note(t, set, ms);
	if (set != NULL)
		set->n_recent++;
}

static void put_meta(struct txn *t, uint64_t applied)
{
	uint8_t meta[META_BYTES];

	put_u32(meta, STORE_VERSION);
	put_u64(meta + 4, applied);
	put_u32(meta + 12, crc32c(0, meta, 12));
	txn_put(t, TABLE_META, (MDB_val){ 4, (void *)(uintptr_t) "meta" },
		(MDB_val){ sizeof meta, meta });
}

/* Some entries from pending.at on. */
static int apply_some(struct store *s, struct tesla_error *err)
{
	struct pending *p = &s->pending;
	size_t at = p->at;
	uint64_t seq = s->applied, duplicates = 0;
	struct pending part = *p; /* of an entry of blocks */
	struct txn t;
	int r;

	txn_begin(&t, s, true);
	while (at < p->written && at - p->at < SLICE_BYTES && t.r == 0 && !txn_is_long(&t)) {
		const uint8_t *e = p->bytes.pub.bytes + at;
		size_t len = get_u32(e + WAL_ENTRY_LEN);

		if (len > BLOCKS_HEAD && get_u32(e + WAL_ENTRY) == 0) {
			if (!blocks_apply(&t, e + WAL_ENTRY, len, &part))
				break;
		} else {
			put_row(&t, e + WAL_ENTRY, len, &duplicates);
		}
		seq = get_u64(e + WAL_ENTRY_SEQ);
		at += wal_entry_bytes(len);
	}
	put_meta(&t, seq);
	r = txn_end(&t, err);
	if (r != 0)
		return r == -EAGAIN ? 0 : r;
	s->counts.duplicates += duplicates;
	s->applied = seq;
	p->at = at;
	p->part = part.part;
	p->part_row = part.part_row;
	return 0;
}

int store_apply_step(struct store *s, struct tesla_error *err)
{
	int r = s->pending.at < s->pending.written ? apply_some(s, err) : 0;

	if (r == 0 && s->pending.at < s->pending.written)
		return 1;
	if (r == 0)
		pending_consume(s);
	return r;
}

int store_apply(struct store *s, struct tesla_error *err)
{
	int r;

	do
		r = store_apply_step(s, err);
	while (r == 1);
	return r;
}
