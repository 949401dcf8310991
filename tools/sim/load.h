/* SPDX-License-Identifier: Apache-2.0 */
/* What a building draws over a day: arithmetic of time, the same for the same seed and address. */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include <stdint.h>

struct load {
	double rated_a;		/* what a phase may draw */
	double share[3], pf[3]; /* per phase */
	double phase[8];	/* of the slow waves */
	double active_wh[3], reactive_varh[3], apparent_vah[3];
	double integrated_s; /* energies are right up to here */
	double serial;
};

struct sample {	  /* one instant; powers are U x I x pf of the same instant */
	double t; /* seconds since 1970, local time */
	double voltage[3], line_voltage[3], current[3], neutral;
	double active[3], reactive[3], apparent[3];
	double thd_voltage[3], thd_current[3];
	double frequency;
};

void load_init(struct load *l, uint64_t seed, unsigned address, double t);
void load_at(const struct load *l, double t, struct sample *ret);
/* Integrates the power up to t; a time before the last one changes nothing. */
void load_advance(struct load *l, double t);

#endif
