/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <tesla/client.h>: libtesla, a client of teslad's control socket and stream.  A handle belongs to
 * one thread.  Functions return 0 or a negative errno and fill *err with a sentence.
 */
#ifndef TESLA_CLIENT_H
#define TESLA_CLIENT_H

#include <stdint.h>
#include <tesla/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tesla_client;

/* endpoint: "ipc:///run/tesla/control" or "tcp://..."; NULL: $TESLA_CONTROL, else the default. */
int tesla_connect(const char *endpoint, struct tesla_client **ret, struct tesla_error *err);
void tesla_disconnect(struct tesla_client *c);

/*
 * Sends one command and waits for its answer.  `args` is a MessagePack map of further keys, or
 * NULL.  On success *reply is the answer's MessagePack map (free() it).  -ETIMEDOUT: no daemon
 * answered; -EREMOTEIO: the daemon answered with an error, which is in *err.
 */
int tesla_request(struct tesla_client *c, const char *command, const void *args, size_t args_len,
		  int timeout_ms, uint8_t **reply, size_t *reply_len, struct tesla_error *err);

/* ---- the stream ---- */
struct tesla_stream;
/* prefix: a topic or its beginning, such as "reading/4/1/"; "" is everything. */
int tesla_subscribe(const char *endpoint, const char *prefix, struct tesla_stream **ret,
		    struct tesla_error *err);
void tesla_unsubscribe(struct tesla_stream *s);
/*
 * The descriptor that becomes readable when there may be messages.  It is edge-triggered: call
 * tesla_next until it returns -EAGAIN before waiting for it.
 */
int tesla_stream_fd(struct tesla_stream *s);
/*
 * The next message; topic and payload are valid until the next call.  timeout_ms -1: wait for ever.
 * -EAGAIN: none came in time.  -EBADMSG: one that makes no sense was left out; go on.
 */
int tesla_next(struct tesla_stream *s, int timeout_ms, const char **topic, const uint8_t **payload,
	       size_t *len, struct tesla_error *err);

#ifdef __cplusplus
}
#endif
#endif
