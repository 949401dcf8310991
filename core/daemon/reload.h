/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A changed configuration while the daemon runs: read and checked whole in the pool, compared, and
 * brought into force on the loop.  When anything of it is wrong, all goes on as before.  One at a
 * time; who asks meanwhile gets the answer of the next one.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "daemon/control.h"
#include "daemon/diff.h"

struct daemon;
struct reload;

struct reload_last {
	int64_t t_ms; /* 0: there was none yet */
	char *error;  /* NULL: it went well */
};

/* NULL: no memory. */
struct reload *reload_new(struct daemon *d);
/* The daemon ends: what is under way ends soon, and nothing begins any more.  NULL is fine. */
void reload_stop(struct reload *r);
/* After the loop has ended. */
void reload_free(struct reload *r);

/*
 * Reads all anew; `plugins`: loads all plugins anew as well.  `peer` gets the answer (NULL:
 * nobody).  False: too many wait for one already, or the daemon ends.
 */
bool reload_ask(struct reload *r, const struct control_peer *peer, bool plugins);
/*
 * The same, with these variables asked of that analyzer until the next reload of another kind.
 * `names` is an array.  -EBUSY: one is under way; -EINVAL: not all of them are texts; -ENOMEM;
 * -ENOSPC: too many analyzers are asked in another way already.
 */
int reload_variables(struct reload *r, const struct control_peer *peer, int64_t analyzer,
		     const msgpack_object *names);
/* 1 at the start; rises with each change that came into force. */
uint64_t reload_generation(const struct reload *r);
const struct reload_last *reload_last(const struct reload *r);

#endif
