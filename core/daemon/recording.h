/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the daemon that makes records and keeps them: put together, and taken apart. */
#ifndef DAEMON_RECORDING_H
#define DAEMON_RECORDING_H

#include "daemon/check.h"
#include "daemon/clerk.h"
#include "daemon/recorder.h"

struct recording {
	struct keep *keep;
	struct clerk *clerk;
	struct recorder *recorder;
	struct hub *hub;
	char *journal; /* its path */
	bool lost;     /* there were records, and no windows that were open */
};

/*
 * What cannot be used on disk is said, and done without.  -ENOMEM: recording_stop and
 * recording_release all the same.
 */
int recording_start(struct recording *r, uv_loop_t *loop, const struct check *c,
		    const struct log *log);
/*
 * Goes on with a changed configuration: `adopt` is called in between, once nothing can fail any
 * more, to bring next->hub to where the old one stands; the old one may go there.  No turn of the
 * clerk may be under way (clerk_do's `done`).  Negative: *err says why, and nothing changed.
 */
int recording_change(struct recording *r, const struct check *next, void (*adopt)(void *arg),
		     void *arg, struct tesla_error *err);
/* Commits what there is and closes the journal, then `stopped`, perhaps at once. */
void recording_stop(struct recording *r, void (*stopped)(void *arg), void *arg);
/* After that and after the loop has closed the handles.  Open windows go on at the next start. */
void recording_release(struct recording *r);

#endif
