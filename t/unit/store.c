/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store against a model: a list of keys.  The numbers of a record follow from its key, so that
 * whoever reads one can tell whether it is right.
 */
#include "central/store.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "central/bytes.h"
#include "central/codec_internal.h"

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

static void hear(void *arg, bool lost, const char *sentence)
{
	struct fixture *f = arg;

	f->n_said += lost;
	(void)snprintf(f->said, sizeof f->said, "%s", sentence);
}

static void reopen(struct fixture *f)
{
	struct tesla_error err = { 0 };

	store_close(f->store);
	f->store = NULL;
	cr_assert(store_open(f->dir, &f->conf, &f->store, &err) == 0, "%s", err.text);
}

/* Everything is small, so that everything happens. */
static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .dir = "/dev/shm/tesla-store-XXXXXX",
			       .conf = { 1 << 16, 1 << 16, 1 << 12, false, hear, f } };
	if (mkdtemp(f->dir) == NULL) {
		(void)snprintf(f->dir, sizeof f->dir, "/tmp/tesla-store-XXXXXX");
		cr_assert(mkdtemp(f->dir) != NULL);
	}
	reopen(f);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *w)
{
	(void)s;
	(void)type;
	(void)w;
	return remove(path);
}

static void fixture_release(struct fixture *f)
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

static double voltage_of(int64_t analyzer, int64_t end_ms, size_t element)
{
	uint64_t z = (uint64_t)(end_ms / 1000) * 7919 + (uint64_t)analyzer * 31 + element * 17;

	return (double)(2200 + z % 200) / 10;
}

static bool is_missing(int64_t end_ms)
{
	return end_ms / MINUTE % 11 == 0;
}

/* Analyzers 100 and up have no counter and no status: another set of variables. */
static void make(struct made *m, int64_t analyzer, int64_t end_ms)
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
static enum store_outcome append_record(struct fixture *f, const char *node,
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

static enum store_outcome append(struct fixture *f, const char *node, int64_t analyzer,
				 int64_t end_ms)
{
	struct made m;

	make(&m, analyzer, end_ms);
	return append_record(f, node, &m.record);
}

static void must_append(struct fixture *f, int64_t analyzer, int64_t end_ms)
{
	cr_assert(append(f, "n1", analyzer, end_ms) == STORE_STORED);
}

static void must_compact(struct fixture *f, bool all)
{
	struct tesla_error err = { 0 };

	cr_assert(store_compact(f->store, all, &err) == 0, "%s", err.text);
}

/* ---- what is read ---- */

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool same_element(const struct tesla_record_element *a, const struct tesla_record_element *b)
{
	return same(a->value, b->value) && same(a->min, b->min) && same(a->max, b->max) &&
	       same(a->increase, b->increase) && a->covered_ms == b->covered_ms &&
	       a->count == b->count && a->quality == b->quality;
}

static bool same_record(const struct record *a, const struct record *b)
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

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, 2 * sizeof(int64_t));
}

static bool model_has(const struct model *m, int64_t analyzer, int64_t end_ms)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->keys[i].analyzer == analyzer && m->keys[i].end_ms == end_ms)
			return true;
	return false;
}

static void model_add(struct model *m, int64_t analyzer, int64_t end_ms)
{
	if (model_has(m, analyzer, end_ms))
		return;
	cr_assert(m->n < KEYS_MAX);
	m->keys[m->n].analyzer = analyzer;
	m->keys[m->n++].end_ms = end_ms;
}

static int see(void *arg, const struct store_record *r, struct tesla_error *err)
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

static void expect_model(struct fixture *f, struct model *m)
{
	struct tesla_error err = { 0 };

	m->seen = 0;
	m->last_analyzer = 0;
	cr_assert(store_walk(f->store, see, m, &err) == 0, "%s", err.text);
	cr_assert(m->seen == m->n, "%zu of %zu", m->seen, m->n);
}

