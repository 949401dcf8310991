/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are read from the store piece by piece, as fast as the client takes them: a short
 * one is one whole answer, a long one is never in memory at once.  What one reads with may be
 * large: where many are under way, it is let go between two pieces.
 */
#ifndef CENTRAL_PIECES_H
#define CENTRAL_PIECES_H

#include "central/call.h"

struct pieces_maker {
	/*
	 * In the store's thread: adds some milliseconds' worth.  1: there is more, 0: that was all;
	 * negative: the answer is an error, or, where some of it went out, is cut off.
	 */
	int (*make)(void *arg, struct store *store, struct buf *out, struct tesla_error *err);
	/* In either thread, while `make` is not under way; NULL: there is nothing to let go. */
	void (*park)(void *arg);
	void (*release)(void *arg);
	void *arg;
};

/* The call is held and answered; *maker is copied, and released in any case. */
void pieces_answer(struct call *c, const char *type, const struct pieces_maker *maker);

#endif
