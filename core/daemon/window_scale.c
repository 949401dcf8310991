/* SPDX-License-Identifier: Apache-2.0 */
/* A register's resolution, by decimal digits, and what follows from it. */
#include <math.h>

#include "daemon/window_parts.h"

#define DIGITS_MAX 12	 /* after the point, of a scale in a model */
#define POWER_MAX 22	 /* 10 to this is a double without an error */
#define WHOLE_MAX 0x1p53 /* so are whole numbers to here */
#define SIXTEENTH 625	 /* x 10^-4 */
#define SIXTEENTH_DIGITS (-4)

struct decimal {
	int64_t digits;
	int power; /* of ten */
};

static double power_of_ten(int n)
{
	static const double powers[POWER_MAX + 1] = { 1e0,  1e1,  1e2,	1e3,  1e4,  1e5,
						      1e6,  1e7,  1e8,	1e9,  1e10, 1e11,
						      1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
						      1e18, 1e19, 1e20, 1e21, 1e22 };

	return powers[n];
}

/* |d.power| is at most POWER_MAX, d.digits at most WHOLE_MAX: the nearest double. */
static double decimal_value(struct decimal d)
{
	return d.power < 0 ? (double)d.digits / power_of_ten(-d.power)
			   : (double)d.digits * power_of_ten(d.power);
}

static bool is_whole(const struct tesla_register *r)
{
	return r->type != TESLA_FLOAT32 && r->type != TESLA_FLOAT64;
}

/* 0 where there is no register; false: it is not known, and *ret the largest that it can be. */
static bool exponent_of(const struct tesla_scale *of, const struct window_scale *s, int *ret)
{
	int16_t exponent = 0;

	if (of != NULL)
		exponent = s != NULL && of->index < s->n ? s->exponents[of->index] : INT16_MIN;
	*ret = exponent != INT16_MIN ? exponent : of->max;
	return exponent != INT16_MIN;
}

/* As the model's author wrote it: 0.1 is 1 x 10^-1, which no double is. */
static bool scale_of(double scale, struct decimal *ret)
{
	for (int n = 0; n <= DIGITS_MAX; n++) {
		double digits = round(fabs(scale) * power_of_ten(n));

		if (digits < 1 || digits > 1e9 || digits / power_of_ten(n) != fabs(scale))
			continue;
		*ret = (struct decimal){ (int64_t)digits, -n };
		return true;
	}
	return false;
}

static bool resolution_of(const struct tesla_register *r, const struct window_scale *s,
			  struct decimal *ret)
{
	int exponent;

	if (!is_whole(r) || !exponent_of(r->scale_register, s, &exponent) ||
	    !scale_of(r->scale, ret))
		return false;
	ret->power += exponent;
	return ret->power >= -POWER_MAX && ret->power <= POWER_MAX;
}

double window_resolution(const struct tesla_register *r, const struct window_scale *s)
{
	struct decimal d;

	return resolution_of(r, s, &d) ? decimal_value(d) : 0;
}

struct counter_rules window_rules(const struct tesla_variable *v, const struct tesla_register *r,
				  const struct window_scale *s)
{
	double modulus = r->has_modulus ? r->modulus : is_whole(r) ? ldexp(1, 16 * r->count) : 0;
	int own, of_rating;
	bool known = exponent_of(r->scale_register, s, &own);
	double unit = fabs(r->scale) * pow(10, own); /* of the raw number */

	(void)exponent_of(v->rating_scale, s, &of_rating); /* its largest: better too large */
	return (struct counter_rules){
		.modulus = known ? modulus * unit : 0,
		.rating = v->rating * pow(10, of_rating),
		.resolution = is_whole(r) ? unit : 0,
	};
}

double window_round(double mean, const struct tesla_register *r, const struct window_scale *s)
{
	struct decimal d;
	double steps;

	if (!resolution_of(r, s, &d))
		return mean;
	steps = mean * 16 / decimal_value(d);
	if (!(fabs(steps) * (double)d.digits * SIXTEENTH < WHOLE_MAX))
		return mean;
	d.digits *= llround(steps) * SIXTEENTH;
	d.power += SIXTEENTH_DIGITS;
	for (; d.power < 0 && d.digits % 10 == 0 && d.digits != 0; d.power++)
		d.digits /= 10;
	return d.power >= -POWER_MAX ? decimal_value(d) : mean;
}
