/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what is written waits until it is done with, and nothing is there twice. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "journal_fixture.h"

static size_t take_wanted(struct journal *j, const struct journal_want *want,
			  struct journal_taken *taken, uint64_t *next)
{
	struct tesla_error err = { 0 };
	struct buf b;
	size_t n = 0;

	buf_init(&b, 1 << 20);
	cr_assert(eq(int, journal_take(j, want, &b, taken, &n, next, &err), 0), "%s", err.text);
	for (size_t i = 0; i < n; i++)
		cr_assert(sample_right(b.pub.bytes + taken[i].at, taken[i].len));
	buf_release(&b);
	return n;
}

static size_t take(struct journal *j, uint16_t no, uint64_t from, size_t max, size_t max_bytes,
		   struct journal_taken *taken)
{
	const struct journal_want want = {
		.exporter = no, .from = from, .max = max, .max_bytes = max_bytes
	};
	uint64_t next;

	return take_wanted(j, &want, taken, &next);
}

static void settle(struct journal *j, uint16_t no, uint64_t seq, const char *reason)
{
	struct tesla_error err = { 0 };

	cr_assert(eq(int,
		     journal_write(j, NULL, 0, &(struct journal_verdict){ no, seq, reason }, 1,
				   START_MS, &err),
		     0),
		  "%s", err.text);
}

/* A line about all that can be seen; the journal is opened anew if asked. */
static void expect(struct journal **j, const char *dir, const char *expected)
{
	char seen[400] = "";
	struct journal_info info;

	for (int round = 0; round < 2; round++) {
		size_t len = 0;

		cr_assert(eq(int, journal_info(*j, &info), 0));
		len += (size_t)snprintf(seen, sizeof seen,
					"%llu:", (unsigned long long)info.records);
		for (size_t i = 0; i < info.n_exporters; i++) {
			const struct journal_exporter_info *e = &info.exporters[i];

			len += (size_t)snprintf(
				seen + len, sizeof seen - len, " %s %llu/%llu/%llu/%llu@%lld",
				e->id, (unsigned long long)e->waiting,
				(unsigned long long)e->delivered, (unsigned long long)e->rejected,
				(unsigned long long)e->rejects,
				e->oldest_ms == 0
					? -1ll
					: (long long)((e->oldest_ms - START_MS) / QUARTER_MS));
		}
		free(info.exporters);
		cr_assert(eq(str, seen, (char *)(uintptr_t)expected), "%s",
			  round == 0 ? "in memory" : "after it was opened again");
		journal_close(*j);
		*j = fixture_open(dir, NULL);
	}
}

Test(journal, a_record_is_kept_until_all_are_done_with_it)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	const uint16_t both[] = { fixture_exporter(j, "a"), fixture_exporter(j, "b"), 1 };
	struct journal_taken got[10];
	struct tesla_error err = { 0 };
	uint64_t n;
	bool more;

	cr_assert(eq(u16, fixture_exporter(j, "a"), both[0]), "known by its id");
	for (int64_t i = 0; i < 3; i++)
		cr_assert(eq(int,
			     fixture_write(j, 1, START_MS + i * QUARTER_MS, 100, both, 3, &err),
			     0));
	expect(&j, s.journal, "3: a 3/0/0/0@0 b 3/0/0/0@0");
	cr_assert(eq(sz, take(j, both[0], 0, 10, 1000, got), 3));
	settle(j, both[0], got[0].seq, NULL);
	expect(&j, s.journal, "3: a 2/1/0/0@1 b 3/0/0/0@0");
	settle(j, both[0], got[0].seq, NULL);
	settle(j, 77, got[0].seq, NULL);
	expect(&j, s.journal, "3: a 2/1/0/0@1 b 3/0/0/0@0");
	settle(j, both[1], got[0].seq, "too far away");
	expect(&j, s.journal, "2: a 2/1/0/0@1 b 2/0/1/1@1");
	settle(j, both[1], got[2].seq, NULL);
	cr_assert(eq(int, journal_move(j, both[0], both[1], &n, &more, &err), 0));
	cr_assert(eq(u64, n, 2));
	expect(&j, s.journal, "1: a 0/1/0/0@-1 b 1/1/1/1@1");
	cr_assert(eq(int, journal_purge(j, both[1], true, &n, &more, &err), 0));
	cr_assert(eq(u64, n, 1));
	expect(&j, s.journal, "0: a 0/1/0/0@-1");
	journal_close(j);
	scratch_remove(&s);
}

