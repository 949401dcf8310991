/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics as text: both formats, escapes, histograms, and that docs/metrics.md has all of them. */
#include "base/metrics_text.h"

#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/metrics_accept.h"
#include "base/metrics_process.h"
#include "daemon/metrics.h"

/* main.c's; nothing here comes to them. */
void daemon_stop(struct daemon *d)
{
	(void)d;
}

void daemon_warn(const struct daemon *d, const struct diags *diags)
{
	(void)d, (void)diags;
}

static const struct metric_family gauge = { "a_ratio", METRIC_GAUGE, "Back\\slash, \"quotes\"." };
static const struct metric_family counter = { "b_total", METRIC_COUNTER, "Two\nlines." };
static const struct metric_family histogram = { "c_seconds", METRIC_HISTOGRAM, "How long." };
static const struct metric_label no_labels[] = { { NULL, NULL } };

#define LABELS(...) \
	(const struct metric_label[]) \
	{ \
		__VA_ARGS__, \
		{ \
			NULL, NULL \
		} \
	}

static char *finished(struct metrics_text *t)
{
	metrics_text_end(t);
	cr_assert(!t->out->failed);
	(void)buf_append(t->out, "", 1);
	return (char *)t->out->pub.bytes;
}

#define BEGIN(FORMAT) \
	struct metrics_text t; \
	struct buf out; \
	buf_init(&out, 1 << 20); \
	metrics_text_init(&t, &out, FORMAT)

Test(metrics_text, prometheus)
{
	BEGIN(METRICS_PROMETHEUS);
	metrics_text_family(&t, &gauge);
	metrics_text_real(&t, no_labels, 0.25);
	metrics_text_real(&t, LABELS({ "line", "1" }), -1e-9);
	metrics_text_family(&t, &counter);
	metrics_text_count(&t, LABELS({ "line", "1" }, { "kind", "x" }), UINT64_MAX);
	cr_expect_str_eq(finished(&t), "# HELP a_ratio Back\\\\slash, \"quotes\".\n"
				       "# TYPE a_ratio gauge\n"
				       "a_ratio 0.25\n"
				       "a_ratio{line=\"1\"} -1e-09\n"
				       "# HELP b_total Two\\nlines.\n"
				       "# TYPE b_total counter\n"
				       "b_total{line=\"1\",kind=\"x\"} 18446744073709551615\n");
	buf_release(&out);
}

Test(metrics_text, openmetrics)
{
	BEGIN(METRICS_OPENMETRICS);
	metrics_text_family(&t, &gauge);
	metrics_text_real(&t, no_labels, 0.25);
	metrics_text_family(&t, &counter);
	metrics_text_count(&t, no_labels, 3);
	cr_expect_str_eq(finished(&t), "# HELP a_ratio Back\\\\slash, \\\"quotes\\\".\n"
				       "# TYPE a_ratio gauge\n"
				       "a_ratio 0.25\n"
				       "# HELP b Two\\nlines.\n"
				       "# TYPE b counter\n"
				       "b_total 3\n"
				       "# EOF\n");
	buf_release(&out);
}

/* What is not known is left out, with its family when that has nothing else. */
Test(metrics_text, no_number_is_left_out)
{
	BEGIN(METRICS_PROMETHEUS);
	metrics_text_family(&t, &counter);
	metrics_text_family(&t, &gauge);
	metrics_text_real(&t, no_labels, NAN);
	cr_expect_str_eq(finished(&t), "");
	buf_clear(&out);
	metrics_text_real(&t, no_labels, NAN);
	metrics_text_real(&t, LABELS({ "a", "1" }, { "b", NULL }, { "c", "3" }), INFINITY);
	metrics_text_real(&t, LABELS({ "b", NULL }), -INFINITY);
	cr_expect_str_eq(strchr(finished(&t), '\0') - strlen("a_ratio{a=\"1\",c=\"3\"} +Inf\n"
							     "a_ratio -Inf\n"),
			 "a_ratio{a=\"1\",c=\"3\"} +Inf\na_ratio -Inf\n");
	buf_release(&out);
}

static const struct {
	const char *value, *written;
} labels[] = {
	{ "", "" },
	{ "/dev/ttyS0", "/dev/ttyS0" },
	{ "a\"b\\c\nd", "a\\\"b\\\\c\\nd" },
	{ "\\", "\\\\" },
	{ "Vilanova i la Geltr\xc3\xba \xe2\x82\xac", "Vilanova i la Geltr\xc3\xba \xe2\x82\xac" },
	{ "latin \xfa.", "latin ?." },
	{ "cut \xe2\x82", "cut ??" },
	{ "too long \xc0\xaf, half \xed\xa0\x80", "too long ??, half ???" },
	{ "tab\tand\rreturn", "tab\tand\rreturn" },
};

