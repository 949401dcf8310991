/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making roll-ups: buckets of one block are computed from raw rows, merged with those that the
 * block has, and the block is written anew, together with how far the roll-up is made, or with the
 * marks of late rows that are done with.  All in one call: nothing can come in between.
 */
#include "central/store_rollup.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BLOCK_CELLS (64u << 10) /* numbers in a block of a roll-up */
#define BLOCK_ROWS_MIN 8u
#define BLOCK_ROWS_MAX 4096u
#define READ_CELLS (256u << 10) /* that are read at a time */
#define READ_ROWS_MIN 64u
#define WORTH_PART 4  /* so much of a block is worth writing it */
#define WORTH_MAX 32u /* so many buckets are, in any case */

struct making {
	struct store *s;
	struct set *roll;
	const struct set *from; /* what it is made of this time: a finer roll-up, or raw rows */
	size_t n_elements;
	size_t block_rows;
	int64_t block_from_ms, block_to_ms; /* ends of buckets in (from, to] are of this block */
	struct chunk read, rows;	    /* rows: those that the block will have */
	size_t first_new;		    /* of them */
	size_t *columns;		    /* N_CELLS for each element: of raw rows */
	enum tesla_variable_kind *kinds;
	struct aggregate *sums; /* of each element, in the bucket that is being added up */
	int64_t bucket_end_ms;
	int64_t old_ms; /* key of the block that is there; INT64_MIN: there is none */
	struct buf bytes;
};

/* ---- blocks ---- */

static size_t rows_of_block(const struct set *roll)
{
	size_t n = BLOCK_CELLS / roll->n_columns;

	return n < BLOCK_ROWS_MIN ? BLOCK_ROWS_MIN : n > BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX : n;
}

/* That of a bucket by its end; it always is the same. */
static void span_of(struct making *m, int64_t end_ms)
{
	int64_t len = level_length_ms(m->roll->level) * (int64_t)m->block_rows;
	int64_t into = (end_ms - 1) % len;

	m->block_from_ms = end_ms - 1 - (into < 0 ? into + len : into);
	m->block_to_ms = m->block_from_ms + len;
}

static int64_t worth_rows(const struct making *m)
{
	size_t n = m->block_rows / WORTH_PART;

	return (int64_t)(n < WORTH_MAX ? n : WORTH_MAX);
}

/* The last end of a bucket at or before ms. */
static int64_t end_until(const struct set *roll, int64_t ms)
{
	return level_ends_at(roll, ms) ? ms : level_start_ms(roll, ms);
}

/* ---- begin and end ---- */

static int describe_elements(struct making *m)
{
	size_t e = 0;

	for (size_t i = 0; i < m->from->n_variables; i++) {
		const struct set_variable *v = &m->from->variables[i];

		for (size_t k = 0; k < v->n_elements; k++, e++)
			if (!set_cells(m->from, v->name, k, &m->kinds[e], m->columns + e * N_CELLS))
				return -EBADMSG;
	}
	return 0;
}

