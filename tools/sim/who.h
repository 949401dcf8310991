/* SPDX-License-Identifier: Apache-2.0 */
/* How a meter answers who it is: functions 17 and 43. */
#ifndef SIM_WHO_H
#define SIM_WHO_H

#include "sim/modbus.h"

enum { WHO_17 = 1, WHO_43 = 2 }; /* which of them it knows */

/* "17", "43", "17,43" or "none" as those bits; false: it is none of them. */
bool who_parse(const char *text, unsigned *ret);
/*
 * The answer to a request of one of these functions.  0, or the exception: of a function that it
 * does not know, or when it has no text.
 */
int who_answer(const char *text, unsigned knows, uint8_t unit, const struct pdu *rq,
	       struct pdu *reply);

#endif
