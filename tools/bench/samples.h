/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is stored when stores are compared: 25 analyzers with 40 values each, 10,080 times: a week
 * of minutes, or fifteen of quarters of an hour.  The values of a series walk about a level, with
 * one decimal; means of fifteen of them have no short decimal.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define SAMPLES_ANALYZERS 25u
#define SAMPLES_VALUES 40u
#define SAMPLES_ROWS 10080u
#define SAMPLES_START_MS (INT64_C(2900) * 7 * 86400000) /* a Thursday, UTC, in 2025 */

enum samples_kind { SAMPLES_WHOLE, SAMPLES_JITTERED, SAMPLES_MEANS, N_SAMPLES_KINDS };

struct samples { /* of one analyzer, and one span of SAMPLES_ROWS */
	int64_t end_ms[SAMPLES_ROWS];
	double values[SAMPLES_VALUES][SAMPLES_ROWS];
};

static inline int samples_kind_named(const char *name)
{
	static const char *const names[N_SAMPLES_KINDS] = { "whole", "jittered", "means" };

	for (int i = 0; i < N_SAMPLES_KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static inline int64_t samples_step_ms(enum samples_kind kind)
{
	return kind == SAMPLES_MEANS ? 900000 : 60000;
}

static inline uint64_t samples_random(uint64_t *z)
{
	*z = *z * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *z >> 33;
}

/* A step of a walk that is drawn back to its level. */
static inline double samples_walk(double v, double level, uint64_t *z)
{
	return v + ((double)(samples_random(z) % 9) - 4) / 10 - (v - level) / 50;
}

static inline void samples_make(struct samples *s, unsigned analyzer, unsigned span,
				enum samples_kind kind)
{
	int64_t step = samples_step_ms(kind), first = (int64_t)span * SAMPLES_ROWS;
	uint64_t z = (span * SAMPLES_ANALYZERS + analyzer) * 7919u + 1;

	for (unsigned i = 0; i < SAMPLES_ROWS; i++)
		s->end_ms[i] =
			SAMPLES_START_MS + (first + i + 1) * step +
			(kind == SAMPLES_JITTERED ? (int64_t)(samples_random(&z) % 401) - 200 : 0);
	for (unsigned k = 0; k < SAMPLES_VALUES; k++) {
		double level = 10 + 7 * k, v = level;

		for (unsigned i = 0; i < SAMPLES_ROWS; i++) {
			double sum = 0;

			for (unsigned j = 0; j < (kind == SAMPLES_MEANS ? 15 : 1); j++) {
				v = samples_walk(v, level, &z);
				sum += round(v * 10) / 10;
			}
			s->values[k][i] = kind == SAMPLES_MEANS ? sum / 15 : sum;
		}
	}
}

#endif