Test(metrics_text, labels_are_escaped)
{
	for (size_t i = 0; i < N_ELEMENTS(labels); i++) {
		_cleanup_free_ char *want = NULL;
		const char *got;

		BEGIN(METRICS_PROMETHEUS);
		metrics_text_family(&t, &gauge);
		metrics_text_count(&t, LABELS({ "l", labels[i].value }), 1);
		cr_assert(asprintf(&want, "\na_ratio{l=\"%s\"} 1\n", labels[i].written) > 0);
		got = finished(&t);
		cr_expect(strlen(got) > strlen(want) &&
				  strcmp(got + strlen(got) - strlen(want), want) == 0,
			  "row %zu: %s", i, got);
		buf_release(&out);
	}
}

/* Buckets add up; a bound's own value is in its bucket; 1 is written alike in both formats. */
Test(metrics_text, histogram_is_cumulative)
{
	static const int64_t took_us[] = { 0,	  -5,	   1000,    1001,    2000,
					   76000, 1000000, 5000001, 60000000 };
	static const char *const want = "# HELP c_seconds How long.\n"
					"# TYPE c_seconds histogram\n"
					"c_seconds_bucket{line=\"7\",le=\"0.001\"} 3\n"
					"c_seconds_bucket{line=\"7\",le=\"0.002\"} 5\n"
					"c_seconds_bucket{line=\"7\",le=\"0.005\"} 5\n"
					"c_seconds_bucket{line=\"7\",le=\"0.01\"} 5\n"
					"c_seconds_bucket{line=\"7\",le=\"0.02\"} 5\n"
					"c_seconds_bucket{line=\"7\",le=\"0.05\"} 5\n"
					"c_seconds_bucket{line=\"7\",le=\"0.1\"} 6\n"
					"c_seconds_bucket{line=\"7\",le=\"0.2\"} 6\n"
					"c_seconds_bucket{line=\"7\",le=\"0.5\"} 6\n"
					"c_seconds_bucket{line=\"7\",le=\"1.0\"} 7\n"
					"c_seconds_bucket{line=\"7\",le=\"2.0\"} 7\n"
					"c_seconds_bucket{line=\"7\",le=\"5.0\"} 7\n"
					"c_seconds_bucket{line=\"7\",le=\"+Inf\"} 9\n"
					"c_seconds_sum{line=\"7\"} 66.080002\n"
					"c_seconds_count{line=\"7\"} 9\n";
	struct histogram h = { .sum_us = 0 };

	for (size_t i = 0; i < N_ELEMENTS(took_us); i++)
		histogram_add(&h, took_us[i]);
	for (int f = METRICS_PROMETHEUS; f <= METRICS_OPENMETRICS; f++) {
		BEGIN((enum metrics_format)f);
		metrics_text_family(&t, &histogram);
		metrics_text_histogram(&t, LABELS({ "line", "7" }), &h);
		cr_expect_eq(strncmp(finished(&t), want, strlen(want)), 0, "%s", out.pub.bytes);
		buf_release(&out);
	}
}

/* An empty one is there, with zeros: so many were counted. */
Test(metrics_text, histogram_of_nothing)
{
	const struct histogram h = { .sum_us = 0 };

	BEGIN(METRICS_PROMETHEUS);
	metrics_text_family(&t, &histogram);
	metrics_text_histogram(&t, no_labels, &h);
	cr_expect_not_null(strstr(finished(&t), "c_seconds_bucket{le=\"+Inf\"} 0\n"
						"c_seconds_sum 0\nc_seconds_count 0\n"));
	buf_release(&out);
}

