/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in a scratch folder beside a list of all rows that are in it, from which a test computes
 * by brute force what should be read.  Two forms of records: one has no counter and other elements.
 */
#ifndef UNIT_STORE_WORLD_H
#define UNIT_STORE_WORLD_H

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "central/store.h"
#include "central/store_maintain.h"
#include "central/store_read.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

struct row {
	int64_t analyzer, end_ms, length_ms;
	int form;
	struct tesla_record_element voltage[2], energy, bits;
};

struct world {
	char dir[64];
	struct store_conf conf;
	struct store *store;
	unsigned n_said;
	char said[400];
	struct row *rows;
	size_t n, cap;
	uint64_t random;
	bool clean; /* all values are there, and were measured all the time */
};

static inline uint64_t world_random(struct world *w)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return w->random >> 33;
}

static inline void world_hear(void *arg, bool lost, const char *sentence)
{
	struct world *w = arg;

	w->n_said += lost;
	(void)snprintf(w->said, sizeof w->said, "%s", sentence);
}

static inline void world_reopen(struct world *w)
{
	struct tesla_error err = { 0 };

	store_close(w->store);
	w->store = NULL;
	cr_assert(store_open(w->dir, &w->conf, &w->store, &err) == 0, "%s", err.text);
}

/* cells_max: of a block; 0: as it is usually. */
static inline void world_init(struct world *w, size_t cells_max)
{
	*w = (struct world){ .dir = "/dev/shm/tesla-read-XXXXXX", .random = 4711 };
	w->conf.wal_bytes = 1 << 20;
	w->conf.cells_max = cells_max;
	w->conf.damage = world_hear;
	w->conf.arg = w;
	if (mkdtemp(w->dir) == NULL) {
		(void)snprintf(w->dir, sizeof w->dir, "/tmp/tesla-read-XXXXXX");
		cr_assert(mkdtemp(w->dir) != NULL);
	}
	world_reopen(w);
}

static inline int world_remove(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s;
	(void)type;
	(void)f;
	return remove(path);
}

static inline void world_release(struct world *w)
{
	store_close(w->store);
	(void)nftw(w->dir, world_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(w->rows);
}

/* ---- rows ---- */

static inline struct tesla_record_element world_element(struct world *w, bool gauge,
							int64_t length_ms)
{
	struct tesla_record_element e = {
		.value = NAN, .min = NAN, .max = NAN, .increase = NAN, .quality = TESLA_ERROR
	};
	uint64_t dice = w->clean ? 15 : world_random(w) % 16;

	if (dice == 0)
		return e; /* no value */
	e.quality = dice == 1 ? TESLA_SUSPECT : TESLA_GOOD;
	e.value = (double)(world_random(w) % 4000) / 10 - 100;
	e.covered_ms = dice < 4 ? length_ms * (int64_t)(world_random(w) % 10) / 10 : length_ms;
	e.count = 1 + (uint32_t)(world_random(w) % 60);
	if (gauge) {
		e.min = e.value - (double)(world_random(w) % 50) / 10;
		e.max = e.value + (double)(world_random(w) % 50) / 10;
	}
	return e;
}

static inline struct row world_row(struct world *w, int64_t analyzer, int64_t end_ms,
				   int64_t length_ms, int form)
{
	struct row r = {
		.analyzer = analyzer, .end_ms = end_ms, .length_ms = length_ms, .form = form
	};

	r.voltage[0] = world_element(w, true, length_ms);
	r.voltage[1] = world_element(w, true, length_ms);
	r.energy = world_element(w, false, length_ms);
	if (!isnan(r.energy.value) && world_random(w) % 8 != 0)
		r.energy.increase = (double)(world_random(w) % 1000) / 100;
	r.bits = world_element(w, false, length_ms);
	return r;
}

struct world_record {
	struct tesla_record_variable variables[3];
	const struct tesla_record_variable *at[3];
	struct record record;
};

static inline void world_record(const struct row *r, struct world_record *m)
{
	m->variables[0] =
		(struct tesla_record_variable){ "TPF", "V", TESLA_GAUGE, 10, 2, r->voltage };
	m->variables[1] =
		(struct tesla_record_variable){ "CEA", "Wh", TESLA_COUNTER, 0.001, 1, &r->energy };
	m->variables[2] = (struct tesla_record_variable){ "ERR", "", TESLA_STATUS, 1, 1, &r->bits };
	for (size_t i = 0; i < 3; i++)
		m->at[i] = &m->variables[i];
	if (r->form != 0)
		m->variables[0].unit = "kV";
	m->record =
		(struct record){ r->analyzer, r->end_ms - r->length_ms,	     r->end_ms,
				 "PM710",     r->form == 0 ? "15165" : NULL, r->form == 0 ? 3 : 1,
				 m->at };
}

static inline const struct row *world_find(const struct world *w, int64_t analyzer, int64_t end_ms)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->rows[i].analyzer == analyzer && w->rows[i].end_ms == end_ms)
			return &w->rows[i];
	return NULL;
}

