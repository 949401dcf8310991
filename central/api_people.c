/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/users and /api/v1/tokens: who may do what.  For administrators. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/passwords.h"

/* ---- users ---- */

static void user_pack(msgpack_packer *pk, const struct registry_user *u)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_str(pk, "name", u->name);
	mp_key_str(pk, "role", registry_role_name(u->role));
	pack_texts(pk, "nodes", &u->nodes);
	mp_key_bool(pk, "disabled", u->disabled);
	mp_key_int(pk, "created_ms", u->created_ms);
}

/* A page of what is in the registry in the order of names. */
struct listing {
	const char *key;
	size_t n;
	const char *(*name)(const struct registry *r, size_t i);
	void (*pack)(msgpack_packer *pk, const struct registry *r, size_t i);
};

static void list_answer(struct call *c, const struct listing *l)
{
	const struct registry *r = c->app->registry;
	const char *after = request_query(c->request, "after");
	struct tesla_error err = { 0 };
	msgpack_packer pk;
	struct buf out;
	size_t limit, first = 0, n;

	if (call_limit(c, &limit, &err) != 0) {
		call_fail(c, &err);
		return;
	}
	while (after != NULL && first < l->n && strcmp(l->name(r, first), after) <= 0)
		first++;
	n = l->n - first < limit ? l->n - first : limit;
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 2);
	mp_str(&pk, l->key);
	(void)msgpack_pack_array(&pk, n);
	for (size_t i = first; i < first + n; i++)
		l->pack(&pk, r, i);
	mp_key_str(&pk, "next", first + n < l->n ? l->name(r, first + n - 1) : NULL);
	call_answer_ok(c, &out);
}

static const char *user_name(const struct registry *r, size_t i)
{
	return registry_user_at(r, i)->name;
}

static void user_at_pack(msgpack_packer *pk, const struct registry *r, size_t i)
{
	user_pack(pk, registry_user_at(r, i));
}

void api_users_get(struct call *c)
{
	const struct listing l = { "users", registry_n_users(c->app->registry), user_name,
				   user_at_pack };

	list_answer(c, &l);
}

