/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask, with the keys that --key and --server name. */
#ifndef TESLACTL_PEER_H
#define TESLACTL_PEER_H

#include "teslactl/ctl.h"

/* Either is NULL on failure: *err says why. */
struct tesla_client *peer_connect(const struct ctl *ctl, struct tesla_error *err);
/*
 * Where the stream is and which key it has, the daemon says: that is to be believed, since over a
 * network it has proved to be the one that --server names.
 */
struct tesla_follow *peer_follow(const struct ctl *ctl, const char *const *prefixes,
				 struct tesla_error *err);

#endif
