/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtesla, the control socket: one request, one answer.  A socket whose answer did not come in
 * time is thrown away, so that a late answer is never taken for that of the next request.
 */
#include <tesla/client.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mp.h"
#include "base/paths.h"
#include "client/socket.h"

#define REQUEST_MAX (1u << 20)
#define ANSWER_MAX (64 << 20) /* a snapshot of thousands of analyzers is some MiB */

struct tesla_client {
	char *endpoint;
	void *ctx, *socket; /* socket: NULL until a request needs one */
};

static void message_close(zmq_msg_t *m)
{
	(void)zmq_msg_close(m);
}

/*
 * ZeroMQ retries a connection for ever and says nothing.  A local socket can tell at once that
 * nobody is there, or that we may not talk to it; other transports find out by the time-out.
 */
static int probe_ipc(const char *endpoint, struct tesla_error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	size_t len;

	if (strncmp(endpoint, "ipc:///", 7) != 0)
		return 0;
	endpoint += 6;
	len = strlen(endpoint);
	if (len >= sizeof to.sun_path)
		return tesla_fail(err, -ENAMETOOLONG, "%s: a socket's path has at most %zu bytes",
				  endpoint, sizeof to.sun_path - 1);
	memcpy(to.sun_path, endpoint, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 || errno == EAGAIN)
		return 0;
	if (errno == EACCES)
		return tesla_fail(err, -EACCES,
				  "%s: permission denied; control needs the group of that file",
				  endpoint);
	return tesla_fail(err, -errno, "no teslad at %s: %s", endpoint, strerror(errno));
}

int tesla_connect(const char *endpoint, struct tesla_client **ret, struct tesla_error *err)
{
	struct tesla_client *c = calloc(1, sizeof *c);

	if (c != NULL) {
		c->endpoint = endpoint ? strdup(endpoint) : path_control_endpoint();
		c->ctx = zmq_ctx_new();
	}
	if (c == NULL || c->endpoint == NULL || c->ctx == NULL) {
		tesla_disconnect(c);
		return tesla_fail(err, -ENOMEM, "no memory for a connection");
	}
	if (probe_ipc(c->endpoint, err) != 0) {
		tesla_disconnect(c);
		return err->code;
	}
	*ret = c;
	return 0;
}

static void socket_drop(struct tesla_client *c)
{
	if (c->socket != NULL)
		(void)zmq_close(c->socket);
	c->socket = NULL;
}

void tesla_disconnect(struct tesla_client *c)
{
	if (c == NULL)
		return;
	socket_drop(c);
	if (c->ctx != NULL)
		(void)zmq_ctx_term(c->ctx);
	free(c->endpoint);
	free(c);
}

/* ---- the request: a map with `cmd` and what is in the caller's map ---- */

