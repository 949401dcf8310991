/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that libzmq has and has not written out yet: how many bytes they are.  Its marks count
 * messages, which may be 64 MiB each, and it holds at least two of them for a peer that does not
 * read (ZMQ_SNDHWM 1: one waits, one is being written).  It tells when it lets go of one, from its
 * own thread.
 */
#ifndef DAEMON_UNREAD_H
#define DAEMON_UNREAD_H

#include <zmq.h>

#include "base/buf.h"

struct unread;

/* NULL: no memory.  The answers have a share of it, too: it goes with the last of them. */
struct unread *unread_new(void);
void unread_free(struct unread *u);
size_t unread_bytes(const struct unread *u);
/* A message with a copy of `reply`, its texts cleaned, counted until it is closed.  -ENOMEM. */
int unread_message(struct unread *u, const struct buf *reply, zmq_msg_t *ret);

#endif
