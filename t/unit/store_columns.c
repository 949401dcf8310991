/* SPDX-License-Identifier: Apache-2.0 */
/* Columns: they come in beside records, over them, again, late, and before a kill. */
#include "store_fixture.h"

#include "base/file.h"
#include "central/store_internal.h"

#define ROWS_MAX 4000
#define N_ELEMENTS_MADE 5 /* three of a gauge, one of a counter, one of a status */

/* ---- the same numbers as make() has, as columns ---- */

struct columns {
	int64_t end_ms[ROWS_MAX];
	double numbers[N_ELEMENTS_MADE][STORE_N_FIELDS][ROWS_MAX];
	struct store_column_element elements[N_ELEMENTS_MADE];
	struct store_column_variable variables[3];
	struct store_columns columns;
};

static void set_number(struct columns *c, size_t element, enum store_field field, size_t row,
		       double v)
{
	c->numbers[element][field][row] = v;
	c->elements[element].fields[field] = c->numbers[element][field];
}

static void set_element(struct columns *c, size_t element, enum tesla_variable_kind kind,
			size_t row, const struct tesla_record_element *e)
{
	set_number(c, element, STORE_VALUE, row, e->value);
	if (kind == TESLA_GAUGE) {
		set_number(c, element, STORE_MIN, row, e->min);
		set_number(c, element, STORE_MAX, row, e->max);
	}
	if (kind == TESLA_COUNTER)
		set_number(c, element, STORE_INCREASE, row, e->increase);
	set_number(c, element, STORE_COVERED_MS, row, (double)e->covered_ms);
	set_number(c, element, STORE_COUNT, row, e->count);
	set_number(c, element, STORE_QUALITY, row, e->quality);
}

static void columns_init(struct columns *c, int64_t analyzer)
{
	struct made m;
	size_t element = 0;

	*c = (struct columns){ 0 };
	make(&m, analyzer, START);
	for (size_t i = 0; i < 3; i++) {
		c->variables[i] = (struct store_column_variable){
			m.variables[i].name,	   m.variables[i].unit,
			m.variables[i].kind,	   m.variables[i].predecessor_factor,
			m.variables[i].n_elements, c->elements + element
		};
		element += m.variables[i].n_elements;
	}
	c->columns = (struct store_columns){ .node = "n1",
					     .analyzer = analyzer,
					     .model = "PM710",
					     .identity = "15165",
					     .end_ms = c->end_ms,
					     .window_ms = MINUTE,
					     .n_variables = m.record.n_variables,
					     .variables = c->variables };
}

static void columns_add(struct columns *c, int64_t end_ms)
{
	size_t row = c->columns.n_rows++, element = 0;
	struct made m;

	cr_assert(row < ROWS_MAX);
	make(&m, c->columns.analyzer, end_ms);
	c->end_ms[row] = end_ms;
	for (size_t i = 0; i < m.record.n_variables; i++)
		for (size_t e = 0; e < m.variables[i].n_elements; e++)
			set_element(c, element++, m.variables[i].kind, row,
				    &m.variables[i].elements[e]);
}

static struct store_verdict append_columns(struct fixture *f, const struct columns *c)
{
	struct tesla_error err = { 0 };
	struct store_verdict v;

	cr_assert(store_append_columns(f->store, &c->columns, 1, &v, &err) == 0, "%s", err.text);
	cr_assert((v.outcome == STORE_REJECTED) == (v.reason != NULL));
	cr_assert(v.outcome == STORE_REJECTED || v.n_stored + v.n_duplicates == c->columns.n_rows);
	if (v.reason != NULL)
		(void)snprintf(f->said, sizeof f->said, "%s", v.reason);
	store_verdicts_release(&(struct store_verdict){ .reason = v.reason }, 1);
	return v;
}

/* The verdict must be what the model says. */
static void must_append_columns(struct fixture *f, const struct columns *c, struct model *m)
{
	size_t before = m->n;
	struct store_verdict v;

	for (size_t i = 0; i < c->columns.n_rows; i++)
		model_add(m, c->columns.analyzer, c->end_ms[i]);
	v = append_columns(f, c);
	cr_assert(v.n_stored == m->n - before, "%zu of %zu new ones", v.n_stored, m->n - before);
	cr_assert(v.outcome == (v.n_stored > 0 ? STORE_STORED : STORE_DUPLICATE));
}

