/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is read before a line is opened: the two files, models, plugins and, from a dry
 * run of the hosts, the plan.  `teslad -t` prints it, a start goes on from it.
 */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include <stdio.h>

#include "daemon/overrides.h"
#include "daemon/setup.h"

struct check_files {
	const char *config, *ini;
	bool ini_must_exist;
};

struct check {
	struct places places;
	struct diags diags;
	struct ini *ini;
	struct config *config;
	struct plugins *plugins;
	struct catalog catalog;
	struct hub *hub;
	size_t n_owners; /* hosts of lines */
};

/*
 * Fills *c as far as it gets.  0: good, perhaps with warnings; -EINVAL: c->diags has errors.  When
 * `how` is strict, a plugin that cannot be used, will not open or crashes is an error, and so is an
 * exporter that refuses its parameters; else its analyzers are left out, and of an exporter it is a
 * warning. `overrides`: NULL, none.  Blocks; starts and ends hosts, in a loop of its own.  Logs
 * to `log`, on the thread that it is called on; so does c->hub, until it is given another one.
 */
int check_run(struct check *c, const struct check_files *files, const struct overrides *overrides,
	      const struct plugins_how *how, struct log *log);
void check_release(struct check *c);
/* The plan and the share of each line, for people. */
void check_print(const struct check *c, FILE *out);

#endif
