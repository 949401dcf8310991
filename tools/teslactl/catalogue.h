/* SPDX-License-Identifier: Apache-2.0 */
/* The models that are installed. */
#ifndef TESLACTL_CATALOGUE_H
#define TESLACTL_CATALOGUE_H

#include "base/model.h"

struct catalogue {
	struct model **list; /* by name */
	size_t n;
};

/* From $TESLA_MODELDIR, else where they are installed.  -ENOENT: there are none. */
int catalogue_load(struct catalogue *c, struct tesla_error *err);
void catalogue_release(struct catalogue *c);
/* Read by commands, not by registers? */
bool model_has_commands(const struct model *m);
/* Any one that is read so; NULL: there is none. */
const struct model *catalogue_any(const struct catalogue *c, bool commands);

#endif
