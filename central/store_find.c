/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is under a key.  Rows mostly come in the order of their times: then it is enough to
 * know the newest.  Others are looked for, and of a block that was read for one the next may be.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "central/store_internal.h"

void finder_init(struct finder *f, struct store *s)
{
	*f = (struct finder){ .s = s };
}

static void begin(struct finder *f)
{
	if (f->reads)
		return;
	txn_begin(&f->txn, f->s, false);
	f->reads = true;
	f->set = NULL;
}

void finder_pause(struct finder *f)
{
	if (f->reads)
		mdb_txn_abort(f->txn.mdb);
	f->reads = false;
	f->set = NULL;
}

void finder_release(struct finder *f)
{
	finder_pause(f);
	free(f->times);
}

static int failed(struct finder *f, struct tesla_error *err)
{
	int r;

	if (f->txn.r == 0)
		return 0;
	r = store_mdb_fail(f->s, f->txn.r, err);
	finder_pause(f);
	return r;
}

/* ---- the newest ---- */

/* A damaged block may have had what it could. */
static int64_t newest_of(struct txn *t, const struct set *set)
{
	int64_t recent, block;
	struct tesla_error ignored;
	struct codec_block b;
	MDB_val value;

	if (!last_of(t, TABLE_RECENT, set, &recent, &value))
		recent = INT64_MIN;
	if (!last_of(t, TABLE_BLOCKS, set, &block, &value))
		block = INT64_MIN;
	else if (codec_open(value.mv_data, value.mv_size, &b, &ignored) == 0)
		block = b.last_ms;
	else
		block = week_of(block) + WEEK_MS - 1;
	return recent > block ? recent : block;
}

static int know_newest(struct finder *f, struct who *who, struct tesla_error *err)
{
	int64_t newest = INT64_MIN;

	begin(f);
	for (const struct set *set = who->newest_set; set != NULL; set = set->older) {
		int64_t ms = newest_of(&f->txn, set);

		newest = ms > newest ? ms : newest;
	}
	if (failed(f, err) != 0)
		return err->code;
	who->newest_ms = newest;
	who->known = true;
	return 0;
}

int who_know(struct store *s, struct who *who, struct tesla_error *err)
{
	struct finder f;
	int r;

	if (who->known)
		return 0;
	finder_init(&f, s);
	r = know_newest(&f, who, err);
	finder_release(&f);
	return r;
}

/* ---- blocks ---- */

/* The block that begins at or before ms, and how far what it tells reaches. */
static bool find_block(struct finder *f, const struct set *set, int64_t ms, int64_t *first_ms)
{
	MDB_cursor *c = cursor_open(&f->txn, TABLE_BLOCKS);
	struct key at = key_of(set->id, ms);
	uint32_t id = 0;
	int64_t first = 0;
	bool here, before;

	f->from_ms = INT64_MIN;
	f->to_ms = INT64_MAX;
	if (c == NULL)
		return false;
	here = cursor_move(&f->txn, c, MDB_SET_RANGE, &at, &id, &first, &f->block);
	before = here && id == set->id && first == ms;
	if (here && id == set->id && !before)
		f->to_ms = first - 1;
	if (!before)
		before = cursor_move(&f->txn, c, here ? MDB_PREV : MDB_LAST, NULL, &id, &first,
				     &f->block) &&
			 id == set->id;
	*first_ms = first;
	mdb_cursor_close(c);
	return before;
}

static int reserve(struct finder *f, size_t n, struct tesla_error *err)
{
	int64_t *times = n > f->cap ? realloc(f->times, n * sizeof *times) : f->times;

	if (times == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", f->s->path);
	f->times = times;
	f->cap = n > f->cap ? n : f->cap;
	return 0;
}

/* Of a damaged block nothing is there any more. */
static int look_at(struct finder *f, const struct set *set, int64_t ms, struct tesla_error *err)
{
	struct tesla_error ignored;
	struct codec_block b;
	int64_t first;
	int r;

	f->n = 0;
	f->in_block = false;
	f->set = set;
	if (!find_block(f, set, ms, &first))
		return failed(f, err);
	f->from_ms = first;
	f->in_block = true;
	if (codec_open(f->block.mv_data, f->block.mv_size, &b, &ignored) != 0)
		return 0;
	if (b.last_ms < ms) {
		f->from_ms = b.last_ms + 1;
		f->in_block = false;
		return 0;
	}
	f->to_ms = b.last_ms;
	r = reserve(f, b.n_rows, err);
	if (r == 0 && codec_times(&b, f->times, &ignored) == 0)
		f->n = b.n_rows;
	return r;
}

static bool search(const struct finder *f, int64_t ms, size_t *ret)
{
	size_t from = 0, to = f->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (f->times[middle] < ms)
			from = middle + 1;
		else
			to = middle;
	}
	*ret = from;
	return from < f->n && f->times[from] == ms;
}

