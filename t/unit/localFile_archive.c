/* SPDX-License-Identifier: Apache-2.0 */
/* localFile: day files that are finished, compressed and removed. */
#include <inttypes.h>
#include <sys/wait.h>

#include "localFile_fixture.h"

static char *unpacked(const struct rig *r, const char *name)
{
	char path[300], *text = malloc(TEXT_MAX);
	int n;

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	gzFile in = gzopen(path, "rb");

	n = in != NULL && gzdirect(in) == 0 ? gzread(in, text, TEXT_MAX - 1) : 0;
	if (in != NULL)
		(void)gzclose_r(in);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void check_packed(const struct rig *r, const char *name, const char *expected)
{
	_cleanup_free_ char *text = unpacked(r, name);

	cr_expect_str_eq(text, expected, "%s: got\n%s", name, text);
}

static struct tesla_item noon(int day, uint64_t n)
{
	return record(1, utc(2026, 11, day, 11, 0), n, blanks, 1);
}

static void gzip_open(struct rig *r, const char *keep)
{
	rig_init(r, "txt");
	rig_set(r, "gzip", "yes");
	rig_set(r, "keep", keep);
	rig_open(r);
}

Test(localFile_archive, finished_days)
{
	struct tesla_item items[6];
	struct rig r;

	gzip_open(&r, "0");
	for (int i = 0; i < 6; i++)
		items[i] = noon(17 + i, (uint64_t)i + 1);
	for (int i = 0; i < 6; i++)
		deliver_all(&r, items, 6); /* none of the last two days is compressed */
	for (int i = 0; i < 6; i++) {
		char plain[24], packed[28];

		(void)snprintf(plain, sizeof plain, "1/202611%d.txt", 17 + i);
		(void)snprintf(packed, sizeof packed, "%s.gz", plain);
		check_text(&r, plain, i < 4 ? NULL : HEAD LINE("12:00:00"));
		check_packed(&r, packed, i < 4 ? HEAD LINE("12:00:00") : "");
	}
	items[0].t_ms += QUARTER_MS; /* late, for a day that is packed: a clock was set back */
	items[0].n = 99;
	for (int times = 0; times < 2; times++) { /* the day that was written to last waits */
		rig_close(&r);
		rig_open(&r);
		deliver_all(&r, items, 1);
		check_text(&r, "1/20261117.txt", HEAD LINE("12:15:00"));
	}
	items[5].t_ms += QUARTER_MS;
	items[5].n = 100;
	for (int times = 0; times < 2; times++) {
		rig_close(&r);
		rig_open(&r);
		deliver_all(&r, items + 5, 1);
		deliver_all(&r, items, 1);
		check_packed(&r, "1/20261117.txt.gz", HEAD LINE("12:00:00") HEAD LINE("12:15:00"));
		check_text(&r, "1/20261117.txt", NULL);
	}
	rig_close(&r);
	rig_set(&r, "keep", "3");
	rig_open(&r);
	text_put(&r, "1/20261101.txt", "old");
	text_put(&r, "1/20260231.txt", "no day");
	text_put(&r, "1/20261101.txt.bak", "not ours");
	deliver_all(&r, items + 5, 1);
	check_packed(&r, "1/20261118.txt.gz", "");
	check_packed(&r, "1/20261119.txt.gz", HEAD LINE("12:00:00"));
	check_text(&r, "1/20261101.txt", NULL);
	check_text(&r, "1/20260231.txt", "no day");
	check_text(&r, "1/20261101.txt.bak", "not ours");
	rig_close(&r);
	rig_release(&r);
}

/* ---- what is removed ---- */

/* A day's files are of text; what is there after a round is to be `left`. */
Test(localFile_archive, old_days)
{
	static const struct {
		const char *what, *keep;
		int wall_month, wall_day, wall_year;
		const char *there[8], *left;
		size_t n_removed;
	} cases[] = {
		{ "by age",
		  "3",
		  11,
		  22,
		  2026,
		  { "20261101", "20261118", "20261119", "20261121" },
		  "..XX",
		  2 },
		{ "for ever", "0", 11, 22, 2026, { "20010101" }, "X", 0 },
		{ "one of the future",
		  "3",
		  11,
		  22,
		  2026,
		  { "20261118", "20261119", "20261121", "20360101" },
		  ".XXX",
		  1 },
		{ "a clock that is behind", "3", 1, 1, 1970, { "20261101", "20261119" }, "XX", 0 },
		{ "all in the future", "1", 11, 10, 2026, { "20261112", "20261119" }, "XX", 0 },
		{ "no days of ours",
		  "1",
		  11,
		  22,
		  2026,
		  { "20260231", "2026111", "202611011" },
		  "XXX",
		  0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct tesla_item item = record(1, utc(2026, 11, 22, 11, 0), 1, blanks, 1);
		struct rig r;
		char name[64];

		rig_init(&r, "txt");
		wall = (time_t)(utc(cases[i].wall_year, cases[i].wall_month, cases[i].wall_day, 12,
				    0) /
				1000);
		rig_set(&r, "keep", cases[i].keep);
		folder_put(&r, "1");
		for (size_t j = 0; cases[i].there[j] != NULL; j++) {
			(void)snprintf(name, sizeof name, "1/%s.txt%s", cases[i].there[j],
				       j % 2 ? ".gz" : "");
			text_put(&r, name, "old");
		}
		rig_open(&r);
		deliver_all(&r, &item, 1);
		for (size_t j = 0; cases[i].there[j] != NULL; j++) {
			(void)snprintf(name, sizeof name, "1/%s.txt%s", cases[i].there[j],
				       j % 2 ? ".gz" : "");
			_cleanup_free_ char *text = text_of(&r, name);

			cr_expect_eq(text != NULL, cases[i].left[j] == 'X', "%s: %s", cases[i].what,
				     name);
		}
		cr_expect_eq(lines_of(&r, "1/20261122.txt"), 2, "%s", cases[i].what);
		cr_expect_eq(n_logged, cases[i].n_removed > 0, "%s: %s", cases[i].what, logged);
		rig_close(&r);
		rig_release(&r);
	}
}

static void chores(struct rig *r, int64_t minutes, uint64_t n)
{
	struct tesla_item item =
		record(1, utc(2026, 11, 22, 9, 0) + (int64_t)n * QUARTER_MS, n, blanks, 1);

	now_us += minutes * 60 * SECOND_US;
	deliver_all(r, &item, 1);
}

Test(localFile_archive, removing_is_said)
{
	struct rig r;

	rig_init(&r, "txt");
	rig_set(&r, "keep", "30");
	folder_put(&r, "1");
	folder_put(&r, "2");
	text_put(&r, "1/.20260102.txt.gz", "of one that was killed while it compressed");
	text_put(&r, "1/20260105.txt.gz", "old");
	text_put(&r, "1/20260107.txt", "old");
	text_put(&r, "2/20260103.txt", "old");
	text_put(&r, "2/20260901.txt", "newest of that one");
	rig_open(&r);
	chores(&r, 0, 1);
	check_text(&r, "1/.20260102.txt.gz", NULL);
	cr_expect_eq(n_logged, 1, "%d", n_logged);
	cr_expect_not_null(strstr(logged, ": 3 day files from 20260103 to 20260107"), "%s", logged);
	chores(&r, 60, 2);
	cr_expect_eq(n_logged, 1, "%s", logged);
	rig_close(&r);
	rig_release(&r);
}

/* Ten years ahead while it runs, and back: what is removed cannot be brought back, so it waits. */
Test(localFile_archive, a_clock_that_leaps)
{
	struct tesla_item ahead = record(1, utc(2036, 1, 1, 12, 0), 50, blanks, 1);
	struct rig r;

	rig_init(&r, "txt");
	rig_set(&r, "keep", "30");
	folder_put(&r, "1");
	text_put(&r, "1/20261101.txt", "not old");
	rig_open(&r);
	chores(&r, 0, 1);
	wall = (time_t)(utc(2036, 1, 1, 12, 0) / 1000);
	now_us += 3600 * SECOND_US;
	deliver_all(&r, &ahead, 1);
	check_text(&r, "1/20261101.txt", "not old");
	cr_expect_eq(lines_of(&r, "1/20261122.txt"), 2);
	cr_expect_not_null(strstr(logged, "clock"), "%s", logged);
	wall = (time_t)(utc(2026, 11, 22, 14, 0) / 1000);
	for (uint64_t n = 2; n < 20; n++)
		chores(&r, 720, n), wall += 720 * 60;
	check_text(&r, "1/20261101.txt", "not old");
	cr_expect_eq(lines_of(&r, "1/20360101.txt"), 2);
	text_put(&r, "1/20260101.txt", "old");
	chores(&r, 60, 20);
	check_text(&r, "1/20260101.txt", NULL);
	rig_close(&r);
	rig_release(&r);
}

/* The day that the position file names was written to last, whatever its date. */
Test(localFile_archive, the_day_in_hand_stays)
{
	struct tesla_item late = record(1, utc(2026, 1, 5, 12, 0), 7, blanks, 1);
	struct rig r;

	rig_init(&r, "txt");
	rig_set(&r, "keep", "30");
	rig_open(&r);
	chores(&r, 0, 1);
	now_us += 3600 * SECOND_US;
	deliver_all(&r, &late, 1);
	cr_expect_eq(lines_of(&r, "1/20260105.txt"), 2);
	chores(&r, 60, 8);
	check_text(&r, "1/20260105.txt", NULL);
	rig_close(&r);
	rig_release(&r);
}

/* ---- large files ---- */

#define LARGE_LINES 120000 /* of 39 bytes: 72 parts of 64 KiB */

/* Lines that do not compress well, in a day file of analyzer 1. */
static void large_put(const struct rig *r, const char *name, bool packed)
{
	char path[80];
	uint64_t x = 1;

	(void)snprintf(path, sizeof path, "%s/1/%s", r->target, name);
	gzFile out = gzopen(path, packed ? "wb" : "wT");

	for (int i = 0; i < LARGE_LINES; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		cr_assert_gt(gzprintf(out, "%05d %016llx %016llx\n", i, (unsigned long long)x,
				      (unsigned long long)(x * x)),
			     0);
	}
	cr_assert_eq(gzclose_w(out), Z_OK);
}

static int64_t large_lines(const struct rig *r, const char *name)
{
	char path[80], line[100];
	int64_t n = 0;

	(void)snprintf(path, sizeof path, "%s/1/%s", r->target, name);
	gzFile in = gzopen(path, "rb");

	while (in != NULL && gzgets(in, line, sizeof line) != NULL)
		n += n < LARGE_LINES ? strtol(line, NULL, 10) == n : 1;
	if (in != NULL)
		(void)gzclose_r(in);
	return n;
}

static bool is_there(const struct rig *r, const char *name)
{
	char path[80];

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	return access(path, F_OK) == 0;
}

/* How many calls it took until the plain file was gone. */
static int calls_until_packed(struct rig *r, uint64_t n)
{
	int calls = 0;

	while (is_there(r, "1/20261101.txt") && calls < 50) {
		int64_t before = now_us;

		chores(r, 0, n + (uint64_t)calls++);
		cr_expect_leq(now_us - before, 3 * SECOND_US / 2, "%" PRId64 " us",
			      now_us - before);
	}
	return calls;
}

/* Compressed a second's work at a time; stopped between two calls, it begins anew. */
Test(localFile_archive, a_large_day)
{
	struct tesla_item late = record(1, utc(2026, 11, 1, 12, 0), 50, blanks, 1);
	struct rig r;
	int calls;

	gzip_open(&r, "0");
	folder_put(&r, "1");
	large_put(&r, "20261101.txt", false);
	tick_us = 50000;
	chores(&r, 0, 1);
	cr_expect(is_there(&r, "1/20261101.txt") && !is_there(&r, "1/20261101.txt.gz"));
	cr_expect(is_there(&r, "1/.20261101.txt.gz"));
	rig_close(&r);
	cr_expect(!is_there(&r, "1/.20261101.txt.gz"), "left behind");
	rig_open(&r);
	calls = calls_until_packed(&r, 2);
	cr_expect(calls >= 4 && calls < 20, "%d calls", calls);
	cr_expect_eq(large_lines(&r, "20261101.txt.gz"), LARGE_LINES);

	deliver_all(&r, &late, 1); /* it goes behind the others, when the day is done with */
	chores(&r, 20, 51);
	(void)calls_until_packed(&r, 52);
	cr_expect_eq(large_lines(&r, "20261101.txt.gz"), LARGE_LINES + 2);
	rig_close(&r);
	rig_release(&r);
}

/* A late record comes while its day is being compressed. */
Test(localFile_archive, a_day_that_grows_meanwhile)
{
	struct tesla_item late = record(1, utc(2026, 11, 1, 12, 0), 50, blanks, 1);
	struct rig r;

	gzip_open(&r, "0");
	folder_put(&r, "1");
	large_put(&r, "20261101.txt", false);
	tick_us = 50000;
	for (uint64_t n = 1; n < 3; n++)
		chores(&r, 0, n);
	deliver_all(&r, &late, 1);
	for (int i = 0; i < 20; i++)
		deliver_all(&r, &late, 1);
	cr_expect(is_there(&r, "1/20261101.txt"), "it is the day in hand");
	chores(&r, 20, 51);
	(void)calls_until_packed(&r, 52);
	cr_expect_eq(large_lines(&r, "20261101.txt.gz"), LARGE_LINES + 2);
	rig_close(&r);
	rig_release(&r);
}

/* Lines for a day that is compressed: it is not unpacked for each of them. */
Test(localFile_archive, appends_to_a_compressed_day)
{
	struct rig r;
	int calls;

	rig_init(&r, "txt");
	rig_open(&r);
	chores(&r, 0, 1);
	large_put(&r, "20261122.txt.gz", true);
	shim = (struct shim){ .input = true };
	for (uint64_t n = 2; n < 12; n++)
		chores(&r, 0, n);
	calls = shim.calls;
	shim = (struct shim){ 0 };
	cr_expect_lt(calls, 400, "%d calls", calls);
	rig_close(&r);
	rig_release(&r);
}

/* ---- what stops it, what fails ---- */

/* A record looked for in a compressed day, while reading fails: it is there once. */
Test(localFile_archive, a_read_error_while_looking)
{
	const struct tesla_item late = noon(17, 99);
	bool did = true;
	int at;

	for (at = 1; did; at++) {
		struct tesla_verdict v;
		struct rig r;
		int tries = 0;

		gzip_open(&r, "0");
		chores(&r, 0, 1);
		deliver_all(&r, &late, 1);
		chores(&r, 20, 2);
		check_text(&r, "1/20261117.txt", NULL);
		shim = (struct shim){ .fault = FAIL_EIO, .at = at, .input = true };
		while (deliver(&r, &late, 1, &v) == 0) {
			cr_assert_lt(++tries, 3, "%s", v.why.text);
			cr_expect_neq(v.why.text[0], '\0');
		}
		did = shim.calls >= at;
		shim = (struct shim){ 0 };
		check_text(&r, "1/20261117.txt", NULL);
		check_packed(&r, "1/20261117.txt.gz", HEAD LINE("12:00:00"));
		rig_close(&r);
		rig_release(&r);
	}
	cr_expect_gt(at, 10, "only %d calls", at);
}

/* A damaged one is left alone, said once, and keeps no other from being compressed. */
Test(localFile_archive, a_damaged_one)
{
	struct tesla_verdict v;
	struct tesla_item late = record(1, utc(2026, 11, 2, 12, 0), 50, blanks, 1);
	struct rig r;

	gzip_open(&r, "0");
	folder_put(&r, "1");
	text_put(&r, "1/20261102.txt", "plain\n");
	text_put(&r, "1/20261102.txt.gz", "\x1f\x8b\x08rubbish");
	text_put(&r, "1/20261103.txt", "plain\n");
	for (uint64_t n = 1; n < 4; n++)
		chores(&r, 20, n);
	check_text(&r, "1/20261102.txt", "plain\n");
	check_packed(&r, "1/20261103.txt.gz", "plain\n");
	cr_expect_eq(n_logged, 1, "%d", n_logged);
	cr_expect_not_null(strstr(logged, "/1/20261102.txt"), "%s", logged);
	cr_expect_eq(deliver(&r, &late, 1, &v), 0); /* may be in it */
	cr_expect_not_null(strstr(v.why.text, "20261102.txt.gz: it is damaged"), "%s", v.why.text);
	rig_close(&r);
	rig_release(&r);
}

/* With a late record in it, which found the day packed, or not. */
static void check_late(const struct rig *r)
{
	_cleanup_free_ char *text = unpacked(r, "1/20261117.txt.gz");

	cr_expect(strcmp(text, HEAD LINE("12:00:00") HEAD LINE("12:15:00")) == 0 ||
			  strcmp(text, HEAD LINE("12:00:00") LINE("12:15:00")) == 0,
		  "got\n%s", text);
	cr_expect(!is_there(r, "1/20261117.txt"));
	cr_expect(!is_there(r, "1/.20261117.txt.gz"));
}

/* Fails, or is killed, at every call while it compresses; a late record comes before all else. */
Test(localFile_archive, a_kill_while_compressing, .timeout = 60)
{
	struct tesla_item items[] = { noon(17, 1), noon(22, 2), noon(22, 3) };
	struct tesla_item late = noon(17, 50);
	bool did = true;

	items[2].t_ms += QUARTER_MS;
	late.t_ms += QUARTER_MS;
	for (int at = 1; did; at++) {
		for (enum fault f = FAIL_EIO; f < N_FAULTS && did; f++) {
			struct tesla_verdict v[2];
			int status = 0;
			struct rig r;
			pid_t child;

			gzip_open(&r, "0");
			child = fork();
			if (child == 0) {
				forked = true;
				shim = (struct shim){ .fault = f, .at = at };
				(void)deliver(&r, items, 2, v);
				_exit(shim.calls >= at ? 0 : 8);
			}
			cr_assert_eq(waitpid(child, &status, 0), child);
			did = WEXITSTATUS(status) != 8;
			if (is_there(&r, "1/.20261117.txt.gz") || is_there(&r, "1/20261117.txt.gz"))
				deliver_all(&r, &late, 1);
			for (size_t n = 2; n <= 3; n++) {
				now_us += 3600 * SECOND_US;
				deliver_all(&r, items, n);
				deliver_all(&r, &late, 1);
			}
			now_us += 3600 * SECOND_US;
			deliver_all(&r, items, 3);
			check_late(&r);
			check_text(&r, "1/20261122.txt", HEAD LINE("12:00:00") LINE("12:15:00"));
			rig_close(&r);
			rig_release(&r);
		}
	}
}

/* A day that somebody compressed by hand, and its last record again. */
Test(localFile_archive, compressed_by_hand)
{
	struct tesla_item item = noon(22, 1);
	char from[80], to[90];
	struct rig r;

	rig_init(&r, "txt");
	rig_open(&r);
	deliver_all(&r, &item, 1);
	(void)snprintf(from, sizeof from, "%s/1/20261122.txt", r.target);
	(void)snprintf(to, sizeof to, "%s.gz", from); /* what is not compressed is read as well */
	cr_assert_eq(rename(from, to), 0);
	deliver_all(&r, &item, 1);
	check_text(&r, "1/20261122.txt", NULL);
	rig_close(&r);
	rig_release(&r);
}
