/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of a zone for every year, as POSIX.1 writes it: "CET-1CEST,M3.5.0,M10.5.0/3". */
#ifndef BASE_ZONE_RULE_H
#define BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

struct zone_date { /* of a change, in each year */
	enum { ZONE_JULIAN, ZONE_DAY, ZONE_MONTH } kind;
	int64_t month, week, day; /* kind other than ZONE_MONTH: day only */
	int64_t time_s;		  /* by the clock that is put forward or back */
};
struct zone_rule {
	int64_t std_s, dst_s; /* local time less UTC */
	bool has_dst;
	struct zone_date start, end; /* of dst */
};

bool zone_rule_parse(const char *text, struct zone_rule *ret);
int64_t zone_rule_offset_s(const struct zone_rule *r, int64_t t_s);

/* Days since 1970-01-01 of a day of the Gregorian calendar, and back; month and day from 1. */
int64_t days_of_date(int64_t year, int64_t month, int64_t day);
void date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day);

#endif
