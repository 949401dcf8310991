/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to a descriptor that may not take them. */
#include "base/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define LINE_BYTES 1200 /* of a pipe, what is written at once when it has room for anything */
_Static_assert(LINE_BYTES <= PIPE_BUF, "a line may be written in part");

static const struct reason {
	int code;
	enum outlet_loss loss;
	const char *text;
} reasons[] = {
	{ EAGAIN, OUTLET_UNREAD, "nobody read them" },
	{ ENOSPC, OUTLET_NO_SPACE, "no space left" },
	{ EDQUOT, OUTLET_NO_SPACE, "the quota is used up" },
	{ EFBIG, OUTLET_NO_SPACE, "the file may not be larger" },
	{ 0, OUTLET_FAILED, NULL },
};

const char *outlet_loss_name(enum outlet_loss loss)
{
	static const char *const names[OUTLET_N_LOSSES] = { "unread", "no-space", "failed" };

	return names[loss];
}

static const struct reason *reason_of(int code)
{
	const struct reason *r = reasons;

	while (r->code != 0 && r->code != code)
		r++;
	return r;
}

/* ---- open ---- */

/* Who starts us may have been under journald and sent our standard error elsewhere. */
static bool is_journald(const struct stat *st)
{
	const char *stream = getenv("JOURNAL_STREAM"); /* device:inode, systemd.exec(5) */
	unsigned long long dev, ino;

	return stream != NULL && sscanf(stream, "%20llu:%20llu", &dev, &ino) == 2 &&
	       st->st_dev == dev && st->st_ino == ino;
}

/*
 * O_NONBLOCK belongs to all who have the descriptor, so it is set on one of our own.  That may be
 * forbidden (a terminal or pipe of another user's): then it is asked for room first.
 */
static int open_again(void)
{
	return open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void outlet_init_stderr(struct outlet *o)
{
	struct stat st = { .st_mode = 0 };
	bool waits;

	(void)fstat(STDERR_FILENO, &st);
	waits = S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO);
	*o = (struct outlet){ .fd = waits ? open_again() : -1,
			      .journald = is_journald(&st),
			      .socket = S_ISSOCK(st.st_mode) };
	o->asks = waits && o->fd < 0;
	if (o->fd < 0)
		o->fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (o->fd < 0)
		o->fd = STDERR_FILENO;
}

void outlet_init_file(struct outlet *o, int fd)
{
	*o = (struct outlet){ .fd = fd };
}

void outlet_release(struct outlet *o)
{
	if (o->fd > STDERR_FILENO)
		(void)close(o->fd);
	o->fd = -1;
}

/* ---- lines ---- */

static ssize_t put(const struct outlet *o, const char *bytes, size_t len)
{
	struct pollfd room = { .fd = o->fd, .events = POLLOUT };

	if (o->socket)
		return send(o->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (o->asks && poll(&room, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(o->fd, bytes, len);
}

/* Its length, with the newline. */
static size_t line_make(const struct outlet *o, int level, const char *text, char line[LINE_BYTES])
{
	const char *first = o->cut ? "\n" : "";
	struct timespec now;
	struct tm tm;
	char when[32] = "";
	int n;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (!o->journald && localtime_r(&now.tv_sec, &tm) != NULL)
		(void)strftime(when, sizeof when, "%F %T", &tm);
	if (o->journald)
		n = snprintf(line, LINE_BYTES, "%s<%d>%s", first, level, text);
	else
		n = snprintf(line, LINE_BYTES, "%s%s.%03ld %s: %s", first, when,
			     now.tv_nsec / 1000000, log_level_name(level), text);
	if (n > LINE_BYTES - 2)
		n = LINE_BYTES - 2;
	line[n] = '\n';
	return (size_t)n + 1;
}

/* False: errno says why. */
static bool line_put(struct outlet *o, int level, const char *text)
{
	char line[LINE_BYTES];
	size_t len = line_make(o, level, text, line), done = 0;

	while (done < len) {
		ssize_t n = put(o, line + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done > 0)
		o->cut = line[done - 1] != '\n';
	return done + 1 >= len; /* a newline that is missing comes before the next one */
}

static bool losses_say(struct outlet *o)
{
	const char *text = reason_of(o->why)->text;
	char line[160];

	(void)snprintf(line, sizeof line, "%" PRIu64 " line%s of the log %s lost: %s", o->unsaid,
		       o->unsaid == 1 ? "" : "s", o->unsaid == 1 ? "was" : "were",
		       text ? text : strerror(o->why));
	if (!line_put(o, LOG_LEVEL_WARNING, line))
		return false;
	o->unsaid = 0;
	return true;
}

bool outlet_line(struct outlet *o, int level, const char *text)
{
	if ((o->unsaid == 0 || losses_say(o)) && line_put(o, level, text))
		return true;
	o->why = errno;
	o->unsaid++;
	o->lost[reason_of(o->why)->loss]++;
	return false;
}
