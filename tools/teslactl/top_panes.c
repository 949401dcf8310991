/* SPDX-License-Identifier: Apache-2.0 */
/* The three panes of `teslactl top`. */
#include "teslactl/top_panes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "teslactl/list.h"
#include "teslactl/table.h"

#define BAR_WIDTH 10
#define LOAD_WIDTH (8 + 1 + BAR_WIDTH + 2 + 8)
#define WIDE 100 /* columns from which on there is room for more */

/* ---- small parts ---- */

/* The text under a key, for as long as the caller wants; "" when there is none. */
char *top_text(const msgpack_object *map, const char *key)
{
	char *text = text_of(mp_get(map, key));

	if (text != NULL)
		text_clean(text);
	return text;
}

static void text_put(const msgpack_object *map, const char *key, int width, attr_t look)
{
	_cleanup_free_ char *text = top_text(map, key);

	term_fit(text != NULL && *text != '\0' ? text : "-", width, look);
}

static void gap(int width)
{
	term_put("", width, A_NORMAL);
}

/* The widest text under a key, between `least` and `most`. */
static int width_at(const struct top_list *l, const char *key, int least, int most)
{
	int width = least;

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_free_ char *text = top_text(l->items[i].map, key);
		int w = text ? text_width(text) : 0;

		width = w > width ? w : width;
	}
	return width < most ? width : most > least ? most : least;
}

attr_t top_state_look(const char *state)
{
	static const char *const well[] = {
		"open", "online", "running", "idle", "taking", "sending"
	};
	static const char *const between[] = { "connecting", "closed",	 "paused",
					       "stopped",    "starting", "waiting" };

	for (size_t i = 0; i < N_ELEMENTS(well); i++)
		if (strcmp(state, well[i]) == 0)
			return A_NORMAL;
	for (size_t i = 0; i < N_ELEMENTS(between); i++)
		if (strcmp(state, between[i]) == 0)
			return term_doubtful();
	return term_absent();
}

static void state_put(const char *state, int width)
{
	term_fit(state, width, top_state_look(state));
}

static void share_put(const msgpack_object *map, const char *key, int width)
{
	double v = mp_real(map, key, -1);
	char text[24] = "-";

	if (v >= 0)
		(void)snprintf(text, sizeof text, "%.1f%%", v * 100);
	term_put(text, -width, v > 0.9 ? term_absent() : A_NORMAL);
}

static void bar_put(double share)
{
	char bar[BAR_WIDTH + 3] = "[";
	int full = share <= 0 ? 0 : share >= 1 ? BAR_WIDTH : (int)(share * BAR_WIDTH + 0.5);

	full = full == 0 && share > 0 ? 1 : full;
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[1 + i] = i < full ? '|' : ' ';
	bar[BAR_WIDTH + 1] = ']';
	bar[BAR_WIDTH + 2] = '\0';
	term_put(bar, BAR_WIDTH + 2, A_NORMAL);
}

/* ---- heads ---- */

struct head {
	const char *text;
	int width;
};

static void head_draw(const struct top_view *v, enum top_pane pane, const struct head *heads,
		      size_t n)
{
	const struct top_list *l = &v->lists[pane];
	size_t height = (size_t)v->height[pane];
	bool focused = v->focus == pane;
	attr_t look = focused ? A_REVERSE | A_BOLD : A_REVERSE;
	char where[48] = "";

	(void)hline(' ' | look, COLS);
	term_put(focused ? ">" : " ", 0, look);
	for (size_t i = 0; i < n; i++)
		term_put(heads[i].text, heads[i].width, look);
	if (l->n <= height)
		return;
	(void)snprintf(where, sizeof where, "  %zu-%zu of %zu", l->first + 1, l->first + height,
		       l->n);
	if (COLS > text_width(where) + 1)
		(void)move(getcury(stdscr), COLS - 1 - text_width(where));
	term_put(where, 0, look);
}

/* ---- lines ---- */

struct line_widths {
	int id, state, name;
};

