/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as they are read: those of a block and those that came since, in one order. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "central/store_internal.h"

#define CHUNK_ROWS 16384u /* what takes too long is read in parts */

/* ---- the matrix ---- */

void chunk_release(struct chunk *c)
{
	free(c->times);
	free(c->values);
	*c = (struct chunk){ 0 };
}

int chunk_reserve(struct chunk *c, size_t n_columns, size_t cap, struct tesla_error *err)
{
	c->n = 0;
	if (c->cap >= cap && c->n_columns == n_columns)
		return 0;
	chunk_release(c);
	c->times = calloc(cap, sizeof *c->times);
	c->values = calloc(cap, n_columns * sizeof *c->values);
	if (c->times == NULL || c->values == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory for %zu rows", cap);
	c->cap = cap;
	c->n_columns = n_columns;
	return 0;
}

static size_t column_wanted(const struct chunk_want *want, size_t i)
{
	return want->columns != NULL ? want->columns[i] : i;
}

/* The rows of a block that are wanted, decoded in place behind those that are there. */
int chunk_add_block(struct chunk *c, const struct codec_block *b, const struct chunk_want *want,
		    struct tesla_error *err)
{
	int64_t *times = c->times + c->n;
	size_t from = 0, to = b->n_rows;
	int r = codec_times(b, times, err);

	if (r == 0 && b->n_columns != want->set->n_columns)
		r = tesla_fail(err, -EBADMSG, "block: it has %zu columns: expected %zu",
			       b->n_columns, want->set->n_columns);
	for (size_t i = 0; i < want->n_columns && r == 0; i++)
		r = codec_column(b, column_wanted(want, i), chunk_column(c, i) + c->n, err);
	if (r != 0)
		return r;
	while (from < to && times[from] < want->from_ms)
		from++;
	while (to > from && times[to - 1] > want->to_ms)
		to--;
	memmove(times, times + from, (to - from) * sizeof *times);
	for (size_t i = 0; i < want->n_columns && from > 0; i++) {
		double *values = chunk_column(c, i) + c->n;

		memmove(values, values + from, (to - from) * sizeof *values);
	}
	c->n += to - from;
	return 0;
}

/* The wanted rows of a block; when that is more than rows_max, *last is the last that was taken. */
static int add_part(struct chunk *c, const struct codec_block *b, const struct chunk_want *want,
		    size_t rows_max, int64_t *last, struct tesla_error *err)
{
	_cleanup_free_ int64_t *times = malloc(b->n_rows * sizeof *times);
	_cleanup_free_ double *values = malloc(b->n_rows * sizeof *values);
	size_t from = 0, to = b->n_rows;
	bool cut;
	int r;

	if (times == NULL || values == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory for %zu rows", b->n_rows);
	r = codec_times(b, times, err);
	if (r == 0 && b->n_columns != want->set->n_columns)
		r = tesla_fail(err, -EBADMSG, "block: it has %zu columns: expected %zu",
			       b->n_columns, want->set->n_columns);
	if (r != 0)
		return r;
	while (from < to && times[from] < want->from_ms)
		from++;
	while (to > from && times[to - 1] > want->to_ms)
		to--;
	cut = to - from > rows_max;
	to = cut ? from + rows_max : to;
	memcpy(c->times, times + from, (to - from) * sizeof *times);
	for (size_t i = 0; i < want->n_columns && r == 0; i++) {
		r = codec_column(b, column_wanted(want, i), values, err);
		if (r == 0)
			memcpy(chunk_column(c, i), values + from, (to - from) * sizeof *values);
	}
	if (r == 0)
		c->n = to - from;
	if (r == 0 && cut)
		*last = times[to - 1];
	return r;
}

void chunk_add_row(struct chunk *c, const struct chunk_want *want, int64_t ms, MDB_val row)
{
	c->times[c->n] = ms;
	for (size_t i = 0; i < want->n_columns; i++)
		chunk_column(c, i)[c->n] = row_number(row, column_wanted(want, i));
	c->n++;
}

/* Takes the rows `from` to `to` out. */
static void chunk_cut(struct chunk *c, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(c->times + from, c->times + to, (c->n - to) * sizeof *c->times);
	for (size_t k = 0; k < c->n_columns; k++) {
		double *values = chunk_column(c, k);

		memmove(values + from, values + to, (c->n - to) * sizeof *values);
	}
	c->n -= to - from;
}

/* Which row goes where; returns how many are left. */
static size_t merged_order(const struct chunk *c, size_t first, uint32_t *order)
{
	size_t a = 0, b = first, n = 0;

	while (a < first || b < c->n) {
		if (b == c->n || (a < first && c->times[a] <= c->times[b])) {
			if (b < c->n && c->times[a] == c->times[b])
				b++;
			order[n++] = (uint32_t)a++;
		} else {
			order[n++] = (uint32_t)b++;
		}
	}
	return n;
}

int chunk_merge(struct chunk *c, size_t first, struct tesla_error *err)
{
	_cleanup_free_ uint32_t *order = NULL;
	_cleanup_free_ double *column = NULL;
	_cleanup_free_ int64_t *times = NULL;
	size_t n;

	if (first == 0 || first == c->n || c->times[first - 1] < c->times[first])
		return 0;
	order = malloc(c->n * sizeof *order);
	column = malloc(c->n * sizeof *column);
	times = malloc(c->n * sizeof *times);
	if (order == NULL || column == NULL || times == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory for %zu rows", c->n);
	n = merged_order(c, first, order);
	for (size_t i = 0; i < n; i++)
		times[i] = c->times[order[i]];
	memcpy(c->times, times, n * sizeof *times);
	for (size_t k = 0; k < c->n_columns; k++) {
		for (size_t i = 0; i < n; i++)
			column[i] = chunk_column(c, k)[order[i]];
		memcpy(chunk_column(c, k), column, n * sizeof *column);
	}
	c->n = n;
	return 0;
}

/* ---- from the tables ---- */

struct found { /* the block that a chunk begins in, or the next one */
	bool any, damaged;
	int64_t first_ms; /* by its key */
	int64_t next_ms;  /* of the block behind it; INT64_MAX: there is none */
	struct codec_block block;
	struct tesla_error why;
};

static void open_found(struct found *f, MDB_val value)
{
	f->damaged = codec_open(value.mv_data, value.mv_size, &f->block, &f->why) != 0;
	if (!f->damaged && f->block.first_ms != f->first_ms) {
		f->damaged = true;
		(void)tesla_fail(&f->why, -EBADMSG, "block: it is another one's");
	}
}

/* The last that begins at or before `ms`, when that may reach it, or the one behind that. */
static void find_block(struct txn *t, const struct set *set, int64_t ms, struct found *f)
{
	MDB_cursor *c = cursor_open(t, TABLE_BLOCKS);
	struct key at = key_of(set->id, ms);
	MDB_val value, next;
	int64_t first = 0;
	uint32_t id = 0;
	bool here;

	*f = (struct found){ .next_ms = INT64_MAX };
	if (c == NULL)
		return;
	here = cursor_move(t, c, MDB_SET_RANGE, &at, &id, &first, &value);
	if (!here || id != set->id || first > ms) { /* the one before it */
		bool before =
			cursor_move(t, c, here ? MDB_PREV : MDB_LAST, NULL, &id, &first, &value);

		f->first_ms = first;
		f->any = before && id == set->id;
		if (f->any)
			open_found(f, value);
		if (f->any && !f->damaged && f->block.last_ms < ms)
			f->any = false;
		here = f->any || cursor_move(t, c, MDB_SET_RANGE, &at, &id, &first, &value);
	}
	if (!f->any && here && id == set->id) {
		*f = (struct found){ .any = true, .first_ms = first, .next_ms = INT64_MAX };
		open_found(f, value);
	}
	if (f->any && cursor_move(t, c, MDB_NEXT, NULL, &id, &first, &next) && id == set->id)
		f->next_ms = first;
	mdb_cursor_close(c);
}

static void say_block(struct store *s, const struct set *set, const struct found *f)
{
	char who[320];

	set_describe(set, who, sizeof who);
	store_say(s, "%s, block from %lld: %s", who, (long long)f->first_ms, f->why.text);
}

/* Recent rows up to `end`, until there are `max`; with more, *last is the last that was taken. */
static void add_recent(struct txn *t, const struct chunk_want *want, int64_t end, size_t max,
		       struct chunk *c, int64_t *last)
{
	MDB_cursor *cursor = cursor_open(t, TABLE_RECENT);
	struct key at = key_of(want->set->id, want->from_ms);
	MDB_cursor_op op = MDB_SET_RANGE;
	MDB_val value;
	uint32_t id;
	int64_t ms;

	*last = end;
	for (; cursor != NULL && cursor_move(t, cursor, op, &at, &id, &ms, &value); op = MDB_NEXT) {
		if (id != want->set->id || ms > end)
			break;
		if (c->n == max) {
			*last = ms - 1;
			break;
		}
		at = key_of(id, ms);
		if (row_is_good(want->set, key_val(&at), value))
			chunk_add_row(c, want, ms, value);
		else
			store_say(t->s, "set %u, row of %lld: damaged", (unsigned)id,
				  (long long)ms);
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
}

/* How far this chunk goes: to the end of its block, or to the beginning of the next one. */
static int64_t chunk_end(const struct chunk_want *want, const struct found *f)
{
	int64_t end = want->to_ms;

	if (f->any && f->first_ms > want->from_ms)
		end = f->first_ms - 1;
	else if (f->any && f->damaged && f->next_ms != INT64_MAX)
		end = f->next_ms - 1;
	else if (f->any && !f->damaged)
		end = f->block.last_ms;
	return end < want->to_ms ? end : want->to_ms;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int load(struct txn *t, const struct chunk_want *want, size_t rows_max, struct chunk *c,
		int64_t *next, struct tesla_error *err)
{
	struct found f;
	bool inside;
	size_t first, kept;
	int64_t last, end;
	int r;

	find_block(t, want->set, want->from_ms, &f);
	inside = f.any && f.first_ms <= want->from_ms && !f.damaged;
	if (f.any && f.damaged && f.first_ms <= want->from_ms)
		say_block(t->s, want->set, &f);
	end = chunk_end(want, &f);
	r = chunk_reserve(c, want->n_columns,
			  rows_max + (inside ? least(f.block.n_rows, rows_max) : 0), err);
	if (r == 0 && inside) {
		r = add_part(c, &f.block, want, rows_max, &end, &f.why);
		if (r == -EBADMSG)
			say_block(t->s, want->set, &f);
		else if (r != 0)
			*err = f.why;
		r = r == -EBADMSG ? 0 : r;
	}
	if (r != 0)
		return r;
	first = kept = c->n;
	add_recent(t, want, end, c->n + rows_max, c, &last);
	while (kept > 0 && c->times[kept - 1] > last)
		kept--; /* they come with the next chunk */
	chunk_cut(c, kept, first);
	*next = last + 1;
	return chunk_merge(c, kept, err);
}

int chunk_load_some(struct store *s, const struct chunk_want *want, size_t rows_max,
		    struct chunk *c, int64_t *next, struct tesla_error *err)
{
	struct txn t;
	int r, end;

	txn_begin(&t, s, false);
	r = load(&t, want, rows_max, c, next, err);
	end = txn_end(&t, err);
	return r != 0 ? r : end;
}

int chunk_load(struct store *s, const struct chunk_want *want, struct chunk *c, int64_t *next,
	       struct tesla_error *err)
{
	return chunk_load_some(s, want, least(set_rows_max(s, want->set), CHUNK_ROWS), c, next,
			       err);
}

/* ---- from headers ---- */

static bool has_recent(struct txn *t, const struct set *set, int64_t from_ms, int64_t to_ms)
{
	MDB_cursor *c = cursor_open(t, TABLE_RECENT);
	struct key at = key_of(set->id, from_ms);
	MDB_val value;
	uint32_t id;
	int64_t ms;
	bool found;

	if (c == NULL)
		return true;
	found = cursor_move(t, c, MDB_SET_RANGE, &at, &id, &ms, &value) && id == set->id &&
		ms <= to_ms;
	mdb_cursor_close(c);
	return found;
}

int chunk_summaries(struct store *s, const struct chunk_want *want, struct codec_summary *sums,
		    size_t *n_rows, int64_t *next, struct tesla_error *err)
{
	struct found f;
	struct txn t;
	int r;

	*n_rows = 0;
	txn_begin(&t, s, false);
	find_block(&t, want->set, want->from_ms, &f);
	if (f.any && !f.damaged && f.first_ms >= want->from_ms && f.block.last_ms <= want->to_ms &&
	    f.block.n_columns == want->set->n_columns &&
	    !has_recent(&t, want->set, want->from_ms, f.block.last_ms)) {
		for (size_t i = 0; i < want->n_columns; i++)
			codec_summary(&f.block, want->columns[i], &sums[i]);
		*n_rows = f.block.n_rows;
		*next = f.block.last_ms + 1;
	}
	r = txn_end(&t, err);
	return r;
}
