/* SPDX-License-Identifier: Apache-2.0 */
/* The live table on a terminal, by ncurses. */
#include "teslactl/screen.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "teslactl/table.h"
#include "teslactl/term.h"

#define HEAD_LINES 2
#define CELL_WIDTH 9 /* of a number, so that columns stand still */

struct screen {
	struct term term;
	size_t top, n_rows;
};

struct screen *screen_open(void)
{
	struct screen *s = calloc(1, sizeof *s);

	if (s == NULL || term_open(&s->term) == 0)
		return s;
	free(s);
	return NULL;
}

void screen_close(struct screen *s)
{
	if (s == NULL)
		return;
	term_close(&s->term);
	free(s);
}

static size_t page(void)
{
	return LINES > HEAD_LINES + 1 ? (size_t)(LINES - HEAD_LINES - 1) : 1;
}

static void scroll_by(struct screen *s, long by)
{
	size_t last = s->n_rows > page() ? s->n_rows - page() : 0;
	long to = (long)s->top + by;

	s->top = to < 0 ? 0 : (size_t)to > last ? last : (size_t)to;
}

bool screen_keys(struct screen *s)
{
	for (int key; (key = getch()) != ERR;) {
		long by = key == KEY_UP	     ? -1
			  : key == KEY_DOWN  ? 1
			  : key == KEY_PPAGE ? -(long)page()
			  : key == KEY_NPAGE ? (long)page()
					     : 0;

		if (key == 'q' || key == 'Q')
			return false;
		if (key == KEY_HOME || key == KEY_END)
			by = key == KEY_HOME ? -(long)s->n_rows : (long)s->n_rows;
		scroll_by(s, by);
	}
	return true;
}

void screen_resized(struct screen *s)
{
	term_resized();
	scroll_by(s, 0);
}

static attr_t element_look(const struct tesla_element *e)
{
	if (!element_has_value(e))
		return term_absent();
	return e->quality == TESLA_GOOD ? A_NORMAL : term_doubtful();
}

/*
 * Columns wide enough for all rows, not only those on the screen: scrolling moves nothing sideways.
 */
struct widths {
	int variable, unit, label;
};

static struct widths widths_of(const struct rows *rows)
{
	struct widths w = { 8, 4, 0 };

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *row = rows->list[i];
		int variable = text_width(row->variable), unit = text_width(row->unit);

		w.variable = variable > w.variable ? variable : w.variable;
		w.unit = unit > w.unit ? unit : w.unit;
		for (size_t j = 0; j < row->n_elements; j++) {
			int label = text_width(row_label(row, j));

			w.label = label > w.label ? label : w.label;
		}
	}
	return w;
}

/* False: it does not fit.  A number is shown whole, with its quality, or not at all. */
static bool element_draw(const struct row *row, size_t i, const struct widths *w)
{
	char text[64];
	int width;

	element_format(&row->elements[i], text, sizeof text);
	width = text_width(text) > CELL_WIDTH ? text_width(text) : CELL_WIDTH;
	if (getcurx(stdscr) + 2 + w->label + 1 + width >= COLS) {
		term_put(" >", 0, A_BOLD);
		return false;
	}
	term_put("  ", 0, A_NORMAL);
	term_put(row_label(row, i), w->label, A_DIM);
	term_put(" ", 0, A_NORMAL);
	term_put(text, -CELL_WIDTH, element_look(&row->elements[i]));
	return true;
}

static void row_draw(const struct row *row, const struct widths *w, int64_t now_ms)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%lld", (long long)row->analyzer);
	term_put(text, -8, A_BOLD);
	term_put("  ", 0, A_NORMAL);
	term_put(row->variable, w->variable, A_NORMAL);
	age_format(now_ms - row->t_ms, text, sizeof text);
	term_put(row->t_ms > 0 ? text : "-", -8, A_DIM);
	term_put("  ", 0, A_NORMAL);
	term_put(row->unit, w->unit, A_NORMAL);
	for (size_t i = 0; i < row->n_elements; i++)
		if (!element_draw(row, i, w))
			return;
	if (row->error != NULL) {
		term_put("  ", 0, A_NORMAL);
		term_put(row->error, 0, term_absent());
	}
}

static void heads_draw(const struct widths *w)
{
	term_put("ANALYZER", -8, A_REVERSE);
	term_put("  ", 0, A_REVERSE);
	term_put("VARIABLE", w->variable, A_REVERSE);
	term_put("AGE", -8, A_REVERSE);
	term_put("  ", 0, A_REVERSE);
	term_put("UNIT", w->unit, A_REVERSE);
	term_put("  VALUES", COLS - getcurx(stdscr) - 1, A_REVERSE);
}

void screen_draw(struct screen *s, const struct rows *rows, const char *title)
{
	struct widths w = widths_of(rows);
	int64_t now_ms = clock_wall_us() / 1000;
	char foot[96];

	s->n_rows = rows->n;
	scroll_by(s, 0);
	(void)erase();
	(void)move(0, 0);
	term_put(title, 0, A_BOLD);
	(void)move(1, 0);
	heads_draw(&w);
	for (size_t i = 0; i < page() && s->top + i < rows->n; i++) {
		(void)move(HEAD_LINES + (int)i, 0);
		row_draw(rows->list[s->top + i], &w, now_ms);
	}
	(void)snprintf(foot, sizeof foot, "%zu to %zu of %zu   q ends, arrows and PgUp/PgDn scroll",
		       rows->n ? s->top + 1 : 0,
		       s->top + page() < rows->n ? s->top + page() : rows->n, rows->n);
	(void)move(LINES - 1, 0);
	term_put(foot, 0, A_DIM);
	(void)refresh();
}
