/* SPDX-License-Identifier: Apache-2.0 */
/* Which quantity of the load an element of a model shows. */
#include "sim/quantity.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

#define ENERGY_PEAK 1e9 /* Wh: an exponent that serves the meter for years */
#define FREQUENCY_PEAK 65.0
#define THD_PEAK 100.0
#define VOLTAGE_PEAK 253.0 /* 230 V + 10 % */

/* docs/names.md has the names; a variable that is not here goes by its unit. */
static const struct {
	const char *name;
	enum quantity quantity;
} names[] = {
	{ "TPF", QUANTITY_VOLTAGE },
	{ "TFF", QUANTITY_LINE_VOLTAGE },
	{ "ROI", QUANTITY_LINE_VOLTAGE },
	{ "ROM", QUANTITY_LINE_VOLTAGE },
	{ "RFM", QUANTITY_POWER_FACTOR },
	{ "RFm", QUANTITY_POWER_FACTOR },
	{ "IPF", QUANTITY_CURRENT },
	{ "PAF", QUANTITY_ACTIVE },
	{ "PAT", QUANTITY_ACTIVE },
	{ "PRF", QUANTITY_REACTIVE },
	{ "PRT", QUANTITY_REACTIVE },
	{ "PSF", QUANTITY_APPARENT },
	{ "PAP", QUANTITY_APPARENT },
	{ "FPF", QUANTITY_POWER_FACTOR },
	{ "FPT", QUANTITY_POWER_FACTOR },
	{ "COS", QUANTITY_POWER_FACTOR },
	{ "COSF", QUANTITY_POWER_FACTOR },
	{ "FRE", QUANTITY_FREQUENCY },
	{ "THDV", QUANTITY_THD_VOLTAGE },
	{ "THDU", QUANTITY_THD_VOLTAGE },
	{ "THDI", QUANTITY_THD_CURRENT },
	{ "NSN", QUANTITY_SERIAL },
	/* A consumer: it exports nothing and draws no capacitive energy. */
	{ "PAE", QUANTITY_NONE },
	{ "PRC", QUANTITY_NONE },
	{ "PRCF", QUANTITY_NONE },
	{ "CEAE", QUANTITY_NONE },
	{ "CEAEF", QUANTITY_NONE },
	{ "CERE", QUANTITY_NONE },
	{ "CEREF", QUANTITY_NONE },
	{ "CEPE", QUANTITY_NONE },
	{ "CEPEF", QUANTITY_NONE },
	{ "CERC", QUANTITY_NONE },
	{ "CERCF", QUANTITY_NONE },
	{ "CERLE", QUANTITY_NONE },
	{ "CERLEF", QUANTITY_NONE },
	{ "CERCE", QUANTITY_NONE },
	{ "CERCEF", QUANTITY_NONE },
};

/* Power without a unit is taken as kW: meters that do not say show what fits 16 bits. */
static const struct {
	const char *unit;
	enum quantity quantity;
	double factor;
} units[] = {
	{ "V", QUANTITY_VOLTAGE, 1 },
	{ "kV", QUANTITY_VOLTAGE, 1e-3 },
	{ "A", QUANTITY_CURRENT, 1 },
	{ "mA", QUANTITY_CURRENT, 1e3 },
	{ "W", QUANTITY_ACTIVE, 1 },
	{ "kW", QUANTITY_ACTIVE, 1e-3 },
	{ "var", QUANTITY_REACTIVE, 1 },
	{ "kvar", QUANTITY_REACTIVE, 1e-3 },
	{ "VA", QUANTITY_APPARENT, 1 },
	{ "kVA", QUANTITY_APPARENT, 1e-3 },
	{ "Hz", QUANTITY_FREQUENCY, 1 },
	{ "Wh", QUANTITY_ACTIVE_ENERGY, 1 },
	{ "kWh", QUANTITY_ACTIVE_ENERGY, 1e-3 },
	{ "varh", QUANTITY_REACTIVE_ENERGY, 1 },
	{ "kvarh", QUANTITY_REACTIVE_ENERGY, 1e-3 },
	{ "VAh", QUANTITY_APPARENT_ENERGY, 1 },
	{ "kVAh", QUANTITY_APPARENT_ENERGY, 1e-3 },
	{ "h", QUANTITY_HOURS, 1 },
	{ "min", QUANTITY_MINUTES, 1 },
};

static const struct {
	const char *label;
	int phase;
} labels[] = {
	{ "L1", 0 }, { "L2", 1 },    { "L3", 2 },    { "12", 0 },    { "23", 1 },
	{ "31", 2 }, { "L1-L2", 0 }, { "L2-L3", 1 }, { "L3-L1", 2 }, { "N", PHASE_NEUTRAL },
};

static bool is_power(enum quantity q)
{
	return q == QUANTITY_ACTIVE || q == QUANTITY_REACTIVE || q == QUANTITY_APPARENT;
}

/* CEAE_T1 is a CEAE. */
static bool is_named(const char *name, const char *base)
{
	size_t len = strlen(base);

	return strncmp(name, base, len) == 0 && (name[len] == '\0' || name[len] == '_');
}

struct source source_of(const struct tesla_variable *v, const char *label)
{
	struct source src = { QUANTITY_NONE, PHASE_TOTAL, 1 };
	const char *unit = v->unit ? v->unit : "";
	bool named = false;

