/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal gives up when it has too much, and that it says so. */
#include "daemon/journal_internal.h"
#include "journal_fixture.h"

#define DAY (96 * QUARTER_MS)

static struct journal_info look(struct journal *j)
{
	struct journal_info info;

	cr_assert(eq(int, journal_info(j, &info), 0));
	free(info.exporters);
	info.exporters = NULL;
	return info;
}

static int64_t oldest(struct journal *j, uint16_t no)
{
	struct journal_info info;
	int64_t ms;

	cr_assert(eq(int, journal_info(j, &info), 0));
	ms = fixture_info(&info, no)->oldest_ms;
	free(info.exporters);
	return (ms - START_MS) / QUARTER_MS;
}

Test(journal_limits, by_size)
{
	static const struct {
		const char *name;
		enum journal_policy policy;
		size_t len;
		uint64_t bytes;
	} cases[] = {
		{ "the oldest go", JOURNAL_DROP_OLDEST, 800, 256 << 10 },
		{ "the newest are refused", JOURNAL_DROP_NEWEST, 800, 256 << 10 },
		{ "on pages of their own, the oldest", JOURNAL_DROP_OLDEST, 5000, 512 << 10 },
		{ "on pages of their own, the newest", JOURNAL_DROP_NEWEST, 5000, 512 << 10 },
		{ "next to nothing fits", JOURNAL_DROP_OLDEST, 800, 1 },
	};
	enum { N = 500 };

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct journal_limits limits = { .bytes = cases[i].bytes,
						 .rejects = 9,
						 .policy = cases[i].policy };
		struct scratch s = scratch_new();
		struct journal *j = fixture_open(s.journal, &limits);
		uint16_t a = fixture_exporter(j, "a");
		struct journal_info info;
		uint64_t fit = cases[i].bytes / (cases[i].len > 2000 ? 8192 : 1100);

		fixture_fill(j, a, 0, N, cases[i].len);
		info = look(j);
		cr_assert(eq(u64, info.records + info.dropped[JOURNAL_DROP_SIZE], N), "%s",
			  cases[i].name);
		cr_assert(info.bytes <= limits.bytes || info.records == 0, "%s", cases[i].name);
		cr_assert(ge(u64, info.records, fit * 8 / 10), "%s", cases[i].name);
		if (info.records > 0)
			cr_assert(eq(i64, oldest(j, a),
				     cases[i].policy == JOURNAL_DROP_OLDEST
					     ? (int64_t)(N - info.records)
					     : 0),
				  "%s", cases[i].name);
		journal_close(j);
		scratch_remove(&s);
	}
}

/* Ten days of records, a limit of three. */
Test(journal_limits, by_age)
{
	static const struct {
		const char *name;
		int64_t now_ms;
		uint64_t kept;
	} cases[] = {
		{ "three days are left", 10 * DAY, 3 * 96 + 1 },
		{ "years later, nothing new has come", 4000 * DAY, 3 * 96 + 1 },
		{ "the clock is before them all", -4000 * DAY, 961 },
		{ "only what is old by the clock too", 5 * DAY, 8 * 96 + 1 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct journal_limits limits = { .bytes = 64 << 20 };
		struct scratch s = scratch_new();
		struct journal *j = fixture_open(s.journal, &limits);
		struct tesla_error err = { 0 };
		struct journal_info info;

		fixture_fill(j, fixture_exporter(j, "a"), 0, 961, 100);
		journal_close(j);
		limits.age_ms = 3 * DAY;
		j = fixture_open(s.journal, &limits);
		for (int k = 0; k < 3; k++)
			cr_assert(eq(int,
				     journal_write(j, NULL, 0, NULL, 0, START_MS + cases[i].now_ms,
						   &err),
				     0));
		info = look(j);
		cr_assert(eq(u64, info.records, cases[i].kept), "%s", cases[i].name);
		cr_assert(eq(u64, info.dropped[JOURNAL_DROP_AGE], 961 - cases[i].kept), "%s",
			  cases[i].name);
		journal_close(j);
		scratch_remove(&s);
	}
}

/* Ten days of records; then the clock is years ahead, for a while or for good. */
Test(journal_limits, a_clock_that_leaps_ahead_drops_nothing)
{
	static const struct {
		const char *name;
		size_t ahead, then; /* records with the clock ahead, and put right again */
		bool again, kept;   /* again: the journal is closed and opened in between */
	} cases[] = {
		{ "the first record after it", 1, 0, false, true },
		{ "and a restart", 1, 0, true, true },
		{ "for hours", 60, 0, false, true },
		{ "for hours, and put right", 60, 10, false, true },
		{ "for long: it is believed", 80, 0, false, false },
		{ "and a restart", 80, 0, true, false },
	};
	enum { N = 961, AHEAD = 1000 * 96 };

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct journal_limits limits = { .bytes = 64 << 20, .age_ms = 3 * DAY };
		struct scratch s = scratch_new();
		struct journal *j = fixture_open(s.journal, &limits);
		uint16_t a = fixture_exporter(j, "a");
		uint64_t before, after;

		fixture_fill(j, a, 0, N, 100);
		before = look(j).dropped[JOURNAL_DROP_AGE];
		cr_assert(eq(u64, before, N - 3 * 96 - 1));
		fixture_fill(j, a, AHEAD, cases[i].ahead, 100);
		if (cases[i].again) {
			journal_close(j);
			j = fixture_open(s.journal, &limits);
		}
		fixture_fill(j, a, AHEAD + cases[i].ahead, 1, 100);
		fixture_fill(j, a, N, cases[i].then, 100);
		after = look(j).dropped[JOURNAL_DROP_AGE];
		/* What comes when it is right again goes by the clock, as before. */
		cr_assert(eq(u64, after, before + (cases[i].kept ? cases[i].then : 3 * 96 + 1)),
			  "%s", cases[i].name);
		journal_close(j);
		scratch_remove(&s);
	}
}

