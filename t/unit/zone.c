/* SPDX-License-Identifier: Apache-2.0 */
/* Zones by name against what the C library makes of the same files; days, weeks and months. */
#include "base/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/zone_rule.h"

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

static const char *const zones[] = {
	"UTC",
	"Europe/Madrid",
	"Europe/Dublin",
	"Atlantic/Canary",
	"Asia/Kathmandu",
	"Asia/Kolkata",
	"Australia/Lord_Howe",
	"America/Sao_Paulo",
	"America/St_Johns",
	"Africa/Casablanca",
	"Pacific/Apia",
	"America/Santiago",
	"Asia/Gaza",
	"Antarctica/Troll",
	"Pacific/Chatham",
	"America/Nuuk",
	"Asia/Tehran",
	"Etc/GMT+12",
	"Africa/Monrovia",
	"America/New_York",
};

static struct zone *must_open(const char *name)
{
	struct tesla_error err = { 0 };
	struct zone *z = NULL;

	cr_assert(zone_open(name, &z, &err) == 0, "%s", err.text);
	cr_assert(strcmp(zone_name(z), name) == 0);
	return z;
}

static int64_t utc(const char *text)
{
	struct tm tm = { 0 };

	cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm), "%s", text);
	return (int64_t)timegm(&tm);
}

Test(zone, offsets_are_those_of_the_c_library)
{
	int64_t to = utc("2100-01-01 00:00:00");

	for (size_t i = 0; i < N_ELEMENTS(zones); i++) {
		struct zone *z = must_open(zones[i]);

		cr_assert(setenv("TZ", zones[i], 1) == 0);
		tzset();
		for (int64_t t = utc("1905-01-01 00:00:00"); t < to; t += 5 * HOUR + 1800) {
			time_t at = (time_t)t;
			struct tm tm;

			cr_assert_not_null(localtime_r(&at, &tm));
			cr_assert_eq(zone_offset_s(z, t), tm.tm_gmtoff, "%s at %lld: %lld, not %ld",
				     zones[i], (long long)t, (long long)zone_offset_s(z, t),
				     tm.tm_gmtoff);
		}
		zone_free(z);
	}
	cr_expect(zone_offset_s(NULL, 0) == 0);
}

/* The process is in another zone all the time. */
Test(zone, windows_are_those_of_the_process_in_that_zone)
{
	static const int64_t lengths[] = { 900, HOUR, 6 * HOUR, DAY };

	for (size_t i = 0; i < N_ELEMENTS(zones); i++) {
		struct zone *z = must_open(zones[i]);

		cr_assert(setenv("TZ", zones[i], 1) == 0);
		tzset();
		for (int64_t t = utc("2017-01-01 00:00:00"); t < utc("2027-01-01 00:00:00");
		     t += 7 * HOUR + 1234)
			for (size_t k = 0; k < N_ELEMENTS(lengths); k++) {
				int64_t len = lengths[k] * 1000, ms = t * 1000;

				cr_assert(calendar_zone_end_ms(z, ms, len) ==
					  calendar_end_ms(ms, len));
				cr_assert(calendar_zone_start_ms(z, ms, len) ==
					  calendar_start_ms(ms, len));
			}
		zone_free(z);
	}
}

static const struct {
	const char *zone, *t;
	enum calendar_unit unit;
	const char *this, *next;
} units[] = {
	{ "Europe/Madrid", "2026-03-29 12:00:00", CALENDAR_DAY, "2026-03-28 23:00:00",
	  "2026-03-29 22:00:00" },
	{ "Europe/Madrid", "2026-10-25 12:00:00", CALENDAR_DAY, "2026-10-24 22:00:00",
	  "2026-10-25 23:00:00" },
	{ "Europe/Madrid", "2026-10-24 22:00:00", CALENDAR_DAY, "2026-10-24 22:00:00",
	  "2026-10-25 23:00:00" },
	{ "Europe/Madrid", "2026-03-29 12:00:00", CALENDAR_WEEK, "2026-03-22 23:00:00",
	  "2026-03-29 22:00:00" },
	{ "Europe/Madrid", "2026-03-29 12:00:00", CALENDAR_MONTH, "2026-02-28 23:00:00",
	  "2026-03-31 22:00:00" },
	{ "Europe/Madrid", "2026-12-31 22:59:59", CALENDAR_MONTH, "2026-11-30 23:00:00",
	  "2026-12-31 23:00:00" },
	{ "Europe/Madrid", "2026-12-31 23:00:00", CALENDAR_YEAR, "2026-12-31 23:00:00",
	  "2027-12-31 23:00:00" },
	{ "UTC", "1969-12-31 23:59:59", CALENDAR_MONTH, "1969-12-01 00:00:00",
	  "1970-01-01 00:00:00" },
	{ "UTC", "1970-01-01 00:00:00", CALENDAR_WEEK, "1969-12-29 00:00:00",
	  "1970-01-05 00:00:00" },
	{ "UTC", "2024-02-10 00:00:00", CALENDAR_MONTH, "2024-02-01 00:00:00",
	  "2024-03-01 00:00:00" },
	{ "America/Sao_Paulo", "2018-11-04 02:59:59", CALENDAR_DAY, "2018-11-03 03:00:00",
	  "2018-11-04 03:00:00" },
	{ "Asia/Gaza", "2004-09-30 21:30:00", CALENDAR_DAY, "2004-09-30 21:00:00",
	  "2004-10-01 22:00:00" }, /* midnight comes twice */
	{ "America/St_Johns", "2010-11-07 02:45:00", CALENDAR_DAY, "2010-11-07 02:30:00",
	  "2010-11-08 03:30:00" }, /* back at one past midnight */
	{ "Pacific/Apia", "2011-12-30 09:00:00", CALENDAR_DAY, "2011-12-29 10:00:00",
	  "2011-12-30 10:00:00" },
};

