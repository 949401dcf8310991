/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the journal's records reach one exporter: which are sent next, what its verdicts mean, and
 * when it is tried again.  Pure: no process, no journal, no clock of its own; the caller carries
 * out what it says.  One batch is under way at a time.
 */
#ifndef DAEMON_DELIVERY_H
#define DAEMON_DELIVERY_H

#include "daemon/journal.h"

#define DELIVERY_BATCH_MAX 1000u
#define DELIVERY_BYTES_MAX (512u << 10)
#define DELIVERY_BACKOFF_MIN_MS 1000
#define DELIVERY_BACKOFF_MAX_MS 300000
#define DELIVERY_PAUSE_MS (15 * 60 * 1000) /* refused: tried with one record after that */

enum delivery_state {
	DELIVERY_DOWN,	  /* its host does not run */
	DELIVERY_IDLE,	  /* nothing waits */
	DELIVERY_TAKING,  /* a batch is being read from the journal */
	DELIVERY_SENDING, /* the host has it */
	DELIVERY_WAITING, /* until retry_at_ms */
	DELIVERY_PAUSED,  /* refused by the far end: until retry_at_ms, or told to go on */
};
const char *delivery_state_name(enum delivery_state s);

struct delivery {
	enum delivery_state state;
	uint32_t batch; /* records at once, of the configuration */
	double rate;	/* records a second at most; 0: no bound */
	uint64_t from;	/* the next take begins here; 0: at the oldest */
	uint64_t turn;	/* number of the batch under way, as on the wire */
	unsigned failures; /* in a row */
	int64_t retry_at_ms;
	char reason[244]; /* of the last failure; "": it went well */
	double smoothed;  /* records a second, delivered */
	uint64_t random;  /* state of the jitter */
	/* of the batch under way */
	uint64_t seqs[DELIVERY_BATCH_MAX];
	size_t n;
	int64_t sent_ms;
};

#endif
