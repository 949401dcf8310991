/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal, by ncurses. */
#include "teslactl/term.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "teslactl/table.h"

#define LARGEST 1000 /* rows or columns; ncurses dies of 32,768 */

enum pair { PLAIN, DOUBTFUL, ABSENT };

/* What the terminal cannot do is NULL or, when it is no such thing, -1. */
static bool can(const char *capability)
{
	const char *how = tigetstr((char *)(uintptr_t)capability);

	return how != NULL && how != (const char *)-1;
}

int term_open(struct term *t)
{
	t->screen = newterm(NULL, stdout, stdin);
	if (t->screen == NULL)
		return -1;
	if (!can("cup")) {
		term_close(t);
		return -1;
	}
	(void)cbreak();
	(void)noecho();
	(void)nodelay(stdscr, TRUE);
	(void)keypad(stdscr, TRUE);
	(void)curs_set(0);
	if (has_colors()) {
		(void)start_color();
		(void)use_default_colors();
		(void)init_pair(DOUBTFUL, COLOR_YELLOW, -1);
		(void)init_pair(ABSENT, COLOR_RED, -1);
	}
	return 0;
}

void term_close(struct term *t)
{
	if (t->screen == NULL)
		return;
	(void)endwin();
	delscreen(t->screen);
	t->screen = NULL;
}

void term_resized(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		(void)resizeterm(size.ws_row < LARGEST ? size.ws_row : LARGEST,
				 size.ws_col < LARGEST ? size.ws_col : LARGEST);
}

attr_t term_doubtful(void)
{
	return has_colors() ? (attr_t)COLOR_PAIR(DOUBTFUL) | A_BOLD : A_BOLD;
}

attr_t term_absent(void)
{
	return has_colors() ? (attr_t)COLOR_PAIR(ABSENT) : A_BOLD;
}

int term_left(void)
{
	return COLS - 1 - getcurx(stdscr); /* past the last column the next line begins */
}

void term_put(const char *text, int width, attr_t attributes)
{
	wchar_t wide[512];
	int left = term_left(), pad = abs(width) - text_width(text);
	size_t n = mbstowcs(wide, text, N_ELEMENTS(wide) - 1);

	if (left <= 0 || n == (size_t)-1)
		return;
	wide[n < N_ELEMENTS(wide) ? n : N_ELEMENTS(wide) - 1] = L'\0';
	(void)attrset(attributes);
	if (width < 0 && pad > 0 && pad < left)
		(void)printw("%*s", pad, "");
	(void)addnwstr(wide, term_left());
	if (width > 0 && pad > 0 && pad < term_left())
		(void)printw("%*s", pad, "");
	(void)attrset(A_NORMAL);
}

/* The columns of the first n characters. */
static int width_of(const wchar_t *wide, size_t n)
{
	int w = 0;

	for (size_t i = 0; i < n; i++)
		w += wcwidth(wide[i]) > 0 ? wcwidth(wide[i]) : 0;
	return w;
}

char *text_fit(const char *text, int width, int tail_width)
{
	wchar_t wide[512];
	size_t n = mbstowcs(wide, text, N_ELEMENTS(wide)), head, tail;
	char *fitted = NULL;
	size_t size;
	FILE *out;

	if (n >= N_ELEMENTS(wide) || text_width(text) <= width)
		return strdup(text);
	head = n;
	while (head > 0 && width_of(wide, head) > width - 2 - tail_width)
		head--;
	tail = head;
	while (tail < n && width_of(wide, head) + 2 + width_of(wide + tail, n - tail) > width)
		tail++;
	wide[head] = L'\0';
	out = open_memstream(&fitted, &size);
	if (out == NULL)
		return NULL;
	(void)fprintf(out, "%ls%.*s%ls", wide, width < 2 ? (width < 0 ? 0 : width) : 2, "..",
		      wide + tail);
	(void)fclose(out);
	return fitted;
}

void term_cut(const char *text, int width, attr_t attributes)
{
	_cleanup_free_ char *fitted = text_fit(text, abs(width), 0);

	term_put(fitted ? fitted : "", width, attributes);
}

/* Names differ at their ends: the tail gets the larger half. */
void term_fit(const char *text, int width, attr_t attributes)
{
	int room = abs(width);
	_cleanup_free_ char *fitted = text_fit(text, room, (room - 1) / 2);

	term_put(fitted ? fitted : "", width, attributes);
}
