/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones by name, each read once; the loop's thread asks, every thread may use what it got. */
#ifndef CENTRAL_ZONES_H
#define CENTRAL_ZONES_H

#include "base/zone.h"

struct zones { /* all zero: empty */
	struct zones_entry *first;
};

/* name "": the server's own.  *ret NULL is UTC.  Good until zones_release. */
int zones_get(struct zones *z, const char *name, const struct zone **ret, struct tesla_error *err);
void zones_release(struct zones *z);

#endif
