/* SPDX-License-Identifier: Apache-2.0 */
/* What tesla-central does with a store on request; sentences go to standard error. */
#ifndef CENTRAL_COMMANDS_H
#define CENTRAL_COMMANDS_H

#include "central/store.h"

#define COMMAND_PARTLY 1 /* done as far as could be; what could not was said */

struct command_options {
	const char *dir;
	const char *node; /* import: of lines that name none; NULL: there is none */
	const char *file;
	size_t group;  /* import: records that are synced together */
	bool progress; /* import: print how many lines are on disk, after each group */
};

/* 0, COMMAND_PARTLY, or negative with *err. */
int import_run(const struct command_options *o, struct store *store, struct tesla_error *err);
int export_run(const struct command_options *o, struct store *store, struct tesla_error *err);
int verify_run(const struct command_options *o, struct store *store, struct tesla_error *err);
int info_run(const struct command_options *o, struct store *store, struct tesla_error *err);

#endif
