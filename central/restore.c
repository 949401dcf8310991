/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tesla-central restore`: a backup becomes the store.  The backup is only read: what is looked at,
 * and mended if need be, is a copy of it beside the place where it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "central/command.h"
#include "central/store_backup.h"

#define PART "restore.part"
#define LOCK_NAME "tesla-central.lock"

struct options {
	struct command_conf conf;
	const char *from;
	bool salvage;
};
struct restore {
	const struct options *o;
	int dir, part, from; /* folders */
	int from_lock;
	char *part_path;
};

static int fail(const char *where, const char *what, struct tesla_error *err)
{
	return tesla_fail(err, -errno, "%s/%s: %s", where, what, strerror(errno));
}

/* ---- files ---- */

static int copy_bytes(int in, int out)
{
	char bytes[65536];
	ssize_t n;

	while ((n = read(in, bytes, sizeof bytes)) > 0)
		for (ssize_t at = 0; at < n;) {
			ssize_t m = write(out, bytes + at, (size_t)(n - at));

			if (m == 0)
				errno = EIO;
			if (m <= 0)
				return -1;
			at += m;
		}
	return n < 0 ? -1 : fsync(out);
}

/* One that is not there is no error, unless it has to be. */
static int copy_file(const struct restore *r, const char *name, bool needed,
		     struct tesla_error *err)
{
	_cleanup_close_ int in = openat(r->from, name, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = -1;

	if (in < 0 && errno == ENOENT && !needed)
		return 0;
	if (in < 0)
		return fail(r->o->from, name, err);
	out = openat(r->part, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (out < 0 || copy_bytes(in, out) != 0)
		return fail(r->part_path, name, err);
	return 0;
}

static void part_remove(const struct restore *r)
{
	static const char *const names[] = { "data.mdb",	  "wal",
					     "wal.new",		  LOCK_NAME,
					     "registry/data.mdb", "registry/lock.mdb" };

	for (size_t i = 0; i < N_ELEMENTS(names) && r->part >= 0; i++)
		(void)unlinkat(r->part, names[i], 0);
	if (r->part >= 0)
		(void)unlinkat(r->part, "registry", AT_REMOVEDIR);
	if (r->dir >= 0)
		(void)unlinkat(r->dir, PART, AT_REMOVEDIR);
}

/* ---- the place where it goes ---- */

/* What is there already stays as it is. */
static int refuse_a_store(const struct restore *r, struct tesla_error *err)
{
	static const char *const names[] = { "data.mdb", "wal", "registry" };
	struct stat st;

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (fstatat(r->dir, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return tesla_fail(err, -EEXIST,
					  "%s/%s is there already: move it away, or name another "
					  "folder with -d",
					  r->o->conf.dir, names[i]);
	return 0;
}

/* Whoever has it open writes to it meanwhile.  Without the lock's file nobody ever had. */
static int lock_from(struct restore *r, struct tesla_error *err)
{
	int rc;

	r->from_lock = openat(r->from, LOCK_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->from_lock < 0)
		return errno == ENOENT ? 0 : fail(r->o->from, LOCK_NAME, err);
	rc = lock_file_shared(r->from_lock);
	if (rc == -EBUSY)
		return tesla_fail(err, rc,
				  "%s: in use by another tesla-central: restore a backup of it",
				  r->o->from);
	errno = -rc;
	return rc == 0 ? 0 : fail(r->o->from, LOCK_NAME, err);
}

static int open_places(struct restore *r, int *lock, struct tesla_error *err)
{
	const char *dir = r->o->conf.dir;
	int rc;

	r->from = open(r->o->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->from < 0)
		return tesla_fail(err, -errno, "%s: %s", r->o->from, strerror(errno));
	if (mkdir(dir, 0750) != 0 && errno != EEXIST)
		return tesla_fail(err, -errno, "%s: %s", dir, strerror(errno));
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0)
		return tesla_fail(err, -errno, "%s: %s", dir, strerror(errno));
	*lock = openat(r->dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (*lock < 0)
		return fail(dir, LOCK_NAME, err);
	if (lock_file(*lock) != 0)
		return tesla_fail(err, -EBUSY, "%s: in use by another tesla-central", dir);
	rc = refuse_a_store(r, err);
	if (rc == 0)
		rc = lock_from(r, err);
	if (rc != 0)
		return rc;
	r->part = openat(r->dir, PART, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	part_remove(r); /* of one that was killed */
	if (r->part >= 0)
		(void)close(r->part);
	r->part = -1;
	if (mkdirat(r->dir, PART, 0750) != 0)
		return fail(dir, PART, err);
	r->part = openat(r->dir, PART, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->part >= 0 ? 0 : fail(dir, PART, err);
}

/* ---- what becomes the store ---- */

static int use_verify(struct store *store, void *arg, struct tesla_error *err)
{
	const struct restore *r = arg;
	struct command_checked found;
	int rc = command_check(store, r->part_path, &found, err);

	return rc == 0 && found.damaged + found.documents_damaged != 0 ? COMMAND_PARTLY : rc;
}

static int use_salvage(struct store *store, void *arg, struct tesla_error *err)
{
	const struct options *o = arg;
	uint64_t n;
	int r = store_salvage(o->from, store, &n, err);

	if (r == 0 && n == 0)
		r = tesla_fail(err, -ENODATA, "%s: no record was found whole", o->from);
	if (r == 0)
		(void)printf("%" PRIu64 " records were found whole\n", n);
	return r;
}

static int check(const struct restore *r)
{
	return command_with_store(r->part_path, true, use_verify, (void *)(uintptr_t)r);
}

static int salvage(const struct restore *r)
{
	return command_with_store(r->part_path, false, use_salvage, (void *)(uintptr_t)r->o);
}

/* LMDB trusts its pages: one that is damaged may end whoever reads it, or never end itself. */
static int in_a_child(const struct restore *r, int (*what)(const struct restore *),
		      struct tesla_error *err)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return tesla_fail(err, -errno, "fork: %s", strerror(errno));
	if (pid == 0)
		exit(what(r));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return tesla_fail(err, -errno, "waitpid: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return tesla_fail(err, -EBADMSG,
			  "%s: it is damaged, and nothing was restored: see --salvage", r->o->from);
}

static int copy_registry(const struct restore *r, struct tesla_error *err)
{
	_cleanup_close_ int folder = -1;
	struct stat st;
	int rc;

	if (fstatat(r->from, "registry/data.mdb", &st, 0) != 0) {
		if (errno != ENOENT)
			return fail(r->o->from, "registry/data.mdb", err);
		(void)fprintf(stderr, "tesla-central: %s: there is no registry in it\n",
			      r->o->from);
		return 0;
	}
	if (mkdirat(r->part, "registry", 0700) != 0)
		return fail(r->part_path, "registry", err);
	rc = copy_file(r, "registry/data.mdb", true, err);
	if (rc != 0)
		return rc;
	folder = openat(r->part, "registry", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder >= 0 && fsync(folder) == 0 ? 0 : fail(r->part_path, "registry", err);
}

static int fill(const struct restore *r, struct tesla_error *err)
{
	int rc;

	if (r->o->salvage) {
		rc = salvage(r) == 0
			     ? 0
			     : tesla_fail(err, -EIO, "%s: nothing was restored", r->o->from);
		return rc == 0 ? copy_registry(r, err) : rc;
	}
	rc = copy_file(r, "data.mdb", true, err);
	if (rc == 0)
		rc = copy_file(r, "wal", false, err);
	if (rc == 0)
		rc = copy_registry(r, err);
	if (rc == 0)
		rc = in_a_child(r, check, err);
	(void)unlinkat(r->part, "registry/lock.mdb", 0); /* its user's is to be another */
	return rc;
}

/* data.mdb last: without it there is no store.  All that the write-ahead file had is in there. */
static int put_in_place(const struct restore *r, struct tesla_error *err)
{
	if (renameat(r->part, "registry", r->dir, "registry") != 0 && errno != ENOENT)
		return fail(r->o->conf.dir, "registry", err);
	if (renameat(r->part, "data.mdb", r->dir, "data.mdb") != 0 || fsync(r->dir) != 0)
		return fail(r->o->conf.dir, "data.mdb", err);
	return 0;
}

static void restore_release(struct restore *r)
{
	const int fds[] = { r->dir, r->part, r->from, r->from_lock };

	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	free(r->part_path);
}

static int restore(const struct options *o, struct tesla_error *err)
{
	struct restore r = { .o = o, .dir = -1, .part = -1, .from = -1, .from_lock = -1 };
	_cleanup_close_ int lock = -1;
	int rc;

	if (asprintf(&r.part_path, "%s/%s", o->conf.dir, PART) < 0)
		return tesla_fail(err, -ENOMEM, "no memory");
	rc = open_places(&r, &lock, err);
	if (rc == 0)
		rc = fill(&r, err);
	if (rc == 0)
		rc = put_in_place(&r, err);
	part_remove(&r);
	restore_release(&r);
	return rc;
}

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{ "salvage", 's', NULL, 0, "take what is whole of a damaged one", 0 }, { 0 }
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->conf;
		return 0;
	case 's':
		o->salvage = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->from != NULL)
			argp_error(state, "%s: one folder is expected", arg);
		o->from = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which folder?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_restore(const struct command_conf *conf, int argc, char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.args_doc = "FOLDER",
		.doc = "Makes a store of FOLDER, a backup or a copy of a store, where none is."
	};
	struct options o = { .conf = *conf };
	struct tesla_error err = { 0 };

	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 1;
	return restore(&o, &err) == 0 ? 0 : command_fail(&err);
}
