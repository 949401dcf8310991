/* SPDX-License-Identifier: Apache-2.0 */
/* Journals that were killed or damaged.  TESLA_VERBOSE=1 says what came of each copy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/crc.h"
#include "daemon/journal_check.h"
#include "journal_fixture.h"

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static uint64_t below(uint64_t *x, uint64_t n)
{
	return (next_random(x) >> 11) % n;
}

/* What journal_prepare set aside is forgotten; the reason goes to `why`. */
static bool prepare(const char *dir, uint64_t *carried, char *why, size_t size)
{
	const struct journal_check check = { JOURNAL_CHILD, dir, UINT64_MAX, NULL };
	_cleanup_free_ char *aside = NULL;
	struct tesla_error err = { 0 };

	cr_assert(eq(int, journal_prepare(&check, &aside, carried, &err), 0), "%s", err.text);
	(void)snprintf(why, size, "%s", err.text);
	if (aside != NULL)
		cr_assert(eq(int, access(aside, R_OK), 0), "%s", aside);
	return aside != NULL;
}

static void copy_file(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0600);
	char b[65536];
	ssize_t n;

	cr_assert(ge(int, in, 0));
	cr_assert(ge(int, out, 0));
	while ((n = read(in, b, sizeof b)) > 0)
		cr_assert(eq(long, write(out, b, (size_t)n), n));
}

/* ---- killed ---- */

#define LAG 5 /* a record is settled this many steps after it was written */

struct progress {
	_Atomic int64_t started, committed;
};

static void write_until_killed(const char *dir, struct progress *p)
{
	struct journal *j = fixture_open(dir, NULL);
	uint16_t a = fixture_exporter(j, "a");
	struct tesla_error err = { 0 };
	struct journal_info info;
	struct sample s;

	cr_assert(eq(int, journal_info(j, &info), 0));
	free(info.exporters);
	for (int64_t i = p->committed; i < 1000000; i++) {
		int64_t end_ms = START_MS + i * QUARTER_MS;
		struct journal_taken first[LAG + 1];
		struct buf b;
		const struct journal_want want = { .exporter = a,
						   .max = LAG,
						   .max_bytes = 1 << 20 };
		uint64_t next;
		size_t n = 0;

		p->started = i + 1;
		buf_init(&b, 1 << 20);
		sample_fill(&s, 1, end_ms, 60 + (size_t)(i % 40) * 100);
		if (journal_take(j, &want, &b, first, &n, &next, &err) != 0 ||
		    journal_write(j,
				  &(struct journal_entry){ 1, end_ms, &a, 1, &s, (size_t)s.len,
							   end_ms - QUARTER_MS },
				  1,
				  &(struct journal_verdict){ a, n == LAG ? first[0].seq : 0, NULL },
				  1, end_ms, &err) != 0)
			_exit(1);
		buf_release(&b);
		p->committed = i + 1;
	}
	_exit(2);
}

/* Exactly the last LAG of them wait, in order, of what was committed or was about to be. */
static void nothing_lost_or_doubled(struct journal *j, struct progress *p, int round)
{
	struct journal_taken got[LAG + 2];
	struct tesla_error err = { 0 };
	const struct journal_want want = { .exporter = 1, .max = LAG + 2, .max_bytes = 1 << 20 };
	struct buf b;
	uint64_t next;
	size_t n = 0;
	int64_t last;

	buf_init(&b, 1 << 20);
	cr_assert(eq(int, journal_take(j, &want, &b, got, &n, &next, &err), 0));
	cr_assert(ge(sz, n, p->committed < LAG ? (size_t)p->committed : LAG), "round %d", round);
	cr_assert(le(sz, n, p->started < LAG ? (size_t)p->started : LAG), "round %d", round);
	last = n == 0 ? -1 : (got[n - 1].end_ms - START_MS) / QUARTER_MS;
	cr_assert(ge(i64, last + 1, p->committed), "round %d: a record is lost", round);
	cr_assert(le(i64, last + 1, p->started));
	for (size_t i = 0; i < n; i++) {
		cr_assert(sample_right(b.pub.bytes + got[i].at, got[i].len));
		cr_assert(eq(i64, got[i].end_ms,
			     START_MS + (last - (int64_t)(n - 1 - i)) * QUARTER_MS));
	}
	p->committed = last + 1;
	buf_release(&b);
}

