/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: one number over time, from all sets that have it; and whole records, set by set. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/store_internal.h"

struct source { /* a set */
	const struct set *set;
	size_t column;
	struct chunk chunk;
	size_t at;    /* of the first row of the chunk that was not given out */
	int64_t next; /* where the next chunk begins */
};
struct store_series {
	struct store *s;
	int64_t to_ms;
	struct source *sources;
	size_t n;
};

/* ---- a series ---- */

static int add_source(struct store_series *r, const struct set *set, size_t column, int64_t from,
		      struct tesla_error *err)
{
	struct source *more = realloc(r->sources, (r->n + 1) * sizeof *more);

	if (more == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", r->s->path);
	r->sources = more;
	more[r->n++] = (struct source){ .set = set, .column = column, .next = from };
	return 0;
}

static int find_sources(struct store_series *r, const struct store_query *q,
			struct tesla_error *err)
{
	size_t column;
	int rc = 0;

	for (size_t i = 0; i < r->s->sets.n && rc == 0; i++) {
		const struct set *set = set_by_id(&r->s->sets, (uint32_t)i + 1);

		if (set != NULL && set->analyzer == q->analyzer &&
		    strcmp(set->node, q->node) == 0 && set_column(set, q, &column))
			rc = add_source(r, set, column, q->from_ms, err);
	}
	if (rc == 0 && r->n == 0)
		rc = tesla_fail(err, -ENOENT,
				"store %s: node %s, analyzer %" PRId64 " has no %s, element %zu",
				r->s->path, q->node, q->analyzer, q->variable, q->element + 1);
	return rc;
}

int store_series_open(struct store *s, const struct store_query *q, struct store_series **ret,
		      struct tesla_error *err)
{
	struct store_series *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	r->s = s;
	r->to_ms = q->to_ms < CODEC_TIME_MAX ? q->to_ms : CODEC_TIME_MAX;
	rc = store_apply(s, err);
	if (rc == 0)
		rc = find_sources(r, q, err);
	if (rc != 0)
		store_series_close(r);
	else
		*ret = r;
	return rc;
}

void store_series_close(struct store_series *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		chunk_release(&r->sources[i].chunk);
	free(r->sources);
	free(r);
}

/* So that it has a row to give, unless there is none any more. */
static int fill(struct store_series *r, struct source *from, struct tesla_error *err)
{
	int rc = 0;

	while (from->at == from->chunk.n && from->next <= r->to_ms && rc == 0) {
		struct chunk_want want = { from->set, &from->column, 1, from->next, r->to_ms };

		from->at = from->chunk.n = 0;
		rc = chunk_load(r->s, &want, &from->chunk, &from->next, err);
	}
	return rc;
}

static int64_t first_ms(const struct source *s)
{
	return s->at < s->chunk.n ? s->chunk.times[s->at] : INT64_MAX;
}

/* The one whose row comes first; *until: where another one's begins. */
static struct source *earliest(struct store_series *r, int64_t *until)
{
	struct source *first = NULL;

	*until = INT64_MAX;
	for (size_t i = 0; i < r->n; i++) {
		struct source *s = &r->sources[i];

		if (first == NULL || first_ms(s) < first_ms(first)) {
			if (first != NULL)
				*until = first_ms(first);
			first = s;
		} else if (first_ms(s) < *until) {
			*until = first_ms(s);
		}
	}
	return first;
}

/* Of two rows of one time the one of the set that came first is given out. */
static void skip_same(struct store_series *r, const struct source *given, int64_t ms)
{
	for (size_t i = 0; i < r->n; i++)
		if (&r->sources[i] != given && first_ms(&r->sources[i]) == ms)
			r->sources[i].at++;
}

int store_series_next(struct store_series *r, struct store_points *ret, struct tesla_error *err)
{
	struct source *from;
	int64_t until;
	size_t start;
	int rc = store_apply(r->s, err);

	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = fill(r, &r->sources[i], err);
	if (rc != 0)
		return rc;
	from = earliest(r, &until);
	if (from == NULL || first_ms(from) == INT64_MAX)
		return 0;
	start = from->at;
	if (until == first_ms(from)) {
		skip_same(r, from, until);
		from->at++;
	}
	while (from->at < from->chunk.n && from->chunk.times[from->at] < until)
		from->at++;
	*ret = (struct store_points){ .end_ms = from->chunk.times + start,
				      .values = chunk_column(&from->chunk, 0) + start,
				      .n = from->at - start };
	return 1;
}

/* ---- whole records ---- */

static int give_record(const struct set *set, const struct chunk *c, size_t row, double *numbers,
		       store_each *each, void *arg, struct tesla_error *err)
{
	struct arena memory = { 0 };
	struct record record;
	int r;

	for (size_t i = 0; i < set->n_columns; i++)
		numbers[i] = chunk_column(c, i)[row];
	if (row_record(set, c->times[row], numbers, &memory, &record))
		r = each(arg, &(struct store_record){ set->node, &record }, err);
	else
		r = tesla_fail(err, -ENOMEM, "store: no memory");
	arena_release(&memory);
	return r < 0 ? r : 0;
}

static int walk_set(struct store *s, const struct set *set, store_each *each, void *arg,
		    struct tesla_error *err)
{
	_cleanup_free_ double *numbers = malloc(set->n_columns * sizeof *numbers);
	struct chunk c = { 0 };
	int64_t next = -CODEC_TIME_MAX;
	int r = numbers != NULL ? 0 : tesla_fail(err, -ENOMEM, "store: no memory");

	while (r == 0 && next <= CODEC_TIME_MAX) {
		struct chunk_want want = { set, NULL, set->n_columns, next, CODEC_TIME_MAX };

		r = chunk_load(s, &want, &c, &next, err);
		for (size_t i = 0; i < c.n && r == 0; i++)
			r = give_record(set, &c, i, numbers, each, arg, err);
	}
	chunk_release(&c);
	return r;
}

int store_walk(struct store *s, store_each *each, void *arg, struct tesla_error *err)
{
	int r = store_apply(s, err);

	for (size_t i = 0; i < s->sets.n && r == 0; i++) {
		const struct set *set = set_by_id(&s->sets, (uint32_t)i + 1);

		if (set != NULL)
			r = walk_set(s, set, each, arg, err);
	}
	return r;
}
