/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected at a door, in the order they came, and who goes when there are too many: the
 * oldest of those that have asked nothing yet, so that a crowd that says nothing keeps nobody out
 * and throws nobody out who talks.  Pure: a descriptor is a number here.
 */
#ifndef DAEMON_CROWD_H
#define DAEMON_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CROWD_MAX 64u /* connections at a door */

struct unread;

struct crowd_one {
	int fd;
	uint64_t no; /* of the connection; from 1 on, no other ever has it */
	bool asked;
	struct unread *unread; /* the caller's */
	int64_t since_us;      /* when what is unread now was nothing */
};

struct crowd { /* zero is empty */
	struct crowd_one list[CROWD_MAX + 1];
	size_t n;
	uint64_t last, refused; /* refused: those that had to go */
};

/* True: one has to go and is no longer here: *gone, perhaps this one. */
bool crowd_enter(struct crowd *c, int fd, struct crowd_one *gone);
/* False: it had gone already. */
bool crowd_leave(struct crowd *c, int fd, struct crowd_one *gone);
/* NULL: it is not here (any more). */
struct crowd_one *crowd_by_fd(struct crowd *c, int fd);
struct crowd_one *crowd_by_no(struct crowd *c, uint64_t no);

#endif
