/* SPDX-License-Identifier: Apache-2.0 */
/* What control and stream share: a ZeroMQ socket with its bounds, and waiting for a message. */
#ifndef CLIENT_SOCKET_H
#define CLIENT_SOCKET_H

#include <tesla/client.h>

/* Opens `type` on ctx and connects; `max` bytes a message.  NULL with *err. */
void *socket_connect(void *ctx, int type, const struct tesla_peer *peer, int64_t max,
		     struct tesla_error *err);
/* Its descriptor; -1: none. */
int socket_fd(void *socket);
/*
 * Takes notice of what its descriptor tells without receiving anything: else that stays readable.
 * NULL: nothing.
 */
void socket_settle(void *socket);
/* Something can be received. */
bool socket_readable(void *socket);
/* Milliseconds until clock_mono_us() is `until_us`, for poll(); -1 when that is -1: for ever. */
int socket_left_ms(int64_t until_us);
/* Waits for a message until clock_mono_us() is `until_us`; -1: for ever.  -EAGAIN, -EINTR. */
int socket_wait(void *socket, int64_t until_us);

/* Ends the context, whose sockets are closed; a signal does not keep it.  NULL is fine. */
void socket_context_end(void *ctx);

/* -EINVAL: some of its keys are there, or what is there is no key. */
int peer_check(const struct tesla_peer *p, struct tesla_error *err);
/* A copy of *from, released with peer_release; -ENOMEM. */
int peer_copy(struct tesla_peer *to, const struct tesla_peer *from);
void peer_release(struct tesla_peer *p);
/* A text of a copy becomes *from, which is taken over. */
void peer_take(const char **to, char **from);

#endif
