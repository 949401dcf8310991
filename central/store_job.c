/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job: it notes which rows there are and in which order, makes the new block column by column,
 * puts it in the place of the old ones in one transaction, and takes the rows away in as many as it
 * needs.  Killed in between, rows are in both tables: what is read is the block's.
 */
#include "central/store_job.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define CHECK_EVERY 64		 /* rows, between looks at the clock */
#define GROUP_CELLS (128u << 10) /* numbers of recent rows that are read at once */
#define N_NEW 2u

enum phase { TAKE_ROWS, ORDER, MAKE, PUT, TAKE_AWAY, DONE };

struct job {
	struct store *s;
	const struct set *set;
	enum phase phase;
	struct job_block *blocks;
	struct codec_block *open; /* the same, for as long as a transaction reads */
	size_t n_blocks, n_block_rows;
	/* recent rows */
	int64_t next_ms, to_ms; /* where to go on, and where it ends */
	int64_t *recent; /* ends of those that are taken, and of damaged ones, which go, too */
	bool *is_good;
	size_t n_recent, recent_max, n_gone;
	size_t row_bytes; /* of one of them */
	/* rows of the new blocks */
	int64_t *times;
	uint32_t *from; /* number among the rows of blocks, or n_block_rows + number in recent */
	size_t n;
	bool in_order; /* from[i] is i */
	/* columns */
	size_t column;			 /* the next one */
	double *group;			 /* of recent rows, column after column */
	size_t group_from, group_n;	 /* columns in it */
	double *old, *made;		 /* a column as it was in the blocks, and of the new ones */
	struct codec_writer *new[N_NEW]; /* the second takes the second half, where there is one */
	size_t half;			 /* rows of the first */
	bool damaged;
};

static int no_memory(const struct job *j, struct tesla_error *err)
{
	return tesla_fail(err, -ENOMEM, "store %s: no memory", j->s->path);
}

/* Somebody changed what it was to replace: the next one finds what there is. */
static void give_up(struct job *j)
{
	j->phase = DONE;
}

/* ---- blocks that are there ---- */

static uint32_t crc_of(MDB_val block)
{
	struct codec_block ignored;
	uint32_t crc;

	return codec_peek(block.mv_data, block.mv_size, &ignored, &crc) ? crc : 0;
}

static bool ends_before(MDB_val block, int64_t ms)
{
	struct codec_block b;
	uint32_t ignored;

	return !codec_peek(block.mv_data, block.mv_size, &b, &ignored) || b.last_ms < ms;
}

/* -EBADMSG: it is damaged; -ESTALE: it is another one now. */
static int open_block(struct txn *t, const struct job *j, const struct job_block *b,
		      struct codec_block *ret, struct tesla_error *err)
{
	struct key key = key_of(j->set->id, b->first_ms);
	MDB_val value;
	int r;

	if (!txn_get(t, TABLE_BLOCKS, key_val(&key), &value) || crc_of(value) != b->crc)
		return t->r == 0 ? -ESTALE : store_mdb_fail(j->s, t->r, err);
	r = codec_open(value.mv_data, value.mv_size, ret, err);
	if (r == 0 && (ret->n_rows != b->n_rows || ret->first_ms != b->first_ms ||
		       ret->n_columns != j->set->n_columns))
		r = tesla_fail(err, -EBADMSG, "block: it is another one's");
	return r;
}

/* ---- which rows ---- */

static void say_damaged(const struct job *j, int64_t ms)
{
	store_say(j->s, "set %u, row of %lld: damaged, and left out of its block",
		  (unsigned)j->set->id, (long long)ms);
}