/* Of a line that cannot be used, why: its load would tell nothing. */
static void line_draw(const msgpack_object *map, const struct line_widths *w)
{
	_cleanup_free_ char *state = top_text(map, "state"), *reason = top_text(map, "reason");
	bool open = state != NULL && strcmp(state, "open") == 0;

	gap(1);
	text_put(map, "id", -w->id, A_BOLD);
	gap(2);
	state_put(state ? state : "", w->state);
	if (!open && reason != NULL && *reason != '\0') {
		gap(2);
		term_fit(reason, LOAD_WIDTH - 2, term_absent());
	} else {
		share_put(map, "busy", 8);
		gap(1);
		bar_put(mp_real(map, "busy", 0));
		share_put(map, "share", 8);
	}
	gap(2);
	text_put(map, "name", w->name, A_NORMAL);
}

void top_lines_draw(const struct top_view *v, int y)
{
	const struct top_list *l = &v->lists[PANE_LINES];
	struct line_widths w = { width_at(l, "id", 4, 10), width_at(l, "state", 6, 8), 0 };
	int left = COLS - 1 - (1 + w.id + 2 + w.state + LOAD_WIDTH + 2);

	w.name = width_at(l, "name", 4, left);
	const struct head heads[] = { { "LINE", -w.id },
				      { "", 2 },
				      { "STATE", w.state },
				      { "LOAD", -8 },
				      { "", 1 + BAR_WIDTH + 2 },
				      { "PLANNED", -8 },
				      { "", 2 },
				      { "NAME", w.name } };

	(void)move(y, 0);
	head_draw(v, PANE_LINES, heads, N_ELEMENTS(heads));
	for (int i = 0; i < v->height[PANE_LINES] && l->first + (size_t)i < l->n; i++) {
		(void)move(y + 1 + i, 0);
		line_draw(l->items[l->first + (size_t)i].map, &w);
	}
}

/* ---- exporters ---- */

struct exporter_widths {
	int id, state, rejected, dropped; /* 0: that column is left out */
};

static bool any_of(const struct top_list *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (mp_int(l->items[i].map, key, 0) > 0)
			return true;
	return false;
}

static void count_put(const msgpack_object *map, const char *key, int width, attr_t some)
{
	if (width > 0)
		text_put(map, key, -width, mp_int(map, key, 0) > 0 ? some : A_NORMAL);
}

static void exporter_draw(const msgpack_object *map, const struct exporter_widths *w)
{
	_cleanup_free_ char *word = top_text(map, "state"), *reason = top_text(map, "reason");

	gap(1);
	text_put(map, "id", w->id, A_BOLD);
	gap(2);
	state_put(word ? word : "", w->state);
	count_put(map, "backlog", 9, A_BOLD);
	count_put(map, "delivered", 11, A_NORMAL);
	count_put(map, "rejected", w->rejected, term_absent());
	count_put(map, "dropped", w->dropped, term_absent());
	gap(2);
	if (reason != NULL && *reason != '\0')
		term_fit(reason, term_left(), term_absent());
}

void top_exporters_draw(const struct top_view *v, int y)
{
	const struct top_list *l = &v->lists[PANE_EXPORTERS];
	const struct exporter_widths w = {
		width_at(l, "id", 8, COLS / 5),
		width_at(l, "state", 5, 8),
		COLS >= WIDE || any_of(l, "rejected") ? 9 : 0,
		COLS >= WIDE || any_of(l, "dropped") ? 9 : 0,
	};
	const struct head heads[] = { { "EXPORTER", w.id },
				      { "", 2 },
				      { "STATE", w.state },
				      { "BACKLOG", -9 },
				      { "DELIVERED", -11 },
				      { w.rejected ? "REJECTED" : "", -w.rejected },
				      { w.dropped ? "DROPPED" : "", -w.dropped },
				      { "", 2 },
				      { "REASON", 0 } };

	(void)move(y, 0);
	head_draw(v, PANE_EXPORTERS, heads, N_ELEMENTS(heads));
	for (int i = 0; i < v->height[PANE_EXPORTERS] && l->first + (size_t)i < l->n; i++) {
		(void)move(y + 1 + i, 0);
		exporter_draw(l->items[l->first + (size_t)i].map, &w);
	}
}

/* ---- analyzers ---- */

struct analyzer_widths {
	int id, line, model, state;
};

