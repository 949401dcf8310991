/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roll-ups and retention.  What is read by way of roll-ups is what brute force over all rows gives,
 * whatever came late, and wherever the store was closed.
 */
#include "central/store_backup.h"
#include "store_world.h"

#define START (INT64_C(2960) * WEEK)

struct unit {
	const struct zone *zone;
	enum calendar_unit unit;
};

static int64_t next_unit(const void *arg, int64_t ms)
{
	const struct unit *u = arg;

	return calendar_next_ms(u->zone, ms, u->unit);
}

struct keeping { /* a store that is maintained */
	struct world w;
	struct store_policy policy;
	struct store_maintain *m;
	struct zone *madrid;
	int64_t now_ms;
	unsigned steps;
};

static void policy_of(void *arg, const char *node, const char *model, struct store_policy *ret)
{
	const struct keeping *k = arg;

	cr_assert(strcmp(node, "n1") == 0 && strcmp(model, "PM710") == 0);
	*ret = k->policy;
}

static const struct store_policy all_levels = { .raw_ms = STORE_FOR_EVER,
						.level_ms = { STORE_FOR_EVER, STORE_FOR_EVER,
							      STORE_FOR_EVER, STORE_FOR_EVER } };

static void begin(struct keeping *k, size_t cells_max)
{
	struct tesla_error err = { 0 };

	*k = (struct keeping){ .policy = all_levels };
	world_init(&k->w, cells_max);
	cr_assert(zone_open("Europe/Madrid", &k->madrid, &err) == 0, "%s", err.text);
	k->policy.zone = k->madrid;
	cr_assert(store_maintain_new(k->w.store, policy_of, k, &k->m, &err) == 0);
}

static void reopen(struct keeping *k)
{
	struct tesla_error err = { 0 };

	store_maintain_free(k->m);
	world_reopen(&k->w);
	cr_assert(store_maintain_new(k->w.store, policy_of, k, &k->m, &err) == 0);
}

static void finish(struct keeping *k)
{
	cr_expect(k->w.n_said == 0, "%s", k->w.said);
	store_maintain_free(k->m);
	zone_free(k->madrid);
	world_release(&k->w);
}

/* n steps, or as many as there are; false: there are more. */
static bool maintain(struct keeping *k, unsigned n)
{
	struct tesla_error err = { 0 };
	bool more = true;

	for (unsigned i = 0; i < n && more; i++, k->steps++)
		cr_assert(store_maintain_step(k->m, k->now_ms, &more, &err) == 0, "%s", err.text);
	return !more;
}

static void maintain_all(struct keeping *k)
{
	cr_assert(maintain(k, 100000));
}

static struct store_maintain_counts counts_of(const struct keeping *k)
{
	struct store_maintain_counts c;

	store_maintain_counts(k->m, &c);
	return c;
}

/* ---- queries ---- */

static const struct number {
	const char *variable;
	size_t element;
} numbers[] = { { "TPF", 0 }, { "TPF", 1 }, { "CEA", 0 }, { "ERR", 0 } };

static const int64_t steps[] = { 5 * MINUTE, 15 * MINUTE, 20 * MINUTE, HOUR, 6 * HOUR, DAY, WEEK };

static void query_steps(struct keeping *k, int64_t from_ms, int64_t to_ms, int64_t least_ms)
{
	const struct number *number = &numbers[world_random(&k->w) % N_ELEMENTS(numbers)];
	struct unit unit = { k->madrid, CALENDAR_DAY };
	struct store_bucket_query q = {
		"n1", 1, number->variable, number->element, from_ms, to_ms, { 0 }, STORE_ALL, false
	};

	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		if (steps[i] < least_ms)
			continue;
		q.steps = (struct store_steps){ .step_ms = steps[i] };
		(void)world_buckets(&k->w, &q);
	}
	q.steps = (struct store_steps){ .next = next_unit, .arg = &unit };
	for (unit.unit = CALENDAR_DAY; unit.unit <= CALENDAR_MONTH; unit.unit++)
		(void)world_buckets(&k->w, &q);
}

static void query_all_of(struct keeping *k, int64_t from_ms, int64_t to_ms, const char *variable)
{
	struct store_bucket_query q = { "n1",  1,     variable,	 0,    from_ms,
					to_ms, { 0 }, STORE_ALL, false };

	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		q.steps = (struct store_steps){ .step_ms = steps[i] };
		(void)world_buckets(&k->w, &q);
	}
}

static void query_all(struct keeping *k, int64_t from_ms, int64_t to_ms)
{
	query_steps(k, from_ms, to_ms, 0);
	query_steps(k, from_ms + 37 * MINUTE + 11, to_ms - 7 * HOUR - 5, 0);
}

