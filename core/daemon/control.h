/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control sockets in the loop: take requests, give answers.  What they say is commands.c's.
 * There are up to three doors: `control` for who may do everything, `control-ro` for who may only
 * read, both ipc; and one on TCP, where CURVE tells who it is and a list what he may.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <uv.h>

#include "base/log.h"
#include "base/mp.h"

#define CONTROL_REPLY_MAX (64u << 20) /* an answer; and all that wait to be read */
#define CONTROL_UNREAD_MAX (2u << 20) /* of a peer: who has more is not served */
#define CONTROL_WHO_MAX 128u

struct control;
struct ini;
struct control_peer {
	uint8_t id[255], len; /* to whom an answer goes */
	bool delimiter;
	uint8_t door;
	uint64_t connection;	   /* which one at the door; 0: it ended meanwhile */
	bool readonly;		   /* may do only what access.h says */
	char who[CONTROL_WHO_MAX]; /* "user 1000 (process 4242)", "NAME (10.0.0.7)" */
};

/*
 * One request.  True: `reply` has the answer, one MessagePack map.  False: it comes later, by
 * control_reply.
 */
typedef bool control_request(void *arg, const msgpack_object *request,
			     const struct control_peer *peer, struct buf *reply);

struct control_calls {
	control_request *request;
	void (*remade)(void *arg); /* somebody had removed a socket, perhaps the folder; NULL */
	void *arg;
};

/*
 * As [Control] of `ini` says, which is not needed later; `log` is.  On ipc, the folder (0750), the
 * socket (0660) and its group are the authentication.  NULL: *err says why; -EADDRINUSE when
 * another daemon is there.
 */
struct control *control_start(uv_loop_t *loop, const struct ini *ini, const struct log *log,
			      const struct control_calls *calls, struct tesla_error *err);
void control_reply(struct control *c, const struct control_peer *peer, const struct buf *reply);
/* Says in the log, once and rate-limited, that something of this peer's was refused. */
__attribute__((format(printf, 3, 4))) void control_refused(struct control *c,
							   const struct control_peer *peer,
							   const char *fmt, ...);
/*
 * Reads the list of clients again if it changed, as a reload does; it is looked at whenever
 * somebody connects or asks, too.  Negative: the new one is no good and the old one goes on, *err
 * says why.
 */
int control_clients_reload(struct control *c, struct tesla_error *err);
/* The doors that there are, from 0 on. */
struct control_count {
	const char *door; /* control, control-ro, tcp */
	uint64_t connections, refused;
};
bool control_count(const struct control *c, size_t i, struct control_count *ret);
/*
 * Answers that were given still go out.  The struct is freed when the loop has closed its handles.
 */
void control_stop(struct control *c);

/* An answer with `ok` false; `reply` is emptied first. */
__attribute__((format(printf, 2, 3))) void control_error(struct buf *reply, const char *fmt, ...);

#endif
