/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket tells of the daemon (docs/control.md): each is one MessagePack map. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "daemon/daemon.h"

void status_pack(const struct daemon *d, msgpack_packer *pk);
void snapshot_pack(const struct daemon *d, msgpack_packer *pk);
void plan_pack(const struct daemon *d, msgpack_packer *pk);
void plugins_pack(const struct daemon *d, msgpack_packer *pk);

#endif
