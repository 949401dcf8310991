/* SPDX-License-Identifier: Apache-2.0 */
/* What the queue of a damaged journal still says: who waits for what, and what is not known. */
#ifndef DAEMON_JOURNAL_WAITING_H
#define DAEMON_JOURNAL_WAITING_H

#include "daemon/journal_pages.h"

struct place {
	uint16_t exporter;
	uint64_t seq;
};
struct places {
	struct place *at;
	size_t n, cap;
};
struct waiting { /* all zero: nothing was read */
	struct pages *p;
	struct places rows;  /* in order */
	struct places holes; /* pairs: between these the queue could not be read */
	uint64_t bad;	     /* complaints when the last of them was noted */
	bool failed;	     /* no memory */
};

/* -ENOMEM: it is not whole. */
int waiting_read(struct waiting *w, struct pages *p);
/* It waits, or may do so. */
bool waiting_has(const struct waiting *w, uint16_t exporter, uint64_t seq);
void waiting_release(struct waiting *w);

#endif
