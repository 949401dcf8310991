/* SPDX-License-Identifier: Apache-2.0 */
/* What is no damage: a child that is ended, that fails, or that has no room; and what is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "daemon/journal_check.h"
#include "journal_fixture.h"

#define RECORDS 200

static void path_in(char *to, size_t size, const char *dir, const char *name)
{
	(void)snprintf(to, size, "%s/%s", dir, name);
}

/* `break_it`: a page of its records is zeroed. */
static void make(const char *dir, bool break_it)
{
	struct journal *j = fixture_open(dir, NULL);
	uint8_t page[4096], zero[4096] = { 0 };
	char path[200];
	int fd;

	fixture_fill(j, fixture_exporter(j, "a"), 0, RECORDS, 900);
	journal_close(j);
	if (!break_it)
		return;
	path_in(path, sizeof path, dir, "data.mdb");
	fd = open(path, O_RDWR);
	for (off_t at = 20 * 4096; pread(fd, page, 4096, at) == 4096; at += 4096) {
		if (page[10] != 2) /* a leaf */
			continue;
		cr_assert(eq(long, pwrite(fd, zero, 4096, at), 4096));
		break;
	}
	(void)close(fd);
}

static uint64_t records(const char *dir)
{
	struct journal *j = fixture_open(dir, NULL);
	struct journal_info info;

	cr_assert(eq(int, journal_info(j, &info), 0));
	free(info.exporters);
	journal_close(j);
	return info.records;
}

/* Folders beside the journal whose name begins with its own. */
static size_t beside(const struct scratch *s)
{
	DIR *d = opendir(s->dir);
	size_t n = 0;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		n += strncmp(e->d_name, "journal.", 8) == 0;
	(void)closedir(d);
	return n;
}

/* A program that does `what` when MODE:DIR is like `mode`, and else what teslad does. */
static void script(char *path, size_t size, const struct scratch *s, const char *mode,
		   const char *what)
{
	FILE *f;

	path_in(path, size, s->dir, "child.sh");
	f = fopen(path, "w");
	cr_assert(ne(ptr, f, NULL));
	(void)fprintf(f, "#!/bin/sh\ncase $2:$4 in %s) %s ;; esac\nexec '%s' \"$@\"\n", mode, what,
		      JOURNAL_CHILD);
	cr_assert(eq(int, fclose(f), 0));
	cr_assert(eq(int, chmod(path, 0700), 0));
}

/* `aside` says what is expected of a journal with (broken) or without damage. */
static const struct child_case {
	const char *name, *mode, *what;
	bool broken;
	int r;
	uint64_t carried_min, carried_max; /* set aside; both 0: it is not */
	const char *says;
} child_cases[] = {
	{ "SIGTERM to the group", "check:*", "kill -TERM $$", false, 0, 0, 0, "" },
	{ "^C", "check:*", "kill -INT $$", false, 0, 0, 0, "" },
	{ "a terminal that goes", "check:*", "kill -HUP $$", false, 0, 0, 0, "" },
	{ "no memory: killed", "check:*", "kill -KILL $$", false, -EAGAIN, 0, 0, "Killed" },
	{ "the same, of a damaged one", "*", "kill -KILL $$", true, -EAGAIN, 0, 0, "Killed" },
	{ "no memory: malloc", "check:*", "exit 3", false, -ENOMEM, 0, 0, "no memory" },
	{ "no program", "check:*", "exit 127", false, -EIO, 0, 0, "(127)" },
	{ "no line", "check:*", "exit 1", false, -EIO, 0, 0, "(1)" },
	{ "a read error", "check:*", "echo '5 page 7 cannot be read'; exit 2", false, -EIO, 0, 0,
	  "page 7" },
	{ "it crashes", "check:*/journal", "kill -SEGV $$", false, 0, RECORDS, RECORDS,
	  "egmentation" },
	{ "damaged", "none", "", true, 0, RECORDS - 30, RECORDS - 1, "it had 200 records" },
	{ "salvage: killed", "salvage*", "kill -KILL $$", true, -EAGAIN, 0, 0, "Killed" },
	{ "salvage: no room", "salvage*", "echo '28 disk full'; exit 2", true, -ENOSPC, 0, 0,
	  "disk full" },
	{ "salvage: no memory", "salvage*", "exit 3", true, -ENOMEM, 0, 0, "no memory" },
	{ "salvage: does nothing right", "salvage*", "echo 0 no; exit 1", true, -EIO, 0, 0,
	  "not whole" },
	{ "salvage crashes but for trees", "salvage:*", "kill -BUS $$", true, 0, RECORDS - 30,
	  RECORDS - 1, "it had 200" },
	{ "salvage crashes always", "salvage*", "kill -SEGV $$", true, 0, 0, 0, "it had 200" },
};

