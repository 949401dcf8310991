/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of `teslactl top`. */
#ifndef TESLACTL_TOP_SCREEN_H
#define TESLACTL_TOP_SCREEN_H

#include "teslactl/term.h"
#include "teslactl/top_model.h"

struct top_view {
	const msgpack_object *status; /* the last that came */
	const struct rows *rows;
	struct top_list lists[TOP_PANES];
	int height[TOP_PANES]; /* as drawn last */
	enum top_pane focus;
	enum top_sort sort;
	bool reverse;
	size_t variable;     /* the first that is shown of each analyzer */
	double rate;	     /* sweeps a second */
	const char *silence; /* why no status comes, and since when; NULL: it does */
	const char *down;    /* why no readings come; NULL: they do */
	uint64_t missed;     /* readings, in all */
};

void top_draw(struct top_view *v);
/* Takes the keys that were pressed; false: q. */
bool top_keys(struct top_view *v);

#endif
