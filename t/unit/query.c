/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: moments, steps, names of series. */
#include "central/query.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static const int64_t bad = INT64_MIN;

/* the text, UTC, Madrid */
static const struct {
	const char *text;
	int64_t utc, madrid;
} moments[] = {
	{ "0", 0, 0 },
	{ "-1", -1, -1 },
	{ "1793350800000", 1793350800000, 1793350800000 },
	{ "1970-01-01", 0, -3600000 },
	{ "2026-11-30", 1795996800000, 1795993200000 },
	{ "2026-11-30T10:15", 1796033700000, 1796030100000 },
	{ "2026-11-30 10:15", 1796033700000, 1796030100000 },
	{ "2026-11-30T10:15:30", 1796033730000, 1796030130000 },
	{ "2026-11-30T10:15:30.25", 1796033730250, 1796030130250 },
	{ "2026-11-30T10:15:30.2509999", 1796033730250, 1796030130250 },
	{ "2026-11-30T10:15:30Z", 1796033730000, 1796033730000 },
	{ "2026-11-30T10:15:30+01:00", 1796030130000, 1796030130000 },
	{ "2026-11-30T10:15:30 01:00", 1796030130000, 1796030130000 },
	{ "2026-11-30T10:15:30-0130", 1796039130000, 1796039130000 },
	{ "2026-11-30T10:15+01", 1796030100000, 1796030100000 },
	{ "2026-11-30T24:00", 1796083200000, 1796079600000 },
	{ "2024-02-29", 1709164800000, 1709161200000 },
	/* 02:30 comes twice, and, in March, not at all */
	{ "2026-10-25T02:30", 1792895400000, 1792888200000 },
	{ "2026-03-29T02:30", 1774751400000, 1774747800000 },
	{ "2026-03-29T01:59:59", 1774749599000, 1774745999000 },
	{ "2026-03-29T03:00", 1774753200000, 1774746000000 },
	{ "9999-12-31T23:59:59.999Z", 253402300799999, 253402300799999 },
	{ "", bad, bad },
	{ "x", bad, bad },
	{ "1e3", bad, bad },
	{ "253402300800000", bad, bad },
	{ "99999999999999999999", bad, bad },
	{ "2026", 2026, 2026 },
	{ "2026-11", bad, bad },
	{ "2026-11-3", bad, bad },
	{ "2026-13-01", bad, bad },
	{ "2026-00-01", bad, bad },
	{ "2026-02-29", bad, bad },
	{ "2026-11-31", bad, bad },
	{ "2026-11-30T", bad, bad },
	{ "2026-11-30T10", bad, bad },
	{ "2026-11-30T25:00", bad, bad },
	{ "2026-11-30T24:01", bad, bad },
	{ "2026-11-30T10:60", bad, bad },
	{ "2026-11-30T10:15:60", bad, bad },
	{ "2026-11-30T10:15:30.", bad, bad },
	{ "2026-11-30T10:15:30z", bad, bad },
	{ "2026-11-30T10:15:30Zx", bad, bad },
	{ "2026-11-30T10:15:30+24:00", bad, bad },
	{ "2026-11-30T10:15:30+1", bad, bad },
	{ "2026-11-30T10:15:30+01:0", bad, bad },
	{ " 5", bad, bad },
	{ "+5", bad, bad },
};

static int64_t parsed(const char *text, const struct zone *zone)
{
	struct tesla_error err = { 0 };
	int64_t ms = bad;

	if (moment_parse(text, zone, &ms, &err) != 0)
		cr_expect(err.code == -EINVAL && err.text[0] != '\0', "%s", text);
	return ms;
}