static struct columns *some(int64_t analyzer, int64_t first_ms, int64_t step_ms, size_t n)
{
	struct columns *c = malloc(sizeof *c);

	cr_assert(c != NULL);
	columns_init(c, analyzer);
	for (size_t i = 0; i < n; i++)
		columns_add(c, first_ms + (int64_t)i * step_ms);
	return c;
}

/* ---- tests ---- */

Test(store_columns, come_back_from_every_place)
{
	struct columns *c = some(1, START - 2 * DAY, 5 * MINUTE, 1500); /* over a week's end */
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;

	fixture_init(&f);
	f.conf.wal_bytes = 1 << 20;
	reopen(&f);
	must_append_columns(&f, c, m);
	expect_model(&f, m);
	must_append_columns(&f, c, m); /* again */
	reopen(&f);
	expect_model(&f, m);
	must_append_columns(&f, c, m);
	cr_expect(info_of(&f).recent_rows == 0 && info_of(&f).n_blocks > 1);
	must_compact(&f, true);
	must_append_columns(&f, c, m);
	expect_model(&f, m);
	cr_expect(append(&f, "n1", 1, START - 2 * DAY + 50 * MINUTE) == STORE_DUPLICATE);
	cr_expect(append(&f, "n1", 1, START - 2 * DAY + 51 * MINUTE) == STORE_STORED);
	cr_expect(verify(&f) == 0 && f.n_said == 0, "%s", f.said);
	fixture_release(&f);
	free(m);
	free(c);
}

/* Batches and records in any order of times, compaction in steps, stops: all as the model says. */
Test(store_columns, overlap_rows_and_blocks)
{
	struct model *m = calloc(1, sizeof *m);
	struct store_compaction *compaction = NULL;
	struct tesla_error err = { 0 };
	struct fixture f;
	uint64_t z = 7;

	fixture_init(&f);
	for (int round = 0; round < 400; round++) {
		int64_t at, step;
		struct columns *c;

		z = z * UINT64_C(6364136223846793005) + 1442695040888963407;
		at = START + (int64_t)(z >> 33) % 20000 * MINUTE;
		step = 1 + (int64_t)(z >> 20) % 9;
		if (round % 3 == 0) {
			if (append(&f, "n1", 1 + round % 2, at) == STORE_STORED)
				model_add(m, 1 + round % 2, at);
		} else {
			c = some(1 + round % 2, at, step * MINUTE, 1 + (size_t)(z >> 50) % 90);
			must_append_columns(&f, c, m);
			free(c);
		}
		if (compaction == NULL && round % 20 == 5)
			cr_assert(store_compact_begin(f.store, round % 40 == 5, &compaction,
						      &err) == 0);
		if (compaction != NULL &&
		    (store_compact_step(compaction, &err) == 0 || round % 150 == 149)) {
			store_compact_end(compaction);
			compaction = NULL;
		}
		if (round % 60 == 59 && compaction == NULL)
			reopen(&f);
		if (round % 25 == 24) {
			expect_model(&f, m);
			cr_assert(verify(&f) == 0, "%s", f.said);
		}
	}
	store_compact_end(compaction);
	must_compact(&f, true);
	expect_model(&f, m);
	cr_expect(info_of(&f).block_rows == m->n && verify(&f) == 0 && f.n_said == 0);
	fixture_release(&f);
	free(m);
}

/* An hour of minutes at a time, for weeks: as few blocks as if they had come at once. */
Test(store_columns, small_batches_do_not_stay)
{
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;
	uint64_t most = 0;

	fixture_init(&f);
	f.conf.cells_max = 1 << 16; /* 2,000 rows */
	reopen(&f);
	for (int64_t hour = 0; hour < 15 * 24; hour++) {
		struct columns *c = some(1, START + hour * 60 * MINUTE, 6 * MINUTE, 10);
		uint64_t n;

		must_append_columns(&f, c, m);
		free(c);
		if (hour % 8 == 7)
			must_compact(&f, false);
		n = info_of(&f).n_blocks;
		most = n > most ? n : most;
	}
	expect_model(&f, m);
	cr_expect(most < 40, "%zu blocks", (size_t)most);
	must_compact(&f, true);
	cr_expect(info_of(&f).n_blocks == 3, "%zu blocks", (size_t)info_of(&f).n_blocks);
	expect_model(&f, m);
	cr_expect(verify(&f) == 0);
	fixture_release(&f);
	free(m);
}

