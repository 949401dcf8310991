/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of users and tokens. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/registry_internal.h"
#include "central/registry_secret.h"

#define USER_BYTES_MAX 64u

/* Those that are not there would be a limit to nothing, by a slip of the finger. */
static int check_nodes(struct txn *t, const struct registry_texts *nodes, struct tesla_error *err)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct key key = key_text(nodes->list[i]);
		MDB_val there;

		if (!reg_get(t, TABLE_NODES, val_of(&key), &there) && t->r == 0)
			return tesla_fail(err, -ENOENT, "there is no node %.100s", nodes->list[i]);
	}
	return 0;
}

/* ---- users ---- */

struct user_work {
	const char *name;
	const struct registry_user_change *c;
	struct list nodes;
};

static bool is_administrator(const struct registry_user *u)
{
	return u->role == REGISTRY_ADMINISTRATOR && !u->disabled;
}

/* But for the one of that name.  What is damaged can administer nothing. */
static size_t other_administrators(struct txn *t, const char *name)
{
	MDB_cursor *c = reg_cursor(t, TABLE_USERS);
	MDB_val key, value;
	size_t n = 0;

	while (c != NULL && reg_move(t, c, MDB_NEXT, &key, &value)) {
		struct tesla_error ignored;
		struct doc *d;

		if (doc_decode(KIND_USER, key, value, &d, &ignored) != 0)
			continue;
		n += is_administrator(d->body) &&
		     strcmp(((const struct registry_user *)d->body)->name, name) != 0;
		free(d);
	}
	if (c != NULL)
		mdb_cursor_close(c);
	return n;
}

static int check_left(struct txn *t, const char *name, struct tesla_error *err)
{
	if (t->r != 0 || other_administrators(t, name) > 0 || t->r != 0)
		return 0;
	return tesla_fail(err, -EPERM, "%s is the last administrator: make another one first",
			  name);
}

static int apply(struct txn *t, struct user_work *w, struct registry_user *u,
		 struct tesla_error *err)
{
	const struct registry_user_change *c = w->c;
	int r = 0;

	if (c->hash != NULL) {
		u->hash = c->hash;
		u->credential = (int64_t)++t->meta.credential;
	}
	if (c->role != NULL && !registry_role_parse(c->role, &u->role))
		return tesla_fail(err, -EINVAL,
				  "role %.40s: expected viewer, operator or administrator",
				  c->role);
	if (c->disabled != NULL)
		u->disabled = *c->disabled;
	if (c->nodes != NULL) {
		u->nodes = w->nodes.texts;
		r = check_nodes(t, &u->nodes, err);
	}
	if (r == 0 && u->role == REGISTRY_ADMINISTRATOR && u->nodes.n > 0)
		r = tesla_fail(err, -EINVAL, "an administrator cannot be limited to nodes");
	return r;
}

static void say_user(const struct user_work *w, char *text, size_t size)
{
	const struct registry_user_change *c = w->c;

	(void)snprintf(text, size, "%s%s%s%s%s%s%s", w->name, c->hash != NULL ? " password" : "",
		       c->role != NULL ? " role=" : "", c->role != NULL ? c->role : "",
		       c->nodes != NULL ? " nodes=" : "", c->nodes != NULL ? c->nodes : "",
		       c->disabled == NULL ? ""
		       : *c->disabled	   ? " disabled"
					   : " enabled");
}

static int store_user(struct txn *t, struct user_work *w, const char *what,
		      const struct registry_user *u, struct tesla_error *err)
{
	struct key key = key_text(w->name);
	char said[ENTRY_TEXT_MAX];
	int r = doc_store(t, KIND_USER, &key, u, err);

	say_user(w, said, sizeof said);
	return r != 0 ? r : reg_log_audit(t, what, "", err, "%s", said);
}

static int add_user(struct txn *t, void *arg, struct tesla_error *err)
{
	struct user_work *w = arg;
	struct registry_user u = { .name = w->name,
				   .role = REGISTRY_VIEWER,
				   .created_ms = t->by->now_ms };
	struct key key = key_text(w->name);
	MDB_val there;
	int r;

	if (w->c->first && other_administrators(t, "") > 0)
		return tesla_fail(err, -EEXIST, "there is an administrator already");
	if (reg_get(t, TABLE_USERS, val_of(&key), &there))
		return tesla_fail(err, -EEXIST, "there is a user %s already", w->name);
	if (reg_count(t, TABLE_USERS) >= REGISTRY_USERS_MAX)
		return tesla_fail(err, -EDQUOT, "there are %u users: no more than that",
				  REGISTRY_USERS_MAX);
	r = apply(t, w, &u, err);
	u.row = (uint32_t)++t->meta.user_row;
	return r != 0 ? r : store_user(t, w, "user.add", &u, err);
}

