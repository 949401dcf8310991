/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon tells of itself, as numbers with labels (docs/metrics.md).  What is not known,
 * such as the memory of a host that does not run, is left out.  On the loop's thread.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "base/metrics_text.h"
#include "daemon/daemon.h"

#define METRICS_BYTES_MAX (32u << 20)

/* All of them.  out->failed: there was no room for all of it. */
void metrics_write(const struct daemon *d, enum metrics_format format, struct buf *out);
/* What keeps the daemon from being ready, a line each; nothing when it is. */
void metrics_ready(const struct daemon *d, struct buf *out);

/* `[Metrics] listen`, when there is any: serves both over HTTP; what goes wrong is logged. */
void metrics_start(struct daemon *d);

/* The control command. */
bool metrics_command(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply);

/* The i-th metric there is, with the names of its labels ("line, state"); NULL: there is none. */
const struct metric_family *metrics_family(size_t i, const char **labels);

#endif