/* ---- tests ---- */

/* 2026-03-25 to 04-03 and 2026-10-21 to 10-30: the clock is put forward, and back. */
static const int64_t begins[] = { INT64_C(1774393200000), INT64_C(1792533600000) };

Test(store_rollup, gives_what_the_rows_give)
{
	for (size_t i = 0; i < N_ELEMENTS(begins); i++) {
		int64_t from = begins[i], to = from + 9 * DAY;
		struct keeping k;

		begin(&k, 1 << 14);
		world_fill(&k.w, 1, from, from + 5 * DAY + 7 * HOUR, 5 * MINUTE, 0);
		world_fill(&k.w, 1, from + 5 * DAY + 7 * HOUR, from + 6 * DAY, MINUTE / 2, 1);
		world_fill(&k.w, 1, from + 6 * DAY, to, 5 * MINUTE, 0);
		k.now_ms = to + HOUR;
		maintain_all(&k);
		cr_expect(counts_of(&k).buckets > 9 * 24 * 4 && counts_of(&k).late == 0);
		query_all(&k, from, to);
		world_compact(&k.w, true);
		query_all(&k, from - DAY, to + DAY);
		reopen(&k);
		query_all(&k, from, to);
		finish(&k);
	}
}

/* Rows come in order, late and again, while all else goes on. */
Test(store_rollup, stays_true)
{
	int64_t from = begins[0], t = from;
	struct keeping k;

	begin(&k, 1 << 12);
	for (int round = 0; round < 60; round++) {
		int64_t to = t + (int64_t)(world_random(&k.w) % 8) * HOUR;

		world_fill(&k.w, 1, t, to, 10 * MINUTE, round / 20 % 2);
		t = to;
		for (int i = 0; i < (int)(world_random(&k.w) % 6); i++) {
			int64_t late = from + (int64_t)(world_random(&k.w) %
							(uint64_t)((t - from) / MINUTE + 1)) *
						      MINUTE;
			struct row r = world_row(&k.w, 1, late, 5 * MINUTE, round / 20 % 2);

			if (world_find(&k.w, 1, late) == NULL) /* of another set it is another */
				world_store(&k.w, &r, 1, true);
		}
		k.now_ms = t + HOUR;
		(void)maintain(&k, (unsigned)(world_random(&k.w) % 20));
		if (round % 4 == 1)
			world_compact(&k.w, round % 8 == 1);
		if (round % 5 == 2)
			reopen(&k);
		query_all(&k, from, t + HOUR);
	}
	maintain_all(&k);
	cr_expect(counts_of(&k).buckets > 0);
	query_all(&k, from, t + HOUR);
	finish(&k);
}

/* Then a bucket is empty before one that has a row, which may end where what is asked for does. */
Test(store_rollup, windows_are_longer_than_steps)
{
	int64_t from = begins[0], to = from + 9 * DAY;
	struct keeping k;

	begin(&k, 1 << 12);
	world_fill(&k.w, 1, from, to, 10 * MINUTE, 0);
	query_all(&k, from, to);
	k.now_ms = to + HOUR;
	maintain_all(&k);
	query_all(&k, from, to);
	world_compact(&k.w, true);
	query_all(&k, from, to);
	finish(&k);
}

/* ---- backups ---- */

/* A copy, in `k->w.dir` with .copy behind it, while rows come late and others are compacted. */
static void back_up(struct keeping *k, char *to, size_t size, bool busy, int64_t from_ms,
		    int64_t to_ms)
{
	struct store_backup_conf conf = { .to = to, .step_bytes = 4096 };
	struct store_maintain_counts before = counts_of(k);
	struct tesla_error err = { 0 };
	struct store_backup *b;
	int r;

	(void)snprintf(to, size, "%s.copy", k->w.dir);
	cr_assert(store_backup_begin(k->w.store, &conf, &b, &err) == 0, "%s", err.text);
	while ((r = store_backup_step(b, &err)) == 1) {
		int64_t late = from_ms + (int64_t)(world_random(&k->w) %
						   (uint64_t)((to_ms - from_ms) / MINUTE)) *
						 MINUTE;
		struct row row = world_row(&k->w, 1, late, 5 * MINUTE, 0);

		cr_assert(maintain(k, 5), "nothing is made while a backup is");
		if (!busy)
			continue;
		world_store(&k->w, &row, 1, true);
		if (world_random(&k->w) % 4 == 0)
			world_compact(&k->w, true);
	}
	cr_assert(r == 0, "%s", err.text);
	store_backup_end(b);
	cr_expect(counts_of(k).buckets == before.buckets);
}

