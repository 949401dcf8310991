/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and steps from text. */
#include "central/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/param.h"
#include "base/zone_rule.h"

#define DAY_S INT64_C(86400)
#define HOUR_MS INT64_C(3600000)

/* ---- moments ---- */

/* `digits` of them, no more and no less; false: something else is there. */
static bool take_number(const char **at, int digits, int64_t *ret)
{
	int64_t v = 0;

	for (int i = 0; i < digits; i++, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		v = 10 * v + (**at - '0');
	}
	*ret = v;
	return true;
}

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

static bool take_date(const char **at, int64_t *days)
{
	static const int8_t lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t year, month, day, back[3];

	if (!take_number(at, 4, &year) || !take(at, '-') || !take_number(at, 2, &month) ||
	    !take(at, '-') || !take_number(at, 2, &day) || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1])
		return false;
	*days = days_of_date(year, month, day);
	date_of_days(*days, &back[0], &back[1], &back[2]);
	return back[2] == day; /* the 29th of February is not always there */
}

/* Any number of digits; those beyond the third are dropped. */
static bool take_fraction(const char **at, int64_t *ms)
{
	int64_t unit = 100;
	const char *begin = *at;

	for (*ms = 0; **at >= '0' && **at <= '9'; ++*at, unit /= 10)
		*ms += (**at - '0') * unit;
	return *at > begin;
}

static bool take_time(const char **at, int64_t *ms)
{
	int64_t hour, minute, second = 0, fraction = 0;

	if (!take_number(at, 2, &hour) || !take(at, ':') || !take_number(at, 2, &minute))
		return false;
	if (take(at, ':') &&
	    (!take_number(at, 2, &second) || (take(at, '.') && !take_fraction(at, &fraction))))
		return false;
	*ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
	return minute < 60 && second < 60 && (hour < 24 || *ms == DAY_S * 1000);
}

/* A + of a query that was not encoded has become a blank. */
static bool take_offset(const char **at, int64_t *offset_s)
{
	int64_t hours, minutes = 0;
	bool minus = **at == '-';

	if (!take(at, '+') && !take(at, '-') && !take(at, ' '))
		return false;
	if (!take_number(at, 2, &hours))
		return false;
	(void)take(at, ':'); /* +01, +01:00, +0100 */
	if (**at != '\0' && !take_number(at, 2, &minutes))
		return false;
	*offset_s = (hours * 60 + minutes) * 60 * (minus ? -1 : 1);
	return hours < 24 && minutes < 60;
}

/* The first of the moments that a clock on the wall shows it at. */
static int64_t local_ms(const struct zone *zone, int64_t local)
{
	int64_t before = zone_offset_s(zone, local / 1000 - DAY_S);
	int64_t after = zone_offset_s(zone, local / 1000 + DAY_S);
	int64_t early = local - 1000 * (before > after ? before : after);
	int64_t late = local - 1000 * (before > after ? after : before);

	if (early + 1000 * zone_offset_s(zone, early / 1000) == local)
		return early;
	return late + 1000 * zone_offset_s(zone, late / 1000) == local ? late
								       : local - 1000 * before;
}

static bool iso_parse(const char *at, const struct zone *zone, int64_t *ret)
{
	int64_t days, ms = 0, offset_s;

	if (!take_date(&at, &days))
		return false;
	if (*at != '\0' && ((!take(&at, 'T') && !take(&at, ' ')) || !take_time(&at, &ms)))
		return false;
	ms += days * DAY_S * 1000;
	if (*at == '\0') {
		*ret = local_ms(zone, ms);
		return true;
	}
	if (take(&at, 'Z'))
		offset_s = 0;
	else if (!take_offset(&at, &offset_s))
		return false;
	*ret = ms - offset_s * 1000;
	return *at == '\0';
}

int moment_parse(const char *text, const struct zone *zone, int64_t *ret, struct tesla_error *err)
{
	char *end;
	int64_t ms;

	errno = 0;
	ms = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || text[0] == ' ' || text[0] == '+') {
		if (!iso_parse(text, zone, &ms))
			return tesla_fail(err, -EINVAL,
					  "\"%.40s\": expected a moment as in 2026-11-30, "
					  "2026-11-30T10:15:00Z, or milliseconds since 1970",
					  text);
	}
	if (ms < -MOMENT_MAX_MS || ms > MOMENT_MAX_MS)
		return tesla_fail(err, -EINVAL, "\"%.40s\" is too far away", text);
	*ret = ms;
	return 0;
}

