/* SPDX-License-Identifier: Apache-2.0 */
/* What a host's libraries and plugins write to its standard error and output, line by line. */
#include "daemon/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#define LAST_READS 16 /* at the end: as much as a pipe holds */

static struct spill *spill_of(void *pipe)
{
	return (void *)((char *)pipe - offsetof(struct spill, pipe));
}

static void line_end(struct spill *s)
{
	s->line[s->len] = '\0';
	if (s->len > 0)
		s->said(s->pipe.data, s->line);
	s->len = 0;
}

static void take(struct spill *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s->room[i] == '\n')
			line_end(s);
		else if (s->len < SPILL_LINE_MAX && s->room[i] != '\0')
			s->line[s->len++] = s->room[i];
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct spill *s = spill_of(handle);

	(void)suggested;
	*buf = uv_buf_init(s->room, sizeof s->room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n > 0)
		take(spill_of(stream), (size_t)n);
	else if (n < 0)
		(void)uv_read_stop(stream);
}

void spill_init(struct spill *s, uv_loop_t *loop, void (*said)(void *arg, const char *line),
		void *arg)
{
	(void)uv_pipe_init(loop, &s->pipe, 0);
	s->pipe.data = arg;
	s->said = said;
	s->len = 0;
}

int spill_open(struct spill *s, int *ret_fd)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	r = uv_pipe_open(&s->pipe, fds[0]); /* sets O_NONBLOCK, on this end alone */
	if (r == 0)
		r = uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
	else
		(void)close(fds[0]);
	if (r == 0)
		*ret_fd = fds[1];
	else
		(void)close(fds[1]);
	return r;
}

void spill_close(struct spill *s, uv_close_cb closed)
{
	uv_os_fd_t fd;

	for (int i = 0; i < LAST_READS && uv_fileno((uv_handle_t *)&s->pipe, &fd) == 0; i++) {
		ssize_t n = read(fd, s->room, sizeof s->room);

		if (n <= 0)
			break;
		take(s, (size_t)n);
	}
	line_end(s);
	uv_close((uv_handle_t *)&s->pipe, closed);
}
