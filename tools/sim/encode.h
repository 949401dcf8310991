/* SPDX-License-Identifier: Apache-2.0 */
/* From a value in engineering units to registers: the inverse of what a data plugin decodes. */
#ifndef SIM_ENCODE_H
#define SIM_ENCODE_H

#include <tesla/plugin.h>

#define ENCODE_WORDS 4 /* registers that the widest type takes */

size_t encode_words(enum tesla_raw type);
/* The values that the element can show with its scale register at `exponent` (0: it has none). */
void encode_limits(const struct tesla_register *r, int exponent, double *lo, double *hi);
/* Into `digits` characters: blanks for NAN, stars where it does not fit. */
void encode_text(const struct tesla_register *r, double value, char *out);
/*
 * What is not among the element's bits stays as it is in words.
 * NAN: the element's "not available".  -ERANGE beyond the limits, -EDOM where it cannot say "not
 * available"; words are untouched then.  A field of a command's reply has no words.
 */
int encode(const struct tesla_register *r, int exponent, double value,
	   uint16_t words[ENCODE_WORDS]);

#endif
