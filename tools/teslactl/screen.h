/* SPDX-License-Identifier: Apache-2.0 */
/* The live table on a terminal, by ncurses. */
#ifndef TESLACTL_SCREEN_H
#define TESLACTL_SCREEN_H

#include "teslactl/rows.h"

struct screen;

/* NULL: this terminal cannot do it. */
struct screen *screen_open(void);
/* Restores the terminal. */
void screen_close(struct screen *s);
/* Takes the keys that were pressed; false: q. */
bool screen_keys(struct screen *s);
/* The terminal has another size. */
void screen_resized(struct screen *s);
void screen_draw(struct screen *s, const struct rows *rows, const char *title);

#endif