Test(query, moments)
{
	struct tesla_error err;
	struct zone *madrid;

	cr_assert_eq(zone_open("Europe/Madrid", &madrid, &err), 0, "%s", err.text);
	for (size_t i = 0; i < N_ELEMENTS(moments); i++) {
		cr_expect_eq(parsed(moments[i].text, NULL), moments[i].utc, "%s: %lld",
			     moments[i].text, (long long)parsed(moments[i].text, NULL));
		cr_expect_eq(parsed(moments[i].text, madrid), moments[i].madrid, "%s: Madrid: %lld",
			     moments[i].text, (long long)parsed(moments[i].text, madrid));
	}
	zone_free(madrid);
}

Test(query, moments_as_text)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 1796033730250, "2026-11-30T10:15:30.250Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ 253402300800000, "253402300800000" },
		{ INT64_MIN + 1, "-9223372036854775807" },
	};
	char text[MOMENT_TEXT];

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		cr_expect_eq(moment_text(cases[i].ms, text), strlen(cases[i].text));
		cr_expect_str_eq(text, cases[i].text);
	}
	for (int64_t ms = -9999999999999; ms < 99999999999999; ms += 123456789012) {
		(void)moment_text(ms, text);
		cr_assert_eq(parsed(text, NULL), ms, "%s", text);
	}
}

