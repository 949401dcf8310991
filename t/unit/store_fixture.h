/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in a scratch folder, and a model of it: a list of keys.  The numbers of a record follow
 * from its key, so that whoever reads one can tell whether it is right.
 */
#ifndef UNIT_STORE_FIXTURE_H
#define UNIT_STORE_FIXTURE_H

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "central/store.h"

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)
#define WEEK (7 * DAY)
#define START (INT64_C(2960) * WEEK) /* the beginning of a week */
#define KEYS_MAX 20000

/* ---- a store in a scratch folder ---- */

struct fixture {
	char dir[64];
	struct store_conf conf;
	struct store *store;
	unsigned n_said;
	char said[400];
};

static inline void hear(void *arg, bool lost, const char *sentence)
{
	struct fixture *f = arg;

	f->n_said += lost;
	(void)snprintf(f->said, sizeof f->said, "%s", sentence);
}

static inline void reopen(struct fixture *f)
{
	struct tesla_error err = { 0 };

	store_close(f->store);
	f->store = NULL;
	cr_assert(store_open(f->dir, &f->conf, &f->store, &err) == 0, "%s", err.text);
}

/* Everything is small, so that everything happens. */
static inline void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .dir = "/dev/shm/tesla-store-XXXXXX",
			       .conf = { .wal_bytes = 1 << 16,
					 .map_bytes = 1 << 16,
					 .cells_max = 1 << 12,
					 .damage = hear,
					 .arg = f } };
	if (mkdtemp(f->dir) == NULL) {
		(void)snprintf(f->dir, sizeof f->dir, "/tmp/tesla-store-XXXXXX");
		cr_assert(mkdtemp(f->dir) != NULL);
	}
	reopen(f);
}

static inline int remove_one(const char *path, const struct stat *s, int type, struct FTW *w)
{
	(void)s;
	(void)type;
	(void)w;
	return remove(path);
}

static inline void fixture_release(struct fixture *f)
{
	store_close(f->store);
	(void)nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- records ---- */

struct made {
	struct tesla_record_element voltage[3], energy, bits;
	struct tesla_record_variable variables[3];
	const struct tesla_record_variable *rows[3];
	struct record record;
};

static inline double voltage_of(int64_t analyzer, int64_t end_ms, size_t element)
{
	uint64_t z = (uint64_t)(end_ms / 1000) * 7919 + (uint64_t)analyzer * 31 + element * 17;

	return (double)(2200 + z % 200) / 10;
}

static inline bool is_missing(int64_t end_ms)
{
	return end_ms / MINUTE % 11 == 0;
}

/* Analyzers 100 and up have no counter and no status: another set of variables. */
static inline void make(struct made *m, int64_t analyzer, int64_t end_ms)
{
	static const struct tesla_record_element none = {
		.value = NAN, .min = NAN, .max = NAN, .increase = NAN, .quality = TESLA_ERROR
	};

	*m = (struct made){ .energy = none, .bits = none };
	for (size_t i = 0; i < 3; i++) {
		double v = voltage_of(analyzer, end_ms, i);

		m->voltage[i] = none;
		if (is_missing(end_ms) && i == 1)
			continue;
		m->voltage[i] = (struct tesla_record_element){ v,      v - 1, v + 1.5,	 NAN,
							       MINUTE, 60,    TESLA_GOOD };
	}
	m->energy.value = (double)(end_ms / MINUTE);
	m->energy.increase = is_missing(end_ms) ? NAN : 1;
	m->energy.count = 60;
	m->energy.quality = is_missing(end_ms) ? TESLA_SUSPECT : TESLA_GOOD;
	m->bits.value = 5;
	m->bits.quality = TESLA_GOOD;
	m->variables[0] =
		(struct tesla_record_variable){ "TPF", "V", TESLA_GAUGE, 10, 3, m->voltage };
	m->variables[1] =
		(struct tesla_record_variable){ "CEA", "Wh", TESLA_COUNTER, 0.001, 1, &m->energy };
	m->variables[2] = (struct tesla_record_variable){ "ERR", "", TESLA_STATUS, 1, 1, &m->bits };
	for (size_t i = 0; i < 3; i++)
		m->rows[i] = &m->variables[i];
	m->record = (struct record){ analyzer, end_ms - MINUTE,	       end_ms, "PM710",
				     "15165",  analyzer < 100 ? 3 : 1, m->rows };
}

/* What becomes of it; a reason for a rejection must be there, and is kept in f->said. */
static inline enum store_outcome append_record(struct fixture *f, const char *node,
					       const struct record *record)
{
	struct store_verdict v = { 0 };
	struct tesla_error err = { 0 };
	enum store_outcome outcome;

	cr_assert(store_append(f->store, &(struct store_record){ node, record }, 1, &v, &err) == 0,
		  "%s", err.text);
	outcome = v.outcome;
	cr_assert((outcome == STORE_REJECTED) == (v.reason != NULL));
	cr_assert(v.n_stored == (outcome == STORE_STORED));
	cr_assert(v.n_duplicates == (outcome == STORE_DUPLICATE));
	if (v.reason != NULL)
		(void)snprintf(f->said, sizeof f->said, "%s", v.reason);
	store_verdicts_release(&v, 1);
	return outcome;
}

static inline enum store_outcome append(struct fixture *f, const char *node, int64_t analyzer,
					int64_t end_ms)
{
	struct made m;

	make(&m, analyzer, end_ms);
	return append_record(f, node, &m.record);
}

static inline void must_append(struct fixture *f, int64_t analyzer, int64_t end_ms)
{
	cr_assert(append(f, "n1", analyzer, end_ms) == STORE_STORED);
}

static inline void must_compact(struct fixture *f, bool all)
{
	struct tesla_error err = { 0 };

	cr_assert(store_compact(f->store, all, &err) == 0, "%s", err.text);
}

/* ---- what is read ---- */

static inline bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static inline bool same_element(const struct tesla_record_element *a,
				const struct tesla_record_element *b)
{
	return same(a->value, b->value) && same(a->min, b->min) && same(a->max, b->max) &&
	       same(a->increase, b->increase) && a->covered_ms == b->covered_ms &&
	       a->count == b->count && a->quality == b->quality;
}

static inline bool same_record(const struct record *a, const struct record *b)
{
	bool good = a->analyzer == b->analyzer && a->start_ms == b->start_ms &&
		    a->end_ms == b->end_ms && strcmp(a->model, b->model) == 0 &&
		    (a->identity == NULL) == (b->identity == NULL) &&
		    (a->identity == NULL || strcmp(a->identity, b->identity) == 0) &&
		    a->n_variables == b->n_variables;

	for (size_t i = 0; i < a->n_variables && good; i++) {
		const struct tesla_record_variable *u = a->variables[i], *v = b->variables[i];

		good = strcmp(u->name, v->name) == 0 && strcmp(u->unit, v->unit) == 0 &&
		       u->kind == v->kind && u->predecessor_factor == v->predecessor_factor &&
		       u->n_elements == v->n_elements;
		for (size_t e = 0; e < u->n_elements && good; e++)
			good = same_element(&u->elements[e], &v->elements[e]);
	}
	return good;
}

struct model { /* of what should be there */
	struct {
		int64_t analyzer, end_ms;
	} keys[KEYS_MAX];
	size_t n, seen;
	int64_t last_analyzer, last_ms;
};

static inline int by_key(const void *a, const void *b)
{
	return memcmp(a, b, 2 * sizeof(int64_t));
}

static inline bool model_has(const struct model *m, int64_t analyzer, int64_t end_ms)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->keys[i].analyzer == analyzer && m->keys[i].end_ms == end_ms)
			return true;
	return false;
}

