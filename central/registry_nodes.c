/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of nodes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/keys.h"
#include "central/registry_internal.h"

struct node_work {
	const char *id;
	const struct registry_node_change *c;
	struct list allow;
	char said[400]; /* what changes, for the audit log */
};

/* ---- checks ---- */

static int check_key(const char *key, struct tesla_error *err)
{
	static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  ".-:+=^!/*?&<>()[]{}@%$#";
	size_t len = strlen(key);

	if (len == 0 || (len == KEYS_LEN && strspn(key, z85) == len))
		return 0;
	return tesla_fail(err, -EINVAL, "the control key: expected %u characters of Z85", KEYS_LEN);
}

static int check_allow(const struct registry_texts *allow, struct tesla_error *err)
{
	struct peer_net net;

	for (size_t i = 0; i < allow->n; i++)
		if (!peer_net_parse(allow->list[i], &net))
			return tesla_fail(err, -EINVAL,
					  "v2 callers: %.60s: expected an address, or a network as "
					  "192.0.2.0/24 without bits behind its length",
					  allow->list[i]);
	return 0;
}

static bool is_tcp(const char *endpoint)
{
	return strncmp(endpoint, "tcp://", 6) == 0;
}

static int check_node(const struct registry_node *n, struct tesla_error *err)
{
	int r = reg_check_text("the name", n->name, err);

	if (r == 0)
		r = reg_check_text("the location", n->location, err);
	if (r == 0)
		r = reg_check_endpoint("the control endpoint", n->control, err);
	if (r == 0)
		r = reg_check_endpoint("the stream's endpoint", n->stream, err);
	if (r == 0)
		r = check_key(n->control_key, err);
	if (r == 0)
		r = reg_check_zone(n->zone, err);
	if (r == 0)
		r = check_allow(&n->v2_allow, err);
	if (r == 0 && is_tcp(n->control) && n->control_key[0] == '\0')
		r = tesla_fail(err, -EINVAL,
			       "a control endpoint on TCP needs the public key of its teslad");
	return r;
}

/* ---- what is asked for, put into a node ---- */

static void say(struct node_work *w, const char *name, const char *text)
{
	size_t len = strlen(w->said);

	(void)snprintf(w->said + len, sizeof w->said - len, "%s%s=%s", len > 0 ? " " : "", name,
		       text);
}

static int apply(struct node_work *w, struct registry_node *n, struct tesla_error *err)
{
	const struct registry_node_change *c = w->c;
	const struct text {
		const char *name, *from, **to;
	} texts[] = {
		{ "name", c->name, &n->name },
		{ "location", c->location, &n->location },
		{ "control", c->control, &n->control },
		{ "control-key", c->control_key, &n->control_key },
		{ "stream", c->stream, &n->stream },
		{ "zone", c->zone, &n->zone },
	};

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		if (texts[i].from == NULL)
			continue;
		*texts[i].to = texts[i].from;
		say(w, texts[i].name, texts[i].from);
	}
	if (c->unknown != NULL && !registry_policy_parse(c->unknown, &n->unknown))
		return tesla_fail(err, -EINVAL,
				  "unknown analyzers: %.40s: expected auto, pending or refuse",
				  c->unknown);
	if (c->unknown != NULL)
		say(w, "unknown", c->unknown);
	if (c->v2_allow != NULL) {
		n->v2_allow = w->allow.texts;
		say(w, "v2-allow", c->v2_allow);
	}
	return check_node(n, err);
}

static int add(struct txn *t, void *arg, struct tesla_error *err)
{
	struct node_work *w = arg;
	struct registry_node n = { .id = w->id,
				   .name = "",
				   .location = "",
				   .control = "",
				   .control_key = "",
				   .stream = "",
				   .zone = "",
				   .created_ms = t->by->now_ms };
	struct key key = key_text(w->id);
	MDB_val there;
	int r = apply(w, &n, err);

	if (r != 0)
		return r;
	if (reg_get(t, TABLE_NODES, val_of(&key), &there))
		return tesla_fail(err, -EEXIST, "there is a node %s already", w->id);
	if (reg_count(t, TABLE_NODES) >= REGISTRY_NODES_MAX)
		return tesla_fail(err, -EDQUOT, "there are %u nodes: no more than that",
				  REGISTRY_NODES_MAX);
	n.row = (uint32_t)++t->meta.node_row;
	r = doc_store(t, KIND_NODE, &key, &n, err);
	return r != 0 ? r : reg_log_audit(t, "node.add", w->id, err, "%s", w->said);
}

