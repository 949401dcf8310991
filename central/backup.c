/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central backup`. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
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

/* ---- the registry ---- */

static int copy_env(const char *from, const char *to)
{
	MDB_env *env;
	int r = mdb_env_create(&env);

	if (r != 0)
		return r;
	r = mdb_env_open(env, from, MDB_RDONLY, 0640);
	if (r == 0)
		r = mdb_env_copy2(env, to, MDB_CP_COMPACT);
	mdb_env_close(env);
	return r;
}

static int sync_path(const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) != 0 ? errno : 0;
}

int backup_registry(void *dir, const char *folder, struct tesla_error *err)
{
	_cleanup_free_ char *from = NULL;
	_cleanup_free_ char *to = NULL;
	_cleanup_free_ char *file = NULL;
	int r;

	if (asprintf(&from, "%s/registry", (const char *)dir) < 0 ||
	    asprintf(&file, "%s/data.mdb", from) < 0 || asprintf(&to, "%s/registry", folder) < 0)
		return tesla_fail(err, -ENOMEM, "no memory");
	if (access(file, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (mkdir(to, 0750) != 0)
		return tesla_fail(err, -errno, "%s: %s", to, strerror(errno));
	r = copy_env(from, to);
	if (r == 0)
		r = sync_path(to, "data.mdb");
	if (r == 0)
		r = sync_path(to, ".");
	return r == 0 ? 0
		      : tesla_fail(err, r > 0 ? -r : -EIO, "%s: it cannot be copied: %s", from,
				   mdb_strerror(r));
}

/* ---- all of it ---- */

static int use_backup(struct store *store, void *arg, struct tesla_error *err)
{
	const struct options *o = arg;
	struct store_backup_conf conf = { .to = o->to,
					  .more = backup_registry,
					  .arg = (void *)(uintptr_t)o->conf.dir };
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
