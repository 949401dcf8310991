/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests read-only access may make. */
#include "daemon/access.h"

#include "base/cleanup.h"

/*
 * A command that is not here changes something, or puts work on somebody: only full access has it.
 * With `key`: only when that has this value; NULL: when it is missing or nil.
 */
static const struct readable {
	const char *cmd, *key, *value;
} readable[] = {
	{ "status", NULL, NULL },	{ "snapshot", NULL, NULL },
	{ "plan", NULL, NULL },		{ "plugins", NULL, NULL },
	{ "definitions", NULL, NULL },	{ "device-status", NULL, NULL },
	{ "config", NULL, NULL },	{ "metrics", NULL, NULL },
	{ "trace", NULL, NULL },	{ "journal", "op", "list" },
	{ "journal", "op", "rejects" }, { "journal", "op", "export" },
	{ "log-level", "level", NULL },
};

static bool row_is(const struct readable *row, const msgpack_object *request)
{
	const msgpack_object *o;

	if (!mp_is(request, "cmd", row->cmd))
		return false;
	if (row->key == NULL)
		return true;
	if (row->value != NULL)
		return mp_is(request, row->key, row->value);
	o = mp_get(request, row->key);
	return o == NULL || o->type == MSGPACK_OBJECT_NIL;
}

bool access_reads(const msgpack_object *request)
{
	for (size_t i = 0; i < N_ELEMENTS(readable); i++)
		if (row_is(&readable[i], request))
			return true;
	return false;
}
