/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One life of one host process: started, talked to, watched, ended.  What it is for, and whether
 * it is started again, is the caller's (fleet.h).  Lives on the loop's thread; started from the
 * main thread only, since the child's death signal follows the thread that made it.
 */
#ifndef DAEMON_HOST_H
#define DAEMON_HOST_H

#include <uv.h>

#include "base/blame.h"
#include "base/frame.h"

struct host;

struct host_end {	    /* how it ended */
	const char *reason; /* a sentence */
	bool asked;	    /* after host_stop */
	bool blamed; /* `blame` is a plugin's own doing: it crashed, hung or ended the host */
	struct blame blame;
	int64_t up_us; /* how long it ran */
};

struct host_calls {
	/*
	 * A message that is not about the process itself.  Negative: it breaks the form; killed
	 * for *err.
	 */
	int (*message)(void *arg, const msgpack_object *msg, struct tesla_error *err);
	/* A line that its libraries wrote to standard error. */
	void (*said)(void *arg, const char *line);
	/* It is gone, and so is the struct host after this call. */
	void (*ended)(void *arg, const struct host_end *end);
};

/* Starts `program` with `mode` (--driver or --exporter).  NULL: *err says why. */
struct host *host_start(uv_loop_t *loop, const char *program, const char *mode,
			const struct host_calls *calls, void *arg, struct tesla_error *err);
/*
 * Sends whole frames (copied).  -ENOBUFS: more than `max` bytes would wait in the queue, nothing
 * was sent. HOST_QUEUE_MAX is the most that can wait.
 */
#define HOST_QUEUE_MAX (64u << 20)
int host_send(struct host *h, const struct buf *frames, size_t max);
/* Asks it to leave; killed when it has not in two seconds. */
void host_stop(struct host *h);
/* Kills it; `reason` becomes the end's, unless there is an earlier one. */
__attribute__((format(printf, 2, 3))) void host_kill(struct host *h, const char *fmt, ...);
int host_pid(const struct host *h);
/* False: it has not told yet.  *lacks: what could not be confined; NULL: nothing. */
bool host_confined(const struct host *h, const char **lacks);

#endif