static char *two(char *at, int64_t v)
{
	at[0] = (char)('0' + v / 10 % 10);
	at[1] = (char)('0' + v % 10);
	return at + 2;
}

size_t moment_text(int64_t ms, char text[MOMENT_TEXT])
{
	int64_t in_day = ms % (DAY_S * 1000), days = ms / (DAY_S * 1000), year, month, day;
	char *at = text;

	if (in_day < 0) {
		in_day += DAY_S * 1000;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	if (year < 0 || year > 9999)
		return number_int_text(ms, text);
	at = two(two(at, year / 100), year % 100);
	*at++ = '-';
	at = two(at, month);
	*at++ = '-';
	at = two(at, day);
	*at++ = 'T';
	at = two(at, in_day / HOUR_MS);
	*at++ = ':';
	at = two(at, in_day / 60000 % 60);
	*at++ = ':';
	at = two(at, in_day / 1000 % 60);
	if (in_day % 1000 != 0) {
		*at++ = '.';
		*at++ = (char)('0' + in_day / 100 % 10);
		at = two(at, in_day % 100);
	}
	*at++ = 'Z';
	*at = '\0';
	return (size_t)(at - text);
}

/* ---- steps ---- */

static const struct {
	const char *text;
	struct step step;
} units[] = {
	{ "1d", { 0, CALENDAR_DAY } },	    { "1w", { 0, CALENDAR_WEEK } },
	{ "1mo", { 0, CALENDAR_MONTH } },   { "1y", { 0, CALENDAR_YEAR } },
	{ "day", { 0, CALENDAR_DAY } },	    { "week", { 0, CALENDAR_WEEK } },
	{ "month", { 0, CALENDAR_MONTH } }, { "year", { 0, CALENDAR_YEAR } },
};

/* "15m" are minutes; so does a shell's user write them, and Prometheus. */
static int length_parse(const char *text, int64_t *ret)
{
	size_t len = strlen(text);
	char copy[32];

	if (len + 3 > sizeof copy)
		return -EINVAL;
	memcpy(copy, text, len + 1);
	if (len > 1 && copy[len - 1] == 'm')
		memcpy(copy + len, "in", 3);
	return duration_parse_ms(copy, 1000, ret);
}

int step_parse(const char *text, struct step *ret, struct tesla_error *err)
{
	int64_t length;

	for (size_t i = 0; i < N_ELEMENTS(units); i++)
		if (strcmp(text, units[i].text) == 0) {
			*ret = units[i].step;
			return 0;
		}
	if (length_parse(text, &length) != 0 || length < 1000)
		return tesla_fail(err, -EINVAL,
				  "step is \"%.40s\": expected one as in 900 (seconds), 15m, 1h, "
				  "1d, 1w, 1mo, 1y",
				  text);
	*ret = (struct step){ .length_ms = length };
	if (length == DAY_S * 1000)
		*ret = (struct step){ .unit = CALENDAR_DAY };
	return 0;
}

static int64_t next_end(const void *arg, int64_t ms)
{
	const struct step_calendar *c = arg;

	return c->step.length_ms > 0 ? calendar_zone_end_ms(c->zone, ms, c->step.length_ms)
				     : calendar_next_ms(c->zone, ms, c->step.unit);
}

/* Steps that divide an hour end where those of UTC do, whatever the season. */
static bool is_as_utc(const struct step_calendar *c, int64_t from_ms, int64_t to_ms)
{
	int64_t length_s = c->step.length_ms / 1000;

	if (c->step.length_ms == 0)
		return false;
	if (!calendar_length_ok(c->step.length_ms) || c->zone == NULL)
		return true;
	return HOUR_MS % c->step.length_ms == 0 &&
	       zone_offset_s(c->zone, from_ms / 1000) % length_s == 0 &&
	       zone_offset_s(c->zone, to_ms / 1000) % length_s == 0;
}

struct store_steps step_steps(const struct step_calendar *calendar, int64_t from_ms, int64_t to_ms)
{
	if (is_as_utc(calendar, from_ms, to_ms))
		return (struct store_steps){ .step_ms = calendar->step.length_ms };
	return (struct store_steps){ .next = next_end, .arg = calendar };
}
