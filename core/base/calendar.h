/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where windows end: wall-clock multiples of a length within the local day, by the process's time
 * zone, or by one that has a name.  A day of 23 hours has 92 quarters of an hour, one of 25 has
 * 100.
 *
 * The caller calls tzset() once, before the first of those that take no zone.
 */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/zone.h"

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

/* The same in a zone; NULL: UTC. */
int64_t calendar_zone_end_ms(const struct zone *z, int64_t t_ms, int64_t len_ms);
int64_t calendar_zone_start_ms(const struct zone *z, int64_t t_ms, int64_t len_ms);

enum calendar_unit { CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH, CALENDAR_YEAR };
/* The first beginning of such a unit after t_ms; a week's is on Monday.  z NULL: UTC. */
int64_t calendar_next_ms(const struct zone *z, int64_t t_ms, enum calendar_unit unit);
/* The last one at or before t_ms. */
int64_t calendar_this_ms(const struct zone *z, int64_t t_ms, enum calendar_unit unit);

#endif
