/* SPDX-License-Identifier: Apache-2.0 */
/* Where an ipc socket stands: its folder, its mode, its group.  They say who may connect. */
#ifndef DAEMON_CONTROL_PLACE_H
#define DAEMON_CONTROL_PLACE_H

#include <sys/types.h>
#include <tesla/plugin.h>

#define PLACE_NO_GROUP ((gid_t)-1) /* that of the process */

struct place {
	const char *endpoint; /* ipc:///a/path */
	mode_t folder, mode;  /* of a folder that must be made, and of the socket */
	gid_t group;
	const char *own_folder; /* this one gets the group, too, when it is there already */
};

/* Name or number.  -ENOENT: there is none of that name. */
int place_group(const char *name, gid_t *ret, struct tesla_error *err);
/* Binds a ZeroMQ socket there.  -EADDRINUSE: somebody listens there; nothing was touched. */
int place_bind(void *socket, const struct place *p, struct tesla_error *err);

#endif
