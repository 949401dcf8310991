/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of lines and analyzers. */
#include "daemon/metrics_parts.h"

/* ---- lines ---- */

static void each_line(struct scrape *s, const struct metric *m)
{
	const struct hub *h = s->d->check.hub;

	for (size_t i = 0; i < h->n_lines; i++) {
		scrape_label_id(s, "line", h->lines[i].conf->id);
		m->write(s, m, &h->lines[i]);
		scrape_drop(s, 1);
	}
}

static void line_info(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_line *l = of;

	(void)m;
	scrape_label(s, "kind", hub_line_kind_name(l->conf->kind));
	scrape_label(s, "name", l->conf->name);
	scrape_count(s, 1);
	scrape_drop(s, 2);
}

static const char *line_state_name(int i)
{
	return hub_line_state_name((enum hub_line_state)i);
}

static void line_state(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_line *l = of;

	(void)m;
	scrape_states(s, line_state_name, HUB_LINE_N_STATES, (int)l->state);
}

static void line_busy(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_line *l = of;

	(void)m;
	scrape_real(s, l->busy);
}

static void line_planned(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_line *l = of;

	(void)m;
	if (l->planned && l->share >= 0)
		scrape_real(s, l->share);
}

static void line_busy_seconds(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_line *l = of;

	(void)m;
	scrape_real(s, (double)l->totals.busy_us / 1e6);
}

static void kinds(struct scrape *s, uint64_t timeouts, uint64_t garbled, uint64_t exceptions)
{
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = { { "timeout", timeouts }, { "garbled", garbled }, { "exception", exceptions } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		scrape_label(s, "kind", rows[i].name);
		scrape_count(s, rows[i].n);
		scrape_drop(s, 1);
	}
}

static void line_errors(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_line_totals *t = &((const struct hub_line *)of)->totals;

	(void)m;
	kinds(s, t->timeouts, t->garbled, t->exceptions);
}

static void histogram_at(struct scrape *s, const struct metric *m, const void *of)
{
	scrape_histogram(s, (const void *)((const char *)of + m->at));
}

/* ---- analyzers ---- */

static void each_analyzer(struct scrape *s, const struct metric *m)
{
	const struct hub *h = s->d->check.hub;

	for (size_t i = 0; i < h->n_analyzers; i++) {
		scrape_label_id(s, "analyzer", h->analyzers[i].conf->id);
		m->write(s, m, &h->analyzers[i]);
		scrape_drop(s, 1);
	}
}

static void analyzer_info(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_analyzer *a = of;
	char line[METRIC_NUMBER_SIZE], address[METRIC_NUMBER_SIZE];

	(void)m;
	(void)snprintf(line, sizeof line, "%lld", (long long)a->conf->on->id);
	(void)snprintf(address, sizeof address, "%u", a->conf->address);
	scrape_label(s, "line", line);
	scrape_label(s, "address", address);
	scrape_label(s, "model", a->conf->model->pub.name);
	scrape_count(s, 1);
	scrape_drop(s, 3);
}

static const char *state_name(int i)
{
	return hub_state_name((enum hub_state)i);
}

static void analyzer_state(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_analyzer *a = of;

	(void)m;
	scrape_states(s, state_name, HUB_N_STATES, (int)a->state);
}

static const char *run_name(int i)
{
	return hub_run_name((enum hub_run)i);
}

static void analyzer_run(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_analyzer *a = of;

	(void)m;
	scrape_states(s, run_name, HUB_N_RUNS, (int)a->run);
}

static void analyzer_errors(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_analyzer *a = of;

	(void)m;
	kinds(s, a->timeouts, a->garbled, a->exceptions);
}

/* After the clock was put back there may be none to tell. */
static void analyzer_age(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_analyzer *a = of;

	(void)m;
	if (a->t_us != 0 && a->t_us <= s->wall_us)
		scrape_real(s, (double)(s->wall_us - a->t_us) / 1e6);
}

static void analyzer_interval(struct scrape *s, const struct metric *m, const void *of)
{
	const struct hub_analyzer *a = of;

	(void)m;
	scrape_real(s, (double)a->conf->interval_ms / 1e3);
}

static const struct metric rows[] = {
	{ METRIC("tesla_line_info", GAUGE, "Lines: one that meters share each."),
	  "line, kind, name", each_line, line_info, 0 },
	{ METRIC("tesla_line_state", GAUGE, "1 for the state that the line is in."), "line, state",
	  each_line, line_state, 0 },
	{ METRIC("tesla_line_busy_ratio", GAUGE,
		 "Measured share of the line's time in use, over about 10 s."),
	  "line", each_line, line_busy, 0 },
	{ METRIC("tesla_line_planned_ratio", GAUGE,
		 "Planned share of a serial line's time in use."),
	  "line", each_line, line_planned, 0 },
	{ METRIC("tesla_line_busy_seconds_total", COUNTER, "Time that the line was in use."),
	  "line", each_line, line_busy_seconds, 0 },
	{ METRIC("tesla_line_transactions_total", COUNTER, "Requests to meters."), "line",
	  each_line, metric_count_at, offsetof(struct hub_line, transactions) },
	{ METRIC("tesla_line_errors_total", COUNTER, "Requests that went wrong."), "line, kind",
	  each_line, line_errors, 0 },
	{ METRIC("tesla_line_transaction_duration_seconds", HISTOGRAM,
		 "From a request to the end of its reply, where there was any."),
	  "line, le", each_line, histogram_at, offsetof(struct hub_line, totals.took) },
	{ METRIC("tesla_line_sweep_lateness_seconds", HISTOGRAM,
		 "From the deadline of a sweep to its start."),
	  "line, le", each_line, histogram_at, offsetof(struct hub_line, totals.late) },
	{ METRIC("tesla_analyzer_info", GAUGE, "Analyzers: one meter each."),
	  "analyzer, line, address, model", each_analyzer, analyzer_info, 0 },
	{ METRIC("tesla_analyzer_state", GAUGE, "1 for the state that the analyzer is in."),
	  "analyzer, state", each_analyzer, analyzer_state, 0 },
	{ METRIC("tesla_analyzer_run", GAUGE, "1 for what it is told: started, paused, stopped."),
	  "analyzer, state", each_analyzer, analyzer_run, 0 },
	{ METRIC("tesla_analyzer_interval_seconds", GAUGE, "Time between polls, as configured."),
	  "analyzer", each_analyzer, analyzer_interval, 0 },
	{ METRIC("tesla_analyzer_last_sweep_age_seconds", GAUGE,
		 "Time since the last poll, failed or not."),
	  "analyzer", each_analyzer, analyzer_age, 0 },
	{ METRIC("tesla_analyzer_sweeps_total", COUNTER, "Polls made, failed or not."), "analyzer",
	  each_analyzer, metric_count_at, offsetof(struct hub_analyzer, sweeps) },
	{ METRIC("tesla_analyzer_sweeps_failed_total", COUNTER, "Polls with an error."), "analyzer",
	  each_analyzer, metric_count_at, offsetof(struct hub_analyzer, failed) },
	{ METRIC("tesla_analyzer_sweeps_missed_total", COUNTER,
		 "Polls not made: the next deadline had passed."),
	  "analyzer", each_analyzer, metric_count_at, offsetof(struct hub_analyzer, missed) },
	{ METRIC("tesla_analyzer_errors_total", COUNTER, "Requests that went wrong."),
	  "analyzer, kind", each_analyzer, analyzer_errors, 0 },
};

const struct metric_table metrics_of_lines = { rows, N_ELEMENTS(rows) };
