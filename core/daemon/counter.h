/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One element of a counter over time: how much it grew, with a rollover told from a reset and both
 * from a false zero.  Pure.  A drop or a leap counts for nothing until the next read confirms it.
 *
 * The first value is believed when the next is not below it, nor above what the rating allows.
 * With no rating growth is counted from the second on, unless both are the same: the first may
 * have been a false zero.
 */
#ifndef DAEMON_COUNTER_H
#define DAEMON_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

struct counter_rules {
	double modulus;	   /* counts from 0 again there; 0: not known */
	double rating;	   /* it cannot grow faster, in units an hour; 0: not known */
	double resolution; /* its least step, which is never a leap; 0: not known */
};

struct counter {		/* plain numbers: lives in memory that survives a kill */
	double last, candidate; /* NAN: none */
	double before; /* what a reset fell from, as long as nothing grew since; NAN: none */
	/* No `last`, but a candidate: it was read, and nothing agreed with it yet. */
	int64_t last_us, candidate_us, before_us;
	int64_t unsure; /* 1: how long ago `last` was is not known */
};

enum counter_event {
	COUNTER_GREW,	 /* *step is the growth, 0 or more */
	COUNTER_FIRST,	 /* nothing to compare with that can be believed: no step */
	COUNTER_PENDING, /* fell or leapt: in doubt until the next read */
	COUNTER_ROLLED,	 /* went through its modulus: *step is the growth */
	COUNTER_RESET, /* the drop is confirmed: *step is what it grew since; the rest is unknown */
	COUNTER_LEAPT, /* the leap is confirmed: *step is what it grew since, or all where unsure */
	COUNTER_BACK /* what was in doubt was false: *step is the growth since the last good one */
};

void counter_init(struct counter *c);
/*
 * A finite value, read at t_us.  *step is 0 where there is none.  Time that does not go on, or by
 * less than a second, counts as a second.
 */
enum counter_event counter_add(struct counter *c, const struct counter_rules *rules, double value,
			       int64_t t_us, double *step);
/*
 * Nobody knows how long after the last one the next values are read, whatever t_us says: a leap
 * that is confirmed is growth.
 */
void counter_unsure(struct counter *c);
/* A value that is doubted from outside: it confirms nothing, the next read decides about it. */
void counter_suspect(struct counter *c, double value, int64_t t_us);

#endif