/* The copy in the place of the store; of the rows those that are in it. */
static void use_copy(struct keeping *k, const char *to)
{
	struct tesla_error err = { 0 };
	uint64_t n_damaged;
	size_t n = 0;

	store_maintain_free(k->m);
	store_close(k->w.store);
	k->w.store = NULL;
	(void)nftw(k->w.dir, world_remove, 16, FTW_DEPTH | FTW_PHYS);
	cr_assert(rename(to, k->w.dir) == 0);
	cr_assert(store_open(k->w.dir, &k->w.conf, &k->w.store, &err) == 0, "%s", err.text);
	cr_assert(store_maintain_new(k->w.store, policy_of, k, &k->m, &err) == 0);
	cr_expect(store_verify(k->w.store, &n_damaged, &err) == 0 && n_damaged == 0, "%s",
		  k->w.said);
	for (size_t i = 0; i < k->w.n; i++) {
		struct store_key key = { "n1", k->w.rows[i].analyzer, k->w.rows[i].end_ms };
		struct arena memory = { 0 };
		struct record record;

		if (store_get(k->w.store, &key, &memory, &record, &err) == 0)
			k->w.rows[n++] = k->w.rows[i];
		arena_release(&memory);
	}
	k->w.n = n;
}

/* At rest, and while rows come late: what is read of the copy is what its rows give. */
Test(store_rollup, a_backup_has_them)
{
	for (int round = 0; round < 6; round++) {
		int64_t from = begins[0], to = from + 9 * DAY;
		bool busy = round > 0;
		struct keeping k;
		size_t n;
		char copy[80];

		begin(&k, 1 << 12);
		k.w.random += (uint64_t)round;
		world_fill(&k.w, 1, from, to, 10 * MINUTE, 0);
		k.now_ms = to + HOUR;
		maintain_all(&k);
		if (round % 2 == 0)
			world_compact(&k.w, true);
		for (int64_t i = 0; i < 3; i++) { /* with marks that are there already */
			struct row late =
				world_row(&k.w, 1, from + i * 2 * DAY + 7 * MINUTE, 5 * MINUTE, 0);

			world_store(&k.w, &late, 1, true);
		}
		n = k.w.n;
		back_up(&k, copy, sizeof copy, busy, from, to);
		use_copy(&k, copy);
		cr_expect(k.w.n >= n, "a row that was there is not in it");
		query_all(&k, from, to);
		maintain_all(&k);
		cr_expect(counts_of(&k).late > 0 && counts_of(&k).buckets == counts_of(&k).late,
			  "of %llu buckets %llu were late: the others were not copied",
			  (unsigned long long)counts_of(&k).buckets,
			  (unsigned long long)counts_of(&k).late);
		query_all(&k, from, to);
		finish(&k);
	}
}

/* They are no records: what is salvaged are the rows, each once, and they are made again. */
Test(store_rollup, a_salvage_has_none)
{
	int64_t from = begins[0], to = from + 9 * DAY;
	struct tesla_error err = { 0 };
	struct keeping k;
	struct store *mended;
	uint64_t n;
	char copy[80];

	begin(&k, 1 << 12);
	world_fill(&k.w, 1, from, to, 10 * MINUTE, 0);
	k.now_ms = to + HOUR;
	maintain_all(&k);
	cr_assert(counts_of(&k).buckets > 0);
	world_compact(&k.w, true);
	reopen(&k);
	(void)snprintf(copy, sizeof copy, "%s.copy", k.w.dir);
	cr_assert(store_open(copy, &k.w.conf, &mended, &err) == 0, "%s", err.text);
	cr_assert(store_salvage(k.w.dir, mended, &n, &err) == 0, "%s", err.text);
	store_close(mended);
	cr_expect(n == k.w.n, "%llu of %zu", (unsigned long long)n, k.w.n);
	use_copy(&k, copy);
	cr_expect(k.w.n == n);
	query_all(&k, from, to);
	maintain_all(&k);
	query_all(&k, from, to);
	finish(&k);
}

/* All of some weeks comes behind what is made already. */
Test(store_rollup, history_comes_after)
{
	struct keeping k;

	begin(&k, 0);
	world_fill(&k.w, 1, START + 5 * WEEK, START + 6 * WEEK, 15 * MINUTE, 0);
	k.now_ms = START + 6 * WEEK + HOUR;
	maintain_all(&k);
	cr_expect(counts_of(&k).late == 0);
	world_fill(&k.w, 1, START, START + 2 * WEEK, 10 * MINUTE, 0);
	query_steps(&k, START, START + 7 * WEEK, HOUR);
	maintain_all(&k);
	cr_expect(counts_of(&k).late >= 2 * 7 * 24 * 9 / 10, "%llu",
		  (unsigned long long)counts_of(&k).late);
	query_steps(&k, START, START + 7 * WEEK, HOUR);
	finish(&k);
}

