/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where windows end: wall-clock multiples of a length within the local day, by the process's time
 * zone.  A day of 23 hours has 92 quarters of an hour, one of 25 has 100.
 *
 * The caller calls tzset() once, before the first of these.
 */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The first end after t_ms of windows that are len_ms long (calendar_length_ok).  Where the clock
 * is put forward, an end that would fall into the time that is left out is the moment of the
 * change; where it is put back, the ends of the time that comes again come twice.
 */
int64_t calendar_end_ms(int64_t t_ms, int64_t len_ms);
/* The last end at or before t_ms: where the window that t_ms is in began. */
int64_t calendar_start_ms(int64_t t_ms, int64_t len_ms);
/* A length of windows: whole seconds that divide a day. */
bool calendar_length_ok(int64_t len_ms);

#endif
