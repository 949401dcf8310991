/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of supervision, apart from processes: which lines share a host, when a host that died
 * is started again, and who is put into quarantine.  Pure: the caller brings the time.
 */
#ifndef DAEMON_SUPERVISE_H
#define DAEMON_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blame.h"

#define SUPERVISE_LINES 64u /* in one host, at most */
#define SUPERVISE_DEATHS 2u /* in the same call: then quarantine */
#define SUPERVISE_NONE SIZE_MAX

struct supervise_host {
	bool network;
	const char *drivers;
	bool closed;	/* no line may join it, and none stays */
	size_t n_lines; /* the result */
};
struct supervise_line {
	bool network;
	const char *drivers; /* the set, in a fixed order and spelling; NULL: nothing to run */
	size_t stays;	     /* the host that has it now; SUPERVISE_NONE: none */
	size_t host;	     /* the result; SUPERVISE_NONE when there is nothing to run */
};
/*
 * Lines of one class with the same drivers share a host; one that has a host of that sort stays
 * there.  `barred` says, line by line, which of the hosts that there are cannot run it, whatever
 * their sort; NULL: all can.  `hosts` has room for n_hosts + n: those that there are, and behind
 * them those that are to be made.  Returns how many there are then.
 */
size_t supervise_group(struct supervise_line *lines, size_t n, struct supervise_host *hosts,
		       size_t n_hosts, const bool *barred);

struct restart {
	unsigned in_a_row;
}; /* all zero: never died */
/*
 * A host died that had run for up_us: how many ms until the next start.  The first is at once;
 * from the second after a short life 1 s, doubling to 60 s; a minute of life wipes the slate
 * clean.
 */
int64_t restart_delay_ms(struct restart *r, int64_t up_us);

struct ledger {
	struct blame *rows;
	unsigned *deaths;
	size_t n;
}; /* all zero: empty */
/*
 * One more death in this call of this plugin for this analyzer or, where that is 0, line.  Returns
 * how many there were; 0 when the ledger is full (what is blamed comes from a page that a wild
 * plugin may write).
 */
unsigned ledger_death(struct ledger *l, const struct blame *b);
/* What was counted of an analyzer, and of a line, is of what they were. */
void ledger_forget(struct ledger *l, int64_t analyzer, int64_t line);
void ledger_release(struct ledger *l);

/*
 * Batches of one exporter over all lives of its host.  A host counts from zero, and tells its
 * counts once a second at most: what it had not told when it ended is taken as lost.
 */
struct tally {
	uint64_t sent, delivered, dropped; /* in this life; the last two as the host tells */
	uint64_t delivered_before, dropped_before; /* in earlier ones, and what reached none */
};						   /* all zero: nothing sent yet */
/* What the host says of itself; foreign: never more than what it was sent. */
void tally_told(struct tally *t, int64_t delivered, int64_t dropped);
void tally_host_ended(struct tally *t);
uint64_t tally_delivered(const struct tally *t);
uint64_t tally_dropped(const struct tally *t);

#endif
