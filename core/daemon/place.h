/* SPDX-License-Identifier: Apache-2.0 */
/* Which host has which line. */
#ifndef DAEMON_PLACE_H
#define DAEMON_PLACE_H

#include <sys/types.h>

#include "daemon/hub.h"
#include "daemon/plugins.h"
#include "daemon/supervise.h"

/* Each name once, in a fixed order, with a colon before it; sorts `names`.  NULL: no memory. */
char *place_join(const char **names, size_t n);
/*
 * The drivers on a line, as struct plugin's stamp, each once, in a fixed order: lines of one kind
 * (serial or not) with the same key may share a host.  For place_key_free; NULL: nothing there can
 * run.
 */
char *place_key(const struct hub *h, const struct plugins *p, const struct conf_line *on);
void place_key_free(const char *key);

/*
 * Gives every line that can run, and its analyzers that can, an owner from 0 on, as if there were
 * no host yet.  Those that cannot stay with HUB_NOBODY.  Returns the number of owners; negative:
 * no memory.
 */
ssize_t place_all(struct hub *h, const struct plugins *p);

#endif
