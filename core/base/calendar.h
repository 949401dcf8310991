/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where windows end: wall-clock multiples of a length within the local day, by the process's time
 * zone.  A day of 23 hours has 92 quarters of an hour, one of 25 has 100.
 */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The first end after t_ms of windows that are len_ms long (a whole number of seconds that divides
 * a day).  Where the clock is put forward, an end that would fall into the hour that is left out
 * is the moment of the change; where it is put back, the hour's ends come twice.
 */
int64_t calendar_end_ms(int64_t t_ms, int64_t len_ms);
/* The last end at or before t_ms: where the window that t_ms is in began. */
int64_t calendar_start_ms(int64_t t_ms, int64_t len_ms);
/* A window's length that calendar_end_ms takes. */
bool calendar_length_ok(int64_t len_ms);

#endif
