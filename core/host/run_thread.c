/* SPDX-License-Identifier: Apache-2.0 */
/* One line in one thread, with drivers that wait. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/call.h"
#include "host/port.h"
#include "host/run.h"

#define REPLY_MAX 65536

/* Waits for the time or for a command, or until the far end hangs up: false. */
static bool wait_until(const struct runner *r, int64_t until_us, bool discard)
{
	struct line *l = r->line;
	struct pollfd p[] = {
		{ .fd = l->pub.fd, .events = (short)(POLLRDHUP | (discard ? POLLIN : 0)) },
		{ .fd = queue_fd(&r->commands), .events = POLLIN },
	};

	for (;;) {
		int64_t mono, wall;

		clocks_now(&mono, &wall);
		int64_t left = until_us - mono;
		struct timespec t = { left / 1000000, left % 1000000 * 1000 };

		if (left <= 0)
			return true;
		int n = ppoll(p, N_ELEMENTS(p), &t, NULL);

		if (n > 0 && (p[0].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0)
			return false;
		if (n > 0 && p[0].revents != 0 && port_discard(l->pub.fd, trace_junk, l) < 0)
			return false;
		if (n > 0 && p[1].revents != 0)
			return true;
	}
}

static void line_open(struct runner *r, struct line *l)
{
	struct tesla_error err = { 0 };
	int64_t mono, wall;
	int fd;

	fd = l->pub.kind == TESLA_LINE_SERIAL ? port_open_serial(&l->params, &err)
					      : port_connect(&l->params, &err);
	if (fd >= 0) {
		l->pub.fd = fd;
		fd = line_drivers_open(r, l, &err);
	}
	clocks_now(&mono, &wall);
	if (fd < 0)
		line_open_failed(l, mono, err.text);
	else
		line_opened(l, mono);
}

static void transact(struct runner *r, struct line *l, const struct action *act, struct buf *bytes)
{
	const struct tesla_driver *ops = &act->driver->plugin->driver;
	struct tesla_reply reply = { .data = &bytes->pub };
	struct tesla_error err = { 0 };
	int64_t mono, wall, began_us = clock_mono_us();
	int rc;

	buf_clear(bytes);
	runner_serve(r, l, act);
	call_enter(r->slot, act->driver->serial, act->driver->name,
		   act->act == ACT_READ ? "read" : "identify", l->id, act->a->id,
		   call_limit_us(act));
	if (act->act == ACT_READ)
		rc = ops->read(act->driver->self, act->address, &act->what, act->timeout_ms, &reply,
			       &err);
	else
		rc = ops->identify(act->driver->self, act->address, act->timeout_ms, &reply, &err);
	call_leave(r->slot, act->driver->serial);
	if (rc != 0 || reply.status == TESLA_REPLY_NONE) /* the driver itself failed */
		reply.status = TESLA_REPLY_GARBLED;
	clocks_now(&mono, &wall);
	reply_times(&reply, began_us, mono);
	trace_end(&r->trace, l, act, &reply, &err);
	line_done(l, &reply, &err, mono, wall);
}

/* Between two transactions.  The one that ends the line is kept. */
static void commands_do(struct runner *r, struct command **unline)
{
	struct command *c;

	while ((c = queue_pop(&r->commands)) != NULL) {
		switch (c->kind) {
		case COMMAND_ASK:
			line_ask(r->line, c->ask, clock_mono_us());
			c->ask = NULL;
			break;
		case COMMAND_LINE:
			if (!line_same(r->line, c->line))
				line_drivers_close(r, r->line);
			r->line = line_become(r, r->line, c->line);
			c->line = NULL;
			break;
		case COMMAND_UNLINE:
			line_end(r->line);
			*unline = c;
			continue;
		case COMMAND_TRACE:
			r->line->traced = c->traced;
			break;
		}
		command_free(c);
	}
}

static void act_do(struct runner *r, const struct action *act, struct buf *bytes)
{
	struct line *l = r->line;
	int64_t mono, wall;

	switch (act->act) {
	case ACT_WAIT:
	case ACT_DRAIN:
		gather_flush(&r->gather);
		if (!wait_until(r, act->until_us, act->act == ACT_DRAIN)) {
			clocks_now(&mono, &wall);
			trace_event(l, "broken", "the far end hung up");
			line_hung_up(l, "the far end hung up", mono, wall);
		}
		break;
	case ACT_OPEN:
		line_open(r, l);
		break;
	case ACT_IDENTIFY:
	case ACT_READ:
		transact(r, l, act, bytes);
		if (l->job.kind == JOB_NONE) /* a line without a pause waits never */
			gather_flush(&r->gather);
		break;
	case ACT_END:
		break;
	}
}

struct command *run_thread(struct runner *r)
{
	struct command *unline = NULL;
	struct action act;
	struct buf bytes;

	buf_init(&bytes, REPLY_MAX);
	line_begin(r, r->line);
	do {
		int64_t mono, wall;

		commands_do(r, &unline);
		if (r->line->state != LINE_OPEN)
			line_drivers_close(r, r->line);
		clocks_now(&mono, &wall);
		act = line_next(r->line, mono, wall);
		act_do(r, &act, &bytes);
	} while (act.act != ACT_END);
	line_drivers_close(r, r->line);
	buf_release(&bytes);
	return unline;
}