Test(journal_check, killed_at_any_instant, .timeout = 120)
{
	struct scratch s = scratch_new();
	struct progress *p =
		mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t x = 20261122, carried;
	struct journal *j;
	char why[244];

	cr_assert(ne(ptr, p, MAP_FAILED));
	for (int round = 0; round < 50; round++) {
		int64_t until = p->committed + 1 + (int64_t)below(&x, 20);
		pid_t pid = fork();
		int status;

		if (pid == 0)
			write_until_killed(s.journal, p);
		while (p->committed < until)
			(void)usleep(50);
		(void)usleep((useconds_t)below(&x, 300));
		(void)kill(pid, SIGKILL);
		cr_assert(eq(int, waitpid(pid, &status, 0), pid));
		cr_assert(eq(int, WTERMSIG(status), SIGKILL), "it ended by itself: %#x",
			  (unsigned)status);
		cr_assert(eq(int, prepare(s.journal, &carried, why, sizeof why), false), "%s", why);
		j = fixture_open(s.journal, NULL);
		nothing_lost_or_doubled(j, p, round);
		journal_close(j);
	}
	scratch_remove(&s);
}

/* ---- damaged ---- */

#define RECORDS 600
#define COPIES 300

/* Two queues, rejects, records on pages of their own, and pages that are free again. */
static void make_whole(const char *dir)
{
	struct journal *j = fixture_open(dir, NULL);
	const uint16_t both[] = { fixture_exporter(j, "localFile:/data"),
				  fixture_exporter(j, "clientRest:https://central") };
	struct tesla_error err = { 0 };
	struct journal_info info;
	uint64_t x = 7;

	for (int64_t i = 0; i < RECORDS; i++) {
		size_t len = i % 10 == 0 ? 3000 + below(&x, 5000) : 200 + below(&x, 900);

		cr_assert(eq(int,
			     fixture_write(j, 1 + i % 4, START_MS + i / 4 * QUARTER_MS, len, both,
					   1 + (size_t)(i % 2), &err),
			     0));
	}
	cr_assert(eq(int, journal_info(j, &info), 0));
	free(info.exporters);
	for (uint64_t n = 0; n < RECORDS / 3; n++) {
		uint64_t seq = info.next_seq - RECORDS + n;
		const char *reason = n % 20 == 0 ? "not wanted" : NULL;

		cr_assert(eq(int,
			     journal_write(j, NULL, 0,
					   (struct journal_verdict[]){ { both[0], seq, reason },
								       { both[1], seq, NULL } },
					   2, START_MS, &err),
			     0));
	}
	journal_close(j);
}

static const char *damage(const char *path, uint64_t *x)
{
	static const char *const kinds[] = { "cut", "flipped", "zeroed", "garbage", "misplaced" };
	_cleanup_close_ int fd = open(path, O_RDWR);
	uint8_t block[4096] = { 0 };
	size_t kind = below(x, N_ELEMENTS(kinds)), n = 1 + below(x, 8);
	struct stat st;
	off_t at;

	cr_assert(eq(int, fstat(fd, &st), 0));
	if (kind == 0)
		cr_assert(eq(int, ftruncate(fd, (off_t)below(x, (uint64_t)st.st_size)), 0));
	for (size_t i = 0; i < n && kind == 1; i++) {
		at = (off_t)below(x, (uint64_t)st.st_size);
		cr_assert(eq(long, pread(fd, block, 1, at), 1));
		block[0] ^= (uint8_t)(1u << below(x, 8));
		cr_assert(eq(long, pwrite(fd, block, 1, at), 1));
	}
	for (size_t i = 0; i < sizeof block && kind == 3; i++)
		block[i] = (uint8_t)next_random(x);
	if (kind == 4)
		cr_assert(gt(long,
			     pread(fd, block, sizeof block,
				   (off_t)(below(x, (uint64_t)st.st_size) & ~4095ull)),
			     0));
	at = (off_t)(below(x, (uint64_t)st.st_size - sizeof block) &
		     (kind == 2 ? ~511ull : ~4095ull));
	if (kind >= 2)
		cr_assert(eq(long, pwrite(fd, block, sizeof block, at), (long)sizeof block));
	return kinds[kind];
}

