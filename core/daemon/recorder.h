/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings become records: feeds the windows of all analyzers, closes them on time, and puts the
 * records where the journal's clerk finds them.  On the loop's thread; brings no clock of its own.
 *
 * A window ends with the first reading at or after its end, or a grace after its end by the clock,
 * in which replies that are under way may still come: 2 s, but half the window at most.  A reading
 * from before the open window, or from more than 5 s in the future, counts for nothing but `late`.
 *
 * Where the clock goes forward over windows, the open one is closed, its coverage saying what it
 * has, and those that were jumped over have no records.  Where it goes back, a window whose end has
 * a record is not recorded again: what is read then is late, and counters go on.  All others are
 * recorded, whatever was recorded ahead of them.  A window that is open ahead of the clock waits
 * as long as the time up to it is recorded.  Else it is closed when its run has records, or thrown
 * away, counted and said, when it would be the first that the wrong clock made.
 *
 * What an analyzer says that is another meter than the one it was, or has another model, counts as
 * unavailable, for counters too.  Where it became another one while this did not run, its counters
 * begin anew.
 */
#ifndef DAEMON_RECORDER_H
#define DAEMON_RECORDER_H

#include "daemon/hub.h"
#include "daemon/keep.h"

struct recorder;

struct recorder_calls {
	/* A record was made: `bytes` as in base/record.h.  For those who listen live. */
	void (*made)(void *arg, struct hub_analyzer *a, int64_t end_ms, const struct buf *bytes);
	/* There is something in the ring. */
	void (*ready)(void *arg);
	void *arg;
	int64_t (*mono_us)(void *arg); /* the monotonic clock; NULL: there is none */
};

/* What keep_open is to have for them; for free().  NULL: no memory. */
struct keep_slot *recorder_slots(const struct hub *h);

/*
 * All stay the caller's.  `durable`, by exporter of the configuration: those that get records from
 * the journal (not live); it is looked at here only.  NULL: no memory.
 */
struct recorder *recorder_new(struct hub *h, struct keep *k, const struct recorder_calls *calls,
			      const bool *durable);
/*
 * Goes on with what k has, whose slots are recorder_slots.  Windows that have ended are closed now
 * if they are of an earlier life; in the same one (`goes_on`) replies may still come.
 */
void recorder_begin(struct recorder *r, bool goes_on, int64_t wall_us);
/*
 * Another one takes its place; its slots are in the keep already.  Windows of analyzers that it has
 * not, or of which something has no place there, end now; the counts go on in the other one.
 */
void recorder_hand_over(struct recorder *r, struct recorder *next, int64_t wall_us);
void recorder_free(struct recorder *r);
/*
 * An earlier life left no windows, but records: what counters grew since the last of them is in
 * none, and the first records say `suspect`.  Right after recorder_new.
 */
void recorder_doubt(struct recorder *r);
/* New last values of these variables of `a`, as in hub_publish (hub.on_readings). */
void recorder_add(struct recorder *r, struct hub_analyzer *a, const size_t *which, size_t n,
		  int64_t wall_us);
/* As often as one likes: closes what has ended.  Costs nothing before something is due. */
void recorder_tick(struct recorder *r, int64_t wall_us);

struct recorder_counts {
	uint64_t records; /* made since recorder_new */
	uint64_t late;	  /* readings that came for no window that is open */
	/*
	 * Records that were not made: no memory, larger than RECORD_BYTES_MAX, or thrown away
	 * because the clock went back.  Those that the ring had no room for are keep_dropped's.
	 */
	uint64_t lost;
};
void recorder_counts(const struct recorder *r, struct recorder_counts *ret);

/*
 * An entry of the ring: for which exporters, and the record.
 *   u32 n; n texts, each ended by NUL; the record's bytes
 */
struct recorder_entry {
	int64_t analyzer, start_ms, end_ms;
	const char *exporters; /* n texts one after the other */
	uint32_t n_exporters;
	const void *record;
	size_t len;
};
/* Foreign bytes (the file may be broken): -EBADMSG; -ENOMEM.  *ret points into them. */
int recorder_entry_parse(const void *bytes, size_t len, struct recorder_entry *ret);

#endif