/* Stores what is new by its key; what is not is sent again with other numbers. */
static inline void world_store(struct world *w, const struct row *rows, size_t n, bool check)
{
	struct world_record *made = calloc(n, sizeof *made);
	struct store_record *records = calloc(n, sizeof *records);
	struct store_verdict *verdicts = calloc(n, sizeof *verdicts);
	struct tesla_error err = { 0 };

	for (size_t i = 0; i < n; i++) {
		world_record(&rows[i], &made[i]);
		records[i] = (struct store_record){ "n1", &made[i].record };
	}
	cr_assert(store_append(w->store, records, n, verdicts, &err) == 0, "%s", err.text);
	store_verdicts_release(verdicts, n);
	free(verdicts);
	free(records);
	free(made);
	for (size_t i = 0; i < n; i++) {
		if (check && world_find(w, rows[i].analyzer, rows[i].end_ms) != NULL)
			continue;
		if (w->n == w->cap) {
			w->cap = 2 * w->cap + 64;
			w->rows = realloc(w->rows, w->cap * sizeof *w->rows);
		}
		w->rows[w->n++] = rows[i];
	}
}

/* A row every length, some left out. */
static inline void world_fill(struct world *w, int64_t analyzer, int64_t from_ms, int64_t to_ms,
			      int64_t length_ms, int form)
{
	struct row batch[256];
	size_t n = 0;

	for (int64_t t = from_ms + length_ms; t <= to_ms; t += length_ms) {
		if (world_random(w) % 20 != 0)
			batch[n++] = world_row(w, analyzer, t, length_ms, form);
		if (n == 256 || (t + length_ms > to_ms && n > 0)) {
			world_store(w, batch, n, false);
			n = 0;
		}
	}
}

