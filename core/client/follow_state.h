/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a follower makes of what comes: messages and snapshots in, events out.  No socket and no
 * clock: the time is told.  follow.c does the rest.
 *
 * It begins with a message: then the subscription is in force, and a snapshot that is asked for
 * after it leaves no gap.  The message waits for the answer, and with it all that are behind it.
 *
 * Later, after a loss or a restart, a snapshot tells the last values of what does not come often.
 * It may be ahead of the stream: it waits until the stream is past its instant, and then only what
 * the stream did not bring is taken from it.
 */
#ifndef CLIENT_FOLLOW_STATE_H
#define CLIENT_FOLLOW_STATE_H

#include "base/mp.h"
#include "base/reading.h"
#include "client/topic.h"
#include "client/track.h"

#define FOLLOW_SILENT_US 3000000 /* docs/stream.md: three heartbeats */

enum follow_phase {
	FOLLOW_FIRST,  /* nothing has come yet */
	FOLLOW_ASKING, /* a message waits for the snapshot: give it no other */
	FOLLOW_LIVE,
};

/* A message; the topic and the bytes that doc points to stay until the next one. */
struct follow_message {
	const char *topic;
	const uint8_t *payload;
	size_t len;
	struct mp_doc doc;
	bool unpacked;
	struct topic_parts parts;
	struct reading reading;
	int64_t epoch_ms;
	uint64_t k;
};

struct follow_state {
	char **prefixes; /* NULL-terminated; NULL: everything */
	enum follow_phase phase;
	char *node;
	struct track track;
	struct follow_message at; /* the message at hand */
	bool held;		  /* it waits */
	struct tesla_snapshot *snapshot;
	bool walking, first; /* through the snapshot; it is the first one */
	char *row_topic;
	bool drained; /* since the snapshot came, all that had come by the stream was taken */
	unsigned heartbeats;		    /* since then */
	int64_t old_epoch_ms, old_until_us; /* a daemon that is gone: what it sent, until when */
	int64_t heard_us;
	unsigned strangers; /* snapshots of another daemon in a row */
	bool told_down;
	bool wants_snapshot, restarted; /* for follow.c, which clears them */
	char reason[sizeof((struct tesla_error *)NULL)->text];
	struct tesla_event events[5]; /* to be handed on before anything else */
	size_t n_events, next_event;
};

void follow_state_init(struct follow_state *f, char **prefixes, int64_t now_us);
void follow_state_release(struct follow_state *f);

/* The next event; NULL: there is none. */
const struct tesla_event *follow_state_event(struct follow_state *f);
/* Goes on with what is at hand; -EAGAIN: give it a message.  Call it while there is no event. */
int follow_state_step(struct follow_state *f, struct tesla_error *err);
/*
 * A message, when follow_state_step() said -EAGAIN and the phase is not FOLLOW_ASKING.  -EBADMSG:
 * it was left out.
 */
int follow_state_message(struct follow_state *f, const char *topic, const uint8_t *payload,
			 size_t len, int64_t now_us, struct tesla_error *err);
/* The answer to a wanted snapshot; it is taken over. */
int follow_state_snapshot(struct follow_state *f, struct tesla_snapshot *s, int64_t now_us,
			  struct tesla_error *err);
/* The stream has no message that was not given yet. */
void follow_state_drained(struct follow_state *f);
/* Nothing goes on, and that is why. */
void follow_state_down(struct follow_state *f, const char *reason);
/* When silence becomes DOWN; -1: it is not waited for. */
int64_t follow_state_due_us(const struct follow_state *f);

#endif
