/* SPDX-License-Identifier: Apache-2.0 */
/* What a building draws over a day. */
#include "sim/load.h"

#include <math.h>
#include <string.h>

#define DAY_S 86400.0
#define STEP_S 60.0    /* of the integration: the day's curve is smooth beside it */
#define STEPS_MAX 2000 /* beyond that the steps grow: a jump of years costs no time */

/* splitmix64: every seed gives a good start, and neighbours differ in all bits. */
static double random_unit(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double between(uint64_t *state, double lo, double hi)
{
	return lo + (hi - lo) * random_unit(state);
}

void load_init(struct load *l, uint64_t seed, unsigned address, double t)
{
	uint64_t state = seed * 1000003 + address;

	memset(l, 0, sizeof *l);
	l->rated_a = between(&state, 25, 60);
	for (int k = 0; k < 3; k++) {
		l->share[k] = between(&state, 0.8, 1);
		l->pf[k] = between(&state, 0.88, 0.97);
		l->active_wh[k] = between(&state, 1e6, 3e7);
		l->reactive_varh[k] = l->active_wh[k] * between(&state, 0.2, 0.4);
		l->apparent_vah[k] = hypot(l->active_wh[k], l->reactive_varh[k]);
	}
	for (int i = 0; i < 8; i++)
		l->phase[i] = between(&state, 0, 2 * M_PI);
	l->serial = floor(between(&state, 1e7, 1e8));
	l->integrated_s = t;
}

static double wave(const struct load *l, int i, double t, double period_s)
{
	return sin(2 * M_PI * fmod(t, period_s) / period_s + l->phase[i & 7]);
}

static double hump(double hour, double middle, double width)
{
	double x = (hour - middle) / width;

	return exp(-x * x);
}

/* Share of the rated current by the hour: quiet nights, a morning's work, an evening's peak. */
static double day_curve(double t)
{
	double hour = fmod(t, DAY_S) / 3600;

	return 0.18 + 0.45 * hump(hour, 11, 2.8) + 0.25 * hump(hour, 16, 2) +
	       0.5 * hump(hour, 20.5, 1.8);
}

static void phase_at(const struct load *l, int k, double t, struct sample *s)
{
	double use = day_curve(t) * l->share[k] * (1 + 0.06 * wave(l, k, t, 613 + 50 * k));
	double pf = l->pf[k] + 0.02 * wave(l, k + 3, t, 1800);

	s->current[k] = l->rated_a * use;
	s->voltage[k] = 231 + 2 * wave(l, k, t, 3600) + 0.5 * wave(l, k + 2, t, 97) - 3 * use;
	s->apparent[k] = s->voltage[k] * s->current[k];
	s->active[k] = s->apparent[k] * pf;
	s->reactive[k] = s->apparent[k] * sqrt(1 - pf * pf);
	s->thd_voltage[k] = 2.2 + 0.6 * wave(l, k + 4, t, 5400);
	s->thd_current[k] = 12 + 4 * wave(l, k + 5, t, 2700);
}

void load_at(const struct load *l, double t, struct sample *s)
{
	const double *i = s->current, *v = s->voltage;

	s->t = t;
	for (int k = 0; k < 3; k++)
		phase_at(l, k, t, s);
	for (int k = 0; k < 3; k++) {
		double a = v[k], b = v[(k + 1) % 3];

		s->line_voltage[k] = sqrt(a * a + b * b + a * b);
	}
	s->neutral = sqrt(fmax(0, i[0] * i[0] + i[1] * i[1] + i[2] * i[2] - i[0] * i[1] -
					  i[1] * i[2] - i[2] * i[0]));
	s->frequency = 50 + 0.02 * wave(l, 6, t, 300) + 0.01 * wave(l, 7, t, 41);
}

void load_advance(struct load *l, double t)
{
	double span = t - l->integrated_s;
	double steps = fmin(STEPS_MAX, ceil(span / STEP_S));
	double step = span / steps;
	struct sample s = { 0 };

	if (!(span > 0))
		return;
	for (double i = 0; i < steps; i++) {
		load_at(l, l->integrated_s + (i + 0.5) * step, &s);
		for (int k = 0; k < 3; k++) {
			l->active_wh[k] += s.active[k] * step / 3600;
			l->reactive_varh[k] += s.reactive[k] * step / 3600;
			l->apparent_vah[k] += s.apparent[k] * step / 3600;
		}
	}
	l->integrated_s = t;
}
