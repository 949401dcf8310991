/* SPDX-License-Identifier: Apache-2.0 */
/* An instant as v2 writes it: local time, by the process's time zone, and UTC. */
#ifndef CLIENTREST_INSTANT_H
#define CLIENTREST_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#define INSTANT_SIZE 24

/* false: it has no such form (a year below 1 or above 9999). */
bool instant_local(int64_t t_ms, char out[INSTANT_SIZE]); /* 25/10/2026 02:15:00 */
bool instant_utc(int64_t t_ms, char out[INSTANT_SIZE]);	  /* 2026-10-25T01:15:00Z */
/* The clock showed the same local time before, until it was put back. */
bool instant_is_second_pass(int64_t t_ms);

#endif
