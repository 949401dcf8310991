/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A durable exporter: takes its batches from the journal to its host and its verdicts back, as
 * delivery.h says.  On the loop's thread.
 */
#ifndef DAEMON_DURABLE_H
#define DAEMON_DURABLE_H

#include <uv.h>

#include "base/log.h"
#include "base/mp.h"
#include "daemon/clerk.h"
#include "daemon/config.h"
#include "daemon/delivery.h"

struct durable;

struct durable_conf {
	const struct conf_exporter *exporter;
	struct clerk *clerk;
	const struct log *log;
	/*
	 * Sends a frame to its host.  Negative: it could not be; -EPIPE: the host is going, and
	 * durable_down and durable_up are to come.
	 */
	int (*send)(void *arg, const struct buf *frame);
	void *arg;
};

/* What is named stays the caller's.  NULL: no memory. */
struct durable *durable_new(uv_loop_t *loop, const struct durable_conf *conf);
/* Its host is ready. */
void durable_up(struct durable *d);
/* Its host is gone; `blamed`: by its plugin's doing. */
void durable_down(struct durable *d, bool blamed);
/* After each turn of the clerk. */
void durable_changed(struct durable *d);
/* The message `verdicts` of its host.  Foreign: -EPROTO, the host is to be killed. */
int durable_verdicts(struct durable *d, const msgpack_object *msg, struct tesla_error *err);
/* Its host is about to be started anew, which may mend what goes wrong: back-offs begin anew. */
void durable_anew(struct durable *d);
/* What waits is tried now. */
void durable_drain(struct durable *d);
/*
 * No batch is taken any more until durable_release.  `held` is called once none is under way,
 * perhaps at once; at a stop, at the latest.  False: somebody holds it already.
 */
bool durable_hold(struct durable *d, void (*held)(void *arg), void *arg);
void durable_release(struct durable *d);
/* Nothing more is sent; verdicts on what is under way are still taken. */
void durable_stop(struct durable *d);
/* Its exporter is another one of the same id; what it was made from may go. */
void durable_use(struct durable *d, const struct conf_exporter *exporter);
/* After durable_stop and the end of its host: frees itself once nothing of it is under way. */
void durable_end(struct durable *d);
/* Closes its handle; after that and after the clerk has closed, durable_free. */
void durable_close(struct durable *d);
void durable_free(struct durable *d);

const struct delivery *durable_delivery(const struct durable *d);

#endif