Test(journal, takes_as_much_as_was_asked_for)
{
	static const struct {
		size_t max, max_bytes, from, n;
	} cases[] = {
		{ 10, 1000, 0, 10 }, { 3, 1000, 0, 3 },	  { 10, 250, 0, 2 },   { 10, 10, 0, 1 },
		{ 0, 1000, 0, 0 },   { 99, 9999, 0, 20 }, { 99, 9999, 15, 5 }, { 9, 9999, 20, 0 },
	};
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a"), b = fixture_exporter(j, "b");
	struct journal_taken first[20], got[99];

	fixture_fill(j, a, 0, 20, 100);
	fixture_fill(j, b, 20, 20, 100);
	cr_assert(eq(sz, take(j, a, 0, 20, 10000, first), 20));
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		size_t at = cases[i].from;
		uint64_t from = at == 0 ? 0 : first[at - 1].seq + 1;

		cr_assert(
			eq(sz, take(j, a, from, cases[i].max, cases[i].max_bytes, got), cases[i].n),
			"case %zu", i);
		for (size_t k = 0; k < cases[i].n; k++)
			cr_assert(
				eq(i64, got[k].end_ms, START_MS + (int64_t)(at + k) * QUARTER_MS));
	}
	journal_close(j);
	scratch_remove(&s);
}

/* Of three analyzers in turn. */
Test(journal, passes_over_analyzers)
{
	static const struct {
		int64_t without[3];
		size_t n_without, from, max, n, first;
		bool end;
	} cases[] = {
		{ { 0 }, 0, 0, 31, 30, 0, true },     { { 1 }, 1, 0, 30, 20, 1, true },
		{ { 1, 2 }, 2, 0, 30, 10, 2, true },  { { 1, 2, 3 }, 3, 0, 30, 0, 0, true },
		{ { 2, 3 }, 2, 11, 2, 2, 12, false }, { { 1 }, 1, 30, 5, 0, 0, true },
	};
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	struct tesla_error err = { 0 };
	uint16_t a = fixture_exporter(j, "a");
	struct journal_taken got[31];
	uint64_t first;

	for (int64_t i = 0; i < 30; i++)
		cr_assert(eq(int,
			     fixture_write(j, 1 + i % 3, START_MS + i / 3 * QUARTER_MS, 100, &a, 1,
					   &err),
			     0));
	cr_assert(eq(sz, take(j, a, 0, 1, 9999, got), 1));
	first = got[0].seq;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct journal_want want = {
			a,    first + cases[i].from, cases[i].max,
			9999, cases[i].without,	     cases[i].n_without
		};
		uint64_t next;
		size_t n = take_wanted(j, &want, got, &next);

		cr_assert(eq(sz, n, cases[i].n), "case %zu", i);
		cr_assert(n == 0 || got[0].seq == first + cases[i].first, "case %zu", i);
		cr_assert(cases[i].end ? next == UINT64_MAX : next == got[n - 1].seq + 1);
		for (size_t k = 0; k < n * cases[i].n_without; k++)
			cr_assert(ne(i64, got[k % n].analyzer, cases[i].without[k / n]));
	}
	journal_close(j);
	scratch_remove(&s);
}