static void user_answer(struct call *c, const char *name, unsigned status)
{
	const struct registry_user *u = registry_user(c->app->registry, name);
	msgpack_packer pk;
	struct buf out;

	if (u == NULL) {
		call_error(c, 404, "there is no user %.80s", name);
		return;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	user_pack(&pk, u);
	call_answer(c, status, &out);
}

void api_user_get(struct call *c)
{
	user_answer(c, c->args[0], 200);
}

struct user_change {
	const char *name, *password;
	struct registry_user_change change;
	struct password_job job;
	bool disabled, is_new;
};

static int user_make(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		     struct tesla_error *err)
{
	const struct user_change *u = ch->arg;

	return u->is_new ? registry_user_add(db, by, u->name, &u->change, err)
			 : registry_user_set(db, by, u->name, &u->change, err);
}

static void user_made(struct change *ch, struct call *c)
{
	const struct user_change *u = ch->arg;

	user_answer(c, u->name, u->is_new ? 201 : 200);
}

static int user_sent(struct change *ch, const struct sent *s, struct tesla_error *err)
{
	static const char *const keys[] = { "name", "password", "role", "nodes", "disabled", NULL };
	struct user_change *u = ch->arg;
	const msgpack_object *disabled = mp_get(s->map, "disabled");
	int r = sent_check(s, keys, err);

	if (r == 0 && u->is_new)
		r = sent_text(s, "name", &ch->memory, &u->name, err);
	else if (r == 0 && sent_has(s, "name"))
		r = tesla_fail(err, -EINVAL, "the name of a user does not change");
	if (r == 0)
		r = sent_text(s, "password", &ch->memory, &u->password, err);
	if (r == 0)
		r = sent_text(s, "role", &ch->memory, &u->change.role, err);
	if (r == 0)
		r = sent_texts(s, "nodes", &ch->memory, &u->change.nodes, err);
	if (r != 0 || disabled == NULL)
		return r;
	if (disabled->type != MSGPACK_OBJECT_BOOLEAN)
		return tesla_fail(err, -EINVAL, "disabled: expected true or false");
	u->disabled = disabled->via.boolean;
	u->change.disabled = &u->disabled;
	return 0;
}

/* What central would refuse anyhow is said before a password is hashed. */
static int user_whole(const struct user_change *u, struct tesla_error *err)
{
	if (u->name == NULL)
		return tesla_fail(err, -EINVAL, "name: expected that of the user");
	if (u->is_new && (u->password == NULL || u->change.role == NULL))
		return tesla_fail(err, -EINVAL, "expected a password and a role");
	return u->password != NULL ? password_check(u->password, err) : 0;
}

static void user_hashed(struct password_job *job)
{
	struct change *ch = job->arg;
	struct user_change *u = ch->arg;

	u->change.hash = job->hash;
	job->error.code = job->result;
	if (job->result == 0)
		change_submit_held(ch);
	else
		change_drop(ch, &job->error);
}

static void user_hash(struct change *ch)
{
	struct user_change *u = ch->arg;

	u->job = (struct password_job){ .password = (char *)(uintptr_t)u->password,
					.hashes = true,
					.first = true,
					.done = user_hashed,
					.arg = ch };
	if (passwords_submit(ch->call->app->passwords, &u->job)) {
		request_hold(ch->call->request);
		return;
	}
	call_busy(ch->call);
	change_free(ch);
}

static void user_put(struct call *c, const char *name)
{
	struct tesla_error err = { 0 };
	struct user_change *u;
	struct change *ch;
	struct sent sent;
	int r;

	if (sent_read(c, &sent, &err) != 0) {
		call_fail(c, &err);
		return;
	}
	ch = change_new(c, sizeof *u);
	if (ch == NULL) {
		sent_release(&sent);
		return;
	}
	u = ch->arg;
	u->is_new = name == NULL;
	u->name = arena_strdup(&ch->memory, name);
	r = user_sent(ch, &sent, &err);
	sent_release(&sent);
	if (r == 0)
		r = user_whole(u, &err);
	if (r != 0) {
		change_drop(ch, &err);
		return;
	}
	ch->make = user_make;
	ch->answer = user_made;
	if (u->password == NULL)
		change_submit(ch);
	else
		user_hash(ch);
}

void api_users_post(struct call *c)
{
	user_put(c, NULL);
}

void api_user_patch(struct call *c)
{
	user_put(c, c->args[0]);
}

static int user_unmake(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		       struct tesla_error *err)
{
	return registry_user_remove(db, by, ch->arg, err);
}

static void remove_by(struct call *c,
		      int (*unmake)(struct change *ch, struct registry_db *db,
				    const struct registry_actor *by, struct tesla_error *err))
{
	size_t len = strlen(c->args[0]) + 1;
	struct change *ch = change_new(c, len);

	if (ch == NULL)
		return;
	memcpy(ch->arg, c->args[0], len);
	ch->make = unmake;
	change_submit(ch);
}

void api_user_delete(struct call *c)
{
	remove_by(c, user_unmake);
}

/* ---- tokens ---- */

static void token_pack(msgpack_packer *pk, const struct registry_token *t, const char *secret)
{
	bool of_node = t->node[0] != '\0';

	(void)msgpack_pack_map(pk, secret != NULL ? 8 : 7);
	mp_key_str(pk, "id", t->id);
	pack_text_or_nil(pk, "name", t->name);
	pack_text_or_nil(pk, "node", t->node);
	mp_key_str(pk, "role", of_node ? NULL : registry_role_name(t->role));
	pack_texts(pk, "nodes", &t->nodes);
	mp_key_bool(pk, "revoked", t->revoked);
	mp_key_int(pk, "created_ms", t->created_ms);
	if (secret != NULL)
		mp_key_str(pk, "secret", secret);
}

static const char *token_id(const struct registry *r, size_t i)
{
	return registry_token_at(r, i)->id;
}

static void token_at_pack(msgpack_packer *pk, const struct registry *r, size_t i)
{
	token_pack(pk, registry_token_at(r, i), NULL);
}

void api_tokens_get(struct call *c)
{
	const struct listing l = { "tokens", registry_n_tokens(c->app->registry), token_id,
				   token_at_pack };

	list_answer(c, &l);
}

struct token_change {
	struct registry_token_new token;
	char secret[REGISTRY_TOKEN_TEXT];
};

static int token_make(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		      struct tesla_error *err)
{
	struct token_change *t = ch->arg;

	return registry_token_add(db, by, &t->token, t->secret, err);
}

/* The only time that its secret is shown. */
static void token_made(struct change *ch, struct call *c)
{
	struct token_change *t = ch->arg;
	const struct registry_token *made = registry_token_by_secret(c->app->registry, t->secret);
	msgpack_packer pk;
	struct buf out;

	if (made == NULL) {
		call_error(c, 404, "the token was revoked at once");
	} else {
		buf_init(&out, CALL_ANSWER_MAX);
		mp_writer(&pk, &out);
		token_pack(&pk, made, t->secret);
		request_answer_header(c->request, "Cache-Control", "no-store");
		call_answer(c, 201, &out);
	}
	sodium_memzero(t->secret, sizeof t->secret);
}

static int token_sent(struct change *ch, struct call *c, struct tesla_error *err)
{
	static const char *const keys[] = { "name", "node", "role", "nodes", NULL };
	struct registry_token_new *t = &((struct token_change *)ch->arg)->token;
	struct sent sent;
	int r = sent_read(c, &sent, err);

	if (r != 0)
		return r;
	r = sent_check(&sent, keys, err);
	if (r == 0)
		r = sent_text(&sent, "name", &ch->memory, &t->name, err);
	if (r == 0)
		r = sent_text(&sent, "node", &ch->memory, &t->node, err);
	if (r == 0)
		r = sent_text(&sent, "role", &ch->memory, &t->role, err);
	if (r == 0)
		r = sent_texts(&sent, "nodes", &ch->memory, &t->nodes, err);
	sent_release(&sent);
	if (r == 0 && t->name == NULL)
		r = tesla_fail(err, -EINVAL, "name: expected what the token is for");
	if (t->node != NULL && t->node[0] == '\0')
		t->node = NULL;
	if (t->role != NULL && t->role[0] == '\0')
		t->role = NULL;
	if (r == 0 && (t->node == NULL) == (t->role == NULL))
		r = tesla_fail(err, -EINVAL, "expected either the node that it is of, or a role");
	return r;
}

void api_tokens_post(struct call *c)
{
	struct tesla_error err = { 0 };
	struct change *ch = change_new(c, sizeof(struct token_change));

	if (ch == NULL)
		return;
	if (token_sent(ch, c, &err) != 0) {
		change_drop(ch, &err);
		return;
	}
	ch->make = token_make;
	ch->answer = token_made;
	change_submit(ch);
}

static int token_unmake(struct change *ch, struct registry_db *db, const struct registry_actor *by,
			struct tesla_error *err)
{
	return registry_token_revoke(db, by, ch->arg, err);
}

void api_token_delete(struct call *c)
{
	remove_by(c, token_unmake);
}
