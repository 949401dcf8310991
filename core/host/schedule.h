/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an analyzer is due: at wall-clock multiples of its intervals.  Pure arithmetic on wall
 * times in milliseconds; mapping them to the monotonic clock is the line's.
 */
#ifndef HOST_SCHEDULE_H
#define HOST_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERVALS_MAX 4 /* different ones per analyzer */

struct schedule {
	int64_t interval_ms[INTERVALS_MAX]; /* different, ascending */
	size_t n;
	int64_t deadline_ms; /* the next one; INT64_MIN: at once */
	unsigned due;	     /* which intervals fall due then, a bit each */
};

/* The number of the interval, added when it is new; -1: there are INTERVALS_MAX already. */
int schedule_add(struct schedule *s, int64_t interval_ms);
/* Everything is due at once. */
void schedule_at_once(struct schedule *s);
/* The first deadline after `wall_ms`. */
void schedule_after(struct schedule *s, int64_t wall_ms);
/*
 * A sweep starts now: returns how many deadlines were missed, and leaves in *deadline_ms and *due
 * what the sweep stands for (the last deadline that has come; all that fell due since).  Then
 * moves on.
 */
unsigned schedule_start(struct schedule *s, int64_t wall_ms, int64_t *deadline_ms, unsigned *due);

#endif
