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
/* *to is empty before.  -ENOMEM: what it has then is to be released all the same. */
int overrides_copy(const struct overrides *from, struct overrides *to);
void overrides_release(struct overrides *o);

/*
 * The analyzers of c are asked for those; one that is not in c is passed over.  Whatever cannot be
 * is an error in *diags.
 */
void overrides_apply(const struct overrides *o, struct config *c, struct diags *diags);

#endif
