/* SPDX-License-Identifier: Apache-2.0 */
/* What drivers of one serial line have in common. */
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BITS 11
#define DRAIN_MAX (1 << 20) /* it never stops: wire_quiet_keep gives up on it */

/* ---- times ---- */

int64_t wire_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void sleep_until(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

int64_t wire_frame_us(uint32_t baud, size_t n_bytes)
{
	return baud == 0 ? 0 : ((int64_t)n_bytes * BITS * 1000000 + baud - 1) / baud;
}

int64_t wire_silence_us(uint32_t baud)
{
	if (baud == 0)
		return 0;
	return baud > 19200 ? 1750 : (38500000 + (int64_t)baud - 1) / baud;
}

int64_t wire_quiet_us(const struct tesla_line *line, int64_t own_ms)
{
	int64_t silence_us = wire_silence_us(line->baud);

	return own_ms * 1000 > silence_us ? own_ms * 1000 : silence_us;
}

/* ---- how a transaction ends early ---- */

bool wire_ended(struct tesla_reply *reply, enum tesla_status status, struct tesla_error *err,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	err->code = status == TESLA_REPLY_TIMEOUT  ? -ETIMEDOUT
		    : status == TESLA_REPLY_BROKEN ? -EIO
						   : -EBADMSG;
	reply->status = status;
	return false;
}

bool wire_broken(const struct tesla_line *line, struct tesla_reply *reply, struct tesla_error *err,
		 const char *what, const char *why)
{
	return wire_ended(reply, TESLA_REPLY_BROKEN, err, "%s: %s: %s", line->name, what, why);
}

/* ---- before a request ---- */

/* Throws away what came unasked: how many bytes; -1 with errno, ECONNRESET for end-of-file. */
static ssize_t drain(const struct tesla_line *line, const struct tesla_host *host)
{
	uint8_t junk[512];
	ssize_t n, sum = 0;
	int pending = 0;

	if (line->kind == TESLA_LINE_SERIAL) {
		if (ioctl(line->fd, FIONREAD, &pending) != 0)
			return -1;
		while (sum < pending && (n = read(line->fd, junk, sizeof junk)) > 0) {
			tesla_frame(host, TESLA_FRAME_JUNK, junk, (size_t)n);
			sum += n;
		}
		return sum < pending && tcflush(line->fd, TCIOFLUSH) != 0 ? -1 : pending;
	}
	while ((n = recv(line->fd, junk, sizeof junk, MSG_DONTWAIT)) > 0) {
		tesla_frame(host, TESLA_FRAME_JUNK, junk, (size_t)n);
		if ((sum += n) > DRAIN_MAX)
			break;
	}
	if (n == 0)
		errno = ECONNRESET;
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ? -1 : sum;
}

bool wire_quiet_keep(struct tesla_line *line, const struct wire_quiet *q, struct tesla_reply *reply,
		     struct tesla_error *err)
{
	for (;;) {
		ssize_t n = drain(line, q->host);
		int64_t now = wire_now_us(), start;

		if (n < 0)
			return wire_broken(line, reply, err, "flush", strerror(errno));
		if (n > 0)
			line->last_byte_us = now;
		start = line->last_byte_us + q->quiet_us;
		if (now >= start)
			return true;
		if (start > q->give_up_us)
			return wire_ended(reply, TESLA_REPLY_GARBLED, err,
					  "%s: bytes that nobody asked for keep coming",
					  line->name);
		sleep_until(start);
	}
}

/* ---- the reply ---- */

bool wire_wait(const struct tesla_line *line, int64_t deadline_us)
{
	struct pollfd p = { .fd = line->fd, .events = POLLIN };
	int64_t left;
	int r;

	do {
		left = deadline_us - wire_now_us();
		r = poll(&p, 1, left > 0 ? (int)((left + 999) / 1000) : 0);
	} while (r < 0 && errno == EINTR);
	return r != 0;
}