Test(journal_prepare, who_is_ended_says_nothing_of_the_journal, .timeout = 60)
{
	for (size_t i = 0; i < N_ELEMENTS(child_cases); i++) {
		const struct child_case *c = &child_cases[i];
		struct scratch s = scratch_new();
		struct tesla_error err = { 0 };
		char program[120], *aside;
		uint64_t carried;
		bool expected = c->r == 0 && (c->broken || c->carried_max > 0);

		make(s.journal, c->broken);
		script(program, sizeof program, &s, c->mode, c->what);
		cr_assert(eq(int,
			     journal_prepare(&(struct journal_check){ program, s.journal,
								      UINT64_MAX, NULL },
					     &aside, &carried, &err),
			     c->r),
			  "%s: %s", c->name, err.text);
		cr_assert(ne(ptr, strstr(err.text, c->says), NULL), "%s: %s", c->name, err.text);
		cr_assert(eq(int, aside != NULL, expected), "%s: %s", c->name, err.text);
		cr_assert(eq(sz, beside(&s), (size_t)expected), "%s", c->name);
		if (expected) {
			cr_assert(ge(u64, carried, c->carried_min), "%s", c->name);
			cr_assert(le(u64, carried, c->carried_max), "%s", c->name);
		}
		if (expected || !c->broken)
			cr_assert(eq(u64, records(s.journal), expected ? carried : RECORDS), "%s",
				  c->name);
		free(aside);
		scratch_remove(&s);
	}
}

static void *cancel_soon(void *cancel)
{
	(void)usleep(200000);
	atomic_store((atomic_bool *)cancel, true);
	return NULL;
}

Test(journal_prepare, ends_when_told, .timeout = 30)
{
	struct scratch s = scratch_new();
	struct tesla_error err = { 0 };
	atomic_bool cancel = false;
	char program[120], *aside;
	uint64_t carried;
	int64_t begun_us = clock_mono_us();
	pthread_t other;

	make(s.journal, true);
	script(program, sizeof program, &s, "salvage:*", "exec sleep 1000");
	cr_assert(eq(int, pthread_create(&other, NULL, cancel_soon, &cancel), 0));
	cr_assert(eq(
		int,
		journal_prepare(&(struct journal_check){ program, s.journal, UINT64_MAX, &cancel },
				&aside, &carried, &err),
		-ECANCELED));
	cr_assert(lt(i64, clock_mono_us() - begun_us, (int64_t)5000000));
	cr_assert(eq(int, pthread_join(other, NULL), 0));
	cr_assert(eq(ptr, aside, NULL));
	cr_assert(eq(sz, beside(&s), 0));
	scratch_remove(&s);
}

