/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a line on a pseudo-terminal. */
#include "sim/pty.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "sim/bus.h"

struct pty {
	struct bus bus;
	uv_poll_t poll;
	int master;
	int slave; /* kept open: a reader that closes its own does not hang up the line */
	char *link;
	char name[64]; /* of the slave side */
};

static void pty_write(struct bus *b, const uint8_t *bytes, size_t len)
{
	struct pty *p = (struct pty *)(void *)((char *)b - offsetof(struct pty, bus));

	/* What nobody reads is lost, as on a line. */
	if (write(p->master, bytes, len) < 0)
		return;
}

static void pty_readable(uv_poll_t *poll, int status, int events)
{
	struct pty *p = poll->data;
	uint8_t bytes[RTU_MAX];
	ssize_t n;

	(void)status;
	(void)events;
	n = read(p->master, bytes, sizeof bytes);
	if (n > 0)
		bus_receive(&p->bus, bytes, (size_t)n);
}

static int pty_pair(struct pty *p, struct tesla_error *err)
{
	struct termios tio;

	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (p->master < 0 || grantpt(p->master) != 0 || unlockpt(p->master) != 0 ||
	    ptsname_r(p->master, p->name, sizeof p->name) != 0)
		return tesla_fail(err, -errno, "cannot make a pty: %s", strerror(errno));
	p->slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->slave < 0 || tcgetattr(p->slave, &tio) != 0)
		return tesla_fail(err, -errno, "%s: %s", p->name, strerror(errno));
	cfmakeraw(&tio); /* before any byte: a fresh pty echoes */
	tio.c_cflag |= CLOCAL;
	if (tcsetattr(p->slave, TCSANOW, &tio) != 0)
		return tesla_fail(err, -errno, "%s: %s", p->name, strerror(errno));
	return 0;
}

static int pty_link(struct pty *p, const char *link, struct tesla_error *err)
{
	struct stat st;

	if (lstat(link, &st) == 0 && S_ISLNK(st.st_mode))
		(void)unlink(link);
	if (symlink(p->name, link) != 0)
		return tesla_fail(err, -errno, "%s: cannot be made: %s", link, strerror(errno));
	p->link = strdup(link);
	return p->link ? 0 : tesla_fail(err, -ENOMEM, "no memory");
}

static void pty_free(struct pty *p)
{
	char target[PATH_MAX];
	ssize_t n = p->link ? readlink(p->link, target, sizeof target) : -1;

	/* Only if it is still ours: another may have turned it since. */
	if (n == (ssize_t)strlen(p->name) && memcmp(target, p->name, (size_t)n) == 0)
		(void)unlink(p->link);
	if (p->master >= 0)
		(void)close(p->master);
	if (p->slave >= 0)
		(void)close(p->slave);
	free(p->link);
	free(p);
}

struct pty *pty_open(struct line *line, const char *link, const struct pace *pace,
		     struct tesla_error *err)
{
	struct pty *p = calloc(1, sizeof *p);
	int r;

	if (p == NULL) {
		tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	p->master = p->slave = -1;
	bus_init(&p->bus, line, pace);
	p->bus.write = pty_write;
	r = pty_pair(p, err);
	if (r == 0)
		r = pty_link(p, link, err);
	if (r != 0) {
		pty_free(p);
		return NULL;
	}
	p->poll.data = p;
	r = uv_poll_init(&line->sim->loop, &p->poll, p->master);
	if (r == 0)
		r = uv_poll_start(&p->poll, UV_READABLE, pty_readable);
	assert(r == 0); /* a pty can always be polled */
	return p;
}

static void pty_closed(uv_handle_t *handle)
{
	pty_free(handle->data);
}

void pty_close(struct pty *p)
{
	bus_release(&p->bus);
	uv_close((uv_handle_t *)&p->poll, pty_closed);
}