static int take_rows(struct job *j, struct tesla_error *err)
{
	struct key at = key_of(j->set->id, j->next_ms);
	MDB_cursor_op op = MDB_SET_RANGE;
	MDB_cursor *c;
	MDB_val value;
	struct txn t;
	uint32_t id;
	int64_t ms;

	txn_begin(&t, j->s, false);
	c = cursor_open(&t, TABLE_RECENT);
	j->phase = ORDER;
	for (; c != NULL && j->n_recent < j->recent_max; op = MDB_NEXT) {
		if (j->n_recent % CHECK_EVERY == CHECK_EVERY - 1 && txn_is_long(&t)) {
			j->phase = TAKE_ROWS;
			break;
		}
		if (!cursor_move(&t, c, op, &at, &id, &ms, &value) || id != j->set->id ||
		    ms >= j->to_ms)
			break;
		at = key_of(id, ms);
		j->row_bytes = value.mv_size;
		j->is_good[j->n_recent] = row_is_good(j->set, key_val(&at), value);
		if (!j->is_good[j->n_recent])
			say_damaged(j, ms);
		j->recent[j->n_recent++] = ms;
		j->next_ms = ms + 1;
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return txn_end(&t, err);
}

/* Of the same time the block's comes first. */
static void merge_times(struct job *j, const int64_t *old)
{
	size_t a = 0, b = 0;

	j->n = 0;
	while (a < j->n_block_rows || b < j->n_recent) {
		bool takes_old =
			b == j->n_recent || (a < j->n_block_rows && old[a] <= j->recent[b]);
		int64_t ms = takes_old ? old[a] : j->recent[b];
		bool good = takes_old || j->is_good[b];
		size_t from = takes_old ? a++ : j->n_block_rows + b++;

		if (!good || (j->n > 0 && j->times[j->n - 1] == ms))
			continue;
		j->from[j->n] = (uint32_t)from;
		j->times[j->n++] = ms;
	}
	j->in_order = j->n_block_rows == j->n;
	for (size_t i = 0; i < j->n && j->in_order; i++)
		j->in_order = j->from[i] == i;
}

static int begin_new(struct job *j, struct tesla_error *err)
{
	size_t max = set_rows_max(j->s, j->set), from = 0;
	int r = 0;

	j->half = j->n > max ? j->n / 2 : j->n;
	for (size_t i = 0; i < N_NEW && from < j->n && r == 0; i++) {
		size_t n = i == 0 ? j->half : j->n - j->half;

		j->new[i] = codec_writer_new();
		r = j->new[i] == NULL
			    ? no_memory(j, err)
			    : codec_begin(j->new[i], j->times + from, n, j->set->n_columns, err);
		from += n;
	}
	return r;
}

static int open_blocks(struct txn *t, struct job *j, struct tesla_error *err)
{
	int r = 0;

	for (size_t i = 0; i < j->n_blocks && r == 0; i++)
		r = open_block(t, j, &j->blocks[i], &j->open[i], err);
	return r;
}

static int read_times(struct txn *t, struct job *j, int64_t *old, struct tesla_error *err)
{
	size_t n = 0;
	int r = open_blocks(t, j, err);

	for (size_t i = 0; i < j->n_blocks && r == 0; i++) {
		r = codec_times(&j->open[i], old + n, err);
		n += j->blocks[i].n_rows;
	}
	return r;
}

static int order(struct job *j, struct tesla_error *err)
{
	_cleanup_free_ int64_t *old = malloc((j->n_block_rows + 1) * sizeof *old);
	size_t n = j->n_block_rows + j->n_recent;
	struct txn t;
	int r, end;

	j->times = malloc((n + 1) * sizeof *j->times);
	j->from = malloc((n + 1) * sizeof *j->from);
	j->old = malloc((j->n_block_rows + 1) * sizeof *j->old);
	j->made = malloc((n + 1) * sizeof *j->made);
	if (old == NULL || j->times == NULL || j->from == NULL || j->old == NULL || j->made == NULL)
		return no_memory(j, err);
	txn_begin(&t, j->s, false);
	r = read_times(&t, j, old, err);
	end = txn_end(&t, err);
	if (r != 0 || end != 0)
		return r != 0 ? r : end;
	merge_times(j, old);
	j->phase = j->n > 0 ? MAKE : TAKE_AWAY;
	return begin_new(j, err);
}

/* ---- columns ---- */

/* Some columns of all recent rows, in one go through them; none of them went. */
static int read_group(struct txn *t, struct job *j)
{
	MDB_cursor *c = cursor_open(t, TABLE_RECENT);
	struct key at = key_of(j->set->id, j->recent[0]);
	MDB_cursor_op op = MDB_SET_RANGE;
	size_t left = j->set->n_columns - j->column, want = GROUP_CELLS / j->n_recent + 1, k = 0;
	MDB_val value;
	uint32_t id;
	int64_t ms;

	j->group_from = j->column;
	j->group_n = want < left ? want : left;
	if (j->group == NULL)
		j->group = malloc(j->n_recent * j->group_n * sizeof *j->group);
	if (j->group == NULL)
		t->r = ENOMEM;
	for (; c != NULL && k < j->n_recent && t->r == 0; op = MDB_NEXT) {
		if (!cursor_move(t, c, op, &at, &id, &ms, &value) || id != j->set->id)
			break;
		if (ms != j->recent[k])
			continue; /* it came since */
		if (j->is_good[k])
			row_numbers(value, j->group_from, j->group_n, j->group + k, j->n_recent);
		k++;
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return k == j->n_recent ? 0 : -ESTALE;
}

static int read_old(struct job *j, struct tesla_error *err)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < j->n_blocks && r == 0; i++) {
		r = codec_column(&j->open[i], j->column, j->old + n, err);
		n += j->blocks[i].n_rows;
	}
	return r;
}

