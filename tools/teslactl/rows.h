/* SPDX-License-Identifier: Apache-2.0 */
/* The last reading of each variable of each analyzer, from a snapshot and then from the stream. */
#ifndef TESLACTL_ROWS_H
#define TESLACTL_ROWS_H

#include <msgpack.h>
#include <tesla/plugin.h>

struct row_element {
	double value;
	bool has_value;
	int quality;
};
struct row {
	int64_t analyzer;
	char *variable, *unit, *error; /* unit, error: NULL when there is none */
	char **labels;		       /* NULL: not known */
	size_t n_labels, n_elements;
	struct row_element *elements;
	int64_t t_ms, epoch_ms, sweep;
	uint64_t k;
};

/* Which readings one wants to see. */
struct filter {
	int64_t analyzer; /* 0: all */
	char **variables; /* none: all */
	size_t n_variables;
};
bool filter_takes(const struct filter *f, int64_t analyzer, const char *variable, size_t len);

struct rows {
	struct row **list; /* in the order of the snapshot, then as they came */
	size_t n;
	void *index; /* tsearch */
};

void rows_release(struct rows *rows);
/* The answer of `snapshot`.  Negative: no memory, or a reading that makes no sense. */
int rows_snapshot(struct rows *rows, const struct filter *filter, const msgpack_object *answer,
		  struct tesla_error *err);
/* One message of the stream.  *ret: the row it belongs to. */
int rows_message(struct rows *rows, const char *topic, const msgpack_object *payload,
		 struct row **ret, struct tesla_error *err);

/* "reading/<node>/<analyzer>/<variable>/" */
bool topic_split(const char *topic, int64_t *analyzer, const char **variable, size_t *len);

/* "230.1", "unavailable", "230.1 (stale)": never a number for what has none. */
void element_format(const struct row_element *e, char *text, size_t size);
/* "L1 230.1  L2 unavailable"; free() it. */
char *row_values(const struct row *row);
/* The label of element i, "" when unknown. */
const char *row_label(const struct row *row, size_t i);
/* "0.4 s", "12 s", "3 min", "2 h", "5 d" */
void age_format(int64_t ms, char *text, size_t size);

#endif
