/* SPDX-License-Identifier: Apache-2.0 */
/* A subscriber on a context of the caller's, for the bare stream and for following it. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include <zmq.h>

#include "client/socket.h"

#define STREAM_TOPIC_MAX 1024

struct tesla_stream {
	void *ctx, *socket; /* ctx: NULL when it is not ours */
	zmq_msg_t payload;
	char topic[STREAM_TOPIC_MAX + 1];
};

/*
 * A daemon may listen on every address ("*"): from here that is where its control socket is, and
 * the loopback if that is not on a network.  free() it; NULL: no memory.
 */
char *stream_reachable(const char *endpoint, const char *control);
int stream_init(struct tesla_stream *s, void *ctx, const struct tesla_peer *peer,
		struct tesla_error *err);
int stream_add(struct tesla_stream *s, const char *prefix, struct tesla_error *err);
void stream_release(struct tesla_stream *s);
/* Without waiting: s->topic and s->payload.  -EAGAIN, -EBADMSG. */
int stream_recv(struct tesla_stream *s, struct tesla_error *err);

#endif
