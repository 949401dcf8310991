/* SPDX-License-Identifier: Apache-2.0 */
/* From the write-ahead file into the tables, a transaction for as much as takes some 10 ms. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "central/bytes.h"
#include "central/store_internal.h"

#define HEAD_BYTES 12u /* of a pending entry: its number, its length */
#define META_BYTES 16u

/* An entry of the write-ahead file: the length of the node's id (2 bytes), the id, the record. */
struct entry {
	char node[STORE_NODE_MAX + 1];
	struct record record;
};

static int parse_entry(const uint8_t *at, size_t len, struct arena *memory, struct entry *ret,
		       struct tesla_error *err)
{
	size_t n = len < 2 ? 0 : get_u16(at);

	if (n == 0 || n > STORE_NODE_MAX || n > len - 2 || memchr(at + 2, 0, n) != NULL)
		return tesla_fail(err, -EBADMSG, "an entry without a node");
	memcpy(ret->node, at + 2, n);
	ret->node[n] = '\0';
	return record_parse(at + 2 + n, len - 2 - n, memory, &ret->record, err);
}

int pending_add(struct store *s, uint64_t seq, const void *bytes, size_t len,
		struct tesla_error *err)
{
	uint8_t head[HEAD_BYTES];
	size_t start = s->pending.pub.len;

	put_u64(head, seq);
	put_u32(head + 8, (uint32_t)len);
	if (buf_append(&s->pending, head, sizeof head) == 0 &&
	    buf_append(&s->pending, bytes, len) == 0)
		return 0;
	s->pending.pub.len = start;
	return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
}

/* A set that is new is written with the first of its rows; again, if that came to nothing. */
static void put_set(struct txn *t, const struct set *set)
{
	uint32_t id = htobe32(set->id);
	struct buf b;

	buf_init(&b, RECORD_BYTES_MAX + 16);
	if (set_value(set, &b) == 0)
		txn_put(t, TABLE_SETS, (MDB_val){ sizeof id, &id },
			(MDB_val){ b.pub.len, b.pub.bytes });
	else
		t->r = ENOMEM;
	buf_release(&b);
}

static void put_new_sets(struct txn *t)
{
	struct sets *sets = &t->s->sets;

	for (size_t i = sets->n; i > 0; i--) { /* new ones are at the end */
		if (sets->by_id[i - 1] == NULL)
			continue;
		if (sets->by_id[i - 1]->saved)
			break;
		put_set(t, sets->by_id[i - 1]);
	}
}

static void sets_are_saved(struct sets *sets)
{
	for (size_t i = sets->n; i > 0; i--)
		if (sets->by_id[i - 1] != NULL && !sets->by_id[i - 1]->saved)
			sets->by_id[i - 1]->saved = true;
		else if (sets->by_id[i - 1] != NULL)
			break;
}

static int put_row(struct txn *t, const struct set *set, const struct record *r,
		   uint64_t *duplicates)
{
	struct key key = key_of(set->id, r->end_ms);
	_cleanup_free_ uint8_t *row = malloc(row_bytes(set));

	if (row == NULL)
		return -ENOMEM;
	row_make(set, r, &key, row);
	*duplicates +=
		!txn_put_new(t, TABLE_RECENT, key_val(&key), (MDB_val){ row_bytes(set), row });
	return 0;
}

/* What cannot be parsed was not made by store_append: it is said, and not tried for ever. */
static int apply_entry(struct txn *t, const uint8_t *at, size_t len, uint64_t *duplicates,
		       struct tesla_error *err)
{
	struct arena memory = { 0 };
	struct tesla_error why = { 0 };
	struct entry e = { .node = "" };
	struct set *set = NULL;
	int r = parse_entry(at, len, &memory, &e, &why);

	if (r == 0)
		r = set_find(&t->s->sets, &(struct store_record){ e.node, &e.record }, &set, &why);
	if (r == 0)
		r = put_row(t, set, &e.record, duplicates);
	arena_release(&memory);
	if (r == -EBADMSG || r == -EMSGSIZE || r == -EINVAL) {
		store_say(t->s, "the write-ahead file has a record that is none: %s", why.text);
		return 0;
	}
	return r == 0 ? 0 : tesla_fail(err, r, "store %s: no memory", t->s->path);
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

/* Some entries from pending_at on. */
static int apply_some(struct store *s, struct tesla_error *err)
{
	size_t at = s->pending_at;
	uint64_t seq = s->applied, duplicates = 0;
	struct txn t;
	int r = 0, end;

	txn_begin(&t, s, true);
	while (at < s->pending.pub.len && r == 0 && t.r == 0 && !txn_is_long(&t)) {
		const uint8_t *head = s->pending.pub.bytes + at;
		size_t len = get_u32(head + 8);

		seq = get_u64(head);
		r = apply_entry(&t, head + HEAD_BYTES, len, &duplicates, err);
		at += HEAD_BYTES + len;
	}
	put_new_sets(&t);
	put_meta(&t, seq);
	if (r != 0) {
		mdb_txn_abort(t.mdb);
		return r;
	}
	end = txn_end(&t, err);
	if (end != 0)
		return end == -EAGAIN ? 0 : end;
	sets_are_saved(&s->sets);
	s->counts.duplicates += duplicates;
	s->applied = seq;
	s->pending_at = at;
	return 0;
}

int store_apply(struct store *s, struct tesla_error *err)
{
	int r = 0;

	while (s->pending_at < s->pending.pub.len && r == 0)
		r = apply_some(s, err);
	if (r != 0)
		return r;
	buf_clear(&s->pending);
	s->pending_at = 0;
	return 0;
}
