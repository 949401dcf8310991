/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is gathered of one analyzer until its window ends.  Pure: no clock, no I/O.  All of its
 * state is plain numbers in memory that the caller gives (it may survive a kill, core/daemon/keep.h).
 *
 * A good reading stands for the time from its own instant to the next reading of that variable,
 * for `hold_ms` at most; what it stands for beyond the window's end belongs to the next one.  Time
 * that was counted once is not counted again, whatever the clock does.
 */
#ifndef DAEMON_WINDOW_H
#define DAEMON_WINDOW_H

#include "base/record.h"
#include "daemon/config.h"
#include "daemon/counter.h"

struct window_element {
	double sum;	    /* value x us */
	int64_t covered_us; /* of the window so far */
	double min, max, last, increase;
	double held;  /* the good value that goes on until held_until_us; NAN: none */
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

struct window { /* as it is kept; followed by variables, then elements */
	int64_t analyzer, start_ms, end_ms; /* end 0: none is open */
	uint64_t shape;			    /* hash of the variables: another configuration's state is refused */
	uint32_t n_variables, n_elements;
	/* struct window_variable[n_variables], struct window_element[n_elements] */
};

/* What the model and the host know of an element, beyond the configuration. */
struct window_scale {
	const int16_t *exponents; /* by scale register of the model; INT16_MIN: not known */
	size_t n;
};

size_t window_size(const struct conf_analyzer *a);
/* Empty, nothing open.  `w` has window_size bytes, aligned to 8. */
void window_init(struct window *w, const struct conf_analyzer *a);
/* Is this the state of that analyzer, as it is configured now?  Foreign bytes: all is checked. */
bool window_fits(const struct window *w, size_t size, const struct conf_analyzer *a);
/* Opens the one that t_us is in; counters and held values go on. */
void window_open(struct window *w, const struct conf_analyzer *a, int64_t t_us);
/* A reading at t_us, inside the open window: one variable's elements. */
void window_add(struct window *w, const struct conf_analyzer *a, size_t variable,
		const struct tesla_element *elements, int64_t t_us, const struct window_scale *s);
/*
 * Ends it: the record, in `memory`; its means are rounded to 1/16 of the element's resolution.  Then
 * nothing is open.
 */
int window_close(struct window *w, const struct conf_analyzer *a, const char *identity,
		 const struct window_scale *s, struct arena *memory, struct record *ret);

#endif