/* The same as one batch of columns; of form 1. */
static inline void world_columns(struct world *w, int64_t analyzer, int64_t from_ms, int64_t to_ms,
				 int64_t length_ms)
{
	size_t first = w->n, n = 0;
	struct tesla_error err = { 0 };
	struct store_verdict verdict;
	double *numbers[2][STORE_N_FIELDS];
	int64_t *ends;
	struct store_column_element elements[2] = { { { NULL } }, { { NULL } } };
	struct store_column_variable v = { "TPF", "kV", TESLA_GAUGE, 10, 2, elements };
	struct store_columns c = { .node = "n1", .analyzer = analyzer, .model = "PM710" };

	for (int64_t t = from_ms + length_ms; t <= to_ms; t += length_ms, n++) {
		if (w->n == w->cap) {
			w->cap = 2 * w->cap + 64;
			w->rows = realloc(w->rows, w->cap * sizeof *w->rows);
		}
		w->rows[w->n++] = world_row(w, analyzer, t, length_ms, 1);
	}
	ends = calloc(n, sizeof *ends);
	for (size_t e = 0; e < 2; e++)
		for (size_t f = 0; f < STORE_N_FIELDS; f++) {
			numbers[e][f] = calloc(n, sizeof *numbers[e][f]);
			elements[e].fields[f] = f == STORE_INCREASE ? NULL : numbers[e][f];
		}
	for (size_t i = 0; i < n; i++) {
		ends[i] = w->rows[first + i].end_ms;
		for (size_t e = 0; e < 2; e++) {
			const struct tesla_record_element *x = &w->rows[first + i].voltage[e];

			numbers[e][STORE_VALUE][i] = x->value;
			numbers[e][STORE_MIN][i] = x->min;
			numbers[e][STORE_MAX][i] = x->max;
			numbers[e][STORE_COVERED_MS][i] = (double)x->covered_ms;
			numbers[e][STORE_COUNT][i] = x->count;
			numbers[e][STORE_QUALITY][i] = x->quality;
		}
	}
	c.n_rows = n;
	c.end_ms = ends;
	c.window_ms = length_ms;
	c.n_variables = 1;
	c.variables = &v;
	cr_assert(store_append_columns(w->store, &c, 1, &verdict, &err) == 0, "%s", err.text);
	cr_assert(verdict.outcome == STORE_STORED && verdict.n_stored == n, "%s", verdict.reason);
	store_verdicts_release(&verdict, 1);
	free(ends);
	for (size_t e = 0; e < 2; e++)
		for (size_t f = 0; f < STORE_N_FIELDS; f++)
			free(numbers[e][f]);
}

static inline void world_compact(struct world *w, bool all)
{
	struct tesla_error err = { 0 };

	cr_assert(store_compact(w->store, all, &err) == 0, "%s", err.text);
}

/* ---- by brute force ---- */

static inline const struct tesla_record_element *world_element_of(const struct row *r,
								  const char *variable,
								  size_t element)
{
	if (strcmp(variable, "TPF") == 0)
		return &r->voltage[element];
	if (r->form != 0)
		return NULL;
	return strcmp(variable, "CEA") == 0 ? &r->energy : &r->bits;
}

/* False: no row is in it. */
static inline bool world_bucket(const struct world *w, const struct store_bucket_query *q,
				int64_t start_ms, int64_t end_ms, struct store_bucket *ret)
{
	struct store_bucket b = { .start_ms = start_ms,
				  .end_ms = end_ms,
				  .min = NAN,
				  .max = NAN,
				  .last = NAN,
				  .increase = NAN };
	bool gauge = strcmp(q->variable, "TPF") == 0, any = false;
	double weighted = 0, weight = 0;
	int64_t last_ms = INT64_MIN;

	for (size_t i = 0; i < w->n; i++) {
		const struct row *r = &w->rows[i];
		const struct tesla_record_element *e = world_element_of(r, q->variable, q->element);
		double t;

		if (r->analyzer != q->analyzer || r->end_ms <= start_ms || r->end_ms > end_ms ||
		    e == NULL)
			continue;
		any = true;
		b.covered_ms += (double)e->covered_ms;
		if (isnan(e->value))
			continue;
		t = gauge && e->covered_ms > 0 ? (double)e->covered_ms : (double)r->length_ms;
		b.n_rows++;
		b.sum += e->value;
		weighted += e->value * t;
		weight += t;
		b.min = fmin(b.min, gauge ? e->min : e->value);
		b.max = fmax(b.max, gauge ? e->max : e->value);
		b.suspect = b.suspect || e->quality == TESLA_SUSPECT;
		if (!isnan(e->increase))
			b.increase = isnan(b.increase) ? e->increase : b.increase + e->increase;
		if (r->end_ms > last_ms) {
			last_ms = r->end_ms;
			b.last = e->value;
		}
	}
	b.mean = weight > 0 ? weighted / weight : NAN;
	b.coverage = fmin(b.covered_ms / (double)(end_ms - start_ms), 1);
	b.sum = b.n_rows > 0 ? b.sum : NAN;
	*ret = b;
	return any;
}

