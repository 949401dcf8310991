/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings become records: feeds the windows of all analyzers, closes them on time, and puts the
 * records where the journal's clerk finds them.  On the loop's thread; brings no clock of its own.
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
};

/* All stay the caller's.  Windows of an earlier life that have ended are closed now.  NULL: no memory. */
struct recorder *recorder_new(struct hub *h, struct keep *k, const struct recorder_calls *calls,
			      int64_t wall_us);
void recorder_free(struct recorder *r);
/* New last values of these variables of `a`, as in hub_publish. */
void recorder_add(struct recorder *r, struct hub_analyzer *a, const size_t *which, size_t n);
/* Once a second and after every batch of sweeps: closes what has ended. */
void recorder_tick(struct recorder *r, int64_t wall_us);

/*
 * An entry of the ring: for which exporters, and the record.
 *   u32 n; n texts, each ended by NUL; the record's bytes
 */
struct recorder_entry {
	int64_t analyzer, end_ms;
	const char *exporters; /* n texts one after the other */
	uint32_t n_exporters;
	const void *record;
	size_t len;
};
/* Foreign bytes (the file may be broken): -EBADMSG. */
int recorder_entry_parse(const void *bytes, size_t len, struct recorder_entry *ret);

#endif