	for (size_t i = 0; i < N_ELEMENTS(units); i++)
		if (strcmp(units[i].unit, unit) == 0)
			src = (struct source){ units[i].quantity, PHASE_TOTAL, units[i].factor };
	for (size_t i = 0; i < N_ELEMENTS(names) && !named; i++)
		if ((named = is_named(v->name, names[i].name)))
			src.quantity = names[i].quantity;
	if (*unit == '\0' && is_power(src.quantity))
		src.factor = 1e-3;
	if (strcmp(unit, "%") == 0 && src.quantity == QUANTITY_POWER_FACTOR)
		src.factor = 100;
	for (size_t i = 0; i < N_ELEMENTS(labels) && label != NULL; i++)
		if (strcmp(labels[i].label, label) == 0)
			src.phase = labels[i].phase;
	if (src.quantity == QUANTITY_CURRENT && label != NULL && strcmp(label, "SUM") == 0)
		src.factor *= 3; /* of the mean */
	return src;
}

static double sum3(const double v[3])
{
	return v[0] + v[1] + v[2];
}

/* One phase, the neutral's own value, or for the total the sum (powers) or the mean (the rest). */
static double of_phase(const double v[3], int phase, double total, double neutral)
{
	if (phase == PHASE_NEUTRAL)
		return neutral;
	return phase == PHASE_TOTAL ? total : v[phase];
}

static double apparent_total(const struct sample *s)
{
	return hypot(sum3(s->active), sum3(s->reactive));
}

static double power_factor(const struct sample *s, int phase)
{
	if (phase >= 0 && phase < 3)
		return s->active[phase] / s->apparent[phase];
	return sum3(s->active) / apparent_total(s);
}

static double quantity_value(const struct source *src, const struct load *l, const struct sample *s)
{
	int k = src->phase;

	switch (src->quantity) {
	case QUANTITY_NONE:
		return 0;
	case QUANTITY_VOLTAGE:
		return of_phase(s->voltage, k, sum3(s->voltage) / 3, 0);
	case QUANTITY_LINE_VOLTAGE:
		return of_phase(s->line_voltage, k, sum3(s->line_voltage) / 3, 0);
	case QUANTITY_CURRENT:
		return of_phase(s->current, k, sum3(s->current) / 3, s->neutral);
	case QUANTITY_ACTIVE:
		return of_phase(s->active, k, sum3(s->active), 0);
	case QUANTITY_REACTIVE:
		return of_phase(s->reactive, k, sum3(s->reactive), 0);
	case QUANTITY_APPARENT:
		return of_phase(s->apparent, k, apparent_total(s), 0);
	case QUANTITY_POWER_FACTOR:
		return power_factor(s, k);
	case QUANTITY_FREQUENCY:
		return s->frequency;
	case QUANTITY_ACTIVE_ENERGY:
		return of_phase(l->active_wh, k, sum3(l->active_wh), 0);
	case QUANTITY_REACTIVE_ENERGY:
		return of_phase(l->reactive_varh, k, sum3(l->reactive_varh), 0);
	case QUANTITY_APPARENT_ENERGY:
		return of_phase(l->apparent_vah, k, sum3(l->apparent_vah), 0);
	case QUANTITY_THD_VOLTAGE:
		return of_phase(s->thd_voltage, k, sum3(s->thd_voltage) / 3, 0);
	case QUANTITY_THD_CURRENT:
		return of_phase(s->thd_current, k, sum3(s->thd_current) / 3, s->thd_current[0]);
	case QUANTITY_HOURS:
		return floor(fmod(s->t, 6e4 * 3600) / 3600); /* fits 16 bits */
	case QUANTITY_MINUTES:
		return floor(fmod(s->t, 3600) / 60);
	case QUANTITY_SERIAL:
		return l->serial;
	}
	return 0;
}

double source_value(const struct source *src, const struct load *l, const struct sample *s)
{
	return src->factor * quantity_value(src, l, s);
}

static double quantity_peak(const struct source *src, const struct load *l)
{
	double phases = src->phase == PHASE_TOTAL ? 3 : 1;

	switch (src->quantity) {
	case QUANTITY_VOLTAGE:
		return VOLTAGE_PEAK;
	case QUANTITY_LINE_VOLTAGE:
		return VOLTAGE_PEAK * sqrt(3);
	case QUANTITY_CURRENT:
		return l->rated_a;
	case QUANTITY_ACTIVE:
	case QUANTITY_REACTIVE:
	case QUANTITY_APPARENT:
		return phases * VOLTAGE_PEAK * l->rated_a;
	case QUANTITY_ACTIVE_ENERGY:
	case QUANTITY_REACTIVE_ENERGY:
	case QUANTITY_APPARENT_ENERGY:
		return ENERGY_PEAK;
	case QUANTITY_POWER_FACTOR:
		return 1;
	case QUANTITY_FREQUENCY:
		return FREQUENCY_PEAK;
	case QUANTITY_THD_VOLTAGE:
	case QUANTITY_THD_CURRENT:
		return THD_PEAK;
	default:
		return 0;
	}
}

double source_peak(const struct source *src, const struct load *l)
{
	return src->factor * quantity_peak(src, l);
}
