/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that survives a kill, not a power cut: a file that is mapped.  It holds the open windows,
 * a slot per analyzer, and a ring of records that no journal has yet.  Writing costs no system
 * call and no disk; a clean stop leaves a copy in the folder of what lasts.  Used by one thread.
 */
#ifndef DAEMON_KEEP_H
#define DAEMON_KEEP_H

#include "base/buf.h"
#include "base/log.h"

struct keep;

/*
 * The ring has room for two rounds of all records (windows end together, and one may come while
 * another is under way), within these bounds.
 */
#define KEEP_RING_BYTES (4u << 20)
#define KEEP_RING_MAX (64u << 20)

/*
 * `slots` by analyzer id.  Takes over what fits from <run_dir>/windows or else
 * <state_dir>/windows; what is broken is thrown away and said.  Where no file can be had, or
 * another teslad has it, it is plain memory, and that is said too.  NULL: no memory at all.
 *
 * What a slot has may be larger than its size: it was of another configuration.  The file in
 * state_dir stays as long as there are records from it in the ring.
 */
struct keep_slot {
	int64_t id;
	size_t size;
	size_t entry; /* the most that one record of it takes in the ring; 0: none does */
};
struct keep *keep_open(const char *run_dir, const char *state_dir, const struct keep_slot *slots,
		       size_t n, const struct log *log);
/*
 * `save`: leaves <state_dir>/windows behind, for the next start of the machine, and takes run_dir's
 * away; when that fails, run_dir's stays.
 */
void keep_close(struct keep *k, bool save);

/* False: somebody removed the file, and a kill costs what is in it until keep_change. */
bool keep_in_place(const struct keep *k);

/*
 * From now on there are these slots, with what those of the same analyzer had; the ring is as large
 * as they need, with all that waits in it.  Nothing may be under way there (keep_hold).  Negative:
 * *err says why, and nothing changed.
 */
int keep_change(struct keep *k, const struct keep_slot *slots, size_t n, struct tesla_error *err);

/* There was nothing from an earlier life that could be used when it was opened. */
bool keep_is_new(const struct keep *k);
/* What the slot has; NULL: nothing.  Valid until its second keep_write from now. */
const void *keep_read(const struct keep *k, size_t slot, size_t *len);
/* Replaces the slot's content, whole or not at all whenever the process dies. */
void keep_write(struct keep *k, size_t slot, const void *bytes, size_t len);

/* ---- the ring ---- */

/*
 * When it is full the oldest make room and are counted.  -ENOSPC: it is full and the oldest are
 * under way, so that this one is lost, and counted; -EMSGSIZE: it is larger than half the ring.
 */
int keep_push(struct keep *k, const void *bytes, size_t len);
/*
 * The i-th from the oldest; NULL: there are not so many.  It stays where it is until it is popped
 * or makes room; one that is under way may be read by another thread.
 */
const void *keep_peek(struct keep *k, size_t i, size_t *len);
/* The first n are under way: a push must not drop them. */
void keep_hold(struct keep *k, size_t n);
/*
 * The first n are done with: something that lasts has them.  Of those under way, as many are left
 * as there were more than n.
 */
void keep_pop(struct keep *k, size_t n);
size_t keep_waiting(const struct keep *k);
/* Entries that were lost for want of room, since keep_open. */
uint64_t keep_dropped(const struct keep *k);

#endif
