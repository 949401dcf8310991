/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket tells of the daemon (docs/control.md): each is one MessagePack map. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "daemon/daemon.h"

void status_pack(const struct daemon *d, msgpack_packer *pk);
/* As in commands.c; the answer is there at once. */
bool cmd_snapshot(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		  struct buf *reply);
/* One variable's last values, as in a snapshot. */
void reading_pack(msgpack_packer *pk, const struct hub_analyzer *a, size_t i);
void plan_pack(const struct daemon *d, msgpack_packer *pk);
void plugins_pack(const struct daemon *d, msgpack_packer *pk);
/* The answer to `journal list`, and the key `journal` of status. */
void journal_pack(const struct daemon *d, msgpack_packer *pk);
void status_journal_pack(const struct daemon *d, msgpack_packer *pk);
/* State and, returned, reason of an exporter that takes records; NULL: it goes well. */
const char *status_durable(const struct slot *s, const char **state);

#endif
