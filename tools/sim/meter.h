/* SPDX-License-Identifier: Apache-2.0 */
/* One simulated meter: a model, a load, and what the user fixed; answers requests. */
#ifndef SIM_METER_H
#define SIM_METER_H

#include "base/model.h"
#include "sim/modbus.h"

struct meter_rules {	   /* the same for all meters; outlives them */
	bool refuse_holes; /* exception 2 for registers that the model does not define */
	const struct model_range *forbidden; /* beside the model's own; function 0: any */
	size_t n_forbidden;
};

struct meter;

/* `t`: local time in seconds since 1970, as for meter_answer.  NULL: no memory. */
struct meter *meter_new(const struct model *model, unsigned address, uint64_t seed,
			const struct meter_rules *rules, double t);
void meter_free(struct meter *m);
const struct tesla_model *meter_model(const struct meter *m);

/*
 * Fixes one element of a variable, or (label NULL) all; value NULL: it follows the load again; NAN:
 * "not available".  -ENOENT: the model has none; -ERANGE, -EDOM: it cannot show the value, nothing
 * changed.  Scale registers that meter_scale did not set may move so that the value fits.
 */
int meter_fix(struct meter *m, const char *variable, const char *label, const double *value,
	      struct tesla_error *err);
/* Registers from `address` on have these values, whatever the model says; n 0: no longer. */
int meter_raw(struct meter *m, uint16_t address, const uint16_t *values, size_t n);
/* -ENOENT: the model has no such scale register. */
int meter_scale(struct meter *m, const char *name, int exponent, struct tesla_error *err);
/* NULL: the default; "": functions 17 and 43 are refused, VER not answered. */
int meter_identity(struct meter *m, const char *text);
/* Bits WHO_17 and WHO_43: the other is refused.  Both by default. */
void meter_identity_by(struct meter *m, unsigned knows);

/* Is its model one of commands?  Then meter_command, else meter_answer. */
bool meter_takes_commands(const struct meter *m);
/* False: it does not know the command, and says nothing. */
bool meter_command(struct meter *m, const struct pdu *rq, double t, struct pdu *reply);
void meter_answer(struct meter *m, uint8_t unit, const struct pdu *rq, double t, struct pdu *reply);

#endif
