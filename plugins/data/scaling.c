/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal scales, exactly. */
#include "scaling.h"

#include <math.h>
#include <stdlib.h>

struct scaling scaling_of(double scale, double offset)
{
	struct scaling s = { scale, 0, offset };
	double p = 1;

	for (int digits = 0; digits <= 15; digits++, p *= 10) {
		double m = round(scale * p);

		if (m != 0 && fabs(m) < 1e15 && m / p == scale) {
			s.mantissa = m;
			s.exponent = -digits;
			break;
		}
	}
	while (s.mantissa != 0 && fmod(s.mantissa, 10) == 0) {
		s.mantissa /= 10;
		++s.exponent;
	}
	return s;
}

static double power_of_ten(int n)
{
	static const double exact[] = {
		/* pow() need not be */
		1e0,  1e1,  1e2,  1e3,	1e4,  1e5,  1e6,  1e7,	1e8,  1e9,  1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	};

	return n < (int)(sizeof exact / sizeof *exact) ? exact[n] : pow(10, n);
}

/* All that is whole stays whole until the one division, which rounds once. */
double scaling_value(const struct scaling *s, double raw, int power)
{
	int exponent = s->exponent + power;
	double p = power_of_ten(abs(exponent));

	if (exponent >= 0)
		return raw * s->mantissa * p + s->offset;
	return (raw * s->mantissa + s->offset * p) / p;
}
