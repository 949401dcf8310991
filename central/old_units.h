/* SPDX-License-Identifier: Apache-2.0 */
/* The predecessor's units, such as kW, and ours, such as W, by a model's factor.  Pure. */
#ifndef CENTRAL_OLD_UNITS_H
#define CENTRAL_OLD_UNITS_H

#include <stddef.h>

#define OLD_UNIT_SIZE 48

/* In the predecessor's unit, and back: the same number again, to 15 digits. */
double old_value(double value, double factor);
double new_value(double old, double factor);
/* To two decimals; never -0. */
double old_rounded(double value, double factor);
/* "kW" of "W" and 0.001. */
void old_unit(const char *unit, double factor, char out[OLD_UNIT_SIZE]);

#endif
