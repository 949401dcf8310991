/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the control socket. */
#ifndef DAEMON_COMMANDS_H
#define DAEMON_COMMANDS_H

#include "daemon/daemon.h"

/* A control_request; `arg` is the struct daemon. */
bool commands_answer(void *arg, const msgpack_object *request, const struct control_peer *peer,
		     struct buf *reply);

#endif
