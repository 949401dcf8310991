/* SPDX-License-Identifier: Apache-2.0 */
/* An instant as this site's clocks show it (the process's time zone). */
#ifndef LOCALFILE_MOMENT_H
#define LOCALFILE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct moment {
	char day[9];	/* 20261122 */
	char clock[9];	/* 10:15:00 */
	char iso[40];	/* 2026-11-22T10:15:00+01:00; with .250 when it is no whole second */
	char ctime[32]; /* Sun Nov 22 10:15:00 2026 */
	long offset_s;	/* east of UTC; tells the two passes of a repeated hour apart */
};

/* UTC in ms since 1970; false: no year of four digits from 1970 on. */
bool moment_at(int64_t ms, struct moment *m);

#endif
