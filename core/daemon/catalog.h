/* SPDX-License-Identifier: Apache-2.0 */
/* How every known kind of meter is recognised, also those that no analyzer is said to be. */
#ifndef DAEMON_CATALOG_H
#define DAEMON_CATALOG_H

#include "base/log.h"
#include "base/model.h"

struct pattern {
	char *model, *pattern;
};
struct catalog {
	struct pattern *list;
	size_t n;
};

/*
 * Reads every model file of the folders; one that is bad or without a pattern is left out, a bad
 * one logged.
 */
void catalog_load(struct catalog *c, const char *const *model_dirs, const struct log *log);
void catalog_release(struct catalog *c);

#endif