Test(metrics_text, histogram_goes_over_the_wire)
{
	struct histogram h = { .sum_us = 0 }, got, was = { .sum_us = 42 };

	for (int64_t us = 0; us < 10000000; us = us * 3 + 500) {
		struct mp_doc doc;
		struct tesla_error err;
		msgpack_packer pk;
		struct buf b;

		buf_init(&b, 4096);
		mp_writer(&pk, &b);
		histogram_pack(&pk, &h);
		cr_assert_eq(mp_unpack(&doc, b.pub.bytes, b.pub.len, &err), 0);
		cr_assert(histogram_unpack(&doc.u.data, &got));
		cr_expect_eq(memcmp(&got, &h, sizeof h), 0);
		mp_doc_release(&doc);
		buf_release(&b);
		histogram_add(&h, us);
	}
	got = was;
	cr_expect_not(histogram_unpack(&(msgpack_object){ .type = MSGPACK_OBJECT_BOOLEAN }, &got));
	cr_expect_eq(memcmp(&got, &was, sizeof was), 0, "untouched");
	histogram_merge(&was, &h);
	cr_expect_eq(was.sum_us, h.sum_us + 42);
}

static const struct {
	const char *accept;
	enum metrics_format format;
} accepts[] = {
	{ NULL, METRICS_PROMETHEUS },
	{ "", METRICS_PROMETHEUS },
	{ "*/*", METRICS_PROMETHEUS },
	{ "text/html, */*;q=0.5", METRICS_PROMETHEUS },
	{ "application/openmetrics-text", METRICS_OPENMETRICS },
	{ "Application/OpenMetrics-Text ; Version=1.0.0", METRICS_OPENMETRICS },
	{ "application/openmetrics-text;version=0.0.1", METRICS_PROMETHEUS },
	{ "application/openmetrics-text;version=1.0.0;q=0", METRICS_PROMETHEUS },
	{ "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.4", METRICS_PROMETHEUS },
	{ "text/plain;q=0.4, application/openmetrics-text; q=0.400", METRICS_OPENMETRICS },
	{ "application/openmetrics-text;q=nonsense,text/plain", METRICS_OPENMETRICS },
	{ ";;;q=,,=,;q=0.5.5,application/openmetrics-text;q", METRICS_OPENMETRICS },
	/* as Prometheus 2.42 asks, and 0.x did */
	{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
	  "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	  METRICS_OPENMETRICS },
	{ "text/plain;version=0.0.4;q=1,*/*;q=0.1", METRICS_PROMETHEUS },
};

Test(metrics_text, accept)
{
	for (size_t i = 0; i < N_ELEMENTS(accepts); i++)
		cr_expect_eq(metrics_accept(accepts[i].accept), accepts[i].format, "%s",
			     accepts[i].accept ? accepts[i].accept : "none");
	cr_expect_str_eq(metrics_content_type(METRICS_PROMETHEUS),
			 "text/plain; version=0.0.4; charset=utf-8");
	cr_expect_str_eq(metrics_content_type(METRICS_OPENMETRICS),
			 "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

Test(metrics_text, a_process)
{
	struct process_usage u;
	uint64_t bytes, n;

	cr_assert(process_usage((int)getpid(), &u));
	cr_expect(u.resident_bytes > 100000 && u.virtual_bytes > u.resident_bytes && u.cpu_s >= 0);
	cr_assert(process_descriptors(&n));
	cr_expect(n >= 3 && n < 1000, "%zu", (size_t)n);
	cr_expect_not(process_usage(-1, &u));
	cr_expect_not(process_proportional(-1, &bytes));
	if (process_proportional((int)getpid(), &bytes)) /* not every kernel has it */
		cr_expect(bytes > 10000 && bytes <= u.virtual_bytes);
}

/* Each is a row of the document's tables, and the other way round. */
Test(metrics_text, the_document_has_all)
{
	_cleanup_free_ char *path = NULL, *line = NULL;
	const char *names, *top = getenv("top_srcdir");
	const struct metric_family *f;
	size_t size = 0, rows = 0, n = 0;
	FILE *doc;

	cr_assert(asprintf(&path, "%s/docs/metrics.md", top ? top : ".") > 0);
	doc = fopen(path, "r");
	cr_assert_not_null(doc, "%s", path);
	while (getline(&line, &size, doc) > 0)
		rows += strncmp(line, "| `", 3) == 0 && line[3] != '/';
	for (; (f = metrics_family(n, &names)) != NULL; n++) {
		_cleanup_free_ char *row = NULL;
		bool found = false;

		cr_assert(asprintf(&row, "| `%s` | %s | %s | %s |\n", f->name,
				   metric_type_name(f->type), names, f->help) > 0);
		rewind(doc);
		while (!found && getline(&line, &size, doc) > 0)
			found = strcmp(line, row) == 0;
		cr_expect(found, "docs/metrics.md lacks: %s", row);
	}
	cr_expect_eq(rows, n, "it has %zu rows, there are %zu metrics", rows, n);
	(void)fclose(doc);
}
