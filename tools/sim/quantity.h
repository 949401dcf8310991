/* SPDX-License-Identifier: Apache-2.0 */
/* Which quantity of the load an element of a model shows. */
#ifndef SIM_QUANTITY_H
#define SIM_QUANTITY_H

#include <tesla/plugin.h>

#include "sim/load.h"

enum quantity {
	QUANTITY_NONE, /* shows 0 */
	QUANTITY_VOLTAGE,
	QUANTITY_LINE_VOLTAGE,
	QUANTITY_CURRENT,
	QUANTITY_ACTIVE,
	QUANTITY_REACTIVE,
	QUANTITY_APPARENT,
	QUANTITY_POWER_FACTOR,
	QUANTITY_FREQUENCY,
	QUANTITY_ACTIVE_ENERGY,
	QUANTITY_REACTIVE_ENERGY,
	QUANTITY_APPARENT_ENERGY,
	QUANTITY_THD_VOLTAGE,
	QUANTITY_THD_CURRENT,
	QUANTITY_HOURS,
	QUANTITY_MINUTES,
	QUANTITY_SERIAL,
};

#define PHASE_TOTAL (-1)
#define PHASE_NEUTRAL 3

struct source {
	enum quantity quantity;
	int phase;
	double factor;
}; /* phase 0-2, or one of the above */

struct source source_of(const struct tesla_variable *v, const char *label);
double source_value(const struct source *src, const struct load *l, const struct sample *s);
/* No value of this load is beyond it. */
double source_peak(const struct source *src, const struct load *l);

#endif
