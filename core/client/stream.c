/* SPDX-License-Identifier: Apache-2.0 */
/* libtesla, the stream: a subscriber that hands on only what has the form of docs/stream.md. */
#include <tesla/client.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mp.h"
#include "base/paths.h"
#include "client/stream.h"

#define MESSAGE_MAX (1 << 20)
#define ASK_TIMEOUT_MS 5000

/* The daemon knows where it publishes. */
static char *endpoint_ask(struct tesla_error *err)
{
	struct tesla_client *c;
	_cleanup_free_ uint8_t *reply = NULL;
	struct mp_doc doc;
	char *stream = NULL;
	size_t len;

	if (tesla_connect(NULL, &c, err) != 0)
		return NULL;
	if (tesla_request(c, "status", NULL, 0, ASK_TIMEOUT_MS, &reply, &len, err) == 0 &&
	    mp_unpack(&doc, reply, len, err) == 0) {
		stream = mp_strdup(&doc.u.data, "stream");
		if (stream == NULL)
			(void)tesla_fail(err, -ENOENT, "teslad publishes no stream");
		mp_doc_release(&doc);
	}
	tesla_disconnect(c);
	return stream;
}

char *stream_reachable(const char *endpoint, const char *control)
{
	static const char any[] = "tcp://*:", tcp[] = "tcp://";
	const char *colon = control ? strrchr(control, ':') : NULL;
	char *to;
	int host;

	if (strncmp(endpoint, any, sizeof any - 1) != 0)
		return strdup(endpoint);
	if (colon == NULL || strncmp(control, tcp, sizeof tcp - 1) != 0 ||
	    strncmp(control, any, sizeof any - 1) == 0)
		control = colon = NULL;
	host = control ? (int)(colon - control) : 0;
	return asprintf(&to, "%.*s:%s", control ? host : (int)sizeof "tcp://127.0.0.1" - 1,
			control ? control : "tcp://127.0.0.1", endpoint + sizeof any - 1) < 0
		       ? NULL
		       : to;
}

int stream_init(struct tesla_stream *s, void *ctx, const struct tesla_peer *peer,
		struct tesla_error *err)
{
	*s = (struct tesla_stream){ 0 };
	(void)zmq_msg_init(&s->payload);
	s->socket = socket_connect(ctx, ZMQ_SUB, peer, MESSAGE_MAX, err);
	return s->socket ? 0 : err->code;
}

int stream_add(struct tesla_stream *s, const char *prefix, struct tesla_error *err)
{
	if (zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) != 0)
		return tesla_fail(err, -errno, "subscribe \"%s\": %s", prefix, zmq_strerror(errno));
	return 0;
}

void stream_release(struct tesla_stream *s)
{
	(void)zmq_msg_close(&s->payload);
	if (s->socket != NULL)
		(void)zmq_close(s->socket);
	s->socket = NULL;
}

static int stream_open(struct tesla_stream *s, const struct tesla_peer *peer, const char *prefix,
		       struct tesla_error *err)
{
	_cleanup_free_ char *asked = peer->endpoint ? NULL : endpoint_ask(err), *control = NULL,
			    *to = NULL;
	struct tesla_peer p = *peer;
	void *ctx;
	int r;

	if (peer->endpoint == NULL && asked == NULL)
		return err->code;
	control = asked ? path_control_endpoint() : NULL;
	p.endpoint = to = stream_reachable(asked ? asked : peer->endpoint, control);
	ctx = to ? zmq_ctx_new() : NULL;
	if (ctx == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a subscription");
	r = stream_init(s, ctx, &p, err);
	s->ctx = ctx;
	return r == 0 ? stream_add(s, prefix, err) : r;
}

int tesla_subscribe_peer(const struct tesla_peer *peer, const char *prefix,
			 struct tesla_stream **ret, struct tesla_error *err)
{
	struct tesla_stream *s = calloc(1, sizeof *s);
	int r;

	if (s == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a subscription");
	r = stream_open(s, peer, prefix, err);
	if (r != 0)
		tesla_unsubscribe(s);
	else
		*ret = s;
	return r;
}

int tesla_subscribe(const char *endpoint, const char *prefix, struct tesla_stream **ret,
		    struct tesla_error *err)
{
	const struct tesla_peer peer = { .endpoint = endpoint };

	return tesla_subscribe_peer(&peer, prefix, ret, err);
}

void tesla_unsubscribe(struct tesla_stream *s)
{
	if (s == NULL)
		return;
	stream_release(s);
	socket_context_end(s->ctx);
	free(s);
}

int tesla_stream_fd(struct tesla_stream *s)
{
	return socket_fd(s->socket);
}

/*
 * Takes the frames that are left of a message that is wrong, so that the next one begins at its
 * start.
 */
static void message_skip(struct tesla_stream *s)
{
	while (zmq_msg_more(&s->payload) && zmq_msg_recv(&s->payload, s->socket, ZMQ_DONTWAIT) >= 0)
		;
}

static bool topic_take(struct tesla_stream *s)
{
	size_t len = zmq_msg_size(&s->payload);
	const char *text = zmq_msg_data(&s->payload);

	if (len > STREAM_TOPIC_MAX || (len > 0 && memchr(text, '\0', len) != NULL))
		return false;
	if (len > 0)
		memcpy(s->topic, text, len);
	s->topic[len] = '\0';
	return true;
}

/* Both frames are there: ZeroMQ delivers a message whole. */
int stream_recv(struct tesla_stream *s, struct tesla_error *err)
{
	if (zmq_msg_recv(&s->payload, s->socket, ZMQ_DONTWAIT) < 0)
		return tesla_fail(err, -errno, "stream: %s", zmq_strerror(errno));
	if (!topic_take(s) || !zmq_msg_more(&s->payload)) {
		message_skip(s);
		return tesla_fail(err, -EBADMSG, "stream: a message without a topic or a payload");
	}
	if (zmq_msg_recv(&s->payload, s->socket, ZMQ_DONTWAIT) < 0)
		return tesla_fail(err, -errno, "stream: %s", zmq_strerror(errno));
	if (zmq_msg_more(&s->payload)) {
		message_skip(s);
		return tesla_fail(err, -EBADMSG, "stream: %s: more than two frames", s->topic);
	}
	return mp_scan(zmq_msg_data(&s->payload), zmq_msg_size(&s->payload), err);
}

int tesla_next(struct tesla_stream *s, int timeout_ms, const char **topic, const uint8_t **payload,
	       size_t *len, struct tesla_error *err)
{
	int64_t until_us = timeout_ms < 0 ? -1 : clock_mono_us() + (int64_t)timeout_ms * 1000;
	int r = socket_wait(s->socket, until_us);

	if (r != 0)
		return tesla_fail(err, r, "stream: %s",
				  r == -EAGAIN ? "nothing came" : zmq_strerror(-r));
	r = stream_recv(s, err);
	if (r != 0)
		return r;
	*topic = s->topic;
	*payload = zmq_msg_data(&s->payload);
	*len = zmq_msg_size(&s->payload);
	return 0;
}
