/* SPDX-License-Identifier: Apache-2.0 */
/* The registry for others. */
#include "central/registry_pack.h"

#include "base/mp.h"

static void key_texts(msgpack_packer *pk, const char *key, const struct registry_texts *t)
{
	mp_str(pk, key);
	(void)msgpack_pack_array(pk, t->n);
	for (size_t i = 0; i < t->n; i++)
		mp_str(pk, t->list[i]);
}

/* 0: it is not known. */
static void key_ms(msgpack_packer *pk, const char *key, int64_t ms)
{
	if (ms != 0) {
		mp_key_int(pk, key, ms);
		return;
	}
	mp_str(pk, key);
	(void)msgpack_pack_nil(pk);
}

void registry_pack_node(msgpack_packer *pk, const struct registry_node *n)
{
	(void)msgpack_pack_map(pk, 11);
	mp_key_str(pk, "id", n->id);
	mp_key_int(pk, "row", n->row);
	mp_key_str(pk, "name", n->name);
	mp_key_str(pk, "location", n->location);
	mp_key_str(pk, "control", n->control);
	mp_key_str(pk, "control_key", n->control_key);
	mp_key_str(pk, "stream", n->stream);
	mp_key_str(pk, "zone", n->zone);
	mp_key_str(pk, "unknown", registry_policy_name(n->unknown));
	key_texts(pk, "v2_allow", &n->v2_allow);
	mp_key_int(pk, "created_ms", n->created_ms);
}

void registry_pack_analyzer(msgpack_packer *pk, const struct registry_analyzer *a)
{
	(void)msgpack_pack_map(pk, 10);
	mp_key_str(pk, "node", a->node);
	mp_key_int(pk, "analyzer", a->addr);
	mp_key_int(pk, "row", a->row);
	mp_key_str(pk, "model", a->model);
	mp_key_str(pk, "name", a->name);
	mp_key_str(pk, "identity", a->identity);
	mp_key_str(pk, "state", registry_state_name(a->state));
	key_ms(pk, "poll_ms", a->poll_ms);
	key_ms(pk, "record_ms", a->record_ms);
	mp_key_int(pk, "first_seen_ms", a->first_seen_ms);
}

void registry_pack_user(msgpack_packer *pk, const struct registry_user *u)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_str(pk, "name", u->name);
	mp_key_str(pk, "role", registry_role_name(u->role));
	key_texts(pk, "nodes", &u->nodes);
	mp_key_bool(pk, "disabled", u->disabled);
	mp_key_int(pk, "created_ms", u->created_ms);
}

void registry_pack_token(msgpack_packer *pk, const struct registry_token *t)
{
	bool own = t->node[0] != '\0';

	(void)msgpack_pack_map(pk, 7);
	mp_key_str(pk, "id", t->id);
	mp_key_str(pk, "name", t->name);
	mp_key_str(pk, "node", own ? t->node : NULL);
	mp_key_str(pk, "role", own ? NULL : registry_role_name(t->role));
	key_texts(pk, "nodes", &t->nodes);
	mp_key_bool(pk, "revoked", t->revoked);
	mp_key_int(pk, "created_ms", t->created_ms);
}

void registry_pack_entry(msgpack_packer *pk, const struct registry_entry *e)
{
	(void)msgpack_pack_map(pk, 7);
	mp_str(pk, "seq");
	(void)msgpack_pack_uint64(pk, e->seq);
	mp_key_int(pk, "at_ms", e->at_ms);
	mp_key_str(pk, "what", e->what);
	mp_key_str(pk, "who", e->who);
	mp_key_str(pk, "from", e->from);
	mp_key_str(pk, "node", e->node[0] != '\0' ? e->node : NULL);
	mp_key_str(pk, "text", e->text);
}
