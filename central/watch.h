/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is seen of nodes now, whichever way it comes: into the live table, to clients that follow
 * it, and, where it is worth remembering, into the log of events.
 */
#ifndef CENTRAL_WATCH_H
#define CENTRAL_WATCH_H

#include "central/app.h"
#include "central/live.h"
#include "central/readings.h"
#include "central/streams.h"

struct watch;

int watch_start(struct app *app, struct tesla_error *err);
/* Follows nobody any more; events that wait are written (struct app, working). */
void watch_quiesce(struct app *app);
/* After http_stop. */
void watch_stop(struct app *app);

const struct live *watch_live(const struct watch *w);
struct streams *watch_streams(struct watch *w);
/* To one that has just come: what is known now, and events behind `after` (0: none). */
void watch_tell(struct watch *w, struct streams_client *c, uint64_t after);

/* What the node sent itself.  How many of its readings and states were new, or known. */
size_t watch_posted(struct watch *w, const char *node, const struct readings *in);

struct watch_counts {
	size_t readings, nodes_followed, nodes_left_out; /* now */
	uint64_t taken;					 /* readings that were new */
	uint64_t refused;				 /* by bounds, or by the registry */
	uint64_t bad;					 /* messages that made no sense */
	uint64_t gaps;					 /* messages of nodes that never came */
	uint64_t braked; /* events left out, as there were too many of the same thing */
	uint64_t events_lost;
	struct streams_counts streams;
};
void watch_count(const struct watch *w, struct watch_counts *ret);

#endif