static attr_t element_look(const struct tesla_element *e, bool old)
{
	if (!element_has_value(e))
		return term_absent();
	return e->quality == TESLA_GOOD && !old ? A_NORMAL : term_doubtful();
}

/* False: no more room.  A number is shown whole, with its mark, or not at all. */
static bool word_put(const char *text, attr_t look)
{
	if (text_width(text) + 3 > term_left()) {
		term_put(" >", 0, A_BOLD);
		return false;
	}
	gap(1);
	term_put(text, 0, look);
	return true;
}

static bool reading_put(const struct row *row, int64_t now_ms, int64_t interval_ms)
{
	bool old = top_is_old(now_ms - row->t_ms, interval_ms);

	if (!word_put(row->variable, A_DIM))
		return false;
	for (size_t i = 0; i < row->n_elements; i++) {
		char text[40];

		top_element(&row->elements[i], old, text, sizeof text);
		if (!word_put(text, element_look(&row->elements[i], old)))
			return false;
	}
	return *row->unit == '\0' || word_put(row->unit, A_DIM);
}

/* The variables, from the first that is asked for. */
static void values_put(const struct top_view *v, const msgpack_object *map, int64_t now_ms)
{
	int64_t id = mp_int(map, "id", 0), interval_ms = mp_int(map, "interval_ms", 0);
	const msgpack_object *own = mp_get(map, "intervals");
	size_t skip = v->variable;

	for (size_t i = 0; i < v->rows->n; i++) {
		const struct row *row = v->rows->list[i];

		if (row->analyzer != id || skip-- > 0)
			continue;
		skip = 0;
		if (!reading_put(row, now_ms, mp_int(own, row->variable, interval_ms)))
			return;
		gap(1);
	}
}

/* Its beginning tells most. */
static void model_put(const msgpack_object *map, int width)
{
	_cleanup_free_ char *model = top_text(map, "model");

	term_cut(model != NULL && *model != '\0' ? model : "-", width, A_NORMAL);
}

static void analyzer_draw(const struct top_view *v, const msgpack_object *map,
			  const struct analyzer_widths *w, int64_t now_ms)
{
	_cleanup_free_ char *state = top_state(map), *reason = top_text(map, "reason");
	int64_t t_ms = mp_int(map, "t_ms", 0);
	char age[24] = "-";

	if (t_ms > 0)
		age_format(now_ms - t_ms, age, sizeof age);
	gap(1);
	text_put(map, "id", -w->id, A_BOLD);
	gap(1);
	text_put(map, "line", -w->line, A_NORMAL);
	gap(2);
	model_put(map, w->model);
	gap(2);
	state_put(state ? state : "-", w->state);
	term_put(age, -7,
		 top_is_old(now_ms - t_ms, mp_int(map, "interval_ms", 0)) ? term_doubtful()
									  : A_NORMAL);
	gap(1);
	if (reason != NULL && *reason != '\0') {
		int width = text_width(reason);

		gap(1);
		term_fit(reason, width < term_left() ? width : term_left(), term_absent());
		gap(1);
	}
	values_put(v, map, now_ms);
}

void top_analyzers_draw(const struct top_view *v, int y)
{
	const struct top_list *l = &v->lists[PANE_ANALYZERS];
	struct analyzer_widths w = { width_at(l, "id", 8, 19), width_at(l, "line", 4, 10),
				     width_at(l, "model", 5, COLS >= WIDE ? 24 : 12),
				     width_at(l, "state", 5, 10) };
	const struct head heads[] = { { "ANALYZER", -w.id },
				      { "", 1 },
				      { "LINE", -w.line },
				      { "", 2 },
				      { "MODEL", w.model },
				      { "", 2 },
				      { "STATE", w.state },
				      { "LAST", -7 },
				      { "", 2 },
				      { "VALUES", 0 } };
	int64_t now_ms = clock_wall_us() / 1000;

	(void)move(y, 0);
	head_draw(v, PANE_ANALYZERS, heads, N_ELEMENTS(heads));
	for (int i = 0; i < v->height[PANE_ANALYZERS] && l->first + (size_t)i < l->n; i++) {
		(void)move(y + 1 + i, 0);
		analyzer_draw(v, l->items[l->first + (size_t)i].map, &w, now_ms);
	}
}
