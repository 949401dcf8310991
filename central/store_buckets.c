/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates by step.  A bucket is put together of segments: each from the coarsest roll-up that
 * has its ends, is made so far and is true; else from rows as they came.  There is a reader for
 * each level, which goes forward only.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "central/store_levels.h"
#include "central/store_reader.h"

#define RUN_BUCKETS 128u
#define FIRST_MS INT64_C(-86400000)	  /* no record ends before it */
#define HEADER_WORTH_MS INT64_C(21600000) /* in less time there is no block */
#define N_READERS (N_STORE_LEVELS + 1)
#define RAW N_STORE_LEVELS

struct bucket_source { /* a set of a level, as it is read */
	enum tesla_variable_kind kind;
	size_t at[N_CELLS]; /* which of the reader's columns; SIZE_MAX: none */
};
struct level_reader {
	bool open;
	struct reader reader;
	struct bucket_source *sources;
	struct reader_run run; /* its rows from `used` on were not taken */
	size_t used;
	bool ended;
	int64_t true_ms; /* its buckets are true up to here; asked for again behind it */
};
struct store_buckets {
	struct store *s;
	char *variable;
	size_t element;
	unsigned wanted;
	bool raw;
	struct store_steps steps;
	int64_t at_ms, to_ms;	 /* where the next segment begins; where all ends */
	int64_t last_ms;	 /* of all rows, when it was opened */
	const struct set **sets; /* raw ones that have it */
	size_t n_sets;
	struct level_reader readers[N_READERS];
	bool in_bucket;
	struct store_bucket bucket; /* its ends */
	struct aggregate sum;
	bool in_segment;
	int level; /* of the segment; RAW: none */
	int64_t segment_end_ms;
	bool loaded; /* a chunk, since the clock was looked at */
	struct store_bucket out[RUN_BUCKETS];
	size_t n_out;
};

/* ---- open ---- */