static void reject_all(struct journal *j, uint16_t no, size_t n)
{
	struct tesla_error err = { 0 };
	struct journal_taken got[100];
	struct journal_verdict v[100];
	struct buf b;
	uint64_t next;
	size_t taken;

	for (size_t done = 0; done < n; done += taken) {
		buf_init(&b, 1 << 20);
		cr_assert(eq(int,
			     journal_take(j,
					  &(struct journal_want){ .exporter = no,
								  .max = n < 100 ? n : 100,
								  .max_bytes = 1 << 20 },
					  &b, got, &taken, &next, &err),
			     0));
		buf_release(&b);
		for (size_t i = 0; i < taken; i++)
			v[i] = (struct journal_verdict){ no, got[i].seq, "no" };
		cr_assert(eq(int, journal_write(j, NULL, 0, v, taken, START_MS, &err), 0), "%s",
			  err.text);
		cr_assert(gt(sz, taken, 0));
	}
}

Test(journal_limits, of_rejects)
{
	struct journal_limits limits = { .bytes = 64 << 20, .rejects = 7 };
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, &limits);
	uint16_t a = fixture_exporter(j, "a"), b = fixture_exporter(j, "b");
	struct journal_info info;

	fixture_fill(j, b, 0, 3, 100);
	fixture_fill(j, a, 3, 20, 100);
	reject_all(j, a, 20);
	reject_all(j, b, 3);
	cr_assert(eq(int, journal_info(j, &info), 0));
	cr_assert(eq(u64, fixture_info(&info, a)->rejects, 7));
	cr_assert(eq(u64, fixture_info(&info, a)->rejected, 20));
	cr_assert(eq(u64, fixture_info(&info, b)->rejects, 3));
	cr_assert(eq(u64, info.dropped[JOURNAL_DROP_REJECT], 13));
	free(info.exporters);
	journal_close(j);
	scratch_remove(&s);
}

/* Rejects fill the whole map, which only bounds what waits: it goes on all the same. */
Test(journal_limits, a_full_map_is_no_dead_end, .timeout = 120)
{
	struct journal_limits limits = { .bytes = 1 << 20, .rejects = 1000000 };
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, &limits);
	uint16_t a = fixture_exporter(j, "a");
	struct journal_info info = { 0 };
	uint64_t before = 0;

	for (size_t i = 0; i < 25000; i += 100) {
		fixture_fill(j, a, i, 100, 7900);
		reject_all(j, a, 100);
		info = look(j);
		cr_assert(ge(u64, info.dropped[JOURNAL_DROP_REJECT], before));
		before = info.dropped[JOURNAL_DROP_REJECT];
	}
	cr_assert(gt(u64, before, 1000), "the map was never full");
	cr_assert(eq(u64, info.dropped[JOURNAL_DROP_SIZE], 0));
	cr_assert(eq(u64, info.records, 0));
	journal_close(j);
	scratch_remove(&s);
}

/* A new exporter is no less than a record: what is there makes room for it. */
Test(journal_limits, a_full_map_takes_a_new_exporter, .timeout = 60)
{
	struct journal_limits limits = { .bytes = 1 << 20, .rejects = 1000 };
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, &limits);
	char id[256] = "";

	fixture_fill(j, fixture_exporter(j, "a"), 0, 20, 1000);
	cr_assert(eq(int, mdb_env_set_mapsize(j->env, 1), 0), "no larger than it is");
	for (int i = 0; i < 200; i++) {
		(void)snprintf(id, sizeof id, "%0254d", i);
		(void)fixture_exporter(j, id);
	}
	cr_assert(eq(int, j->grown, true), "the map was never full");
	journal_close(j);
	scratch_remove(&s);
}
