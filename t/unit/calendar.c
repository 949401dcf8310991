/* SPDX-License-Identifier: Apache-2.0 */
/* Windows' ends over changes of the clock, by the machine's own zones. */
#include "base/calendar.h"

#include <stdlib.h>
#include <time.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)

static int64_t utc(const char *text)
{
	struct tm tm = { 0 };

	cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm), "%s", text);
	return (int64_t)timegm(&tm) * 1000;
}

static void use_zone(const char *zone)
{
	cr_assert_eq(setenv("TZ", zone, 1), 0);
	tzset();
}

static const struct {
	const char *what, *zone;
	int64_t len;
	const char *t, *start, *end; /* UTC */
} rows[] = {
	{ "a quarter", "UTC", 15 * MIN, "2026-01-01 00:07:00", "2026-01-01 00:00:00",
	  "2026-01-01 00:15:00" },
	{ "an end begins the next", "UTC", 15 * MIN, "2026-01-01 00:15:00", "2026-01-01 00:15:00",
	  "2026-01-01 00:30:00" },
	{ "a day of +5:45", "Asia/Kathmandu", 24 * H, "2026-01-01 12:00:00", "2025-12-31 18:15:00",
	  "2026-01-01 18:15:00" },
	{ "an hour of +5:45", "Asia/Kathmandu", H, "2026-01-01 12:00:00", "2026-01-01 11:15:00",
	  "2026-01-01 12:15:00" },
	{ "before 1970", "Europe/Madrid", 24 * H, "1970-01-01 00:00:00", "1969-12-31 23:00:00",
	  "1970-01-01 23:00:00" },
	{ "forward: the day", "Europe/Madrid", 24 * H, "2026-03-29 12:00:00", "2026-03-28 23:00:00",
	  "2026-03-29 22:00:00" },
	{ "forward: 2 h, its end falls into the gap", "Europe/Madrid", 2 * H, "2026-03-29 00:30:00",
	  "2026-03-28 23:00:00", "2026-03-29 01:00:00" },
	{ "forward: 2 h, after", "Europe/Madrid", 2 * H, "2026-03-29 01:00:00",
	  "2026-03-29 01:00:00", "2026-03-29 02:00:00" },
	{ "forward: 6 h are 5", "Europe/Madrid", 6 * H, "2026-03-29 02:30:00",
	  "2026-03-28 23:00:00", "2026-03-29 04:00:00" },
	{ "forward: the last second", "Europe/Madrid", S, "2026-03-29 00:59:59",
	  "2026-03-29 00:59:59", "2026-03-29 01:00:00" },
	{ "back: the day", "Europe/Madrid", 24 * H, "2026-10-25 12:00:00", "2026-10-24 22:00:00",
	  "2026-10-25 23:00:00" },
	{ "back: the first two o'clock", "Europe/Madrid", H, "2026-10-25 00:30:00",
	  "2026-10-25 00:00:00", "2026-10-25 01:00:00" },
	{ "back: the second two o'clock", "Europe/Madrid", H, "2026-10-25 01:30:00",
	  "2026-10-25 01:00:00", "2026-10-25 02:00:00" },
	{ "back: two o'clock comes twice", "Europe/Madrid", 2 * H, "2026-10-25 00:30:00",
	  "2026-10-25 00:00:00", "2026-10-25 01:00:00" },
	{ "back: 2 h from the second", "Europe/Madrid", 2 * H, "2026-10-25 01:30:00",
	  "2026-10-25 01:00:00", "2026-10-25 03:00:00" },
	{ "back: 6 h are 7", "Europe/Madrid", 6 * H, "2026-10-25 01:30:00", "2026-10-24 22:00:00",
	  "2026-10-25 05:00:00" },
	{ "half an hour back: an hour and a half", "Australia/Lord_Howe", H, "2026-04-04 14:45:00",
	  "2026-04-04 14:00:00", "2026-04-04 15:30:00" },
	{ "half an hour forward: half an hour", "Australia/Lord_Howe", H, "2026-10-03 15:45:00",
	  "2026-10-03 15:30:00", "2026-10-03 16:00:00" },
	{ "midnight is left out", "America/Sao_Paulo", 24 * H, "2018-11-04 12:00:00",
	  "2018-11-04 03:00:00", "2018-11-05 02:00:00" },
	{ "midnight is left out: the day before", "America/Sao_Paulo", 24 * H,
	  "2018-11-03 12:00:00", "2018-11-03 03:00:00", "2018-11-04 03:00:00" },
	{ "midnight comes not at once", "America/Sao_Paulo", 24 * H, "2018-02-17 12:00:00",
	  "2018-02-17 02:00:00", "2018-02-18 03:00:00" },
	{ "midnight comes not at once: the hour", "America/Sao_Paulo", H, "2018-02-18 02:30:00",
	  "2018-02-18 02:00:00", "2018-02-18 03:00:00" },
	{ "a day that there was not", "Pacific/Apia", 24 * H, "2011-12-30 09:00:00",
	  "2011-12-29 10:00:00", "2011-12-30 10:00:00" },
};

