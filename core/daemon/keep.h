/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that survives a kill, not a power cut: a file that is mapped.  It holds the open windows,
 * a slot per analyzer, and a ring of records that no journal has yet.  Writing costs no system
 * call and no disk; a clean stop leaves a copy in the folder of what lasts.
 */
#ifndef DAEMON_KEEP_H
#define DAEMON_KEEP_H

#include "base/buf.h"
#include "base/log.h"

struct keep;

#define KEEP_RING_BYTES (4u << 20)

/*
 * `slot_sizes` by analyzer id.  Takes over what fits from <run_dir>/windows or else
 * <state_dir>/windows; what is broken is thrown away and said.  Where no file can be had it is plain
 * memory, and that is said too.  NULL: no memory at all.
 */
struct keep_slot {
	int64_t id;
	size_t size;
};
struct keep *keep_open(const char *run_dir, const char *state_dir, const struct keep_slot *slots,
		       size_t n, const struct log *log);
/* `save`: leaves <state_dir>/windows behind, for the next start of the machine. */
void keep_close(struct keep *k, bool save);

/* What the slot had when it was opened; NULL: nothing.  Valid until its first keep_write. */
const void *keep_read(const struct keep *k, size_t slot, size_t *len);
/* Replaces the slot's content, whole or not at all whenever the process dies. */
void keep_write(struct keep *k, size_t slot, const void *bytes, size_t len);

/* ---- the ring ---- */

/* -ENOSPC: full, with all of it under way; when not, the oldest makes room and is counted. */
int keep_push(struct keep *k, const void *bytes, size_t len);
/* The i-th from the oldest; NULL: there are not so many.  Valid until the next push or pop. */
const void *keep_peek(const struct keep *k, size_t i, size_t *len);
/* The first n are under way: a push must not drop them. */
void keep_hold(struct keep *k, size_t n);
void keep_pop(struct keep *k, size_t n);
size_t keep_waiting(const struct keep *k);
uint64_t keep_dropped(const struct keep *k);

#endif
