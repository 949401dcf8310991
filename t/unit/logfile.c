/* SPDX-License-Identifier: Apache-2.0 */
/* Log files: full ones are set aside, and no line is lost, also where that fails. */
#include "daemon/logfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

struct place {
	char dir[40], *file[3]; /* the one in use, .1, .2 */
	struct logfile f;
	struct log log;
};

static void place_open(struct place *p, int64_t n_files)
{
	static const char *const names[] = { "teslad.log", "teslad.log.1", "teslad.log.2" };
	struct ini ini = { .log_size = 1000, .log_files = n_files, .log_dir = p->dir };
	struct tesla_error err;

	(void)snprintf(p->dir, sizeof p->dir, "/tmp/tesla-log-XXXXXX");
	cr_assert_not_null(mkdtemp(p->dir));
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		cr_assert(asprintf(&p->file[i], "%s/%s", p->dir, names[i]) > 0);
	log_init_stderr(&p->log, LOG_LEVEL_INFO);
	cr_assert_eq(logfile_open(&p->f, &ini, &p->log, &err), 0, "%s", err.text);
}

static void place_close(struct place *p)
{
	logfile_close(&p->f);
	for (int i = 0; i < 3; i++) {
		(void)unlink(p->file[i]);
		free(p->file[i]);
	}
	(void)rmdir(p->dir);
}

/* Numbers at the ends of a file's lines, from `next` on; returns the one that would follow. */
static int numbers_follow(const char *file, int next)
{
	_cleanup_fclose_ FILE *f = fopen(file, "r");
	char line[200];

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		const char *last = strrchr(line, ' ');

		cr_expect_eq(last ? strtol(last, NULL, 10) : -1, next, "%s: %s", file, line);
		next++;
	}
	return next;
}

static void lines_write(struct place *p, int from, int to)
{
	for (int i = from; i < to; i++)
		log_msg(&p->log, LOG_LEVEL_INFO, "a line of some length, which has a number: %d",
			i);
}

Test(logfile, full_ones_are_set_aside)
{
	struct place p;
	struct stat st[3];

	place_open(&p, 3);
	lines_write(&p, 0, 30); /* about 80 bytes each */
	for (int i = 0; i < 3; i++)
		cr_assert_eq(stat(p.file[i], &st[i]), 0, "%s", p.file[i]);
	cr_expect(st[0].st_size < 1000 && st[1].st_size >= 1000 && st[1].st_size < 1200);
	cr_expect(st[2].st_size >= 1000 && st[2].st_size < 1200);
	cr_expect_eq(
		numbers_follow(p.file[0], numbers_follow(p.file[1], numbers_follow(p.file[2], 0))),
		30);
	place_close(&p);
}

Test(logfile, the_only_one_begins_anew)
{
	struct place p;
	struct stat st;

	place_open(&p, 1);
	lines_write(&p, 0, 100);
	cr_expect(stat(p.file[0], &st) == 0 && st.st_size < 1000);
	cr_expect(stat(p.file[1], &st) != 0);
	place_close(&p);
}

/* A folder stands where the last one would go: all stays in the one in use, and it is said. */
Test(logfile, one_that_cannot_be_set_aside_goes_on)
{
	struct place p;
	_cleanup_free_ char *in_it = NULL;
	char line[200];
	int n = 0, said = 0;

	place_open(&p, 2);
	cr_assert(asprintf(&in_it, "%s/x", p.file[1]) > 0);
	cr_assert(mkdir(p.file[1], 0700) == 0 && mkdir(in_it, 0700) == 0);
	lines_write(&p, 0, 60);
	_cleanup_fclose_ FILE *f = fopen(p.file[0], "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		n += strstr(line, "which has a number") != NULL;
		said += strstr(line, "log_dir: no new file") != NULL;
	}
	cr_expect_eq(n, 60);
	cr_expect(said >= 2 && said <= 6, "said %d times", said);
	(void)rmdir(in_it);
	(void)rmdir(p.file[1]);
	place_close(&p);
}
