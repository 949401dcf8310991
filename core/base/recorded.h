/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of which there are records: spans that do not touch, however the clock went back and
 * forth.  Plain numbers: kept in memory that survives a kill, and in the journal.
 */
#ifndef BASE_RECORDED_H
#define BASE_RECORDED_H

#include <stdbool.h>
#include <stdint.h>

#define RECORDED_MAX 8

struct recorded_span {
	int64_t from_ms, to_ms; /* after from, to the end of a record, with it */
};
struct recorded {
	int64_t n;
	struct recorded_span spans[RECORDED_MAX]; /* the earliest first; what is not used is 0 */
};

/* Is there a record that ends then? */
bool recorded_has(const struct recorded *r, int64_t end_ms);
/*
 * There is one of start_ms to end_ms, which is later.  Where there are more spans than room, the
 * oldest gap is closed that is not right behind this one: no end is ever forgotten, and the time
 * that the clock is in stays open.
 */
void recorded_add(struct recorded *r, int64_t start_ms, int64_t end_ms);
/* The last end within start_ms to before_ms, both left out; start_ms: there is none. */
int64_t recorded_last(const struct recorded *r, int64_t start_ms, int64_t before_ms);
/* Foreign ones: are they in order? */
bool recorded_ok(const struct recorded *r);

#endif
