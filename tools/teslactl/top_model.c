/* SPDX-License-Identifier: Apache-2.0 */
/* What `teslactl top` shows, without the screen. */
#include "teslactl/top_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/table.h"

#define OLD_INTERVALS 3
#define OLD_MS 5000 /* beyond the interval, for who polls fast */

/* What asks for attention first. */
static const struct {
	const char *state;
	int rank;
} ranks[] = {
	{ "failed", 0 },  { "down", 1 },   { "offline", 2 }, { "connecting", 3 },
	{ "stopped", 5 }, { "paused", 6 }, { "online", 7 },
};
#define RANK_UNKNOWN 4

/* ---- order ---- */

char *top_state(const msgpack_object *analyzer)
{
	char *run = mp_strdup(analyzer, "run"), *state;

	if (run != NULL && strcmp(run, "started") != 0)
		state = run;
	else
		state = mp_strdup(analyzer, "state");
	if (state != run)
		free(run);
	if (state != NULL)
		text_clean(state);
	return state;
}

static int rank_of(const msgpack_object *analyzer)
{
	_cleanup_free_ char *state = top_state(analyzer);

	for (size_t i = 0; state != NULL && i < N_ELEMENTS(ranks); i++)
		if (strcmp(ranks[i].state, state) == 0)
			return ranks[i].rank;
	return RANK_UNKNOWN;
}

static double key_of(const msgpack_object *map, enum top_sort sort)
{
	switch (sort) {
	case SORT_STATE:
		return rank_of(map);
	case SORT_LINE:
		return mp_real(map, "line", 0);
	case SORT_AGE:
		return mp_real(map, "t_ms", 0);
	case SORT_ID:
	case TOP_SORTS:
		break;
	}
	return mp_real(map, "id", 0);
}

static int item_compare(const void *a, const void *b)
{
	const struct top_item *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

static void items_turn(struct top_item *items, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct top_item other = items[i];

		items[i] = items[n - 1 - i];
		items[n - 1 - i] = other;
	}
}

int top_list_take(struct top_list *l, const msgpack_object *status, enum top_pane pane,
		  enum top_sort sort, bool reverse)
{
	static const char *const keys[] = { "lines", "exporters", "analyzers" };
	size_t n;
	const msgpack_object *maps = mp_array(status, keys[pane], &n);
	struct top_item *items = realloc(l->items, (n ? n : 1) * sizeof *items);

	if (items == NULL)
		return -ENOMEM;
	l->items = items;
	l->n = n;
	for (size_t i = 0; i < n; i++)
		items[i] = (struct top_item){
			.map = &maps[i],
			.place = i,
			.key = pane == PANE_ANALYZERS ? key_of(&maps[i], sort) : 0,
		};
	qsort(items, n, sizeof *items, item_compare);
	if (pane == PANE_ANALYZERS && reverse)
		items_turn(items, n);
	return 0;
}

void top_list_release(struct top_list *l)
{
	free(l->items);
	*l = (struct top_list){ 0 };
}

void top_list_scroll(struct top_list *l, long by, int height)
{
	size_t rows = height > 0 ? (size_t)height : 0, last = l->n > rows ? l->n - rows : 0;
	long to = (long)l->first + by;

	l->first = to < 0 ? 0 : (size_t)to > last ? last : (size_t)to;
}

const char *top_sort_name(enum top_sort sort)
{
	static const char *const names[] = { "id", "state", "line", "age" };

	return names[sort];
}

/* ---- room ---- */

static int at_most(size_t n, int most)
{
	return n < (size_t)most ? (int)n : most;
}

static int at_least(int n, int least)
{
	return n > least ? n : least;
}

/* What the analyzers do not need. */
static void spare_give(const size_t n[TOP_PANES], int height[TOP_PANES])
{
	static const enum top_pane to[] = { PANE_LINES, PANE_EXPORTERS };

	for (size_t i = 0; i < N_ELEMENTS(to); i++) {
		int spare =
			height[PANE_ANALYZERS] - at_most(n[PANE_ANALYZERS], height[PANE_ANALYZERS]);
		int more = height[to[i]] < 0 ? 0 : at_most(n[to[i]] - (size_t)height[to[i]], spare);

		height[to[i]] += more;
		height[PANE_ANALYZERS] -= more;
	}
}

void top_panes_fit(int rows, const size_t n[TOP_PANES], int height[TOP_PANES])
{
	int body = rows - 1 - (n[PANE_LINES] > 0) - (n[PANE_EXPORTERS] > 0);

	height[PANE_LINES] = height[PANE_EXPORTERS] = -1;
	height[PANE_ANALYZERS] = at_least(rows - 1, 0);
	if (body < 6)
		return;
	height[PANE_ANALYZERS] = body;
	if (n[PANE_LINES] > 0) {
		height[PANE_LINES] = at_most(n[PANE_LINES], at_least(body / 4, 1));
		height[PANE_ANALYZERS] -= height[PANE_LINES];
	}
	if (n[PANE_EXPORTERS] > 0) {
		height[PANE_EXPORTERS] = at_most(n[PANE_EXPORTERS], at_least(body / 6, 1));
		height[PANE_ANALYZERS] -= height[PANE_EXPORTERS];
	}
	spare_give(n, height);
}

/* ---- words ---- */

char *top_counts(const msgpack_object *status)
{
	size_t n, count[N_ELEMENTS(ranks)] = { 0 }, others = 0, shown = 0;
	const msgpack_object *list = mp_array(status, "analyzers", &n);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		int rank = rank_of(&list[i]);
		size_t k = 0;

		while (k < N_ELEMENTS(ranks) && ranks[k].rank != rank)
			k++;
		if (k < N_ELEMENTS(ranks))
			count[k]++;
		else
			others++;
	}
	(void)fprintf(out, "%zu analyzer%s", n, n == 1 ? "" : "s");
	for (size_t k = 0; k < N_ELEMENTS(ranks); k++)
		if (count[k] > 0)
			(void)fprintf(out, "%s%zu %s", shown++ ? ", " : ": ", count[k],
				      ranks[k].state);
	if (others > 0)
		(void)fprintf(out, "%s%zu in another state", shown ? ", " : ": ", others);
	(void)fclose(out);
	return text;
}

bool top_is_old(int64_t age_ms, int64_t interval_ms)
{
	return age_ms > OLD_INTERVALS * interval_ms && age_ms > interval_ms + OLD_MS;
}

void top_element(const struct tesla_element *e, bool old, char *text, size_t size)
{
	const char *mark = old || e->quality == TESLA_STALE ? "~"
			   : e->quality == TESLA_SUSPECT    ? "?"
							    : "";

	if (element_has_value(e))
		(void)snprintf(text, size, "%.10g%s", e->value, mark);
	else if (e->quality == TESLA_UNAVAILABLE)
		(void)snprintf(text, size, "n/a");
	else if (e->quality == TESLA_ERROR)
		(void)snprintf(text, size, "err");
	else
		(void)snprintf(text, size, "-");
}
