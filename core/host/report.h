/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host tells the core (docs/wire.md).  One struct report per host, used by all its threads;
 * sweeps are gathered per thread and leave together, since a wake-up of the core is what costs.
 */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include <pthread.h>

#include "base/frame.h"
#include "base/log.h"

struct report {
	pthread_mutex_t lock; /* guards out and the writing to fd */
	struct buf out;
	int fd;		/* blocking; -1: keep all in `out` (tests) */
	struct log log; /* its messages go to the core */
};

void report_init(struct report *r, int fd, int level);
void report_release(struct report *r);

/*
 * One message: begin, pack the rest of the map's `n` keys (m is the first), end.  Holds the lock
 * between.
 */
msgpack_packer *report_begin(struct report *r, struct frame *f, const char *m, size_t n);
/*
 * Sends.  When the core is gone or stopped reading for good, the process ends: nobody is left to
 * serve.
 */
void report_end(struct report *r, struct frame *f);

/* A plugin was refused, or would not open; line, analyzer 0: of no certain one. */
void report_failed(struct report *r, const char *plugin, int64_t line, int64_t analyzer,
		   const char *text);

/* The sweeps of one thread until it flushes, and the frames of its lines that are traced. */
struct gather {
	struct report *to;
	struct buf sweeps, frames;
	size_t n, n_frames;
};
void gather_init(struct gather *g, struct report *to);
void gather_release(struct gather *g);
void gather_flush(struct gather *g);

#endif
