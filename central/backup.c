/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central backup`. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
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
	int r = registry_db_read(o->conf.dir, &db, err);

	if (r != 0)
		return r == -ENOENT ? 0 : r;
	r = backup_registry(db, folder, err);
	registry_db_close(db);
	return r;
}

/* ---- where it goes ---- */

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* By what folders are, not by their names; what cannot be opened is in none. */
static bool is_within(const char *path, const char *folder)
{
	int top = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC),
	    at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool found = false, ended = top < 0 || at < 0;

	while (!ended) {
		int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		found = is_same(at, top);
		ended = found || above < 0 || is_same(at, above);
		(void)close(at);
		at = above;
	}
	if (at >= 0)
		(void)close(at);
	if (top >= 0)
		(void)close(top);
	return found;
}

/* Who moves the store away, or removes it, would take it along; `backups` is the server's place. */
static int refuse_within(const struct options *o, struct tesla_error *err)
{
	_cleanup_free_ char *copy = strdup(o->to), *backups = NULL;
	const char *parent = copy != NULL ? dirname(copy) : NULL;

	if (parent == NULL || asprintf(&backups, "%s/backups", o->conf.dir) < 0) {
		backups = NULL;
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	return !is_within(parent, o->conf.dir) || is_within(parent, backups)
		       ? 0
		       : tesla_fail(err, -EINVAL,
				    "backup %s: that is in the store's own folder: expected a "
				    "place elsewhere, or below %s",
				    o->to, backups);
}

static int use_backup(struct store *store, void *arg, struct tesla_error *err)
{
	const struct options *o = arg;
	struct store_backup_conf conf = { .to = o->to, .more = add_registry, .arg = arg };
	struct store_backup *b;
	int r = refuse_within(o, err);

	if (r == 0)
		r = store_backup_begin(store, &conf, &b, err);
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
	return command_read_store(o.conf.dir, use_backup, &o);
}
