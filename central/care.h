/* SPDX-License-Identifier: Apache-2.0 */
/* What the store needs from time to time, in the keeper's idle moments: compaction. */
#ifndef CENTRAL_CARE_H
#define CENTRAL_CARE_H

#include "central/app.h"

/* Begins at once, then again and again.  -ENOMEM. */
int care_start(struct app *app, struct tesla_error *err);
void care_stop(struct app *app); /* the keeper has ended */

#endif
