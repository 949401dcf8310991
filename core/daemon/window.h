/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is gathered of one analyzer until its window ends.  Pure: no clock, no I/O.  All of its
 * state is plain numbers in memory that the caller gives (it may survive a kill, daemon/keep.h).
 *
 * A good reading stands for the time from its own instant to the next reading of that variable,
 * for one and a half of the variable's interval and half a second at most; what it stands for
 * beyond the window's end belongs to the next one.  Time that was counted once is not counted
 * again, whatever the clock does: a reading from before the mark replaces the value that is held,
 * and covers nothing until the clock has passed the mark.  A reading from the future, before the
 * window's end, is taken as if it were of now: the mark goes there, and time up to it is covered by
 * what was held.  How far from the future one may be is the caller's to say; so is what becomes of
 * one at or after the end, for which there is no room here.
 *
 * A counter's increase is all that it grew since its last value, also where that is of an earlier
 * window (readings were missing, or the daemon): windows in a row add up to the whole.  What is in
 * doubt (daemon/counter.h) is not in it; it goes to the window in which it is cleared up.  What
 * grew where no reading was reported goes to the next record that has one.  How much it can have
 * grown follows from the time between two reads, which is the longer one of what both clocks say:
 * one that is put back costs nothing.  Over a restart, where they do not say the same, nobody knows
 * it: then all that it grew counts, and the record says `suspect`.  Where what a counter
 * stood at says nothing any more (its scale moved, or it is another meter), it begins anew and the
 * record says `suspect`.
 */
#ifndef DAEMON_WINDOW_H
#define DAEMON_WINDOW_H

#include "base/record.h"
#include "base/recorded.h"
#include "daemon/config.h"
#include "daemon/counter.h"

struct window_element {
	double sum;	       /* value x us */
	int64_t covered_us;    /* of the window so far */
	double min, max, last; /* of the good values that stand for a part of it; NAN: none */
	double increase;
	double held; /* the good value that goes on until held_until_us; NAN: none */
	uint32_t count;
	uint8_t quality;  /* of the last reading */
	uint8_t flags;	  /* WINDOW_... */
	int16_t exponent; /* of its scale register, when it was last read; INT16_MIN: not known */
	struct counter counter;
};
#define WINDOW_INCREASE (1u << 0) /* `increase` is known: there was something to compare with */
#define WINDOW_DOUBT (1u << 1)	  /* a reset or a leap was confirmed in this window */
#define WINDOW_ANEW (1u << 2)	  /* it began anew: what it grew just before is in no record */

struct window_variable {
	int64_t at_us, held_until_us; /* up to where its time is counted; how far the value holds */
	int64_t read_us, mono_us;     /* when it was last read, by both clocks; 0: never */
	int64_t passed_us; /* time of its counters, which goes on as long as either clock does */
	uint64_t shape;	   /* hash of all that gives its numbers their meaning */
	uint32_t n_elements, resumed; /* resumed: not read yet in this life */
};

struct window { /* as it is kept; followed by struct window_element[n_elements] */
	int64_t analyzer, start_ms, end_ms; /* end 0: none is open */
	struct recorded recorded;	    /* time that has records */
	uint64_t layout;		    /* of these structs */
	int64_t mono_us; /* the monotonic clock now, for window_add; 0: not known */
	uint32_t n_variables, n_elements;
	char identity[120]; /* of who was read in it; empty: not known, or longer */
	char meter[120];    /* whose counters these are, from window to window; empty: as above */
	struct window_variable variables[];
};

/* What the model and the host know of an element, beyond the configuration. */
struct window_scale {
	const int16_t *exponents; /* by scale register of the model; INT16_MIN: not known */
	size_t n;
};

size_t window_size(const struct conf_analyzer *a);
/* Empty, nothing open.  `w` has window_size bytes, aligned to 8. */
void window_init(struct window *w, const struct conf_analyzer *a);
/*
 * Goes on with the state of an earlier life: of each variable that is the same now, by its line,
 * address, model, name, unit, kind and registers.  *lost: variables that it had and that are not
 * there now.  Intervals may differ, and the length of windows: the one that is open keeps its end.
 * Foreign bytes, aligned to 8: all is checked.  False: it is none of that analyzer; *w is empty.
 */
bool window_resume(struct window *w, const struct conf_analyzer *a, const void *bytes, size_t len,
		   size_t *lost);
/*
 * Opens the one that t_us is in; counters and held values go on.  It does not begin before the
 * end of a record, when that is in it (its length was another).  That no end comes twice when the
 * clock is put back is the caller's care (recorded_has).
 */
void window_open(struct window *w, const struct conf_analyzer *a, int64_t t_us);
/*
 * A reading at t_us, before the open window's end: one variable's elements.  Nothing known of
 * scales: `s` may be NULL.  The caller has set w->mono_us.
 */
void window_add(struct window *w, const struct conf_analyzer *a, size_t variable,
		const struct tesla_element *elements, int64_t t_us, const struct window_scale *s);
/* What is read from now on is not to be compared with what was: see above. */
void window_begin_anew(struct window *w, const struct conf_analyzer *a);
/*
 * Ends it: the record, in `memory`, with names that belong to the configuration and `identity`; its
 * means are rounded to 1/16 of the element's resolution, where that was known when it was read.
 * Then nothing is open.  -ENOMEM: it is as it was.
 */
int window_close(struct window *w, const struct conf_analyzer *a, const char *identity,
		 struct arena *memory, struct record *ret);
/* The least step of an element, in its unit; 0: there is none, or it is not known. */
double window_resolution(const struct tesla_register *r, const struct window_scale *s);
/* Does the open one have a good reading? */
bool window_has_readings(const struct window *w);
/* Forgets what is open; what counters grew goes to the next one. */
void window_discard(struct window *w);

#endif
