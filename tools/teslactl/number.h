/* SPDX-License-Identifier: Apache-2.0 */
/* Registers as numbers, and how likely a number is what a meter measures. */
#ifndef TESLACTL_NUMBER_H
#define TESLACTL_NUMBER_H

#include <tesla/plugin.h>

/*
 * The value of what r->count registers hold, high byte first as on the wire; NAN: the meter says
 * that there is none, or it is no number.
 */
double number_of(const struct tesla_register *r, const uint8_t *bytes, int exponent);

/*
 * From 0, cannot be, to 1, such as it is in nearly every installation: of a quantity by its unit.
 * Negative: nothing is known about that unit.
 */
double plausible(const char *unit, double value);
/* The same of a number whose unit nobody knows: *what it looks like, "" for nothing. */
double plausible_any(double value, const char **what);

#endif
