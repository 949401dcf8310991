/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/nodes, as the registry has them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/api_help.h"

/* ---- nodes ---- */

/* Secrets are not among it; who may not administer is not told whom it trusts. */
static void node_pack(msgpack_packer *pk, const struct registry *r, const struct registry_node *n,
		      bool all)
{
	size_t first;

	(void)msgpack_pack_map(pk, all ? 11 : 7);
	mp_key_str(pk, "id", n->id);
	pack_text_or_nil(pk, "name", n->name);
	pack_text_or_nil(pk, "location", n->location);
	pack_text_or_nil(pk, "zone", n->zone);
	mp_key_str(pk, "unknown", registry_policy_name(n->unknown));
	mp_key_int(pk, "analyzers", (int64_t)registry_analyzers_of(r, n->id, &first));
	mp_key_int(pk, "created_ms", n->created_ms);
	if (!all)
		return;
	pack_text_or_nil(pk, "control", n->control);
	pack_text_or_nil(pk, "control_key", n->control_key);
	pack_text_or_nil(pk, "stream", n->stream);
	pack_texts(pk, "v2_allow", &n->v2_allow);
}

static bool sees_all(const struct call *c)
{
	return auth_may(&c->who, AUTH_ADMINISTER, NULL);
}

void api_nodes_get(struct call *c)
{
	const struct registry *r = c->app->registry;
	const char *after = request_query(c->request, "after"), *next = NULL;
	const struct registry_node **page;
	struct tesla_error err = { 0 };
	msgpack_packer pk;
	struct buf out;
	size_t limit, n = 0;

	if (call_limit(c, &limit, &err) != 0) {
		call_fail(c, &err);
		return;
	}
	page = calloc(limit, sizeof *page);
	if (page == NULL) {
		call_busy(c);
		return;
	}
	for (size_t i = 0; i < registry_n_nodes(r) && next == NULL; i++) {
		const struct registry_node *node = registry_node_at(r, i);

		if ((after != NULL && strcmp(node->id, after) <= 0) ||
		    !auth_may(&c->who, AUTH_READ, node->id))
			continue;
		if (n == limit)
			next = page[n - 1]->id;
		else
			page[n++] = node;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 2);
	mp_str(&pk, "nodes");
	(void)msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++)
		node_pack(&pk, r, page[i], sees_all(c));
	mp_key_str(&pk, "next", next);
	free(page);
	call_answer_ok(c, &out);
}

static void node_answer(struct call *c, const char *id, unsigned status, bool all)
{
	const struct registry_node *n = registry_node(c->app->registry, id);
	msgpack_packer pk;
	struct buf out;

	if (n == NULL) {
		call_error(c, 404, "there is no node %.80s", id);
		return;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	node_pack(&pk, c->app->registry, n, all);
	call_answer(c, status, &out);
}

void api_node_get(struct call *c)
{
	node_answer(c, c->args[0], 200, sees_all(c));
}

struct node_change {
	const char *id;
	struct registry_node_change change;
	bool is_new, all;
};

static int node_make(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		     struct tesla_error *err)
{
	const struct node_change *n = ch->arg;

	return n->is_new ? registry_node_add(db, by, n->id, &n->change, err)
			 : registry_node_set(db, by, n->id, &n->change, err);
}

static void node_made(struct change *ch, struct call *c)
{
	const struct node_change *n = ch->arg;

	node_answer(c, n->id, n->is_new ? 201 : 200, n->all);
}

static const char *const node_keys[] = { "name",    "location",	   "zone",   "unknown",
					 "control", "control_key", "stream", "v2_allow",
					 "id",	    NULL };

static int node_sent(struct change *ch, const struct sent *s, struct tesla_error *err)
{
	struct node_change *n = ch->arg;
	struct registry_node_change *c = &n->change;
	const struct {
		const char *key, **at;
	} texts[] = {
		{ "id", &n->id },
		{ "name", &c->name },
		{ "location", &c->location },
		{ "zone", &c->zone },
		{ "unknown", &c->unknown },
		{ "control", &c->control },
		{ "control_key", &c->control_key },
		{ "stream", &c->stream },
	};
	int r = sent_check(s, node_keys, err);

	for (size_t i = n->is_new ? 0 : 1; i < N_ELEMENTS(texts) && r == 0; i++)
		r = sent_text(s, texts[i].key, &ch->memory, texts[i].at, err);
	return r == 0 ? sent_texts(s, "v2_allow", &ch->memory, &c->v2_allow, err) : r;
}

/* An operator gives it a name and a place; the rest says whom central trusts. */
static bool operator_suffices(const struct sent *s)
{
	static const char *const keys[] = { "name", "location", NULL };
	struct tesla_error ignored;

	return sent_check(s, keys, &ignored) == 0;
}

static void node_put(struct call *c, bool is_new)
{
	struct tesla_error err = { 0 };
	struct change *ch;
	struct node_change *n;
	struct sent sent;
	bool may;
	int r;

	if (sent_read(c, &sent, &err) != 0) {
		call_fail(c, &err);
		return;
	}
	ch = change_new(c, sizeof *n);
	if (ch == NULL) {
		sent_release(&sent);
		return;
	}
	n = ch->arg;
	n->is_new = is_new;
	n->all = sees_all(c);
	n->id = is_new ? NULL : arena_strdup(&ch->memory, c->args[0]);
	may = is_new || operator_suffices(&sent) || auth_may(&c->who, AUTH_ADMINISTER, c->args[0]);
	r = node_sent(ch, &sent, &err);
	if (r == 0 && !is_new && sent_has(&sent, "id"))
		r = tesla_fail(&err, -EINVAL, "the id of a node does not change");
	sent_release(&sent);
	if (r == 0 && n->id == NULL)
		r = tesla_fail(&err, -EINVAL, "id: expected that of the node");
	if (r == 0 && !may)
		r = tesla_fail(&err, -EACCES, "%s may change the name and the location only",
			       c->who_text);
	if (r != 0) {
		change_drop(ch, &err);
		return;
	}
	ch->make = node_make;
	ch->answer = node_made;
	change_submit(ch);
}

void api_nodes_post(struct call *c)
{
	node_put(c, true);
}

void api_node_patch(struct call *c)
{
	node_put(c, false);
}

static int node_unmake(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		       struct tesla_error *err)
{
	return registry_node_remove(db, by, ch->arg, err);
}

void api_node_delete(struct call *c)
{
	size_t len = strlen(c->args[0]) + 1;
	struct change *ch = change_new(c, len);

	if (ch == NULL)
		return;
	memcpy(ch->arg, c->args[0], len);
	ch->make = node_unmake;
	change_submit(ch);
}
