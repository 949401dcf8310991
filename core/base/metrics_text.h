/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes metrics as text: Prometheus' format 0.0.4, or OpenMetrics 1.0.  Knows nothing of what they
 * are of.  A family's HELP and TYPE come with its first sample: one without samples is left out, as
 * is a value that is no number.
 */
#ifndef BASE_METRICS_TEXT_H
#define BASE_METRICS_TEXT_H

#include "base/buf.h"
#include "base/histogram.h"

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
/* What an answer in that format is called, for Content-Type. */
const char *metrics_content_type(enum metrics_format f);

/* The order is that of metric_type_name(). */
enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };
const char *metric_type_name(enum metric_type t);

struct metric_family {
	const char *name; /* of a counter: ends in _total */
	enum metric_type type;
	const char *help;
};

struct metric_label {
	const char *name;
	const char *value; /* foreign; NULL: this label is left out */
};

struct metrics_text {
	struct buf *out; /* the caller's; `failed` when something is missing */
	enum metrics_format format;
	const struct metric_family *family;
	bool begun; /* it has its HELP and TYPE */
};

void metrics_text_init(struct metrics_text *t, struct buf *out, enum metrics_format format);
/* What follows is of this family; `f` must outlive that. */
void metrics_text_family(struct metrics_text *t, const struct metric_family *f);
/* `labels` ends with a row without name. */
void metrics_text_real(struct metrics_text *t, const struct metric_label *labels, double value);
void metrics_text_count(struct metrics_text *t, const struct metric_label *labels, uint64_t value);
void metrics_text_histogram(struct metrics_text *t, const struct metric_label *labels,
			    const struct histogram *h);
void metrics_text_end(struct metrics_text *t);

#endif
