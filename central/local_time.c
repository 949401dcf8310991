/* SPDX-License-Identifier: Apache-2.0 */
/* Times from text and to text; days by the C library. */
#include "central/local_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

#define DAY_S INT64_C(86400)
#define EPOCH_YEAR 1970 /* nothing was measured before */

/* A number of `min` to `max` digits; NULL: there is none. */
static const char *digits(const char *at, size_t min, size_t max, int *ret)
{
	size_t n = strspn(at, "0123456789");

	n = n < max ? n : max;
	if (n < min)
		return NULL;
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret = 10 * *ret + (at[i] - '0');
	return at + n;
}

/*
 * By a form: d, m, H, M, S are numbers of `min` to two digits, Y one of four, all else stands for
 * itself.  Where it ends; NULL: it is not of that form.
 */
static const char *take(const char *form, const char *text, size_t min, struct tm *tm)
{
	static const char letters[] = "dmYHMS";
	int *const fields[] = { &tm->tm_mday, &tm->tm_mon, &tm->tm_year,
				&tm->tm_hour, &tm->tm_min, &tm->tm_sec };

	for (; *form != '\0'; form++) {
		const char *letter = strchr(letters, *form);

		if (letter == NULL) {
			if (*text++ != *form)
				return NULL;
			continue;
		}
		text = digits(text, *form == 'Y' ? 4 : min, *form == 'Y' ? 4 : 2,
			      fields[letter - letters]);
		if (text == NULL)
			return NULL;
	}
	return text;
}

/* timegm() makes the 31st of February a day of March: then it is no time. */
static bool seconds(struct tm tm, int64_t *ret_s)
{
	struct tm back;

	tm.tm_mon--;
	tm.tm_year -= 1900;
	back = tm;
	*ret_s = (int64_t)timegm(&back);
	return back.tm_mday == tm.tm_mday && back.tm_mon == tm.tm_mon &&
	       back.tm_year == tm.tm_year && back.tm_hour == tm.tm_hour &&
	       back.tm_min == tm.tm_min && back.tm_sec == tm.tm_sec;
}

/* ---- as people write it ---- */

/* What follows seconds; digits beyond the third are dropped. */
static const char *take_fraction(const char *at, int64_t *ms)
{
	size_t n = strspn(at + 1, "0123456789");

	for (size_t i = 0, unit = 100; i < n; i++, unit /= 10)
		*ms += (at[1 + i] - '0') * (int64_t)unit;
	return n > 0 ? at + 1 + n : NULL;
}

static const char *take_clock(const char *at, int64_t *ms)
{
	struct tm tm = { .tm_hour = 0 };

	at = take("H:M", at, 2, &tm);
	if (at != NULL && *at == ':') {
		at = take(":S", at, 2, &tm);
		if (at != NULL && *at == '.')
			at = take_fraction(at, ms);
	}
	if (at == NULL || tm.tm_min > 59 || tm.tm_sec > 59)
		return NULL;
	*ms += ((tm.tm_hour * 60 + tm.tm_min) * INT64_C(60) + tm.tm_sec) * 1000;
	return tm.tm_hour < 24 || *ms == DAY_S * 1000 ? at : NULL;
}

/* "Z", "+02", "+02:00", "-0130". */
static const char *take_zone(const char *at, int64_t *ms)
{
	struct tm tm = { .tm_hour = 0 };
	int sign = *at == '-' ? 1 : -1;

	if (*at == 'Z')
		return at + 1;
	if (*at != '+' && *at != '-')
		return NULL;
	at = take("H", at + 1, 2, &tm);
	if (at != NULL && *at == ':')
		at++;
	if (at != NULL && *at != '\0')
		at = take("M", at, 2, &tm);
	if (at == NULL || tm.tm_hour > 23 || tm.tm_min > 59)
		return NULL;
	*ms += sign * (tm.tm_hour * 60 + tm.tm_min) * INT64_C(60000);
	return at;
}

