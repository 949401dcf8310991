/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the windows of an analyzer are, whose records say only when they end: by how far they
 * are apart.  Pure.
 */
#ifndef CENTRAL_CADENCE_H
#define CENTRAL_CADENCE_H

#include <stdbool.h>
#include <stdint.h>

/* The length of a window of which nothing is known: as good as an instant. */
#define CADENCE_UNKNOWN_MS 1

struct cadence { /* all zero: no record is known */
	bool known;
	int64_t newest_ms;   /* the end of the newest record */
	int64_t length_ms;   /* of its window */
	int64_t distance_ms; /* from the one before; 0: not known */
};

/*
 * The distance from the record before, unless that is longer than windows have been: then some may
 * be missing between them, until it comes twice.
 */
int64_t cadence_length_ms(const struct cadence *c, int64_t end_ms);
/* It is stored. */
void cadence_note(struct cadence *c, int64_t end_ms, int64_t length_ms);

#endif
