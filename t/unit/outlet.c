/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that nobody takes: they are not waited for, are counted, and are said to be missing. */
#include "base/outlet.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define MANY 20000

struct ends {
	int ours, theirs; /* where it is written and where it is read */
};

static void open_pipe(struct ends *e)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	*e = (struct ends){ fds[1], fds[0] };
}

static void open_socket(struct ends *e)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	*e = (struct ends){ fds[0], fds[1] };
}

static void open_terminal(struct ends *e)
{
	e->theirs = posix_openpt(O_RDWR | O_NOCTTY);
	cr_assert(e->theirs >= 0 && grantpt(e->theirs) == 0 && unlockpt(e->theirs) == 0);
	e->ours = open(ptsname(e->theirs), O_WRONLY | O_NOCTTY);
	cr_assert_geq(e->ours, 0);
}

static const struct kind {
	const char *name;
	void (*open)(struct ends *e);
	bool forbidden; /* a descriptor of our own cannot be had */
} kinds[] = {
	{ "pipe", open_pipe, false },
	{ "pipe of another user's", open_pipe, true },
	{ "socket", open_socket, false },
	{ "terminal", open_terminal, false },
};

/* Where standard error is that, until the end of the test. */
static void begin(const struct kind *k, struct ends *e, struct log *log)
{
	k->open(e);
	cr_assert_eq(fcntl(e->theirs, F_SETFL, O_NONBLOCK), 0);
	cr_assert_geq(dup2(e->ours, STDERR_FILENO), 0);
	log_init_stderr(log, LOG_LEVEL_INFO);
	if (!k->forbidden)
		return;
	outlet_release(&log->err);
	log->err.fd = STDERR_FILENO;
	log->err.asks = true;
}

/* What was said so far: how many whole lines of ours, and how many are said to be lost. */
struct seen {
	uint64_t whole, lost;
	char line[400];
	size_t len;
};

static void line_seen(struct seen *s)
{
	const char *lost = strstr(s->line, " warning: ");

	if (strstr(s->line, " has a number: ") != NULL && strstr(s->line, " end") != NULL)
		s->whole++;
	else if (lost != NULL && strstr(lost, " of the log were lost: nobody read them") != NULL)
		s->lost += strtoull(lost + strlen(" warning: "), NULL, 10);
}

static void drain(const struct ends *e, struct seen *s)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(e->theirs, bytes, sizeof bytes)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			s->line[s->len] = '\0';
			if (bytes[i] == '\n')
				line_seen(s);
			if (bytes[i] == '\n')
				s->len = 0;
			else if (s->len < sizeof s->line - 1)
				s->line[s->len++] = bytes[i];
		}
	}
}

static void try(const struct kind *k)
{
	struct seen s = { .len = 0 };
	struct ends e;
	struct log log;
	uint64_t n = 0;
	int flags;

	begin(k, &e, &log);
	while (n < MANY)
		log_msg(&log, LOG_LEVEL_INFO, "a line has a number: %d end", (int)n++);
	flags = fcntl(STDERR_FILENO, F_GETFL);
	cr_expect_not(flags & O_NONBLOCK, "%s: others do not wait for it either", k->name);
	cr_expect_gt(log.err.lost[OUTLET_UNREAD], 0, "%s: nothing is lost", k->name);
	while (log.err.unsaid > 0) { /* a terminal takes its time to be empty */
		drain(&e, &s);
		log_msg(&log, LOG_LEVEL_INFO, "a line has a number: %d end", (int)n++);
	}
	drain(&e, &s);
	cr_expect_eq(s.lost, log.err.lost[OUTLET_UNREAD], "%s: %d said, %d lost", k->name,
		     (int)s.lost, (int)log.err.lost[OUTLET_UNREAD]);
	cr_expect_eq(s.whole + s.lost, n, "%s: of %d lines %d came and %d were lost", k->name,
		     (int)n, (int)s.whole, (int)s.lost);
	log_release(&log);
	(void)close(e.ours);
	(void)close(e.theirs);
}

Test(outlet, nobody_reads, .timeout = 60)
{
	int saved = dup(STDERR_FILENO);

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		try(&kinds[i]);
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
}

/* Another file takes them from here on. */
Test(outlet, reasons_are_said_and_counted)
{
	_cleanup_close_ int full = open("/dev/full", O_WRONLY);
	_cleanup_fclose_ FILE *file = tmpfile();
	struct outlet o;
	char text[400];
	size_t n;

	cr_assert_geq(full, 0);
	outlet_init_file(&o, full);
	for (int i = 0; i < 3; i++)
		cr_expect_not(outlet_line(&o, LOG_LEVEL_INFO, "gone"));
	o.fd = -1;
	cr_expect_not(outlet_line(&o, LOG_LEVEL_INFO, "gone too"));
	cr_expect(o.lost[OUTLET_NO_SPACE] == 3 && o.lost[OUTLET_FAILED] == 1 && o.unsaid == 4);
	o.fd = fileno(file);
	cr_expect(outlet_line(&o, LOG_LEVEL_INFO, "here"));
	cr_expect(outlet_line(&o, LOG_LEVEL_INFO, "here again"));
	rewind(file);
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	cr_expect_not_null(strstr(text, " warning: 4 lines of the log were lost: Bad file"), "%s",
			   text);
	cr_expect_not_null(strstr(text, " info: here\n"), "%s", text);
	cr_expect_null(strstr(strstr(text, "lost") + 1, "lost"), "said twice: %s", text);
}
