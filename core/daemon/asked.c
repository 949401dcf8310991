/* SPDX-License-Identifier: Apache-2.0 */
/* Which analyzer a request is about. */
#include "daemon/asked.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "daemon/control.h"
#include "daemon/hub.h"

#define CAME_MAX 64

/* A value that is no whole number, for people. */
static void came(const msgpack_object *o, char text[CAME_MAX])
{
	_cleanup_free_ char *s = mp_to_strdup(o);

	if (s != NULL)
		(void)snprintf(text, CAME_MAX, "\"%.40s\"", s);
	else if (o->type == MSGPACK_OBJECT_BOOLEAN)
		(void)snprintf(text, CAME_MAX, "%s", o->via.boolean ? "true" : "false");
	else if (o->type == MSGPACK_OBJECT_FLOAT32 || o->type == MSGPACK_OBJECT_FLOAT64)
		(void)snprintf(text, CAME_MAX, "%g", o->via.f64);
	else if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		(void)snprintf(text, CAME_MAX, "%" PRIu64, o->via.u64);
	else
		(void)snprintf(text, CAME_MAX, "no number");
}

bool asked_analyzer(const struct hub *h, const msgpack_object *request, struct hub_analyzer **ret,
		    struct buf *reply)
{
	const msgpack_object *o = mp_get(request, "analyzer");
	char text[CAME_MAX];
	int64_t id;

	*ret = NULL;
	if (o == NULL || o->type == MSGPACK_OBJECT_NIL)
		return true;
	if (!mp_to_int(o, &id)) {
		came(o, text);
		control_error(reply, "analyzer is %s: expected the id of one, a whole number",
			      text);
		return false;
	}
	*ret = hub_analyzer(h, id);
	if (*ret == NULL)
		control_error(reply, "there is no analyzer %" PRId64, id);
	return *ret != NULL;
}

struct hub_analyzer *asked_one(const struct hub *h, const msgpack_object *request,
			       struct buf *reply)
{
	struct hub_analyzer *a;

	if (asked_analyzer(h, request, &a, reply) && a == NULL)
		control_error(reply, "expected `analyzer`, the id of an analyzer");
	return a;
}
