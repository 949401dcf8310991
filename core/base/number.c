/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers to text: most that are measured have few decimals, and need no printf. */
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECIMALS_MAX 6
#define FIFTEEN_DIGITS 1e15

static size_t digits_put(uint64_t v, char *text)
{
	char reversed[24];
	size_t n = 0;

	do {
		reversed[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (size_t i = 0; i < n; i++)
		text[i] = reversed[n - 1 - i];
	return n;
}

size_t number_int_text(int64_t v, char text[NUMBER_TEXT])
{
	size_t len = 0;

	if (v < 0)
		text[len++] = '-';
	len += digits_put(v < 0 ? -(uint64_t)v : (uint64_t)v, text + len);
	text[len] = '\0';
	return len;
}

static size_t decimal_put(uint64_t scaled, int decimals, char *text)
{
	char digits[24];
	size_t n = digits_put(scaled, digits), whole, len = 0;

	if (n <= (size_t)decimals) { /* 0.001 */
		text[len++] = '0';
		whole = 0;
	} else {
		whole = n - (size_t)decimals;
		memcpy(text, digits, whole);
		len = whole;
	}
	if (decimals > 0) {
		text[len++] = '.';
		for (size_t zeros = n < (size_t)decimals ? (size_t)decimals - n : 0; zeros > 0;
		     zeros--)
			text[len++] = '0';
		memcpy(text + len, digits + whole, n - whole);
		len += n - whole;
	}
	text[len] = '\0';
	return len;
}

/*
 * v = n / 10^d with n below 10^15: a division of two numbers that are exact gives the double next
 * to that decimal, and no other of so few digits has the same one next to it.  0: it is none.
 */
static size_t short_text(double v, char *text)
{
	static const double tens[DECIMALS_MAX + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
	double abs = fabs(v);
	size_t sign = signbit(v) ? 1 : 0;

	if (abs == 0 && sign == 1) { /* without a point many read the integer 0 */
		memcpy(text, "-0.0", 5);
		return 4;
	}
	if (abs != 0 && (abs < 1e-4 || abs >= FIFTEEN_DIGITS)) /* %g writes an exponent */
		return 0;
	for (int d = 0; d <= DECIMALS_MAX; d++) {
		double n = nearbyint(abs * tens[d]);

		if (n >= FIFTEEN_DIGITS)
			return 0;
		if (n / tens[d] != abs)
			continue;
		text[0] = '-';
		return sign + decimal_put((uint64_t)n, d, text + sign);
	}
	return 0;
}

size_t number_text(double v, char text[NUMBER_TEXT])
{
	size_t len = short_text(v, text);

	for (int digits = 15; len == 0; digits++) {
		int n = snprintf(text, NUMBER_TEXT, "%.*g", digits, v);

		if (digits == 17 || strtod(text, NULL) == v)
			len = (size_t)n;
	}
	return len;
}
