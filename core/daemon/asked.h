/* SPDX-License-Identifier: Apache-2.0 */
/* Which analyzer a request is about: one check for all commands. */
#ifndef DAEMON_ASKED_H
#define DAEMON_ASKED_H

#include "base/mp.h"

struct hub;
struct hub_analyzer;

/*
 * `analyzer` of the request, an id.  *ret NULL: it names none, nil or nothing, which is all of
 * them.  False: there is none of that id, or it is no id, and `reply` says what came.
 */
bool asked_analyzer(const struct hub *h, const msgpack_object *request, struct hub_analyzer **ret,
		    struct buf *reply);
/* The same, and it must name one.  NULL: `reply` says why. */
struct hub_analyzer *asked_one(const struct hub *h, const msgpack_object *request,
			       struct buf *reply);

#endif