static void copy_file(const char *from, const char *to, const char *name)
{
	char path[160];
	struct tesla_error err;
	char *bytes;
	size_t len;
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", from, name);
	cr_assert(file_read(path, 64 << 20, &bytes, &len, &err) == 0, "%s", err.text);
	(void)snprintf(path, sizeof path, "%s/%s", to, name);
	file = fopen(path, "w");
	cr_assert(file != NULL && fwrite(bytes, 1, len, file) == len);
	(void)fclose(file);
	free(bytes);
}

/* What a kill leaves: the files as they are while the store is open. */
static void kill_and_reopen(struct fixture *f)
{
	struct fixture left = { .dir = "/tmp/tesla-store-XXXXXX", .conf = f->conf };

	cr_assert(mkdtemp(left.dir) != NULL);
	left.conf.arg = f;
	copy_file(f->dir, left.dir, "wal");
	copy_file(f->dir, left.dir, "data.mdb");
	fixture_release(f);
	f->store = NULL;
	(void)snprintf(f->dir, sizeof f->dir, "%s", left.dir);
	reopen(f);
}

Test(store_columns, a_kill_loses_none)
{
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;

	fixture_init(&f);
	f.conf.wal_bytes = 1 << 19;
	kill_and_reopen(&f);
	for (int64_t k = 0; k < 12; k++) {
		/* Every second one lies over what came before: over rows, then over blocks. */
		struct columns *c =
			some(1, START + (k / 2 * 2000 + k % 2) * MINUTE, 2 * MINUTE, 900);

		must_append_columns(&f, c, m);
		for (int64_t i = 0; i < 10; i++) {
			int64_t ms = START + (k / 2 * 2000 + i * 3) * MINUTE + 1;

			cr_assert(append(&f, "n1", 1, ms) ==
				  (k % 2 == 0 ? STORE_STORED : STORE_DUPLICATE));
			model_add(m, 1, ms);
			if (i == k % 5)
				must_append_columns(&f, c, m); /* nothing new */
		}
		if (k % 4 == 2)
			must_compact(&f, true);
		kill_and_reopen(&f); /* before any of it was applied */
		expect_model(&f, m);
		must_append_columns(&f, c, m);
		free(c);
		cr_assert(verify(&f) == 0 && f.n_said == 0, "%s", f.said);
	}
	fixture_release(&f);
	free(m);
}

/* The write-ahead file begins anew in the midst of a group: what is behind is pending still. */
Test(store_columns, again_while_the_file_begins_anew)
{
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;

	fixture_init(&f);
	for (int64_t k = 0; k < 300; k++) {
		struct columns *c = some(1, START + k * 50 * MINUTE, 2 * MINUTE, 20);
		struct columns *other = some(2, START + k * 50 * MINUTE, 2 * MINUTE, 20);

		must_append_columns(&f, other, m);
		must_append_columns(&f, c, m);
		free(other);
		if (k % 2 == 0)
			must_append_columns(&f, c, m);
		else
			cr_assert(append(&f, "n1", 1, c->end_ms[7]) == STORE_DUPLICATE);
		free(c);
	}
	expect_model(&f, m);
	cr_expect(verify(&f) == 0);
	fixture_release(&f);
	free(m);
}

