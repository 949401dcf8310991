/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command `trace`: what goes over a line, for whoever asks again and again.  The asking is the
 * lease: a line that nobody has asked about for TRACE_LEASE_MS is traced no more.  On the loop's
 * thread.
 */
#ifndef DAEMON_TRACES_H
#define DAEMON_TRACES_H

#include <uv.h>

#include "daemon/control.h"
#include "daemon/told.h"

#define TRACES_MAX 16u	     /* lines at once */
#define TRACE_ASKERS_MAX 32u /* who wait for frames */
#define TRACE_LEASE_MS 5000
#define TRACE_WAIT_MAX_MS 10000

struct daemon;
struct trace_ring;

struct trace_asker { /* is answered when there is something, or then */
	int64_t line, asked_us, until_us;
	uint64_t from;
	struct control_peer peer;
};
struct trace_line {
	int64_t id, lease_us; /* traced until then */
	struct trace_ring *ring;
};
struct traces { /* all zero: no line is traced */
	struct daemon *daemon;
	uv_timer_t timer; /* runs while a line is traced */
	struct trace_line lines[TRACES_MAX];
	size_t n_lines;
	struct trace_asker askers[TRACE_ASKERS_MAX];
	size_t n_askers;
	uint64_t next; /* number of the first frame of the next trace: none comes twice */
};

/* As control_request. */
bool traces_command(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply);
/*
 * A host's message of frames (docs/wire.md); what is of a line that it was not told of, or that is
 * not traced any more, is left out.  -EPROTO: it breaks the form.  `arg` is the struct traces.
 */
int traces_take(void *arg, const struct told *told, const msgpack_object *msg,
		struct tesla_error *err);
/* The host of that line is gone: an event among its frames. */
void traces_down(void *arg, int64_t line, const char *reason);
/* Who waits is told so, as long as the control socket is there. */
void traces_stop(struct traces *t);

#endif