/* A take is short, however much is passed over; the next goes on there. */
Test(journal, passes_over_so_many_at_a_time, .timeout = 60)
{
	static struct journal_entry entries[JOURNAL_LOOK_MAX + 5];
	const int64_t without = 1;
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	struct tesla_error err = { 0 };
	uint16_t a = fixture_exporter(j, "a");
	struct journal_want want = {
		.exporter = a, .max = 9, .max_bytes = 9999, .without = &without, .n_without = 1
	};
	struct journal_taken got[9];
	struct sample sample;
	uint64_t next, first;

	sample_fill(&sample, 1, START_MS, 100);
	for (size_t i = 0; i < N_ELEMENTS(entries); i++)
		entries[i] = (struct journal_entry){ 1,	  START_MS + (int64_t)i,    &a, 1, &sample,
						     100, START_MS + (int64_t)i - 1 };
	cr_assert(eq(int, journal_write(j, entries, N_ELEMENTS(entries), NULL, 0, START_MS, &err),
		     0));
	cr_assert(eq(int, fixture_write(j, 2, START_MS, 100, &a, 1, &err), 0));
	cr_assert(eq(sz, take(j, a, 0, 1, 9999, got), 1));
	first = got[0].seq;
	cr_assert(eq(sz, take_wanted(j, &want, got, &next), 0));
	cr_assert(eq(u64, next, first + JOURNAL_LOOK_MAX));
	want.from = next;
	cr_assert(eq(sz, take_wanted(j, &want, got, &next), 1));
	cr_assert(eq(i64, got[0].analyzer, 2));
	journal_close(j);
	scratch_remove(&s);
}

Test(journal, the_time_of_a_record_is_recorded_once)
{
	static const struct {
		int64_t analyzer, end_ms;
		bool kept;
	} cases[] = {
		{ 1, 0, true },
		{ 1, 0, false },
		{ 2, 0, true },
		{ 1, QUARTER_MS, true },
		{ 1, 0, false },
		/* the clock went back: what it was ahead for is recorded now, once */
		{ 1, -48 * QUARTER_MS, true },
		{ 1, -47 * QUARTER_MS, true },
		{ 1, -48 * QUARTER_MS, false },
		{ 1, 0, false },
		{ 1, 1000 * QUARTER_MS, true },
		{ 1, 2 * QUARTER_MS, true },
		{ 1, 1000 * QUARTER_MS, false },
	};
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a");
	struct journal_info info;
	struct tesla_error err = { 0 };
	uint64_t records = 0, twice = 0;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		cr_assert(eq(int,
			     fixture_write(j, cases[i].analyzer, START_MS + cases[i].end_ms, 100,
					   &a, 1, &err),
			     0));
		records += cases[i].kept;
		twice += !cases[i].kept;
		cr_assert(eq(int, journal_info(j, &info), 0));
		free(info.exporters);
		cr_assert(eq(u64, info.records, records), "case %zu", i);
		cr_assert(eq(u64, info.dropped[JOURNAL_DROP_TWICE], twice), "case %zu", i);
	}
	journal_close(j);
	scratch_remove(&s);
}

struct seen {
	size_t n, most;
	uint64_t last;
	char reason[600];
};

static bool on_shown(void *arg, const struct journal_shown *shown)
{
	struct seen *s = arg;

	cr_assert(sample_right(shown->record, shown->len));
	cr_assert(gt(u64, shown->seq, s->last));
	s->last = shown->seq;
	if (shown->reason != NULL)
		(void)snprintf(s->reason, sizeof s->reason, "%s", shown->reason);
	return ++s->n < s->most;
}

