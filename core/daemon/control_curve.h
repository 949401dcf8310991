/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect on TCP: our key pair, the list of clients, and the ZAP handler that libzmq asks
 * for each connection.  It is a socket of the loop's thread like the others: it is tended when it
 * has something, and never waits.  Of failed handshakes no handler is asked: the door's monitor
 * tells of them (control_door.h), and we say what they mean.
 */
#ifndef DAEMON_CONTROL_CURVE_H
#define DAEMON_CONTROL_CURVE_H

#include "base/keys.h"

enum { CURVE_ZAP, CURVE_N_SOCKETS };

struct curve;
struct curve_calls {
	/* Somebody was not let in: who (an address, perhaps a key), and why. */
	bool (*refused)(void *arg, const char *who, const char *why);
	void *arg;
};

/* `key`, `clients`: files; copied.  One in a context.  NULL: *err says why. */
struct curve *curve_new(void *ctx, const char *key, const char *clients,
			const struct curve_calls *calls, struct tesla_error *err);
/* Before the socket is bound. */
int curve_guard(struct curve *c, void *socket, struct tesla_error *err);
/* Answers what waits, so many at a time; false: nothing more is there. */
bool curve_tend(struct curve *c);
void *curve_socket(struct curve *c, int which);
/* Why a handshake came to nothing, of a ZMQ_EVENT_HANDSHAKE_FAILED_...; NULL: that was said. */
const char *curve_failure(uint16_t event, uint32_t value);
/* Of a message's `User-Id`; NULL: the list has it no longer. */
const struct keys_client *curve_client(struct curve *c, const char *user_id);
/* As keys_file_refresh. */
int curve_refresh(struct curve *c, struct tesla_error *err);
void curve_free(struct curve *c);

#endif
