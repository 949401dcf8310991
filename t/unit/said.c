/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the store is said once, from whichever thread, and not without an end. */
#include "central/said.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void from_a_thread(void *arg)
{
	for (int i = 0; i < 3; i++)
		said_add(arg, LOG_LEVEL_ERROR, "a block is damaged");
}

static size_t lines_of(FILE *f, const char *what)
{
	char line[400];
	size_t n = 0;

	rewind(f);
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, what) != NULL;
	return n;
}

Test(said, once)
{
	FILE *out = tmpfile();
	int fd = dup(STDERR_FILENO);
	struct tesla_error err;
	uv_thread_t thread;
	struct said *s;
	struct log log;
	uv_loop_t loop;

	cr_assert(out != NULL && dup2(fileno(out), STDERR_FILENO) >= 0);
	log_init_stderr(&log, LOG_LEVEL_INFO);
	(void)uv_loop_init(&loop);
	cr_assert_eq(said_new(&loop, &log, &s, &err), 0);
	cr_assert_eq(uv_thread_create(&thread, from_a_thread, s), 0);
	(void)uv_thread_join(&thread);
	(void)uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < SAID_MAX + 5; i++) {
		char text[40];

		(void)snprintf(text, sizeof text, "row %d is damaged", i);
		said_add(s, LOG_LEVEL_WARNING, text);
	}
	cr_expect_eq(said_count(s), 3 + SAID_MAX + 5);
	said_end(s);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&loop);
	log_release(&log);
	cr_assert(dup2(fd, STDERR_FILENO) >= 0);
	(void)close(fd);
	cr_expect_eq(lines_of(out, "a block is damaged"), 1);
	cr_expect_eq(lines_of(out, "row "), SAID_MAX - 1);
	cr_expect_eq(lines_of(out, "met 6 times more"), 1);
	(void)fclose(out);
}
