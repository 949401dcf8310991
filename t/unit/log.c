/* SPDX-License-Identifier: Apache-2.0 */
/* The log: journald's prefix only where standard error is journald's. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log_held.h"

/* What one message is in a file that stands for standard error. */
static void logged(const char *stream, FILE *file, char *text, size_t size)
{
	struct log log;
	int saved = dup(STDERR_FILENO);
	size_t n;

	cr_assert_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
	cr_assert_geq(dup2(fileno(file), STDERR_FILENO), 0);
	log_init_stderr(&log, LOG_LEVEL_INFO);
	log_msg(&log, LOG_LEVEL_WARNING, "hello");
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	cr_assert_eq(ftruncate(fileno(file), 0), 0);
	rewind(file);
}

Test(log, journal_stream_is_believed_when_it_is_ours)
{
	_cleanup_fclose_ FILE *file = tmpfile();
	char right[64], other_inode[64], text[200];
	struct stat st;

	cr_assert_eq(fstat(fileno(file), &st), 0);
	unsigned long long dev = st.st_dev, ino = st.st_ino;

	(void)snprintf(right, sizeof right, "%llu:%llu", dev, ino);
	(void)snprintf(other_inode, sizeof other_inode, "%llu:%llu", dev, ino + 1);
	const char *const wrong[] = { "", "8", "8:", "8:1", "x:y", other_inode };

	logged(right, file, text, sizeof text);
	cr_expect_str_eq(text, "<4>hello\n");
	for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
		logged(wrong[i], file, text, sizeof text);
		cr_expect_not_null(strstr(text, " warning: hello\n"), "%s: %s", wrong[i], text);
	}
}

struct heard {
	unsigned n;
	int level;
	char text[200];
};

static void hear(void *arg, int level, const char *text)
{
	struct heard *h = arg;

	cr_expect(strtoul(text, NULL, 10) == h->n || strstr(text, "more lines"),
		  "%s is not the %u.", text, h->n);
	h->n++;
	h->level = level;
	(void)snprintf(h->text, sizeof h->text, "%s", text);
}

/* In their order, once, by the level that holds then; of what is too much the number. */
Test(log, held_lines_come_later)
{
	struct heard heard = { .n = 0 };
	struct log log = { .level = LOG_LEVEL_INFO, .sink = hear, .arg = &heard };
	struct log_held h;

	log_held_init(&h, LOG_LEVEL_DEBUG);
	log_held_pass(&h, &log);
	cr_expect_eq(heard.n, 0);
	log_msg(&h.log, LOG_LEVEL_WARNING, "0 one");
	log_msg(&h.log, LOG_LEVEL_DEBUG, "too quiet");
	log_msg(&h.log, LOG_LEVEL_ERROR, "1 two");
	cr_expect_eq(heard.n, 0);
	log_held_pass(&h, &log);
	cr_expect(heard.n == 2 && heard.level == LOG_LEVEL_ERROR);
	cr_expect_str_eq(heard.text, "1 two");
	log_held_pass(&h, &log);
	cr_expect_eq(heard.n, 2, "twice");
	for (int i = 2; i < 100000; i++)
		log_msg(&h.log, LOG_LEVEL_INFO, "%d %50s", i, "");
	log_held_pass(&h, &log);
	cr_expect(heard.n > 4000 && heard.n < 6000, "%u", heard.n);
	cr_expect(strstr(heard.text, " more lines are left out") != NULL &&
			  strtoul(heard.text, NULL, 10) == 100000 - (heard.n - 1),
		  "%u lines, then %s", heard.n, heard.text);
	log_held_release(&h);
}

static void keep_line(void *arg, int level, const char *text)
{
	(void)level;
	(void)snprintf(arg, 2048, "%s", text);
}

/* It is one line, and nothing in it acts on who reads it; what is cut is cut between characters. */
Test(log, foreign_text_is_clean)
{
	char line[2048], many[2001];
	struct log log = { .level = LOG_LEVEL_INFO, .sink = keep_line, .arg = line };

	log_msg(&log, LOG_LEVEL_INFO, "op %s by %s",
		"\xff\xfe\x9b"
		"1",
		"a\nb\x1b[2J\xe2\x80\xae");
	cr_expect_str_eq(line, "op ???1 by a b?[2J???");
	for (size_t i = 0; i < sizeof many - 1; i++)
		many[i] = i % 2 == 0 ? '\xc3' : '\xa9';
	many[sizeof many - 1] = '\0';
	log_msg(&log, LOG_LEVEL_INFO, "%s", many);
	cr_expect_eq(strlen(line), 1022);
	log_msg(&log, LOG_LEVEL_INFO, "x%s", many);
	cr_expect_eq(strlen(line), 1023);
}
