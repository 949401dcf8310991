/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd within a libuv loop. */
#include "base/web.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#define N_HANDLES 3

static uint64_t now_ms(const struct web *w)
{
	return uv_now(w->poll.loop);
}

/* ---- deadlines ---- */

static void on_deadline(uv_timer_t *timer);

static void deadline_arm(struct web *w)
{
	const struct web_client *first = TAILQ_FIRST(&w->clients);
	uint64_t now = now_ms(w);

	if (first == NULL)
		(void)uv_timer_stop(&w->deadline);
	else
		(void)uv_timer_start(&w->deadline, on_deadline,
				     first->until_ms > now ? first->until_ms - now : 0, 0);
}

void web_no_deadline(struct web *w, struct web_client *c)
{
	if (!c->timed)
		return;
	TAILQ_REMOVE(&w->clients, c, by_deadline);
	c->timed = false;
}

/* All have the same time, so the list stays sorted.  The timer may ring early: no harm. */
void web_deadline(struct web *w, struct web_client *c)
{
	web_no_deadline(w, c);
	if (c->cut)
		return;
	c->until_ms = now_ms(w) + w->deadline_ms;
	TAILQ_INSERT_TAIL(&w->clients, c, by_deadline);
	c->timed = true;
	if (TAILQ_FIRST(&w->clients) == c)
		deadline_arm(w);
}

void web_cut(struct web *w, struct web_client *c)
{
	web_no_deadline(w, c);
	c->cut = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

static void on_deadline(uv_timer_t *timer)
{
	struct web *w = timer->data;
	struct web_client *c = TAILQ_FIRST(&w->clients);

	while (c != NULL && c->until_ms <= now_ms(w)) {
		w->n_cut++;
		web_cut(w, c);
		c = TAILQ_FIRST(&w->clients);
	}
	deadline_arm(w);
}

/* ---- the loop ---- */

static void run(struct web *w);

static void on_again(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static void run(struct web *w)
{
	MHD_UNSIGNED_LONG_LONG ms;

	w->running = true;
	w->rerun = false;
	(void)MHD_run(w->daemon);
	w->running = false;
	if (w->rerun)
		(void)uv_timer_start(&w->again, on_again, 0, 0);
	else if (MHD_get_timeout(w->daemon, &ms) == MHD_YES)
		(void)uv_timer_start(&w->again, on_again, ms, 0);
	else
		(void)uv_timer_stop(&w->again);
}

void web_run_again(struct web *w)
{
	w->rerun = true;
	if (!w->running)
		(void)uv_timer_start(&w->again, on_again, 0, 0);
}

/* ---- start and stop ---- */

int web_listen(const struct address *where, int backlog, struct tesla_error *err)
{
	int fd = address_listen(where, backlog);

	return fd >= 0 ? fd : tesla_fail(err, fd, "%s", strerror(-fd));
}

void web_start(struct web *w, uv_loop_t *loop, struct MHD_Daemon *daemon, uint64_t deadline_ms)
{
	w->daemon = daemon;
	w->deadline_ms = deadline_ms;
	TAILQ_INIT(&w->clients);
	(void)uv_poll_init(loop, &w->poll,
			   MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	(void)uv_timer_init(loop, &w->again);
	(void)uv_timer_init(loop, &w->deadline);
	w->poll.data = w->again.data = w->deadline.data = w;
	w->open_handles = N_HANDLES;
	(void)uv_poll_start(&w->poll, UV_READABLE, on_poll);
	run(w);
}

static void on_closed(uv_handle_t *handle)
{
	struct web *w = handle->data;

	if (--w->open_handles == 0)
		w->closed(w->owner);
}

void web_stop(struct web *w, void (*closed)(void *owner), void *owner)
{
	w->closed = closed;
	w->owner = owner;
	/* The loop lets go of the daemon's descriptor before that is closed. */
	(void)uv_poll_stop(&w->poll);
	MHD_stop_daemon(w->daemon);
	assert(TAILQ_EMPTY(&w->clients));
	uv_close((uv_handle_t *)&w->poll, on_closed);
	uv_close((uv_handle_t *)&w->again, on_closed);
	uv_close((uv_handle_t *)&w->deadline, on_closed);
}
