/* SPDX-License-Identifier: Apache-2.0 */
/* A record as the map that docs/api-v1.md describes, for whoever reads the control socket. */
#ifndef DAEMON_RECORD_MAP_H
#define DAEMON_RECORD_MAP_H

#include "base/record.h"

void record_map_pack(msgpack_packer *pk, const struct record *r);

#endif
