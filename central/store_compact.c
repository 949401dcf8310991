/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compaction: rows become blocks, a week in each, or less where a week has many; and small blocks
 * become large ones.  It goes through the sets; store_job.c does the work.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "central/store_job.h"

#define CHECK_EVERY 64 /* rows or blocks, between looks at the clock */
#define RUN_MAX 256u   /* blocks that become one */
#define RUN_MIN 8u     /* in the week that goes on */

enum look { LOOK_ROWS, LOOK_COUNT, LOOK_BLOCKS };

struct store_compaction {
	struct store *s;
	bool all, applied;
	struct set *set; /* that is looked at; NULL: the next one */
	size_t n_sets;	 /* looked at */
	enum look look;
	int64_t from_ms;		 /* where to go on */
	int64_t first_ms, counted_to_ms; /* of rows that are counted */
	size_t counted;
	struct job_block run[RUN_MAX]; /* blocks that follow each other */
	size_t n_run, run_rows;
	bool any_merged; /* of this set */
	struct job *job;
};

/* ---- rows that are ripe ---- */

static bool first_row(struct store_compaction *c, struct txn *t, int64_t *ms)
{
	MDB_cursor *cursor = cursor_open(t, TABLE_RECENT);
	struct key at = key_of(c->set->id, c->from_ms);
	MDB_val value;
	uint32_t id;
	bool found;

	if (cursor == NULL)
		return false;
	found = cursor_move(t, cursor, MDB_SET_RANGE, &at, &id, ms, &value) && id == c->set->id;
	mdb_cursor_close(cursor);
	return found;
}

static void look_at_blocks(struct store_compaction *c)
{
	c->look = LOOK_BLOCKS;
	c->from_ms = c->set->look_from_ms;
}

static int begin_rows(struct store_compaction *c, int64_t first_ms, struct tesla_error *err)
{
	int r = job_of_rows(c->s, c->set, first_ms, &c->job, err);

	c->look = LOOK_ROWS;
	c->from_ms = first_ms;
	c->set->counted = false;
	return r == 0 ? 1 : r;
}

/* Of a week that is over all, else when they are enough for a block. */
static int look_rows(struct store_compaction *c, struct tesla_error *err)
{
	struct who *who = c->set->who;
	struct txn t;
	int64_t ms;
	bool found;
	int r;

	txn_begin(&t, c->s, false);
	found = first_row(c, &t, &ms);
	r = txn_end(&t, err);
	if (r == 0 && found)
		r = who_know(c->s, who, err);
	if (r != 0)
		return r;
	if (!found) {
		look_at_blocks(c);
		return 1;
	}
	if (c->all || who->newest_ms >= week_of(ms) + WEEK_MS)
		return begin_rows(c, ms, err);
	if (c->set->counted && c->set->n_recent < set_rows_max(c->s, c->set)) {
		look_at_blocks(c);
		return 1;
	}
	c->look = LOOK_COUNT;
	c->first_ms = c->counted_to_ms = ms;
	c->counted = 0;
	c->set->n_recent = 0; /* what comes meanwhile */
	return 1;
}

