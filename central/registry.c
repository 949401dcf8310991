/* SPDX-License-Identifier: Apache-2.0 */
/* The registry in memory: for each kind a list in the order of keys, kept up to date. */
#include "central/registry.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/registry_internal.h"
#include "central/registry_secret.h"

struct docs {
	struct doc **list;
	size_t n, cap;
};
struct rows { /* by row - 1; NULL: gone */
	const struct doc **list;
	size_t n;
};
struct view {
	struct docs docs[N_VIEWED];
	struct rows nodes, analyzers;
	uint64_t change; /* the last that is in it */
	size_t v2_lists; /* nodes that have one */
	uint64_t damaged;
};
struct registry {
	struct registry_db *db;
	struct registry_damage damage;
	struct view view;
	uint64_t changes; /* of the view */
	size_t txn_id;
};

/* ---- lists ---- */

static int compare(const struct doc *d, const uint8_t *key, size_t len)
{
	int c = memcmp(d->key, key, d->key_len < len ? d->key_len : len);

	return c != 0 ? c : (d->key_len > len) - (d->key_len < len);
}

/* The first at or behind the key. */
static size_t docs_at(const struct docs *s, const uint8_t *key, size_t len)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(s->list[mid], key, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const void *docs_find(const struct docs *s, const struct key *key)
{
	size_t i = docs_at(s, key->bytes, key->len);

	return i < s->n && compare(s->list[i], key->bytes, key->len) == 0 ? s->list[i]->body : NULL;
}

static bool docs_reserve(struct docs *s)
{
	size_t cap = s->cap == 0 ? 16 : 2 * s->cap;
	struct doc **list;

	if (s->n < s->cap)
		return true;
	list = reallocarray(s->list, cap, sizeof(struct doc *));
	if (list == NULL)
		return false;
	s->list = list;
	s->cap = cap;
	return true;
}

/* ---- rows ---- */

static struct rows *rows_of(struct view *v, enum kind kind)
{
	return kind == KIND_NODE ? &v->nodes : kind == KIND_ANALYZER ? &v->analyzers : NULL;
}

static uint32_t row_of(enum kind kind, const struct doc *d)
{
	return kind == KIND_NODE ? ((const struct registry_node *)d->body)->row
				 : ((const struct registry_analyzer *)d->body)->row;
}

static bool rows_reserve(struct rows *rows, uint32_t row)
{
	size_t n = row < 64 ? 64 : (size_t)row + row / 2;
	const struct doc **list;

	if (row <= rows->n)
		return true;
	list = reallocarray(rows->list, n, sizeof(const struct doc *));
	if (list == NULL)
		return false;
	memset(list + rows->n, 0, (n - rows->n) * sizeof(const struct doc *));
	rows->list = list;
	rows->n = n;
	return true;
}

static void rows_set(struct rows *rows, uint32_t row, const struct doc *d)
{
	if (row > 0 && row <= rows->n)
		rows->list[row - 1] = d;
}

static const void *rows_find(const struct rows *rows, uint32_t row)
{
	return row > 0 && row <= rows->n && rows->list[row - 1] != NULL ? rows->list[row - 1]->body
									: NULL;
}

/* ---- a view ---- */

static void view_release(struct view *v)
{
	for (size_t k = 0; k < N_VIEWED; k++) {
		for (size_t i = 0; i < v->docs[k].n; i++)
			free(v->docs[k].list[i]);
		free(v->docs[k].list);
	}
	free(v->nodes.list);
	free(v->analyzers.list);
	*v = (struct view){ 0 };
}

static bool has_v2_list(enum kind kind, const struct doc *d)
{
	return kind == KIND_NODE && ((const struct registry_node *)d->body)->n_v2_nets > 0;
}

static void view_remove(struct view *v, enum kind kind, const struct key *key)
{
	struct docs *s = &v->docs[kind];
	struct rows *rows = rows_of(v, kind);
	size_t i = docs_at(s, key->bytes, key->len);
	struct doc *d = i < s->n ? s->list[i] : NULL;

	if (d == NULL || compare(d, key->bytes, key->len) != 0)
		return;
	if (rows != NULL && rows_find(rows, row_of(kind, d)) == d->body)
		rows_set(rows, row_of(kind, d), NULL);
	memmove(s->list + i, s->list + i + 1, (s->n - i - 1) * sizeof(struct doc *));
	s->n--;
	v->v2_lists -= has_v2_list(kind, d);
	free(d);
}

/* Takes d; false: no memory, and nothing changed. */
static bool view_put(struct view *v, enum kind kind, struct doc *d, uint32_t row_max)
{
	struct docs *s = &v->docs[kind];
	struct rows *rows = rows_of(v, kind);
	uint32_t row = rows != NULL ? row_of(kind, d) : 0;
	struct key key = { .len = d->key_len };
	size_t i;

	if (!docs_reserve(s) || (rows != NULL && row <= row_max && !rows_reserve(rows, row))) {
		free(d);
		return false;
	}
	memcpy(key.bytes, d->key, d->key_len);
	view_remove(v, kind, &key);
	i = docs_at(s, d->key, d->key_len);
	memmove(s->list + i + 1, s->list + i, (s->n - i) * sizeof(struct doc *));
	s->list[i] = d;
	s->n++;
	v->v2_lists += has_v2_list(kind, d);
	if (rows != NULL)
		rows_set(rows, row, d);
	return true;
}

static uint32_t row_max(const struct txn *t, enum kind kind)
{
	uint64_t max = kind == KIND_NODE ? t->meta.node_row : t->meta.analyzer_row;

	return max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
}

static int take(struct registry *r, struct view *v, struct txn *t, enum kind kind, MDB_val key,
		MDB_val value, struct tesla_error *err)
{
	struct key at = { .len = key.mv_size };
	struct tesla_error why;
	struct doc *d;
	int rc = key.mv_size <= KEY_MAX ? doc_decode(kind, key, value, &d, &why)
					: tesla_fail(&why, -EUCLEAN, "a key is damaged");

	if (rc == 0)
		return view_put(v, kind, d, row_max(t, kind))
			       ? 0
			       : tesla_fail(err, -ENOMEM, "no memory for the registry");
	if (rc == -ENOMEM)
		return tesla_fail(err, rc, "%s", why.text);
	v->damaged++;
	if (r->damage.say != NULL)
		r->damage.say(r->damage.arg, why.text);
	if (key.mv_size <= KEY_MAX) {
		memcpy(at.bytes, key.mv_data, key.mv_size);
		view_remove(v, kind, &at);
	}
	return 0;
}

static int load_kind(struct registry *r, struct view *v, struct txn *t, enum kind kind,
		     struct tesla_error *err)
{
	MDB_cursor *c = reg_cursor(t, (enum table)kind);
	MDB_val key, value;
	int rc = 0;

	while (c != NULL && rc == 0 && reg_move(t, c, MDB_NEXT, &key, &value))
		rc = take(r, v, t, kind, key, value, err);
	if (c != NULL)
		mdb_cursor_close(c);
	return rc;
}

static int load_all(struct registry *r, struct txn *t, struct tesla_error *err)
{
	struct view v = { .change = t->meta.change };
	int rc = 0;

	for (enum kind k = 0; k < N_VIEWED && rc == 0 && t->r == 0; k++)
		rc = load_kind(r, &v, t, k, err);
	if (rc != 0 || t->r != 0) {
		view_release(&v);
		return rc;
	}
	view_release(&r->view);
	r->view = v;
	r->changes++;
	return 0;
}

static int load_one(struct registry *r, struct txn *t, MDB_val which, struct tesla_error *err)
{
	const uint8_t *bytes = which.mv_data;
	struct key key = { .len = which.mv_size - 1 };
	MDB_val value;

	memcpy(key.bytes, bytes + 1, key.len);
	if (reg_get(t, (enum table)bytes[0], val_of(&key), &value))
		return take(r, &r->view, t, (enum kind)bytes[0], val_of(&key), value, err);
	if (t->r == 0)
		view_remove(&r->view, (enum kind)bytes[0], &key);
	return 0;
}

static bool is_change(MDB_val v)
{
	return v.mv_size > 1 && v.mv_size <= 1 + KEY_MAX && *(const uint8_t *)v.mv_data < N_VIEWED;
}

/* Each change that is noted, or all anew when one is not there any more. */
static int load_changes(struct registry *r, struct txn *t, struct tesla_error *err)
{
	int rc = 0;

	if (r->view.change > t->meta.change || t->meta.change - r->view.change > CHANGES_MAX)
		return load_all(r, t, err);
	while (rc == 0 && t->r == 0 && r->view.change < t->meta.change) {
		struct key seq = key_seq(r->view.change + 1);
		MDB_val which;

		if (!reg_get(t, TABLE_CHANGES, val_of(&seq), &which) || !is_change(which))
			return t->r == 0 ? load_all(r, t, err) : 0;
		rc = load_one(r, t, which, err);
		if (rc == 0 && t->r == 0) {
			r->view.change++;
			r->changes++;
		}
	}
	return rc;
}

/* 1 when something is loaded. */
static int load(struct registry *r, bool all, struct tesla_error *err)
{
	uint64_t before = r->changes;
	struct txn t;
	size_t id;
	int rc = reg_begin(&t, r->db, false, err);

	if (rc != 0)
		return rc;
	id = mdb_txn_id(t.mdb);
	rc = reg_meta_read(&t, &t.meta, err);
	if (rc == 0 && t.r == 0)
		rc = all ? load_all(r, &t, err) : load_changes(r, &t, err);
	rc = reg_end(&t, rc != 0 ? rc : 1, err);
	if (rc < 0)
		return rc;
	r->txn_id = id;
	return r->changes != before;
}

/* ---- from outside ---- */

int registry_new(struct registry_db *db, const struct registry_damage *damage,
		 struct registry **ret, struct tesla_error *err)
{
	struct registry *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	r->db = db;
	if (damage != NULL)
		r->damage = *damage;
	rc = load(r, true, err);
	if (rc < 0) {
		registry_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	view_release(&r->view);
	free(r);
}

int registry_refresh(struct registry *r, struct tesla_error *err)
{
	MDB_envinfo info = { 0 };
	bool same;

	(void)pthread_rwlock_rdlock(&r->db->lock);
	same = r->db->env != NULL && mdb_env_info(r->db->env, &info) == 0 &&
	       info.me_last_txnid == r->txn_id;
	(void)pthread_rwlock_unlock(&r->db->lock);
	return same ? 0 : load(r, false, err);
}

uint64_t registry_changes(const struct registry *r)
{
	return r->changes;
}

uint64_t registry_damaged(const struct registry *r)
{
	return r->view.damaged;
}

/* ---- look-ups ---- */

static const void *find(const struct registry *r, enum kind kind, const char *text)
{
	struct key key = key_text(text);

	return docs_find(&r->view.docs[kind], &key);
}

const struct registry_node *registry_node(const struct registry *r, const char *id)
{
	return find(r, KIND_NODE, id);
}

const struct registry_node *registry_node_by_row(const struct registry *r, uint32_t row)
{
	return rows_find(&r->view.nodes, row);
}

const struct registry_analyzer *registry_analyzer(const struct registry *r, const char *node,
						  int64_t addr)
{
	struct key key = key_analyzer(node, addr);

	return docs_find(&r->view.docs[KIND_ANALYZER], &key);
}

const struct registry_analyzer *registry_analyzer_by_row(const struct registry *r, uint32_t row)
{
	return rows_find(&r->view.analyzers, row);
}

const struct registry_user *registry_user(const struct registry *r, const char *name)
{
	return find(r, KIND_USER, name);
}

const struct registry_token *registry_token(const struct registry *r, const char *id)
{
	return find(r, KIND_TOKEN, id);
}

const struct registry_token *registry_token_by_secret(const struct registry *r, const char *secret)
{
	static const struct registry_token none = { .revoked = true };
	uint8_t hash[REGISTRY_HASH_BYTES];
	char id[SECRET_ID + 1];
	const struct registry_token *t;
	bool same;

	if (!secret_parse(secret, id, hash))
		return NULL;
	t = registry_token(r, id);
	same = sodium_memcmp((t != NULL ? t : &none)->hash, hash, sizeof hash) == 0;
	sodium_memzero(hash, sizeof hash);
	return same && t != NULL && !t->revoked ? t : NULL;
}

static bool v2_list_has(const struct registry_node *n, const struct peer *from)
{
	for (size_t i = 0; i < n->n_v2_nets; i++)
		if (peer_net_has(&n->v2_nets[i], from))
			return true;
	return false;
}

bool registry_v2_allows(const struct registry *r, const char *node, const struct peer *from)
{
	const struct registry_node *n = r->view.v2_lists > 0 ? registry_node(r, node) : NULL;

	return n != NULL && v2_list_has(n, from);
}

const struct registry_node *registry_v2_find(const struct registry *r, const struct peer *from)
{
	size_t lists = r->view.v2_lists;

	for (size_t i = 0; lists > 0 && i < registry_n_nodes(r); i++) {
		const struct registry_node *n = registry_node_at(r, i);

		if (v2_list_has(n, from))
			return n;
		lists -= n->n_v2_nets > 0;
	}
	return NULL;
}

/* ---- in order ---- */

size_t registry_n_nodes(const struct registry *r)
{
	return r->view.docs[KIND_NODE].n;
}

size_t registry_n_analyzers(const struct registry *r)
{
	return r->view.docs[KIND_ANALYZER].n;
}

size_t registry_n_users(const struct registry *r)
{
	return r->view.docs[KIND_USER].n;
}

size_t registry_n_tokens(const struct registry *r)
{
	return r->view.docs[KIND_TOKEN].n;
}

static const void *at(const struct registry *r, enum kind kind, size_t i)
{
	return i < r->view.docs[kind].n ? r->view.docs[kind].list[i]->body : NULL;
}

const struct registry_node *registry_node_at(const struct registry *r, size_t i)
{
	return at(r, KIND_NODE, i);
}

const struct registry_analyzer *registry_analyzer_at(const struct registry *r, size_t i)
{
	return at(r, KIND_ANALYZER, i);
}

const struct registry_user *registry_user_at(const struct registry *r, size_t i)
{
	return at(r, KIND_USER, i);
}

const struct registry_token *registry_token_at(const struct registry *r, size_t i)
{
	return at(r, KIND_TOKEN, i);
}

size_t registry_analyzers_of(const struct registry *r, const char *node, size_t *first)
{
	const struct docs *s = &r->view.docs[KIND_ANALYZER];
	struct key from = key_analyzer(node, INT64_MIN), to = key_analyzer(node, INT64_MAX);
	size_t end;

	*first = docs_at(s, from.bytes, from.len);
	end = docs_at(s, to.bytes, to.len);
	if (end < s->n && compare(s->list[end], to.bytes, to.len) == 0)
		end++;
	return end - *first;
}
