/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: one table, from which the help is made too. */
#ifndef TESLACTL_COMMANDS_H
#define TESLACTL_COMMANDS_H

#include "teslactl/ctl.h"

struct command {
	const char *name, *args, *help; /* args: "" or as in the help */
	/* What the answer means for people: prints it, and returns an exit code. */
	int (*show)(const msgpack_object *answer);
	int (*code)(const msgpack_object *answer); /* the exit code beyond that; NULL: 0 */
	int (*run)(const struct ctl *ctl);	   /* instead of one request and `show` */
};

/* Ended by a row without name. */
extern const struct command commands[];
const struct command *command_find(const char *name);
int command_run(const struct command *c, const struct ctl *ctl);

#endif