/* Those of the week that goes on, from first_ms to its end. */
static int look_count(struct store_compaction *c, struct tesla_error *err)
{
	struct key at = key_of(c->set->id, c->counted_to_ms);
	size_t max = set_rows_max(c->s, c->set);
	int64_t end_ms = week_of(c->first_ms) + WEEK_MS, ms;
	MDB_cursor_op op = MDB_SET_RANGE;
	MDB_cursor *cursor;
	MDB_val value;
	struct txn t;
	bool more = false, here = true;
	uint32_t id;
	int r;

	txn_begin(&t, c->s, false);
	cursor = cursor_open(&t, TABLE_RECENT);
	for (; cursor != NULL && c->counted < max && here && !more; op = MDB_NEXT) {
		here = cursor_move(&t, cursor, op, &at, &id, &ms, &value) && id == c->set->id &&
		       ms < end_ms;
		if (!here)
			break;
		c->counted_to_ms = ms + 1;
		more = ++c->counted % CHECK_EVERY == 0 && txn_is_long(&t);
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	r = txn_end(&t, err);
	if (r != 0 || (more && c->counted < max))
		return r == 0 ? 1 : r;
	if (c->counted >= max)
		return begin_rows(c, c->first_ms, err);
	c->set->n_recent += c->counted;
	c->set->counted = true;
	look_at_blocks(c);
	return 1;
}

/* ---- blocks that are small ---- */

static void run_clear(struct store_compaction *c)
{
	c->n_run = c->run_rows = 0;
}

static void run_add(struct store_compaction *c, struct job_block b)
{
	c->run[c->n_run++] = b;
	c->run_rows += b.n_rows;
}

/*
 * Leaves what is to become one block of it; false: nothing is.  While the week goes on, that must
 * be twice as long as the longest of which it is: so each row moves a few times only.
 */
static bool run_is_ripe(struct store_compaction *c)
{
	const struct who *who = c->set->who;
	size_t from = c->n_run, rows = 0, largest = 0;

	if (c->n_run < 2)
		return false;
	if (c->all || (who->known && who->newest_ms >= week_of(c->run[0].first_ms) + WEEK_MS))
		return true;
	for (size_t i = c->n_run; i > 0; i--) {
		rows += c->run[i - 1].n_rows;
		if (c->run[i - 1].n_rows > largest)
			largest = c->run[i - 1].n_rows;
		if (c->n_run - i + 1 >= RUN_MIN && rows >= 2 * largest)
			from = i - 1;
	}
	c->n_run -= from;
	memmove(c->run, c->run + from, c->n_run * sizeof *c->run);
	return c->n_run > 0;
}

/* Whether a block can go on the run. */
static bool run_takes(const struct store_compaction *c, const struct job_block *b)
{
	return c->n_run < RUN_MAX && c->run_rows + b->n_rows <= set_rows_max(c->s, c->set) &&
	       (c->n_run == 0 || week_of(c->run[0].first_ms) == week_of(b->first_ms));
}

/* By its header, which is looked at for damage when it is used. */
static struct job_block block_of(int64_t ms, MDB_val value)
{
	struct codec_block b;
	uint32_t crc;

	if (!codec_peek(value.mv_data, value.mv_size, &b, &crc))
		return (struct job_block){ ms, CODEC_ROWS_MAX, 0 };
	return (struct job_block){ ms, b.n_rows, crc };
}

/* Goes on through the blocks; true: the run is ripe. */
static bool gather_run(struct store_compaction *c, struct txn *t, bool *more)
{
	MDB_cursor *cursor = cursor_open(t, TABLE_BLOCKS);
	struct key at = key_of(c->set->id, c->from_ms);
	MDB_cursor_op op = MDB_SET_RANGE;
	bool ripe = false;
	MDB_val value;
	uint32_t id;
	int64_t ms;

	*more = false;
	for (size_t i = 1; cursor != NULL && !ripe && !*more; op = MDB_NEXT, i++) {
		struct job_block b;

		if (!cursor_move(t, cursor, op, &at, &id, &ms, &value) || id != c->set->id) {
			ripe = run_is_ripe(c);
			break;
		}
		b = block_of(ms, value);
		if (!run_takes(c, &b)) {
			ripe = run_is_ripe(c);
			if (ripe)
				break; /* from_ms is this one, still */
			run_clear(c);
		}
		if (run_takes(c, &b))
			run_add(c, b);
		c->from_ms = ms + 1;
		*more = i % CHECK_EVERY == 0 && txn_is_long(t);
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	return ripe;
}

static void next_set(struct store_compaction *c)
{
	c->set = NULL;
	run_clear(c);
}

static int look_blocks(struct store_compaction *c, struct tesla_error *err)
{
	struct txn t;
	bool more, ripe;
	int r;

	r = who_know(c->s, c->set->who, err);
	if (r != 0)
		return r;
	txn_begin(&t, c->s, false);
	ripe = gather_run(c, &t, &more);
	r = txn_end(&t, err);
	if (r != 0)
		return r;
	if (ripe) {
		r = job_of_blocks(c->s, c->set, c->run, c->n_run, &c->job, err);
		run_clear(c);
		return r == 0 ? 1 : r;
	}
	if (more)
		return 1;
	/* What is before the week that goes on is as it stays, unless something comes late. */
	if (!c->any_merged)
		c->set->look_from_ms = week_of(c->set->who->newest_ms);
	next_set(c);
	return 1;
}

/* ---- a step ---- */

/* Roll-ups have blocks of their own kind. */
static struct set *set_at(const struct store *s, size_t i)
{
	struct set *set = s->sets.by_id[i];

	return set != NULL && !set->unreadable && set->of == NULL ? set : NULL;
}

static int work(struct store_compaction *c, struct tesla_error *err)
{
	int64_t next;
	int r = job_step(c->job, &next, err);

	if (r != 0)
		return r;
	if (c->look != LOOK_BLOCKS)
		c->from_ms = next;
	else if (!job_met_damage(c->job))
		c->any_merged = true;
	job_free(c->job);
	c->job = NULL;
	return 1;
}

static int look_further(struct store_compaction *c, struct tesla_error *err)
{
	if (c->set == NULL) {
		if (c->n_sets >= c->s->sets.n)
			return 0;
		c->set = set_at(c->s, c->n_sets++);
		c->look = LOOK_ROWS;
		c->from_ms = INT64_MIN;
		c->any_merged = false;
		return 1;
	}
	return c->look == LOOK_ROWS    ? look_rows(c, err)
	       : c->look == LOOK_COUNT ? look_count(c, err)
				       : look_blocks(c, err);
}

int store_compact_begin(struct store *s, bool all, struct store_compaction **ret,
			struct tesla_error *err)
{
	struct store_compaction *c = calloc(1, sizeof *c);

	if (c == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	c->s = s;
	c->all = all;
	*ret = c;
	return 0;
}

int store_compact_step(struct store_compaction *c, struct tesla_error *err)
{
	int64_t until = clock_mono_us() + SLICE_US;
	int r = 1;

	if (!c->applied) {
		r = store_apply_step(c->s, err);
		c->applied = r == 0;
		return r < 0 ? r : 1;
	}
	if (c->job != NULL)
		return work(c, err);
	while (r == 1 && c->job == NULL && clock_mono_us() < until)
		r = look_further(c, err);
	return r;
}

void store_compact_end(struct store_compaction *c)
{
	if (c == NULL)
		return;
	job_free(c->job);
	free(c);
}

int store_compact(struct store *s, bool all, struct tesla_error *err)
{
	struct store_compaction *c;
	int r = store_compact_begin(s, all, &c, err);

	if (r != 0)
		return r;
	do
		r = store_compact_step(c, err);
	while (r == 1);
	store_compact_end(c);
	return r;
}