/* Somebody who knows nothing of our own reader, and may die of what it reads. */
static void read_by_lmdb(const char *dir, bool *readable)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_cursor *c;
	MDB_dbi dbi;
	MDB_val k, v;

	(void)signal(SIGSEGV, SIG_DFL);
	(void)signal(SIGBUS, SIG_DFL);
	(void)close(STDERR_FILENO);
	if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, 4) != 0 ||
	    mdb_env_open(env, dir, MDB_RDONLY | MDB_NOLOCK, 0) != 0 ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0 ||
	    mdb_dbi_open(txn, "records", 0, &dbi) != 0 || mdb_cursor_open(txn, dbi, &c) != 0)
		_exit(0);
	while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
		const uint8_t *key = k.mv_data;
		size_t seq = (size_t)key[6] << 8 | key[7], head = 26;
		uint16_t exporters;
		uint32_t crc;

		/* A page that was misplaced may have what was deleted long ago. */
		if (k.mv_size != 8 || v.mv_size < head + 2 || seq < RECORDS / 3 || seq >= RECORDS)
			continue;
		memcpy(&crc, v.mv_data, 4);
		if (crc != crc32c(crc32c(0, k.mv_data, k.mv_size), (uint8_t *)v.mv_data + 4,
				  v.mv_size - 4))
			continue;
		memcpy(&exporters, (uint8_t *)v.mv_data + 24, 2);
		head += 2 * (size_t)exporters;
		if (v.mv_size > head && sample_right((uint8_t *)v.mv_data + head, v.mv_size - head))
			readable[seq] = true;
	}
	_exit(0);
}

struct found {
	bool *there;
	size_t n;
};

struct queued {
	const bool *there;
	uint16_t no;
	uint64_t next; /* all before it were found to wait, or not to be there */
};

static bool for_whom(uint64_t seq, uint16_t no)
{
	return seq >= RECORDS / 3 && (no == 1 || seq % 2 == 1);
}

/* The how manieth of its journal: a new one begins at a multiple of that. */
static uint64_t nth(const struct journal_shown *shown)
{
	return shown->seq & 0xffff;
}

static bool on_queued(void *arg, const struct journal_shown *shown)
{
	struct queued *q = arg;

	for (; q->next < nth(shown); q->next++)
		cr_assert(eq(int, q->there[q->next] && for_whom(q->next, q->no), false),
			  "%llu waits for %u no more", (unsigned long long)q->next, q->no);
	q->next = nth(shown) + 1;
	return true;
}

/* Who is known still waits for all that is there. */
static void queues(struct journal *j, const bool *there)
{
	struct tesla_error err = { 0 };
	struct journal_info info;

	cr_assert(eq(int, journal_info(j, &info), 0));
	for (size_t i = 0; i < info.n_exporters; i++) {
		struct queued q = { .there = there, .no = info.exporters[i].no };

		cr_assert(eq(int, journal_walk(j, q.no, 0, on_queued, &q, &err), 0));
		for (; q.next < RECORDS; q.next++)
			cr_assert(eq(int, there[q.next] && for_whom(q.next, q.no), false),
				  "%llu waits for %u no more", (unsigned long long)q.next, q.no);
	}
	free(info.exporters);
}

