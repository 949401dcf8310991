/* SPDX-License-Identifier: Apache-2.0 */
/* Between kW and W. */
#include "central/old_units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesla/plugin.h>

#include "base/cleanup.h"

double old_value(double value, double factor)
{
	const struct tesla_record_variable v = { .predecessor_factor = factor };

	return tesla_predecessor_value(&v, value);
}

/* The k of 10^k; false: it is no such number. */
static bool power_of_ten(double factor, int *ret)
{
	char text[16];

	for (*ret = -9; *ret <= 9; ++*ret) {
		(void)snprintf(text, sizeof text, "1e%d", *ret);
		if (strtod(text, NULL) == factor)
			return true;
	}
	return false;
}

/*
 * 0.001 is no binary number, and neither are most decimals: the point is moved in the text, so that
 * 58392.626 kWh are 58392626 Wh.
 */
double new_value(double old, double factor)
{
	char text[48];
	char *exponent;
	int k;

	if (factor == 1 || !isfinite(old) || !power_of_ten(factor, &k))
		return old / factor;
	(void)snprintf(text, sizeof text, "%.14e", old);
	if (strtod(text, NULL) != old)
		(void)snprintf(text, sizeof text, "%.16e", old);
	exponent = strchr(text, 'e') + 1;
	(void)snprintf(exponent, sizeof text - (size_t)(exponent - text), "%ld",
		       strtol(exponent, NULL, 10) - k);
	return strtod(text, NULL);
}

double old_rounded(double value, double factor)
{
	char text[400];

	(void)snprintf(text, sizeof text, "%.2f", old_value(value, factor));
	return strtod(text, NULL) + 0.0;
}

void old_unit(const char *unit, double factor, char out[OLD_UNIT_SIZE])
{
	static const struct {
		double factor;
		const char *prefix;
	} prefixes[] = { { 1e-3, "k" }, { 1e-6, "M" }, { 1e-9, "G" }, { 1e3, "m" } };
	const char *prefix = "";

	for (size_t i = 0; i < N_ELEMENTS(prefixes) && unit[0] != '\0'; i++)
		if (factor == prefixes[i].factor)
			prefix = prefixes[i].prefix;
	(void)snprintf(out, OLD_UNIT_SIZE, "%s%s", prefix, unit);
}
