/* SPDX-License-Identifier: Apache-2.0 */
/* localFile: each record is there once, whatever fails or stops at any of its steps. */
#include <dirent.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "localFile_fixture.h"

#define NIGHT 21
#define STEP 5

/*
 * Through midnight and the hour that is there twice; all blank, so that the two passes have the
 * same lines.  Near the end the variables change, and once the identity.
 */
static void night_make(struct tesla_item items[NIGHT])
{
	for (size_t i = 0; i < NIGHT; i++) {
		int64_t end = utc(2026, 10, 24, 21, 30) + (int64_t)i * QUARTER_MS;

		items[i] = i < 18 ? record(1, end, 100 + i, blanks, 1)
				  : record(1, end, 100 + i, odds, 1);
		items[i].identity = i < 9 ? "PM710 A" : "PM710 B";
	}
}

static const char night_24[] = "HORA\tFRE0\tFRE1\t\n"
			       "23:30:00\t         \t         \t\n"
			       "23:45:00\t         \t         \t\n";
static const char night_25[] = "HORA\tFRE0\tFRE1\t\n"
			       "00:00:00\t         \t         \t\n"
			       "00:15:00\t         \t         \t\n"
			       "00:30:00\t         \t         \t\n"
			       "00:45:00\t         \t         \t\n"
			       "01:00:00\t         \t         \t\n"
			       "01:15:00\t         \t         \t\n"
			       "01:30:00\t         \t         \t\n"
			       "01:45:00\t         \t         \t\n"
			       "02:00:00\t         \t         \t\n"
			       "02:15:00\t         \t         \t\n"
			       "02:30:00\t         \t         \t\n"
			       "02:45:00\t         \t         \t\n"
			       "02:00:00\t         \t         \t\n"
			       "02:15:00\t         \t         \t\n"
			       "02:30:00\t         \t         \t\n"
			       "02:45:00\t         \t         \t\n"
			       "HORA\tA,\"b0\t\n"
			       "03:00:00\t     5.00\t\n"
			       "03:15:00\t     5.00\t\n"
			       "03:30:00\t     5.00\t\n";

/* What the core does: the same records again until they are DONE; *acked survives a kill. */
static void night_run(struct rig *r, const struct tesla_item *items, size_t step,
		      volatile size_t *acked)
{
	struct tesla_verdict v[BATCH_MAX];

	rig_open(r);
	for (int tries = 0; *acked < NIGHT; tries++) {
		size_t n = NIGHT - *acked < step ? NIGHT - *acked : step, done;

		done = deliver(r, items + *acked, n, v);
		for (size_t i = 0; i < done; i++)
			must(v[i].delivery == TESLA_DONE, "DONE behind one that is not");
		must(done == n || v[n - 1].why.text[0] != '\0', "RETRY, but no reason");
		must(tries < 50, "%s", v[n - 1].why.text);
		*acked += done;
	}
	rig_close(r);
}

enum cut { LIVE = 0, DAY_LOST = 1, POSITION_LOST = 2, DAY_ZEROS = 4 };

/* What was not synced is gone, or for `zeros` as long as it was, but never written. */
static void file_cut(const struct rig *r, const char *name, bool zeros)
{
	char from[400], to[400], *text = malloc(TEXT_MAX);
	size_t n = 0;
	struct stat st;
	int fd;

	(void)snprintf(from, sizeof from, "%s/synced/%s", r->target, name);
	(void)snprintf(to, sizeof to, "%s/1/%s", r->target, name);
	fd = open(from, O_RDONLY);
	if (fd >= 0) {
		n = fd_read(fd, text, TEXT_MAX);
		(void)close(fd);
	}
	cr_assert_eq(stat(to, &st), 0);
	if (fd < 0 && !zeros) {
		(void)unlink(to);
	} else {
		fd = open(to, O_WRONLY | O_TRUNC);
		cr_assert_eq(__real_write(fd, text, n), (ssize_t)n);
		if (zeros && (size_t)st.st_size > n)
			cr_assert_eq(__real_ftruncate(fd, st.st_size), 0);
		(void)close(fd);
	}
	free(text);
}

