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

/* For mdb_env_set_assert: LMDB ends the program where a page is none, and says but its own line. */
void mdb_say_broken(MDB_env *env, const char *assertion);

#endif
