/* SPDX-License-Identifier: Apache-2.0 */
/* LMDB's errors, and the disk's behind it. */
#include "central/mdb.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"

#define FULL_BYTES (256u << 10) /* what LMDB writes at once does not fit */

static const struct mdb_error {
	int mdb, code;
	const char *text;
} errors[] = {
	{ MDB_MAP_FULL, ENOSPC, "it is as large as it may be" },
	{ MDB_PANIC, EIO, "an earlier write failed half way" },
	{ MDB_CORRUPTED, EUCLEAN, "a page of data.mdb is damaged" },
	{ MDB_PAGE_NOTFOUND, EUCLEAN, "a page of data.mdb is missing" },
	{ MDB_NOTFOUND, EUCLEAN, "a table of data.mdb is missing" },
	{ MDB_INVALID, EUCLEAN, "data.mdb is no LMDB file, or one of another kind of machine" },
	{ MDB_VERSION_MISMATCH, EUCLEAN, "data.mdb is of another version of LMDB" },
	{ MDB_READERS_FULL, EBUSY, "too many programs read it" },
	{ ENOSPC, ENOSPC, "the disk is full" },
	{ EDQUOT, ENOSPC, "the quota of the disk is used up" },
};

/* LMDB says EIO of a write that is cut short, too, which is what a full disk does. */
static bool is_cut_short(const char *path, int r)
{
	struct statvfs s;

	return r == EIO && statvfs(path, &s) == 0 && s.f_bavail < FULL_BYTES / s.f_frsize;
}

int mdb_fail(const char *what, const char *path, int r, struct tesla_error *err)
{
	if (is_cut_short(path, r))
		r = ENOSPC;
	for (size_t i = 0; i < N_ELEMENTS(errors); i++)
		if (errors[i].mdb == r)
			return tesla_fail(err, -errors[i].code, "%s %s: %s", what, path,
					  errors[i].text);
	return tesla_fail(err, r > 0 && r != EINVAL ? -r : -EIO, "%s %s: %s", what, path,
			  mdb_strerror(r));
}

void mdb_say_broken(MDB_env *env, const char *assertion)
{
	const char *path = "?";

	(void)mdb_env_get_path(env, &path);
	(void)fprintf(
		stderr,
		"tesla-central: %s/data.mdb: a page of it is damaged (%s): restore a backup\n",
		path, assertion);
}
