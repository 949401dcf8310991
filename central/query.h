/* SPDX-License-Identifier: Apache-2.0 */
/* What queries are made of, as text: moments, steps, series.  Pure; the texts are foreign. */
#ifndef CENTRAL_QUERY_H
#define CENTRAL_QUERY_H

#include "base/calendar.h"
#include "central/store_read.h"

#define MOMENT_TEXT 32u
#define MOMENT_MAX_MS INT64_C(253402300799999) /* the end of the year 9999 */

/*
 * Milliseconds since 1970 UTC, or ISO 8601: "2026-11-30", "2026-11-30T10:15", ...:30.250, with Z
 * or an offset; without, it is local time of the zone (NULL: UTC).  Of an hour that comes twice it
 * is the first, of one that is left out what the clock would have shown.  -EINVAL.
 */
int moment_parse(const char *text, const struct zone *zone, int64_t *ret, struct tesla_error *err);
/* "2026-11-30T10:15:30.250Z", without what is zero behind the seconds. */
size_t moment_text(int64_t ms, char text[MOMENT_TEXT]);

struct step {
	int64_t length_ms; /* 0: a unit of the calendar */
	enum calendar_unit unit;
};
/* "90" (seconds), "15m", "1h", "1d", "1w", "1mo", "1y", and as duration_parse_ms().  -EINVAL. */
int step_parse(const char *text, struct step *ret, struct tesla_error *err);

/* Where the buckets of a step end, for store_steps: it lives as long as they do. */
struct step_calendar {
	struct step step;
	const struct zone *zone;
};
/*
 * Lengths that divide a day begin anew with each local day, units with each local day, week, month
 * or year; other lengths count from 1970 UTC.
 */
struct store_steps step_steps(const struct step_calendar *calendar, int64_t from_ms, int64_t to_ms);

#define SERIES_NODE_MAX 256
#define SERIES_VARIABLE_MAX 128
struct series_name {
	char node[SERIES_NODE_MAX];
	int64_t analyzer;
	char variable[SERIES_VARIABLE_MAX];
	int64_t element; /* from 1 */
	enum store_field field;
};
/* "4/1/TPF", "4/1/TPF/2", "4/1/TPF/2/max".  -EINVAL. */
int series_parse(const char *text, struct series_name *ret, struct tesla_error *err);
/* The parts of such a name; NULL: the first element, the value. */
int series_parts(const char *const parts[5], struct series_name *ret, struct tesla_error *err);
extern const char *const store_field_names[STORE_N_FIELDS];

enum aggregate_column {
	AGGREGATE_MEAN,
	AGGREGATE_MIN,
	AGGREGATE_MAX,
	AGGREGATE_SUM,
	AGGREGATE_LAST,
	AGGREGATE_INCREASE,
	AGGREGATE_COUNT,
	AGGREGATE_COVERAGE,
	N_AGGREGATES
};
extern const char *const aggregate_names[N_AGGREGATES];
/* "mean,max", in that order, none twice; NULL: all. */
int aggregates_parse(const char *text, enum aggregate_column ret[N_AGGREGATES], size_t *n,
		     struct tesla_error *err);
unsigned aggregates_wanted(const enum aggregate_column *columns, size_t n);

#endif
