/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps per second over the last few seconds: counts at past moments, oldest first. */
#ifndef TESLACTL_RATE_H
#define TESLACTL_RATE_H

#include <stddef.h>
#include <stdint.h>

struct rate {
	int64_t at_us[8];
	uint64_t count[8], sweeps;
	size_t n;
	int64_t last_analyzer, last_sweep;
};

/* A reading came; those of a sweep come one after the other. */
void rate_count(struct rate *r, int64_t analyzer, int64_t sweep);
double rate_now(struct rate *r, int64_t now_us);

#endif
