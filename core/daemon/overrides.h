/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that somebody asks of an analyzer instead of those in config.xml, for a while. */
#ifndef DAEMON_OVERRIDES_H
#define DAEMON_OVERRIDES_H

#include "daemon/config.h"

#define OVERRIDES_MAX 1000u /* analyzers */

struct override {
	int64_t analyzer;
	char **names;
	size_t n;
};
struct overrides { /* all zero: none */
	struct override *list;
	size_t n;
};

/* Takes `names` over, and each of them, also when it fails.  -ENOMEM, -ENOSPC. */
int overrides_set(struct overrides *o, int64_t analyzer, char **names, size_t n);
/* As before overrides_set of that analyzer: without it. */
void overrides_drop(struct overrides *o, int64_t analyzer);
void overrides_release(struct overrides *o);

/*
 * The analyzers of c are asked for those; one that is not in c is passed over.  Whatever cannot be
 * is an error in *diags.
 */
void overrides_apply(const struct overrides *o, struct config *c, struct diags *diags);

#endif
