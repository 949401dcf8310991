/* SPDX-License-Identifier: Apache-2.0 */
/* A number on a command line of the references. */
#ifndef BENCH_NUMBER_H
#define BENCH_NUMBER_H

#include <argp.h>
#include <stdlib.h>

/* From 1 to max; anything else ends the program with a sentence. */
static inline long number(struct argp_state *state, const char *text, long max)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end != '\0' || v < 1 || v > max)
		argp_error(state, "%s: expected a number from 1 to %ld", text, max);
	return v;
}

#endif
