/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket tells of meters: what they offer, how they are, what is configured. */
#ifndef DAEMON_DEFINITIONS_H
#define DAEMON_DEFINITIONS_H

#include "daemon/daemon.h"

/* Each is a command as in commands.c; the answer is there at once. */
bool cmd_definitions(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply);
bool cmd_device_status(struct daemon *d, const struct control_peer *peer,
		       const msgpack_object *request, struct buf *reply);
bool cmd_config(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		struct buf *reply);

#endif
