/* SPDX-License-Identifier: Apache-2.0 */
/* Log files: full ones are set aside, and no line is lost, also where that fails. */
#include "daemon/logfile.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

struct place {
	char dir[40], *file[3]; /* the one in use, .1, .2 */
	struct logfile f;
	struct log log;
	FILE *said; /* what was standard error before */
};

static void place_open_at(struct place *p, int64_t n_files)
{
	struct ini ini = { .log_size = 1000, .log_files = n_files, .log_dir = p->dir };
	struct tesla_error err;

	p->said = tmpfile();
	cr_assert(p->said != NULL && dup2(fileno(p->said), STDERR_FILENO) >= 0);
	log_init_stderr(&p->log, LOG_LEVEL_INFO);
	cr_assert_eq(logfile_open(&p->f, &ini, &p->log, &err), 0, "%s", err.text);
}

static void place_open(struct place *p, int64_t n_files)
{
	static const char *const names[] = { "teslad.log", "teslad.log.1", "teslad.log.2" };

	(void)snprintf(p->dir, sizeof p->dir, "/tmp/tesla-log-XXXXXX");
	cr_assert_not_null(mkdtemp(p->dir));
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		cr_assert(asprintf(&p->file[i], "%s/%s", p->dir, names[i]) > 0);
	place_open_at(p, n_files);
}

static void place_leave(struct place *p)
{
	logfile_close(&p->f);
	log_release(&p->log);
	(void)fclose(p->said);
}

static void place_close(struct place *p)
{
	place_leave(p);
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

/* Where `what` is in the text of a file, from its beginning on; NULL. */
static const char *text_has(FILE *f, const char *what, char text[8000])
{
	size_t n;

	rewind(f);
	n = fread(text, 1, 7999, f);
	text[n] = '\0';
	return strstr(text, what);
}

/* The file may not grow: it is said where it can be seen, and afterwards how much is lost. */
Test(logfile, what_finds_no_room_is_counted_and_said)
{
	const struct rlimit full = { 500, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	char text[8000], expected[80];
	struct place p;
	FILE *f;

	(void)signal(SIGXFSZ, SIG_IGN);
	place_open(&p, 2);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
	lines_write(&p, 0, 10);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	cr_expect_not_null(text_has(p.said,
				    "/teslad.log: lines are lost from here on: File too "
				    "large\n",
				    text),
			   "%s", text);
	cr_expect(strchr(text, '\n') == strrchr(text, '\n'), "said more than once: %s", text);
	lines_write(&p, 10, 12);
	f = fopen(p.file[0], "r");
	cr_assert_not_null(f);
	(void)snprintf(expected, sizeof expected,
		       " warning: %d lines of the log were lost: the file may not be larger\n",
		       (int)logfile_lost(&p.f, &p.log, OUTLET_NO_SPACE));
	cr_expect_not_null(text_has(f, expected, text), "no %s in %s", expected, text);
	cr_expect_gt(logfile_lost(&p.f, &p.log, OUTLET_NO_SPACE), 2);
	/* What was cut is alone on its line. */
	rewind(f);
	for (char line[200]; fgets(line, sizeof line, f) != NULL;)
		cr_expect(strchr(line, '2') == line && strlen(line) < 100, "%s", line);
	(void)fclose(f);
	place_close(&p);
}

Test(logfile, a_line_that_was_cut_is_ended_by_the_next_start)
{
	char text[8000];
	struct place p;
	FILE *f;

	place_open(&p, 2);
	lines_write(&p, 0, 1);
	place_leave(&p);
	f = fopen(p.file[0], "a+");
	cr_assert(f != NULL && fputs("torn", f) >= 0 && fflush(f) == 0);
	place_open_at(&p, 2);
	lines_write(&p, 1, 2);
	cr_expect_not_null(text_has(f, "a number: 0\ntorn\n2", text), "%s", text);
	place_leave(&p);
	place_open_at(&p, 2);
	lines_write(&p, 2, 3);
	cr_expect_null(text_has(f, "\n\n", text), "%s", text);
	(void)fclose(f);
	place_close(&p);
}

static bool lines_reach(struct place *p, const char *file, int *next)
{
	for (int i = 0; i < 300; i++) { /* it looks once a second */
		struct stat st;

		lines_write(p, *next, *next + 1);
		++*next;
		if (stat(file, &st) == 0 && st.st_size > 0)
			return true;
		(void)usleep(10000);
	}
	return false;
}

/* By logrotate, say: at a reload at once, else before long. */
Test(logfile, one_that_was_moved_is_made_anew)
{
	struct place p;
	int next = 2, n;

	place_open(&p, 3);
	p.f.max_bytes = p.f.next_bytes = 1000000;
	lines_write(&p, 0, 1);
	cr_assert_eq(rename(p.file[0], p.file[2]), 0);
	logfile_follow(&p.f);
	lines_write(&p, 1, 2);
	cr_expect_eq(numbers_follow(p.file[2], 0), 1);
	cr_expect_eq(numbers_follow(p.file[0], 1), 2);
	cr_assert_eq(rename(p.file[0], p.file[1]), 0);
	cr_expect(lines_reach(&p, p.file[0], &next), "it is not noticed");
	n = numbers_follow(p.file[1], 1);
	cr_expect(n >= 2 && numbers_follow(p.file[0], n) == next);
	place_close(&p);
}

/* Another one has the name: that is not set aside, and ours is not written on. */
Test(logfile, another_one_of_that_name_is_gone_over_to)
{
	struct place p;
	FILE *f;

	place_open(&p, 3);
	lines_write(&p, 0, 1);
	cr_assert_eq(rename(p.file[0], p.file[2]), 0);
	f = fopen(p.file[0], "w");
	cr_assert_not_null(f);
	(void)fclose(f);
	p.f.next_bytes = 0; /* at a change */
	lines_write(&p, 1, 3);
	cr_expect_eq(numbers_follow(p.file[2], 0), 2);
	cr_expect_eq(numbers_follow(p.file[0], 2), 3);
	cr_expect_neq(access(p.file[1], F_OK), 0, "it was set aside");
	place_close(&p);
}

/* There is no other place then than what was standard error before. */
Test(logfile, without_its_folder_the_log_is_where_it_would_be_without_log_dir)
{
	char text[8000];
	struct place p;

	place_open(&p, 2);
	lines_write(&p, 0, 1);
	cr_assert(unlink(p.file[0]) == 0 && rmdir(p.dir) == 0);
	for (int i = 1; i < 4; i++) {
		logfile_follow(&p.f);
		lines_write(&p, i, i + 1);
	}
	cr_assert_not_null(text_has(p.said,
				    "/teslad.log was moved or removed, and cannot be made anew: No "
				    "such file or directory: the log is here until it can\n",
				    text),
			   "%s", text);
	cr_expect_null(strstr(strstr(text, "made anew") + 1, "made anew"), "twice: %s", text);
	for (int i = 1; i < 4; i++) {
		char line[40];

		(void)snprintf(line, sizeof line, "a number: %d\n", i);
		cr_expect_not_null(strstr(text, line), "%d: %s", i, text);
	}
	cr_assert_eq(mkdir(p.dir, 0700), 0);
	logfile_follow(&p.f);
	lines_write(&p, 4, 5);
	cr_expect_eq(numbers_follow(p.file[0], 4), 5);
	place_close(&p);
}