static bool on_record(void *arg, const struct journal_shown *shown)
{
	struct found *f = arg;

	cr_assert(sample_right(shown->record, shown->len), "a wrong record");
	cr_assert(lt(u64, nth(shown), (uint64_t)RECORDS));
	f->there[nth(shown)] = true;
	f->n++;
	return true;
}

/* All that LMDB can read is there; what is there is delivered; and it can be written to. */
static size_t use(const char *dir, const bool *readable)
{
	struct journal *j = fixture_open(dir, NULL);
	bool there[RECORDS] = { false };
	struct found f = { .there = there };
	struct tesla_error err = { 0 };
	struct journal_info info;
	uint64_t n;
	bool more;

	cr_assert(eq(int, journal_walk(j, 0xffff, 0, on_record, &f, &err), 0), "%s", err.text);
	for (size_t i = 0; i < RECORDS; i++)
		cr_assert(there[i] || !readable[i], "record %zu can be read but is not there", i);
	queues(j, there);
	fixture_fill(j, fixture_exporter(j, "new"), 100000, 20, 500);
	cr_assert(eq(int, journal_info(j, &info), 0));
	for (size_t i = 0; i < info.n_exporters; i++)
		cr_assert(eq(int, journal_purge(j, info.exporters[i].no, true, &n, &more, &err), 0),
			  "%s", err.text);
	free(info.exporters);
	cr_assert(eq(int, journal_info(j, &info), 0));
	free(info.exporters);
	cr_assert(eq(u64, info.records, 0));
	journal_close(j);
	return f.n;
}

static size_t one_copy(const struct scratch *s, uint64_t *x, bool *readable, bool *aside, bool say)
{
	char from[200], dir[120], to[200], why[244];
	const char *kind;
	uint64_t carried;
	size_t n;
	pid_t pid;

	(void)snprintf(from, sizeof from, "%s/data.mdb", s->journal);
	(void)snprintf(dir, sizeof dir, "%s/copy", s->dir);
	(void)snprintf(to, sizeof to, "%s/data.mdb", dir);
	cr_assert(eq(int, mkdir(dir, 0700), 0));
	copy_file(from, to);
	kind = damage(to, x);
	memset(readable, 0, RECORDS);
	pid = fork();
	if (pid == 0)
		read_by_lmdb(dir, readable);
	cr_assert(eq(int, waitpid(pid, NULL, 0), pid));
	*aside = prepare(dir, &carried, why, sizeof why);
	n = use(dir, readable);
	cr_assert(eq(sz, n, *aside ? (size_t)carried : 400), "%zu of %llu: %s", n,
		  (unsigned long long)carried, why);
	if (say)
		(void)fprintf(stderr, "# %-9s %3zu of 400 %s\n", kind, n, why);
	scratch_remove_name(dir);
	return n;
}

