/* SPDX-License-Identifier: Apache-2.0 */
/* The powers of ten in a meter's scale registers, as far as they were read: what steps mean. */
#ifndef HOST_SCALES_H
#define HOST_SCALES_H

#include "host/analyzer.h"

#define SCALE_UNKNOWN INT16_MIN

/* Sets a->exponents, one per scale of the model, all unknown.  -ENOMEM. */
int scales_init(struct analyzer *a);
/*
 * Looks into the replies that there are, whoever asked for them.  True: an exponent became known,
 * or is another one.  One that was not read, or makes no sense, stays what it was.
 */
bool scales_look(struct analyzer *a);
/* The least step of an element's value.  INFINITY: its scale is not known; 0: it has none. */
double scales_step(const struct analyzer *a, const struct tesla_register *r);

/* How much a counter grows in an hour at most; 0: not known. */
double scales_rating(const struct analyzer *a, const struct tesla_variable *v);

#endif
