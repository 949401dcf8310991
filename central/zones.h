/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones by name, each read once; they stay to the end.  One thread asks, any may use them. */
#ifndef CENTRAL_ZONES_H
#define CENTRAL_ZONES_H

#include "base/zone.h"

struct zones;

struct zones *zones_new(void); /* NULL: no memory */
void zones_free(struct zones *z);
/*
 * "": the machine's own.  NULL, with *err: there is none of that name; else what NULL stands for,
 * UTC, is a zone of that name.  -EDQUOT: too many others were asked for.
 */
int zones_get(struct zones *z, const char *name, const struct zone **ret, struct tesla_error *err);

#endif
