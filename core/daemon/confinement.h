/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host may touch, from what it is for (docs/wire.md, `confine`): the core knows that, and
 * the host confines itself to it (host/confine.h).
 */
#ifndef DAEMON_CONFINEMENT_H
#define DAEMON_CONFINEMENT_H

#include "daemon/setup.h"

/*
 * The key `confine` and its value; nil when lector.ini says confine = no, or without memory, which
 * `status` then shows.  Of lines: serial devices, or the network.
 */
void confinement_pack_lines(msgpack_packer *pk, const struct setup *s, size_t owner);
/*
 * Of an exporter: the network, the folder that is its target, and those of the files that its
 * parameters name.  `e` NULL: the stream at `endpoint`.
 */
void confinement_pack_exporter(msgpack_packer *pk, const struct setup *s, const struct plugin *p,
			       const struct conf_exporter *e, const char *endpoint);

#endif
