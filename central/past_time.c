/* SPDX-License-Identifier: Apache-2.0 */
/* Times as the predecessor writes them. */
#include <ctype.h>
#include <string.h>

#include "central/past.h"

#define DAY_S 86400

/* Exactly n digits at *at, which goes behind them; -1. */
static int digits(const char **at, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return -1;
		v = v * 10 + (**at - '0');
	}
	return v;
}

static bool skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970; false: there is no such day. */
static bool day_number(int year, int month, int day, int64_t *ret)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t before = year - 1, days;

	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (month == 2 && is_leap(year)))
		return false;
	days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
	for (int m = 1; m < month; m++)
		days += lengths[m - 1] + (m == 2 && is_leap(year));
	*ret = days + day - 1;
	return true;
}

static bool parse_day(const char **at, int64_t *ret)
{
	int year, month, day;

	if (strlen(*at) < 10)
		return false;
	if ((*at)[2] == '/') {
		day = digits(at, 2);
		if (!skip(at, '/'))
			return false;
		month = digits(at, 2);
		if (!skip(at, '/'))
			return false;
		year = digits(at, 4);
	} else {
		year = digits(at, 4);
		if (!skip(at, '-'))
			return false;
		month = digits(at, 2);
		if (!skip(at, '-'))
			return false;
		day = digits(at, 2);
	}
	return day_number(year, month, day, ret);
}

static bool parse_clock(const char **at, int64_t *ms)
{
	int hour = digits(at, 2), minute, second = 0, weight = 100;

	if (hour < 0 || hour > 23 || !skip(at, ':'))
		return false;
	minute = digits(at, 2);
	if (minute < 0 || minute > 59)
		return false;
	if (skip(at, ':'))
		second = digits(at, 2);
	if (second < 0 || second > 59)
		return false;
	*ms = (hour * 3600 + minute * 60 + second) * INT64_C(1000);
	if (!skip(at, '.'))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++, weight /= 10)
		*ms += (**at - '0') * weight;
	return true;
}

static bool parse_offset(const char **at, struct past_time *t)
{
	int sign = **at == '-' ? 1 : -1, hours, minutes;

	t->local = **at == '\0';
	if (t->local || skip(at, 'Z'))
		return **at == '\0';
	if (**at != '+' && **at != '-')
		return false;
	(*at)++;
	hours = digits(at, 2);
	(void)skip(at, ':');
	minutes = **at != '\0' ? digits(at, 2) : 0;
	if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
		return false;
	t->ms += sign * (hours * 60 + minutes) * INT64_C(60000);
	return **at == '\0';
}

bool past_time_parse(const char *text, struct past_time *ret)
{
	struct past_time t = { 0 };
	const char *at = text;
	int64_t day, ms;

	if (!parse_day(&at, &day) || (!skip(&at, 'T') && !skip(&at, ' ')) || !parse_clock(&at, &ms))
		return false;
	t.ms = day * DAY_S * 1000 + ms;
	if (!parse_offset(&at, &t))
		return false;
	*ret = t;
	return true;
}

static int64_t floor_s(int64_t ms)
{
	return ms / 1000 - (ms % 1000 < 0);
}

size_t past_time_instants(const struct zone *zone, int64_t local_ms, int64_t ret[2])
{
	/* What the offset was a day before and is a day later: one change at most lies between. */
	int64_t before = zone_offset_s(zone, floor_s(local_ms) - DAY_S),
		after = zone_offset_s(zone, floor_s(local_ms) + DAY_S);
	size_t n = 0;

	/* The greater offset is the earlier instant. */
	for (int i = 0; i < 2; i++) {
		int64_t offset = (i == 0) == (before > after) ? before : after,
			ms = local_ms - offset * 1000;

		if (zone_offset_s(zone, floor_s(ms)) == offset && (n == 0 || ret[0] != ms))
			ret[n++] = ms;
	}
	return n;
}