static int begin(struct making *m, struct store *s, struct set *roll, struct tesla_error *err)
{
	*m = (struct making){ .s = s, .roll = roll, .from = roll->of, .old_ms = INT64_MIN };
	buf_init(&m->bytes, CODEC_BYTES_MAX);
	m->n_elements = (roll->n_columns - 1) / (N_CELLS - 1);
	m->block_rows = rows_of_block(roll);
	m->columns = calloc(m->n_elements * N_CELLS + 1, sizeof *m->columns);
	m->kinds = calloc(m->n_elements + 1, sizeof *m->kinds);
	m->sums = calloc(m->n_elements + 1, sizeof *m->sums);
	if (m->columns == NULL || m->kinds == NULL || m->sums == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	return 0;
}

static void end(struct making *m)
{
	chunk_release(&m->read);
	chunk_release(&m->rows);
	buf_release(&m->bytes);
	free(m->columns);
	free(m->kinds);
	free(m->sums);
}

/* ---- the block that is there ---- */

static int load_block(struct making *m, struct tesla_error *err)
{
	struct chunk_want want = { m->roll, NULL, m->roll->n_columns, INT64_MIN, INT64_MAX };
	struct key at = key_of(m->roll->id, m->block_from_ms + 1);
	struct codec_block b;
	MDB_cursor *c;
	MDB_val value;
	struct txn t;
	uint32_t id;
	int64_t ms;
	int r = chunk_reserve(&m->rows, m->roll->n_columns, 2 * m->block_rows + 4, err), stop;

	if (r != 0)
		return r;
	txn_begin(&t, m->s, false);
	c = cursor_open(&t, TABLE_BLOCKS);
	if (c != NULL && cursor_move(&t, c, MDB_SET_RANGE, &at, &id, &ms, &value) &&
	    id == m->roll->id && ms <= m->block_to_ms) {
		m->old_ms = ms;
		r = codec_open(value.mv_data, value.mv_size, &b, err);
		if (r == 0 && b.n_rows > m->block_rows + 2)
			r = tesla_fail(err, -EBADMSG, "block: it has too many rows");
		if (r == 0)
			r = chunk_add_block(&m->rows, &b, &want, err);
		if (r == -EBADMSG) { /* its buckets are made anew when a row comes late */
			store_say(m->s, "set %u, block of a roll-up from %lld: %s",
				  (unsigned)m->roll->id, (long long)ms, err->text);
			m->rows.n = 0;
			r = 0;
		}
	}
	if (c != NULL)
		mdb_cursor_close(c);
	stop = txn_end(&t, err);
	m->first_new = m->rows.n;
	return r != 0 ? r : stop;
}

/* ---- adding up ---- */

static void begin_bucket(struct making *m, int64_t end_ms)
{
	m->bucket_end_ms = end_ms;
	for (size_t e = 0; e < m->n_elements; e++)
		aggregate_init(&m->sums[e]);
}

/* The rows of it become one. */
static void end_bucket(struct making *m)
{
	size_t row = m->rows.n;
	double cells[N_CELLS];

	assert(row < m->rows.cap);
	if (m->n_elements == 0 || !m->sums[0].any)
		return;
	m->rows.times[row] = m->bucket_end_ms;
	chunk_column(&m->rows, 0)[row] =
		(double)(m->bucket_end_ms - level_start_ms(m->roll, m->bucket_end_ms));
	for (size_t e = 0; e < m->n_elements; e++) {
		aggregate_cells(&m->sums[e], m->bucket_end_ms, cells);
		for (size_t i = 1; i < N_CELLS; i++)
			chunk_column(&m->rows, 1 + e * (N_CELLS - 1) + i - 1)[row] = cells[i];
	}
	m->rows.n++;
}

static void add_rows(struct making *m, size_t from, size_t n)
{
	for (size_t e = 0; e < m->n_elements; e++) {
		struct cells c = { m->kinds[e], m->from->of != NULL, m->read.times, { NULL } };

		for (size_t i = 0; i < N_CELLS; i++)
			if (m->columns[e * N_CELLS + i] != SIZE_MAX)
				c.at[i] = chunk_column(&m->read, m->columns[e * N_CELLS + i]);
		aggregate_add(&m->sums[e], &c, from, n);
	}
}

static void add_chunk(struct making *m, int64_t *reached)
{
	size_t at = 0;

	while (at < m->read.n) {
		size_t from = at;

		if (m->read.times[at] > m->bucket_end_ms) {
			end_bucket(m);
			*reached = m->bucket_end_ms;
			begin_bucket(m, level_end_ms(m->roll, m->read.times[at]));
		}
		while (at < m->read.n && m->read.times[at] <= m->bucket_end_ms)
			at++;
		add_rows(m, from, at - from);
	}
}

/*
 * Buckets in (from_ms, to_ms], which are ends of some; *reached: so far.  By the clock it would do
 * the less the busier the machine is, and write the block as often as there are buckets.
 */
static int make_rows(struct making *m, int64_t from_ms, int64_t to_ms, int64_t *reached,
		     struct tesla_error *err)
{
	struct chunk_want want = { m->from, NULL, m->from->n_columns, from_ms + 1, to_ms };
	size_t max = READ_CELLS / m->from->n_columns, n = 0;
	int64_t next = from_ms + 1;
	int r = 0;

	max = max < READ_ROWS_MIN ? READ_ROWS_MIN : max;
	*reached = from_ms;
	begin_bucket(m, level_end_ms(m->roll, from_ms + 1));
	while (next <= to_ms) {
		want.from_ms = next;
		r = chunk_load_some(m->s, &want, max, &m->read, &next, err);
		if (r != 0)
			return r;
		add_chunk(m, reached);
		n += m->read.n;
		if (n >= max && *reached > from_ms && next <= to_ms)
			return 0; /* the bucket that was begun is read again */
	}
	end_bucket(m);
	*reached = to_ms;
	return 0;
}

/* ---- merging ---- */

static double rows_in(const struct making *m, size_t row)
{
	double sum = 0;

	for (size_t e = 0; e < m->n_elements; e++) {
		double n = chunk_column(&m->rows, e * (N_CELLS - 1) + CELL_ROWS)[row];

		sum += n > 0 ? n : 0;
	}
	return sum;
}

static void copy_row(struct making *m, size_t from, size_t to)
{
	for (size_t i = 0; i < m->rows.n_columns; i++)
		chunk_column(&m->rows, i)[to] = chunk_column(&m->rows, i)[from];
}

/*
 * Of a bucket that was there and is made anew the one counts that has more rows: some of those that
 * the old one was made of may have been removed by age since.
 */
static int merge(struct making *m, struct tesla_error *err)
{
	for (size_t i = m->first_new; i < m->rows.n; i++)
		for (size_t k = 0; k < m->first_new; k++)
			if (m->rows.times[k] == m->rows.times[i] && rows_in(m, i) >= rows_in(m, k))
				copy_row(m, i, k);
	return chunk_merge(&m->rows, m->first_new, err);
}

static int encode(struct making *m, struct tesla_error *err)
{
	_cleanup_free_ const double **columns = malloc(m->rows.n_columns * sizeof *columns);
	struct codec_rows rows = { m->rows.times, m->rows.n, m->rows.n_columns, columns };

	if (columns == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", m->s->path);
	for (size_t i = 0; i < m->rows.n_columns; i++)
		columns[i] = chunk_column(&m->rows, i);
	return codec_encode(&rows, &m->bytes, err);
}

/* ---- writing ---- */

static void put_block(struct making *m, struct txn *t)
{
	struct key old = key_of(m->roll->id, m->old_ms),
		   new = key_of(m->roll->id, m->rows.times[0]);
	MDB_val key = key_val(&old);

	if (m->old_ms != INT64_MIN && m->old_ms != m->rows.times[0] && t->r == 0)
		t->r = mdb_del(t->mdb, m->s->tables[TABLE_BLOCKS], &key, NULL);
	txn_put(t, TABLE_BLOCKS, key_val(&new), (MDB_val){ m->bytes.pub.len, m->bytes.pub.bytes });
}

/* Those of buckets that end in (from_ms, to_ms]. */
static void drop_marks(struct making *m, struct txn *t, int64_t from_ms, int64_t to_ms)
{
	MDB_cursor *c = cursor_open(t, TABLE_LATE);
	struct key first = key_of(m->roll->id, from_ms + 1);
	MDB_val value;
	uint32_t id;
	int64_t ms;

	while (c != NULL && cursor_move(t, c, MDB_SET_RANGE, &first, &id, &ms, &value) &&
	       id == m->roll->id && ms <= to_ms)
		t->r = mdb_cursor_del(c, 0);
}

static int put_all(struct making *m, int64_t from_ms, int64_t to_ms, struct tesla_error *err)
{
	int64_t done = m->roll->done_ms > to_ms ? m->roll->done_ms : to_ms;
	struct txn t;
	int r;

	do {
		txn_begin(&t, m->s, true);
		if (m->bytes.pub.len > 0)
			put_block(m, &t);
		if (done != m->roll->done_ms)
			level_put_done(&t, m->roll, done);
		drop_marks(m, &t, from_ms, to_ms);
		r = txn_end(&t, err);
	} while (r == -EAGAIN);
	if (r == 0)
		m->roll->done_ms = done;
	return r;
}

/* ---- of what ---- */

/* It has an end wherever the roll-up has one: of days, that depends on the zone. */
static bool has_ends(const struct set *finer, const struct set *roll, int64_t from_ms,
		     int64_t to_ms)
{
	for (int64_t ms = from_ms; ms <= to_ms; ms = level_end_ms(roll, ms + 1)) {
		if (!level_ends_at(finer, ms))
			return false;
		if (roll->level != STORE_DAY)
			break;
	}
	return true;
}

/* A finer one that is made and true there; what is late is made anew from the finest on. */
static bool serves(const struct making *m, struct txn *t, const struct set *finer, int64_t from_ms,
		   int64_t to_ms)
{
	int64_t late;

	if (finer == NULL || finer->done_ms < to_ms || !has_ends(finer, m->roll, from_ms, to_ms))
		return false;
	late = level_first_late(t, finer, from_ms);
	return late == INT64_MAX || level_start_ms(finer, late) >= to_ms;
}

static int choose_source(struct making *m, int64_t from_ms, int64_t to_ms, struct tesla_error *err)
{
	struct txn t;
	int r;

	m->from = m->roll->of;
	txn_begin(&t, m->s, false);
	for (int level = (int)m->roll->level - 1; level >= 0 && m->from->of == NULL; level--) {
		const struct set *finer = level_of(m->roll->of, (enum store_level)level);

		if (serves(m, &t, finer, from_ms, to_ms))
			m->from = finer;
	}
	r = txn_end(&t, err);
	if (r == 0 && describe_elements(m) != 0)
		r = tesla_fail(err, -EBADMSG, "set %u: its roll-up is none", (unsigned)m->roll->id);
	return r;
}

/* Buckets in (from_ms, to_ms], or some of them, of one block. */
static int make(struct making *m, int64_t from_ms, int64_t to_ms, struct roll_work *ret,
		struct tesla_error *err)
{
	int64_t reached = from_ms;
	size_t n_new;
	int r = choose_source(m, from_ms, to_ms, err);

	if (r == 0)
		r = load_block(m, err);
	if (r == 0)
		r = make_rows(m, from_ms, to_ms, &reached, err);
	n_new = m->rows.n - m->first_new;
	if (r == 0 && n_new > 0) {
		r = merge(m, err);
		if (r == 0)
			r = encode(m, err);
	}
	if (r == 0)
		r = put_all(m, from_ms, reached, err);
	if (r == 0)
		*ret = (struct roll_work){ n_new, reached > from_ms, false };
	return r;
}

/* ---- which ---- */

/* Of marks that follow each other in a block, the last. */
static int64_t last_mark(struct making *m, int64_t first, struct tesla_error *err, int *r)
{
	int64_t last = first, next;
	struct txn t;

	txn_begin(&t, m->s, false);
	for (;;) {
		next = level_first_late(&t, m->roll, last);
		if (next == INT64_MAX || next > m->block_to_ms ||
		    level_start_ms(m->roll, next) != last)
			break;
		last = next;
	}
	*r = txn_end(&t, err);
	return last;
}

int roll_late(struct store *s, struct set *roll, struct roll_work *ret, struct tesla_error *err)
{
	struct making m;
	int64_t first, last;
	struct txn t;
	int r;

	*ret = (struct roll_work){ 0 };
	txn_begin(&t, s, false);
	first = level_first_late(&t, roll, INT64_MIN / 2);
	r = txn_end(&t, err);
	if (r != 0 || first == INT64_MAX)
		return r;
	r = begin(&m, s, roll, err);
	if (r == 0) {
		span_of(&m, first);
		last = last_mark(&m, first, err, &r);
	}
	if (r == 0)
		r = make(&m, level_start_ms(roll, first), last, ret, err);
	ret->late = true;
	ret->moved = r == 0;
	end(&m);
	return r;
}

/* Not beyond the next finer one, so that it can be made of that. */
static int64_t limit_of(const struct set *roll)
{
	for (int level = (int)roll->level - 1; level >= 0; level--) {
		const struct set *finer = level_of(roll->of, (enum store_level)level);

		if (finer != NULL && finer->done_ms != INT64_MIN)
			return finer->done_ms;
	}
	return INT64_MAX;
}

int roll_forward(struct store *s, struct set *roll, int64_t until_ms, int64_t must_ms,
		 struct roll_work *ret, struct tesla_error *err)
{
	int64_t done = roll->done_ms, limit = limit_of(roll), next, worth,
		target = end_until(roll, until_ms < limit ? until_ms : limit);
	struct making m;
	struct txn t;
	int r;

	*ret = (struct roll_work){ 0 };
	txn_begin(&t, s, false);
	next = set_next_row(&t, roll->of, done > -CODEC_TIME_MAX ? done : -CODEC_TIME_MAX);
	r = txn_end(&t, err);
	if (r != 0 || next > target)
		return r;
	done = level_start_ms(roll, next) > done ? level_start_ms(roll, next) : done;
	r = begin(&m, s, roll, err);
	if (r == 0) {
		span_of(&m, level_end_ms(roll, done + 1));
		worth = level_length_ms(roll->level) * worth_rows(&m);
		if (end_until(roll, m.block_to_ms) < target)
			target = end_until(roll, m.block_to_ms);
		else if (target - done < worth &&
			 (must_ms < -CODEC_TIME_MAX || end_until(roll, must_ms) <= done))
			target = done;
		if (target > done)
			r = make(&m, done, target, ret, err);
	}
	end(&m);
	return r;
}
