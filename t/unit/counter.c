/* SPDX-License-Identifier: Apache-2.0 */
/* A counter's story, read by read: what grew, what was false, and what the growth comes to. */
#include "daemon/counter.h"

#include <math.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

/* Rows leave out what is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define M32 4294967296.0
#define S INT64_C(1000000)

enum { /* 0 ends a story */
       GREW = COUNTER_GREW + 1,
       FIRST = COUNTER_FIRST + 1,
       PENDING = COUNTER_PENDING + 1,
       ROLLED = COUNTER_ROLLED + 1,
       RESET = COUNTER_RESET + 1,
       LEAPT = COUNTER_LEAPT + 1,
       BACK = COUNTER_BACK + 1,
       DOUBTED = 100, /* the host said suspect */
       UNSURE,	      /* pending, and nobody knows how long after the one before */
       KNOWN,	      /* read twice: it is believed */
};

static const struct {
	const char *what;
	struct counter_rules rules;
	struct {
		double value;
		int event;
		double step;
		int64_t t_s; /* 0: 60 s after the one before */
	} reads[10];
} stories[] = {
	{ "grows, stands, grows",
	  { 0 },
	  { { 100, KNOWN }, { 103, GREW, 3 }, { 103, GREW, 0 }, { 103.5, GREW, 0.5 } } },
	{ "a false zero",
	  { 0 },
	  { { 100, KNOWN }, { 0, PENDING }, { 101, BACK, 1 }, { 102, GREW, 1 } } },
	{ "a false zero with all known",
	  { M32, 1000, 1 },
	  { { 100, KNOWN }, { 0, PENDING }, { 101, BACK, 1 }, { 102, GREW, 1 } } },
	{ "two false zeros in a row",
	  { 0 },
	  { { 100, KNOWN }, { 0, PENDING }, { 0, RESET, 0 }, { 101, BACK, 1 }, { 102, GREW, 1 } } },
	{ "four false zeros in a row, rating known",
	  { M32, 60, 1 },
	  { { 100, KNOWN },
	    { 0, PENDING },
	    { 0, RESET, 0 },
	    { 0, GREW, 0 },
	    { 0, GREW, 0 },
	    { 101, BACK, 1 },
	    { 102, GREW, 1 } } },
	{ "false zeros of two kinds",
	  { 0 },
	  { { 100, KNOWN }, { 5, PENDING }, { 0, PENDING }, { 101, BACK, 1 } } },
	{ "reset to 0, seen at 0",
	  { 0 },
	  { { 100, KNOWN }, { 0, PENDING }, { 2, RESET, 2 }, { 3, GREW, 1 } } },
	{ "reset to 0, and nothing flows",
	  { 0 },
	  { { 100, KNOWN }, { 0, PENDING }, { 0, RESET, 0 }, { 1, GREW, 1 }, { 150, GREW, 149 } } },
	{ "reset, and over where it was at one stroke: it had grown since",
	  { 0 },
	  { { 100, KNOWN }, { 0, PENDING }, { 2, RESET, 2 }, { 101, GREW, 99 } } },
	{ "false zeros, and a leap beyond where it can be by now",
	  { 0, 60, 1 },
	  { { 100, KNOWN }, { 0, PENDING }, { 0, RESET, 0 }, { 110, PENDING } } },
	{ "reset, seen past 0",
	  { M32, 60000, 1 },
	  { { 500000, KNOWN }, { 7, PENDING }, { 9, RESET, 2 }, { 10, GREW, 1 } } },
	{ "reset, and another before it is confirmed",
	  { 0 },
	  { { 100, KNOWN }, { 50, PENDING }, { 3, PENDING }, { 4, RESET, 1 } } },
	{ "rollover, rating not known",
	  { M32 },
	  { { M32 - 10, KNOWN }, { 5, PENDING }, { 8, ROLLED, 18 }, { 9, GREW, 1 } } },
	{ "rollover, rating known",
	  { M32, 6000, 1 },
	  { { M32 - 10, KNOWN }, { 5, PENDING }, { 8, ROLLED, 18 }, { 9, GREW, 1 } } },
	{ "rollover of a scaled counter",
	  { M32 * 0.1, 0, 0.1 },
	  { { M32 * 0.1 - 1, KNOWN }, { 0.5, PENDING }, { 1, ROLLED, 2 } } },
	{ "rollover seen at 0 twice",
	  { M32 },
	  { { M32 - 10, KNOWN }, { 0, PENDING }, { 0, ROLLED, 10 }, { 1, GREW, 1 } } },
	{ "rollover of a signed one",
	  { M32 },
	  { { M32 / 2 - 1, KNOWN }, { -M32 / 2, PENDING }, { -M32 / 2 + 1, ROLLED, 2 } } },
	{ "too fast for a rollover: a reset",
	  { M32, 60, 1 },
	  { { M32 - 1000, KNOWN }, { 5, PENDING }, { 6, RESET, 1 } } },
	{ "rollover after a long gap, by the rating",
	  { M32, 60000, 1 },
	  { { M32 - 1000000, KNOWN, 0, 1000 },
	    { 5000, PENDING, 0, 1000 + 86400 },
	    { 5001, ROLLED, 1005001, 1000 + 86460 } } },
	{ "reset after a long gap, which by a generous rating might be a rollover",
	  { M32, 1e12, 1 },
	  { { 3e9, KNOWN, 0, 1000 },
	    { 5, PENDING, 0, 1000 + 86400 },
	    { 6, RESET, 1, 1000 + 86401 } } },
	{ "without a rating a drop of half the range is no rollover",
	  { M32 },
	  { { M32 / 2, KNOWN }, { 5, PENDING }, { 6, RESET, 1 } } },
	{ "above its modulus: that is not its modulus",
	  { 1000 },
	  { { 5000, KNOWN }, { 5, PENDING }, { 6, RESET, 1 } } },
	{ "meter swap for one that stands lower",
	  { M32, 6000, 1 },
	  { { 900000, KNOWN }, { 1234, PENDING }, { 1240, RESET, 6 } } },
	{ "meter swap for one that stands higher",
	  { M32, 6000, 1 },
	  { { 1234, KNOWN }, { 900000, PENDING }, { 900006, LEAPT, 6 }, { 900007, GREW, 1 } } },
	{ "meter swap for a higher one without a rating cannot be told",
	  { 0 },
	  { { 1234, KNOWN }, { 900000, GREW, 898766 } } },
	{ "a false leap",
	  { M32, 6000, 1 },
	  { { 100, KNOWN }, { 65536, PENDING }, { 102, BACK, 2 }, { 103, GREW, 1 } } },
	{ "two false leaps, not alike",
	  { M32, 6000, 1 },
	  { { 100, KNOWN }, { 65536, PENDING }, { 9999, PENDING }, { 103, BACK, 3 } } },
	{ "a false leap twice, and back",
	  { M32, 6000, 1 },
	  { { 100, KNOWN },
	    { 65536, PENDING },
	    { 65536, LEAPT, 0 },
	    { 102, PENDING },
	    { 103, RESET, 1 } } },
	{ "as fast as the rating allows, and a step of the resolution",
	  { 0, 3600, 10 },
	  { { 0, KNOWN, 0, 1 }, { 70, GREW, 70, 61 }, { 141, PENDING, 0, 121 } } },
	{ "a coarse counter's step is no leap",
	  { 0, 1000, 1000 },
	  { { 5000, KNOWN, 0, 1 }, { 5000, GREW, 0, 2 }, { 6000, GREW, 1000, 3 } } },
	{ "a long gap",
	  { M32, 6000, 1 },
	  { { 100, KNOWN, 0, 1000 }, { 14500, GREW, 14400, 1000 + 8640 } } },
	{ "the clock goes back",
	  { M32, 3600, 0 },
	  { { 100, KNOWN, 0, 5000 },
	    { 101, GREW, 1, 1400 },
	    { 102, GREW, 1, 1401 },
	    { 105, PENDING, 0, 1402 } } },
	{ "a leap after nobody knows how long",
	  { M32, 3600, 0 },
	  { { 100, KNOWN },
	    { 9000, UNSURE },
	    { 9001, LEAPT, 8901 },
	    { 20000, PENDING },
	    { 20001, LEAPT, 1 } } },
	{ "a false one after nobody knows how long",
	  { M32, 3600, 0 },
	  { { 100, KNOWN },
	    { 9000, UNSURE },
	    { 101, BACK, 1 },
	    { 9000, PENDING },
	    { 9001, LEAPT, 1 } } },
	{ "a reset meanwhile",
	  { M32, 3600, 0 },
	  { { 10000, KNOWN }, { 500, UNSURE }, { 501, RESET, 1 } } },
	{ "doubted: the next decides that it was false",
	  { 0 },
	  { { 100, KNOWN }, { 5000, DOUBTED }, { 101, BACK, 1 } } },
	{ "doubted: the next decides that it was true",
	  { 0 },
	  { { 100, KNOWN }, { 0, DOUBTED }, { 0.5, RESET, 0.5 } } },
	{ "doubted values confirm nothing",
	  { 0 },
	  { { 100, KNOWN }, { 0, PENDING }, { 0, DOUBTED }, { 0, DOUBTED }, { 101, BACK, 1 } } },
	{ "doubted from the start",
	  { 0 },
	  { { 5000, DOUBTED }, { 7, FIRST }, { 5000, DOUBTED }, { 8, FIRST }, { 9, GREW, 1 } } },
	{ "a false zero is the first",
	  { 0 },
	  { { 0, FIRST }, { 1e6, FIRST }, { 1e6 + 1, GREW, 1 } } },
	{ "a false zero is the first, rating known",
	  { M32, 6000, 1 },
	  { { 0, FIRST }, { 1e6, FIRST }, { 1e6 + 5, GREW, 5 }, { 1e6 + 6, GREW, 1 } } },
	{ "a false zero is the second",
	  { M32, 6000, 1 },
	  { { 1e6, FIRST }, { 0, FIRST }, { 1e6 + 2, FIRST }, { 1e6 + 3, GREW, 1 } } },
	{ "a false leap is the first",
	  { 0 },
	  { { 1e9, FIRST }, { 100, FIRST }, { 101, FIRST }, { 102, GREW, 1 } } },
	{ "a true first, rating known", { 0, 6000, 1 }, { { 100, FIRST }, { 103, GREW, 3 } } },
	{ "a true first that stands still",
	  { 0 },
	  { { 100, FIRST }, { 100, GREW }, { 101, GREW, 1 } } },
};

Test(counter, stories)
{
	for (size_t i = 0; i < N_ELEMENTS(stories); i++) {
		int64_t t_s = 1000;
		struct counter c;

		counter_init(&c);
		for (size_t k = 0; k < N_ELEMENTS(stories[i].reads); k++) {
			double step, value = stories[i].reads[k].value;
			int event = stories[i].reads[k].event;

			if (event == 0)
				break;
			t_s = stories[i].reads[k].t_s ? stories[i].reads[k].t_s : t_s + 60;
			if (event == KNOWN) {
				(void)counter_add(&c, &stories[i].rules, value, t_s * S, &step);
				event = GREW;
			}
			if (event == UNSURE) {
				counter_unsure(&c);
				event = PENDING;
			}
			if (event == DOUBTED) {
				counter_suspect(&c, value, t_s * S);
				continue;
			}
			cr_expect_eq((int)counter_add(&c, &stories[i].rules, value, t_s * S, &step),
				     event - 1, "%s, read %zu", stories[i].what, k + 1);
			cr_expect_eq(step, stories[i].reads[k].step, "%s, read %zu: %.17g",
				     stories[i].what, k + 1, step);
		}
	}
}
