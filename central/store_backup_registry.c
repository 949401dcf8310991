/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a backup besides the store: an environment that other processes may have open. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "central/store_backup.h"

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

int store_backup_registry(void *dir, const char *folder, struct tesla_error *err)
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