static int count_record(void *arg, const struct store_record *r, struct tesla_error *err)
{
	(void)r;
	(void)err;
	++*(size_t *)arg;
	return 0;
}

static size_t count_records(struct fixture *f)
{
	struct tesla_error err = { 0 };
	size_t n = 0;

	cr_assert(store_walk(f->store, count_record, &n, &err) == 0, "%s", err.text);
	return n;
}

static uint64_t verify(struct fixture *f)
{
	struct tesla_error err = { 0 };
	uint64_t n;

	f->n_said = 0;
	cr_assert(store_verify(f->store, &n, &err) == 0, "%s", err.text);
	return n;
}

static struct store_info info_of(struct fixture *f)
{
	struct tesla_error err = { 0 };
	struct store_info i;

	cr_assert(store_info(f->store, &i, &err) == 0, "%s", err.text);
	return i;
}

static size_t read_series(struct fixture *f, const struct store_query *q)
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

static struct store_query voltage_query(int64_t from_ms, int64_t to_ms)
{
	return (struct store_query){ "n1", 1, "TPF", 1, STORE_VALUE, from_ms, to_ms };
}

/* ---- tests ---- */

Test(store, comes_back_from_every_place)
{
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;

	fixture_init(&f);
	expect_model(&f, m);
	for (int64_t i = 1; i <= 2500; i++) { /* several blocks in the first week */
		must_append(&f, 1 + i % 2 * 100, START + i * 5 * MINUTE);
		model_add(m, 1 + i % 2 * 100, START + i * 5 * MINUTE);
	}
	expect_model(&f, m);
	reopen(&f);
	expect_model(&f, m);
	must_compact(&f, false);
	cr_expect(info_of(&f).recent_rows > 0, "the last week is not over");
	expect_model(&f, m);
	must_compact(&f, true);
	reopen(&f);
	cr_expect(info_of(&f).recent_rows == 0 && info_of(&f).block_rows == 2500);
	expect_model(&f, m);
	cr_expect(verify(&f) == 0);
	cr_expect(read_series(&f, &(struct store_query){ "n1", 1, "TPF", 1, STORE_VALUE, INT64_MIN,
							 INT64_MAX }) == 1250);
	cr_expect(f.n_said == 0, "%s", f.said);
	fixture_release(&f);
	free(m);
}

Test(store, what_comes_late_or_again_is_merged)
{
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;
	uint64_t z = 1;

	fixture_init(&f);
	for (size_t i = 0; i < 4000; i++) {
		int64_t end_ms;

		z = z * UINT64_C(6364136223846793005) + 1442695040888963407;
		end_ms = START + (int64_t)(z >> 33) % 3000 * 7 * MINUTE;
		cr_assert(append(&f, "n1", 1, end_ms) ==
			  (model_has(m, 1, end_ms) ? STORE_DUPLICATE : STORE_STORED));
		model_add(m, 1, end_ms);
		if (i % 500 == 499)
			must_compact(&f, i % 1000 == 999);
		if (i % 700 == 699)
			reopen(&f);
		if (i % 1000 == 777)
			expect_model(&f, m);
	}
	expect_model(&f, m);
	must_compact(&f, true);
	expect_model(&f, m);
	cr_expect(info_of(&f).block_rows == m->n && verify(&f) == 0 && f.n_said == 0);
	qsort(m->keys, m->n, sizeof m->keys[0], by_key);
	for (int64_t from = 0; from < 20; from++) {
		struct store_query q = voltage_query(START + from * 999 * MINUTE,
						     START + from * 1111 * MINUTE + from);
		size_t n = 0;

		for (size_t i = 0; i < m->n; i++)
			n += m->keys[i].end_ms >= q.from_ms && m->keys[i].end_ms <= q.to_ms;
		cr_expect(read_series(&f, &q) == n);
	}
	fixture_release(&f);
	free(m);
}