static int set_user(struct txn *t, void *arg, struct tesla_error *err)
{
	struct user_work *w = arg;
	struct key key = key_text(w->name);
	_cleanup_free_ struct doc *d = NULL;
	struct registry_user u;
	bool was;
	int r = doc_load(t, KIND_USER, &key, &d, err);

	if (r == -ENOENT)
		return tesla_fail(err, r, "there is no user %s", w->name);
	if (r != 0 || d == NULL)
		return r;
	u = *(const struct registry_user *)d->body;
	if (w->c->if_hash != NULL && strcmp(u.hash, w->c->if_hash) != 0)
		return tesla_fail(err, -EPERM, "the password of %s was changed meanwhile", w->name);
	was = is_administrator(&u);
	r = apply(t, w, &u, err);
	if (r == 0 && was && !is_administrator(&u))
		r = check_left(t, w->name, err);
	return r != 0 ? r : store_user(t, w, "user.set", &u, err);
}

static int check_name(const char *name, struct tesla_error *err)
{
	int r = reg_check_id("a user's name", name, err);

	if (r == 0 && strlen(name) > USER_BYTES_MAX)
		r = tesla_fail(err, -EINVAL, "a user's name has %zu bytes: at most %u",
			       strlen(name), USER_BYTES_MAX);
	return r;
}

static int change_user(struct registry_db *db, const struct registry_actor *by, reg_work *work,
		       struct user_work *w, struct tesla_error *err)
{
	int r = check_name(w->name, err);

	if (r == 0 && w->c->hash != NULL && strncmp(w->c->hash, "$argon2id$", 10) != 0)
		r = tesla_fail(err, -EINVAL, "the hash of a password: expected one of argon2id");
	if (r == 0)
		r = reg_list_split(&w->nodes, "nodes", w->c->nodes != NULL ? w->c->nodes : "", err);
	if (r == 0)
		r = registry_change(db, by, work, w, err);
	reg_list_release(&w->nodes);
	return r;
}

int registry_user_add(struct registry_db *db, const struct registry_actor *by, const char *name,
		      const struct registry_user_change *c, struct tesla_error *err)
{
	struct user_work w = { .name = name, .c = c };

	if (c->hash == NULL || c->role == NULL)
		return tesla_fail(err, -EINVAL, "a new user needs a password and a role");
	return change_user(db, by, add_user, &w, err);
}

int registry_user_set(struct registry_db *db, const struct registry_actor *by, const char *name,
		      const struct registry_user_change *c, struct tesla_error *err)
{
	struct user_work w = { .name = name, .c = c };

	return change_user(db, by, set_user, &w, err);
}

/* One whose document is damaged can go, too. */
static int remove_user(struct txn *t, void *arg, struct tesla_error *err)
{
	const char *name = arg;
	struct key key = key_text(name);
	_cleanup_free_ struct doc *d = NULL;
	int r = doc_load(t, KIND_USER, &key, &d, err);

	if (r == -ENOENT)
		return tesla_fail(err, r, "there is no user %s", name);
	if (r != 0 && r != -EUCLEAN)
		return r;
	r = d != NULL && is_administrator(d->body) ? check_left(t, name, err) : 0;
	if (r != 0)
		return r;
	(void)doc_remove(t, KIND_USER, &key);
	return reg_log_audit(t, "user.remove", "", err, "%s", name);
}

int registry_user_remove(struct registry_db *db, const struct registry_actor *by, const char *name,
			 struct tesla_error *err)
{
	int r = check_name(name, err);

	return r != 0 ? r : registry_change(db, by, remove_user, (void *)(uintptr_t)name, err);
}

/* ---- tokens ---- */

struct token_work {
	const struct registry_token_new *new;
	struct list nodes;
	char id[SECRET_ID + 1], *secret;
};