Test(query, steps)
{
	static const struct {
		const char *text;
		int64_t length_ms; /* 0: a unit, -1: refused */
		enum calendar_unit unit;
	} cases[] = {
		{ "900", 900000, 0 },
		{ "15m", 900000, 0 },
		{ "15min", 900000, 0 },
		{ "1h", 3600000, 0 },
		{ "90 s", 90000, 0 },
		{ "2d", 172800000, 0 },
		{ "0.5h", 1800000, 0 },
		{ "1d", 0, CALENDAR_DAY },
		{ "24h", 0, CALENDAR_DAY },
		{ "86400", 0, CALENDAR_DAY },
		{ "1w", 0, CALENDAR_WEEK },
		{ "1mo", 0, CALENDAR_MONTH },
		{ "1y", 0, CALENDAR_YEAR },
		{ "month", 0, CALENDAR_MONTH },
		{ "0", -1, 0 },
		{ "", -1, 0 },
		{ "-1h", -1, 0 },
		{ "1x", -1, 0 },
		{ "2mo", -1, 0 },
		{ "m", -1, 0 },
		{ "999ms", -1, 0 },
		{ "nan", -1, 0 },
		{ "1h 1h", -1, 0 },
		{ "1111111111111111111111111111111111111111111111", -1, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct step step = { 0 };
		struct tesla_error err = { 0 };
		int r = step_parse(cases[i].text, &step, &err);

		if (cases[i].length_ms < 0) {
			cr_expect_eq(r, -EINVAL, "%s", cases[i].text);
			continue;
		}
		cr_expect(r == 0 && step.length_ms == cases[i].length_ms, "%s: %d, %lld",
			  cases[i].text, r, (long long)step.length_ms);
		if (cases[i].length_ms == 0)
			cr_expect_eq(step.unit, cases[i].unit, "%s", cases[i].text);
	}
}

/* Short steps need no calendar where they end with those of UTC. */
Test(query, steps_of_zones)
{
	static const struct {
		const char *zone;
		int64_t length_ms, step_ms; /* the second: that of UTC; 0: the calendar's */
	} cases[] = {
		{ "Europe/Madrid", 900000, 900000 },
		{ "Europe/Madrid", 3600000, 3600000 },
		{ "Europe/Madrid", 7200000, 0 },
		{ "Asia/Kolkata", 900000, 900000 },
		{ "Asia/Kolkata", 3600000, 0 },
		{ "Asia/Kathmandu", 900000, 900000 },
		{ "Asia/Kathmandu", 1800000, 0 },
		{ "Europe/Madrid", 420000, 420000 },
		{ "Europe/Madrid", 172800000, 172800000 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct step_calendar c = { .step.length_ms = cases[i].length_ms };
		struct tesla_error err;
		struct store_steps s;
		struct zone *zone;

		cr_assert_eq(zone_open(cases[i].zone, &zone, &err), 0, "%s", err.text);
		c.zone = zone;
		s = step_steps(&c, 1792800000000, 1793000000000);
		cr_expect_eq(s.step_ms, cases[i].step_ms, "%zu: %lld", i, (long long)s.step_ms);
		if (s.step_ms == 0)
			cr_expect_eq(s.next(s.arg, 1792800000000),
				     calendar_zone_end_ms(zone, 1792800000000, cases[i].length_ms));
		zone_free(zone);
	}
}

Test(query, series)
{
	static const struct {
		const char *text, *node;
		int64_t analyzer;
		const char *variable;
		int64_t element;
		enum store_field field;
	} cases[] = {
		{ "4/1/TPF", "4", 1, "TPF", 1, STORE_VALUE },
		{ "a b/12/TPF/3", "a b", 12, "TPF", 3, STORE_VALUE },
		{ "4/1/TPF/2/max", "4", 1, "TPF", 2, STORE_MAX },
		{ "4/1/CEA/1/increase", "4", 1, "CEA", 1, STORE_INCREASE },
		{ "", NULL, 0, NULL, 0, 0 },
		{ "4", NULL, 0, NULL, 0, 0 },
		{ "4/1", NULL, 0, NULL, 0, 0 },
		{ "4/1/", NULL, 0, NULL, 0, 0 },
		{ "/1/TPF", NULL, 0, NULL, 0, 0 },
		{ "4/x/TPF", NULL, 0, NULL, 0, 0 },
		{ "4/-1/TPF", NULL, 0, NULL, 0, 0 },
		{ "4/99999999999999999999/TPF", NULL, 0, NULL, 0, 0 },
		{ "4/1/TPF/0", NULL, 0, NULL, 0, 0 },
		{ "4/1/TPF/1/mean", NULL, 0, NULL, 0, 0 },
		{ "4/1/TPF/1/value/", NULL, 0, NULL, 0, 0 },
		{ "4\xff/1/TPF", NULL, 0, NULL, 0, 0 },
		{ "4/1/TPF\n", NULL, 0, NULL, 0, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct series_name s;
		struct tesla_error err;
		int r = series_parse(cases[i].text, &s, &err);

		if (cases[i].node == NULL) {
			cr_expect_eq(r, -EINVAL, "%s", cases[i].text);
			continue;
		}
		cr_assert_eq(r, 0, "%s: %s", cases[i].text, err.text);
		cr_expect_str_eq(s.node, cases[i].node);
		cr_expect_str_eq(s.variable, cases[i].variable);
		cr_expect(s.analyzer == cases[i].analyzer && s.element == cases[i].element &&
				  s.field == cases[i].field,
			  "%s", cases[i].text);
	}
}

Test(query, aggregates)
{
	enum aggregate_column a[N_AGGREGATES];
	struct tesla_error err;
	size_t n;

	cr_assert_eq(aggregates_parse(NULL, a, &n, &err), 0);
	cr_expect_eq(n, N_AGGREGATES);
	cr_expect_eq(aggregates_wanted(a, n), STORE_ALL);
	cr_assert_eq(aggregates_parse("max,coverage,mean", a, &n, &err), 0);
	cr_expect(n == 3 && a[0] == AGGREGATE_MAX && a[1] == AGGREGATE_COVERAGE &&
		  a[2] == AGGREGATE_MEAN);
	cr_expect_eq(aggregates_wanted(a, n), STORE_MEAN | STORE_EXTREMES);
	cr_expect_eq(aggregates_parse("", a, &n, &err), -EINVAL);
	cr_expect_eq(aggregates_parse("max,", a, &n, &err), -EINVAL);
	cr_expect_eq(aggregates_parse("max,max", a, &n, &err), -EINVAL);
	cr_expect_eq(aggregates_parse("median", a, &n, &err), -EINVAL);
}
