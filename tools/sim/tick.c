/* SPDX-License-Identifier: Apache-2.0 */
/* A timer that is right to microseconds. */
#include "sim/tick.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct tick {
	uv_poll_t poll;
	int fd;
	void (*fn)(void *);
	void *arg;
};

static void tick_fired(uv_poll_t *poll, int status, int events)
{
	struct tick *t = poll->data;
	uint64_t n;

	(void)status;
	(void)events;
	/* Nothing to read: it was set anew after it had fired. */
	if (read(t->fd, &n, sizeof n) == sizeof n)
		t->fn(t->arg);
}

struct tick *tick_new(uv_loop_t *loop, void (*fn)(void *arg), void *arg)
{
	struct tick *t = calloc(1, sizeof *t);
	int r;

	if (t == NULL)
		return NULL;
	t->fn = fn;
	t->arg = arg;
	t->poll.data = t;
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->fd < 0) {
		free(t);
		return NULL;
	}
	r = uv_poll_init(loop, &t->poll, t->fd);
	if (r == 0)
		r = uv_poll_start(&t->poll, UV_READABLE, tick_fired);
	assert(r == 0); /* a timerfd can always be polled */
	return t;
}

void tick_at(struct tick *t, int64_t mono_us)
{
	struct itimerspec at = { .it_value = { .tv_sec = mono_us / 1000000,
					       .tv_nsec = mono_us % 1000000 * 1000 } };
	int r = timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &at, NULL);

	assert(r == 0);
	(void)r;
}

static void tick_closed(uv_handle_t *handle)
{
	struct tick *t = handle->data;

	(void)close(t->fd);
	free(t);
}

void tick_free(struct tick *t)
{
	if (t != NULL)
		uv_close((uv_handle_t *)&t->poll, tick_closed);
}
