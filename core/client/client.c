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
#include "client/request.h"

struct tesla_client {
	struct tesla_peer peer;
	void *ctx, *socket; /* socket: NULL until a request needs one */
	char *refusal;	    /* of the last request; NULL: it was not refused */
};

struct request {
	const char *command;
	const void *args;
	size_t args_len;
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

/* The default endpoint, when there is none. */
static int peer_complete(struct tesla_peer *to, const struct tesla_peer *from)
{
	_cleanup_free_ char *endpoint = from->endpoint ? NULL : path_control_endpoint();
	struct tesla_peer p = *from;

	if (from->endpoint == NULL && endpoint == NULL)
		return -ENOMEM;
	if (p.endpoint == NULL)
		p.endpoint = endpoint;
	return peer_copy(to, &p);
}

int tesla_connect_peer(const struct tesla_peer *peer, struct tesla_client **ret,
		       struct tesla_error *err)
{
	struct tesla_client *c = calloc(1, sizeof *c);

	if (c != NULL && peer_complete(&c->peer, peer) == 0)
		c->ctx = zmq_ctx_new();
	if (c == NULL || c->ctx == NULL) {
		tesla_disconnect(c);
		return tesla_fail(err, -ENOMEM, "no memory for a connection");
	}
	if (probe_ipc(c->peer.endpoint, err) != 0) {
		tesla_disconnect(c);
		return err->code;
	}
	*ret = c;
	return 0;
}

int tesla_connect(const char *endpoint, struct tesla_client **ret, struct tesla_error *err)
{
	const struct tesla_peer peer = { .endpoint = endpoint };

	return tesla_connect_peer(&peer, ret, err);
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
		socket_context_end(c->ctx);
	peer_release(&c->peer);
	free(c->refusal);
	free(c);
}

static int answer_wait(struct tesla_client *c, zmq_msg_t *m, int64_t until_us,
		       struct tesla_error *err)
{
	int r = socket_wait(c->socket, until_us);

	if (r == -EAGAIN)
		return tesla_fail(err, -ETIMEDOUT, "no answer from teslad at %s in time%s",
				  c->peer.endpoint,
				  c->peer.server_key ? "; does it know this key?" : "");
	if (r != 0)
		return tesla_fail(err, r, "%s: %s", c->peer.endpoint, zmq_strerror(-r));
	return answer_recv(c->socket, c->peer.endpoint, m, err);
}

static int exchange(struct tesla_client *c, const struct request *q, int timeout_ms,
		    zmq_msg_t *answer, struct tesla_error *err)
{
	int64_t until_us = timeout_ms < 0 ? -1 : clock_mono_us() + (int64_t)timeout_ms * 1000;
	int r;

	if (c->socket == NULL)
		c->socket = socket_connect(c->ctx, ZMQ_DEALER, &c->peer, REQUEST_ANSWER_MAX, err);
	if (c->socket == NULL)
		return err->code;
	r = request_send(c->socket, c->peer.endpoint, q->command, q->args, q->args_len, err);
	if (r == 0)
		r = answer_wait(c, answer, until_us, err);
	if (r != 0)
		socket_drop(c);
	return r;
}

/* Whole: *err has room for the beginning of it only. */
static void refusal_keep(struct tesla_client *c, zmq_msg_t *answer)
{
	struct tesla_error err;
	struct mp_doc doc;

	if (mp_unpack(&doc, zmq_msg_data(answer), zmq_msg_size(answer), &err) != 0)
		return;
	c->refusal = mp_strdup(&doc.u.data, "error");
	mp_doc_release(&doc);
}

const char *tesla_refusal(const struct tesla_client *c)
{
	return c->refusal;
}

int tesla_request(struct tesla_client *c, const char *command, const void *args, size_t args_len,
		  int timeout_ms, uint8_t **reply, size_t *reply_len, struct tesla_error *err)
{
	const struct request request = { command, args, args_len };
	_cleanup_(message_close) zmq_msg_t answer;
	uint8_t *copy;
	int r;

	(void)zmq_msg_init(&answer);
	free(c->refusal);
	c->refusal = NULL;
	r = exchange(c, &request, timeout_ms, &answer, err);
	if (r == 0)
		r = answer_check(command, &answer, err);
	if (r == -EREMOTEIO)
		refusal_keep(c, &answer);
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