/* How many keys a scanned map has, and how long its head is; -EINVAL: no map. */
static int map_head(const uint8_t *p, uint32_t *keys, size_t *head)
{
	if ((p[0] & 0xf0) == 0x80) {
		*keys = p[0] & 0x0f;
		*head = 1;
	} else if (p[0] == 0xde) {
		*keys = (uint32_t)p[1] << 8 | p[2];
		*head = 3;
	} else if (p[0] == 0xdf) {
		*keys = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
		*head = 5;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int request_pack(struct buf *out, const char *command, const void *args, size_t args_len,
			struct tesla_error *err)
{
	msgpack_packer pk;
	uint32_t keys = 0;
	size_t head = 0;

	if (args != NULL && mp_scan(args, args_len, err) != 0)
		return err->code;
	if (args != NULL && map_head(args, &keys, &head) != 0)
		return tesla_fail(err, -EINVAL, "%s: the arguments are no MessagePack map",
				  command);
	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, (size_t)keys + 1);
	mp_key_str(&pk, "cmd", command);
	if (args != NULL)
		(void)buf_append(out, (const uint8_t *)args + head, args_len - head);
	return out->failed ? tesla_fail(err, -EMSGSIZE, "%s: the request is too long", command) : 0;
}

static int request_send(struct tesla_client *c, const struct buf *request, struct tesla_error *err)
{
	if (zmq_send(c->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
	    zmq_send(c->socket, request->pub.bytes, request->pub.len, ZMQ_DONTWAIT) >= 0)
		return 0;
	return tesla_fail(err, -errno, "%s: %s", c->endpoint, zmq_strerror(errno));
}

/* The next frame; *more: another one belongs to it. */
static int frame_recv(void *socket, zmq_msg_t *m, bool *more)
{
	if (zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0)
		return -errno;
	*more = zmq_msg_more(m) != 0;
	return 0;
}

static int answer_recv(struct tesla_client *c, zmq_msg_t *m, int64_t until_us,
		       struct tesla_error *err)
{
	bool more = false;
	int r = socket_wait(c->socket, until_us);

	if (r == -EAGAIN)
		return tesla_fail(err, -ETIMEDOUT, "no answer from teslad at %s in time",
				  c->endpoint);
	if (r == 0)
		r = frame_recv(c->socket, m, &more);
	if (r != 0)
		return tesla_fail(err, r, "%s: %s", c->endpoint, zmq_strerror(-r));
	if (zmq_msg_size(m) != 0 || !more || frame_recv(c->socket, m, &more) != 0 || more)
		return tesla_fail(err, -EPROTO,
				  "%s: that is no teslad: expected an empty frame and one more",
				  c->endpoint);
	return 0;
}

static int exchange(struct tesla_client *c, const struct buf *request, int timeout_ms,
		    zmq_msg_t *answer, struct tesla_error *err)
{
	int64_t until_us = timeout_ms < 0 ? -1 : clock_mono_us() + (int64_t)timeout_ms * 1000;
	int r;

	if (c->socket == NULL)
		c->socket = socket_connect(c->ctx, ZMQ_DEALER, c->endpoint, ANSWER_MAX, err);
	if (c->socket == NULL)
		return err->code;
	r = request_send(c, request, err);
	if (r == 0)
		r = answer_recv(c, answer, until_us, err);
	if (r != 0)
		socket_drop(c);
	return r;
}

/* Is it a good answer?  The daemon's own words when it is not. */
static int answer_check(const char *command, zmq_msg_t *m, struct tesla_error *err)
{
	struct mp_doc doc;
	_cleanup_free_ char *text = NULL;
	int r = mp_unpack(&doc, zmq_msg_data(m), zmq_msg_size(m), err);

	if (r != 0)
		return r;
	if (mp_get(&doc.u.data, "ok") == NULL) {
		r = tesla_fail(err, -EPROTO, "%s: the answer has no `ok`: that is no teslad",
			       command);
	} else if (!mp_bool(&doc.u.data, "ok", false)) {
		text = mp_strdup(&doc.u.data, "error");
		r = tesla_fail(err, -EREMOTEIO, "%s", text ? text : "refused without a reason");
	}
	mp_doc_release(&doc);
	return r;
}

int tesla_request(struct tesla_client *c, const char *command, const void *args, size_t args_len,
		  int timeout_ms, uint8_t **reply, size_t *reply_len, struct tesla_error *err)
{
	_cleanup_(message_close) zmq_msg_t answer;
	_cleanup_(buf_release) struct buf request;
	uint8_t *copy;
	int r;

	(void)zmq_msg_init(&answer);
	buf_init(&request, REQUEST_MAX);
	r = request_pack(&request, command, args, args_len, err);
	if (r == 0)
		r = exchange(c, &request, timeout_ms, &answer, err);
	if (r == 0)
		r = answer_check(command, &answer, err);
	if (r != 0)
		return r;
	copy = malloc(zmq_msg_size(&answer));
	if (copy == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory for the answer", command);
	memcpy(copy, zmq_msg_data(&answer), zmq_msg_size(&answer));
	*reply = copy;
	*reply_len = zmq_msg_size(&answer);
	return 0;
}