static int add_set(struct store_buckets *b, const struct set *set, struct tesla_error *err)
{
	const struct set **more = realloc(b->sets, (b->n_sets + 1) * sizeof(const struct set *));

	if (more == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", b->s->path);
	b->sets = more;
	more[b->n_sets++] = set;
	return 0;
}

/* Sets without a row in that time are left out; *any: some set has it at all. */
static int find_sets(struct store_buckets *b, const struct store_bucket_query *q, bool *any,
		     struct tesla_error *err)
{
	enum tesla_variable_kind kind;
	size_t columns[N_CELLS];
	struct txn t;
	int r = 0, end;

	txn_begin(&t, b->s, false);
	for (const struct set *set = NULL;
	     r == 0 && (set = set_of(&b->s->sets, q->node, q->analyzer, set)) != NULL;) {
		struct store_range range;

		if (!set_cells(set, q->variable, q->element, &kind, columns))
			continue;
		*any = true;
		range = set_range_with_rolls(&t, set);
		if (range.first_ms > q->to_ms || range.last_ms <= q->from_ms)
			continue;
		b->last_ms = range.last_ms > b->last_ms ? range.last_ms : b->last_ms;
		r = add_set(b, set, err);
	}
	end = txn_end(&t, err);
	return r != 0 ? r : end;
}

static bool steps_are_good(const struct store_steps *s)
{
	if (s->step_ms == 0)
		return s->next != NULL;
	return s->step_ms > 0 && s->step_ms <= CODEC_TIME_MAX && s->origin_ms <= CODEC_TIME_MAX &&
	       s->origin_ms >= -CODEC_TIME_MAX;
}

static int start(struct store_buckets *b, const struct store_bucket_query *q,
		 struct tesla_error *err)
{
	bool any = false;
	int r;

	if (!steps_are_good(&q->steps))
		return tesla_fail(err, -EINVAL, "a step is to be more than nothing");
	b->variable = strdup(q->variable);
	if (b->variable == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", b->s->path);
	r = reader_apply(b->s, q->node, q->analyzer, q->from_ms, q->to_ms, err);
	if (r == 0)
		r = find_sets(b, q, &any, err);
	if (r == 0 && !any)
		r = tesla_fail(err, -ENOENT,
			       "store %s: node %s, analyzer %" PRId64 " has no %s, element %zu",
			       b->s->path, q->node, q->analyzer, q->variable, q->element + 1);
	return r;
}

int store_buckets_open(struct store *s, const struct store_bucket_query *q,
		       struct store_buckets **ret, struct tesla_error *err)
{
	struct store_buckets *b = calloc(1, sizeof *b);
	int r;

	if (b == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	b->s = s;
	b->element = q->element;
	b->wanted = q->wanted;
	b->raw = q->raw;
	b->steps = q->steps;
	b->at_ms = q->from_ms > FIRST_MS ? q->from_ms : FIRST_MS;
	b->to_ms = q->to_ms < CODEC_TIME_MAX ? q->to_ms : CODEC_TIME_MAX;
	b->last_ms = INT64_MIN;
	for (int i = 0; i < N_READERS; i++)
		b->readers[i].true_ms = INT64_MIN;
	r = start(b, q, err);
	if (r != 0)
		store_buckets_close(b);
	else
		*ret = b;
	return r;
}

void store_buckets_close(struct store_buckets *b)
{
	if (b == NULL)
		return;
	for (int i = 0; i < N_READERS; i++) {
		reader_release(&b->readers[i].reader);
		free(b->readers[i].sources);
	}
	free(b->sets);
	free(b->variable);
	free(b);
}

/* ---- readers ---- */

static bool is_wanted(const struct store_buckets *b, enum cell cell, bool rolled)
{
	switch (cell) {
	case CELL_MIN:
	case CELL_MAX:
		return (b->wanted & STORE_EXTREMES) != 0;
	case CELL_INCREASE:
		return (b->wanted & STORE_GAIN) != 0;
	case CELL_LENGTH:
		return !rolled;
	case CELL_VALUE:
	case CELL_LAST_AT:
		return !rolled || (b->wanted & STORE_LAST) != 0;
	case CELL_MEAN:
	case CELL_WEIGHT:
		return (b->wanted & STORE_MEAN) != 0;
	case CELL_SUM:
		return (b->wanted & (STORE_MEAN | STORE_SUM)) != 0;
	default:
		return true;
	}
}

/* Each column once, though cells may share one. */
static size_t choose_columns(const struct store_buckets *b, const struct set *set,
			     struct bucket_source *source, size_t *columns)
{
	size_t all[N_CELLS], n = 0;

	(void)set_cells(set, b->variable, b->element, &source->kind, all);
	for (size_t i = 0; i < N_CELLS; i++) {
		size_t at = 0;

		source->at[i] = SIZE_MAX;
		if (all[i] == SIZE_MAX || !is_wanted(b, (enum cell)i, set->of != NULL))
			continue;
		while (at < n && columns[at] != all[i])
			at++;
		if (at == n)
			columns[n++] = all[i];
		source->at[i] = at;
	}
	return n;
}

static int open_reader(struct store_buckets *b, int level, struct tesla_error *err)
{
	struct level_reader *l = &b->readers[level];
	size_t columns[N_CELLS], n;
	int r = 0;

	l->sources = calloc(b->n_sets + 1, sizeof *l->sources);
	if (l->sources == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", b->s->path);
	reader_init(&l->reader, b->s, b->to_ms);
	l->reader.all = level != RAW;
	for (size_t i = 0; i < b->n_sets && r == 0; i++) {
		const struct set *set =
			level == RAW ? b->sets[i] : level_of(b->sets[i], (enum store_level)level);

		n = choose_columns(b, set, &l->sources[i], columns);
		r = reader_add(&l->reader, set, columns, n, b->at_ms + 1, err);
	}
	l->open = r == 0;
	return r;
}

/* What ends at or before the segment's beginning is passed over. */
static void catch_up(struct store_buckets *b, struct level_reader *l)
{
	while (l->used < l->run.n && l->run.end_ms[l->used] <= b->at_ms)
		l->used++;
	if (l->used == l->run.n)
		reader_skip(&l->reader, b->at_ms + 1);
}

/* ---- which level ---- */

/* To where it is made, and on as far as there is nothing to make it of. */
static int64_t made_until(struct txn *t, const struct set *roll)
{
	int64_t done = roll->done_ms > -CODEC_TIME_MAX ? roll->done_ms : -CODEC_TIME_MAX;
	int64_t next = set_next_row(t, roll->of, done);

	next = next == INT64_MAX ? next : level_start_ms(roll, next);
	return next > done ? next : done;
}

/* Up to where its buckets are true, from at_ms on; those that are gone below cannot become so. */
static int64_t ask_true(struct store_buckets *b, struct txn *t, int level)
{
	int64_t until = INT64_MAX;

	for (size_t i = 0; i < b->n_sets; i++) {
		const struct set *roll = level_of(b->sets[i], (enum store_level)level);
		int64_t from, late, begin, made;

		if (roll == NULL)
			return INT64_MIN;
		from = b->at_ms > b->sets[i]->gone_ms ? b->at_ms : b->sets[i]->gone_ms;
		late = level_first_late(t, roll, from);
		begin = late == INT64_MAX ? INT64_MAX : level_start_ms(roll, late);
		until = begin < until ? begin : until;
		made = made_until(t, roll);
		until = made < until ? made : until;
	}
	return until;
}

static int true_until(struct store_buckets *b, int level, int64_t *ret, struct tesla_error *err)
{
	struct level_reader *l = &b->readers[level];
	struct txn t;
	int r = 0;

	if (l->true_ms <= b->at_ms) {
		txn_begin(&t, b->s, false);
		l->true_ms = ask_true(b, &t, level);
		r = txn_end(&t, err);
	}
	*ret = l->true_ms;
	return r;
}

/* That of the first set; others of a level end where it does, if they end where days do, too. */
static bool ends_at(const struct store_buckets *b, int level, int64_t ms)
{
	for (size_t i = 0; i < b->n_sets; i++) {
		const struct set *roll = level_of(b->sets[i], (enum store_level)level);

		if (roll == NULL || !level_ends_at(roll, ms))
			return false;
		if (level != STORE_DAY)
			break;
	}
	return true;
}

static bool step_fits(const struct store_buckets *b, int level)
{
	int64_t step = b->steps.step_ms;

	return step == 0 || step % level_length_ms((enum store_level)level) == 0;
}

/* The coarsest that serves from at_ms on; *end: how far. */
static int choose_level(struct store_buckets *b, struct tesla_error *err)
{
	int64_t end = b->bucket.end_ms, until;
	int r = 0;

	b->level = RAW;
	b->segment_end_ms = end;
	for (int level = N_STORE_LEVELS - 1; level >= 0 && !b->raw && r == 0; level--) {
		if (!step_fits(b, level) || !ends_at(b, level, b->at_ms))
			continue;
		r = true_until(b, level, &until, err);
		if (r != 0 || until <= b->at_ms)
			continue;
		if (until > end && end == b->to_ms && !ends_at(b, level, end)) /* cut short */
			until = level_start_ms(level_of(b->sets[0], (enum store_level)level), end);
		if (until <= b->at_ms || (until > end && !ends_at(b, level, end)))
			continue;
		b->level = level;
		b->segment_end_ms = until < end ? until : end;
		break;
	}
	b->in_segment = r == 0;
	return r;
}

/* ---- segments ---- */

static void take_rows(struct store_buckets *b, struct level_reader *l)
{
	const struct bucket_source *source = &l->sources[l->run.source];
	struct cells c = { source->kind, b->level != RAW, l->run.end_ms, { NULL } };
	size_t to = l->used;

	while (to < l->run.n && l->run.end_ms[to] <= b->segment_end_ms)
		to++;
	for (size_t i = 0; i < N_CELLS; i++)
		if (source->at[i] != SIZE_MAX)
			c.at[i] = l->run.columns[source->at[i]];
	aggregate_add(&b->sum, &c, l->used, to - l->used);
	l->used = to;
}

/* A block that lies in the segment as a whole; *took: its header was enough. */
static int take_header(struct store_buckets *b, struct level_reader *l, bool *took,
		       struct tesla_error *err)
{
	const struct bucket_source *source = &l->sources[0];
	struct codec_summary sums[READER_COLUMNS_MAX];
	const struct codec_summary *at[N_CELLS] = { NULL };
	struct reader_source *from = &l->reader.sources[0];
	struct chunk_want want = { from->set, from->columns, from->n_columns, from->next,
				   b->segment_end_ms };
	int64_t next = 0;
	size_t n_rows;
	int r;

	*took = false;
	if (b->level != RAW || l->reader.n != 1 || (b->wanted & STORE_LAST) != 0 ||
	    from->at < from->chunk.n || b->segment_end_ms - from->next < HEADER_WORTH_MS)
		return 0;
	r = chunk_summaries(b->s, &want, sums, &n_rows, &next, err);
	b->loaded = true;
	if (r != 0 || n_rows == 0)
		return r;
	for (size_t i = 0; i < N_CELLS; i++)
		if (source->at[i] != SIZE_MAX)
			at[i] = &sums[source->at[i]];
	*took = aggregate_block(&b->sum, source->kind, n_rows, at);
	if (*took)
		from->next = next;
	return 0;
}

/* At most one chunk; the segment is over when in_segment is false. */
static int go_on(struct store_buckets *b, struct tesla_error *err)
{
	struct level_reader *l = &b->readers[b->level];
	int r = l->open ? 0 : open_reader(b, b->level, err);
	bool took = false;

	if (r != 0)
		return r;
	catch_up(b, l);
	if (l->used == l->run.n && !l->ended)
		r = take_header(b, l, &took, err);
	if (r != 0 || took)
		return r;
	if (l->used == l->run.n && !l->ended) {
		l->used = l->run.n = 0;
		r = reader_next(&l->reader, &l->run, err);
		l->ended = r == 0;
		b->loaded = true;
		if (r < 0)
			return r;
	}
	if (l->used < l->run.n)
		take_rows(b, l);
	if (l->used == l->run.n && !l->ended)
		return 0;
	b->at_ms = b->segment_end_ms;
	b->in_segment = false;
	return 0;
}

/* ---- buckets ---- */

static int64_t step_end(const struct store_steps *s, int64_t ms)
{
	int64_t into;

	if (s->step_ms == 0)
		return s->next(s->arg, ms);
	into = (ms - s->origin_ms) % s->step_ms;
	return ms + s->step_ms - (into < 0 ? into + s->step_ms : into);
}

static void begin_bucket(struct store_buckets *b)
{
	int64_t end = step_end(&b->steps, b->at_ms);

	b->bucket = (struct store_bucket){ .start_ms = b->at_ms };
	b->bucket.end_ms = end > b->at_ms && end < b->to_ms ? end : b->to_ms;
	aggregate_init(&b->sum);
	b->in_bucket = true;
}

/* Rows as they came are all that there are: no roll-up could have any that were removed. */
static bool raw_is_all(const struct store_buckets *b)
{
	for (size_t i = 0; i < b->n_sets; i++) {
		if (b->sets[i]->gone_ms > b->at_ms)
			return false;
		for (int level = 0; level < N_STORE_LEVELS && !b->raw; level++)
			if (b->sets[i]->rolls[level] != NULL && step_fits(b, level))
				return false;
	}
	return true;
}

/* Behind a bucket without a row: to the one that has the next. */
static void jump(struct store_buckets *b)
{
	const struct level_reader *l = &b->readers[b->level];
	int64_t next = l->used < l->run.n ? l->run.end_ms[l->used] : INT64_MAX;

	if (b->level == RAW && !raw_is_all(b))
		return;
	if (b->level != RAW && next > l->true_ms)
		next = l->true_ms + 1;
	next = next <= b->to_ms ? next - 1 : b->to_ms;
	if (next <= b->at_ms)
		return;
	if (b->steps.step_ms != 0) /* at_ms is an end */
		next -= (next - b->at_ms) % b->steps.step_ms;
	else if (b->steps.last != NULL)
		next = b->steps.last(b->steps.arg, next);
	else
		return;
	b->at_ms = next > b->at_ms ? next : b->at_ms;
}

static void end_bucket(struct store_buckets *b)
{
	struct store_bucket *out = &b->out[b->n_out];
	const struct aggregate *a = &b->sum;
	bool some = a->n_rows > 0;

	b->in_bucket = false;
	if (!a->any) {
		if (b->bucket.end_ms < b->to_ms)
			jump(b);
		return;
	}
	*out = b->bucket;
	out->n_rows = a->n_rows;
	out->mean = (b->wanted & STORE_MEAN) != 0 ? aggregate_mean(a) : NAN;
	out->sum = (b->wanted & STORE_SUM) != 0 && some ? a->sum : NAN;
	out->last = (b->wanted & STORE_LAST) != 0 ? a->last : NAN;
	out->min = a->min;
	out->max = a->max;
	out->increase = a->increase;
	out->covered_ms = a->covered_ms;
	out->coverage = a->covered_ms / (double)(out->end_ms - out->start_ms);
	out->coverage = out->coverage > 1 ? 1 : out->coverage;
	out->suspect = a->suspect;
	b->n_out++;
}

static bool is_over(const struct store_buckets *b)
{
	return !b->in_bucket && (b->at_ms >= b->to_ms || b->at_ms >= b->last_ms);
}

int store_buckets_next(struct store_buckets *b, struct store_bucket_run *ret,
		       struct tesla_error *err)
{
	int64_t start_us = clock_mono_us();
	unsigned turns = 0;
	int r = 0;

	b->n_out = 0;
	while (r == 0 && !is_over(b) && b->n_out < RUN_BUCKETS) {
		if ((b->loaded || ++turns % 16 == 0) && clock_mono_us() - start_us >= SLICE_US)
			break;
		b->loaded = false;
		if (!b->in_bucket)
			begin_bucket(b);
		if (!b->in_segment)
			r = choose_level(b, err);
		if (r == 0)
			r = go_on(b, err);
		if (r == 0 && !b->in_segment && b->at_ms >= b->bucket.end_ms)
			end_bucket(b);
	}
	if (r != 0)
		return r;
	*ret = (struct store_bucket_run){ b->out, b->n_out };
	return b->n_out > 0 || !is_over(b) ? 1 : 0;
}
