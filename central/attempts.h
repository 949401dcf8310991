/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often somebody may try a password.  Slowed are pairs of account and address, addresses, and
 * an account as a whole; nothing is ever shut.  An address from which that account signed in during
 * the last 30 days waits ATTEMPTS_KNOWN_MS at most, whatever others do; any other address
 * ATTEMPTS_LONGEST_MS at most, however many others try.
 *
 * IPv6 counts by /64.  Tables are bounded; memory only.  One thread; the clock is the caller's, and
 * must not go back.
 */
#ifndef CENTRAL_ATTEMPTS_H
#define CENTRAL_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/peer.h"

#define ATTEMPTS_KNOWN_MS INT64_C(10000)
#define ATTEMPTS_LONGEST_MS (INT64_C(30) * 60000)
#define ATTEMPTS_NOTE_MS INT64_C(60000)

struct attempts;
struct attempts_counts {
	uint64_t allowed, slowed, failed, succeeded, undone;
	uint64_t pushed_out; /* by the bounds of the tables */
};

struct attempts *attempts_new(void); /* NULL: no memory */
void attempts_free(struct attempts *a);
/*
 * Before a password is looked at.  0: it may be, and counts as failed until attempts_succeeded().
 * Else it may not, and it is how long to wait, in ms; asking again before costs nothing.
 */
int64_t attempts_begin(struct attempts *a, const char *account, const struct peer *from,
		       int64_t now_ms);
void attempts_succeeded(struct attempts *a, const char *account, const struct peer *from,
			int64_t now_ms);
/*
 * It was refused.  True: that is to be noted, as *ret refusals of this account from there: the
 * first one, then at most one in ATTEMPTS_NOTE_MS, as a note is a write to the disk.
 */
bool attempts_refused(struct attempts *a, const char *account, const struct peer *from,
		      int64_t now_ms, uint32_t *ret);
/* Refusals that are not in a note yet; they are once this was called. */
uint32_t attempts_unnoted(struct attempts *a, const char *account, const struct peer *from);
/* It began then, and whether the password is right was never said: it does not count. */
void attempts_undo(struct attempts *a, const char *account, const struct peer *from,
		   int64_t begun_ms);
/* Whether that account signed in from there before: who did is to be let through first. */
bool attempts_known(const struct attempts *a, const char *account, const struct peer *from,
		    int64_t now_ms);
void attempts_count(const struct attempts *a, struct attempts_counts *ret);

#endif