static const double *compose(struct job *j)
{
	const double *group = NULL;

	if (j->in_order)
		return j->old;
	if (j->n_recent > 0)
		group = j->group + (j->column - j->group_from) * j->n_recent;
	for (size_t i = 0; i < j->n; i++)
		j->made[i] = j->from[i] < j->n_block_rows ? j->old[j->from[i]]
							  : group[j->from[i] - j->n_block_rows];
	return j->made;
}

static int make_column(struct txn *t, struct job *j, struct tesla_error *err)
{
	const double *column;
	int r = 0;

	if (j->n_recent > 0 && j->column >= j->group_from + j->group_n)
		r = read_group(t, j);
	if (r == 0)
		r = read_old(j, err);
	if (r != 0 || t->r != 0)
		return r;
	column = compose(j);
	r = codec_add(j->new[0], column, err);
	if (r == 0 && j->new[1] != NULL)
		r = codec_add(j->new[1], column + j->half, err);
	j->column++;
	return r;
}

static int make(struct job *j, struct tesla_error *err)
{
	struct txn t;
	int r = 0, end;

	txn_begin(&t, j->s, false);
	r = open_blocks(&t, j, err);
	while (r == 0 && t.r == 0 && j->column < j->set->n_columns && !txn_is_long(&t))
		r = make_column(&t, j, err);
	if (j->column == j->set->n_columns)
		j->phase = PUT;
	end = txn_end(&t, err);
	return r != 0 ? r : end;
}

/* ---- the new blocks ---- */

static bool is_ours(const struct job *j, int64_t first_ms, MDB_val value)
{
	for (size_t i = 0; i < j->n_blocks; i++)
		if (j->blocks[i].first_ms == first_ms)
			return crc_of(value) == j->blocks[i].crc;
	return false;
}

/* Where the new ones go, there are the old ones and no other: columns may have come. */
static bool still_fits(struct txn *t, const struct job *j)
{
	MDB_cursor *c = cursor_open(t, TABLE_BLOCKS);
	struct key at = key_of(j->set->id, j->times[j->n - 1] + 1);
	int64_t first_ms = j->times[0], ms = 0;
	size_t n = 0;
	uint32_t id = 0;
	MDB_val value;
	bool here, fits = true;

	if (c == NULL)
		return false;
	here = cursor_move(t, c, MDB_SET_RANGE, &at, &id, &ms, &value);
	here = cursor_move(t, c, here ? MDB_PREV : MDB_LAST, NULL, &id, &ms, &value);
	for (; here && id == j->set->id && fits; n++) {
		if (ms < first_ms && !is_ours(j, ms, value)) { /* the one before */
			fits = ends_before(value, first_ms);
			break;
		}
		fits = is_ours(j, ms, value);
		here = cursor_move(t, c, MDB_PREV, NULL, &id, &ms, &value);
	}
	mdb_cursor_close(c);
	return fits && n == j->n_blocks;
}