Test(journal, walks_what_waits_and_what_was_rejected)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a"), b = fixture_exporter(j, "b");
	struct journal_taken got[9];
	struct seen seen = { .most = 99 };
	struct tesla_error err = { 0 };
	char reason[600];

	fixture_fill(j, a, 0, 9, 5000);
	fixture_fill(j, b, 9, 3, 100);
	cr_assert(eq(sz, take(j, a, 0, 9, 1 << 20, got), 9));
	cr_assert(eq(int, journal_walk(j, 0xffff, 0, on_shown, &seen, &err), 0));
	cr_assert(eq(sz, seen.n, 12));
	seen = (struct seen){ .most = 2 };
	cr_assert(eq(int, journal_walk(j, a, got[4].seq, on_shown, &seen, &err), 0));
	cr_assert(eq(u64, seen.last, got[5].seq), "stops when told");
	(void)memset(reason, 'x', sizeof reason);
	reason[599] = '\0';
	memcpy(reason + 499, "\u00e9", 2);
	settle(j, a, got[3].seq, "no");
	settle(j, a, got[5].seq, reason);
	seen = (struct seen){ .most = 99 };
	cr_assert(
		eq(int, journal_walk_rejects(j, 0xffff, got[3].seq + 1, on_shown, &seen, &err), 0));
	cr_assert(eq(sz, seen.n, 1));
	cr_assert(eq(sz, strlen(seen.reason), 499), "cut before the character that does not fit");
	seen = (struct seen){ .most = 99 };
	cr_assert(eq(int, journal_walk_rejects(j, b, 0, on_shown, &seen, &err), 0));
	cr_assert(eq(sz, seen.n, 0));
	journal_close(j);
	scratch_remove(&s);
}

/*
 * Each of the 1,024 subsets of a batch of ten is what a far end takes; the rest comes again, up to
 * three times, and then whole.
 */
Test(journal, all_masks_of_what_is_accepted, .timeout = 120)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a");
	struct journal_taken got[10];
	struct tesla_error err = { 0 };
	uint64_t seen = 0;

	for (unsigned mask = 0; mask < 1024; mask++) {
		int64_t next = START_MS + (int64_t)mask * 10 * QUARTER_MS;
		uint8_t times[10] = { 0 };

		fixture_fill(j, a, (size_t)mask * 10, 10, 80);
		for (int round = 0; round < 4; round++) {
			unsigned now =
				round == 3 ? 0x3ff : (mask << round | mask >> (10 - round)) & 0x3ff;
			struct journal_verdict v[10];
			size_t n = take(j, a, 0, 10, 1 << 20, got), n_v = 0;

			for (size_t i = 0; i < n; i++) {
				size_t which = (size_t)((got[i].end_ms - next) / QUARTER_MS);

				cr_assert(lt(sz, which, (size_t)10));
				if ((now >> which & 1) == 0)
					continue;
				times[which]++;
				v[n_v++] = (struct journal_verdict){ a, got[i].seq, NULL };
			}
			cr_assert(eq(int, journal_write(j, NULL, 0, v, n_v, next, &err), 0));
		}
		for (size_t i = 0; i < 10; i++, seen++)
			cr_assert(eq(u8, times[i], 1), "mask %#x, record %zu", mask, i);
	}
	expect(&j, s.journal, "0: a 0/10240/0/0@-1");
	cr_assert(eq(u64, seen, 10240));
	journal_close(j);
	scratch_remove(&s);
}

/* The disk takes no more; then it does, and the same is written again. */
Test(journal, a_failed_write_changes_nothing)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a");
	struct rlimit limit, none;
	struct stat st;
	struct tesla_error err = { 0 };
	char path[200];
	int64_t end = START_MS + 20 * QUARTER_MS;

	fixture_fill(j, a, 0, 20, 900);
	(void)snprintf(path, sizeof path, "%s/data.mdb", s.journal);
	cr_assert(eq(int, stat(path, &st), 0));
	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert(eq(int, getrlimit(RLIMIT_FSIZE, &limit), 0));
	none = (struct rlimit){ (rlim_t)st.st_size, limit.rlim_max };
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &none), 0));
	cr_assert(lt(int, fixture_write(j, 1, end, 8000, &a, 1, &err), 0));
	cr_assert(ne(ptr, strstr(err.text, s.journal), NULL), "%s", err.text);
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &limit), 0));
	cr_assert(eq(int, journal_broken(j), false), "%s", err.text);
	expect(&j, s.journal, "20: a 20/0/0/0@0");
	cr_assert(eq(int, fixture_write(j, 1, end, 900, &a, 1, &err), 0));
	cr_assert(eq(int, fixture_write(j, 1, end, 900, &a, 1, &err), 0));
	expect(&j, s.journal, "21: a 21/0/0/0@0");
	journal_close(j);
	scratch_remove(&s);
}