static int add_token(struct txn *t, void *arg, struct tesla_error *err)
{
	struct token_work *w = arg;
	struct registry_token token = { .id = w->id,
					.name = w->new->name != NULL ? w->new->name : "",
					.node = w->new->node != NULL ? w->new->node : "",
					.nodes = w->nodes.texts,
					.created_ms = t->by->now_ms };
	const struct registry_texts own = { &token.node, w->new->node != NULL };
	struct key key;
	MDB_val there;
	int r = check_nodes(t, &w->nodes.texts, err);

	if (r == 0)
		r = check_nodes(t, &own, err);
	if (r != 0)
		return r;
	if (w->new->role != NULL)
		(void)registry_role_parse(w->new->role, &token.role);
	if (reg_count(t, TABLE_TOKENS) >= REGISTRY_TOKENS_MAX)
		return tesla_fail(err, -EDQUOT, "there are %u tokens: no more than that",
				  REGISTRY_TOKENS_MAX);
	do {
		secret_make(w->secret, w->id, token.hash);
		key = key_text(w->id);
	} while (reg_get(t, TABLE_TOKENS, val_of(&key), &there));
	r = doc_store(t, KIND_TOKEN, &key, &token, err);
	return r != 0 ? r
		      : reg_log_audit(t, "token.add", token.node, err, "%s (%s) %s%s%s", w->id,
				      token.name,
				      w->new->role != NULL ? w->new->role : "of the node",
				      w->new->nodes != NULL ? " nodes=" : "",
				      w->new->nodes != NULL ? w->new->nodes : "");
}

static int check_token(const struct registry_token_new *n, struct tesla_error *err)
{
	enum registry_role role = REGISTRY_NOBODY;

	if ((n->node != NULL) == (n->role != NULL))
		return tesla_fail(err, -EINVAL, "a token is of a node, or has a role");
	if (n->node != NULL && n->nodes != NULL)
		return tesla_fail(err, -EINVAL, "a node's own token is of that node only");
	if (n->role != NULL &&
	    (!registry_role_parse(n->role, &role) || role == REGISTRY_ADMINISTRATOR))
		return tesla_fail(err, -EINVAL, "role %.40s: expected viewer or operator", n->role);
	if (n->node != NULL && reg_check_id("a node's id", n->node, err) != 0)
		return err->code;
	return n->name != NULL ? reg_check_text("the name", n->name, err) : 0;
}

int registry_token_add(struct registry_db *db, const struct registry_actor *by,
		       const struct registry_token_new *new, char secret[REGISTRY_TOKEN_TEXT],
		       struct tesla_error *err)
{
	struct token_work w = { .new = new, .secret = secret };
	int r = check_token(new, err);

	if (r == 0)
		r = reg_list_split(&w.nodes, "nodes", new->nodes != NULL ? new->nodes : "", err);
	if (r == 0)
		r = registry_change(db, by, add_token, &w, err);
	if (r != 0)
		sodium_memzero(secret, REGISTRY_TOKEN_TEXT);
	reg_list_release(&w.nodes);
	return r;
}

static int revoke_token(struct txn *t, void *arg, struct tesla_error *err)
{
	const char *id = arg;
	struct key key = key_text(id);
	_cleanup_free_ struct doc *d = NULL;
	struct registry_token token;
	int r = doc_load(t, KIND_TOKEN, &key, &d, err);

	if (r == -ENOENT)
		return tesla_fail(err, r, "there is no token %.100s", id);
	if (r != 0 || d == NULL)
		return r;
	token = *(const struct registry_token *)d->body;
	if (token.revoked)
		return 1;
	token.revoked = true;
	r = doc_store(t, KIND_TOKEN, &key, &token, err);
	return r != 0 ? r
		      : reg_log_audit(t, "token.revoke", token.node, err, "%s (%s)", id,
				      token.name);
}

int registry_token_revoke(struct registry_db *db, const struct registry_actor *by, const char *id,
			  struct tesla_error *err)
{
	int r = reg_check_id("a token's id", id, err);

	/* Perhaps the secret, which must not be said again. */
	if (r == 0 && strlen(id) > SECRET_ID)
		r = tesla_fail(err, -ENOENT,
			       "there is no such token: expected its id, %u letters and digits",
			       SECRET_ID);
	return r != 0 ? r : registry_change(db, by, revoke_token, (void *)(uintptr_t)id, err);
}
