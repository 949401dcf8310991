/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where windows end.  All from the offset of local time, which localtime_r or a zone tells: no rule
 * of any zone is known here.  Two changes of the clock within one window are beyond it.
 */
#include "base/calendar.h"

#include <assert.h>
#include <time.h>

#include "base/zone_rule.h"

#define DAY_MS 86400000

struct place {
	bool is_ours; /* the process's zone, and not: */
	const struct zone *zone;
};

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
static int64_t offset_ms(const struct place *p, int64_t t_ms)
{
	time_t t = (time_t)floor_s(t_ms);
	struct tm local;

	if (!p->is_ours)
		return zone_offset_s(p->zone, t) * 1000;
	return localtime_r(&t, &local) != NULL ? local.tm_gmtoff * 1000 : 0;
}

/* When, after `before` and at `after` at the latest, the offset stopped being that of `before`. */
static int64_t change_ms(const struct place *p, int64_t before, int64_t after)
{
	int64_t offset = offset_ms(p, before), lo = floor_s(before), hi = floor_s(after);

	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (offset_ms(p, mid * 1000) == offset)
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
static int64_t end_at_change(const struct place *p, int64_t change, int64_t old, int64_t len_ms)
{
	int64_t new = offset_ms(p, change);

	if (new > old && multiple_from(change + old, len_ms) < change + new)
		return change; /* it would have been in what is left out */
	return multiple_from(change + new, len_ms) - new;
}

bool calendar_length_ok(int64_t len_ms)
{
	return len_ms > 0 && len_ms % 1000 == 0 && DAY_MS % len_ms == 0;
}

static int64_t end_ms(const struct place *p, int64_t t_ms, int64_t len_ms)
{
	assert(calendar_length_ok(len_ms));
	int64_t offset = offset_ms(p, t_ms);
	int64_t end = t_ms + len_ms - floor_mod(t_ms + offset, len_ms);

	if (offset_ms(p, end) == offset)
		return end;
	return end_at_change(p, change_ms(p, t_ms, end), offset, len_ms);
}

static int64_t start_ms(const struct place *p, int64_t t_ms, int64_t len_ms)
{
	assert(calendar_length_ok(len_ms));
	int64_t offset = offset_ms(p, t_ms), change;
	int64_t start = t_ms - floor_mod(t_ms + offset, len_ms), old = offset_ms(p, start);

	if (old == offset)
		return start;
	change = change_ms(p, start, t_ms);
	start = end_at_change(p, change, old, len_ms);
	if (start <= t_ms)
		return start;
	return change - 1 - floor_mod(change - 1 + old, len_ms);
}

int64_t calendar_end_ms(int64_t t_ms, int64_t len_ms)
{
	return end_ms(&(struct place){ .is_ours = true }, t_ms, len_ms);
}

int64_t calendar_start_ms(int64_t t_ms, int64_t len_ms)
{
	return start_ms(&(struct place){ .is_ours = true }, t_ms, len_ms);
}

int64_t calendar_zone_end_ms(const struct zone *z, int64_t t_ms, int64_t len_ms)
{
	return end_ms(&(struct place){ .zone = z }, t_ms, len_ms);
}

int64_t calendar_zone_start_ms(const struct zone *z, int64_t t_ms, int64_t len_ms)
{
	return start_ms(&(struct place){ .zone = z }, t_ms, len_ms);
}

/* ---- days and more ---- */

/* The first day, counted from 1970, of the unit that a day is in, and that of the next one. */
static void unit_days(int64_t days, enum calendar_unit unit, int64_t *first, int64_t *next)
{
	int64_t year, month, day;

	date_of_days(days, &year, &month, &day);
	switch (unit) {
	case CALENDAR_WEEK: /* 1970-01-01 was a Thursday */
		*first = days - floor_mod(days + 3, 7);
		*next = *first + 7;
		break;
	case CALENDAR_MONTH:
		*first = days - day + 1;
		*next = days_of_date(month < 12 ? year : year + 1, month % 12 + 1, 1);
		break;
	case CALENDAR_YEAR:
		*first = days_of_date(year, 1, 1);
		*next = days_of_date(year + 1, 1, 1);
		break;
	default:
		*first = days;
		*next = days + 1;
	}
}

static int64_t local_day(const struct zone *z, int64_t t_ms)
{
	int64_t local = t_ms + zone_offset_s(z, floor_s(t_ms)) * 1000;

	return (local - floor_mod(local, DAY_MS)) / DAY_MS;
}

/*
 * The first moment of a local day, or of a later one where there was no such day.  Where midnight
 * comes twice, the first one: so a day's beginning is one moment.
 */
static int64_t day_start_ms(const struct zone *z, int64_t day)
{
	int64_t t = day * DAY_MS - DAY_MS - DAY_MS / 2;

	while (local_day(z, t) < day)
		t = calendar_zone_end_ms(z, t, DAY_MS);
	return t;
}

int64_t calendar_next_ms(const struct zone *z, int64_t t_ms, enum calendar_unit unit)
{
	int64_t first, next, at;

	unit_days(local_day(z, t_ms), unit, &first, &next);
	at = day_start_ms(z, next);
	if (at <= t_ms) { /* it had begun when the clock was put back */
		unit_days(next, unit, &first, &next);
		at = day_start_ms(z, next);
	}
	return at;
}

int64_t calendar_this_ms(const struct zone *z, int64_t t_ms, enum calendar_unit unit)
{
	int64_t first, next, at;

	unit_days(local_day(z, t_ms), unit, &first, &next);
	at = day_start_ms(z, next);
	return at <= t_ms ? at : day_start_ms(z, first);
}
