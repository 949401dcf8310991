/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of tesla-central: a table of them in main.c, each with its options where it is.
 * Sentences go to standard error.
 */
#ifndef CENTRAL_COMMAND_H
#define CENTRAL_COMMAND_H

#include <argp.h>

#include "central/store.h"

#define COMMAND_PARTLY 1 /* done as far as could be; what could not was said */

struct command_conf {
	const char *dir; /* -d: the folder with the store and all that belongs to it */
};
/* -d, --dir: a child of each command's options, with a struct command_conf for its input. */
extern const struct argp command_argp;

/*
 * argv[0] is what to call it in sentences.  The exit code; 64 when the command line is wrong.
 * `conf` has what stood before the command's name.
 */
typedef int command_run(const struct command_conf *conf, int argc, char **argv);
command_run command_backup, command_export, command_import, command_info, command_restore,
	command_serve, command_verify;

/* Says it; 1. */
int command_fail(const struct tesla_error *err);
/* What a command does with the store: 0, COMMAND_PARTLY, or negative with *err. */
typedef int command_use(struct store *store, void *arg, struct tesla_error *err);
/*
 * Opens the store, lets it be used, closes it.  The exit code: 1 too when something damaged was
 * met.
 */
int command_with_store(const char *dir, bool must_exist, command_use *use, void *arg);
/* The same for one that is there, and only read: the disk it is on may be read-only, or full. */
int command_read_store(const char *dir, command_use *use, void *arg);

/* ---- command_check.c ---- */

struct command_checked {
	uint64_t damaged; /* of the store */
	bool has_registry;
	uint64_t documents, documents_damaged; /* of the registry */
};
/* Reads store and registry, those of `dir`; what is damaged is said. */
int command_check(struct store *store, const char *dir, struct command_checked *ret,
		  struct tesla_error *err);

#endif