Test(zone, days_weeks_months)
{
	for (size_t i = 0; i < N_ELEMENTS(units); i++) {
		struct zone *z = must_open(units[i].zone);
		int64_t t = utc(units[i].t) * 1000, at = calendar_this_ms(z, t, units[i].unit);
		int64_t next = calendar_next_ms(z, t, units[i].unit);

		cr_expect_eq(at, utc(units[i].this) * 1000, "row %zu: off by %lld s", i,
			     (long long)(at / 1000 - utc(units[i].this)));
		cr_expect_eq(next, utc(units[i].next) * 1000, "row %zu: off by %lld s", i,
			     (long long)(next / 1000 - utc(units[i].next)));
		zone_free(z);
	}
}

/* Each unit begins where the one before it ended. */
Test(zone, units_tile_the_years)
{
	for (size_t i = 0; i < N_ELEMENTS(zones); i++) {
		struct zone *z = must_open(zones[i]);

		for (int u = CALENDAR_DAY; u <= CALENDAR_YEAR; u++) {
			enum calendar_unit unit = (enum calendar_unit)u;
			int64_t t = utc("1999-12-31 12:00:00") * 1000, next;

			for (; t < utc("2045-01-01 00:00:00") * 1000; t = next) {
				next = calendar_next_ms(z, t, unit);
				cr_assert(next > t, "%s, %d, %lld", zones[i], u, (long long)t);
				cr_assert(calendar_this_ms(z, next, unit) == next, "%s, %d, %lld",
					  zones[i], u, (long long)next);
				cr_assert(calendar_next_ms(z, next - 1, unit) == next,
					  "%s, %d, %lld", zones[i], u, (long long)next);
			}
		}
		zone_free(z);
	}
}

static const struct {
	const char *text, *t; /* t NULL: it is none */
	int64_t offset_s;
} rules[] = {
	{ "UTC0", "2026-01-01 00:00:00", 0 },
	{ "<+0545>-5:45", "2026-01-01 00:00:00", 20700 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29 00:59:59", HOUR },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29 01:00:00", 2 * HOUR },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25 00:59:59", 2 * HOUR },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25 01:00:00", HOUR },
	{ "AAA3BBB2,J60/0,J300/0", "2024-03-01 02:59:59", -3 * HOUR },
	{ "AAA3BBB2,J60/0,J300/0", "2024-03-01 03:00:00", -2 * HOUR },
	{ "AAA3BBB2,59/0,300/0", "2024-02-29 03:00:00", -2 * HOUR },
	{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01 00:00:00", 11 * HOUR },
	{ "", NULL, 0 },
	{ "CET", NULL, 0 },
	{ "1", NULL, 0 },
	{ "CET-1CEST", NULL, 0 },
	{ "CET-1CEST,M3.5.0", NULL, 0 },
	{ "CET-1CEST,M3.5.0,M13.5.0", NULL, 0 },
	{ "CET-1CEST,M3.0.0,M10.5.0", NULL, 0 },
	{ "CET-1CEST,M3.5.7,M10.5.0", NULL, 0 },
	{ "CET-1CEST,J0,J366", NULL, 0 },
	{ "CET-1CEST,M3.5.0,M10.5.0/168", NULL, 0 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3x", NULL, 0 },
	{ "<CET-1", NULL, 0 },
};

Test(zone, rules)
{
	for (size_t i = 0; i < N_ELEMENTS(rules); i++) {
		struct zone_rule r;

		cr_assert(zone_rule_parse(rules[i].text, &r) == (rules[i].t != NULL), "row %zu", i);
		if (rules[i].t != NULL)
			cr_expect_eq(zone_rule_offset_s(&r, utc(rules[i].t)), rules[i].offset_s,
				     "row %zu: %lld", i,
				     (long long)zone_rule_offset_s(&r, utc(rules[i].t)));
	}
}

static const struct {
	const char *name;
	int r;
} names[] = {
	{ "Europe/Nowhere", -ENOENT },
	{ "Europe", -ENOENT },
	{ "", -EINVAL },
	{ "../../etc/passwd", -EINVAL },
	{ "/etc/passwd", -EINVAL },
	{ "Europe/Madrid\n", -EINVAL },
	{ "zone.tab", -EINVAL },
	{ "Europe//Madrid", -EINVAL },
	{ "Europe/Madrid/", -EINVAL },
};

Test(zone, names)
{
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		struct tesla_error err = { 0 };
		struct zone *z;

		cr_expect_eq(zone_open(names[i].name, &z, &err), names[i].r, "row %zu", i);
		cr_expect(err.text[0] != '\0');
	}
}

Test(zone, damaged_files)
{
	struct tesla_error err = { 0 };
	struct zone *z;
	char *bytes;
	size_t len;

	cr_assert(file_read("/usr/share/zoneinfo/Europe/Madrid", 1 << 20, &bytes, &len, &err) == 0);
	for (size_t n = 0; n < len; n++) { /* cut, in memory of its own: nothing behind is read */
		char *copy = malloc(n > 0 ? n : 1);

		memcpy(copy, bytes, n);
		cr_expect(zone_parse("x", copy, n, &z, &err) == -EBADMSG, "%zu bytes", n);
		free(copy);
	}
	for (size_t i = 0; i < 8 * len; i++) { /* a bit flipped: an error, or some zone */
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
		if (zone_parse("x", bytes, len, &z, &err) == 0) {
			(void)zone_offset_s(z, 1782000000);
			(void)zone_offset_s(z, INT64_C(4782000000));
			zone_free(z);
		}
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
	}
	free(bytes);
}
