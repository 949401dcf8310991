/* SPDX-License-Identifier: Apache-2.0 */
/* The store against a model, as store_fixture.h has it. */
#include "store_fixture.h"

#include <sys/syscall.h>
#include <time.h>

#include "base/file.h"
#include "central/bytes.h"

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
	bad.variables[1].unit = "W"; /* a form that was never seen is looked at, too */
	cr_expect(append_record(&f, "n1", &bad.record) == STORE_REJECTED);
	cr_expect(info_of(&f).n_sets == 1);
	fixture_release(&f);
	free(m);
}

/* As of a caller that sends means, and nothing about them. */
Test(store, what_is_not_known_of_a_value)
{
	struct store_query q = voltage_query(START, START + 60 * MINUTE);
	static const enum store_field fields[] = { STORE_MIN, STORE_MAX, STORE_COUNT,
						   STORE_COVERED_MS };
	struct made m;
	struct fixture f;

	fixture_init(&f);
	make(&m, 1, START + MINUTE);
	for (size_t i = 0; i < 3; i++) {
		m.voltage[i] = (struct tesla_record_element){
			.value = 230, .min = NAN, .max = NAN, .increase = NAN
		};
	}
	cr_assert(append_record(&f, "n1", &m.record) == STORE_STORED);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
			struct tesla_error err;
			struct store_series *series;
			struct store_points points;

			q.field = fields[i];
			cr_assert(store_series_open(f.store, &q, &series, &err) == 0);
			cr_assert(store_series_next(series, &points, &err) == 1);
			cr_expect(points.n == 1 && isnan(points.values[0]), "field %d", fields[i]);
			store_series_close(series);
		}
		must_compact(&f, true);
	}
	make(&m, 1, START + 2 * MINUTE);
	m.voltage[0].max = NAN; /* one of them alone */
	cr_expect(append_record(&f, "n1", &m.record) == STORE_REJECTED);
	fixture_release(&f);
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

/* As if everything took long: whatever looks at the clock ends its piece. */
static bool is_slow;

int clock_gettime(clockid_t id, struct timespec *t)
{
	static unsigned calls;
	int r = (int)syscall(SYS_clock_gettime, id, t);

	if (is_slow)
		t->tv_sec += ++calls;
	return r;
}

Test(store, blocks_are_counted_in_pieces)
{
	struct store_counting *c;
	struct tesla_error err = { 0 };
	struct store_info whole, i;
	struct fixture f;
	unsigned n = 0;
	int r;

	fixture_init(&f);
	for (int64_t k = 0; k < 3000; k++)
		must_append(&f, 1 + k % 3, START + k * MINUTE);
	must_compact(&f, true);
	whole = info_of(&f);
	cr_assert(whole.n_blocks > 5 && whole.block_rows == 3000 && whole.samples > 3000);
	cr_assert(store_info_begin(f.store, &c, &err) == 0);
	is_slow = true;
	while ((r = store_info_step(c, &i, &err)) == 1)
		n++;
	is_slow = false;
	store_info_end(c);
	cr_assert(r == 0, "%s", err.text);
	cr_expect(n >= whole.n_blocks - 1, "%u pieces", n);
	cr_expect(i.n_blocks == whole.n_blocks && i.block_rows == whole.block_rows &&
		  i.block_bytes == whole.block_bytes && i.samples == whole.samples &&
		  i.file_bytes == whole.file_bytes && i.used_bytes == whole.used_bytes);
	fixture_release(&f);
}

static enum store_outcome append_as(struct fixture *f, int64_t analyzer, int64_t end_ms,
				    const char *identity)
{
	struct made m;

	make(&m, analyzer, end_ms);
	m.record.identity = identity;
	return append_record(f, "n1", &m.record);
}

/* A client that calls itself another one with every record does not fill the memory. */
Test(store, an_analyzer_has_so_many_forms_at_most)
{
	struct fixture f;
	char identity[16];

	fixture_init(&f);
	for (int64_t i = 0; i < 258; i++) {
		(void)snprintf(identity, sizeof identity, "id%d", (int)i);
		if (i == 200)
			reopen(&f); /* they are counted from the disk, too */
		cr_assert(append_as(&f, 1, START + i * MINUTE, identity) ==
				  (i < 256 ? STORE_STORED : STORE_REJECTED),
			  "%d", (int)i);
	}
	cr_expect(strstr(f.said, "too many forms") != NULL, "%s", f.said);
	cr_expect(append_as(&f, 1, START + DAY, "id0") == STORE_STORED);
	cr_expect(append_as(&f, 1, START + 2 * DAY, "id255") == STORE_STORED);
	cr_expect(append_as(&f, 2, START, "id0") == STORE_STORED);
	cr_expect(info_of(&f).n_sets == 257);
	cr_expect(verify(&f) == 0);
	fixture_release(&f);
}

Test(store, all_have_so_many_forms_at_most)
{
	struct fixture f;
	int64_t i = 1;

	fixture_init(&f);
	f.conf.forms_bytes = 1 << 16;
	reopen(&f);
	while (i < 1000 && append_as(&f, i, START, "a") == STORE_STORED)
		i++;
	cr_expect(i > 10 && i < 200, "%d", (int)i);
	cr_expect(strstr(f.said, "too many forms") != NULL, "%s", f.said);
	cr_expect(append_as(&f, 1, START + MINUTE, "a") == STORE_STORED);
	reopen(&f);
	cr_expect(append_as(&f, i, START, "a") == STORE_REJECTED);
	cr_expect(append_as(&f, 1, START + 2 * MINUTE, "a") == STORE_STORED);
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
	uint8_t bytes[4];

	fixture_init(&f);
	for (int64_t i = 0; i < 100; i++)
		must_append(&f, 1, START + i * MINUTE);
	(void)info_of(&f);				 /* they are in the tables now */
	put_u32(bytes, (uint32_t)(START / MINUTE + 50)); /* the counter of one */
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
	uint8_t bytes[4];

	fixture_init(&f);
	for (int64_t i = 0; i < 50; i++)
		must_append(&f, 1, START + i * MINUTE);
	put_u32(bytes, (uint32_t)(START / MINUTE + 20));
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