int find_span(struct finder *f, const struct set *set, int64_t ms, struct tesla_error *err)
{
	begin(f);
	return f->set != set || ms < f->from_ms || ms > f->to_ms ? look_at(f, set, ms, err) : 0;
}

static int find_in_set(struct finder *f, const struct set *set, int64_t ms, struct place *ret,
		       struct tesla_error *err)
{
	struct key key = key_of(set->id, ms);
	int r = find_span(f, set, ms, err);

	*ret = (struct place){ .set = set };
	if (r != 0)
		return r;
	if (search(f, ms, &ret->n_row)) {
		ret->block = f->block;
		return 1;
	}
	if (txn_get(&f->txn, TABLE_RECENT, key_val(&key), &ret->row))
		return 1;
	return failed(f, err);
}

/* ---- rows ---- */

int find_row(struct finder *f, const struct who *who, int64_t ms, struct place *ret,
	     struct tesla_error *err)
{
	int r = 0;

	for (const struct set *set = who->newest_set; set != NULL && r == 0; set = set->older)
		r = find_in_set(f, set, ms, ret, err);
	return r;
}

int is_there(struct finder *f, struct who *who, int64_t ms, struct tesla_error *err)
{
	struct place ignored;
	int r = who->known ? 0 : know_newest(f, who, err);

	if (r != 0 || ms > who->newest_ms)
		return r;
	if (pending_row(f->s, who, ms).mv_data != NULL)
		return 1;
	if (pending_has_blocks(f->s, who)) {
		finder_pause(f);
		r = pending_write(f->s, err);
		if (r == 0)
			r = store_apply(f->s, err);
	}
	return r == 0 ? find_row(f, who, ms, &ignored, err) : r;
}

/* ---- the record ---- */

static int numbers_of_row(const struct set *set, MDB_val key, MDB_val row, double *numbers,
			  struct tesla_error *err)
{
	if (!row_is_good(set, key, row))
		return tesla_fail(err, -EBADMSG, "the record is damaged");
	row_numbers(row, 0, set->n_columns, numbers, 1);
	return 0;
}

static int numbers_of_block(const struct place *at, double *numbers, struct tesla_error *err)
{
	_cleanup_free_ double *column = NULL;
	struct codec_block b;
	int r = codec_open(at->block.mv_data, at->block.mv_size, &b, err);

	if (r == 0 && b.n_columns != at->set->n_columns)
		r = tesla_fail(err, -EBADMSG, "block: it is another one's");
	if (r != 0)
		return r;
	column = malloc(b.n_rows * sizeof *column);
	if (column == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory");
	for (size_t i = 0; i < at->set->n_columns && r == 0; i++) {
		r = codec_column(&b, i, column, err);
		numbers[i] = r == 0 ? column[at->n_row] : NAN;
	}
	return r;
}

static int get_record(const struct place *at, int64_t ms, struct arena *memory, struct record *ret,
		      struct tesla_error *err)
{
	_cleanup_free_ double *numbers = malloc(at->set->n_columns * sizeof *numbers);
	struct key key = key_of(at->set->id, ms);
	int r;

	if (numbers == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory");
	r = at->block.mv_data != NULL
		    ? numbers_of_block(at, numbers, err)
		    : numbers_of_row(at->set, key_val(&key), at->row, numbers, err);
	if (r == 0 && !row_record(at->set, ms, numbers, memory, ret))
		r = tesla_fail(err, -ENOMEM, "store: no memory");
	return r;
}

/* Pending rows are where they are; blocks go into the tables first. */
static int find_anywhere(struct finder *f, const struct who *who, int64_t ms, struct place *ret,
			 struct tesla_error *err)
{
	MDB_val row = pending_row(f->s, who, ms);
	uint32_t id;
	int r = 0;

	if (row.mv_data != NULL) {
		(void)key_parse((MDB_val){ KEY_BYTES, row.mv_data }, &id, &ms);
		*ret = (struct place){ .set = set_by_id(&f->s->sets, id) };
		ret->row = (MDB_val){ row.mv_size - KEY_BYTES, (uint8_t *)row.mv_data + KEY_BYTES };
		return 1;
	}
	if (pending_has_blocks(f->s, who))
		r = store_apply(f->s, err);
	return r == 0 ? find_row(f, who, ms, ret, err) : r;
}

int store_get(struct store *s, const struct store_key *key, struct arena *memory,
	      struct record *ret, struct tesla_error *err)
{
	const struct who *who = who_look_up(&s->sets, key->node, key->analyzer);
	struct finder f;
	struct place at;
	int r;

	finder_init(&f, s);
	r = who != NULL ? find_anywhere(&f, who, key->end_ms, &at, err) : 0;
	if (r == 0)
		r = tesla_fail(err, -ENOENT, "node %s, analyzer %" PRId64 " has no such record",
			       key->node, key->analyzer);
	else if (r > 0)
		r = get_record(&at, key->end_ms, memory, ret, err);
	finder_release(&f);
	return r;
}
