/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of analyzers: what their nodes say of them, and what an operator makes of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "central/registry_internal.h"

/* ---- contact ---- */

struct contact_work {
	const char *node;
	struct registry_contact *contacts;
	size_t n;
	enum registry_policy policy;
	size_t count; /* analyzers that the node has; SIZE_MAX: not counted yet */
	size_t n_changed;
};
struct said { /* texts of a contact: foreign, so cut off and cleaned */
	char model[REGISTRY_TEXT_MAX + 1], name[REGISTRY_TEXT_MAX + 1],
		identity[REGISTRY_TEXT_MAX + 1];
};

static const char *clean(char to[REGISTRY_TEXT_MAX + 1], const char *text)
{
	if (text == NULL)
		return NULL;
	(void)snprintf(to, REGISTRY_TEXT_MAX + 1, "%s", text);
	to[utf8_clean(to, strlen(to), UTF8_LINE)] = '\0';
	return to;
}

static size_t count_of(struct txn *t, const char *node)
{
	struct key from = key_analyzer(node, INT64_MIN), prefix = key_text(node);
	MDB_cursor *c = reg_cursor(t, TABLE_ANALYZERS);
	MDB_val key = val_of(&from), value;
	size_t n = 0;

	for (bool there = c != NULL && reg_move(t, c, MDB_SET_RANGE, &key, &value);
	     there && key.mv_size == from.len && memcmp(key.mv_data, prefix.bytes, prefix.len) == 0;
	     there = reg_move(t, c, MDB_NEXT, &key, &value))
		n++;
	if (c != NULL)
		mdb_cursor_close(c);
	return n;
}

__attribute__((format(printf, 6, 7))) static int put_event(struct txn *t,
							   const struct registry_analyzer *a,
							   const char *what, const char *model,
							   struct tesla_error *err, const char *fmt,
							   ...)
{
	char text[ENTRY_TEXT_MAX + 1];
	struct registry_entry e = { .at_ms = t->by->now_ms,
				    .what = what,
				    .who = t->by->who,
				    .from = t->by->from,
				    .node = a->node,
				    .text = text };
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = snprintf(text, sizeof text, "analyzer %" PRId64 " (%s): ", a->addr, model);
	(void)vsnprintf(text + len, sizeof text - (size_t)len, fmt, ap);
	va_end(ap);
	return reg_log_put(t, REGISTRY_EVENTS, &e, err);
}

static int come_in(struct txn *t, struct contact_work *w, struct registry_contact *c,
		   const struct key *key, struct tesla_error *err)
{
	static const enum registry_state of[] = { [REGISTRY_AUTO] = REGISTRY_IS_ACTIVE,
						  [REGISTRY_PENDING] = REGISTRY_IS_PENDING,
						  [REGISTRY_REFUSE] = REGISTRY_IS_REFUSED };
	struct said said = { "", "", "" };
	struct registry_analyzer a = { .node = w->node,
				       .addr = c->addr,
				       .state = of[w->policy],
				       .poll_ms = c->poll_ms,
				       .record_ms = c->record_ms,
				       .first_seen_ms = t->by->now_ms };
	int r;

	c->state = REGISTRY_IS_REFUSED;
	if (w->count == SIZE_MAX)
		w->count = count_of(t, w->node);
	if (w->count >= REGISTRY_NODE_ANALYZERS_MAX ||
	    reg_count(t, TABLE_ANALYZERS) >= REGISTRY_ANALYZERS_MAX)
		return 0;
	a.model = clean(said.model, c->model != NULL ? c->model : "");
	a.name = clean(said.name, c->name != NULL ? c->name : "");
	a.identity = clean(said.identity, c->identity != NULL ? c->identity : "");
	a.row = (uint32_t)++t->meta.analyzer_row;
	w->count++;
	w->n_changed++;
	c->state = a.state;
	r = doc_store(t, KIND_ANALYZER, key, &a, err);
	if (r == 0)
		r = put_event(t, &a, "analyzer.new", a.model, err, "came in, %s",
			      registry_state_name(a.state));
	return r != 0 ? r
		      : reg_log_audit(t, "analyzer.contact", w->node, err,
				      "analyzer %" PRId64 ": %s", a.addr,
				      registry_state_name(a.state));
}

static bool take_text(const char **to, const char *from)
{
	if (from == NULL || strcmp(*to, from) == 0)
		return false;
	*to = from;
	return true;
}

static bool take_ms(int64_t *to, int64_t from)
{
	if (from == 0 || *to == from)
		return false;
	*to = from;
	return true;
}

static int go_on(struct txn *t, struct contact_work *w, struct registry_contact *c,
		 const struct key *key, const struct registry_analyzer *before,
		 struct tesla_error *err)
{
	struct registry_analyzer a = *before;
	struct said said;
	bool identity = take_text(&a.identity, clean(said.identity, c->identity)),
	     model = take_text(&a.model, clean(said.model, c->model)),
	     name = take_text(&a.name, clean(said.name, c->name)),
	     poll = take_ms(&a.poll_ms, c->poll_ms), record = take_ms(&a.record_ms, c->record_ms);
	int r;

