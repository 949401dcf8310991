/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A follower's questions to the control socket: one at a time, never waiting, asked again until
 * there is an answer.
 */
#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

#include "client/request.h"

struct ask {
	void *ctx, *socket;
	int epoll; /* the socket's descriptor is in there while it is open */
	struct tesla_peer peer;
	/* Static texts: what is to be asked, what has been, and what was last. */
	const char *wanted, *out, *last;
	int64_t patience_us;	    /* how long an answer is waited for */
	int64_t since_us, until_us; /* not the last again before; no answer by then: asked again */
};

/* a->peer is set, and a's own from here on. */
void ask_init(struct ask *a, void *ctx, int epoll);
void ask_release(struct ask *a);
/* So that a bad endpoint is known at once. */
int ask_open(struct ask *a, struct tesla_error *err);
void ask_want(struct ask *a, const char *command);
/* What is out belongs to the past; the next question may be asked at once. */
void ask_forget(struct ask *a);
/*
 * Goes on.  0: the answer to *command is in *m, and good; -EAGAIN: nothing yet; else it failed, and
 * is asked again by itself.
 */
int ask_step(struct ask *a, zmq_msg_t *m, const char **command, struct tesla_error *err);
/* When ask_step() has something to do by itself; -1: never. */
int64_t ask_due_us(const struct ask *a);

#endif
