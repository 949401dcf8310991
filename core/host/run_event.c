/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many network lines in one thread: requests go out together, replies are taken as they come, and
 * what they gave leaves for the core in one message.  Wake-ups are what costs, not transactions.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/call.h"
#include "host/port.h"
#include "host/run.h"

#define PEEK_MAX 512 /* a Modbus TCP frame has at most 260 bytes */
#define REPLY_MAX 4096
#define CALL_LIMIT_US 1000000 /* none of these calls waits */

enum doing { DOING_NOTHING, DOING_RESOLVE, DOING_CONNECT, DOING_ASK, DOING_OVER };

struct event_line {
	struct line *l;
	struct event_loop *loop;
	uv_poll_t *poll;		   /* of l->pub.fd; owned by the loop, freed when closed */
	struct resolve *resolve;	   /* under way; NULL: none */
	struct addrinfo *addresses, *next; /* still to be tried */
	enum doing doing;
	int64_t asked_us;
	int64_t wake_us;   /* when line_next is to be asked again, or the request is overdue */
	struct action act; /* DOING_ASK: what was asked */
	struct tesla_reply reply;
	struct buf bytes;
	struct command *todo;	/* changes that wait for the end of a transaction, oldest first */
	struct command *unline; /* that ends the line */
};

/* Outlives a line that cannot wait for it. */
struct resolve {
	uv_getaddrinfo_t req;
	struct event_line *e; /* NULL: nobody wants to know any more */
};

struct event_loop {
	struct runner *r;
	uv_loop_t uv;
	int timer; /* timerfd: uv's own timers are a millisecond coarse */
	uv_poll_t timer_poll;
	uv_prepare_t before_wait;
	uv_poll_t commands_poll;
	struct event_line **lines;
	size_t n_lines;
	bool some_over; /* lines to be let go of before the next wait: now they may be in use */
	int64_t armed_us;
	bool armed;
};

static void line_step(struct event_line *e);
static void on_socket(uv_poll_t *poll, int status, int events);

/* ---- the descriptor ---- */

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void socket_close(struct event_line *e)
{
	if (e->poll != NULL)
		uv_close((uv_handle_t *)e->poll, on_poll_closed);
	e->poll = NULL;
	line_drivers_close(e->loop->r, e->l);
}

static int socket_watch(struct event_line *e, int events)
{
	if (e->poll == NULL) {
		e->poll = calloc(1, sizeof *e->poll);
		if (e->poll == NULL || uv_poll_init(&e->loop->uv, e->poll, e->l->pub.fd) != 0) {
			free(e->poll);
			e->poll = NULL;
			return -ENOMEM;
		}
		e->poll->data = e;
	}
	return uv_poll_start(e->poll, events, on_socket);
}

/* ---- opening ---- */

static void addresses_drop(struct event_line *e)
{
	if (e->addresses != NULL)
		uv_freeaddrinfo(e->addresses);
	e->addresses = e->next = NULL;
	e->doing = DOING_NOTHING;
}

/* What was begun to open the line leads to nothing. */
static void open_cancel(struct event_line *e)
{
	if (e->resolve != NULL) {
		e->resolve->e = NULL;
		(void)uv_cancel((uv_req_t *)&e->resolve->req); /* or it ends by itself */
		e->resolve = NULL;
	}
	if (e->doing == DOING_RESOLVE || e->doing == DOING_CONNECT)
		addresses_drop(e);
	socket_close(e);
}

static void open_end(struct event_line *e, int r, const struct tesla_error *err)
{
	int64_t mono, wall;

	addresses_drop(e);
	clocks_now(&mono, &wall);
	if (r != 0) {
		socket_close(e);
		line_open_failed(e->l, mono, err->text);
	} else {
		line_opened(e->l, mono);
	}
	line_step(e);
}

