/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of nodes, followed by libtesla in the loop's thread: a feed for each node of the
 * registry that has a control endpoint, and no other.
 */
#ifndef CENTRAL_FEEDS_H
#define CENTRAL_FEEDS_H

#include <tesla/client.h>
#include <uv.h>

#include "base/keys.h"
#include "central/registry.h"

struct feeds;
struct feeds_conf {
	uv_loop_t *loop;
	const struct keys_pair *pair; /* our own, for nodes with a key; copied; NULL: none */
	size_t max;		      /* nodes that are followed; the first by their id */
	/* What comes from a node; good during the call. */
	void (*event)(void *arg, const char *node, const struct tesla_event *e);
	/* It cannot be followed, until something changes. */
	void (*trouble)(void *arg, const char *node, const char *sentence);
	/* It is not followed any more. */
	void (*over)(void *arg, const char *node);
	void *arg;
};

struct feeds *feeds_new(const struct feeds_conf *conf, struct tesla_error *err);
/* Those that the registry has: new ones begin, those that changed begin anew, others end. */
void feeds_sync(struct feeds *f, const struct registry *r);
/* Ends all; freed when the loop is through with it. */
void feeds_stop(struct feeds *f);
size_t feeds_count(const struct feeds *f);
size_t feeds_left_out(const struct feeds *f); /* now, by `max` */
uint64_t feeds_bad(const struct feeds *f);    /* messages that made no sense */

#endif