	c->state = a.state;
	if (!identity && !model && !name && !poll && !record)
		return 0;
	w->n_changed++;
	r = doc_store(t, KIND_ANALYZER, key, &a, err);
	/* The first identity that is heard is no change of it. */
	if (r == 0 && ((identity && before->identity[0] != '\0') || model))
		r = put_event(t, &a, "analyzer.identity", a.model, err,
			      "was %.200s (%.100s), is %.200s", before->identity, before->model,
			      a.identity);
	return r != 0 ? r
		      : reg_log_audit(t, "analyzer.contact", w->node, err,
				      "analyzer %" PRId64 ":%s%s%s%s%s", a.addr,
				      identity ? " identity" : "", model ? " model" : "",
				      name ? " name" : "", poll ? " poll" : "",
				      record ? " record" : "");
}

static int one_contact(struct txn *t, struct contact_work *w, struct registry_contact *c,
		       struct tesla_error *err)
{
	struct key key = key_analyzer(w->node, c->addr);
	_cleanup_free_ struct doc *d = NULL;
	int r = doc_load(t, KIND_ANALYZER, &key, &d, err);

	if (r == -ENOENT)
		return come_in(t, w, c, &key, err);
	return r != 0 || d == NULL ? r : go_on(t, w, c, &key, d->body, err);
}

static int contact(struct txn *t, void *arg, struct tesla_error *err)
{
	struct contact_work *w = arg;
	struct key key = key_text(w->node);
	_cleanup_free_ struct doc *d = NULL;
	int r = doc_load(t, KIND_NODE, &key, &d, err);

	if (r == -ENOENT)
		return tesla_fail(err, r, "there is no node %s", w->node);
	if (r != 0 || d == NULL)
		return r;
	w->policy = ((const struct registry_node *)d->body)->unknown;
	for (size_t i = 0; i < w->n && r == 0 && t->r == 0; i++)
		r = one_contact(t, w, &w->contacts[i], err);
	return r == 0 && t->r == 0 && w->n_changed == 0 ? 1 : r;
}

int registry_contact(struct registry_db *db, const struct registry_actor *by, const char *node,
		     struct registry_contact *contacts, size_t n, struct tesla_error *err)
{
	struct contact_work w = { .node = node, .contacts = contacts, .n = n, .count = SIZE_MAX };
	int r = reg_check_id("a node's id", node, err);

	for (size_t i = 0; i < n && r == 0; i++)
		if (contacts[i].addr < 1 || contacts[i].poll_ms < 0 || contacts[i].record_ms < 0)
			r = tesla_fail(err, -EINVAL,
				       "analyzer %" PRId64
				       ": expected an id from 1, and intervals from 0",
				       contacts[i].addr);
	return r != 0 ? r : registry_change(db, by, contact, &w, err);
}

static bool differs(char to[REGISTRY_TEXT_MAX + 1], const char *text, const char *from)
{
	return text != NULL && strcmp(clean(to, text), from) != 0;
}

bool registry_is_news(const struct registry *r, const char *node, struct registry_contact *c)
{
	const struct registry_analyzer *a = registry_analyzer(r, node, c->addr);
	char text[REGISTRY_TEXT_MAX + 1];
	size_t first;

	c->state = a != NULL ? a->state : REGISTRY_IS_REFUSED;
	if (a == NULL)
		return registry_analyzers_of(r, node, &first) < REGISTRY_NODE_ANALYZERS_MAX &&
		       registry_n_analyzers(r) < REGISTRY_ANALYZERS_MAX;
	return differs(text, c->model, a->model) || differs(text, c->name, a->name) ||
	       differs(text, c->identity, a->identity) ||
	       (c->poll_ms != 0 && c->poll_ms != a->poll_ms) ||
	       (c->record_ms != 0 && c->record_ms != a->record_ms);
}

/* ---- what an operator says ---- */

struct state_work {
	const char *node;
	int64_t addr;
	enum registry_state state;
};

static int set_state(struct txn *t, void *arg, struct tesla_error *err)
{
	const struct state_work *w = arg;
	struct key key = key_analyzer(w->node, w->addr);
	_cleanup_free_ struct doc *d = NULL;
	struct registry_analyzer a;
	int r = doc_load(t, KIND_ANALYZER, &key, &d, err);

	if (r == -ENOENT)
		return tesla_fail(err, r, "node %s has no analyzer %" PRId64, w->node, w->addr);
	if (r != 0 || d == NULL)
		return r;
	a = *(const struct registry_analyzer *)d->body;
	if (a.state == w->state)
		return 1;
	a.state = w->state;
	r = doc_store(t, KIND_ANALYZER, &key, &a, err);
	return r != 0 ? r
		      : reg_log_audit(t, "analyzer.set", w->node, err, "analyzer %" PRId64 ": %s",
				      w->addr, registry_state_name(w->state));
}

int registry_analyzer_set(struct registry_db *db, const struct registry_actor *by, const char *node,
			  int64_t addr, enum registry_state state, struct tesla_error *err)
{
	struct state_work w = { node, addr, state };
	int r = reg_check_id("a node's id", node, err);

	return r != 0 ? r : registry_change(db, by, set_state, &w, err);
}