bool local_time_read(const char *text, struct local_time *ret)
{
	struct local_time t = { .day_first = strlen(text) > 2 && text[2] == '/' };
	struct tm tm = { .tm_mday = 0 };
	const char *at = take(t.day_first ? "d/m/Y" : "Y-m-d", text, 2, &tm);
	int64_t day_s, clock_ms = 0;

	if (at == NULL || !seconds(tm, &day_s))
		return false;
	t.clock = *at == 'T' || *at == ' ';
	if (t.clock)
		at = take_clock(at + 1, &clock_ms);
	if (at == NULL)
		return false;
	t.ms = day_s * 1000 + clock_ms;
	t.day_end = clock_ms == DAY_S * 1000;
	t.zoned = t.clock && *at != '\0';
	if (t.zoned)
		at = take_zone(at, &t.ms);
	if (at == NULL || *at != '\0')
		return false;
	*ret = t;
	return true;
}

/* ---- as the predecessor does ---- */

static bool parse(const char *form, const char *text, int64_t *ret_s)
{
	struct tm tm = { .tm_mday = 1, .tm_mon = 1, .tm_year = EPOCH_YEAR };
	const char *end = take(form, text, 1, &tm);

	return end != NULL && *end == '\0' && tm.tm_year >= EPOCH_YEAR && seconds(tm, ret_s);
}

bool local_time_parse(const char *text, int64_t *ret_s)
{
	return parse("d/m/Y H:M:S", text, ret_s);
}

bool local_date_parse(const char *text, int64_t *ret_s)
{
	return parse("d-m-Y", text, ret_s);
}

bool utc_time_parse(const char *text, int64_t *ret_s)
{
	return strlen(text) == strlen("2026-10-25T01:15:00Z") && parse("Y-m-dTH:M:SZ", text, ret_s);
}

static struct tm broken_down(int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm = { .tm_mday = 1 };

	(void)gmtime_r(&t, &tm);
	return tm;
}

void local_time_print(int64_t local_s, char out[LOCAL_TIME_SIZE])
{
	struct tm tm = broken_down(local_s);

	out[0] = '\0';
	(void)strftime(out, LOCAL_TIME_SIZE, "%d/%m/%Y %H:%M:%S", &tm);
}

void iso_time_print(int64_t local_s, char out[LOCAL_TIME_SIZE])
{
	struct tm tm = broken_down(local_s);

	out[0] = '\0';
	(void)strftime(out, LOCAL_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
}

void utc_time_print(int64_t t_s, char out[LOCAL_TIME_SIZE])
{
	struct tm tm = broken_down(t_s);

	out[0] = '\0';
	(void)strftime(out, LOCAL_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int64_t floor_s(int64_t ms)
{
	return ms / 1000 - (ms % 1000 < 0);
}

/* Whichever offsets are in force within a day of it are tried. */
size_t local_instants(const struct zone *z, int64_t local_ms, int64_t ret_ms[2])
{
	const int64_t offsets[] = { zone_offset_s(z, floor_s(local_ms) - DAY_S),
				    zone_offset_s(z, floor_s(local_ms) + DAY_S) };
	size_t n = 0;

	for (size_t i = 0; i < N_ELEMENTS(offsets); i++) {
		int64_t t = local_ms - offsets[i] * 1000;

		if (zone_offset_s(z, floor_s(t)) == offsets[i] &&
		    (i == 0 || offsets[i] != offsets[0]))
			ret_ms[n++] = t;
	}
	if (n == 2 && ret_ms[0] > ret_ms[1]) {
		int64_t later = ret_ms[0];

		ret_ms[0] = ret_ms[1];
		ret_ms[1] = later;
	}
	return n;
}

/* A midnight that is left out: the day begins with the first second that there is behind it. */
int64_t local_day_begin(const struct zone *z, int64_t midnight_s)
{
	int64_t found[2], low, high;

	if (local_instants(z, midnight_s * 1000, found) > 0)
		return found[0] / 1000;
	low = midnight_s - zone_offset_s(z, midnight_s - DAY_S) - DAY_S / 2;
	for (high = low + DAY_S; high - low > 1;) {
		int64_t middle = low + (high - low) / 2;

		if (middle + zone_offset_s(z, middle) < midnight_s)
			low = middle;
		else
			high = middle;
	}
	return high;
}