Test(calendar, windows)
{
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		use_zone(rows[i].zone);
		int64_t t = utc(rows[i].t), start = calendar_start_ms(t, rows[i].len);
		int64_t end = calendar_end_ms(t, rows[i].len);

		cr_expect_eq(start, utc(rows[i].start), "%s: off by %lld s", rows[i].what,
			     (long long)(start - utc(rows[i].start)) / 1000);
		cr_expect_eq(end, utc(rows[i].end), "%s: off by %lld s", rows[i].what,
			     (long long)(end - utc(rows[i].end)) / 1000);
	}
}

static const struct {
	const char *zone, *from, *to; /* local midnights, in UTC */
	int64_t len;
	unsigned windows;
} days[] = {
	{ "Europe/Madrid", "2026-03-28 23:00:00", "2026-03-29 22:00:00", 15 * MIN, 92 },
	{ "Europe/Madrid", "2026-10-24 22:00:00", "2026-10-25 23:00:00", 15 * MIN, 100 },
	{ "Europe/Madrid", "2026-03-28 23:00:00", "2026-03-29 22:00:00", H, 23 },
	{ "Europe/Madrid", "2026-10-24 22:00:00", "2026-10-25 23:00:00", H, 25 },
	{ "Europe/Madrid", "2026-03-28 23:00:00", "2026-03-29 22:00:00", 24 * H, 1 },
	{ "Europe/Madrid", "2026-10-24 22:00:00", "2026-10-25 23:00:00", 24 * H, 1 },
	{ "Europe/Madrid", "2026-10-24 22:00:00", "2026-10-25 23:00:00", S, 90000 },
	{ "Europe/Madrid", "2026-03-28 23:00:00", "2026-03-29 22:00:00", S, 82800 },
	{ "Australia/Lord_Howe", "2026-04-04 13:00:00", "2026-04-05 13:30:00", 15 * MIN, 98 },
	{ "Asia/Beirut", "2021-03-27 22:00:00", "2021-03-28 21:00:00", 15 * MIN, 92 },
	{ "Asia/Beirut", "2021-10-30 21:00:00", "2021-10-31 22:00:00", 15 * MIN, 96 + 4 },
	{ "America/Sao_Paulo", "2018-02-17 02:00:00", "2018-02-18 03:00:00", 15 * MIN, 100 },
	{ "America/Sao_Paulo", "2018-11-04 03:00:00", "2018-11-05 02:00:00", 15 * MIN, 92 },
};

Test(calendar, days)
{
	for (size_t i = 0; i < N_ELEMENTS(days); i++) {
		unsigned n = 0;
		int64_t t, to;

		use_zone(days[i].zone);
		to = utc(days[i].to);
		for (t = utc(days[i].from); t < to; t = calendar_end_ms(t, days[i].len))
			n++;
		cr_expect_eq(t, to, "row %zu: the day's end is an end", i);
		cr_expect_eq(n, days[i].windows, "row %zu: %u", i, n);
	}
}

/* Every moment is in the one window that its start and its end say. */
static void walk(const char *zone, int64_t from, int64_t to, int64_t len)
{
	for (int64_t t = calendar_start_ms(from, len), end; t < to; t = end) {
		end = calendar_end_ms(t, len);
		cr_assert(end > t, "%s, %lld", zone, (long long)t);
		cr_assert_eq(calendar_start_ms(end, len), end, "%s, %lld", zone, (long long)end);
		for (int i = 0; i < 3; i++) {
			int64_t in = i == 0 ? t : i == 1 ? t + (end - t) / 2 : end - 1;

			cr_assert_eq(calendar_start_ms(in, len), t, "%s, %lld", zone,
				     (long long)in);
			cr_assert_eq(calendar_end_ms(in, len), end, "%s, %lld", zone,
				     (long long)in);
		}
	}
}

Test(calendar, a_year_is_tiled)
{
	static const char *const zones[] = {
		"UTC",	       "Europe/Madrid",	 "Australia/Lord_Howe", "America/Sao_Paulo",
		"Asia/Beirut", "Asia/Kathmandu", "Pacific/Apia",	"Africa/Casablanca"
	};
	static const int64_t lengths[] = { 15 * MIN, H, 2 * H, 8 * H, 24 * H };

	for (size_t z = 0; z < N_ELEMENTS(zones); z++) {
		use_zone(zones[z]);
		for (size_t i = 0; i < N_ELEMENTS(lengths); i++) {
			walk(zones[z], utc("2018-01-01 00:00:00"), utc("2019-01-02 00:00:00"),
			     lengths[i]);
			walk(zones[z], utc("2011-12-20 00:00:00"), utc("2012-01-10 00:00:00"),
			     lengths[i]);
		}
	}
}

Test(calendar, seconds_over_a_change)
{
	use_zone("Europe/Madrid");
	walk("forward", utc("2026-03-29 00:50:00"), utc("2026-03-29 01:10:00"), S);
	walk("back", utc("2026-10-25 00:50:00"), utc("2026-10-25 02:10:00"), 5 * S);
}

Test(calendar, lengths)
{
	static const struct {
		int64_t len;
		bool ok;
	} lens[] = { { S, true },	{ 15 * MIN, true }, { 24 * H, true },	 { 0, false },
		     { -S, false },	{ 7 * S, false },   { 500, false },	 { 1500, false },
		     { 48 * H, false }, { 7 * MIN, false }, { INT64_MIN, false } };

	for (size_t i = 0; i < N_ELEMENTS(lens); i++)
		cr_expect_eq(calendar_length_ok(lens[i].len), lens[i].ok, "%lld",
			     (long long)lens[i].len);
}