static inline bool world_near(double a, double b)
{
	return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static inline void world_same(const struct store_bucket *a, const struct store_bucket *b)
{
	long long at = (long long)b->start_ms;

	cr_assert(a->start_ms == b->start_ms && a->end_ms == b->end_ms,
		  "%lld to %lld, not %lld to %lld", (long long)a->start_ms, (long long)a->end_ms,
		  at, (long long)b->end_ms);
	cr_assert(a->n_rows == b->n_rows, "%lld: %llu rows, not %llu", at,
		  (unsigned long long)a->n_rows, (unsigned long long)b->n_rows);
	cr_assert(world_near(a->mean, b->mean), "%lld: mean %.17g, not %.17g", at, a->mean,
		  b->mean);
	cr_assert(world_near(a->min, b->min), "%lld: min %g, not %g", at, a->min, b->min);
	cr_assert(world_near(a->max, b->max), "%lld: max %g, not %g", at, a->max, b->max);
	cr_assert(world_near(a->sum, b->sum), "%lld: sum %.17g, not %.17g", at, a->sum, b->sum);
	cr_assert(world_near(a->last, b->last), "%lld: last %g, not %g", at, a->last, b->last);
	cr_assert(world_near(a->increase, b->increase), "%lld: increase %g, not %g", at,
		  a->increase, b->increase);
	cr_assert(world_near(a->covered_ms, b->covered_ms), "%lld: covered %g, not %g", at,
		  a->covered_ms, b->covered_ms);
	cr_assert(world_near(a->coverage, b->coverage), "%lld: coverage", at);
	cr_assert(a->suspect == b->suspect, "%lld: suspect", at);
}

static inline int64_t world_step_end(const struct store_steps *s, int64_t ms)
{
	int64_t into;

	if (s->step_ms == 0)
		return s->next(s->arg, ms);
	into = (ms - s->origin_ms) % s->step_ms;
	return ms + s->step_ms - (into < 0 ? into + s->step_ms : into);
}

static inline void world_mask(struct store_bucket *b, unsigned wanted)
{
	b->mean = (wanted & STORE_MEAN) != 0 ? b->mean : NAN;
	b->sum = (wanted & STORE_SUM) != 0 ? b->sum : NAN;
	b->last = (wanted & STORE_LAST) != 0 ? b->last : NAN;
	b->increase = (wanted & STORE_GAIN) != 0 ? b->increase : NAN;
	b->min = (wanted & STORE_EXTREMES) != 0 ? b->min : NAN;
	b->max = (wanted & STORE_EXTREMES) != 0 ? b->max : NAN;
}

/* Reads all buckets and holds each to what it should be; returns how many there were. */
static inline size_t world_buckets(struct world *w, const struct store_bucket_query *q)
{
	struct tesla_error err = { 0 };
	struct store_bucket_run run;
	struct store_buckets *b;
	int64_t at = q->from_ms;
	size_t n = 0;
	int r;

	cr_assert(store_buckets_open(w->store, q, &b, &err) == 0, "%s", err.text);
	while ((r = store_buckets_next(b, &run, &err)) == 1) {
		for (size_t i = 0; i < run.n; i++, n++) {
			struct store_bucket want;
			bool found = false;

			while (at < q->to_ms && !found) {
				int64_t end = world_step_end(&q->steps, at);

				end = end < q->to_ms ? end : q->to_ms;
				found = world_bucket(w, q, at, end, &want);
				at = end;
			}
			world_mask(&want, q->wanted);
			cr_assert(found, "a bucket that should not be: from %lld",
				  (long long)run.at[i].start_ms);
			world_same(&run.at[i], &want);
		}
	}
	cr_assert(r == 0, "%s", err.text);
	store_buckets_close(b);
	while (at < q->to_ms) {
		struct store_bucket want;
		int64_t end = world_step_end(&q->steps, at);

		end = end < q->to_ms ? end : q->to_ms;
		cr_assert(!world_bucket(w, q, at, end, &want), "the bucket from %lld is missing",
			  (long long)at);
		at = end;
	}
	return n;
}

#endif