/* Somebody removed the file: nothing is written into what nobody can find. */
Test(journal, a_file_that_was_removed_is_noticed)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a");
	struct tesla_error err = { 0 };
	char path[200];

	fixture_fill(j, a, 0, 5, 700);
	(void)snprintf(path, sizeof path, "%s/data.mdb", s.journal);
	cr_assert(eq(int, unlink(path), 0));
	cr_assert(eq(int, fixture_write(j, 2, START_MS, 700, &a, 1, &err), -ESTALE));
	cr_assert(ne(ptr, strstr(err.text, "the 5 records in it are gone"), NULL), "%s", err.text);
	cr_assert(eq(int, journal_broken(j), true));
	journal_close(j);
	j = fixture_open(s.journal, NULL);
	a = fixture_exporter(j, "a");
	cr_assert(eq(int, fixture_write(j, 2, START_MS, 700, &a, 1, &err), 0));
	journal_close(j);
	scratch_remove(&s);
}

/* A bit of a record changed on the disk: it is counted, the others are there. */
Test(journal, a_wrong_checksum_is_never_returned)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a");
	struct journal_taken got[10];
	struct journal_info info;
	struct sample third;
	_cleanup_free_ char *file = NULL;
	struct tesla_error err;
	char path[200], *at;
	size_t len;
	FILE *f;

	fixture_fill(j, a, 0, 5, 700);
	journal_close(j);
	sample_fill(&third, 1, START_MS + 2 * QUARTER_MS, 700);
	(void)snprintf(path, sizeof path, "%s/data.mdb", s.journal);
	cr_assert(eq(int, file_read(path, 1 << 20, &file, &len, &err), 0));
	f = fopen(path, "r+");
	cr_assert(ne(ptr, f, NULL));
	for (char *p = file; (at = memmem(p, (size_t)(file + len - p), &third, 700)) != NULL;
	     p = at + 1) {
		cr_assert(eq(int, fseek(f, at - file + 300, SEEK_SET), 0));
		cr_assert(ne(int, fputc(at[300] ^ 4, f), EOF));
	}
	cr_assert(eq(int, fclose(f), 0));
	j = fixture_open(s.journal, NULL);
	cr_assert(eq(sz, take(j, a, 0, 10, 1 << 20, got), 4));
	cr_assert(eq(i64, got[2].end_ms, START_MS + 3 * QUARTER_MS));
	cr_assert(eq(int, journal_info(j, &info), 0));
	cr_assert(eq(u64, info.dropped[JOURNAL_DROP_DAMAGED], 1));
	free(info.exporters);
	expect(&j, s.journal, "4: a 4/0/0/0@0");
	journal_close(j);
	scratch_remove(&s);
}

Test(journal, says_what_stands_in_its_way)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL), *second = NULL;
	struct journal_limits limits = { .bytes = 1 << 20 };
	struct tesla_error err = { 0 };
	char id[300], missing[120];
	uint16_t no;

	cr_assert(eq(int, journal_open(s.journal, &limits, &second, &err), -EBUSY));
	cr_assert(ne(ptr, strstr(err.text, "in use by another teslad"), NULL), "%s", err.text);
	cr_assert(ne(ptr, strstr(err.text, s.journal), NULL), "%s", err.text);
	(void)snprintf(missing, sizeof missing, "%s/no/journal", s.dir);
	cr_assert(eq(int, journal_open(missing, &limits, &second, &err), -ENOENT));
	(void)memset(id, 'x', sizeof id);
	id[256] = '\0';
	cr_assert(eq(int, journal_exporter(j, id, &no, &err), -EINVAL));
	cr_assert(eq(int, journal_exporter(j, "", &no, &err), -EINVAL));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(id, sizeof id, "exporter %d", i);
		cr_assert(eq(u16, fixture_exporter(j, id), (uint16_t)(i + 1)));
	}
	cr_assert(eq(int, journal_exporter(j, "one more", &no, &err), -EMFILE),
		  "all of them are for what is about to be written");
	cr_assert(ne(ptr, strstr(err.text, "1000"), NULL), "%s", err.text);
	cr_assert(eq(u16, fixture_exporter(j, "exporter 999"), 1000));
	journal_close(j);
	scratch_remove(&s);
}