static void power_cut(const struct rig *r, int cut)
{
	char path[64];
	struct dirent *d;
	DIR *dir;

	(void)snprintf(path, sizeof path, "%s/1", r->target);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		bool day = d->d_name[0] == '2', position = strncmp(d->d_name, ".pos", 4) == 0;

		if ((day && cut & (DAY_LOST | DAY_ZEROS)) || (position && cut & POSITION_LOST))
			file_cut(r, d->d_name, day && cut & DAY_ZEROS);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

struct accident {
	enum fault fault;
	int at, cut;
	size_t step;	 /* records in a batch after it */
	bool from_start; /* all is redelivered, else what was not acknowledged */
	int reading;	 /* this call by which something is read then fails; 0: none does */
};

/* false: there are not so many calls; with `reading`: not so many of those. */
static bool accident_run(const struct accident *a, const char *format)
{
	struct tesla_item items[NIGHT];
	volatile size_t *acked = mmap(NULL, sizeof *acked, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char synced[64], name[32];
	struct rig r;
	int status = 0;
	pid_t child;

	rig_init(&r, format);
	night_make(items);
	folder_put(&r, "synced");
	(void)snprintf(synced, sizeof synced, "%s/synced", r.target);
	child = fork();
	if (child == 0) {
		forked = true;
		shim = (struct shim){ .fault = a->fault, .at = a->at, .synced = synced };
		night_run(&r, items, STEP, acked);
		_exit(shim.calls >= a->at ? 0 : 8);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
	cr_assert_neq(WEXITSTATUS(status), 1, "fault %d at call %d", a->fault, a->at);
	bool did = WEXITSTATUS(status) != 8;

	power_cut(&r, a->cut);
	if (a->from_start)
		*acked = 0;
	shim = (struct shim){ .fault = FAIL_EIO, .at = a->reading, .input = a->reading > 0 };
	night_run(&r, items, a->step, acked);
	if (a->reading > 0)
		did = shim.calls >= a->reading;
	shim = (struct shim){ 0 };
	if (strcmp(format, "txt") == 0) {
		check_text(&r, "1/20261024.txt", night_24);
		check_text(&r, "1/20261025.txt", night_25);
	} else {
		(void)snprintf(name, sizeof name, "1/20261025.%s", format);
		cr_expect_eq(lines_of(&r, name), strcmp(format, "csv") == 0 ? 21 : 19, "%s", name);
	}
	rig_release(&r);
	(void)munmap((void *)(uintptr_t)acked, sizeof *acked);
	return did;
}

static void check_every_call(enum fault fault, int cut, bool from_start, const char *format)
{
	struct accident a = { fault, 0, cut, from_start ? 7 : STEP, from_start, 0 };

	do
		a.at++;
	while (accident_run(&a, format));
	cr_expect_gt(a.at, 20, "only %d calls", a.at);
}

Test(localFile_once, an_error_at_every_call, .timeout = 120)
{
	static const char *const formats[] = { "txt", "csv", "jsonl" };

	for (enum fault f = FAIL_EIO; f <= SHORT; f++)
		for (size_t i = 0; i < N_ELEMENTS(formats); i++)
			check_every_call(f, LIVE, f == FAIL_EIO, formats[i]);
}

Test(localFile_once, a_kill_at_every_call, .timeout = 120)
{
	static const char *const formats[] = { "txt", "csv", "jsonl" };

	for (enum fault f = DIE_BEFORE; f <= DIE_AFTER; f++)
		for (size_t i = 0; i < N_ELEMENTS(formats); i++)
			for (int from_start = 0; from_start < (i == 0 ? 2 : 1); from_start++)
				check_every_call(f, LIVE, from_start, formats[i]);
}

Test(localFile_once, a_power_cut_at_every_call, .timeout = 240)
{
	static const int cuts[] = { DAY_LOST, POSITION_LOST, DAY_LOST | POSITION_LOST, DAY_ZEROS,
				    DAY_ZEROS | POSITION_LOST };

	for (enum fault f = DIE_BEFORE; f <= DIE_AFTER; f++)
		for (size_t i = 0; i < N_ELEMENTS(cuts); i++)
			check_every_call(f, cuts[i], i % 2 == 1, "txt");
}

/* What cannot be read is not taken for what is not there: that would double it. */
Test(localFile_once, a_read_error_after_a_kill, .timeout = 120)
{
	static const struct accident cases[] = {
		{ DIE_AFTER, 9, LIVE, 7, true, 0 },
		{ DIE_HALF, 14, LIVE, STEP, false, 0 },
		{ DIE_AFTER, 15, POSITION_LOST, 7, true, 0 },
		{ DIE_HALF, 26, POSITION_LOST, 7, true, 0 },
	};
	static const char *const formats[] = { "txt", "csv", "jsonl", "txt" };

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct accident a = cases[i];

		do
			a.reading++;
		while (accident_run(&a, formats[i]));
		cr_expect_gt(a.reading, 20, "only %d calls", a.reading);
	}
}
