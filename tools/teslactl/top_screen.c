/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of `teslactl top`: a head, three panes, a foot. */
#include "teslactl/top_screen.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "teslactl/table.h"
#include "teslactl/top_panes.h"

#define HEAD_LINES 2

/* ---- the whole ---- */

static void title_draw(const struct top_view *v)
{
	const msgpack_object *node = mp_get(v->status, "node");
	_cleanup_free_ char *id = top_text(node, "id"), *name = top_text(node, "name"),
			    *version = top_text(v->status, "version");
	int64_t now_ms = clock_wall_us() / 1000;
	time_t now = (time_t)(now_ms / 1000);
	_cleanup_free_ char *title = NULL;
	char age[24], clock[16] = "", more[40] = "";
	size_t warnings;
	struct tm tm;

	age_format(now_ms - mp_int(v->status, "epoch_ms", now_ms), age, sizeof age);
	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(clock, sizeof clock, "%T", &tm);
	(void)mp_array(v->status, "warnings", &warnings);
	if (warnings > 0)
		(void)snprintf(more, sizeof more, "  %zu warning%s", warnings,
			       warnings == 1 ? "" : "s");
	if (asprintf(&title, "node %s, %s  teslad %s, up %s  %.1f sweeps/s%s", id ? id : "",
		     name ? name : "", version ? version : "", age, v->rate, more) < 0)
		return;
	(void)move(0, 0);
	term_cut(title, COLS > 11 ? COLS - 11 : term_left(), A_BOLD);
	if (COLS > 11) {
		(void)move(0, COLS - 9);
		term_put(clock, 0, A_BOLD);
	}
}

/* Parts that do not fit are left out; so what is wrong comes first. */
static void part_put(const char *text, attr_t look)
{
	int before = getcurx(stdscr) > 0 ? 3 : 0;

	if (before > 0 && text_width(text) + before > term_left())
		return;
	term_put("", before, A_NORMAL);
	term_cut(text, term_left(), look);
}

/* Why there are none is said last, as far as there is room. */
static void readings_put(const struct top_view *v)
{
	_cleanup_free_ char *text = NULL;

	if (v->down != NULL) {
		term_put("", 3, A_NORMAL);
		term_cut(v->down, term_left(), term_absent());
	} else if (v->missed > 0 &&
		   asprintf(&text, "%llu readings missed", (unsigned long long)v->missed) >= 0) {
		part_put(text, A_NORMAL);
	}
}

static void journal_put(const char *state)
{
	_cleanup_free_ char *text = NULL;

	if (*state != '\0' && asprintf(&text, "journal %s", state) >= 0)
		part_put(text, top_state_look(state));
}

static void summary_draw(const struct top_view *v)
{
	_cleanup_free_ char *counts = top_counts(v->status);
	_cleanup_free_ char *state = top_text(mp_get(v->status, "journal"), "state");
	bool open = state != NULL && strcmp(state, "open") == 0;

	(void)move(1, 0);
	if (v->silence != NULL) {
		term_fit(v->silence, term_left(), A_REVERSE | term_absent());
		return;
	}
	if (v->down != NULL)
		part_put("NO READINGS", A_REVERSE | term_absent());
	if (!open && state != NULL)
		journal_put(state);
	part_put(counts ? counts : "", A_NORMAL);
	if (open)
		journal_put(state);
	readings_put(v);
}

static void foot_draw(const struct top_view *v)
{
	char foot[128];

	(void)snprintf(foot, sizeof foot,
		       "q quit  Tab pane  arrows PgUp PgDn  s sort: %s  r turn  ~ old  ? doubtful",
		       top_sort_name(v->sort));
	(void)move(LINES - 1, 0);
	term_put(foot, 0, A_DIM);
}

void top_draw(struct top_view *v)
{
	static void (*const panes[])(const struct top_view *, int y) = {
		[PANE_LINES] = top_lines_draw,
		[PANE_EXPORTERS] = top_exporters_draw,
		[PANE_ANALYZERS] = top_analyzers_draw,
	};
	size_t n[TOP_PANES];
	int y = HEAD_LINES;

	for (size_t i = 0; i < TOP_PANES; i++)
		n[i] = v->lists[i].n;
	top_panes_fit(LINES - HEAD_LINES - 1, n, v->height);
	if (v->height[v->focus] < 0)
		v->focus = PANE_ANALYZERS;
	(void)erase();
	title_draw(v);
	summary_draw(v);
	for (size_t i = 0; i < TOP_PANES; i++) {
		top_list_scroll(&v->lists[i], 0, v->height[i]);
		if (v->height[i] < 0)
			continue;
		panes[i](v, y);
		y += v->height[i] + 1;
	}
	foot_draw(v);
	(void)refresh();
}

/* ---- keys ---- */

static void scroll_key(struct top_view *v, int key)
{
	int height = v->height[v->focus];
	long page = height > 1 ? height - 1 : 1, all = (long)v->lists[v->focus].n;
	long by = key == KEY_UP	     ? -1
		  : key == KEY_DOWN  ? 1
		  : key == KEY_PPAGE ? -page
		  : key == KEY_NPAGE ? page
		  : key == KEY_HOME  ? -all
		  : key == KEY_END   ? all
				     : 0;

	top_list_scroll(&v->lists[v->focus], by, height);
}

static void focus_next(struct top_view *v)
{
	do
		v->focus = (v->focus + 1) % TOP_PANES;
	while (v->height[v->focus] < 0 && v->focus != PANE_ANALYZERS);
}

bool top_keys(struct top_view *v)
{
	for (int key; (key = getch()) != ERR;) {
		if (key == 'q' || key == 'Q')
			return false;
		if (key == '\t')
			focus_next(v);
		else if (key == 's')
			v->sort = (v->sort + 1) % TOP_SORTS;
		else if (key == 'r')
			v->reverse = !v->reverse;
		else if (key == KEY_RIGHT)
			v->variable++;
		else if (key == KEY_LEFT)
			v->variable -= v->variable > 0;
		else
			scroll_key(v, key);
	}
	return true;
}