/* More than a chunk holds, between the first and the last row of one block. */
Test(store, many_late_rows_within_a_block)
{
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;

	fixture_init(&f);
	for (int64_t i = 0; i < 80; i++) {
		must_append(&f, 1, START + i * 100 * MINUTE);
		model_add(m, 1, START + i * 100 * MINUTE);
	}
	must_compact(&f, true);
	for (int64_t i = 1; i < 2000; i++) {
		cr_assert(append(&f, "n1", 1, START + i * 4 * MINUTE) ==
			  (i % 25 == 0 ? STORE_DUPLICATE : STORE_STORED));
		model_add(m, 1, START + i * 4 * MINUTE);
	}
	expect_model(&f, m);
	cr_expect(read_series(&f, &(struct store_query){ "n1", 1, "TPF", 1, STORE_VALUE, START,
							 START + DAY }) == 361);
	must_compact(&f, true);
	expect_model(&f, m);
	cr_expect(info_of(&f).block_rows == m->n && verify(&f) == 0);
	fixture_release(&f);
	free(m);
}

Test(store, a_record_that_is_none_is_rejected_alone)
{
	struct model *m = calloc(1, sizeof *m);
	struct store_verdict v[5] = { 0 };
	struct tesla_error err = { 0 };
	struct made good, bad, late;
	struct fixture f;
	char long_name[300];

	fixture_init(&f);
	make(&good, 1, START + MINUTE);
	make(&bad, 1, START + 2 * MINUTE);
	make(&late, 1, START);
	bad.voltage[0].value = NAN; /* and yet good */
	memset(long_name, 'x', sizeof long_name);
	long_name[STORE_NODE_MAX + 1] = '\0';
	cr_assert(store_append(f.store,
			       (struct store_record[]){ { "n1", &good.record },
							{ "n1", &bad.record },
							{ "n1", &good.record },
							{ "n1", &late.record },
							{ long_name, &good.record } },
			       5, v, &err) == 0);
	cr_expect(v[0].outcome == STORE_STORED && v[3].outcome == STORE_STORED);
	cr_expect(v[1].outcome == STORE_REJECTED && strstr(v[1].reason, "TPF") != NULL);
	cr_expect(v[2].outcome == STORE_DUPLICATE && v[2].n_duplicates == 1);
	cr_expect(v[4].outcome == STORE_REJECTED && strstr(v[4].reason, "256 bytes") != NULL);
	store_verdicts_release(v, 5);
	cr_expect(append(&f, "", 1, START) == STORE_REJECTED);
	model_add(m, 1, START);
	model_add(m, 1, START + MINUTE);
	expect_model(&f, m);
	bad.variables[1].unit = "W\n"; /* a form that was never seen is looked at, too */
	cr_expect(append_record(&f, "n1", &bad.record) == STORE_REJECTED);
	cr_expect(info_of(&f).n_sets == 1);
	fixture_release(&f);
	free(m);
}

static struct record get(struct fixture *f, int64_t end_ms, struct arena *memory)
{
	struct tesla_error err = { 0 };
	struct record r = { 0 };
	int rc = store_get(f->store, &(struct store_key){ "n1", 1, end_ms }, memory, &r, &err);

	cr_assert(rc == 0 || rc == -ENOENT, "%s", err.text);
	return r;
}

