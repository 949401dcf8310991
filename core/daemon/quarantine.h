/* SPDX-License-Identifier: Apache-2.0 */
/* Who is to blame for a host's death moves out, so that the others can go on. */
#ifndef DAEMON_QUARANTINE_H
#define DAEMON_QUARANTINE_H

#include "daemon/fleet.h"

/*
 * A host of `s` died in a plugin's call.  From the second death in the same call on, that analyzer
 * (for a driver: that line) gets a slot of its own, which is returned; it is to be started like
 * one that died. NULL: nobody moved to another slot.  *empty: nothing is left in `s`.
 */
struct slot *quarantine_blame(struct slot *s, const struct blame *blame, const char *reason,
			      bool *empty);

#endif
