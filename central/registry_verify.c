/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the registry through: is each document whole, and does it name what there is? */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "central/registry_internal.h"

struct verify {
	struct txn t;
	const struct registry_damage *damage;
	struct registry_verified *counts;
};

static const struct place {
	enum table table;
	enum kind kind;
	const char *prefix; /* entries have but numbers */
} places[] = {
	{ TABLE_NODES, KIND_NODE, "" },		{ TABLE_ANALYZERS, KIND_ANALYZER, "" },
	{ TABLE_USERS, KIND_USER, "" },		{ TABLE_TOKENS, KIND_TOKEN, "" },
	{ TABLE_EVENTS, KIND_ENTRY, "event " }, { TABLE_AUDIT, KIND_ENTRY, "audit " },
};

__attribute__((format(printf, 2, 3))) static void say(struct verify *v, const char *fmt, ...)
{
	char sentence[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	v->counts->damaged++;
	v->damage->say(v->damage->arg, sentence);
}

/* One that is damaged itself is there; it is said where it stands. */
static bool has_node(struct verify *v, const char *id)
{
	struct key key = key_text(id);
	MDB_val there;

	return reg_get(&v->t, TABLE_NODES, val_of(&key), &there) || v->t.r != 0;
}

static void check_row(struct verify *v, const char *name, uint32_t row, uint64_t last)
{
	if (row == 0 || row > last)
		say(v, "registry: %s: its row, %" PRIu32 ", was never given: the last is %" PRIu64,
		    name, row, last);
}

static void check_references(struct verify *v, enum kind kind, const struct doc *d)
{
	const struct meta *m = &v->t.meta;
	const char *node = "";
	char name[120];

	key_say(kind, (MDB_val){ d->key_len, (void *)(uintptr_t)d->key }, name, sizeof name);
	if (kind == KIND_NODE) {
		check_row(v, name, ((const struct registry_node *)d->body)->row, m->node_row);
	} else if (kind == KIND_ANALYZER) {
		const struct registry_analyzer *a = d->body;

		node = a->node;
		check_row(v, name, a->row, m->analyzer_row);
	} else if (kind == KIND_USER) {
		check_row(v, name, ((const struct registry_user *)d->body)->row, m->user_row);
	} else if (kind == KIND_TOKEN) {
		node = ((const struct registry_token *)d->body)->node;
	}
	if (node[0] != '\0' && !has_node(v, node))
		say(v, "registry: %s: there is no node %s", name, node);
}

static int check_document(struct verify *v, const struct place *p, MDB_val key, MDB_val value,
			  struct tesla_error *err)
{
	struct tesla_error why;
	struct doc *d = NULL;
	int r = key.mv_size <= KEY_MAX ? doc_decode(p->kind, key, value, &d, &why)
				       : tesla_fail(&why, -EUCLEAN, "a key is damaged");

	if (r == -ENOMEM)
		return tesla_fail(err, r, "%s", why.text);
	v->counts->documents++;
	if (r != 0)
		say(v, "registry: %s%s", p->prefix, why.text);
	else
		check_references(v, p->kind, d);
	free(d);
	return 0;
}

static int check_table(struct verify *v, const struct place *p, struct tesla_error *err)
{
	MDB_cursor *c = reg_cursor(&v->t, p->table);
	uint64_t before = v->counts->documents, n;
	MDB_val key, value;
	size_t n_put = 0;
	int r = 0;

	while (c != NULL && r == 0 && reg_move(&v->t, c, MDB_NEXT, &key, &value))
		r = check_document(v, p, key, value, err);
	if (c != NULL)
		mdb_cursor_close(c);
	n = v->counts->documents - before;
	/* A page that leaves some out looks like one that has no more. */
	if (r == 0)
		n_put = reg_count(&v->t, p->table);
	if (r == 0 && v->t.r == 0 && n_put != n)
		say(v,
		    "registry: %s: %" PRIu64 " documents were found, but %zu were put there: a "
		    "page of registry/data.mdb is damaged",
		    reg_table_name(p->table), n, n_put);
	return r;
}

int registry_verify(struct registry_db *db, const struct registry_damage *damage,
		    struct registry_verified *ret, struct tesla_error *err)
{
	struct verify v = { .damage = damage, .counts = ret };
	int r;

	*ret = (struct registry_verified){ 0 };
	r = reg_begin(&v.t, db, false, err);
	if (r != 0)
		return r;
	r = reg_meta_read(&v.t, &v.t.meta, err);
	for (size_t i = 0; i < sizeof places / sizeof *places && r == 0 && v.t.r == 0; i++)
		r = check_table(&v, &places[i], err);
	r = reg_end(&v.t, r != 0 ? r : 1, err); /* there is nothing to commit */
	return r > 0 ? 0 : r;
}
