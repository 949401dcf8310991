/* SPDX-License-Identifier: Apache-2.0 */
/* Writes metrics as text. */
#include "base/metrics_text.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define NUMBER_SIZE 40

static const char *const content_types[] = {
	"text/plain; version=0.0.4; charset=utf-8",
	"application/openmetrics-text; version=1.0.0; charset=utf-8",
};
static const char *const type_names[] = { "gauge", "counter", "histogram" };

const char *metrics_content_type(enum metrics_format f)
{
	return content_types[f];
}

const char *metric_type_name(enum metric_type t)
{
	return type_names[t];
}

void metrics_text_init(struct metrics_text *t, struct buf *out, enum metrics_format format)
{
	*t = (struct metrics_text){ .out = out, .format = format };
}

void metrics_text_family(struct metrics_text *t, const struct metric_family *f)
{
	t->family = f;
	t->begun = false;
}

/* ---- pieces; what does not fit leaves out->failed ---- */

static void put(struct metrics_text *t, const char *text)
{
	(void)buf_append(t->out, text, strlen(text));
}

/* Foreign text: one byte that is no UTF-8 would spoil the whole scrape. */
static void put_escaped(struct metrics_text *t, const char *s, bool quotes)
{
	uint32_t c;
	int len;

	for (; *s != '\0'; s += len > 0 ? len : 1) {
		len = utf8_take(s, &c);
		if (len <= 0)
			put(t, "?");
		else if (c == '\n')
			put(t, "\\n");
		else if (c == '\\')
			put(t, "\\\\");
		else if (c == '"' && quotes)
			put(t, "\\\"");
		else
			(void)buf_append(t->out, s, (size_t)len);
	}
}

/* OpenMetrics names the family of a counter without the _total of its samples. */
static void put_family(struct metrics_text *t, const char *what)
{
	const struct metric_family *f = t->family;
	size_t len = strlen(f->name), tail = strlen("_total");

	if (t->format == METRICS_OPENMETRICS && f->type == METRIC_COUNTER && len > tail)
		len -= tail;
	put(t, what);
	(void)buf_append(t->out, f->name, len);
	put(t, " ");
}

static void family_begin(struct metrics_text *t)
{
	if (t->begun)
		return;
	t->begun = true;
	put_family(t, "# HELP ");
	put_escaped(t, t->family->help, t->format == METRICS_OPENMETRICS);
	put(t, "\n");
	put_family(t, "# TYPE ");
	put(t, type_names[t->family->type]);
	put(t, "\n");
}

static void put_label(struct metrics_text *t, char *before, const char *name, const char *value)
{
	(void)buf_append(t->out, before, 1);
	*before = ',';
	put(t, name);
	put(t, "=\"");
	put_escaped(t, value, true);
	put(t, "\"");
}

/* `suffix` and `le`: of a histogram's samples; "" and NULL elsewhere. */
static void put_sample(struct metrics_text *t, const char *suffix,
		       const struct metric_label *labels, const char *le, const char *number)
{
	char before = '{';

	put(t, t->family->name);
	put(t, suffix);
	for (; labels->name != NULL; labels++)
		if (labels->value != NULL)
			put_label(t, &before, labels->name, labels->value);
	if (le != NULL)
		put_label(t, &before, "le", le);
	put(t, before == ',' ? "} " : " ");
	put(t, number);
	put(t, "\n");
}

/* ---- samples ---- */

static void format_real(double value, char text[NUMBER_SIZE])
{
	if (isinf(value))
		(void)snprintf(text, NUMBER_SIZE, value > 0 ? "+Inf" : "-Inf");
	else
		(void)snprintf(text, NUMBER_SIZE, "%.15g", value);
}

void metrics_text_real(struct metrics_text *t, const struct metric_label *labels, double value)
{
	char number[NUMBER_SIZE];

	assert(t->family->type != METRIC_HISTOGRAM);
	if (isnan(value))
		return;
	family_begin(t);
	format_real(value, number);
	put_sample(t, "", labels, NULL, number);
}

void metrics_text_count(struct metrics_text *t, const struct metric_label *labels, uint64_t value)
{
	char number[NUMBER_SIZE];

	assert(t->family->type != METRIC_HISTOGRAM);
	family_begin(t);
	(void)snprintf(number, sizeof number, "%" PRIu64, value);
	put_sample(t, "", labels, NULL, number);
}

/* "1.0", not "1": OpenMetrics wants it so, and a label must not change with the format. */
static void format_bound(int64_t us, char text[NUMBER_SIZE])
{
	(void)snprintf(text, NUMBER_SIZE, us % 1000000 == 0 ? "%.1f" : "%g", (double)us / 1e6);
}

void metrics_text_histogram(struct metrics_text *t, const struct metric_label *labels,
			    const struct histogram *h)
{
	char number[NUMBER_SIZE], bound[NUMBER_SIZE];
	uint64_t n = 0;

	assert(t->family->type == METRIC_HISTOGRAM);
	family_begin(t);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		n += h->n[i];
		if (i < HISTOGRAM_BOUNDS)
			format_bound(histogram_bounds_us[i], bound);
		(void)snprintf(number, sizeof number, "%" PRIu64, n);
		put_sample(t, "_bucket", labels, i < HISTOGRAM_BOUNDS ? bound : "+Inf", number);
	}
	format_real((double)h->sum_us / 1e6, number);
	put_sample(t, "_sum", labels, NULL, number);
	(void)snprintf(number, sizeof number, "%" PRIu64, n);
	put_sample(t, "_count", labels, NULL, number);
}

void metrics_text_end(struct metrics_text *t)
{
	if (t->format == METRICS_OPENMETRICS)
		put(t, "# EOF\n");
}
