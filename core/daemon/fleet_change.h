/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A changed configuration comes into force: hosts that it needs are started before anything else
 * is touched, then lines go over, then what is not needed any more ends.
 */
#ifndef DAEMON_FLEET_CHANGE_H
#define DAEMON_FLEET_CHANGE_H

#include "daemon/diff.h"
#include "daemon/fleet.h"

/*
 * Gives the lines and analyzers of next->hub their owners and starts the hosts that are new, with
 * their plugins and models but no line.  `ready` is called once, perhaps at once: with NULL when
 * all are, else with the reason, and then none is left.  `next` outlives it.  `force`: no host
 * stays.
 */
void fleet_prepare(struct fleet *f, const struct check *next, const struct diff *d, bool force,
		   void (*ready)(void *arg, const char *error), void *arg);
/* Something changed since (an analyzer went into quarantine): to be abandoned and prepared anew. */
bool fleet_is_outdated(const struct fleet *f);
/* What was prepared is not wanted. */
void fleet_abandon(struct fleet *f);
/* Before hub_adopt: sends what is gathered for the old hub. */
void fleet_before(struct fleet *f);
/*
 * In force: f goes on with `next`.  *before is what was until now, and is taken over: it goes when
 * nothing needs it any more.
 */
void fleet_adopt(struct fleet *f, const struct check *next, const struct diff *d, bool force,
		 struct check *before);

#endif
