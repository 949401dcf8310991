/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtesla, following: the sockets and the clock round follow_state.c.  One descriptor for all: an
 * epoll with both sockets and a timer.
 */
#include <tesla/client.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/paths.h"
#include "client/ask.h"
#include "client/follow_state.h"
#include "client/snapshot.h"
#include "client/stream.h"

/*
 * ZeroMQ does not try again where it was refused, and the stream may have moved: while nothing
 * comes, so often another socket is tried, where the daemon says.
 */
#define RENEW_US 5000000

static const char status[] = "status", snapshot[] = "snapshot";

#define TOGETHER 400 /* followers of one context, which bears 1,023 sockets */

struct context {
	void *zmq;
	unsigned n; /* followers that have it */
};

struct tesla_follow {
	struct context *ctx;
	int epoll, timer;
	struct ask ask;
	struct tesla_peer peer; /* of the stream */
	struct tesla_stream stream;
	bool streaming;
	bool asks, asks_key; /* its endpoint, its key are the daemon's word, which may change */
	int64_t renew_at_us; /* while it is DOWN */
	struct follow_state state;
};

/* ---- making and ending ---- */

static int watch_fd(struct tesla_follow *f, int fd, struct tesla_error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (fd >= 0 && epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return tesla_fail(err, -errno, "epoll: %s", zmq_strerror(errno));
}

/* The heartbeat is subscribed to last: where it comes, all else is in force. */
static int stream_begin(struct tesla_follow *f, struct tesla_error *err)
{
	struct tesla_peer peer = f->peer;
	int r;

	if (f->asks_key && peer.server_key == NULL)
		peer.public_key = peer.secret_key = NULL;
	r = stream_init(&f->stream, f->ctx->zmq, &peer, err);
	if (r != 0)
		return r;
	f->streaming = true;
	for (char **p = f->state.prefixes; r == 0 && p != NULL && *p != NULL; p++)
		r = stream_add(&f->stream, *p, err);
	if (r == 0)
		r = stream_add(&f->stream, f->state.prefixes ? "node/" : "", err);
	return r == 0 ? watch_fd(f, socket_fd(f->stream.socket), err) : r;
}

static void stream_end(struct tesla_follow *f)
{
	if (!f->streaming)
		return;
	if (f->stream.socket != NULL)
		(void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, socket_fd(f->stream.socket), NULL);
	stream_release(&f->stream);
	f->streaming = false;
}

static int prefixes_copy(const char *const *from, char ***ret)
{
	size_t n = 0;
	char **to;

	while (from != NULL && from[n] != NULL)
		n++;
	*ret = NULL;
	if (n == 0)
		return 0;
	to = calloc(n + 1, sizeof *to);
	for (size_t i = 0; to != NULL && i < n; i++) {
		to[i] = strdup(from[i]);
		if (to[i] == NULL) {
			while (i-- > 0)
				free(to[i]);
			free(to);
			to = NULL;
		}
	}
	*ret = to;
	return to ? 0 : -ENOMEM;
}

/* Where the stream is, as it can be reached from here. */
static int stream_at(struct tesla_follow *f, const char *endpoint)
{
	char *to = stream_reachable(endpoint, f->ask.peer.endpoint);

	if (to == NULL)
		return -ENOMEM;
	peer_take(&f->peer.endpoint, &to);
	return 0;
}

/* A pair of our own will do where the daemon says the other key. */
static int keys_check(const struct tesla_follow *f, struct tesla_error *err)
{
	struct tesla_peer peer = f->peer;

	if (f->asks_key)
		peer.server_key = peer.public_key;
	return peer_check(&peer, err);
}

static int peers_copy(struct tesla_follow *f, const struct tesla_follow_conf *conf)
{
	_cleanup_free_ char *endpoint = conf->control.endpoint ? NULL : path_control_endpoint();
	struct tesla_peer control = conf->control;

	if (control.endpoint == NULL)
		control.endpoint = endpoint;
	if (control.endpoint == NULL || peer_copy(&f->ask.peer, &control) != 0 ||
	    peer_copy(&f->peer, &conf->stream) != 0)
		return -ENOMEM;
	return f->peer.endpoint ? stream_at(f, f->peer.endpoint) : 0;
}

/* NULL: no memory. */
static struct context *context_take(const struct tesla_follow *beside)
{
	struct context *c = beside != NULL ? beside->ctx : NULL;

	if (c != NULL && c->n < TOGETHER) {
		c->n++;
		return c;
	}
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->zmq = zmq_ctx_new();
	c->n = 1;
	if (c->zmq != NULL)
		return c;
	free(c);
	return NULL;
}

static void context_give(struct context *c)
{
	if (c == NULL || --c->n > 0)
		return;
	socket_context_end(c->zmq);
	free(c);
}

static int open_all(struct tesla_follow *f, const struct tesla_follow_conf *conf,
		    struct tesla_error *err)
{
	char **prefixes;

	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (f->epoll < 0 || f->timer < 0)
		return tesla_fail(err, -errno, "no descriptor: %s", zmq_strerror(errno));
	f->ctx = context_take(conf->beside);
	if (f->ctx == NULL || prefixes_copy(conf->prefixes, &prefixes) != 0)
		return tesla_fail(err, -ENOMEM, "no memory to follow");
	follow_state_init(&f->state, prefixes, clock_mono_us());
	if (peers_copy(f, conf) != 0)
		return tesla_fail(err, -ENOMEM, "no memory to follow");
	ask_init(&f->ask, f->ctx->zmq, f->epoll);
	f->asks = f->peer.endpoint == NULL;
	f->asks_key = f->asks && f->peer.server_key == NULL;
	if (keys_check(f, err) != 0)
		return err->code;
	if (watch_fd(f, f->timer, err) != 0 || ask_open(&f->ask, err) != 0)
		return err->code;
	if (!f->asks)
		return stream_begin(f, err);
	ask_want(&f->ask, status);
	return 0;
}

int tesla_follow(const struct tesla_follow_conf *conf, struct tesla_follow **ret,
		 struct tesla_error *err)
{
	struct tesla_follow_conf own = { 0 };
	struct tesla_follow *f = calloc(1, sizeof *f);
	int r;

	if (conf->size < offsetof(struct tesla_follow_conf, prefixes)) {
		free(f);
		return tesla_fail(err, -EINVAL,
				  "tesla_follow: conf.size is %u: expected its sizeof", conf->size);
	}
	if (f == NULL)
		return tesla_fail(err, -ENOMEM, "no memory to follow");
	f->epoll = f->timer = -1;
	memcpy(&own, conf, conf->size < sizeof own ? conf->size : sizeof own);
	r = open_all(f, &own, err);
	if (r != 0)
		tesla_unfollow(f);
	else
		*ret = f;
	return r;
}

void tesla_unfollow(struct tesla_follow *f)
{
	if (f == NULL)
		return;
	follow_state_release(&f->state);
	ask_release(&f->ask);
	stream_end(f);
	context_give(f->ctx);
	peer_release(&f->peer);
	if (f->timer >= 0)
		(void)close(f->timer);
	if (f->epoll >= 0)
		(void)close(f->epoll);
	free(f);
}

/* ---- what the control socket answers ---- */

/*
 * Another socket, as long as nothing comes: not while a message is held, nor when something came
 * after all.
 */
static int stream_renew(struct tesla_follow *f, const char *endpoint, struct tesla_error *err)
{
	if (f->streaming && (f->state.phase == FOLLOW_ASKING || !f->state.told_down ||
			     socket_readable(f->stream.socket)))
		return 0;
	if (endpoint != NULL && stream_at(f, endpoint) != 0)
		return tesla_fail(err, -ENOMEM, "no memory to follow");
	stream_end(f);
	return stream_begin(f, err);
}

/*
 * Where is the stream, and which key has it?  The daemon knows; asked at first, and when nothing
 * comes any more.
 */
static int status_answered(struct tesla_follow *f, zmq_msg_t *m, struct tesla_error *err)
{
	struct mp_doc doc;
	_cleanup_free_ char *endpoint = NULL, *key = NULL;
	int r = mp_unpack(&doc, zmq_msg_data(m), zmq_msg_size(m), err);

	if (r != 0)
		return r;
	endpoint = mp_strdup(&doc.u.data, "stream");
	key = mp_strdup(&doc.u.data, "stream_key");
	mp_doc_release(&doc);
	if (endpoint == NULL)
		return tesla_fail(err, -ENOENT, "teslad publishes no stream");
	if (key != NULL && f->peer.secret_key == NULL)
		return tesla_fail(err, -EACCES,
				  "the stream %s is encrypted: expected a pair of keys", endpoint);
	if (f->asks_key)
		peer_take(&f->peer.server_key, &key);
	return stream_renew(f, endpoint, err);
}

static int snapshot_answered(struct tesla_follow *f, zmq_msg_t *m, struct tesla_error *err)
{
	struct tesla_snapshot *s;
	int r = snapshot_new(m, &s, err);

	return r == 0 ? follow_state_snapshot(&f->state, s, clock_mono_us(), err) : r;
}

/* What fails is told as DOWN where nothing goes on without it, and asked again in any case. */
static int control_step(struct tesla_follow *f, struct tesla_error *err)
{
	bool needed = !f->streaming || f->state.phase == FOLLOW_ASKING;
	const char *command = NULL;
	zmq_msg_t m;
	int r;

	(void)zmq_msg_init(&m);
	r = ask_step(&f->ask, &m, &command, err);
	if (r == 0) {
		r = command == status ? status_answered(f, &m, err) : snapshot_answered(f, &m, err);
		if (r != 0)
			ask_want(&f->ask, command);
	}
	(void)zmq_msg_close(&m);
	if (r == 0 || r == -EAGAIN)
		return r;
	if (needed)
		follow_state_down(&f->state, err->text);
	return 0;
}

/* ---- going on ---- */

static void snapshot_want(struct tesla_follow *f)
{
	if (f->state.restarted)
		ask_forget(&f->ask);
	if (f->state.wants_snapshot)
		ask_want(&f->ask, snapshot);
	f->state.restarted = f->state.wants_snapshot = false;
}

static int stream_step(struct tesla_follow *f, struct tesla_error *err)
{
	struct tesla_stream *s = &f->stream;
	int r;

	if (!f->streaming || f->state.phase == FOLLOW_ASKING) {
		socket_settle(s->socket);
		return -EAGAIN;
	}
	r = stream_recv(s, err);
	if (r == -EAGAIN)
		follow_state_drained(&f->state);
	if (r != 0)
		return r;
	return follow_state_message(&f->state, s->topic, zmq_msg_data(&s->payload),
				    zmq_msg_size(&s->payload), clock_mono_us(), err);
}

static int silence_step(struct tesla_follow *f)
{
	int64_t due_us = follow_state_due_us(&f->state);
	char reason[sizeof f->state.reason];

	if (!f->streaming || due_us < 0 || clock_mono_us() < due_us)
		return -EAGAIN;
	(void)snprintf(reason, sizeof reason, "nothing has come from %s for %d s", f->peer.endpoint,
		       FOLLOW_SILENT_US / 1000000);
	follow_state_down(&f->state, reason);
	f->renew_at_us = clock_mono_us();
	return 0;
}

/* When another socket is tried; -1: it is not down, or was not there yet. */
static int64_t renew_due_us(const struct tesla_follow *f)
{
	bool has_place = f->streaming || !f->asks;

	return has_place && f->state.told_down && f->state.phase != FOLLOW_ASKING ? f->renew_at_us
										  : -1;
}

static int renew_step(struct tesla_follow *f, struct tesla_error *err)
{
	int64_t due_us = renew_due_us(f), now_us = clock_mono_us();

	if (due_us < 0 || now_us < due_us)
		return -EAGAIN;
	f->renew_at_us = now_us + RENEW_US;
	if (!f->asks)
		return stream_renew(f, NULL, err);
	ask_want(&f->ask, status);
	return 0;
}

/*
 * One thing.  -EAGAIN: nothing can be done before a descriptor says so; both sockets were read
 * after the last thing that was sent, which their descriptors need.
 */
static int step(struct tesla_follow *f, struct tesla_error *err)
{
	int r = follow_state_step(&f->state, err);

	snapshot_want(f);
	if (r == -EAGAIN)
		r = control_step(f, err);
	if (r == -EAGAIN)
		r = stream_step(f, err);
	if (r == -EAGAIN)
		r = silence_step(f);
	if (r == -EAGAIN)
		r = renew_step(f, err);
	snapshot_want(f);
	return r;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

/* All zero disarms it; a moment that is past fires at once. */
static void timer_set(struct tesla_follow *f)
{
	int64_t due_us =
		sooner(ask_due_us(&f->ask), f->streaming ? follow_state_due_us(&f->state) : -1);

	due_us = sooner(due_us, renew_due_us(f));
	struct itimerspec at = { 0 };

	if (due_us >= 0) {
		at.it_value.tv_sec = (time_t)(due_us / 1000000);
		at.it_value.tv_nsec = (long)(due_us % 1000000) * 1000 + 1;
	}
	(void)timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int wait_fd(struct tesla_follow *f, int64_t until_us, struct tesla_error *err)
{
	struct pollfd p = { .fd = f->epoll, .events = POLLIN };
	int n;

	timer_set(f);
	n = poll(&p, 1, socket_left_ms(until_us));
	if (n < 0)
		return tesla_fail(err, -errno, "follow: %s", zmq_strerror(errno));
	return n > 0 ? 0 : tesla_fail(err, -EAGAIN, "follow: nothing came");
}

int tesla_follow_next(struct tesla_follow *f, int timeout_ms, const struct tesla_event **ret,
		      struct tesla_error *err)
{
	int64_t until_us = timeout_ms < 0 ? -1 : clock_mono_us() + (int64_t)timeout_ms * 1000;

	for (;;) {
		const struct tesla_event *e = follow_state_event(&f->state);
		int r;

		if (e != NULL) {
			*ret = e;
			return 0;
		}
		r = step(f, err);
		if (r == -EAGAIN)
			r = wait_fd(f, until_us, err);
		if (r != 0)
			return r;
	}
}

int tesla_follow_fd(const struct tesla_follow *f)
{
	return f->epoll;
}
