/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on its way from the write-ahead file into the tables: entries in the form of that file,
 * and an index of the rows among them.  What was laid and is not written yet stands at the end.
 */
#include <stdlib.h>

#include "central/bytes.h"
#include "central/store_internal.h"
#include "central/wal_form.h"

#define INDEX_MIN 1024u

void pending_init(struct store *s)
{
	buf_init(&s->pending.bytes, SIZE_MAX / 2);
	s->pending.generation = 1;
}

void pending_release(struct store *s)
{
	buf_release(&s->pending.bytes);
	free(s->pending.index);
	s->pending.index = NULL;
}

uint8_t *pending_lay(struct store *s, size_t len)
{
	return wal_lay(&s->pending.bytes, len);
}

/* ---- the index ---- */

static size_t place_of(const struct pending *p, const struct who *who, int64_t ms)
{
	uint64_t h = (uint64_t)ms * UINT64_C(0x9e3779b97f4a7c15) ^
		     (uint64_t)(uintptr_t)who * UINT64_C(0xc2b2ae3d27d4eb4f);

	return (size_t)((h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (p->index_size - 1);
}

/* Where that key is, or would go. */
static uint32_t *slot_of(const struct store *s, const struct who *who, int64_t ms)
{
	const struct pending *p = &s->pending;
	size_t i = place_of(p, who, ms);

	for (; p->index[i] != 0; i = (i + 1) & (p->index_size - 1)) {
		const uint8_t *row = p->bytes.pub.bytes + ((size_t)p->index[i] - 1) * 8;
		const struct set *set;
		uint32_t id;
		int64_t at;

		(void)key_parse((MDB_val){ KEY_BYTES, (void *)(uintptr_t)row }, &id, &at);
		set = set_by_id(&s->sets, id);
		if (at == ms && set != NULL && set->who == who)
			break;
	}
	return &p->index[i];
}

static void enter(const struct store *s, const struct who *who, int64_t ms, const uint8_t *row)
{
	*slot_of(s, who, ms) = (uint32_t)((size_t)(row - s->pending.bytes.pub.bytes) / 8 + 1);
}

/* All rows from the first that was not applied; of other entries there is none. */
static void index_again(struct store *s)
{
	struct pending *p = &s->pending;

	memset(p->index, 0, p->index_size * sizeof *p->index);
	p->n_rows = 0;
	for (size_t at = p->at; at < p->bytes.pub.len;) {
		const uint8_t *e = p->bytes.pub.bytes + at;
		size_t len = get_u32(e + WAL_ENTRY_LEN);
		const struct set *set;
		uint32_t id;
		int64_t ms;

		(void)key_parse((MDB_val){ KEY_BYTES, (void *)(uintptr_t)(e + WAL_ENTRY) }, &id,
				&ms);
		set = len > KEY_BYTES ? set_by_id(&s->sets, id) : NULL;
		if (set != NULL) {
			enter(s, set->who, ms, e + WAL_ENTRY);
			p->n_rows++;
		}
		at += wal_entry_bytes(len);
	}
}

/* At most half of it is used. */
static bool grow(struct store *s)
{
	struct pending *p = &s->pending;
	size_t size = p->index_size != 0 ? 2 * p->index_size : INDEX_MIN;
	uint32_t *index = calloc(size, sizeof *index);

	if (index == NULL)
		return false;
	free(p->index);
	p->index = index;
	p->index_size = size;
	index_again(s);
	return true;
}

bool pending_note(struct store *s, const struct who *who, int64_t ms, const uint8_t *row)
{
	struct pending *p = &s->pending;

	if (2 * (p->n_rows + 1) > p->index_size)
		return grow(s); /* takes it in, too */
	enter(s, who, ms, row);
	p->n_rows++;
	return true;
}

MDB_val pending_row(const struct store *s, const struct who *who, int64_t ms)
{
	size_t at = s->pending.n_rows > 0 ? *slot_of(s, who, ms) : 0;
	uint8_t *row;

	if (at == 0)
		return (MDB_val){ 0 };
	row = s->pending.bytes.pub.bytes + (at - 1) * 8;
	return (MDB_val){ get_u32(row - WAL_ENTRY + WAL_ENTRY_LEN), row };
}

/* ---- blocks ---- */

void pending_note_blocks(struct store *s, struct who *who)
{
	who->pending_blocks = s->pending.generation;
}

bool pending_has_blocks(const struct store *s, const struct who *who)
{
	return who->pending_blocks == s->pending.generation;
}

/* ---- what is none any more ---- */

void pending_forget(struct store *s)
{
	struct pending *p = &s->pending;

	p->bytes.pub.len = p->written;
	if (p->n_rows > 0)
		index_again(s);
}

void pending_consume(struct store *s)
{
	struct pending *p = &s->pending;

	if (p->at == 0)
		return;
	buf_consume(&p->bytes, p->at);
	p->written -= p->at;
	p->at = 0;
	if (p->bytes.pub.len == 0)
		p->generation++;
	if (p->n_rows > 0)
		index_again(s);
}

bool pending_reaches(const struct store *s, const struct who *who, int64_t from_ms, int64_t to_ms)
{
	const struct pending *p = &s->pending;

	if (pending_has_blocks(s, who))
		return true;
	for (size_t at = p->at; at < p->written;) {
		const uint8_t *e = p->bytes.pub.bytes + at;
		const struct set *set;
		uint32_t id;
		int64_t ms;

		(void)key_parse((MDB_val){ KEY_BYTES, (void *)(uintptr_t)(e + WAL_ENTRY) }, &id,
				&ms);
		set = set_by_id(&s->sets, id);
		if (set != NULL && set->who == who && ms >= from_ms && ms <= to_ms)
			return true;
		at += wal_entry_bytes(get_u32(e + WAL_ENTRY_LEN));
	}
	return false;
}
