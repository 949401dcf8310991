/* SPDX-License-Identifier: Apache-2.0 */
/* What is different between two checked configurations, by id. */
#ifndef DAEMON_DIFF_H
#define DAEMON_DIFF_H

#include "daemon/check.h"

enum diff_analyzer {
	DIFF_NEW,   /* there was none of that id */
	DIFF_OTHER, /* another meter: its line, address or model is another */
	DIFF_ASKED, /* the same meter, asked in another way: variables, times, plugins, pauses */
	DIFF_SAME,  /* its host has nothing to learn; how it is recorded may differ */
};

struct diff_list { /* "analyzer 3", ...; owned */
	char **names;
	size_t n;
};
struct diff {
	enum diff_analyzer *analyzers; /* by analyzer of the new one */
	struct diff_list added, removed, changed;
	bool table; /* analyzers, variables or units differ: live exporters are to be told */
};

/* -ENOMEM. */
int diff_make(const struct check *old, const struct check *next, struct diff *ret);
void diff_release(struct diff *d);
/* Nothing at all is different. */
bool diff_is_empty(const struct diff *d);

#endif
