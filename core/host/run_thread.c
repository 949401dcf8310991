/* SPDX-License-Identifier: Apache-2.0 */
/* One line in one thread, with drivers that wait. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "host/call.h"
#include "host/port.h"
#include "host/run.h"

#define REPLY_MAX 65536

/* Waits for the time, or until the far end hangs up: false. */
static bool wait_until(const struct line *l, int64_t until_us, bool discard)
{
	struct pollfd p = { .fd = l->pub.fd,
			    .events = (short)(POLLRDHUP | (discard ? POLLIN : 0)) };

	for (;;) {
		int64_t mono, wall;

		clocks_now(&mono, &wall);
		int64_t left = until_us - mono;
		struct timespec t = { left / 1000000, left % 1000000 * 1000 };

		if (left <= 0)
			return true;
		int n = ppoll(&p, 1, &t, NULL);

		if (n > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0)
			return false;
		if (n > 0 && port_discard(l->pub.fd) < 0)
			return false;
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
	int64_t mono, wall, began_us = clock_mono_us(), timeout_ms = l->params.timeout_ms;
	int rc;

	buf_clear(bytes);
	call_enter(r->slot, act->driver->serial, act->driver->name,
		   act->act == ACT_READ ? "read" : "identify", l->id, act->a->id, call_limit_us(l));
	if (act->act == ACT_READ)
		rc = ops->read(act->driver->self, act->a->address, &act->what, timeout_ms, &reply,
			       &err);
	else
		rc = ops->identify(act->driver->self, act->a->address, timeout_ms, &reply, &err);
	call_leave(r->slot, act->driver->serial);
	if (rc != 0 || reply.status == TESLA_REPLY_NONE) /* the driver itself failed */
		reply.status = TESLA_REPLY_GARBLED;
	clocks_now(&mono, &wall);
	reply_times(&reply, began_us, mono);
	line_done(l, &reply, &err, mono, wall);
}

void run_thread(struct runner *r)
{
	struct line *l = r->lines[0];
	struct buf bytes;

	buf_init(&bytes, REPLY_MAX);
	for (;;) {
		int64_t mono, wall;

		if (l->state != LINE_OPEN)
			line_drivers_close(r, l);
		clocks_now(&mono, &wall);
		struct action act = line_next(l, mono, wall);

		switch (act.act) {
		case ACT_WAIT:
		case ACT_DRAIN:
			gather_flush(&r->gather);
			if (!wait_until(l, act.until_us, act.act == ACT_DRAIN)) {
				clocks_now(&mono, &wall);
				line_hung_up(l, "the far end hung up", mono, wall);
			}
			break;
		case ACT_OPEN:
			line_open(r, l);
			break;
		case ACT_IDENTIFY:
		case ACT_READ:
			transact(r, l, &act, &bytes);
			if (l->job.kind == JOB_NONE) /* a line without a pause waits never */
				gather_flush(&r->gather);
			break;
		}
	}
}
