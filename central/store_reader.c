/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of several sets in one order.  A chunk of each is in memory; a run is what is given out of
 * one before another one's turn comes.
 */
#include "central/store_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int reader_apply(struct store *s, const char *node, int64_t analyzer, int64_t from_ms,
		 int64_t to_ms, struct tesla_error *err)
{
	const struct who *who = who_look_up(&s->sets, node, analyzer);

	return who != NULL && pending_reaches(s, who, from_ms, to_ms) ? store_apply(s, err) : 0;
}

void reader_init(struct reader *r, struct store *s, int64_t to_ms)
{
	*r = (struct reader){ .s = s, .to_ms = to_ms < CODEC_TIME_MAX ? to_ms : CODEC_TIME_MAX };
}

void reader_release(struct reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		chunk_release(&r->sources[i].chunk);
	free(r->sources);
	r->sources = NULL;
	r->n = 0;
}

int reader_add(struct reader *r, const struct set *set, const size_t *columns, size_t n_columns,
	       int64_t from_ms, struct tesla_error *err)
{
	struct reader_source *more = realloc(r->sources, (r->n + 1) * sizeof *more);

	if (more == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", r->s->path);
	r->sources = more;
	more[r->n] = (struct reader_source){ .set = set, .n_columns = n_columns, .next = from_ms };
	memcpy(more[r->n].columns, columns, n_columns * sizeof *columns);
	r->n++;
	return 0;
}

void reader_skip(struct reader *r, int64_t from_ms)
{
	for (size_t i = 0; i < r->n; i++) {
		struct reader_source *s = &r->sources[i];

		if (s->next <= from_ms) {
			s->at = s->chunk.n = 0;
			s->next = from_ms;
		}
		while (s->at < s->chunk.n && s->chunk.times[s->at] < from_ms)
			s->at++;
	}
}

/* So that it has a row to give, unless there is none any more. */
static int fill(struct reader *r, struct reader_source *from, struct tesla_error *err)
{
	int rc = 0;

	while (from->at == from->chunk.n && from->next <= r->to_ms && rc == 0) {
		struct chunk_want want = { from->set, from->columns, from->n_columns, from->next,
					   r->to_ms };

		from->at = from->chunk.n = 0;
		rc = chunk_load(r->s, &want, &from->chunk, &from->next, err);
	}
	return rc;
}

static int64_t first_ms(const struct reader_source *s)
{
	return s->at < s->chunk.n ? s->chunk.times[s->at] : INT64_MAX;
}

/* The one whose row comes first; *until: where another one's begins. */
static struct reader_source *earliest(struct reader *r, int64_t *until)
{
	struct reader_source *first = NULL;

	*until = INT64_MAX;
	for (size_t i = 0; i < r->n; i++) {
		struct reader_source *s = &r->sources[i];

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

/* Of two raw rows of one time the one of the set that came first is given out. */
static void skip_same(struct reader *r, const struct reader_source *given, int64_t ms)
{
	for (size_t i = 0; i < r->n; i++)
		if (&r->sources[i] != given && first_ms(&r->sources[i]) == ms)
			r->sources[i].at++;
}

int reader_next(struct reader *r, struct reader_run *ret, struct tesla_error *err)
{
	struct reader_source *from;
	int64_t until;
	size_t start;
	int rc = 0;

	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = fill(r, &r->sources[i], err);
	if (rc != 0)
		return rc;
	from = earliest(r, &until);
	if (from == NULL || first_ms(from) == INT64_MAX)
		return 0;
	start = from->at;
	if (until == first_ms(from)) {
		if (!r->all)
			skip_same(r, from, until);
		from->at++;
	}
	while (from->at < from->chunk.n && from->chunk.times[from->at] < until)
		from->at++;
	ret->source = (size_t)(from - r->sources);
	ret->end_ms = from->chunk.times + start;
	ret->n = from->at - start;
	for (size_t i = 0; i < from->n_columns; i++)
		ret->columns[i] = chunk_column(&from->chunk, i) + start;
	return 1;
}
