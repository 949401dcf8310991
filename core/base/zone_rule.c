/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of zones, and the calendar's arithmetic that they need. */
#include "base/zone_rule.h"

#include <ctype.h>
#include <string.h>

#define DAY_S 86400
#define HOUR_S 3600
#define YEARS 400 /* after so many all is as before */
#define YEARS_DAYS 146097

/* ---- dates ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Years are counted from March, so that a leap day is the last one of its year. */
int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
	int64_t turns = floor_div(y, YEARS), in = y - turns * YEARS;

	return turns * YEARS_DAYS + in * 365 + in / 4 - in / 100 + (153 * m + 2) / 5 + day - 1 -
	       719468; /* 0000-03-01 */
}

void date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t z = days + 719468, turns = floor_div(z, YEARS_DAYS), in = z - turns * YEARS_DAYS;
	int64_t y = (in - in / 1460 + in / 36524 - in / 146096) / 365;
	int64_t of_year = in - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = turns * YEARS + y + (*month <= 2);
}

static bool is_leap(int64_t year)
{
	return days_of_date(year, 3, 1) - days_of_date(year, 2, 28) == 2;
}

/* ---- changes ---- */

static int64_t month_days(int64_t year, int64_t month)
{
	return days_of_date(month < 12 ? year : year + 1, month % 12 + 1, 1) -
	       days_of_date(year, month, 1);
}

/* 0 is Sunday; week 5 is the last one that has such a day. */
static int64_t day_of_month_rule(const struct zone_date *d, int64_t year)
{
	int64_t first = days_of_date(year, d->month, 1);
	int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
	int64_t day = (d->day - weekday + 7) % 7 + (d->week - 1) * 7;

	return first + (day < month_days(year, d->month) ? day : day - 7);
}

static int64_t change_local_s(const struct zone_date *d, int64_t year)
{
	int64_t days = days_of_date(year, 1, 1);

	if (d->kind == ZONE_MONTH)
		days = day_of_month_rule(d, year);
	else if (d->kind == ZONE_DAY)
		days += d->day;
	else /* the leap day is not counted */
		days += d->day - 1 + (d->day > 59 && is_leap(year));
	return days * DAY_S + d->time_s;
}

int64_t zone_rule_offset_s(const struct zone_rule *r, int64_t t_s)
{
	int64_t year, month, day, start, end;
	bool dst;

	if (!r->has_dst)
		return r->std_s;
	date_of_days(floor_div(t_s + r->std_s, DAY_S), &year, &month, &day);
	start = change_local_s(&r->start, year) - r->std_s;
	end = change_local_s(&r->end, year) - r->dst_s;
	dst = start < end ? t_s >= start && t_s < end : t_s >= start || t_s < end;
	return dst ? r->dst_s : r->std_s;
}

/* ---- the text ---- */

static bool take_number(const char **at, int64_t max, int64_t *ret)
{
	int64_t v = 0;

	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++) {
		v = v * 10 + (**at - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Letters, or anything within <>. */
static bool take_name(const char **at)
{
	const char *start = *at, *end;

	if (take_char(at, '<')) {
		end = strchr(*at, '>');
		*at = end != NULL ? end + 1 : *at;
		return end != NULL;
	}
	while (isalpha((unsigned char)**at))
		(*at)++;
	return *at > start;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **at, int64_t max_h, int64_t *ret)
{
	bool minus = take_char(at, '-');
	int64_t h, m = 0, s = 0;

	if (!minus)
		(void)take_char(at, '+');
	if (!take_number(at, max_h, &h) || (take_char(at, ':') && !take_number(at, 59, &m)) ||
	    (take_char(at, ':') && !take_number(at, 59, &s)))
		return false;
	*ret = h * HOUR_S + m * 60 + s;
	*ret = minus ? -*ret : *ret;
	return true;
}

static bool take_day(const char **at, struct zone_date *d)
{
	if (take_char(at, 'M')) {
		d->kind = ZONE_MONTH;
		return take_number(at, 12, &d->month) && d->month > 0 && take_char(at, '.') &&
		       take_number(at, 5, &d->week) && d->week > 0 && take_char(at, '.') &&
		       take_number(at, 6, &d->day);
	}
	d->kind = take_char(at, 'J') ? ZONE_JULIAN : ZONE_DAY;
	return take_number(at, 365, &d->day) && (d->kind == ZONE_DAY || d->day > 0);
}

static bool take_date(const char **at, struct zone_date *d)
{
	*d = (struct zone_date){ .time_s = 2 * HOUR_S };
	return take_char(at, ',') && take_day(at, d) &&
	       (!take_char(at, '/') || take_time(at, 167, &d->time_s));
}

bool zone_rule_parse(const char *text, struct zone_rule *ret)
{
	struct zone_rule r = { 0 };
	const char *at = text;

	if (!take_name(&at) || !take_time(&at, 24, &r.std_s))
		return false;
	r.std_s = -r.std_s; /* POSIX counts to the west */
	r.has_dst = *at != '\0';
	r.dst_s = r.std_s + HOUR_S;
	if (r.has_dst && !take_name(&at))
		return false;
	if (r.has_dst && *at != ',') {
		if (!take_time(&at, 24, &r.dst_s))
			return false;
		r.dst_s = -r.dst_s;
	}
	if (r.has_dst && !(take_date(&at, &r.start) && take_date(&at, &r.end)))
		return false;
	*ret = r;
	return *at == '\0';
}
