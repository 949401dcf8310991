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
#include "central/local_time.h"

#define DAY_S INT64_C(86400)
#define HOUR_MS INT64_C(3600000)
#define MOMENT_SIZE 64 /* of a moment as text, whatever its fraction */

/* ---- moments ---- */

/* The first of the moments that a clock on the wall shows it at. */
static int64_t local_ms(const struct zone *zone, int64_t local)
{
	int64_t found[2];

	if (local_instants(zone, local, found) > 0)
		return found[0];
	return local - 1000 * zone_offset_s(zone, local / 1000 - DAY_S);
}

static bool iso_parse(const char *text, const struct zone *zone, int64_t *ret)
{
	char copy[MOMENT_SIZE], *blank;
	struct local_time t;

	if (strlen(text) >= sizeof copy)
		return false;
	memcpy(copy, text, strlen(text) + 1);
	/* A + of a query that was not encoded has become a blank. */
	blank = strrchr(copy, ' ');
	if (blank != NULL && strchr(copy, ':') != NULL && blank > strchr(copy, ':'))
		*blank = '+';
	if (!local_time_read(copy, &t) || t.day_first)
		return false;
	*ret = t.zoned ? t.ms : local_ms(zone, t.ms);
	return true;
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

static int64_t last_end(const void *arg, int64_t ms)
{
	const struct step_calendar *c = arg;

	return c->step.length_ms > 0 ? calendar_zone_start_ms(c->zone, ms, c->step.length_ms)
				     : calendar_this_ms(c->zone, ms, c->step.unit);
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
	return (struct store_steps){ .next = next_end, .last = last_end, .arg = calendar };
}