static size_t count_raw(struct keeping *k, int64_t from_ms, int64_t to_ms)
{
	struct store_query q = { "n1", 1, "TPF", 0, STORE_VALUE, from_ms, to_ms };
	struct tesla_error err = { 0 };
	struct store_points p;
	struct store_series *r;
	size_t n = 0;

	cr_assert(store_series_open(k->w.store, &q, &r, &err) == 0, "%s", err.text);
	while (store_series_next(r, &p, &err) == 1)
		n += p.n;
	store_series_close(r);
	return n;
}

/* Columns come behind what is made: as a block between others, and over one. */
Test(store_rollup, columns_come_after)
{
	int64_t from = START, to = START + 12 * DAY;
	struct keeping k;

	begin(&k, 1 << 14);
	for (int64_t day = 0; day < 12; day += 2)
		world_columns(&k.w, 1, from + day * DAY, from + day * DAY + DAY, 5 * MINUTE);
	k.now_ms = to + HOUR;
	maintain_all(&k);
	query_all_of(&k, from, to, "TPF");
	for (int64_t day = 1; day < 12; day += 2)
		world_columns(&k.w, 1, from + day * DAY, from + day * DAY + DAY, 5 * MINUTE);
	query_all_of(&k, from, to, "TPF");
	world_columns(&k.w, 1, from + 150000, from + 3 * DAY, 10 * MINUTE);
	query_all_of(&k, from, to, "TPF");
	maintain_all(&k);
	cr_expect(counts_of(&k).late > 6 * 24 * 4);
	query_all_of(&k, from, to, "TPF");
	world_compact(&k.w, true);
	query_all_of(&k, from, to, "TPF");
	finish(&k);
}

/* Rows are not removed before all levels are made of them, however short they are kept. */
Test(store_rollup, nothing_goes_before_it_is_made)
{
	int64_t t = START;
	struct keeping k;
	struct store_bucket_query q = { "n1",	   1,	 "TPF", 0, START, 0, { .step_ms = HOUR },
					STORE_ALL, false };

	begin(&k, 1 << 12);
	k.policy.zone = NULL;
	k.policy.raw_ms = 0;
	for (int i = 0; i < 40; i++, t += 100 * MINUTE) {
		world_fill(&k.w, 1, t, t + 100 * MINUTE, MINUTE, 0);
		k.now_ms = t + 100 * MINUTE;
		maintain_all(&k);
		if (i % 8 == 3)
			world_compact(&k.w, true);
		q.to_ms = t + 100 * MINUTE;
		(void)world_buckets(&k.w, &q);
	}
	cr_expect(count_raw(&k, START, t) < 40 * 60, "days are not made of them yet");
	cr_expect(counts_of(&k).rows_gone + counts_of(&k).blocks_gone > 0);
	finish(&k);
}

Test(store_rollup, what_is_old_goes_and_what_is_coarser_stays)
{
	int64_t from = begins[1], to = from + 30 * DAY;
	struct keeping k;
	size_t n;

	begin(&k, 1 << 12);
	world_fill(&k.w, 1, from, to, 5 * MINUTE, 0);
	world_compact(&k.w, false);
	k.policy = (struct store_policy){ .raw_ms = 5 * DAY,
					  .level_ms = { 0, 10 * DAY, 20 * DAY, STORE_FOR_EVER },
					  .zone = k.madrid };
	k.now_ms = to;
	maintain_all(&k);
	n = count_raw(&k, from, to - 7 * DAY);
	cr_expect(n <= 200, "%zu are left in a block that is not old as a whole", n);
	cr_expect(count_raw(&k, to - 5 * DAY, to) > 1000);
	cr_expect(counts_of(&k).rows_gone + counts_of(&k).blocks_gone > 0);
	query_steps(&k, to - 5 * DAY, to, 0);
	query_steps(&k, to - 9 * DAY, to, HOUR);
	reopen(&k);
	maintain_all(&k);
	{
		struct unit unit = { k.madrid, CALENDAR_DAY };
		struct store_bucket_query q = {
			"n1",	   1,	 "CEA", 0, from, to, { .next = next_unit, .arg = &unit },
			STORE_ALL, false
		};

		cr_expect(world_buckets(&k.w, &q) >= 30);
		unit.unit = CALENDAR_WEEK;
		cr_expect(world_buckets(&k.w, &q) >= 4);
		q.from_ms = to - 9 * DAY;
		q.steps = (struct store_steps){ .step_ms = 15 * MINUTE };
		(void)world_buckets(&k.w, &q);
		q.from_ms = to - 19 * DAY;
		q.steps = (struct store_steps){ .step_ms = HOUR };
		(void)world_buckets(&k.w, &q);
	}
	finish(&k);
}