Test(journal_check, what_is_damaged_is_set_aside, .timeout = 600)
{
	struct scratch s = scratch_new();
	bool *readable =
		mmap(NULL, RECORDS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t carried = 0, asides = 0, names = 0;
	uint64_t x = 3, lost;
	char why[244];
	DIR *d;

	cr_assert(ne(ptr, readable, MAP_FAILED));
	make_whole(s.journal);
	cr_assert(eq(int, prepare(s.journal, &lost, why, sizeof why), false), "%s", why);
	for (size_t i = 0; i < COPIES; i++) {
		bool aside;

		carried += one_copy(&s, &x, readable, &aside, getenv("TESLA_VERBOSE") != NULL);
		asides += aside;
	}
	(void)fprintf(stderr, "# %zu damaged copies: %zu set aside, %zu of %zu records carried\n",
		      (size_t)COPIES, asides, carried, (size_t)COPIES * 400);
	d = opendir(s.dir);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		names += strncmp(e->d_name, "copy.damaged-", 13) == 0;
	(void)closedir(d);
	cr_assert(eq(sz, names, asides < 5 ? asides : 5), "the newest five are kept");
	scratch_remove(&s);
}

/* ---- what damage need not cost ---- */

/* Zeroes the pages of `path` that `lost` says; how many. */
static size_t lose_pages(const char *path, bool (*lost)(const uint8_t *page, const uint8_t *other),
			 const char *other_path)
{
	_cleanup_close_ int fd = open(path, O_RDWR), other_fd = open(other_path, O_RDONLY);
	uint8_t page[4096], other[4096], zero[4096] = { 0 };
	size_t n = 0;

	for (off_t at = 2 * 4096; pread(fd, page, 4096, at) == 4096; at += 4096) {
		if (pread(other_fd, other, 4096, at) != 4096)
			memset(other, 0, 4096);
		if (!lost(page, other))
			continue;
		cr_assert(eq(long, pwrite(fd, zero, 4096, at), 4096));
		n++;
	}
	return n;
}

static bool is_branch(const uint8_t *page, const uint8_t *other)
{
	(void)other;
	return page[10] == 1 && page[11] == 0;
}

static bool is_changed(const uint8_t *page, const uint8_t *other)
{
	return memcmp(page, other, 4096) != 0;
}

/* All branches are gone, or all that the last commit wrote: the records before it are found. */
Test(journal_check, leaves_are_found_without_their_branches, .timeout = 60)
{
	bool (*const kinds[])(const uint8_t *, const uint8_t *) = { is_branch, is_changed };

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		struct scratch s = scratch_new();
		char path[200], before[200], why[244];
		struct tesla_error err = { 0 };
		struct journal *j;
		uint64_t carried;

		make_whole(s.journal);
		(void)snprintf(path, sizeof path, "%s/data.mdb", s.journal);
		(void)snprintf(before, sizeof before, "%s/before", s.dir);
		copy_file(path, before);
		j = fixture_open(s.journal, NULL);
		cr_assert(
			eq(int, fixture_write(j, 9, START_MS, 100, &(uint16_t){ 1 }, 1, &err), 0));
		journal_close(j);
		cr_assert(gt(sz, lose_pages(path, kinds[i], before), 2));
		cr_assert(eq(int, prepare(s.journal, &carried, why, sizeof why), true));
		cr_assert(ge(u64, carried, 400), "%s", why);
		journal_close(fixture_open(s.journal, NULL));
		scratch_remove(&s);
	}
}

/* ---- what is no damage ---- */

Test(journal_check, nothing_there_is_nothing_wrong)
{
	struct scratch s = scratch_new();
	char path[200], why[244];
	uint64_t carried;

	cr_assert(eq(int, prepare(s.journal, &carried, why, sizeof why), false), "no folder");
	cr_assert(eq(int, mkdir(s.journal, 0700), 0));
	cr_assert(eq(int, prepare(s.journal, &carried, why, sizeof why), false), "an empty one");
	(void)snprintf(path, sizeof path, "%s/data.mdb", s.journal);
	cr_assert(eq(int, close(open(path, O_WRONLY | O_CREAT, 0600)), 0));
	cr_assert(eq(int, prepare(s.journal, &carried, why, sizeof why), false), "an empty file");
	journal_close(fixture_open(s.journal, NULL));
	cr_assert(eq(int, prepare(s.journal, &carried, why, sizeof why), false), "%s", why);
	scratch_remove(&s);
}

Test(journal_check, says_why_it_cannot)
{
	struct scratch s = scratch_new();
	struct journal_check check = { JOURNAL_CHILD, s.journal, UINT64_MAX, NULL };
	struct journal *j = fixture_open(s.journal, NULL);
	struct tesla_error err = { 0 };
	uint64_t carried;
	char *aside;

	cr_assert(eq(int, journal_prepare(&check, &aside, &carried, &err), -EBUSY));
	journal_close(j);
	check.program = "/no/such/program";
	cr_assert(eq(int, journal_prepare(&check, &aside, &carried, &err), -ENOENT));
	cr_assert(ne(ptr, strstr(err.text, "/no/such/program"), NULL), "%s", err.text);
	cr_assert(eq(ptr, aside, NULL));
	scratch_remove(&s);
}
