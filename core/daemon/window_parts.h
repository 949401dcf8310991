/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the window share. */
#ifndef DAEMON_WINDOW_PARTS_H
#define DAEMON_WINDOW_PARTS_H

#include "daemon/window.h"

/* Beyond it a value is no measurement, and a sum over time might not be finite. */
#define WINDOW_VALUE_MAX 1e200

static inline struct window_element *window_elements(struct window *w)
{
	return (struct window_element *)(void *)&w->variables[w->n_variables];
}

/* How long a good reading stands for at most. */
int64_t window_hold_us(const struct conf_analyzer *a, size_t variable);
/* Nothing is gathered; what goes on from window to window stays. */
void window_element_reset(struct window_element *e);

/*
 * What a counter is judged by; what is not known is 0.  Where an exponent is not known, rating and
 * resolution are what the largest would make them.
 */
struct counter_rules window_rules(const struct tesla_variable *v, const struct tesla_register *r,
				  const struct window_scale *s);
/*
 * To the nearest 1/16 of the register's resolution, and there to the double that is nearest to that
 * decimal number; as it is where no resolution is known.
 */
double window_round(double mean, const struct tesla_register *r, const struct window_scale *s);

#endif
