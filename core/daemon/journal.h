/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of records on disk, in LMDB; with core/daemon/journal_*.c the only part that knows it.
 * Blocks: called from the thread pool, by one thread at a time.  Each record is kept until every
 * exporter that it was made for has delivered or rejected it.
 *
 *   records  seq (u64)                    what and for whom, the record, its CRC32C
 *   queue    exporter no (u16), seq       what waits for an exporter
 *   rejects  exporter no, seq             reason, time, and the record
 *   state    'c', exporter no             its id, what it delivered and rejected
 *            'e', analyzer                the time that it has records of: none is kept twice
 *            'm'                          version, next seq, counts of what was dropped
 *
 * Numbers count up from the time at which the file was made: those of two files are not the same.
 */
#ifndef DAEMON_JOURNAL_H
#define DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct journal;

enum journal_policy { JOURNAL_DROP_OLDEST, JOURNAL_DROP_NEWEST };
struct journal_limits {
	uint64_t bytes;	  /* of records, about; the file may have twice as many */
	int64_t age_ms;	  /* older than the clock and a day of records say: dropped; 0: none is */
	uint32_t rejects; /* kept per exporter; the oldest make room */
	enum journal_policy policy;
};

/*
 * `dir` is made when it is not there.  What is in it must have been checked (journal_check.h).
 * -ENOSPC, -EIO, -EACCES ...: *err says why; may be tried again.
 */
int journal_open(const char *dir, const struct journal_limits *limits, struct journal **ret,
		 struct tesla_error *err);
void journal_close(struct journal *j);

/*
 * The number of the exporter of that id, good until journal_write; a new one begins empty.  There
 * are at most 1,000: some of those that nothing is known of but what they delivered make room, the
 * ones asked for longest ago.  -EMFILE: there is no such; the journal goes on with those it has.
 */
int journal_exporter(struct journal *j, const char *id, uint16_t *no, struct tesla_error *err);

struct journal_entry { /* a record to be appended */
	int64_t analyzer, end_ms;
	const uint16_t *exporters; /* for whom; at least one */
	size_t n_exporters;
	const void *record; /* base/record.h */
	size_t len;
	int64_t start_ms;
};
struct journal_verdict { /* one that is done with */
	uint16_t exporter;
	uint64_t seq;
	const char *rejected; /* the reason; NULL: delivered */
};
/*
 * All of it in one transaction with one sync, or nothing.  A record that ends in time of which its
 * analyzer has records (base/recorded.h) is left out and counted.  Verdicts on what does not wait
 * are ignored.  What goes beyond the limits is dropped and counted.  After a negative result
 * the journal is as before, or journal_broken.
 */
int journal_write(struct journal *j, const struct journal_entry *entries, size_t n_entries,
		  const struct journal_verdict *verdicts, size_t n_verdicts, int64_t now_ms,
		  struct tesla_error *err);
/* It must be closed, checked and opened again. */
bool journal_broken(const struct journal *j);

struct journal_taken {
	uint64_t seq;
	int64_t analyzer, end_ms;
	size_t at, len; /* of the record, in `bytes` */
};
#define JOURNAL_LOOK_MAX 10000 /* passed over in one take */

struct journal_want {
	uint16_t exporter;
	uint64_t from;
	size_t max, max_bytes;	/* at most; the first may be longer */
	const int64_t *without; /* analyzers whose records are passed over */
	size_t n_without;
};
/*
 * What waits for an exporter from `from` on, the oldest first.  A record whose CRC is wrong is
 * dropped and counted, never returned.  *next: it was looked so far; UINT64_MAX: to the end.
 */
int journal_take(struct journal *j, const struct journal_want *want, struct buf *bytes,
		 struct journal_taken *taken, size_t *n, uint64_t *next, struct tesla_error *err);

/*
 * Some thousands at a time, so that records need not wait for it: *more, call it again.  *n: how
 * many it was this time.
 *
 * Forgets what waits for that exporter.  rejects_too: its rejects (not in *n) and then itself as
 * well, unless a record that waits for others was made for it too.
 */
int journal_purge(struct journal *j, uint16_t exporter, bool rejects_too, uint64_t *n, bool *more,
		  struct tesla_error *err);
/*
 * What waits for `from` waits for `to` from now on; what was made for `to` too, and is done with
 * there, is not given to it again.
 */
int journal_move(struct journal *j, uint16_t from, uint16_t to, uint64_t *n, bool *more,
		 struct tesla_error *err);

/* ---- what there is to see; cheap, kept in memory ---- */

enum journal_drop {
	JOURNAL_DROP_SIZE,    /* beyond limits.bytes */
	JOURNAL_DROP_AGE,     /* beyond limits.age_ms */
	JOURNAL_DROP_DAMAGED, /* wrong checksum */
	JOURNAL_DROP_TWICE,   /* its time was recorded already: the clock went back */
	JOURNAL_DROP_PURGED,
	JOURNAL_DROP_REJECT, /* from the reject list, to make room */
	JOURNAL_N_DROPS
};
const char *journal_drop_name(enum journal_drop d);

struct journal_exporter_info {
	uint16_t no;
	char id[256];
	uint64_t waiting, delivered, rejected, rejects; /* rejects: in the list now */
	int64_t oldest_ms; /* end of the oldest that waits; 0: none does */
};
struct journal_info {
	uint64_t records, bytes, next_seq, dropped[JOURNAL_N_DROPS];
	struct journal_exporter_info *exporters; /* by no; for free() */
	size_t n_exporters;
};
int journal_info(struct journal *j, struct journal_info *ret);

/*
 * Walks: `each` is called for every one from `from` on until it returns false.  exporter 0xffff:
 * all that are there.
 */
struct journal_shown {
	uint64_t seq;
	uint16_t exporter; /* of a reject */
	int64_t rejected_ms;
	const char *reason;
	const void *record;
	size_t len;
};
typedef bool journal_each(void *arg, const struct journal_shown *s);
int journal_walk(struct journal *j, uint16_t exporter, uint64_t from, journal_each *each, void *arg,
		 struct tesla_error *err);
int journal_walk_rejects(struct journal *j, uint16_t exporter, uint64_t from, journal_each *each,
			 void *arg, struct tesla_error *err);

#endif
