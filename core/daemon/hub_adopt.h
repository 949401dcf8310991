/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hub of a new configuration goes on where the one of the old configuration stands: numbers,
 * counters, states and last values, by id and name.
 */
#ifndef DAEMON_HUB_ADOPT_H
#define DAEMON_HUB_ADOPT_H

#include "daemon/diff.h"
#include "daemon/hub.h"

/*
 * Moves what goes on from `old`, which is good for nothing but hub_free after that; sinks are the
 * caller's to add.  Owners and `run` are set.  Numbers of what is gone are remembered: a topic that
 * comes back in this epoch counts on.
 */
void hub_adopt(struct hub *h, struct hub *old, const struct diff *d);

#endif
