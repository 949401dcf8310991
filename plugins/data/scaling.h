/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal scales, exactly.  0.0001 is no binary fraction: raw x 0.0001 is off in the last digit
 * where raw / 10000 is not.  Compiled into each data plugin that decodes numbers.
 */
#ifndef DATA_SCALING_H
#define DATA_SCALING_H

/* A scale as a whole number and a power of ten, if it is one to a double's precision. */
struct scaling {
	double mantissa; /* scale = mantissa x 10^exponent */
	int exponent;
	double offset;
};

struct scaling scaling_of(double scale, double offset);
/* raw x 10^power x scale + offset, rounded once. */
double scaling_value(const struct scaling *s, double raw, int power);

#endif
