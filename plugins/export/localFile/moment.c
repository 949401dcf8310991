/* SPDX-License-Identifier: Apache-2.0 */
/* Local time as text. */
#include "moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define YEAR_10000_MS 253402300800000

static void iso_write(struct moment *m, const struct tm *tm, int ms)
{
	char seconds[24], fraction[5] = "";
	long minutes = labs(m->offset_s) / 60;

	(void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", tm);
	if (ms != 0)
		(void)snprintf(fraction, sizeof fraction, ".%03d", ms % 1000);
	(void)snprintf(m->iso, sizeof m->iso, "%s%s%c%02ld:%02ld", seconds, fraction,
		       m->offset_s < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
}

bool moment_at(int64_t ms, struct moment *m)
{
	const time_t day = 24 * 3600; /* on either side, so that every time zone has the year */
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (ms < day * 1000 || ms >= YEAR_10000_MS - day * 1000 || localtime_r(&t, &tm) == NULL)
		return false;
	m->offset_s = tm.tm_gmtoff;
	(void)strftime(m->day, sizeof m->day, "%Y%m%d", &tm);
	(void)strftime(m->clock, sizeof m->clock, "%H:%M:%S", &tm);
	(void)strftime(m->ctime, sizeof m->ctime, "%a %b %e %H:%M:%S %Y", &tm);
	iso_write(m, &tm, (int)(ms % 1000));
	return true;
}
