/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file in a folder that others may remove, watched: by an event, not by looking again and again.
 * It does not keep the loop alive.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <stdbool.h>
#include <uv.h>

struct watch {
	uv_fs_event_t event;
	char *path;
	bool above; /* its folder is not there: what is watched is one above, whatever happens */
	void (*seen)(void *arg);
	void *arg;
};

/* `seen`: perhaps it came, went or is another one, or its folder is.  -ENOMEM: there is nothing. */
int watch_init(struct watch *w, uv_loop_t *loop, const char *path, void (*seen)(void *arg),
	       void *arg);
/* From now on; again after `seen`, since the folder may be another one.  A negative uv error. */
int watch_arm(struct watch *w);
/* `closed` gets its handle, whose data is what `data` is now. */
void watch_close(struct watch *w, uv_close_cb closed, void *data);

#endif
