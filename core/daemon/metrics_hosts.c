/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of hosts. */
#include "base/metrics_process.h"
#include "daemon/metrics_parts.h"

static void each_host(struct scrape *s, const struct metric *m)
{
	const struct fleet *f = &s->d->fleet;

	for (size_t i = 0; i < f->n_slots; i++) {
		if (f->slots[i]->gone)
			continue;
		scrape_label_id(s, "host", (int64_t)f->slots[i]->owner);
		m->write(s, m, f->slots[i]);
		scrape_drop(s, 1);
	}
}

static void host_info(struct scrape *s, const struct metric *m, const void *of)
{
	const struct slot *slot = of;
	const char *id = slot->conf ? slot->conf->id : "stream";

	(void)m;
	scrape_label(s, "kind", slot->exporter ? "exporter" : "driver");
	scrape_label(s, "exporter", slot->exporter ? id : NULL);
	scrape_count(s, 1);
	scrape_drop(s, 2);
}

static const char *state_name(int i)
{
	return slot_state_name((enum slot_state)i);
}

static void host_state(struct scrape *s, const struct metric *m, const void *of)
{
	const struct slot *slot = of;

	(void)m;
	scrape_states(s, state_name, SLOT_WAITING + 1, (int)slot->state);
}

static void host_quarantine(struct scrape *s, const struct metric *m, const void *of)
{
	const struct slot *slot = of;

	(void)m;
	scrape_count(s, slot->quarantine);
}

static void host_restarts(struct scrape *s, const struct metric *m, const void *of)
{
	const struct slot *slot = of;

	(void)m;
	scrape_count(s, slot->restarts);
}

static bool usage_of(const struct slot *slot, struct process_usage *ret)
{
	return slot->host != NULL && process_usage(host_pid(slot->host), ret);
}

static void host_cpu(struct scrape *s, const struct metric *m, const void *of)
{
	struct process_usage u;

	(void)m;
	if (usage_of(of, &u))
		scrape_real(s, u.cpu_s);
}

static void host_resident(struct scrape *s, const struct metric *m, const void *of)
{
	struct process_usage u;

	(void)m;
	if (usage_of(of, &u))
		scrape_count(s, u.resident_bytes);
}

static void host_proportional(struct scrape *s, const struct metric *m, const void *of)
{
	const struct slot *slot = of;
	uint64_t bytes;

	(void)m;
	if (slot->host != NULL && process_proportional(host_pid(slot->host), &bytes))
		scrape_count(s, bytes);
}

static const struct metric rows[] = {
	{ METRIC("tesla_host_info", GAUGE, "Hosts: processes that run plugins."),
	  "host, kind, exporter", each_host, host_info, 0 },
	{ METRIC("tesla_host_state", GAUGE, "1 for the state that the host is in."), "host, state",
	  each_host, host_state, 0 },
	{ METRIC("tesla_host_quarantine", GAUGE,
		 "1: for an analyzer or a line whose plugin crashed or hung before."),
	  "host", each_host, host_quarantine, 0 },
	{ METRIC("tesla_host_restarts_total", COUNTER, "Starts of the host beyond the first."),
	  "host", each_host, host_restarts, 0 },
	{ METRIC("tesla_host_cpu_seconds_total", COUNTER,
		 "Processor time of the host's process that runs now."),
	  "host", each_host, host_cpu, 0 },
	{ METRIC("tesla_host_resident_memory_bytes", GAUGE, "Memory of the host (RSS)."), "host",
	  each_host, host_resident, 0 },
	{ METRIC("tesla_host_proportional_memory_bytes", GAUGE,
		 "Memory of the host, what it shares counted by its share (PSS)."),
	  "host", each_host, host_proportional, 0 },
};

const struct metric_table metrics_of_hosts = { rows, N_ELEMENTS(rows) };
