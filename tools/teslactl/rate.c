/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps per second. */
#include "teslactl/rate.h"

#include <string.h>

#include "base/cleanup.h"

#define RATE_US 5000000 /* sweeps are counted over so long */

void rate_count(struct rate *r, int64_t analyzer, int64_t sweep)
{
	if (analyzer != r->last_analyzer || sweep != r->last_sweep)
		r->sweeps++;
	r->last_analyzer = analyzer;
	r->last_sweep = sweep;
}

double rate_now(struct rate *r, int64_t now_us)
{
	if (r->n == 0 || now_us - r->at_us[r->n - 1] >= 1000000) {
		while (r->n > 1 &&
		       (r->n == N_ELEMENTS(r->at_us) || now_us - r->at_us[0] > RATE_US)) {
			r->n--;
			memmove(r->at_us, r->at_us + 1, r->n * sizeof *r->at_us);
			memmove(r->count, r->count + 1, r->n * sizeof *r->count);
		}
		r->at_us[r->n] = now_us;
		r->count[r->n++] = r->sweeps;
	}
	if (now_us - r->at_us[0] < 1000000)
		return 0;
	return (double)(r->sweeps - r->count[0]) * 1e6 / (double)(now_us - r->at_us[0]);
}
