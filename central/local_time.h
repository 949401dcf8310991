/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as people and the predecessor write them, and the instants that local ones are.  Pure.
 * Local seconds and ms are those since 1970 on the local clock, as if it were UTC.
 */
#ifndef CENTRAL_LOCAL_TIME_H
#define CENTRAL_LOCAL_TIME_H

#include <stdbool.h>

#include "base/zone.h"

#define LOCAL_TIME_SIZE 24

struct local_time {
	int64_t ms;	/* of the local clock; zoned: UTC */
	bool clock;	/* it has more than a day */
	bool zoned;	/* it says which zone: it is an instant */
	bool day_first; /* 25/10/2026 */
	bool day_end;	/* 24:00 */
};
/*
 * "2026-10-25" or "25/10/2026", alone or with "T02:15" or " 02:15:00.5" behind it, and "Z" or
 * "+02:00" behind that.  24:00 is the end of the day.  False: it is none.
 */
bool local_time_read(const char *text, struct local_time *ret);

/* "25/10/2026 02:15:00", and with one digit where two are not needed; from 1970 on. */
bool local_time_parse(const char *text, int64_t *ret_s);
/* "25-10-2026": its midnight. */
bool local_date_parse(const char *text, int64_t *ret_s);
/* "2026-10-25T01:15:00Z": an instant. */
bool utc_time_parse(const char *text, int64_t *ret_s);

void local_time_print(int64_t local_s, char out[LOCAL_TIME_SIZE]); /* as it is parsed */
void iso_time_print(int64_t local_s, char out[LOCAL_TIME_SIZE]);   /* "2026-10-25T02:15:00" */
void utc_time_print(int64_t t_s, char out[LOCAL_TIME_SIZE]);

/* The instants of a local time, in order: none where the clock is put forward, two where back. */
size_t local_instants(const struct zone *z, int64_t local_ms, int64_t ret_ms[2]);
/* Where the local day begins that has that midnight, which there may not be. */
int64_t local_day_begin(const struct zone *z, int64_t midnight_s);

#endif
