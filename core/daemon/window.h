/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is gathered of one analyzer until its window ends.  Pure: no clock, no I/O.  All of its
 * state is plain numbers in memory that the caller gives (it may survive a kill, daemon/keep.h).
 *
 * A good reading stands for the time from its own instant to the next reading of that variable,
 * for one and a half of the variable's interval and half a second at most; what it stands for
 * beyond the window's end belongs to the next one.  Time that was counted once is not counted
 * again, whatever the clock does: a reading from before the mark replaces the value that is held,
 * and covers nothing until the clock has passed the mark.
 *
 * A counter's increase is all that it grew since its last value, also where that is of an earlier
 * window (readings were missing, or the daemon): windows in a row add up to the whole.  What is in
 * doubt (daemon/counter.h) is not in it; it goes to the window in which it is cleared up.
 */
#ifndef DAEMON_WINDOW_H
#define DAEMON_WINDOW_H

#include "base/record.h"
#include "daemon/config.h"
#include "daemon/counter.h"

struct window_element {
	double sum;	       /* value x us */
	int64_t covered_us;    /* of the window so far */
	double min, max, last; /* of the good values that stand for a part of it; NAN: none */
	double increase;
	double held; /* the good value that goes on until held_until_us; NAN: none */
	uint32_t count;
	uint8_t quality; /* of the last reading */
	uint8_t flags;	 /* WINDOW_... */
	struct counter counter;
};
#define WINDOW_INCREASE (1u << 0) /* `increase` is known: there was something to compare with */
#define WINDOW_DOUBT (1u << 1)	  /* a reset or a leap was confirmed in this window */

struct window_variable {
	int64_t at_us, held_until_us; /* up to where its time is counted; how far the value holds */
};

struct window { /* as it is kept; followed by struct window_element[n_elements] */
	int64_t analyzer, start_ms, end_ms; /* end 0: none is open */
	int64_t closed_ms;		    /* end of the last record; INT64_MIN: there was none */
	uint64_t shape; /* hash of the variables: another configuration's state is refused */
	uint32_t n_variables, n_elements;
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
 * Is this the state of that analyzer, as it is configured now?  Foreign bytes, aligned to 8: all is
 * checked.  The length of its windows may have changed: the one that is open keeps its end.
 */
bool window_fits(const struct window *w, size_t size, const struct conf_analyzer *a);
/*
 * Opens the one that t_us is in; counters and held values go on.  It does not begin before the
 * last one's end, when that is in it (its length was another).  That no end comes twice when the
 * clock is put back is the caller's care.
 */
void window_open(struct window *w, const struct conf_analyzer *a, int64_t t_us);
/*
 * A reading at t_us, before the open window's end: one variable's elements.  Nothing known of
 * scales: `s` may be NULL.
 */
void window_add(struct window *w, const struct conf_analyzer *a, size_t variable,
		const struct tesla_element *elements, int64_t t_us, const struct window_scale *s);
/*
 * Ends it: the record, in `memory`, with names that belong to the configuration and `identity`; its
 * means are rounded to 1/16 of the element's resolution, where that is known.  Then nothing is
 * open.  -ENOMEM: it is as it was.
 */
int window_close(struct window *w, const struct conf_analyzer *a, const char *identity,
		 const struct window_scale *s, struct arena *memory, struct record *ret);

#endif
