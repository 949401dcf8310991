/* SPDX-License-Identifier: Apache-2.0 */
/* What `verify` and `restore` read through: the store, and the registry beside it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "central/command.h"
#include "central/registry.h"

static void say(void *arg, const char *sentence)
{
	(void)arg;
	(void)fprintf(stderr, "tesla-central: %s\n", sentence);
}

/* There may be none. */
static int check_registry(const char *dir, struct command_checked *ret, struct tesla_error *err)
{
	const struct registry_damage damage = { say, NULL };
	struct registry_verified found;
	struct registry_db *db;
	int r = registry_db_read(dir, &db, err);

	if (r != 0)
		return r == -ENOENT ? 0 : r;
	r = registry_verify(db, &damage, &found, err);
	registry_db_close(db);
	if (r != 0)
		return r;
	ret->documents = found.documents;
	ret->documents_damaged = found.damaged;
	ret->has_registry = true;
	return 0;
}

int command_check(struct store *store, const char *dir, struct command_checked *ret,
		  struct tesla_error *err)
{
	int r;

	*ret = (struct command_checked){ 0 };
	r = store_verify(store, &ret->damaged, err);
	return r == 0 ? check_registry(dir, ret, err) : r;
}