/* Wherever the first is: pending, a recent row, in a block; and whatever form the second has. */
Test(store, a_duplicate_is_one_across_forms)
{
	static const char *const identities[] = { "15165", "other", NULL };
	struct arena memory = { 0 };
	struct fixture f;
	struct made m;

	fixture_init(&f);
	for (int place = 0; place < 5; place++) {
		for (int64_t i = 3; i >= 0; i--) { /* backwards: each has to be looked for */
			int64_t ms = START + (place * 10 + i) * MINUTE;

			make(&m, 1, ms);
			m.record.identity = identities[i % 3];
			cr_expect(append_record(&f, "n1", &m.record) == STORE_STORED);
		}
		if (place == 1)
			(void)info_of(&f);
		if (place == 2)
			must_compact(&f, true);
		if (place == 3)
			reopen(&f);
		for (int k = 0; k < 12; k++) {
			int64_t ms = START + (place * 10 + k % 4) * MINUTE;
			struct record got;

			make(&m, 1, ms);
			m.record.identity = identities[k / 4];
			m.voltage[0].value += 0.25;
			cr_expect(append_record(&f, "n1", &m.record) == STORE_DUPLICATE);
			make(&m, 1, ms);
			m.record.identity = identities[k % 4 % 3];
			got = get(&f, ms, &memory);
			cr_expect(same_record(&got, &m.record));
		}
		cr_expect(append(&f, "n2", 1, START + place * MINUTE) == STORE_STORED);
		cr_expect(get(&f, START + (place * 10 + 4) * MINUTE, &memory).variables == NULL);
	}
	cr_expect(info_of(&f).duplicates == 24, "since it was opened: %zu",
		  (size_t)info_of(&f).duplicates);
	cr_expect(count_records(&f) == 25 && verify(&f) == 0);
	arena_release(&memory);
	fixture_release(&f);
}

Test(store, one_process_at_a_time_and_unknown_series)
{
	struct store_query q = voltage_query(0, 1);
	struct tesla_error err = { 0 };
	struct store_series *r;
	struct store *other;
	struct fixture f;

	fixture_init(&f);
	cr_expect(store_open(f.dir, &f.conf, &other, &err) == -EBUSY);
	cr_expect(store_series_open(f.store, &q, &r, &err) == -ENOENT);
	must_append(&f, 1, START);
	cr_expect(read_series(&f, &q) == 0);
	q.element = 3;
	cr_expect(store_series_open(f.store, &q, &r, &err) == -ENOENT);
	q.element = 0;
	q.field = STORE_INCREASE;
	cr_expect(store_series_open(f.store, &q, &r, &err) == -ENOENT);
	fixture_release(&f);
}

/* A series goes on over a change of the set: here, of the identity. */
Test(store, a_series_of_several_sets)
{
	struct fixture f;

	fixture_init(&f);
	for (int64_t i = 0; i < 900; i++) {
		struct made m;

		make(&m, 1, START + i * MINUTE);
		m.record.identity = i / 10 % 3 == 0 ? NULL : i / 10 % 3 == 1 ? "a" : "b";
		cr_assert(append_record(&f, "n1", &m.record) == STORE_STORED);
		m.record.identity = "b"; /* the same time in two sets */
		cr_assert(i % 100 != 0 || append_record(&f, "n1", &m.record) == STORE_DUPLICATE);
		if (i == 500)
			must_compact(&f, true);
	}
	cr_expect(info_of(&f).n_sets == 3);
	cr_expect(read_series(&f, &(struct store_query){ "n1", 1, "TPF", 2, STORE_VALUE, 0,
							 INT64_MAX }) == 900);
	fixture_release(&f);
}

/* Between two calls rows are stored, and move into blocks: none is left out, none comes twice. */
Test(store, a_series_while_the_store_changes)
{
	struct store_query q = voltage_query(INT64_MIN, INT64_MAX);
	struct tesla_error err = { 0 };
	struct store_series *r;
	struct store_points p;
	struct fixture f;
	int64_t last = INT64_MIN;
	size_t n = 0, calls = 0;
	int rc;

	fixture_init(&f);
	for (int64_t i = 0; i < 1500; i++)
		must_append(&f, 1, START + i * 20 * MINUTE);
	cr_assert(store_series_open(f.store, &q, &r, &err) == 0, "%s", err.text);
	while ((rc = store_series_next(r, &p, &err)) == 1) {
		for (size_t i = 0; i < p.n; i++, n++) {
			cr_assert(p.end_ms[i] > last);
			last = p.end_ms[i];
		}
		if (calls++ % 2 == 0)
			must_compact(&f, calls % 4 == 1);
		must_append(&f, 1, START + 5 * MINUTE + (int64_t)calls * 20 * MINUTE);
	}
	cr_assert(rc == 0, "%s", err.text);
	cr_expect(calls > 5 && n >= 1500 && n <= 1500 + calls, "%zu in %zu calls", n, calls);
	store_series_close(r);
	cr_expect(read_series(&f, &q) == 1500 + calls);
	fixture_release(&f);
}

