/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of journals that were damaged: how they are named, and how many are kept. */
#ifndef DAEMON_JOURNAL_ASIDE_H
#define DAEMON_JOURNAL_ASIDE_H

#include <stddef.h>
#include <stdint.h>
#include <tesla/plugin.h>

/* `dir` gets a dated name (*name, for free()), and `into`, if it is there, the name of `dir`. */
int aside_swap(const char *dir, const char *into, char **name, struct tesla_error *err);
/*
 * Removes the oldest of those until there are at most `keep` with at most `bytes`; never `last`.
 * How many it removed.
 */
size_t aside_prune(const char *dir, const char *last, size_t keep, uint64_t bytes);
/* A folder and all in it. */
void aside_remove(const char *path);

#endif
