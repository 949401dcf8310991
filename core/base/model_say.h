/* SPDX-License-Identifier: Apache-2.0 */
/* What the registers of a meter say of itself, as text. */
#ifndef BASE_MODEL_SAY_H
#define BASE_MODEL_SAY_H

#include "base/model.h"

/*
 * Characters up to a NUL, printable ones, others as a blank, without blanks around it; for free().
 * NULL: nothing is left, or no memory.
 */
char *registers_text(const uint8_t *bytes, size_t len);
/* The same of what t->count registers hold, characters or a number; with the label before it. */
char *model_text_say(const struct model_text *t, const char *label, const uint8_t *bytes);

#endif
