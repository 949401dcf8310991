/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a meter says of itself in registers: the texts that its model names, and what a SunSpec
 * device has round the model's block (marker, common model, end).
 */
#ifndef SIM_ABOUT_H
#define SIM_ABOUT_H

#include "base/model.h"
#include "sim/bank.h"

/* What is added to the addresses of a model: of a SunSpec one they count from where it is found. */
unsigned about_base(const struct model *m);
/* How many registers about_add adds at most. */
size_t about_registers(const struct model *m);
void about_add(struct bank *b, const struct model *m);
/* `who`: what functions 17 and 43 answer. */
void about_put(struct bank *b, const struct model *m, const char *who, double serial);

#endif