static int set(struct txn *t, void *arg, struct tesla_error *err)
{
	struct node_work *w = arg;
	struct key key = key_text(w->id);
	_cleanup_free_ struct doc *d = NULL;
	struct registry_node n;
	int r = doc_load(t, KIND_NODE, &key, &d, err);

	if (r == -ENOENT)
		return tesla_fail(err, r, "there is no node %s", w->id);
	if (r != 0 || d == NULL)
		return r;
	n = *(const struct registry_node *)d->body;
	r = apply(w, &n, err);
	if (r == 0)
		r = doc_store(t, KIND_NODE, &key, &n, err);
	return r != 0 ? r : reg_log_audit(t, "node.set", w->id, err, "%s", w->said);
}

static int change(struct registry_db *db, const struct registry_actor *by, reg_work *work,
		  struct node_work *w, struct tesla_error *err)
{
	int r = reg_check_id("a node's id", w->id, err);

	if (r == 0)
		r = reg_list_split(&w->allow, "v2 callers",
				   w->c->v2_allow != NULL ? w->c->v2_allow : "", err);
	if (r == 0)
		r = registry_change(db, by, work, w, err);
	reg_list_release(&w->allow);
	return r;
}

int registry_node_add(struct registry_db *db, const struct registry_actor *by, const char *id,
		      const struct registry_node_change *c, struct tesla_error *err)
{
	struct node_work w = { .id = id, .c = c };

	return change(db, by, add, &w, err);
}

int registry_node_set(struct registry_db *db, const struct registry_actor *by, const char *id,
		      const struct registry_node_change *c, struct tesla_error *err)
{
	struct node_work w = { .id = id, .c = c };

	return change(db, by, set, &w, err);
}

/* ---- one goes, with what is its own ---- */

/* The first analyzer of it, at or behind `from`. */
static bool next_analyzer(struct txn *t, const char *node, struct key *from)
{
	MDB_cursor *c = reg_cursor(t, TABLE_ANALYZERS);
	struct key prefix = key_text(node);
	MDB_val key = val_of(from), value;
	bool there = c != NULL && reg_move(t, c, MDB_SET_RANGE, &key, &value) &&
		     key.mv_size <= KEY_MAX && key.mv_size > prefix.len + 1 &&
		     memcmp(key.mv_data, prefix.bytes, prefix.len) == 0 &&
		     ((const uint8_t *)key.mv_data)[prefix.len] == 0;

	if (there) {
		from->len = key.mv_size;
		memcpy(from->bytes, key.mv_data, key.mv_size);
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return there;
}

static bool is_token_of(MDB_val key, MDB_val value, const char *node)
{
	struct tesla_error ignored;
	struct doc *d;
	bool yes;

	if (doc_decode(KIND_TOKEN, key, value, &d, &ignored) != 0)
		return false;
	yes = strcmp(((const struct registry_token *)d->body)->node, node) == 0;
	free(d);
	return yes;
}

/* The first token of it at or behind `from`. */
static bool next_token(struct txn *t, const char *node, struct key *from)
{
	MDB_cursor *c = reg_cursor(t, TABLE_TOKENS);
	MDB_val key = val_of(from), value;
	bool there = c != NULL &&
		     reg_move(t, c, from->len > 0 ? MDB_SET_RANGE : MDB_FIRST, &key, &value);

	while (there && !(key.mv_size <= KEY_MAX && is_token_of(key, value, node)))
		there = reg_move(t, c, MDB_NEXT, &key, &value);
	if (there) {
		from->len = key.mv_size;
		memcpy(from->bytes, key.mv_data, key.mv_size);
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return there;
}

/*
 * Whoever is limited to it stays so: to strike it from his list could make that empty, which is no
 * limit.
 */
static int remove_node(struct txn *t, void *arg, struct tesla_error *err)
{
	const char *id = arg;
	struct key key = key_text(id), of = key_analyzer(id, INT64_MIN), token = { 0 };
	unsigned analyzers = 0, tokens = 0;

	if (!doc_remove(t, KIND_NODE, &key)) /* t->r: the disk's, which is told at the end */
		return t->r != 0 ? 0 : tesla_fail(err, -ENOENT, "there is no node %s", id);
	for (; next_analyzer(t, id, &of); analyzers++)
		(void)doc_remove(t, KIND_ANALYZER, &of);
	for (; next_token(t, id, &token); tokens++)
		(void)doc_remove(t, KIND_TOKEN, &token);
	return reg_log_audit(t, "node.remove", id, err, "with %u analyzers and %u tokens",
			     analyzers, tokens);
}

int registry_node_remove(struct registry_db *db, const struct registry_actor *by, const char *id,
			 struct tesla_error *err)
{
	int r = reg_check_id("a node's id", id, err);

	return r != 0 ? r : registry_change(db, by, remove_node, (void *)(uintptr_t)id, err);
}
