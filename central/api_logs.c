/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/events and /api/v1/audit: what happened, newest first.  They are read from disk. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/pool.h"

#define LOOKED_MAX (20 * PAGE_MAX) /* entries that a caller may not see, in one call */

struct reading {	   /* of a log, by page */
	struct call *call; /* held; nobody else touches it */
	struct pool_job pool;
	struct registry_log_query query;
	size_t limit;
	struct auth_principal who; /* with a copy of what it points to */
	const char **nodes;
	struct arena memory;
	/* the pool */
	struct buf entries;
	msgpack_packer pk;
	size_t n, looked;
	uint64_t last; /* the oldest that was looked at */
	struct tesla_error error;
	int result;
};

static bool may_see(const struct reading *r, const struct registry_entry *e)
{
	if (r->query.log == REGISTRY_AUDIT)
		return true;
	return auth_may(&r->who, AUTH_READ, e->node[0] != '\0' ? e->node : NULL);
}

static int on_entry(void *arg, const struct registry_entry *e, struct tesla_error *err)
{
	struct reading *r = arg;

	(void)err;
	if (r->n == r->limit)
		return -ECANCELED; /* there is more */
	r->looked++;
	r->last = e->seq;
	if (!may_see(r, e))
		return 0;
	r->n++;
	(void)msgpack_pack_map(&r->pk, 7);
	mp_key_int(&r->pk, "seq", (int64_t)e->seq);
	mp_key_int(&r->pk, "at_ms", e->at_ms);
	mp_key_str(&r->pk, "what", e->what);
	pack_text_or_nil(&r->pk, "who", e->who);
	pack_text_or_nil(&r->pk, "from", e->from);
	pack_text_or_nil(&r->pk, "node", e->node);
	mp_key_str(&r->pk, "text", e->text);
	return 0;
}

static void on_work(struct pool_job *job)
{
	struct reading *r = job->arg;

	r->query.max = LOOKED_MAX;
	r->result = registry_log_walk(job->app->registry_db, &r->query, on_entry, r, &r->error);
}

static void answer(struct reading *r)
{
	bool more = r->result == -ECANCELED || r->looked == LOOKED_MAX;
	msgpack_packer pk;
	struct buf out;

	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 2);
	mp_str(&pk, r->query.log == REGISTRY_AUDIT ? "audit" : "events");
	(void)msgpack_pack_array(&pk, r->n);
	(void)buf_append(&out, r->entries.pub.bytes, r->entries.pub.len);
	mp_str(&pk, "next");
	if (more)
		(void)msgpack_pack_uint64(&pk, r->last);
	else
		(void)msgpack_pack_nil(&pk);
	out.failed = out.failed || r->entries.failed;
	call_answer_ok(r->call, &out);
}

static void on_done(struct pool_job *job)
{
	struct reading *r = job->arg;

	if (r->result != 0 && r->result != -ECANCELED) {
		r->error.code = r->result;
		call_fail(r->call, &r->error);
	} else {
		answer(r);
	}
	buf_release(&r->entries);
	arena_release(&r->memory);
	free(r);
}

/* What the registry has of who asks may change meanwhile. */
static bool who_copy(struct reading *r, const struct auth_principal *who)
{
	r->who = *who;
	r->who.name = arena_strdup(&r->memory, who->name);
	r->who.node = arena_strdup(&r->memory, who->node);
	r->nodes = arena_alloc(&r->memory, who->nodes.n, sizeof *r->nodes);
	for (size_t i = 0; i < who->nodes.n && r->nodes != NULL; i++)
		r->nodes[i] = arena_strdup(&r->memory, who->nodes.list[i]);
	r->who.nodes.list = r->nodes;
	return !r->memory.failed;
}

static void log_answer(struct call *c, enum registry_log log)
{
	struct tesla_error err = { 0 };
	struct reading *r;
	int64_t before;
	size_t limit;

	if (call_limit(c, &limit, &err) != 0 ||
	    call_query_int(c, "before", 0, &before, &err) != 0 || before < 0) {
		if (err.code == 0)
			(void)tesla_fail(&err, -EINVAL, "before: expected 0 or more");
		call_fail(c, &err);
		return;
	}
	r = calloc(1, sizeof *r);
	if (r == NULL || !who_copy(r, &c->who)) {
		free(r);
		call_busy(c);
		return;
	}
	r->call = c;
	r->limit = limit;
	r->query = (struct registry_log_query){ .log = log, .before = (uint64_t)before };
	buf_init(&r->entries, CALL_ANSWER_MAX);
	mp_writer(&r->pk, &r->entries);
	r->pool = (struct pool_job){ .work = on_work, .done = on_done, .arg = r };
	request_hold(c->request);
	pool_submit(c->app, &r->pool);
}

void api_events_get(struct call *c)
{
	log_answer(c, REGISTRY_EVENTS);
}

void api_audit_get(struct call *c)
{
	log_answer(c, REGISTRY_AUDIT);
}