static bool has(struct journal *j, const char *id)
{
	struct journal_info info;
	bool found = false;

	cr_assert(eq(int, journal_info(j, &info), 0));
	for (size_t i = 0; i < info.n_exporters; i++)
		found = found || strcmp(info.exporters[i].id, id) == 0;
	free(info.exporters);
	return found;
}

/* An id with what `waits`, what was rejected, or what only waits for another makes no room. */
Test(journal, an_exporter_that_nothing_is_kept_for_makes_room, .timeout = 60)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t waits = fixture_exporter(j, "waits"), rejects = fixture_exporter(j, "rejects"),
		 named[] = { fixture_exporter(j, "named"), waits }, no;
	struct journal_taken got[3];
	struct tesla_error err = { 0 };
	char id[40];

	fixture_fill(j, rejects, 0, 1, 100);
	cr_assert(eq(sz, take(j, rejects, 0, 1, 1000, got), 1));
	settle(j, rejects, got[0].seq, "no");
	cr_assert(eq(int, fixture_write(j, 1, START_MS + QUARTER_MS, 100, named, 2, &err), 0));
	cr_assert(eq(sz, take(j, named[0], 0, 1, 1000, got), 1));
	settle(j, named[0], got[0].seq, NULL);
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(id, sizeof id, "exporter %d", i);
		(void)fixture_exporter(j, "asked for often");
		cr_assert(eq(int, journal_exporter(j, id, &no, &err), 0), "%d: %s", i, err.text);
		cr_assert(eq(int, journal_write(j, NULL, 0, NULL, 0, START_MS, &err), 0));
	}
	cr_assert(has(j, "waits") && has(j, "rejects") && has(j, "named") &&
		  has(j, "asked for often") && has(j, "exporter 2999") && has(j, "exporter 2500"));
	cr_assert(eq(int, has(j, "exporter 0") || has(j, "exporter 1900"), false));
	cr_assert(eq(sz, take(j, waits, 0, 3, 1000, got), 1));
	journal_close(j);
	j = fixture_open(s.journal, NULL);
	cr_assert(has(j, "named") && !has(j, "exporter 0"));
	cr_assert(eq(u16, fixture_exporter(j, "waits"), waits));
	journal_close(j);
	scratch_remove(&s);
}

/* Purged with its rejects it is unknown, but not while a record that waits for another names it. */
Test(journal, an_exporter_that_is_purged_is_forgotten)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a"), both[] = { a, fixture_exporter(j, "b") };
	struct journal_taken got[2];
	struct tesla_error err = { 0 };
	uint64_t n;
	bool more;

	cr_assert(eq(int, fixture_write(j, 1, START_MS, 100, both, 2, &err), 0));
	cr_assert(eq(int, fixture_write(j, 1, START_MS + QUARTER_MS, 100, both, 1, &err), 0));
	cr_assert(eq(sz, take(j, a, 0, 2, 1000, got), 2));
	settle(j, a, got[1].seq, "no");
	cr_assert(eq(int, journal_purge(j, a, false, &n, &more, &err), 0));
	expect(&j, s.journal, "1: a 0/0/1/1@-1 b 1/0/0/0@0");
	cr_assert(eq(int, journal_purge(j, a, true, &n, &more, &err), 0));
	expect(&j, s.journal, "1: a 0/0/1/0@-1 b 1/0/0/0@0");
	settle(j, both[1], got[0].seq, NULL);
	cr_assert(eq(int, journal_purge(j, a, true, &n, &more, &err), 0));
	expect(&j, s.journal, "0: b 0/1/0/0@-1");
	cr_assert(eq(int, journal_purge(j, a, true, &n, &more, &err), 0), "of nobody");
	fixture_fill(j, fixture_exporter(j, "a"), 10, 1, 100);
	expect(&j, s.journal, "1: b 0/1/0/0@-1 a 1/0/0/0@10");
	journal_close(j);
	scratch_remove(&s);
}