/* Rows come between the steps, some of them in the midst of what becomes a block. */
Test(store, compaction_in_steps_while_rows_come)
{
	struct model *m = calloc(1, sizeof *m);
	struct store_compaction *c;
	struct tesla_error err = { 0 };
	struct fixture f;
	size_t steps = 0;

	fixture_init(&f);
	for (int round = 0; round < 30; round++) {
		for (int64_t i = 0; i < 200; i++) {
			int64_t ms = START + (round * 200 + i) * 10 * MINUTE;

			must_append(&f, 1 + i % 2, ms);
			model_add(m, 1 + i % 2, ms);
		}
		cr_assert(store_compact_begin(f.store, round % 3 == 0, &c, &err) == 0);
		for (int64_t k = 0, r = 1; r == 1; k++, steps++) {
			int64_t ms = START +
				     (round * 200 - k * 7 % (round * 50 + 1)) * 10 * MINUTE +
				     MINUTE * (1 + k % 9);

			r = store_compact_step(c, &err);
			cr_assert(r >= 0, "%s", err.text);
			if (append(&f, "n1", 1, ms) == STORE_STORED)
				model_add(m, 1, ms);
			if (k == 5 && round % 7 == 3)
				break; /* forgotten half way */
		}
		store_compact_end(c);
		if (round % 10 == 4)
			reopen(&f);
		expect_model(&f, m);
		cr_assert(verify(&f) == 0, "%s", f.said);
	}
	cr_expect(steps > 200, "%zu steps", steps);
	must_compact(&f, true);
	expect_model(&f, m);
	cr_expect(info_of(&f).block_rows == m->n && verify(&f) == 0);
	fixture_release(&f);
	free(m);
}

static int first_voltage(void *arg, const struct store_record *r, struct tesla_error *err)
{
	(void)err;
	*(double *)arg = r->record->variables[0]->elements[0].value;
	return 0;
}

Test(store, the_first_under_a_key_stays)
{
	struct tesla_error err = { 0 };
	struct fixture f;
	struct made m;

	fixture_init(&f);
	for (int round = 0; round < 4; round++) {
		double read = NAN;

		make(&m, 1, START);
		m.voltage[0].value += round * 0.1;
		cr_assert(append_record(&f, "n1", &m.record) ==
			  (round == 0 ? STORE_STORED : STORE_DUPLICATE));
		cr_assert(store_walk(f.store, first_voltage, &read, &err) == 0);
		cr_expect(read == voltage_of(1, START, 0), "round %d: %g", round, read);
		if (round == 1)
			must_compact(&f, true);
		if (round == 2)
			reopen(&f);
	}
	must_compact(&f, true);
	cr_expect(info_of(&f).block_rows == 1);
	fixture_release(&f);
}

