/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics, /healthz and /readyz for Prometheus and the like: libmicrohttpd, driven by the daemon's
 * loop.  Whoever can connect may ask; so nobody can cost much: the text is made four times a second
 * at most, 256 connections are served at a time, and a connection is closed when no request was
 * asked and answered on it for a while (deadline_ms).  What the text says is the caller's.
 */
#ifndef DAEMON_METRICS_HTTP_H
#define DAEMON_METRICS_HTTP_H

#include <uv.h>

#include "base/address.h"
#include "base/metrics_text.h"

#define METRICS_HTTP_CONNECTIONS 256u
#define METRICS_HTTP_DEADLINE_MS 10000u
#define METRICS_HTTP_FRESH_MS 250u     /* a text that young is given again */
#define METRICS_HTTP_REQUEST_MAX 8192u /* bytes; longer ones are refused */

struct metrics_http;

struct metrics_http_conf {
	/* The text goes to `out`; it stays `failed` when there is no room for it. */
	void (*text)(void *arg, enum metrics_format format, struct buf *out);
	/* Why the daemon is not ready, for people, goes to `out`; nothing: it is ready. */
	void (*ready)(void *arg, struct buf *out);
	void *arg;
	uint64_t deadline_ms; /* from connecting, or the last answer, to the next one */
};

/* NULL: *err says why.  `where` is not needed any more after it. */
struct metrics_http *metrics_http_start(uv_loop_t *loop, const struct address *where,
					const struct metrics_http_conf *conf,
					struct tesla_error *err);
/* Ends all connections at once; the struct is freed when the loop has closed its handles. */
void metrics_http_stop(struct metrics_http *h);

#endif
