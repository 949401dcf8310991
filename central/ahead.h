/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that end in the future, by the server's clock: one of both clocks is wrong, and kept they
 * would be the newest of their analyzer for years.  Pure: the clock is the caller's.
 */
#ifndef CENTRAL_AHEAD_H
#define CENTRAL_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#define AHEAD_TEXT 120u

/*
 * More than a day after `now_ms`.  Of none where that itself is before 2020: that clock was never
 * set.  What no record may end at (after the year 9999) is no question of clocks: false.
 */
bool is_ahead(int64_t end_ms, int64_t now_ms);
/* A sentence about one that is; `text`. */
const char *ahead_text(int64_t end_ms, int64_t now_ms, char text[AHEAD_TEXT]);

#endif
