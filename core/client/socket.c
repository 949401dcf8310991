/* SPDX-License-Identifier: Apache-2.0 */
/* What control and stream share. */
#include "client/socket.h"

#include <errno.h>
#include <limits.h>
#include <zmq.h>

#include "base/clock.h"

#define BACKLOG 100000 /* messages: all readings of a large node come in one burst */

static bool set(void *s, int option, int value)
{
	return zmq_setsockopt(s, option, &value, sizeof value) == 0;
}

void *socket_connect(void *ctx, int type, const char *endpoint, int64_t max,
		     struct tesla_error *err)
{
	void *s = zmq_socket(ctx, type);

	if (s == NULL) {
		(void)tesla_fail(err, -errno, "no ZeroMQ socket: %s", zmq_strerror(errno));
		return NULL;
	}
	/*
	 * Closing never waits for a peer that may be gone.  No ZMQ_IMMEDIATE: with it libzmq throws
	 * away an answer that was received when the peer closes right after it (seen with 4.3.4).
	 */
	if (set(s, ZMQ_LINGER, 0) && set(s, ZMQ_RCVHWM, BACKLOG) &&
	    zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0 &&
	    zmq_connect(s, endpoint) == 0)
		return s;
	(void)tesla_fail(err, -errno,
			 "%s: %s; an endpoint is such as ipc:///run/tesla/control "
			 "or tcp://127.0.0.1:5556",
			 endpoint, zmq_strerror(errno));
	(void)zmq_close(s);
	return NULL;
}

static long left_ms(int64_t until_us)
{
	int64_t us = until_us - clock_mono_us();

	if (until_us < 0)
		return -1;
	return us <= 0 ? 0 : us > (int64_t)INT_MAX * 1000 ? INT_MAX : (long)((us + 999) / 1000);
}

int socket_wait(void *socket, int64_t until_us)
{
	zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
	int n = zmq_poll(&item, 1, left_ms(until_us));

	if (n < 0)
		return -errno;
	return n > 0 ? 0 : -EAGAIN;
}
