/* SPDX-License-Identifier: Apache-2.0 */
#include "instant.h"

#include <time.h>

/* Longer than any clock is put back, shorter than two changes are apart. */
#define BEFORE_CHANGE_S (3 * 3600)

static time_t seconds(int64_t t_ms)
{
	return (time_t)(t_ms / 1000 - (t_ms % 1000 < 0));
}

static bool has_form(const struct tm *tm)
{
	return tm != NULL && tm->tm_year >= 1 - 1900 && tm->tm_year <= 9999 - 1900;
}

bool instant_local(int64_t t_ms, char out[INSTANT_SIZE])
{
	time_t t = seconds(t_ms);
	struct tm tm;

	return has_form(localtime_r(&t, &tm)) &&
	       strftime(out, INSTANT_SIZE, "%d/%m/%Y %H:%M:%S", &tm) > 0;
}

bool instant_utc(int64_t t_ms, char out[INSTANT_SIZE])
{
	time_t t = seconds(t_ms);
	struct tm tm;

	return has_form(gmtime_r(&t, &tm)) &&
	       strftime(out, INSTANT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0;
}

static long offset(time_t t)
{
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

bool instant_is_second_pass(int64_t t_ms)
{
	time_t t = seconds(t_ms);
	long before = offset(t - BEFORE_CHANGE_S), put_back = before - offset(t);

	return put_back > 0 && offset(t - put_back) == before;
}
