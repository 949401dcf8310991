/* SPDX-License-Identifier: Apache-2.0 */
/* Local times, to and fro. */
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

	if (n < min || n > max)
		return NULL;
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret = 10 * *ret + (at[i] - '0');
	return at + n;
}

/*
 * By a form: d, m, H, M, S are numbers of one or two digits, Y one of four, all else stands for
 * itself.
 */
static bool take(const char *form, const char *text, struct tm *tm)
{
	static const char letters[] = "dmYHMS";
	int *const fields[] = { &tm->tm_mday, &tm->tm_mon, &tm->tm_year,
				&tm->tm_hour, &tm->tm_min, &tm->tm_sec };

	for (; *form != '\0'; form++) {
		const char *letter = strchr(letters, *form);

		if (letter == NULL) {
			if (*text++ != *form)
				return false;
			continue;
		}
		text = digits(text, *form == 'Y' ? 4 : 1, *form == 'Y' ? 4 : 2,
			      fields[letter - letters]);
		if (text == NULL)
			return false;
	}
	return *text == '\0';
}

/* timegm() makes the 31st of February a day of March: then it is no time. */
static bool parse(const char *form, const char *text, int64_t *ret_s)
{
	struct tm tm = { .tm_mday = 1, .tm_mon = 1, .tm_year = 1970 }, back;
	time_t t;

	if (!take(form, text, &tm) || tm.tm_year < EPOCH_YEAR)
		return false;
	tm.tm_mon--;
	tm.tm_year -= 1900;
	back = tm;
	t = timegm(&back);
	if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon || back.tm_year != tm.tm_year ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
		return false;
	*ret_s = (int64_t)t;
	return true;
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

/* Whichever offsets are in force within a day of it are tried. */
size_t local_instants(const struct zone *z, int64_t local_s, int64_t ret_s[2])
{
	const int64_t offsets[] = { zone_offset_s(z, local_s - DAY_S),
				    zone_offset_s(z, local_s + DAY_S) };
	size_t n = 0;

	for (size_t i = 0; i < N_ELEMENTS(offsets); i++) {
		int64_t t = local_s - offsets[i];

		if (zone_offset_s(z, t) == offsets[i] && (i == 0 || offsets[i] != offsets[0]))
			ret_s[n++] = t;
	}
	if (n == 2 && ret_s[0] > ret_s[1]) {
		int64_t later = ret_s[0];

		ret_s[0] = ret_s[1];
		ret_s[1] = later;
	}
	return n;
}

/* A midnight that is left out: the day begins with the first second that there is behind it. */
int64_t local_day_begin(const struct zone *z, int64_t midnight_s)
{
	int64_t found[2], low, high;

	if (local_instants(z, midnight_s, found) > 0)
		return found[0];
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