/* An entry that lies over a block, though none is made so, becomes rows, in more than one go. */
Test(store_columns, a_long_block_over_others)
{
	struct columns *under = some(1, START, 4 * MINUTE, 100);
	struct columns *over = some(1, START + MINUTE, 2 * MINUTE, 3900);
	struct model *m = calloc(1, sizeof *m);
	const double *numbers[40] = { NULL };
	struct codec_rows rows = { over->end_ms, 3900, 0, numbers };
	double *window = malloc(3900 * sizeof *window);
	struct tesla_error err = { 0 };
	uint8_t head[BLOCKS_HEAD] = { 0, 0, 0, 0, 1 };
	struct fixture f;
	struct buf entry;

	fixture_init(&f);
	must_append_columns(&f, under, m);
	cr_assert(store_apply(f.store, &err) == 0);
	for (size_t i = 0; i < 3900; i++) {
		window[i] = (double)MINUTE;
		model_add(m, 1, over->end_ms[i]);
	}
	numbers[rows.n_columns++] = window;
	for (size_t e = 0; e < N_ELEMENTS_MADE; e++) {
		const enum store_field *fields;
		size_t n = row_fields(e < 3    ? TESLA_GAUGE
				      : e == 3 ? TESLA_COUNTER
					       : TESLA_STATUS,
				      &fields);

		for (size_t k = 0; k < n; k++)
			numbers[rows.n_columns++] = over->elements[e].fields[fields[k]];
	}
	buf_init(&entry, 8 << 20);
	cr_assert(buf_append(&entry, head, sizeof head) == 0);
	cr_assert(codec_encode(&rows, &entry, &err) == 0);
	cr_assert(pending_add(f.store, f.store->applied + 1, entry.pub.bytes, entry.pub.len,
			      &err) == 0);
	cr_expect(store_apply_step(f.store, &err) == 1);
	expect_model(&f, m);
	cr_expect(info_of(&f).recent_rows == 3900 && verify(&f) == 0 && f.n_said == 0);
	must_compact(&f, true);
	expect_model(&f, m);
	fixture_release(&f);
	buf_release(&entry);
	free(window);
	free(under);
	free(over);
	free(m);
}

/* Columns lie down in the midst of what is just becoming a block. */
Test(store_columns, between_steps_of_compaction)
{
	struct tesla_error err = { 0 };

	for (int64_t at = 0; at < 8; at++) { /* before each step in turn */
		struct model *m = calloc(1, sizeof *m);
		struct columns *c = some(1, START + 50 * MINUTE + 1, 3 * MINUTE, 30);
		struct store_compaction *compaction;
		struct fixture f;
		int r = 1;

		fixture_init(&f);
		for (int64_t i = 0; i < 200; i++) {
			must_append(&f, 1, START + i * MINUTE);
			model_add(m, 1, START + i * MINUTE);
		}
		cr_assert(store_compact_begin(f.store, true, &compaction, &err) == 0);
		for (int64_t step = 0; r == 1; step++) {
			if (step == at) {
				must_append_columns(&f, c, m);
				cr_assert(at % 2 == 0 || store_apply(f.store, &err) == 0);
			}
			r = store_compact_step(compaction, &err);
			cr_assert(r >= 0, "%s", err.text);
		}
		store_compact_end(compaction);
		expect_model(&f, m);
		cr_expect(verify(&f) == 0, "before step %d: %s", (int)at, f.said);
		must_compact(&f, true);
		expect_model(&f, m);
		cr_expect(verify(&f) == 0 && info_of(&f).block_rows == m->n);
		fixture_release(&f);
		free(c);
		free(m);
	}
}

/* What is not said is not known, and qualities follow from the values. */
Test(store_columns, what_is_absent)
{
	struct columns *c = some(101, START, MINUTE, 50);
	struct tesla_error err = { 0 };
	struct arena memory = { 0 };
	struct fixture f;

	fixture_init(&f);
	for (size_t e = 0; e < 3; e++)
		for (size_t k = STORE_MIN; k < STORE_N_FIELDS; k++)
			c->elements[e].fields[k] = NULL;
	c->elements[2].fields[STORE_VALUE] = NULL;
	cr_expect(append_columns(&f, c).outcome == STORE_STORED);
	for (int round = 0; round < 2; round++) {
		for (int64_t i = 0; i < 50; i++) {
			struct store_key key = { "n1", 101, START + i * MINUTE };
			const struct tesla_record_element *e;
			struct record r;

			cr_assert(store_get(f.store, &key, &memory, &r, &err) == 0, "%s", err.text);
			e = r.variables[0]->elements;
			cr_expect(r.start_ms == r.end_ms - MINUTE);
			cr_expect(e[0].value == voltage_of(101, key.end_ms, 0));
			cr_expect(e[0].quality == TESLA_GOOD && isnan(e[0].min) && isnan(e[0].max));
			cr_expect(e[1].quality ==
				  (is_missing(key.end_ms) ? TESLA_UNAVAILABLE : TESLA_GOOD));
			cr_expect(isnan(e[2].value) && e[2].quality == TESLA_UNAVAILABLE);
			cr_expect(e[0].count == 0 && e[0].covered_ms == 0);
		}
		must_compact(&f, true);
	}
	arena_release(&memory);
	fixture_release(&f);
	free(c);
}

