/* SPDX-License-Identifier: Apache-2.0 */
/* What the full screens share: the terminal, by ncurses, and text that stays inside it. */
#ifndef TESLACTL_TERM_H
#define TESLACTL_TERM_H

#include <ncurses.h>
#include <stddef.h>

struct term {
	SCREEN *screen;
};

/* -1: this terminal cannot do it. */
int term_open(struct term *t);
/* Restores the terminal. */
void term_close(struct term *t);
/* The terminal has another size. */
void term_resized(void);

/* What is doubtful or absent looks so with colours and without. */
attr_t term_doubtful(void);
attr_t term_absent(void);

/* At the cursor, up to the right edge; padded to `width` (negative: the text to the right). */
void term_put(const char *text, int width, attr_t attributes);
/* In `width` columns and no more; ".." in the middle stands for what is left out. */
void term_fit(const char *text, int width, attr_t attributes);
/* The same with the ".." at the end. */
void term_cut(const char *text, int width, attr_t attributes);
/* The columns that are left in this line. */
int term_left(void);

/* `text` in at most `width` columns, its tail of `tail` columns behind ".."; free() it. */
char *text_fit(const char *text, int width, int tail);

#endif