/* Verdicts that were under way when a new file had to be made are on none of its records. */
Test(journal, numbers_of_another_journal_are_none_of_this_one)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	struct journal_taken got[5], other[5];

	fixture_fill(j, fixture_exporter(j, "a"), 0, 5, 100);
	cr_assert(eq(sz, take(j, fixture_exporter(j, "a"), 0, 5, 1000, got), 5));
	journal_close(j);
	scratch_remove_name(s.journal);
	(void)usleep(70000); /* the part of a number that is for people */
	j = fixture_open(s.journal, NULL);
	fixture_fill(j, fixture_exporter(j, "a"), 10, 5, 100);
	for (size_t i = 0; i < 5; i++)
		settle(j, fixture_exporter(j, "a"), got[i].seq, NULL);
	cr_assert(eq(sz, take(j, fixture_exporter(j, "a"), 0, 5, 1000, other), 5));
	cr_assert(gt(u64, other[0].seq, got[4].seq));
	journal_close(j);
	scratch_remove(&s);
}

/* What was made for both is sent by each of them once; the other way round it is not lost. */
Test(journal, a_drain_gives_nobody_what_he_had)
{
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t both[] = { fixture_exporter(j, "a"), fixture_exporter(j, "b") };
	struct journal_taken got[4];
	struct tesla_error err = { 0 };
	uint64_t n;
	bool more;

	for (int64_t i = 0; i < 4; i++)
		cr_assert(eq(int,
			     fixture_write(j, 1, START_MS + i * QUARTER_MS, 100, both,
					   i == 3 ? 1 : 2, &err),
			     0));
	cr_assert(eq(sz, take(j, both[1], 0, 4, 1000, got), 3));
	settle(j, both[1], got[0].seq, NULL);
	settle(j, both[1], got[1].seq, "no");
	cr_assert(eq(int, journal_move(j, both[0], both[1], &n, &more, &err), 0));
	cr_assert(eq(u64, n, 4));
	expect(&j, s.journal, "2: a 0/0/0/0@-1 b 2/1/1/1@2");
	cr_assert(eq(int, journal_move(j, both[1], both[0], &n, &more, &err), 0));
	expect(&j, s.journal, "2: a 2/0/0/0@2 b 0/1/1/1@-1");
	journal_close(j);
	scratch_remove(&s);
}

/* A long backlog goes in parts: between them records can be written. */
Test(journal, a_backlog_goes_in_parts, .timeout = 60)
{
	enum { N = 12000, PART = 5000 };
	struct scratch s = scratch_new();
	struct journal *j = fixture_open(s.journal, NULL);
	uint16_t a = fixture_exporter(j, "a"), b = fixture_exporter(j, "b");
	struct tesla_error err = { 0 };
	uint64_t n, sum = 0;
	bool more = true;

	fixture_fill(j, a, 0, N, 40);
	for (int i = 0; i < 3; i++, sum += n) {
		cr_assert(more);
		cr_assert(eq(int, journal_move(j, a, b, &n, &more, &err), 0));
		cr_assert(le(u64, n, (uint64_t)PART));
		fixture_fill(j, b, (size_t)(N + i), 1, 40);
	}
	cr_assert(eq(u64, sum, N));
	cr_assert(eq(int, more, false));
	for (sum = 0, more = true; more; sum += n) {
		cr_assert(eq(int, journal_purge(j, b, true, &n, &more, &err), 0));
		cr_assert(le(u64, n, (uint64_t)PART));
	}
	cr_assert(eq(u64, sum, N + 3));
	cr_assert(eq(int, has(j, "b"), false));
	journal_close(j);
	scratch_remove(&s);
}
