/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status, asked for in a thread of its own, so that whoever draws and takes keys never waits
 * for the daemon.
 */
#ifndef TESLACTL_FETCH_H
#define TESLACTL_FETCH_H

#include "teslactl/ctl.h"

struct fetch;

struct fetched {
	struct answer status; /* bytes NULL: not there */
	char *error;	      /* why not */
	int64_t at_us;	      /* when, on the monotonic clock */
};

/* ctl must live as long; NULL: no memory, or no thread. */
struct fetch *fetch_new(const struct ctl *ctl);
/* Never waits: a thread that waits for the daemon ends by itself, and frees what is left. */
void fetch_free(struct fetch *f);
/* Readable when something came. */
int fetch_fd(const struct fetch *f);
/* False: it is still busy with the last one. */
bool fetch_ask(struct fetch *f);
/* What came, for fetched_release; false: nothing. */
bool fetch_take(struct fetch *f, struct fetched *ret);
void fetched_release(struct fetched *f);

#endif
