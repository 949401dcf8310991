/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of the node and of teslad itself. */
#include <sys/resource.h>
#include <unistd.h>

#include "base/metrics_process.h"
#include "daemon/metrics_parts.h"

static void build_info(struct scrape *s, const struct metric *m, const void *of)
{
	(void)m, (void)of;
	scrape_label(s, "version", PACKAGE_VERSION);
	scrape_count(s, 1);
	scrape_drop(s, 1);
}

static void node_info(struct scrape *s, const struct metric *m, const void *of)
{
	const struct config *c = ((const struct daemon *)of)->check.config;

	(void)m;
	scrape_label(s, "node", c->node_id);
	scrape_label(s, "name", c->node_name);
	scrape_label(s, "location", c->node_location);
	scrape_count(s, 1);
	scrape_drop(s, 3);
}

static void config_warnings(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	(void)m;
	scrape_count(s, d->check.diags.n - d->check.diags.n_errors);
}

static void generation(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	(void)m;
	scrape_count(s, reload_generation(d->reload));
}

/* Nothing before the first reload. */
static void reload_success(struct scrape *s, const struct metric *m, const void *of)
{
	const struct reload_last *last = reload_last(((const struct daemon *)of)->reload);

	(void)m;
	if (last->t_ms != 0)
		scrape_count(s, last->error == NULL);
}

static void reload_time(struct scrape *s, const struct metric *m, const void *of)
{
	const struct reload_last *last = reload_last(((const struct daemon *)of)->reload);

	(void)m;
	if (last->t_ms != 0)
		scrape_real(s, (double)last->t_ms / 1e3);
}

static void log_dropped(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	(void)m;
	for (int i = 0; i < OUTLET_N_LOSSES; i++) {
		scrape_label(s, "reason", outlet_loss_name((enum outlet_loss)i));
		scrape_count(s, logfile_lost(&d->logfile, &d->log, (enum outlet_loss)i));
		scrape_drop(s, 1);
	}
}

static void each_door(struct scrape *s, const struct metric *m)
{
	struct control_count count;

	for (size_t i = 0; control_count(s->d->control, i, &count); i++) {
		scrape_label(s, "door", count.door);
		m->write(s, m, &count);
		scrape_drop(s, 1);
	}
}

static void process_start(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	(void)m;
	scrape_real(s, (double)d->check.hub->epoch_ms / 1e3);
}

static void process_cpu(struct scrape *s, const struct metric *m, const void *of)
{
	struct process_usage u;

	(void)m, (void)of;
	if (process_usage((int)getpid(), &u))
		scrape_real(s, u.cpu_s);
}

static void process_memory(struct scrape *s, const struct metric *m, const void *of)
{
	struct process_usage u;

	(void)of;
	if (process_usage((int)getpid(), &u))
		metric_count_at(s, m, &u);
}

static void process_open(struct scrape *s, const struct metric *m, const void *of)
{
	uint64_t n;

	(void)m, (void)of;
	if (process_descriptors(&n))
		scrape_count(s, n);
}

static void process_limit(struct scrape *s, const struct metric *m, const void *of)
{
	struct rlimit l;

	(void)m, (void)of;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur != RLIM_INFINITY)
		scrape_count(s, l.rlim_cur);
}

static const struct metric rows[] = {
	{ METRIC("tesla_build_info", GAUGE, "The program that runs."), "version", NULL, build_info,
	  0 },
	{ METRIC("tesla_node_info", GAUGE, "The installation."), "node, name, location", NULL,
	  node_info, 0 },
	{ METRIC("tesla_config_warnings", GAUGE, "Warnings of the configuration in force."), "",
	  NULL, config_warnings, 0 },
	{ METRIC("tesla_config_generation", GAUGE,
		 "Configurations that came into force: 1 at the start, 1 more by each reload."),
	  "", NULL, generation, 0 },
	{ METRIC("tesla_config_last_reload_successful", GAUGE,
		 "1: the last reload came into force; 0: it was refused."),
	  "", NULL, reload_success, 0 },
	{ METRIC("tesla_config_last_reload_timestamp_seconds", GAUGE,
		 "When the last reload was over, since 1970 UTC."),
	  "", NULL, reload_time, 0 },
	{ METRIC("tesla_log_lines_dropped_total", COUNTER, "Lines of the log lost, by reason."),
	  "reason", NULL, log_dropped, 0 },
	{ METRIC("tesla_control_connections", GAUGE,
		 "Connections at a door of the control socket."),
	  "door", each_door, metric_count_at, offsetof(struct control_count, connections) },
	{ METRIC("tesla_control_refused_total", COUNTER,
		 "Connections that were closed, since there were too many."),
	  "door", each_door, metric_count_at, offsetof(struct control_count, refused) },
	{ METRIC("process_start_time_seconds", GAUGE, "When teslad started, since 1970 UTC."), "",
	  NULL, process_start, 0 },
	{ METRIC("process_cpu_seconds_total", COUNTER, "Processor time of teslad."), "", NULL,
	  process_cpu, 0 },
	{ METRIC("process_resident_memory_bytes", GAUGE, "Memory of teslad (RSS)."), "", NULL,
	  process_memory, offsetof(struct process_usage, resident_bytes) },
	{ METRIC("process_virtual_memory_bytes", GAUGE, "Address space of teslad."), "", NULL,
	  process_memory, offsetof(struct process_usage, virtual_bytes) },
	{ METRIC("process_open_fds", GAUGE, "Descriptors that teslad has open."), "", NULL,
	  process_open, 0 },
	{ METRIC("process_max_fds", GAUGE, "Descriptors that teslad may have open."), "", NULL,
	  process_limit, 0 },
};

const struct metric_table metrics_of_node = { rows, N_ELEMENTS(rows) };
