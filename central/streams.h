/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of GET /api/v1/events/stream.  Each has its own bounded buffer, gets what it asked
 * for of the nodes that it may read, and is ended once it may no more.  Belongs to the loop's
 * thread.
 */
#ifndef CENTRAL_STREAMS_H
#define CENTRAL_STREAMS_H

#include "central/call.h"
#include "central/sse.h"

#define STREAMS_BYTES_MAX ((size_t)4 << 20) /* what waits for all of them */

struct streams;
struct streams_client;
struct streams_limits {
	size_t max, max_per_user; /* of a user, a token */
};

struct streams *streams_new(struct app *app,
			    const struct streams_limits *limits); /* NULL: memory */
/* When the last client is gone, and the loop is through with it. */
void streams_free(struct streams *s);

/* Answers the call, for as long as it lasts; NULL: it was refused, and answered. */
struct streams_client *streams_open(struct streams *s, struct call *c);

/* What a message is about; see sse_filter_takes.  node "": no node. */
struct streams_message {
	const char *event, *node;
	int64_t analyzer;
	const char *variable;
	uint64_t id; /* 0: it has none.  A client gets each once, in order. */
};
bool streams_any(const struct streams *s);
void streams_say(struct streams *s, const struct streams_message *m, struct buf *packed);
/* To one that has just come; there is more room.  Ask first, before it is packed. */
void streams_say_first(struct streams_client *c, const struct streams_message *m,
		       struct buf *packed);
bool streams_takes(struct streams_client *c, const struct streams_message *m);
/* There is no room for anything more, or it is ended. */
bool streams_is_full(const struct streams_client *c);

/*
 * While entries of the log behind `after` are read for one that has just come, new ones wait: they
 * would come before older ones.  It may go meanwhile, and is known by its number.
 */
uint64_t streams_past_begin(struct streams_client *c, uint64_t after);
struct streams_client *streams_client(const struct streams *s, uint64_t number); /* NULL: it went */
/* It has what there was up to `id` (0: nothing).  True: there is more by now, to be read. */
bool streams_past_end(struct streams_client *c, uint64_t id);
/* It does not get them: a gap. */
void streams_past_fail(struct streams_client *c);

/* Each second: comments keep connections open, and who may no more is ended. */
void streams_tick(struct streams *s);

struct streams_counts {
	size_t clients, bytes;		  /* now */
	uint64_t opened, refused, missed; /* missed: messages, of all clients */
};
void streams_count(const struct streams *s, struct streams_counts *ret);

#endif
