/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doors that are files: bound where they belong, and made anew when somebody removes them or
 * their folder while we run.  Who is connected stays so.
 */
#ifndef DAEMON_CONTROL_LOCAL_H
#define DAEMON_CONTROL_LOCAL_H

#include "base/log.h"
#include "daemon/control_door.h"
#include "daemon/control_place.h"
#include "daemon/watch.h"

enum { LOCAL_FULL, LOCAL_READONLY, LOCAL_N };
struct ini;

struct local {
	struct door *door;
	char *endpoint, *own_folder; /* of `place` */
	struct place place;
	struct place_file file;
	struct watch watch;
	bool lost; /* it was removed and cannot be made anew: that was said */
	unsigned remade;
};

struct locals { /* zero: none */
	struct local list[LOCAL_N];
	uv_timer_t timer;
	bool watched; /* there are handles */
	const struct log *log;
	void (*remade)(void *arg); /* a door was; NULL: nobody wants to know */
	void *arg;
};

/* `doors`: LOCAL_N of them, zero.  On failure locals_release it, too. */
int locals_open(struct locals *l, void *ctx, const struct ini *ini, struct door *doors,
		struct tesla_error *err);
/* From here on; what cannot be watched is said. */
void locals_watch(struct locals *l, uv_loop_t *loop);
/* How many handles `closed` gets, whose data is `data`. */
unsigned locals_close(struct locals *l, uv_close_cb closed, void *data);
/* Removes the files. */
void locals_release(struct locals *l);

#endif
