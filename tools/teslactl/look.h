/* SPDX-License-Identifier: Apache-2.0 */
/* One transaction with whoever is on a line, through the daemon that has it. */
#ifndef TESLACTL_LOOK_H
#define TESLACTL_LOOK_H

#include "teslactl/ctl.h"

#define LOOK_BYTES 256
#define LOOK_OWN 256u /* as an address: the analyzer's own */

struct looker {
	struct tesla_client *client;
	int64_t via;	/* the analyzer whose line and driver it is */
	int timeout_ms; /* of the meter; 0: the line's */
	int signals;	/* a signalfd: one that ends a program ends it; -1: none */
};

/* A function and, of registers, where; or all 0: the driver asks who that is. */
struct look_what {
	uint16_t function, first, count;
};

enum look_status { LOOK_OK, LOOK_TIMEOUT, LOOK_GARBLED, LOOK_EXCEPTION, LOOK_BROKEN };
struct looked {
	enum look_status status;
	int code; /* of the exception */
	uint8_t bytes[LOOK_BYTES];
	size_t len;
	char why[244];
};

/*
 * Negative: it could not be asked at all, *err says why (-EREMOTEIO: the daemon does; -EINTR: it is
 * to end).
 */
int look(struct looker *l, unsigned address, const struct look_what *what, struct looked *ret,
	 struct tesla_error *err);

#endif
