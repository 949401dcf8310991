/* SPDX-License-Identifier: Apache-2.0 */
/* What control and stream share. */
#include "client/socket.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"

#define BACKLOG 100000	  /* messages: all readings of a large node come in one burst */
#define KEY_LEN 40	  /* Z85 */
#define HEARTBEAT_MS 1000 /* ZMTP's own: a peer that is cut off is noticed and connected anew */
#define HEARTBEAT_TIMEOUT_MS 3000
#define HANDSHAKE_MS 5000

static bool set(void *s, int option, int value)
{
	return zmq_setsockopt(s, option, &value, sizeof value) == 0;
}

static bool key_is_good(const char *key)
{
	uint8_t bytes[KEY_LEN * 4 / 5];

	return key != NULL && strlen(key) == KEY_LEN && zmq_z85_decode(bytes, key) != NULL;
}

static bool is_plain(const struct tesla_peer *p)
{
	return p->server_key == NULL && p->public_key == NULL && p->secret_key == NULL;
}

/* Half of the keys is a mistake that must not end in plain text. */
int peer_check(const struct tesla_peer *p, struct tesla_error *err)
{
	if (is_plain(p) || (key_is_good(p->server_key) && key_is_good(p->public_key) &&
			    key_is_good(p->secret_key)))
		return 0;
	return tesla_fail(err, -EINVAL,
			  "%s: expected three keys in Z85, %d characters each: the server's, our "
			  "public and our secret one",
			  p->endpoint ? p->endpoint : "the stream", KEY_LEN);
}

static int set_keys(void *s, const struct tesla_peer *p, struct tesla_error *err)
{
	int r = peer_check(p, err);

	if (r != 0 || is_plain(p))
		return r;
	if (zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, p->server_key, KEY_LEN) != 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, p->public_key, KEY_LEN) != 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, p->secret_key, KEY_LEN) != 0)
		return tesla_fail(err, -errno, "%s: keys: %s", p->endpoint, zmq_strerror(errno));
	return 0;
}

/*
 * Closing never waits for a peer that may be gone.  No ZMQ_IMMEDIATE: with it libzmq throws away an
 * answer that was received when the peer closes right after it (seen with 4.3.4).
 */
static bool set_options(void *s, const struct tesla_peer *p, int64_t max)
{
	return set(s, ZMQ_LINGER, 0) && set(s, ZMQ_RCVHWM, BACKLOG) &&
	       set(s, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
	       set(s, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) &&
	       set(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
	       set(s, ZMQ_IPV6, strchr(p->endpoint, '[') != NULL) &&
	       zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0;
}

void *socket_connect(void *ctx, int type, const struct tesla_peer *peer, int64_t max,
		     struct tesla_error *err)
{
	void *s = zmq_socket(ctx, type);

	if (s == NULL) {
		(void)tesla_fail(err, -errno, "no ZeroMQ socket: %s", zmq_strerror(errno));
		return NULL;
	}
	if (set_keys(s, peer, err) != 0) {
		(void)zmq_close(s);
		return NULL;
	}
	if (set_options(s, peer, max) && zmq_connect(s, peer->endpoint) == 0)
		return s;
	(void)tesla_fail(err, -errno,
			 "%s: %s; an endpoint is such as ipc:///run/tesla/control "
			 "or tcp://127.0.0.1:5556",
			 peer->endpoint, zmq_strerror(errno));
	(void)zmq_close(s);
	return NULL;
}

int socket_fd(void *socket)
{
	int fd = -1;
	size_t len = sizeof fd;

	return zmq_getsockopt(socket, ZMQ_FD, &fd, &len) == 0 ? fd : -1;
}

bool socket_readable(void *socket)
{
	int events = 0;
	size_t len = sizeof events;

	return socket != NULL && zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len) == 0 &&
	       (events & ZMQ_POLLIN) != 0;
}

void socket_settle(void *socket)
{
	(void)socket_readable(socket);
}

int socket_left_ms(int64_t until_us)
{
	int64_t us = until_us - clock_mono_us();

	if (until_us < 0)
		return -1;
	return us <= 0 ? 0 : us > (int64_t)INT_MAX * 1000 ? INT_MAX : (int)((us + 999) / 1000);
}

int socket_wait(void *socket, int64_t until_us)
{
	zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
	int n = zmq_poll(&item, 1, socket_left_ms(until_us));

	if (n < 0)
		return -errno;
	return n > 0 ? 0 : -EAGAIN;
}

void socket_context_end(void *ctx)
{
	while (ctx != NULL && zmq_ctx_term(ctx) != 0 && errno == EINTR)
		;
}

/* ---- peers ---- */

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

int peer_copy(struct tesla_peer *to, const struct tesla_peer *from)
{
	*to = (struct tesla_peer){ .endpoint = copy(from->endpoint),
				   .server_key = copy(from->server_key),
				   .public_key = copy(from->public_key),
				   .secret_key = copy(from->secret_key) };
	if ((from->endpoint != NULL) == (to->endpoint != NULL) &&
	    (from->server_key != NULL) == (to->server_key != NULL) &&
	    (from->public_key != NULL) == (to->public_key != NULL) &&
	    (from->secret_key != NULL) == (to->secret_key != NULL))
		return 0;
	peer_release(to);
	return -ENOMEM;
}

static void text_free(const char *text)
{
	free((void *)(uintptr_t)text);
}

void peer_release(struct tesla_peer *p)
{
	if (p->secret_key != NULL)
		explicit_bzero((void *)(uintptr_t)p->secret_key, strlen(p->secret_key));
	text_free(p->endpoint);
	text_free(p->server_key);
	text_free(p->public_key);
	text_free(p->secret_key);
	*p = (struct tesla_peer){ 0 };
}

void peer_take(const char **to, char **from)
{
	text_free(*to);
	*to = *from;
	*from = NULL;
}
