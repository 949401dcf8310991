/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask, with the keys that --key and --server name. */
#ifndef TESLACTL_PEER_H
#define TESLACTL_PEER_H

#include "teslactl/ctl.h"

/* Either is NULL on failure: *err says why. */
struct tesla_client *peer_connect(const struct ctl *ctl, struct tesla_error *err);
/*
 * `stream` and `stream_key` are what the daemon's `status` says of it.  That key is to be believed,
 * since whoever told it has proved to be the one that --server names.
 */
struct tesla_stream *peer_subscribe(const struct ctl *ctl, const char *stream,
				    const char *stream_key, const char *prefix,
				    struct tesla_error *err);

#endif