/* Tries the next address of the name; ends the opening when there is none left. */
static void connect_next(struct event_line *e, struct tesla_error *err)
{
	int64_t mono, wall;

	while (e->next != NULL) {
		const struct addrinfo *to = e->next;

		e->next = to->ai_next;
		socket_close(e);
		e->l->pub.fd = port_connect_start(to, &e->l->params, err);
		if (e->l->pub.fd >= 0 && socket_watch(e, UV_WRITABLE) == 0) {
			clocks_now(&mono, &wall);
			e->doing = DOING_CONNECT;
			e->wake_us = mono + 1000 * e->l->params.timeout_ms;
			return;
		}
	}
	open_end(e, -EHOSTUNREACH, err);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *addresses)
{
	struct resolve *resolve = req->data;
	struct event_line *e = resolve->e;
	struct tesla_error err;

	free(resolve);
	if (e == NULL) {
		uv_freeaddrinfo(addresses); /* NULL is fine */
		return;
	}
	e->resolve = NULL;
	(void)tesla_fail(&err, status, "%s: %s", e->l->params.host,
			 status != 0 ? uv_strerror(status) : "no address");
	e->addresses = e->next = addresses;
	connect_next(e, &err);
}

static int resolve_begin(struct event_line *e, const struct addrinfo *hints)
{
	const struct line_params *p = &e->l->params;
	struct resolve *resolve = calloc(1, sizeof *resolve);
	int r;

	if (resolve == NULL)
		return -ENOMEM;
	resolve->e = e;
	resolve->req.data = resolve;
	r = uv_getaddrinfo(&e->loop->uv, &resolve->req, on_resolved, p->host, p->port, hints);
	if (r != 0)
		free(resolve);
	else
		e->resolve = resolve;
	return r;
}

/* A number needs no resolver and no thread of its pool. */
static void open_begin(struct event_line *e)
{
	const struct line_params *p = &e->l->params;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct tesla_error err = { 0 };
	int r;

	e->doing = DOING_RESOLVE;
	e->wake_us = INT64_MAX;
	if (getaddrinfo(p->host, p->port, &hints, &e->addresses) == 0) {
		e->next = e->addresses;
		connect_next(e, &err);
		return;
	}
	e->addresses = NULL;
	hints.ai_flags = 0;
	r = resolve_begin(e, &hints);
	if (r != 0)
		open_end(e, tesla_fail(&err, r, "%s: %s", p->host, uv_strerror(r)), &err);
}

static void on_connected(struct event_line *e)
{
	struct tesla_error err = { 0 };
	int r = port_connected(e->l->pub.fd, &e->l->params, &err);

	if (r != 0 && e->next != NULL) {
		connect_next(e, &err);
		return;
	}
	(void)uv_poll_stop(e->poll); /* a driver that fails to open has the descriptor closed */
	if (r == 0)
		r = line_drivers_open(e->loop->r, e->l, &err);
	if (r == 0 && socket_watch(e, UV_READABLE | UV_DISCONNECT) != 0)
		r = tesla_fail(&err, -ENOMEM, "%s: cannot be watched", e->l->name);
	open_end(e, r, &err);
}

/* ---- asking ---- */

/*
 * Wakes us when so many bytes are there: what was looked at already would wake us again and again.
 */
