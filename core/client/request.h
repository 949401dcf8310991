/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer on a DEALER socket, without waiting. */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include <zmq.h>

#include "client/socket.h"

#define REQUEST_ANSWER_MAX (64 << 20) /* a snapshot of thousands of analyzers is some MiB */

int request_send(void *socket, const char *endpoint, const char *command, const void *args,
		 size_t args_len, struct tesla_error *err);
/* Into *m, which is initialized.  -EAGAIN: none is there yet. */
int answer_recv(void *socket, const char *endpoint, zmq_msg_t *m, struct tesla_error *err);
/* Is it a good answer?  The daemon's own words when it is not: -EREMOTEIO. */
int answer_check(const char *command, zmq_msg_t *m, struct tesla_error *err);

#endif
