/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket in the loop: takes requests, gives answers.  What they say is commands.c's. */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <uv.h>

#include "base/mp.h"

#define CONTROL_REPLY_MAX (64u << 20)

struct control;
struct control_peer {
	uint8_t id[255], len;
	bool delimiter;
}; /* to whom an answer goes */

/*
 * One request.  True: `reply` has the answer, one MessagePack map.  False: it comes later, by
 * control_reply.
 */
typedef bool control_request(void *arg, const msgpack_object *request,
			     const struct control_peer *peer, struct buf *reply);

/*
 * Only ipc:// endpoints, as ini.h gives them: the folder (0750) and the socket (0660) are the
 * authentication.  NULL: *err says why; -EADDRINUSE when another daemon is there.
 */
struct control *control_start(uv_loop_t *loop, const char *endpoint, control_request *request,
			      void *arg, struct tesla_error *err);
void control_reply(struct control *c, const struct control_peer *peer, const struct buf *reply);
/*
 * Answers that were given still go out.  The struct is freed when the loop has closed its handles.
 */
void control_stop(struct control *c);

/* An answer with `ok` false; `reply` is emptied first. */
__attribute__((format(printf, 2, 3))) void control_error(struct buf *reply, const char *fmt, ...);

#endif
