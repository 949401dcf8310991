/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for later: of a thread that is not the log's.  It logs to `log`, and once it is done they
 * go where they belong.  At most 256 KiB; of more it is said how many.
 */
#ifndef BASE_LOG_HELD_H
#define BASE_LOG_HELD_H

#include "base/buf.h"
#include "base/log.h"

struct log_held {
	struct log log;
	struct buf lines; /* of each its level, a byte, and its text with the zero */
	unsigned n_more;
};

/* *h must stay where it is. */
void log_held_init(struct log_held *h, int level);
void log_held_release(struct log_held *h);
/* All lines, in their order, which are forgotten here; the time of each is now. */
void log_held_pass(struct log_held *h, const struct log *to);

#endif
