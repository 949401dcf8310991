/* SPDX-License-Identifier: Apache-2.0 */
/* The command `journal` of the control socket (docs/control.md). */
#ifndef DAEMON_JOURNAL_COMMANDS_H
#define DAEMON_JOURNAL_COMMANDS_H

#include "daemon/daemon.h"

/* As control_request, once `cmd` is known to be `journal`. */
bool journal_command(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply);

#endif
