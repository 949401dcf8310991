/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the metrics share (metrics.c, metrics_node.c, metrics_lines.c,
 * metrics_hosts.c, metrics_exporters.c); nobody else's.
 */
#ifndef DAEMON_METRICS_PARTS_H
#define DAEMON_METRICS_PARTS_H

#include "base/cleanup.h"
#include "daemon/metrics.h"

#define METRIC_LABELS_MAX 6
#define METRIC_NUMBER_SIZE 24

struct scrape { /* one text under way */
	const struct daemon *d;
	int64_t wall_us; /* when it began */
	struct metrics_text text;
	struct metric_label labels[METRIC_LABELS_MAX + 1]; /* of the next sample */
	size_t n_labels;
	char id[METRIC_NUMBER_SIZE]; /* room for the number of what is told of */
};

struct metric { /* a row of a table */
	struct metric_family family;
	const char *labels; /* their names, for people */
	/* Calls `write` for each thing that it is of; NULL: it is of the daemon, `of` is that. */
	void (*each)(struct scrape *s, const struct metric *m);
	void (*write)(struct scrape *s, const struct metric *m, const void *of);
	size_t at; /* where in that thing, for those writers that say so */
};

struct metric_table {
	const struct metric *rows;
	size_t n;
};
extern const struct metric_table metrics_of_node, metrics_of_lines, metrics_of_hosts,
	metrics_of_exporters;

#define METRIC(NAME, TYPE, HELP) \
	{ \
		NAME, METRIC_##TYPE, HELP \
	}

/* Labels of the next samples; what `value` points to must stay until they are dropped. */
void scrape_label(struct scrape *s, const char *name, const char *value);
void scrape_drop(struct scrape *s, size_t n);
/* A number is a label too. */
void scrape_label_id(struct scrape *s, const char *name, int64_t id);

void scrape_real(struct scrape *s, double value);
void scrape_count(struct scrape *s, uint64_t value);
void scrape_histogram(struct scrape *s, const struct histogram *h);
/* A sample per name, with it as label; 1 for that which is, 0 for the others. */
void scrape_states(struct scrape *s, const char *(*name)(int), int n, int is);

/* ---- writers of what stands at `at` ---- */
void metric_count_at(struct scrape *s, const struct metric *m, const void *of); /* a uint64_t */
void metric_one(struct scrape *s, const struct metric *m, const void *of); /* 1: labels are all */

#endif