/* Flips a bit `behind` each place of some bytes in a file, which may have old copies too. */
static bool damage(struct fixture *f, const char *name, const void *what, size_t n, size_t behind)
{
	char path[96];
	struct tesla_error err;
	char *bytes;
	size_t len;
	bool done = false;
	FILE *file;

	store_close(f->store);
	f->store = NULL;
	(void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
	cr_assert(file_read(path, 64 << 20, &bytes, &len, &err) == 0);
	for (size_t i = 0; i + n + behind < len; i++) {
		if (memcmp(bytes + i, what, n) != 0)
			continue;
		bytes[i + behind] ^= 4;
		done = true;
	}
	file = fopen(path, "w");
	cr_assert(file != NULL && fwrite(bytes, 1, len, file) == len);
	(void)fclose(file);
	free(bytes);
	reopen(f);
	return done;
}

Test(store, a_damaged_block_is_said_and_alone_is_lost)
{
	struct fixture f;
	uint8_t first[8];

	fixture_init(&f);
	for (int64_t week = 0; week < 3; week++) {
		for (int64_t i = 0; i < 100; i++)
			must_append(&f, 1, START + week * WEEK + i * MINUTE);
		must_compact(&f, true);
	}
	put_u64(first, (uint64_t)(START + WEEK));
	cr_assert(damage(&f, "data.mdb", first, sizeof first, 100));
	cr_expect(verify(&f) == 1 && f.n_said == 1);
	cr_expect(strstr(f.said, "node n1, analyzer 1, block from") != NULL, "%s", f.said);
	cr_expect(strstr(f.said, "checksum") != NULL, "%s", f.said);
	f.n_said = 0;
	cr_expect(count_records(&f) == 200 && f.n_said == 1);
	for (int64_t week = 0; week < 3; week++) /* more comes for the same weeks */
		must_append(&f, 1, START + week * WEEK + 200 * MINUTE);
	must_compact(&f, true);
	cr_expect(count_records(&f) == 203);
	cr_expect(verify(&f) == 1);
	fixture_release(&f);
}

Test(store, a_damaged_row_is_said_and_alone_is_lost)
{
	struct fixture f;
	uint8_t bytes[8];

	fixture_init(&f);
	for (int64_t i = 0; i < 100; i++)
		must_append(&f, 1, START + i * MINUTE);
	(void)info_of(&f);				/* they are in the tables now */
	put_real(bytes, (double)(START / MINUTE + 50)); /* the counter of one */
	cr_assert(damage(&f, "data.mdb", bytes, sizeof bytes, 1));
	cr_expect(verify(&f) == 1 && f.n_said == 1, "%s", f.said);
	cr_expect(count_records(&f) == 99);
	must_compact(&f, true);
	cr_expect(count_records(&f) == 99 && verify(&f) == 0);
	fixture_release(&f);
}

Test(store, a_damaged_entry_of_the_write_ahead_file_is_said_and_alone_is_lost)
{
	struct fixture f;
	uint8_t bytes[8];

	fixture_init(&f);
	for (int64_t i = 0; i < 50; i++)
		must_append(&f, 1, START + i * MINUTE);
	put_real(bytes, (double)(START / MINUTE + 20));
	cr_assert(damage(&f, "wal", bytes, sizeof bytes, 1));
	cr_expect(f.n_said == 1 && strstr(f.said, "write-ahead file: bytes") != NULL, "%s", f.said);
	cr_expect(count_records(&f) == 49);
	must_append(&f, 1, START + 20 * MINUTE); /* sent again */
	reopen(&f);
	cr_expect(count_records(&f) == 50 && f.n_said == 1);
	fixture_release(&f);
}

Test(store, a_damaged_definition_loses_its_rows_only)
{
	struct fixture f;

	fixture_init(&f);
	for (int64_t i = 0; i < 10; i++) {
		must_append(&f, 1, START + i * MINUTE);
		must_append(&f, 101, START + i * MINUTE);
	}
	(void)info_of(&f);
	cr_assert(damage(&f, "data.mdb", "CEA", 3, 0));
	cr_expect(f.n_said == 1 && strstr(f.said, "definition") != NULL, "%s", f.said);
	cr_expect(count_records(&f) == 10);
	cr_expect(verify(&f) == 11);
	must_append(&f, 1, START); /* gets a definition of its own again */
	cr_expect(count_records(&f) == 11);
	fixture_release(&f);
}