static inline void model_add(struct model *m, int64_t analyzer, int64_t end_ms)
{
	if (model_has(m, analyzer, end_ms))
		return;
	cr_assert(m->n < KEYS_MAX);
	m->keys[m->n].analyzer = analyzer;
	m->keys[m->n++].end_ms = end_ms;
}

static inline int see(void *arg, const struct store_record *r, struct tesla_error *err)
{
	struct model *m = arg;
	struct made made;

	(void)err;
	make(&made, r->record->analyzer, r->record->end_ms);
	cr_assert(strcmp(r->node, "n1") == 0 && same_record(r->record, &made.record));
	cr_assert(r->record->analyzer != m->last_analyzer || r->record->end_ms > m->last_ms);
	m->last_analyzer = r->record->analyzer;
	m->last_ms = r->record->end_ms;
	cr_assert(model_has(m, r->record->analyzer, r->record->end_ms));
	m->seen++;
	return 0;
}

static inline void expect_model(struct fixture *f, struct model *m)
{
	struct tesla_error err = { 0 };

	m->seen = 0;
	m->last_analyzer = 0;
	cr_assert(store_walk(f->store, see, m, &err) == 0, "%s", err.text);
	cr_assert(m->seen == m->n, "%zu of %zu", m->seen, m->n);
}

static inline int count_record(void *arg, const struct store_record *r, struct tesla_error *err)
{
	(void)r;
	(void)err;
	++*(size_t *)arg;
	return 0;
}

static inline size_t count_records(struct fixture *f)
{
	struct tesla_error err = { 0 };
	size_t n = 0;

	cr_assert(store_walk(f->store, count_record, &n, &err) == 0, "%s", err.text);
	return n;
}

static inline uint64_t verify(struct fixture *f)
{
	struct tesla_error err = { 0 };
	uint64_t n;

	f->n_said = 0;
	cr_assert(store_verify(f->store, &n, &err) == 0, "%s", err.text);
	return n;
}

static inline struct store_info info_of(struct fixture *f)
{
	struct tesla_error err = { 0 };
	struct store_info i;

	cr_assert(store_info(f->store, &i, &err) == 0, "%s", err.text);
	return i;
}

static inline size_t read_series(struct fixture *f, const struct store_query *q)
{
	struct tesla_error err = { 0 };
	struct store_series *r;
	struct store_points p;
	int64_t last = INT64_MIN;
	size_t n = 0;
	int rc;

	cr_assert(store_series_open(f->store, q, &r, &err) == 0, "%s", err.text);
	while ((rc = store_series_next(r, &p, &err)) == 1) {
		cr_assert(p.n > 0);
		for (size_t i = 0; i < p.n; i++, n++) {
			double v = voltage_of(q->analyzer, p.end_ms[i], q->element);

			cr_assert(p.end_ms[i] > last && p.end_ms[i] >= q->from_ms &&
				  p.end_ms[i] <= q->to_ms);
			last = p.end_ms[i];
			if (q->element == 1 && is_missing(last))
				v = NAN;
			cr_assert(same(p.values[i], v));
		}
	}
	cr_assert(rc == 0, "%s", err.text);
	store_series_close(r);
	return n;
}

static inline struct store_query voltage_query(int64_t from_ms, int64_t to_ms)
{
	return (struct store_query){ "n1", 1, "TPF", 1, STORE_VALUE, from_ms, to_ms };
}

#endif