static void replace(struct txn *t, const struct job *j, const struct buf *bytes, size_t first)
{
	struct key keys[N_NEW] = { key_of(j->set->id, j->times[0]) };

	for (size_t i = 0; i < j->n_blocks; i++) {
		struct key old = key_of(j->set->id, j->blocks[i].first_ms);
		MDB_val key = key_val(&old);

		if (t->r == 0 && j->blocks[i].first_ms != j->times[0])
			t->r = mdb_del(t->mdb, j->s->tables[TABLE_BLOCKS], &key, NULL);
	}
	txn_put(t, TABLE_BLOCKS, key_val(&keys[0]), (MDB_val){ first, bytes->pub.bytes });
	if (first == bytes->pub.len)
		return;
	keys[1] = key_of(j->set->id, j->times[j->half]);
	txn_put(t, TABLE_BLOCKS, key_val(&keys[1]),
		(MDB_val){ bytes->pub.len - first, bytes->pub.bytes + first });
}

static int put(struct job *j, struct tesla_error *err)
{
	struct buf bytes;
	struct txn t;
	size_t first;
	int r;

	/* Where blocks that are pending go was settled by those that there were. */
	r = pending_has_blocks(j->s, j->set->who) ? store_apply(j->s, err) : 0;
	buf_init(&bytes, CODEC_BYTES_MAX);
	if (r == 0)
		r = codec_end(j->new[0], &bytes, err);
	first = bytes.pub.len;
	if (r == 0 && j->new[1] != NULL)
		r = codec_end(j->new[1], &bytes, err);
	if (r == 0) {
		do {
			txn_begin(&t, j->s, true);
			j->phase = TAKE_AWAY;
			if (still_fits(&t, j))
				replace(&t, j, &bytes, first);
			else
				give_up(j);
			r = txn_end(&t, err);
		} while (r == -EAGAIN);
	}
	buf_release(&bytes);
	return r;
}

/* As many rows as there is time for. */
static int take_away(struct job *j, struct tesla_error *err)
{
	size_t i = j->n_gone;
	struct txn t;
	int r;

	txn_begin(&t, j->s, true);
	for (; i < j->n_recent && t.r == 0; i++) {
		struct key at = key_of(j->set->id, j->recent[i]);
		MDB_val key = key_val(&at);

		if ((i % CHECK_EVERY == CHECK_EVERY - 1 && txn_is_long(&t)) ||
		    (i - j->n_gone) * j->row_bytes > 2 * SLICE_BYTES)
			break;
		t.r = mdb_del(t.mdb, j->s->tables[TABLE_RECENT], &key, NULL);
		if (t.r == MDB_NOTFOUND)
			t.r = 0;
	}
	r = txn_end(&t, err);
	if (r == 0)
		j->n_gone = i;
	if (j->n_gone == j->n_recent)
		j->phase = DONE;
	return r == -EAGAIN ? 0 : r;
}

/* ---- a job ---- */

static int (*const phases[])(struct job *j, struct tesla_error *err) = {
	[TAKE_ROWS] = take_rows, [ORDER] = order, [MAKE] = make, [PUT] = put,
	[TAKE_AWAY] = take_away,
};

static void say_left(const struct job *j, const struct tesla_error *why)
{
	char who[320];

	set_describe(j->set, who, sizeof who);
	store_say(j->s, "%s, block from %lld: %s; rows that belong to it stay apart", who,
		  (long long)(j->n_blocks > 0 ? j->blocks[0].first_ms : 0), why->text);
}

int job_step(struct job *j, int64_t *next, struct tesla_error *err)
{
	int r = j->phase == DONE ? 0 : phases[j->phase](j, err);

	*next = j->next_ms;
	if (r == -ESTALE || r == -EBADMSG) {
		give_up(j);
		*next = r == -EBADMSG ? j->to_ms : *next;
		j->damaged = r == -EBADMSG;
		if (j->damaged)
			say_left(j, err);
		r = 0;
	}
	return r < 0 ? r : j->phase != DONE;
}