static void wait_for(const struct event_line *e, int bytes)
{
	(void)setsockopt(e->l->pub.fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

static void ask_done(struct event_line *e, const struct tesla_error *err)
{
	int64_t mono, wall;

	e->doing = DOING_NOTHING;
	clocks_now(&mono, &wall);
	reply_times(&e->reply, e->asked_us, mono);
	trace_end(&e->loop->r->trace, e->l, &e->act, &e->reply, err);
	line_done(e->l, &e->reply, err, mono, wall);
}

static void ask_end(struct event_line *e, const struct tesla_error *err)
{
	wait_for(e, 1);
	ask_done(e, err);
	line_step(e);
}

__attribute__((format(printf, 3, 4))) static void ask_fail(struct event_line *e,
							   enum tesla_status status,
							   const char *fmt, ...)
{
	struct tesla_error err = { .code = -EIO };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err.text, sizeof err.text, fmt, ap);
	va_end(ap);
	e->reply.status = status;
	ask_end(e, &err);
}

static const struct tesla_block *asked_block(const struct event_line *e)
{
	return e->act.act == ACT_IDENTIFY ? NULL : &e->act.what;
}

/* True: the request is on its way. */
static bool ask(struct event_line *e, struct tesla_error *err)
{
	struct line_driver *d = e->act.driver;
	struct runner *r = e->loop->r;
	int64_t mono, wall;
	int rc;

	buf_clear(&e->bytes);
	clocks_now(&e->asked_us, &wall);
	e->reply = (struct tesla_reply){ .data = &e->bytes.pub };
	runner_serve(r, e->l, &e->act);
	call_enter(r->slot, d->serial, d->name, "request", e->l->id, e->act.a->id, CALL_LIMIT_US);
	rc = d->plugin->driver.request(d->self, e->act.address, asked_block(e), &e->reply, err);
	call_leave(r->slot, d->serial);
	if (rc != 0)
		e->reply.status = TESLA_REPLY_GARBLED;
	if (e->reply.status != TESLA_REPLY_NONE)
		return false;
	clocks_now(&mono, &wall);
	e->doing = DOING_ASK;
	e->wake_us = mono + 1000 * e->act.timeout_ms;
	return true;
}

static void take_reply(struct event_line *e)
{
	struct line_driver *d = e->act.driver;
	struct runner *r = e->loop->r;
	struct tesla_error err = { 0 };
	int rc;

	runner_serve(r, e->l, &e->act);
	call_enter(r->slot, d->serial, d->name, "receive", e->l->id, e->act.a->id, CALL_LIMIT_US);
	rc = d->plugin->driver.receive(d->self, e->act.address, asked_block(e), &e->reply, &err);
	call_leave(r->slot, d->serial);
	if (rc != 0)
		e->reply.status = TESLA_REPLY_GARBLED;
	if (e->reply.status != TESLA_REPLY_NONE)
		ask_end(e, &err);
}

static void on_no_reply(void *arg, const void *bytes, size_t len)
{
	trace_frame(arg, TESLA_FRAME_RECEIVED, bytes, len);
}

/* Something came while a request is under way: is it the whole reply? */
static void on_bytes(struct event_line *e)
{
	struct line_driver *d = e->act.driver;
	uint8_t bytes[PEEK_MAX];
	ssize_t n = recv(e->l->pub.fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
	int whole;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ask_fail(e, TESLA_REPLY_BROKEN, "%s: %s", e->l->name,
			 n == 0 ? "the far end closed the connection" : strerror(errno));
		return;
	}
	runner_serve(e->loop->r, e->l, &e->act);
	call_enter(e->loop->r->slot, d->serial, d->name, "whole", e->l->id, e->act.a->id,
		   CALL_LIMIT_US);
	whole = d->plugin->driver.whole(d->self, bytes, (size_t)n);
	call_leave(e->loop->r->slot, d->serial);
	if (whole < 0 || whole > PEEK_MAX) {
		bool babbles = port_discard(e->l->pub.fd, on_no_reply, &e->loop->r->trace) < 0;

		ask_fail(e, babbles ? TESLA_REPLY_BROKEN : TESLA_REPLY_GARBLED,
			 "%s: bytes that are no reply", e->l->name);
	} else if (whole > 0 && whole <= n) {
		wait_for(e, 1);
		take_reply(e);
	} else {
		wait_for(e, whole > 0 ? whole : (int)n + 1);
	}
}

/* ---- changes ---- */

static void todo_do(struct event_line *e, struct command *c)
{
	if (c->kind == COMMAND_UNLINE) {
		if (e->doing != DOING_NOTHING) /* else it is open, and may have to be drained */
			open_cancel(e);
		line_end(e->l);
		e->unline = c;
		return;
	}
	if (!line_same(e->l, c->line))
		open_cancel(e);
	e->l = line_become(e->loop->r, e->l, c->line);
	c->line = NULL;
	command_free(c);
}

/* What is closed is let go of before the loop waits again: who called us may still look at it. */
static void line_over(struct event_line *e)
{
	socket_close(e);
	e->doing = DOING_OVER;
	e->wake_us = INT64_MAX;
	e->loop->some_over = true;
}

/* ---- the state machine's wishes ---- */

/* Does what line_next says until it says to wait. */
static void line_step(struct event_line *e)
{
	struct tesla_error err = { 0 };
	int64_t mono, wall;

	while (e->todo != NULL && e->doing != DOING_ASK) {
		struct command *c = e->todo;

		e->todo = c->next;
		todo_do(e, c);
	}
	while (e->doing == DOING_NOTHING) {
		if (e->l->state != LINE_OPEN)
			socket_close(e);
		clocks_now(&mono, &wall);
		e->act = line_next(e->l, mono, wall);
		if (e->act.act == ACT_OPEN) {
			open_begin(e);
			return;
		}
		if (e->act.act == ACT_END) {
			line_over(e);
			return;
		}
		if (e->act.act == ACT_WAIT || e->act.act == ACT_DRAIN) {
			e->wake_us = e->act.until_us;
			return;
		}
		if (!ask(e, &err))
			ask_done(e, &err);
	}
}

static void on_idle_bytes(struct event_line *e)
{
	int64_t mono, wall;

	if (port_discard(e->l->pub.fd, trace_junk, e->l) >= 0)
		return; /* a late reply, or noise */
	clocks_now(&mono, &wall);
	trace_event(e->l, "broken", "the far end hung up");
	line_hung_up(e->l, "the far end hung up", mono, wall);
	line_step(e);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct event_line *e = poll->data;

	(void)status;
	(void)events;
	if (e->doing == DOING_CONNECT)
		on_connected(e);
	else if (e->doing == DOING_ASK)
		on_bytes(e);
	else if (e->doing == DOING_NOTHING)
		on_idle_bytes(e);
}

static void line_wake(struct event_line *e)
{
	struct tesla_error err;

	if (e->doing == DOING_CONNECT) {
		(void)tesla_fail(&err, -ETIMEDOUT, "%s: no connection in %lld ms", e->l->name,
				 (long long)e->l->params.timeout_ms);
		connect_next(e, &err);
	} else if (e->doing == DOING_ASK) {
		ask_fail(e, TESLA_REPLY_TIMEOUT, "%s: no answer in %lld ms", e->l->name,
			 (long long)e->act.timeout_ms);
	} else if (e->doing == DOING_NOTHING) {
		line_step(e);
	}
}

/* ---- the loop ---- */

static void on_timer(uv_poll_t *poll, int status, int events)
{
	struct event_loop *loop = poll->data;
	uint64_t expirations;
	int64_t mono, wall;

	(void)status;
	(void)events;
	if (read(loop->timer, &expirations, sizeof expirations) < 0)
		return;
	loop->armed = false; /* it has fired: to be set anew */
	clocks_now(&mono, &wall);
	for (size_t i = 0; i < loop->n_lines; i++)
		if (loop->lines[i]->wake_us <= mono)
			line_wake(loop->lines[i]);
}

static void lines_let_go(struct event_loop *loop)
{
	size_t n = 0;

	loop->some_over = false;
	for (size_t i = 0; i < loop->n_lines; i++) {
		struct event_line *e = loop->lines[i];

		if (e->doing != DOING_OVER) {
			loop->lines[n++] = e;
			continue;
		}
		line_let_go(loop->r, e->l, e->unline);
		(void)queue_push(&loop->r->host->ended, e->unline); /* it has room for all */
		buf_release(&e->bytes);
		free(e);
	}
	loop->n_lines = n;
}

/* Before the loop waits: what was gathered leaves, and the timer is set to whoever is next. */
static void on_before_wait(uv_prepare_t *handle)
{
	struct event_loop *loop = handle->data;
	int64_t next = INT64_MAX;

	if (loop->some_over)
		lines_let_go(loop);
	gather_flush(&loop->r->gather);
	for (size_t i = 0; i < loop->n_lines; i++)
		if (loop->lines[i]->wake_us < next)
			next = loop->lines[i]->wake_us;
	if (loop->armed && next == loop->armed_us)
		return;
	loop->armed = true;
	loop->armed_us = next;
	struct itimerspec at = { 0 };

	if (next != INT64_MAX) {
		next = next > 0 ? next : 1; /* zero would disarm it; the past fires at once */
		at.it_value = (struct timespec){ next / 1000000, next % 1000000 * 1000 };
	}
	(void)timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* ---- commands ---- */

static struct event_line *line_find(const struct event_loop *loop, int64_t id)
{
	for (size_t i = 0; i < loop->n_lines; i++)
		if (loop->lines[i]->l->id == id && loop->lines[i]->doing != DOING_OVER)
			return loop->lines[i];
	return NULL;
}

/* Without memory for one the host ends, and is started again with all of them. */
static struct event_line *line_add(struct event_loop *loop, struct line *l)
{
	struct event_line *e = calloc(1, sizeof *e);

	if (e == NULL || loop->n_lines == HOST_LINES_MAX)
		_exit(4);
	*e = (struct event_line){ .l = l, .loop = loop };
	buf_init(&e->bytes, REPLY_MAX);
	loop->lines[loop->n_lines++] = e;
	line_begin(loop->r, l);
	return e;
}

static void command_do(struct event_loop *loop, struct command *c)
{
	struct event_line *e = line_find(loop, c->line_id);
	struct command **end;

	if (e == NULL) {
		assert(c->kind == COMMAND_LINE);
		e = line_add(loop, c->line);
		c->line = NULL;
		command_free(c);
	} else if (c->kind == COMMAND_TRACE) {
		e->l->traced = c->traced;
		command_free(c);
		return;
	} else if (c->kind == COMMAND_ASK) {
		line_ask(e->l, c->ask, clock_mono_us());
		c->ask = NULL;
		command_free(c);
	} else {
		for (end = &e->todo; *end != NULL;)
			end = &(*end)->next;
		*end = c;
	}
	line_step(e);
}

static void on_commands(uv_poll_t *poll, int status, int events)
{
	struct event_loop *loop = poll->data;
	struct command *c;

	(void)status;
	(void)events;
	while ((c = queue_pop(&loop->r->commands)) != NULL)
		command_do(loop, c);
}

/* ---- the loop's beginning ---- */

static int loop_init(struct event_loop *loop, struct runner *r)
{
	*loop = (struct event_loop){ .r = r };
	loop->lines = calloc(HOST_LINES_MAX, sizeof *loop->lines);
	loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->lines == NULL || loop->timer < 0 || uv_loop_init(&loop->uv) != 0 ||
	    uv_poll_init(&loop->uv, &loop->timer_poll, loop->timer) != 0 ||
	    uv_poll_init(&loop->uv, &loop->commands_poll, queue_fd(&r->commands)) != 0 ||
	    uv_prepare_init(&loop->uv, &loop->before_wait) != 0)
		return -ENOMEM;
	loop->timer_poll.data = loop->before_wait.data = loop->commands_poll.data = loop;
	(void)uv_poll_start(&loop->timer_poll, UV_READABLE, on_timer);
	(void)uv_poll_start(&loop->commands_poll, UV_READABLE, on_commands);
	(void)uv_prepare_start(&loop->before_wait, on_before_wait);
	return 0;
}

void run_event(struct runner *r)
{
	struct event_loop loop;

	if (loop_init(&loop, r) != 0) {
		log_msg(&r->host->report.log, LOG_LEVEL_ERROR,
			"no memory or descriptors for network lines");
		_exit(4);
	}
	line_step(line_add(&loop, r->line));
	(void)uv_run(&loop.uv, UV_RUN_DEFAULT);
}