/* The fourth is the newest; what is kept beside it has to fit with it. */
Test(journal_prepare, what_was_set_aside_takes_no_more_than_it_may, .timeout = 60)
{
	static const struct {
		uint64_t journals; /* that there is room for */
		size_t kept;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 9, 4 } };

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct scratch s = scratch_new();
		struct tesla_error err = { 0 };
		uint64_t carried, size = 320 << 10;
		char *aside, last[200] = "";

		for (int k = 0; k < 4; k++) {
			make(s.journal, true);
			cr_assert(eq(int,
				     journal_prepare(
					     &(struct journal_check){ JOURNAL_CHILD, s.journal,
								      cases[i].journals * size,
								      NULL },
					     &aside, &carried, &err),
				     0),
				  "%s", err.text);
			(void)snprintf(last, sizeof last, "%s", aside);
			free(aside);
			scratch_remove_name(s.journal);
		}
		cr_assert(eq(sz, beside(&s), cases[i].kept), "case %zu", i);
		cr_assert(eq(int, access(last, R_OK), 0), "the last one stays");
		cr_assert(eq(int, strstr(err.text, "were removed") != NULL, cases[i].kept < 4));
		scratch_remove(&s);
	}
}

/* ---- a disk that is full ---- */

/* A small file system of its own at s->dir; false: only root may have one. */
static bool small_disk(const struct scratch *s)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", s->dir, "tmpfs", 0, "size=2m") == 0;
}

/* All but `left` bytes. */
static void fill_up(const struct scratch *s, char *path, size_t size, off_t left)
{
	char zero[4096] = { 0 };
	off_t len = 0;
	int fd;

	path_in(path, size, s->dir, "fills");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, zero, sizeof zero) > 0)
		len += (off_t)sizeof zero;
	cr_assert(eq(int, ftruncate(fd, len - left), 0));
	(void)close(fd);
}

static void full_and_then_not(const struct scratch *s, bool broken, off_t left)
{
	const struct journal_check check = { JOURNAL_CHILD, s->journal, UINT64_MAX, NULL };
	struct tesla_error err = { 0 };
	char fills[200], *aside;
	uint64_t carried;

	make(s->journal, broken);
	fill_up(s, fills, sizeof fills, left);
	/* Of a write that is cut short LMDB says EIO. */
	cr_assert(eq(int, journal_prepare(&check, &aside, &carried, &err) < 0, broken), "%s",
		  err.text);
	cr_assert(eq(ptr, aside, NULL));
	cr_assert(eq(sz, beside(s), 0));
	if (!broken)
		cr_assert(eq(u64, records(s->journal), RECORDS));
	cr_assert(eq(int, unlink(fills), 0));
	cr_assert(eq(int, journal_prepare(&check, &aside, &carried, &err), 0), "%s", err.text);
	cr_assert(eq(int, aside != NULL, broken));
	if (broken)
		cr_assert(ge(u64, carried, RECORDS - 30));
	if (broken)
		scratch_remove_name(aside);
	free(aside);
	scratch_remove_name(s->journal);
}

/* LMDB made its lock file with a hole, and wrote to it through a map. */
Test(journal_prepare, on_a_full_disk_nothing_is_lost_and_nobody_dies, .timeout = 60)
{
	static const off_t lefts[] = { 0, 4096, 8192, 16384, 65536 };
	struct scratch s = scratch_new();
	struct journal_limits limits = { .bytes = 1 << 20 };
	struct tesla_error err = { 0 };
	char fills[200], data[200];
	struct journal *j = NULL;

	if (!small_disk(&s))
		cr_skip_test("no file system can be mounted here");
	for (size_t i = 0; i < 2 * N_ELEMENTS(lefts); i++)
		full_and_then_not(&s, i % 2 == 1, lefts[i / 2]);
	for (size_t i = 0; i < N_ELEMENTS(lefts); i++) {
		path_in(data, sizeof data, s.journal, "data.mdb");
		fill_up(&s, fills, sizeof fills, lefts[i]);
		if (i < 2)
			cr_assert(eq(int, journal_open(s.journal, &limits, &j, &err), -ENOSPC));
		else if (journal_open(s.journal, &limits, &j, &err) == 0)
			journal_close(j);
		cr_assert(eq(int, unlink(fills), 0));
		cr_assert(eq(u64, records(s.journal), 0), "a new one, %ld were left",
			  (long)lefts[i]);
		scratch_remove_name(s.journal);
	}
	(void)umount(s.dir);
	scratch_remove(&s);
}
