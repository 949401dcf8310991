/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead file: what is accepted is here, and on the disk, before it is anywhere else.  A
 * file of a fixed size, written from its beginning to its end and then from the beginning again;
 * what an entry is, its owner knows.  Entries have numbers, which only grow.  Blocks; one
 * thread at a time.  docs/store.md has the form.
 */
#ifndef CENTRAL_WAL_H
#define CENTRAL_WAL_H

#include <stdbool.h>
#include <tesla/plugin.h>

#include "base/buf.h"

#define WAL_HEADERS 8192u /* bytes, before the first entry */
#define WAL_ENTRY 32u	  /* bytes that an entry takes besides its own, rounded up to 8 */

struct wal;

struct wal_reader { /* who is told what is found */
	/* An entry, in the order of numbers; negative: the search ends with that. */
	int (*entry)(void *arg, uint64_t seq, const void *bytes, size_t len,
		     struct tesla_error *err);
	/*
	 * A sentence with the place.  lost: entries that were acknowledged may be missing; else it
	 * was the group that was being written at the end, or a copy of the header.
	 */
	void (*damage)(void *arg, bool lost, const char *sentence);
	void *arg;
};

struct wal_found {
	uint64_t turn, salt, next_seq;
	uint64_t n_entries;
	bool damaged; /* something was said */
};
/*
 * Looks through the bytes of such a file, which are foreign.  -EBADMSG: both copies of the header
 * are damaged, so that nothing can be told; or what reader->entry returned.
 */
int wal_scan(const void *bytes, size_t len, const struct wal_reader *reader,
	     struct wal_found *found, struct tesla_error *err);

/*
 * Makes a file of `size` bytes where there is none, and replays what is in it otherwise.  Then it
 * takes nothing before wal_reset: what was replayed must be elsewhere first.
 */
int wal_open(const char *path, size_t size, const struct wal_reader *reader, struct wal **ret,
	     struct tesla_error *err);
void wal_close(struct wal *w);

struct wal_entry {
	const void *bytes;
	size_t len;
};
/*
 * A group, with one sync; *last is the number of its last entry, the others are those before.
 * -EXFULL: it does not fit any more, and will after wal_reset.  -EMSGSIZE: it never will.  After
 * another failure it is not known what of the group is in the file: nothing is taken before
 * wal_reset, until which a restart may find it.
 */
int wal_append(struct wal *w, const struct wal_entry *entries, size_t n, uint64_t *last,
	       struct tesla_error *err);
/*
 * The same for entries that stand in the form of the file.  wal_lay makes room for one at the end
 * of a buffer, and returns where its bytes go (NULL without memory).
 */
uint8_t *wal_lay(struct buf *group, size_t len);
int wal_append_laid(struct wal *w, uint8_t *group, size_t len, uint64_t *last,
		    struct tesla_error *err);
/*
 * All that is in it is elsewhere, on disk: it begins anew, with numbers beyond `after` and beyond
 * all that it had.
 */
int wal_reset(struct wal *w, uint64_t after, struct tesla_error *err);

#endif
