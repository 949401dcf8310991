/* SPDX-License-Identifier: Apache-2.0 */
/* Which records end in the future. */
#include "central/ahead.h"

#include <stdio.h>

#include "central/local_time.h"

#define DAY_MS INT64_C(86400000)
#define YEAR_2020_MS INT64_C(1577836800000)
#define YEAR_9999_END_MS INT64_C(253402300799999)

bool is_ahead(int64_t end_ms, int64_t now_ms)
{
	return now_ms >= YEAR_2020_MS && end_ms <= YEAR_9999_END_MS && end_ms > now_ms &&
	       end_ms - now_ms > DAY_MS;
}

const char *ahead_text(int64_t end_ms, int64_t now_ms, char text[AHEAD_TEXT])
{
	char end[LOCAL_TIME_SIZE], now[LOCAL_TIME_SIZE];

	utc_time_print(end_ms / 1000, end);
	utc_time_print(now_ms / 1000, now);
	(void)snprintf(text, AHEAD_TEXT,
		       "it ends at %s, more than a day after now, %s: a clock is wrong", end, now);
	return text;
}