struct refused {
	const char *what, *said;
	size_t element;
	enum store_field field;
	double v;
};
static const struct refused refusals[] = {
	{ "a value that is none", "no number", 0, STORE_VALUE, INFINITY },
	{ "a quality that is none", "quality is none", 0, STORE_QUALITY, 4 },
	{ "half a quality", "quality is none", 0, STORE_QUALITY, 0.5 },
	{ "an error with a value", "contradict", 0, STORE_QUALITY, TESLA_ERROR },
	{ "no value, and yet good", "contradict", 0, STORE_VALUE, NAN },
	{ "a minimum above the value", "between min and max", 0, STORE_MIN, 1e6 },
	{ "a minimum alone", "between min and max", 0, STORE_MAX, NAN },
	{ "an increase below nothing", "increase", 3, STORE_INCREASE, -1 },
	{ "more than the window", "covered_ms", 0, STORE_COVERED_MS, 60001 },
	{ "half a reading", "count", 0, STORE_COUNT, 1.5 },
	{ "an increase of a gauge", "that none of its kind has", 0, STORE_INCREASE, 1 },
};

Test(store_columns, what_is_no_record_is_rejected)
{
	struct columns *good = some(1, START, MINUTE, 20);
	struct columns *c = malloc(sizeof *c);
	struct model *m = calloc(1, sizeof *m);
	struct fixture f;

	fixture_init(&f);
	for (int known = 0; known < 2; known++) {
		for (size_t i = 0; i < N_ELEMENTS(refusals); i++) {
			const struct refused *r = &refusals[i];

			free(c);
			c = some(1, START + 30 * MINUTE, MINUTE, 20);
			set_number(c, r->element, r->field, 7, r->v);
			cr_expect(append_columns(&f, c).outcome == STORE_REJECTED, "%s", r->what);
			cr_expect(strstr(f.said, r->said) != NULL, "%s: %s", r->what, f.said);
		}
		free(c);
		c = some(1, START + 30 * MINUTE, MINUTE, 20);
		c->end_ms[4] = c->end_ms[5];
		cr_expect(append_columns(&f, c).outcome == STORE_REJECTED);
		c->columns.n_rows = 0;
		cr_expect(append_columns(&f, c).outcome == STORE_REJECTED);
		c->columns.n_rows = 4;
		c->variables[0].name = "";
		cr_expect(append_columns(&f, c).outcome == STORE_REJECTED);
		must_append_columns(&f, good, m);
	}
	expect_model(&f, m);
	fixture_release(&f);
	free(m);
	free(c);
	free(good);
}

/* One that is rejected, and one that is too long, beside one that is good. */
Test(store_columns, batches_have_nothing_to_do_with_each_other)
{
	struct columns *c[3] = { some(1, START, MINUTE, 20), some(2, START, MINUTE, 20),
				 some(101, START, MINUTE, 3900) };
	struct store_columns batches[4] = { c[0]->columns, c[1]->columns, c[0]->columns,
					    c[2]->columns };
	struct tesla_error err = { 0 };
	struct store_verdict v[4];
	struct fixture f;

	fixture_init(&f);
	batches[1].window_ms = 0;
	cr_assert(store_append_columns(f.store, batches, 4, v, &err) == 0, "%s", err.text);
	cr_expect(v[0].outcome == STORE_STORED && v[0].n_stored == 20);
	cr_expect(v[1].outcome == STORE_REJECTED && strstr(v[1].reason, "window") != NULL);
	cr_expect(v[2].outcome == STORE_DUPLICATE && v[2].n_duplicates == 20);
	cr_expect(v[3].outcome == STORE_REJECTED && strstr(v[3].reason, "send fewer") != NULL);
	store_verdicts_release(v, 4);
	cr_expect(count_records(&f) == 20);
	fixture_release(&f);
	for (size_t i = 0; i < 3; i++)
		free(c[i]);
}
