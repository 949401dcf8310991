/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: one number over time, from all sets that have it; and whole records, set by set. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/store_reader.h"

struct store_series {
	struct reader reader;
};

/* ---- a series ---- */

static int find_sources(struct reader *r, const struct store_query *q, struct tesla_error *err)
{
	size_t column;
	int rc = 0;

	for (const struct set *set = NULL;
	     rc == 0 && (set = set_of(&r->s->sets, q->node, q->analyzer, set)) != NULL;)
		if (set_column(set, q, &column))
			rc = reader_add(r, set, &column, 1, q->from_ms, err);
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
	reader_init(&r->reader, s, q->to_ms);
	/* What comes later may be given out, or not. */
	rc = reader_apply(s, q->node, q->analyzer, q->from_ms, q->to_ms, err);
	if (rc == 0)
		rc = find_sources(&r->reader, q, err);
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
	reader_release(&r->reader);
	free(r);
}

int store_series_next(struct store_series *r, struct store_points *ret, struct tesla_error *err)
{
	struct reader_run run;
	int rc = reader_next(&r->reader, &run, err);

	if (rc == 1)
		*ret = (struct store_points){ run.end_ms, run.columns[0], run.n };
	return rc;
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

		if (set != NULL && set->of == NULL)
			r = walk_set(s, set, each, arg, err);
	}
	return r;
}
