/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host of lines says, taken into the hub.  The message is foreign: a plugin may have run
 * wild in its sender's memory, so ids, indexes, counts and numbers are checked against what that
 * host was given.
 */
#ifndef DAEMON_INTAKE_H
#define DAEMON_INTAKE_H

#include "daemon/hub.h"

struct intake_from {
	size_t owner;
	/*
	 * A change is on its way to it: what it says of analyzers and lines that are not its own,
	 * or that are hushed, is of before, and left out.
	 */
	bool changing;
};

/*
 * 0: taken.  1: not for the hub (ready, pong, log, done).  Negative: the host breaks the form,
 * *err says how, and it is to be killed; what was taken until then is whole.
 */
int intake(struct hub *h, const struct intake_from *from, const msgpack_object *msg,
	   struct tesla_error *err);

#endif
