/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket in the loop. */
#include "daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define REQUEST_MAX (1 << 20)
#define REQUESTS_AT_A_TIME 64 /* then the loop goes round: nobody can keep it here */
#define FRAMES_MAX 3	      /* identity, delimiter, request */
#define N_HANDLES 3
#define GRACE_MS 200 /* a peer may lose an answer that it has not read when we close */

struct control {
	void *ctx, *socket;
	uv_poll_t poll;
	uv_async_t again;
	uv_timer_t grace;
	int64_t answered_us;
	unsigned open_handles;
	bool stopping;
	control_request *request;
	void *arg;
	struct buf reply;
};

/* ---- the place of the socket ---- */

static int folder_make(const char *path, struct tesla_error *err)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	struct stat st;

	if (slash == NULL || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0750) != 0 && errno != EEXIST)
		return tesla_fail(err, -errno, "run_dir %s cannot be made: %s", dir,
				  strerror(errno));
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return tesla_fail(err, -ENOTDIR, "run_dir %s is no folder", dir);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return tesla_fail(
			err, -EPERM,
			"run_dir %s belongs to user %u, expected %u: its owner could take the "
			"control socket's place",
			dir, (unsigned)st.st_uid, (unsigned)geteuid());
	return 0;
}

/* ZeroMQ would unlink a socket that another daemon listens on. */
static int socket_is_free(const char *path, struct tesla_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (strlen(path) >= sizeof addr.sun_path)
		return tesla_fail(err, -ENAMETOOLONG,
				  "control socket %s: the path is longer than %zu bytes", path,
				  sizeof addr.sun_path - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return tesla_fail(
			err, -EEXIST,
			"control socket %s: there is a file of that name that is no socket", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 ||
	    errno == EAGAIN)
		return tesla_fail(err, -EADDRINUSE, "another teslad is running: it listens on %s",
				  path);
	return 0;
}

static int socket_bind(struct control *c, const char *endpoint, struct tesla_error *err)
{
	static const struct {
		int option, value;
	} options[] = {
		{ ZMQ_RCVHWM, 100 },
		{ ZMQ_SNDHWM, 128 },
		{ ZMQ_LINGER, 200 },
	};
	const int64_t max = REQUEST_MAX;
	mode_t old;
	int r;

	(void)zmq_setsockopt(c->socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
	for (size_t i = 0; i < N_ELEMENTS(options); i++)
		(void)zmq_setsockopt(c->socket, options[i].option, &options[i].value,
				     sizeof options[i].value);
	old = umask(0117);
	r = zmq_bind(c->socket, endpoint);
	(void)umask(old);
	return r == 0 ? 0
		      : tesla_fail(err, -zmq_errno(), "control socket %s: %s", endpoint,
				   zmq_strerror(zmq_errno()));
}

/* ---- one request ---- */

void control_error(struct buf *reply, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	msgpack_packer pk;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	buf_clear(reply);
	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_bool(&pk, "ok", false);
	mp_key_str(&pk, "error", text ? text : "no memory");
}

/* A signal (a host that ends) interrupts libzmq: that loses no answer. */
static bool frame_send(struct control *c, const void *bytes, size_t len, int flags)
{
	int n;

	do
		n = zmq_send(c->socket, bytes, len, flags | ZMQ_DONTWAIT);
	while (n < 0 && zmq_errno() == EINTR);
	return n >= 0;
}

static bool frame_receive(struct control *c, zmq_msg_t *m)
{
	int n;

	do
		n = zmq_msg_recv(m, c->socket, ZMQ_DONTWAIT);
	while (n < 0 && zmq_errno() == EINTR);
	return n >= 0;
}

void control_reply(struct control *c, const struct control_peer *peer, const struct buf *reply)
{
	/*
	 * A peer that went away, or reads nothing, loses its answer: the loop never waits for it.
	 */
	if (frame_send(c, peer->id, peer->len, ZMQ_SNDMORE)) {
		if (peer->delimiter)
			(void)frame_send(c, "", 0, ZMQ_SNDMORE);
		(void)frame_send(c, reply->pub.bytes, reply->pub.len, 0);
	}
	c->answered_us = clock_mono_us();
	if (!c->stopping) /* sending may have eaten the edge of something that came */
		(void)uv_async_send(&c->again);
}

static void serve(struct control *c, const struct control_peer *peer, zmq_msg_t *body)
{
	struct tesla_error err = { .code = 0 };
	struct mp_doc doc;
	bool now = true;

	buf_clear(&c->reply);
	if (mp_unpack(&doc, zmq_msg_data(body), zmq_msg_size(body), &err) != 0) {
		control_error(&c->reply, "%s", err.text);
	} else {
		now = c->request(c->arg, &doc.u.data, peer, &c->reply);
		mp_doc_release(&doc);
		if (now && c->reply.failed)
			control_error(&c->reply, "the answer is longer than %u bytes",
				      CONTROL_REPLY_MAX);
	}
	if (now)
		control_reply(c, peer, &c->reply);
}

/*
 * All frames of one message; those beyond FRAMES_MAX are thrown away.  Returns how many came; 0:
 * nothing.
 */
static int receive(struct control *c, zmq_msg_t frames[FRAMES_MAX])
{
	int n = 0;

	for (;;) {
		zmq_msg_t m;

		(void)zmq_msg_init(&m);
		if (!frame_receive(c, &m)) {
			(void)zmq_msg_close(&m);
			return 0;
		}
		bool more = zmq_msg_more(&m) != 0;

		if (n < FRAMES_MAX)
			(void)zmq_msg_move(&frames[n], &m);
		n++;
		(void)zmq_msg_close(&m);
		if (!more)
			return n;
	}
}

/* False: there is nothing more. */
static bool serve_one(struct control *c)
{
	struct control_peer peer = { .len = 0 };
	zmq_msg_t frames[FRAMES_MAX];
	int n;

	for (int i = 0; i < FRAMES_MAX; i++)
		(void)zmq_msg_init(&frames[i]);
	n = receive(c, frames);
	if (n > 1 && n <= FRAMES_MAX && zmq_msg_size(&frames[0]) <= sizeof peer.id &&
	    (n == 2 || zmq_msg_size(&frames[1]) == 0)) {
		peer.len = (uint8_t)zmq_msg_size(&frames[0]);
		memcpy(peer.id, zmq_msg_data(&frames[0]), peer.len);
		peer.delimiter = n == FRAMES_MAX;
		serve(c, &peer, &frames[n - 1]);
	}
	for (int i = 0; i < FRAMES_MAX; i++)
		(void)zmq_msg_close(&frames[i]);
	return n > 0;
}

/* The descriptor tells of edges: all that is there is taken, or this is called again. */
static void drain(struct control *c)
{
	for (int i = 0; !c->stopping && i < REQUESTS_AT_A_TIME; i++)
		if (!serve_one(c))
			return;
	if (!c->stopping)
		(void)uv_async_send(&c->again);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	drain(poll->data);
}

static void on_again(uv_async_t *async)
{
	drain(async->data);
}

/* ---- start and stop ---- */

static void control_free(struct control *c)
{
	if (c->socket != NULL)
		(void)zmq_close(c->socket);
	if (c->ctx != NULL)
		(void)zmq_ctx_term(c->ctx);
	buf_release(&c->reply);
	free(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct control *c = handle->data;

	if (--c->open_handles == 0)
		control_free(c);
}

static int control_open(struct control *c, const char *endpoint, struct tesla_error *err)
{
	const char *path = endpoint + strlen("ipc://");
	int r = folder_make(path, err);

	if (r == 0)
		r = socket_is_free(path, err);
	if (r != 0)
		return r;
	c->ctx = zmq_ctx_new();
	c->socket = c->ctx ? zmq_socket(c->ctx, ZMQ_ROUTER) : NULL;
	if (c->socket == NULL)
		return tesla_fail(err, -errno, "control socket: %s", zmq_strerror(zmq_errno()));
	return socket_bind(c, endpoint, err);
}

struct control *control_start(uv_loop_t *loop, const char *endpoint, control_request *request,
			      void *arg, struct tesla_error *err)
{
	struct control *c = calloc(1, sizeof *c);
	size_t len = sizeof(int);
	int fd = -1;

	if (c == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory for the control socket");
		return NULL;
	}
	c->request = request;
	c->answered_us = -GRACE_MS * 1000LL;
	c->arg = arg;
	buf_init(&c->reply, CONTROL_REPLY_MAX);
	if (control_open(c, endpoint, err) != 0) {
		control_free(c);
		return NULL;
	}
	(void)zmq_getsockopt(c->socket, ZMQ_FD, &fd, &len);
	(void)uv_poll_init(loop, &c->poll, fd);
	(void)uv_async_init(loop, &c->again, on_again);
	(void)uv_timer_init(loop, &c->grace);
	c->poll.data = c->again.data = c->grace.data = c;
	c->open_handles = N_HANDLES;
	(void)uv_poll_start(&c->poll, UV_READABLE, on_poll);
	(void)uv_async_send(&c->again);
	return c;
}

static void on_grace(uv_timer_t *timer)
{
	struct control *c = timer->data;

	if (clock_mono_us() - c->answered_us < GRACE_MS * 1000LL)
		return;
	uv_close((uv_handle_t *)&c->poll, on_closed);
	uv_close((uv_handle_t *)&c->again, on_closed);
	uv_close((uv_handle_t *)&c->grace, on_closed);
}

/* The answer to the request that stops us is given after this. */
void control_stop(struct control *c)
{
	if (c == NULL || c->stopping)
		return;
	c->stopping = true;
	(void)uv_poll_stop(&c->poll);
	(void)uv_timer_start(&c->grace, on_grace, 0, 10);
}
