/* SPDX-License-Identifier: Apache-2.0 */
/* What `teslactl top` shows, without the screen: order, room, words. */
#ifndef TESLACTL_TOP_MODEL_H
#define TESLACTL_TOP_MODEL_H

#include "base/mp.h"
#include "teslactl/rows.h"

enum top_pane { PANE_LINES, PANE_EXPORTERS, PANE_ANALYZERS, TOP_PANES };
enum top_sort { SORT_ID, SORT_STATE, SORT_LINE, SORT_AGE, TOP_SORTS };

struct top_item {
	const msgpack_object *map; /* of the status, which must live as long */
	double key;		   /* what they are sorted by; then by `place` */
	size_t place;		   /* in the status */
};
struct top_list {
	struct top_item *items;
	size_t n;
	size_t first; /* at the top of its pane */
};

/* The maps under the pane's key of the status; only analyzers are sorted.  -ENOMEM. */
int top_list_take(struct top_list *l, const msgpack_object *status, enum top_pane pane,
		  enum top_sort sort, bool reverse);
void top_list_release(struct top_list *l);
/* By so many rows of a pane that shows `height`; stays inside. */
void top_list_scroll(struct top_list *l, long by, int height);
const char *top_sort_name(enum top_sort sort);

/*
 * How many rows each pane gets of `rows`, beside a line for its head; -1: it is not shown.
 * Analyzers get most, and what they do not need goes to the others.
 */
void top_panes_fit(int rows, const size_t n[TOP_PANES], int height[TOP_PANES]);

/* "online", or "paused": what a user asked for goes before what came of it.  NULL: unknown. */
char *top_state(const msgpack_object *analyzer);
/* "200 analyzers: 195 online, 5 offline"; free() it. */
char *top_counts(const msgpack_object *status);
/* Older than the analyzer's interval explains. */
bool top_is_old(int64_t age_ms, int64_t interval_ms);
/* "230.1", "230.1~" (stale, or old), "230.1?" (suspect), "n/a", "err", "-" */
void top_element(const struct tesla_element *e, bool old, char *text, size_t size);

#endif