bool job_met_damage(const struct job *j)
{
	return j->damaged;
}

void job_free(struct job *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < N_NEW; i++)
		codec_writer_free(j->new[i]);
	free(j->blocks);
	free(j->open);
	free(j->recent);
	free(j->is_good);
	free(j->times);
	free(j->from);
	free(j->group);
	free(j->old);
	free(j->made);
	free(j);
}

static struct job *new_job(struct store *s, const struct set *set, size_t n_blocks,
			   size_t recent_max)
{
	struct job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	*j = (struct job){ .s = s, .set = set, .recent_max = recent_max };
	j->blocks = calloc(n_blocks + 1, sizeof *j->blocks);
	j->open = calloc(n_blocks + 1, sizeof *j->open);
	j->recent = calloc(recent_max + 1, sizeof *j->recent);
	j->is_good = calloc(recent_max + 1, sizeof *j->is_good);
	if (j->blocks != NULL && j->open != NULL && j->recent != NULL && j->is_good != NULL)
		return j;
	job_free(j);
	return NULL;
}

int job_of_blocks(struct store *s, const struct set *set, const struct job_block *blocks, size_t n,
		  struct job **ret, struct tesla_error *err)
{
	struct job *j = new_job(s, set, n, 0);

	if (j == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	for (size_t i = 0; i < n; i++) {
		j->blocks[i] = blocks[i];
		j->n_block_rows += blocks[i].n_rows;
	}
	j->n_blocks = n;
	j->phase = ORDER;
	*ret = j;
	return 0;
}

/* The last block of this week that begins at or before first_ms; where the next one begins. */
static bool find_block(struct txn *t, struct job *j, int64_t first_ms, MDB_val *value)
{
	MDB_cursor *c = cursor_open(t, TABLE_BLOCKS);
	struct key at = key_of(j->set->id, first_ms + 1);
	uint32_t id = 0;
	int64_t ms = 0;
	bool behind, before;

	if (c == NULL)
		return false;
	behind = cursor_move(t, c, MDB_SET_RANGE, &at, &id, &ms, value);
	if (behind && id == j->set->id && ms < j->to_ms)
		j->to_ms = ms;
	before = cursor_move(t, c, behind ? MDB_PREV : MDB_LAST, NULL, &id, &ms, value);
	mdb_cursor_close(c);
	j->blocks[0].first_ms = ms;
	return before && id == j->set->id && ms >= week_of(first_ms);
}

/* Of a block that is long enough, what only follows it begins another. */
static int take_block(struct txn *t, struct job *j, int64_t first_ms, struct tesla_error *err)
{
	struct codec_block b;
	MDB_val value;
	int r;

	if (!find_block(t, j, first_ms, &value))
		return 0;
	j->n_blocks = 1;
	r = codec_open(value.mv_data, value.mv_size, &b, err);
	if (r != 0)
		return r;
	if (first_ms > b.last_ms && b.n_rows >= set_rows_max(j->s, j->set) / 2) {
		j->n_blocks = 0;
		return 0;
	}
	j->blocks[0] = (struct job_block){ j->blocks[0].first_ms, b.n_rows, crc_of(value) };
	j->n_block_rows = b.n_rows;
	return 0;
}

int job_of_rows(struct store *s, const struct set *set, int64_t first_ms, struct job **ret,
		struct tesla_error *err)
{
	struct job *j = new_job(s, set, 1, set_rows_max(s, set));
	struct txn t;
	int r, end;

	if (j == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	j->next_ms = first_ms;
	j->to_ms = week_of(first_ms) + WEEK_MS;
	txn_begin(&t, s, false);
	r = take_block(&t, j, first_ms, err);
	if (r == -EBADMSG) {
		say_left(j, err);
		j->next_ms = j->to_ms;
		give_up(j);
		r = 0;
	}
	end = txn_end(&t, err);
	if (r == 0 && end == 0)
		*ret = j;
	else
		job_free(j);
	return r != 0 ? r : end;
}
