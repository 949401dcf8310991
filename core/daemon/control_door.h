/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One door of the control socket: a ROUTER, and the monitor by which libzmq tells who comes and
 * goes there.  libzmq itself lets everybody in; whoever is too many (crowd.h) is cut off.  On the
 * loop's thread.
 */
#ifndef DAEMON_CONTROL_DOOR_H
#define DAEMON_CONTROL_DOOR_H

#include <tesla/plugin.h>

#include "daemon/crowd.h"

#define DOOR_NAME_MAX 128u

struct door {
	char name[DOOR_NAME_MAX]; /* its endpoint */
	void *socket, *monitor;	  /* NULL: there is no such door */
	struct crowd crowd;
	bool crowded; /* and it was said */
};

struct door_calls {
	/* Something was refused here: who, and why.  True: the log said so. */
	bool (*refused)(void *arg, const char *who, const char *why);
	/* There is room again. */
	void (*relieved)(void *arg, const struct door *d);
	/* A handshake came to nothing: a ZMQ_EVENT_HANDSHAKE_FAILED_..., and what libzmq says. */
	void (*failed)(void *arg, const struct door *d, uint16_t event, uint32_t value);
	void *arg;
};

/* Makes the sockets, to be bound by the caller.  `d` is zero; on failure door_close it, too. */
int door_open(struct door *d, void *ctx, const char *endpoint, struct tesla_error *err);
/* Who came and went, so many at a time; false: nothing more is there. */
bool door_tend(struct door *d, const struct door_calls *calls);
/* A message came, over this descriptor.  The number of its connection; 0: it is gone already. */
uint64_t door_heard(struct door *d, int fd, const struct door_calls *calls);
/* `one` is of its crowd, and no longer there after this: it is cut off. */
void door_turn_out(struct door *d, const struct crowd_one *one);
void door_close(struct door *d);

#endif
