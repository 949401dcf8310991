/* SPDX-License-Identifier: Apache-2.0 */
/* The meters of one line, or of several: by address.  And the models that they are of. */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "sim/meter.h"

#define ADDRESSES 256

struct models {
	const char *dir;
	struct model **list;
	size_t n;
};
/* Reads dir/NAME.xml, once.  NULL: *err says why (what is wrong with the file went to stderr). */
const struct model *models_get(struct models *m, const char *name, struct tesla_error *err);
void models_release(struct models *m);

struct fleet {
	struct meter *meter[ADDRESSES];
};
struct fleet_rules {
	struct meter_rules meter;
	uint64_t seed;
	double t;
}; /* for all of them */

/* "ADDRESS=MODEL", "FIRST-LAST=MODEL", "*=MODEL" (all that are not there yet), commas between. */
int fleet_add(struct fleet *f, const char *spec, struct models *models,
	      const struct fleet_rules *rules, struct tesla_error *err);
void fleet_release(struct fleet *f);

/*
 * One setting of the user for the meters of a fleet: "[ADDRESS:]VAR[.LABEL]=VALUE" and so on.
 * *n counts the meters that it concerned.  Negative: *err says why.
 */
typedef int fleet_setter(struct fleet *f, const char *text, size_t *n, struct tesla_error *err);
fleet_setter fleet_fix, fleet_raw, fleet_scale, fleet_identity, fleet_identity_by;

#endif
