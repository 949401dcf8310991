/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where windows end.  All from the offset of local time, which localtime_r tells: no rule of any
 * zone is known here.  Two changes of the clock within one window are beyond it.
 */
#include "base/calendar.h"

#include <assert.h>
#include <time.h>

#define DAY_MS 86400000

/* Also of what is below 0: the remainder is from 0 to m - 1. */
static int64_t floor_mod(int64_t v, int64_t m)
{
	int64_t r = v % m;

	return r < 0 ? r + m : r;
}

static int64_t floor_s(int64_t ms)
{
	return (ms - floor_mod(ms, 1000)) / 1000;
}

/* Local time less UTC. */
static int64_t offset_ms(int64_t t_ms)
{
	time_t t = (time_t)floor_s(t_ms);
	struct tm local;

	return localtime_r(&t, &local) != NULL ? local.tm_gmtoff * 1000 : 0;
}

/* When, after `before` and at `after` at the latest, the offset stopped being that of `before`. */
static int64_t change_ms(int64_t before, int64_t after)
{
	int64_t offset = offset_ms(before), lo = floor_s(before), hi = floor_s(after);

	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (offset_ms(mid * 1000) == offset)
			lo = mid;
		else
			hi = mid;
	}
	return hi * 1000;
}

static int64_t multiple_from(int64_t local_ms, int64_t len_ms)
{
	return local_ms + floor_mod(-local_ms, len_ms);
}

/* The first end at or after the change, which stands between `old` and another offset. */
static int64_t end_at_change(int64_t change, int64_t old, int64_t len_ms)
{
	int64_t new = offset_ms(change);

	if (new > old && multiple_from(change + old, len_ms) < change + new)
		return change; /* it would have been in what is left out */
	return multiple_from(change + new, len_ms) - new;
}

bool calendar_length_ok(int64_t len_ms)
{
	return len_ms > 0 && len_ms % 1000 == 0 && DAY_MS % len_ms == 0;
}

int64_t calendar_end_ms(int64_t t_ms, int64_t len_ms)
{
	assert(calendar_length_ok(len_ms));
	int64_t offset = offset_ms(t_ms);
	int64_t end = t_ms + len_ms - floor_mod(t_ms + offset, len_ms);

	if (offset_ms(end) == offset)
		return end;
	return end_at_change(change_ms(t_ms, end), offset, len_ms);
}

int64_t calendar_start_ms(int64_t t_ms, int64_t len_ms)
{
	assert(calendar_length_ok(len_ms));
	int64_t offset = offset_ms(t_ms), change;
	int64_t start = t_ms - floor_mod(t_ms + offset, len_ms), old = offset_ms(start);

	if (old == offset)
		return start;
	change = change_ms(start, t_ms);
	start = end_at_change(change, old, len_ms);
	if (start <= t_ms)
		return start;
	return change - 1 - floor_mod(change - 1 + old, len_ms);
}
