/* SPDX-License-Identifier: Apache-2.0 */
/* What LMDB's errors are called, for the store and the registry. */
#ifndef CENTRAL_MDB_H
#define CENTRAL_MDB_H

#include <lmdb.h>

#include <tesla/plugin.h>

/*
 * r: of LMDB, or an errno, of the environment in the folder `path`, which is a `what` ("store").
 * Returns a negative errno, never -EINVAL: that would be somebody else's fault.
 */
int mdb_fail(const char *what, const char *path, int r, struct tesla_error *err);

/*
 * After mdb_env_open: a file that is cut short gets its pages back, empty.  LMDB would be ended by
 * SIGBUS where they are not there; empty, they are damaged ones.  Nothing that is there changes,
 * even while others write.  Where the disk takes nothing, the file is left as it is.
 */
int mdb_fill(MDB_env *env);

#endif
