/* SPDX-License-Identifier: Apache-2.0 */
/* The three panes of `teslactl top`: each draws its head at line y, and its rows below. */
#ifndef TESLACTL_TOP_PANES_H
#define TESLACTL_TOP_PANES_H

#include "teslactl/top_screen.h"

void top_lines_draw(const struct top_view *v, int y);
void top_exporters_draw(const struct top_view *v, int y);
void top_analyzers_draw(const struct top_view *v, int y);

/* The text under a key, safe for a terminal, "" when there is none; free() it. */
char *top_text(const msgpack_object *map, const char *key);
/* How a state looks: well, in between, or in need of somebody. */
attr_t top_state_look(const char *state);

#endif
