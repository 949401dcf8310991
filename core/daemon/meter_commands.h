/* SPDX-License-Identifier: Apache-2.0 */
/* The control commands that concern meters: start, pause, resume, read-now, identify, look. */
#ifndef DAEMON_METER_COMMANDS_H
#define DAEMON_METER_COMMANDS_H

#include "daemon/control.h"

struct daemon;

#define ASKS_MAX 64u  /* questions to meters under way, each with somebody who waits */
#define LOOKS_MAX 16u /* of these, looks: who waits for a tenth of the time keeps nobody else out */

struct ask {
	int64_t i;
	size_t owner; /* of the host that was asked */
	int64_t analyzer;
	enum { ASKED_READ, ASKED_WHO, ASKED_LOOK } what;
	struct control_peer peer;
};
struct asks { /* all zero: none */
	struct ask list[ASKS_MAX];
	size_t n;
	int64_t last;
};

/* As control_request. */
bool meter_read_now(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply);
bool meter_identify(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply);
bool meter_look(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		struct buf *reply);
bool meter_start(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		 struct buf *reply);
bool meter_pause(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		 struct buf *reply);
bool meter_resume(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		  struct buf *reply);
bool meter_set_variables(struct daemon *d, const struct control_peer *peer,
			 const msgpack_object *request, struct buf *reply);
/* Who still waits for a meter is told that the daemon ends. */
void meter_stop(struct daemon *d);
/* fleet.answer; `arg` is the daemon. */
void meter_answered(void *arg, size_t owner, int64_t i, const char *error,
		    const msgpack_object *said);

#endif