/* Where rows were removed, a late one makes nothing worse; where there were none, it counts. */
Test(store_rollup, late_where_rows_are_gone)
{
	int64_t from = START, to = START + 30 * DAY;
	struct keeping k;
	struct row late;
	struct store_bucket_query q = {
		"n1", 1, "TPF", 0, from, from + 9 * DAY, { .step_ms = DAY }, STORE_ALL, false
	};

	begin(&k, 1 << 12);
	k.policy.zone = NULL;
	k.policy.raw_ms = 5 * DAY;
	world_fill(&k.w, 1, from, from + 3 * DAY, 5 * MINUTE, 0);
	world_fill(&k.w, 1, from + 6 * DAY, to, 5 * MINUTE, 0);
	k.now_ms = to;
	maintain_all(&k);
	world_compact(&k.w, true);
	maintain_all(&k);
	cr_expect(count_raw(&k, from, from + 3 * DAY) == 0);
	(void)world_buckets(&k.w, &q);
	world_fill(&k.w, 1, from + 4 * DAY, from + 5 * DAY, 5 * MINUTE, 0);
	maintain_all(&k);
	(void)world_buckets(&k.w, &q);
	late = world_row(&k.w, 1, from + DAY + 7, MINUTE, 0);
	late.voltage[0].value = late.voltage[0].max = 1e6;
	late.voltage[0].min = 0;
	late.voltage[0].quality = TESLA_GOOD;
	world_store(&k.w, &late, 1, true);
	k.w.n--; /* it does not count */
	(void)world_buckets(&k.w, &q);
	maintain_all(&k);
	(void)world_buckets(&k.w, &q);
	cr_expect(count_raw(&k, from, from + 6 * DAY) == 0);
	finish(&k);
}

/* Levels that are switched off go, and come again; so do days when the zone is another one. */
Test(store_rollup, the_policy_changes)
{
	struct tesla_error err = { 0 };
	struct store_info info;
	struct keeping k;

	begin(&k, 0);
	world_fill(&k.w, 1, START, START + 8 * DAY, 5 * MINUTE, 0);
	k.now_ms = START + 8 * DAY + HOUR;
	maintain_all(&k);
	k.policy.zone = NULL;
	maintain_all(&k);
	query_all(&k, START, START + 8 * DAY);
	k.policy = (struct store_policy){ .raw_ms = STORE_FOR_EVER };
	maintain_all(&k);
	query_all(&k, START, START + 8 * DAY);
	cr_assert(store_info(k.w.store, &info, &err) == 0);
	cr_expect(info.roll_blocks == 0, "%llu", (unsigned long long)info.roll_blocks);
	k.policy = all_levels;
	k.policy.zone = k.madrid;
	maintain_all(&k);
	query_all(&k, START, START + 8 * DAY);
	cr_assert(store_info(k.w.store, &info, &err) == 0);
	cr_expect(info.roll_blocks > 0 && info.n_sets == 1);
	finish(&k);
}

/* Roll-ups are there to be read: where the rows are gone behind the store's back, they answer. */
Test(store_rollup, is_used)
{
	int64_t to = START + 20 * DAY;
	struct keeping k;
	struct store_bucket_query q = {
		"n1", 1, "TPF", 0, START, START + 10 * DAY, { .step_ms = HOUR }, STORE_ALL, false
	};
	uint64_t damaged;
	struct tesla_error err = { 0 };

	begin(&k, 0);
	k.policy.zone = NULL;
	k.policy.raw_ms = DAY;
	world_fill(&k.w, 1, START, to, 5 * MINUTE, 0);
	world_compact(&k.w, true);
	k.now_ms = to + 15 * DAY;
	maintain_all(&k);
	cr_expect(count_raw(&k, START, to) == 0);
	cr_expect(world_buckets(&k.w, &q) == 240);
	q.steps.step_ms = 15 * MINUTE;
	cr_expect(world_buckets(&k.w, &q) > 900);
	cr_expect(store_verify(k.w.store, &damaged, &err) == 0 && damaged == 0);
	finish(&k);
}
