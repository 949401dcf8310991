/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came last.  A row that is pending is in memory, a recent one is found by a move of a cursor;
 * one in a block is decoded once, and then kept in memory with its set, as long as that has room.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/store_internal.h"
#include "central/store_read.h"

#define KEPT_BYTES_MAX ((size_t)4 << 20) /* of all sets */
#define TRIES 8				 /* past what is damaged */

/* The last key of a set that is not behind `until`. */
static bool last_key(struct txn *t, enum table table, const struct set *set, int64_t until,
		     int64_t *ms, MDB_val *value)
{
	MDB_cursor *c = cursor_open(t, table);
	struct key behind = key_of(set->id, until + 1);
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

/* ---- one in a block ---- */

static void keep(struct store *s, const struct set *set, int64_t end_ms, const double *numbers)
{
	struct set *mine = s->sets.by_id[set->id - 1];
	size_t bytes = set->n_columns * sizeof *numbers;

	if (mine->kept == NULL) {
		if (s->kept_bytes + bytes > KEPT_BYTES_MAX)
			return;
		mine->kept = malloc(bytes);
		if (mine->kept == NULL)
			return;
		s->kept_bytes += bytes;
	}
	memcpy(mine->kept, numbers, bytes);
	mine->kept_ms = end_ms;
}

/* The last row that is not behind `until`; *end_ms says which. */
static int decode_last(const struct codec_block *b, int64_t until, int64_t *end_ms, double *numbers,
		       struct tesla_error *err)
{
	_cleanup_free_ int64_t *times = malloc(b->n_rows * sizeof *times);
	_cleanup_free_ double *column = malloc(b->n_rows * sizeof *column);
	size_t row = b->n_rows;
	int r;

	if (times == NULL || column == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory");
	r = codec_times(b, times, err);
	while (r == 0 && row > 0 && times[row - 1] > until)
		row--;
	if (r == 0 && row == 0)
		return tesla_fail(err, -EBADMSG, "block: it begins too late");
	for (size_t i = 0; i < b->n_columns && r == 0; i++) {
		r = codec_column(b, i, column, err);
		numbers[i] = r == 0 ? column[row - 1] : NAN;
	}
	*end_ms = r == 0 ? times[row - 1] : until;
	return r;
}

static int from_block(struct txn *t, const struct set *set, MDB_val value, int64_t until,
		      int64_t *end_ms, double *numbers, struct tesla_error *err)
{
	struct codec_block b;
	int r;

	if (set->kept != NULL && set->kept_ms == *end_ms && *end_ms <= until) {
		memcpy(numbers, set->kept, set->n_columns * sizeof *numbers);
		return 0;
	}
	r = codec_open(value.mv_data, value.mv_size, &b, err);
	if (r == 0 && b.n_columns != set->n_columns)
		r = tesla_fail(err, -EBADMSG, "block: it is another one's");
	if (r == 0)
		r = decode_last(&b, until, end_ms, numbers, err);
	if (r == 0)
		keep(t->s, set, *end_ms, numbers);
	return r;
}

/* ---- of a set ---- */

/* 1: *end_ms and the numbers; 0: there is none; -EBADMSG: it is damaged, and said. */
static int last_of_set(struct txn *t, const struct set *set, int64_t until, int64_t *end_ms,
		       double *numbers, struct tesla_error *err)
{
	int64_t recent, first;
	MDB_val row, block;
	struct key key;
	bool has_recent = last_key(t, TABLE_RECENT, set, until, &recent, &row);
	bool has_block = last_key(t, TABLE_BLOCKS, set, until, &first, &block);
	int r;

	*end_ms = has_block ? block_last_ms(block, first) : INT64_MIN;
	if (has_block &&
	    (!has_recent || *end_ms >= recent || (*end_ms > until && first > recent))) {
		r = from_block(t, set, block, until, end_ms, numbers, err);
		if (r == -EBADMSG)
			*end_ms = first;
		return r == 0 ? 1 : r;
	}
	if (!has_recent)
		return 0;
	*end_ms = recent;
	key = key_of(set->id, recent);
	if (!row_is_good(set, key_val(&key), row))
		return tesla_fail(err, -EBADMSG, "the row is damaged");
	row_numbers(row, 0, set->n_columns, numbers, 1);
	return 1;
}

/* 1, 0 as before; what is damaged is passed over. */
static int readable_last(struct txn *t, const struct set *set, int64_t *end_ms, double *numbers,
			 struct tesla_error *err)
{
	int64_t until = CODEC_TIME_MAX;
	char who[320];
	int r = -EBADMSG;

	for (int i = 0; i < TRIES && r == -EBADMSG; i++) {
		r = last_of_set(t, set, until, end_ms, numbers, err);
		if (r != -EBADMSG)
			break;
		set_describe(set, who, sizeof who);
		store_say(t->s, "%s, the last row, or the block from %" PRId64 ": %s", who, *end_ms,
			  err->text);
		until = *end_ms - 1;
	}
	return r == -EBADMSG ? 0 : r;
}

/* ---- of an analyzer ---- */

/* The set whose last row is the newest. */
static const struct set *newest_set(struct txn *t, const struct who *who)
{
	const struct set *best = who->newest_set;
	int64_t best_ms = INT64_MIN;

	if (best->older == NULL)
		return best;
	for (const struct set *set = best; set != NULL; set = set->older) {
		struct store_range range = set_range(t, set);

		if (range.last_ms > best_ms) {
			best = set;
			best_ms = range.last_ms;
		}
	}
	return best;
}

/* 1: it is on its way into the tables; 0: they have it. */
static int read_pending(const struct store *s, const struct who *who, struct arena *memory,
			struct record *ret, struct tesla_error *err)
{
	MDB_val row = pending_row(s, who, who->newest_ms);
	_cleanup_free_ double *numbers = NULL;
	const struct set *set;
	uint32_t id;
	int64_t ms;

	if (row.mv_data == NULL)
		return 0;
	(void)key_parse((MDB_val){ KEY_BYTES, row.mv_data }, &id, &ms);
	row = (MDB_val){ row.mv_size - KEY_BYTES, (uint8_t *)row.mv_data + KEY_BYTES };
	set = set_by_id(&s->sets, id);
	numbers = malloc(set->n_columns * sizeof *numbers);
	if (numbers == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory");
	row_numbers(row, 0, set->n_columns, numbers, 1);
	if (!row_record(set, ms, numbers, memory, ret))
		return tesla_fail(err, -ENOMEM, "store: no memory");
	return 1;
}

static int read_tables(struct store *s, const struct who *who, struct arena *memory,
		       struct record *ret, struct tesla_error *err)
{
	_cleanup_free_ double *numbers = NULL;
	const struct set *set;
	struct txn t;
	int64_t end_ms = 0;
	int r, end;

	txn_begin(&t, s, false);
	set = newest_set(&t, who);
	numbers = malloc(set->n_columns * sizeof *numbers);
	r = numbers != NULL ? readable_last(&t, set, &end_ms, numbers, err)
			    : tesla_fail(err, -ENOMEM, "store: no memory");
	if (r == 1 && !row_record(set, end_ms, numbers, memory, ret))
		r = tesla_fail(err, -ENOMEM, "store: no memory");
	end = txn_end(&t, err);
	return end != 0 ? end : r;
}

int store_last(struct store *s, const char *node, int64_t analyzer, struct arena *memory,
	       struct record *ret, struct tesla_error *err)
{
	struct who *who = who_look_up(&s->sets, node, analyzer);
	int r = who != NULL ? who_know(s, who, err) : 0;

	if (who != NULL && r == 0 && pending_has_blocks(s, who))
		r = store_apply(s, err);
	if (who != NULL && r == 0)
		r = read_pending(s, who, memory, ret, err);
	if (who != NULL && r == 0)
		r = read_tables(s, who, memory, ret, err);
	if (r == 0)
		return tesla_fail(err, -ENOENT,
				  "store %s: node %s, analyzer %" PRId64 " has no record", s->path,
				  node, analyzer);
	return r < 0 ? r : 0;
}
