/* SPDX-License-Identifier: Apache-2.0 */
/* What control and stream share: a ZeroMQ socket with its bounds, and waiting for a message. */
#ifndef CLIENT_SOCKET_H
#define CLIENT_SOCKET_H

#include <tesla/plugin.h>

/* Opens `type` on ctx and connects; `max` bytes a message.  NULL with *err. */
void *socket_connect(void *ctx, int type, const char *endpoint, int64_t max,
		     struct tesla_error *err);
/* Waits for a message until clock_mono_us() is `until_us`; -1: for ever.  -EAGAIN, -EINTR. */
int socket_wait(void *socket, int64_t until_us);

#endif
