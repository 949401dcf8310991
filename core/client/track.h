/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has been handed on, per topic: the arithmetic of `e` and `k` (docs/stream.md).  No I/O and
 * no clock.
 *
 * Of every topic each number k is accounted for once: it was handed on, or counted as missed, or it
 * was before our beginning.
 */
#ifndef CLIENT_TRACK_H
#define CLIENT_TRACK_H

#include <tesla/client.h>

#define TRACK_TOPICS_MAX \
	262144u /* a node of 1,000 analyzers has 50,000; foreign bytes fill no more */

struct track {
	void *topics; /* tsearch's */
	size_t n;
	int64_t epoch_ms;
	uint64_t snapshots; /* noted so far */
	bool whole;	    /* every topic of this epoch began after us: what is unknown is at 0 */
};

struct track_topic {
	char *name;
	uint64_t k;    /* the last number that is accounted for */
	bool known;    /* k means something */
	bool streamed; /* k came by the stream, whose order is that of the daemon */
	uint64_t snapshot,
		snapshot_k; /* the last snapshot that had this topic, and its number there */
	char **labels;
	size_t n_labels;
};

/* What is to be told of a message, in this order; none of it: it was accounted for before. */
struct track_verdict {
	bool restart, reset, deliver;
	uint64_t missed;
	int64_t old_epoch_ms;
	bool fresh;			 /* a topic that was not known */
	const struct track_topic *topic; /* until the next call */
};

void track_init(struct track *t);
void track_release(struct track *t);
/* Forgets all topics: we join this epoch, with a snapshot. */
void track_join(struct track *t, int64_t epoch_ms);
/* The stream has (topic, e, k).  -ENOBUFS, -ENOMEM: it is not accounted for. */
int track_message(struct track *t, const char *topic, int64_t epoch_ms, uint64_t k,
		  struct track_verdict *ret, struct tesla_error *err);
/* Would that message prove that the stream is past the instant of the last noted snapshot? */
bool track_is_past(const struct track *t, const char *topic, uint64_t k);
/* A snapshot came: begin, then every row of it. */
void track_note_begin(struct track *t);
int track_note(struct track *t, const char *topic, uint64_t k, struct tesla_error *err);
/* The snapshot's value is to be handed on when that says so; first: it is where we begin. */
int track_snapshot(struct track *t, const char *topic, const struct tesla_client_reading *r,
		   bool first, struct track_verdict *ret, struct tesla_error *err);

#endif
