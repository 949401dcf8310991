/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central backup`. */
#include <errno.h>
#include <stdlib.h>

#include "central/backup.h"
#include "central/command.h"
#include "central/store_backup.h"

struct options {
	struct command_conf conf;
	const char *to;
};

/* ---- all of it ---- */

/* There may be none; other processes may change it meanwhile. */
static int add_registry(void *arg, const char *folder, struct tesla_error *err)
{
	const struct options *o = arg;
	struct registry_db *db;
	int r = registry_db_open(o->conf.dir, false, &db, err);

	if (r != 0)
		return r == -ENOENT ? 0 : r;
	r = backup_registry(db, folder, err);
	registry_db_close(db);
	return r;
}

static int use_backup(struct store *store, void *arg, struct tesla_error *err)
{
	const struct options *o = arg;
	struct store_backup_conf conf = { .to = o->to, .more = add_registry, .arg = arg };
	struct store_backup *b;
	int r = store_backup_begin(store, &conf, &b, err);

	if (r != 0)
		return r;
	do
		r = store_backup_step(b, err);
	while (r > 0);
	store_backup_end(b);
	return r;
}

/* ---- the command line ---- */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->conf;
		return 0;
	case ARGP_KEY_ARG:
		if (o->to != NULL)
			argp_error(state, "%s: one folder is expected", arg);
		o->to = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which folder is to be made?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_backup(const struct command_conf *conf, int argc, char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = { .parser = parse_option,
				   .children = children,
				   .args_doc = "FOLDER",
				   .doc = "Copies everything to FOLDER, which it makes." };
	struct options o = { .conf = *conf };

	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 1;
	return command_with_store(o.conf.dir, true, use_backup, &o);
}
