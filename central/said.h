/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with the store, said in the log: each thing once, though every pass meets it.  Any
 * thread says it; the loop's writes it down.
 */
#ifndef CENTRAL_SAID_H
#define CENTRAL_SAID_H

#include <uv.h>

#include "base/log.h"

#define SAID_MAX 1000 /* different sentences; of those beyond the number is said at the end */

struct said;

int said_new(uv_loop_t *loop, struct log *log, struct said **ret, struct tesla_error *err);
void said_add(struct said *s, int level, const char *sentence);
uint64_t said_count(struct said *s); /* how often something was said, or would have been */
/* What waits is written down; the loop has to turn once more. */
void said_end(struct said *s);

#endif
