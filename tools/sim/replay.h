/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meters' side of a capture (base/capture.h): which recorded request the bytes that came are,
 * and what was answered then.  A request that was made several times is answered as it was the
 * first time, then as the second time, and after the last one from the beginning.  No I/O.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "base/capture.h"

struct replay;

/* NULL: *err says the place in the file and why. */
struct replay *replay_new(const char *file, const char *text, size_t len, struct tesla_error *err);
struct replay *replay_read(const char *file, struct tesla_error *err);
void replay_free(struct replay *r);
enum tesla_line_kind replay_kind(const struct replay *r);

enum replay_verdict {
	REPLAY_MORE,	/* it may become a request yet */
	REPLAY_KNOWN,	/* *ret is one */
	REPLAY_UNKNOWN, /* `ret->used` bytes are none that was recorded */
};
struct replay_turn {
	size_t used;	  /* bytes of the request */
	size_t request;	  /* which entry it is, for replay_piece */
	size_t next;	  /* what of it comes next */
	int64_t reply_us; /* when its answer was sent that nothing followed yet; -1 */
};
enum replay_verdict replay_match(struct replay *r, const uint8_t *in, size_t len,
				 struct replay_turn *ret);

struct replay_piece {
	int64_t after_us; /* since the request */
	bool late;	  /* it was nobody's answer: it came after a time-out, or before one */
	bool hang_up;	  /* the far end closes the connection; there are no bytes */
	size_t len;
	uint8_t bytes[CAPTURE_BYTES_MAX]; /* with the transaction number of who asks now */
};
/* False: that was all. */
bool replay_piece(const struct replay *r, struct replay_turn *turn, struct replay_piece *ret);

#endif
