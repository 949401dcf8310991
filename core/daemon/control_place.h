/* SPDX-License-Identifier: Apache-2.0 */
/* Where an ipc socket stands: its folder, its mode, its group.  They say who may connect. */
#ifndef DAEMON_CONTROL_PLACE_H
#define DAEMON_CONTROL_PLACE_H

#include <stdbool.h>
#include <sys/types.h>
#include <tesla/plugin.h>

#define PLACE_NO_GROUP ((gid_t)-1) /* that of the process */

struct place {
	const char *endpoint; /* ipc:///a/path */
	mode_t folder, mode;  /* of a folder that must be made, and of the socket */
	gid_t group;
	const char *own_folder; /* this one gets the group, too, when it is there already */
};

/* What stands there, to know it again. */
struct place_file {
	dev_t dev;
	ino_t ino;
};

/* Name or number.  -ENOENT: there is none of that name. */
int place_group(const char *name, gid_t *ret, struct tesla_error *err);
/*
 * Binds a ZeroMQ socket there, once more if it was before: who is connected stays.  The file is
 * ours to remove, libzmq leaves it.  -EADDRINUSE: somebody listens there; nothing was touched.
 */
int place_bind(void *socket, const struct place *p, struct place_file *ret,
	       struct tesla_error *err);
/* Is it still what place_bind put there? */
bool place_stands(const struct place *p, const struct place_file *f);
/* Removes it, unless it is another's. */
void place_leave(const struct place *p, const struct place_file *f);

#endif
