/* SPDX-License-Identifier: Apache-2.0 */
/* Events and the audit log: entries under numbers that grow; the oldest go. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "central/registry_internal.h"

static enum table table_of(enum registry_log log)
{
	return log == REGISTRY_EVENTS ? TABLE_EVENTS : TABLE_AUDIT;
}

/* The number after the last; 0: t->r. */
static uint64_t next_seq(struct txn *t, enum table table)
{
	MDB_cursor *c = reg_cursor(t, table);
	MDB_val key, value;
	uint64_t seq = 0;

	if (c == NULL)
		return 0;
	if (reg_move(t, c, MDB_LAST, &key, &value) &&
	    (!key_seq_parse(key, &seq) || seq == UINT64_MAX))
		t->r = MDB_CORRUPTED;
	mdb_cursor_close(c);
	return t->r == 0 ? seq + 1 : 0;
}

/* What others sent may be in it: shown on terminals and pages, so without what moves a cursor. */
static void clean(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text != NULL ? text : "");
	to[utf8_clean(to, strlen(to), UTF8_LINE)] = '\0';
}

int reg_log_put(struct txn *t, enum registry_log log, const struct registry_entry *e,
		struct tesla_error *err)
{
	char what[WHAT_MAX + 1], who[REGISTRY_TEXT_MAX + 1], from[REGISTRY_TEXT_MAX + 1],
		node[REGISTRY_ID_MAX + 1], text[ENTRY_TEXT_MAX + 1];
	const struct registry_entry cleaned = { 0, e->at_ms, what, who, from, node, text };
	uint64_t seq = next_seq(t, table_of(log));
	struct key key = key_seq(seq);
	struct buf b;
	int r;

	clean(what, sizeof what, e->what);
	clean(who, sizeof who, e->who);
	clean(from, sizeof from, e->from);
	clean(node, sizeof node, e->node);
	clean(text, sizeof text, e->text);
	buf_init(&b, DOC_BYTES_MAX);
	r = doc_encode(KIND_ENTRY, val_of(&key), &cleaned, &b, err);
	if (r == 0)
		reg_put(t, table_of(log), val_of(&key), (MDB_val){ b.pub.len, b.pub.bytes });
	buf_release(&b);
	if (r == 0 && seq > REGISTRY_LOG_MAX) {
		key = key_seq(seq - REGISTRY_LOG_MAX);
		(void)reg_del(t, table_of(log), val_of(&key));
	}
	return r;
}

int reg_log_audit(struct txn *t, const char *what, const char *node, struct tesla_error *err,
		  const char *fmt, ...)
{
	char text[ENTRY_TEXT_MAX + 1];
	struct registry_entry e = { .at_ms = t->by->now_ms,
				    .what = what,
				    .who = t->by->who,
				    .from = t->by->from,
				    .node = node,
				    .text = text };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return reg_log_put(t, REGISTRY_AUDIT, &e, err);
}

/* ---- from outside ---- */

struct events {
	const struct registry_entry *entries;
	size_t n;
};

static int put_events(struct txn *t, void *arg, struct tesla_error *err)
{
	const struct events *events = arg;
	int r = 0;

	for (size_t i = 0; i < events->n && r == 0; i++)
		r = reg_log_put(t, REGISTRY_EVENTS, &events->entries[i], err);
	return r;
}

int registry_event(struct registry_db *db, const struct registry_entry *entries, size_t n,
		   struct tesla_error *err)
{
	struct events events = { entries, n };

	return n > 0 ? registry_change(db, NULL, put_events, &events, err) : 0;
}

struct note {
	const char *what, *text;
};

static int put_note(struct txn *t, void *arg, struct tesla_error *err)
{
	const struct note *note = arg;

	return reg_log_audit(t, note->what, "", err, "%s", note->text);
}

int registry_audit(struct registry_db *db, const struct registry_actor *by, const char *what,
		   const char *text, struct tesla_error *err)
{
	struct note note = { what, text };

	return registry_change(db, by, put_note, &note, err);
}

static int say_entry(MDB_val key, MDB_val value, const struct registry_log_query *q,
		     registry_each *each, void *arg, struct tesla_error *err)
{
	struct registry_entry e;
	struct doc *d = NULL;
	uint64_t seq;
	int r = key_seq_parse(key, &seq) ? doc_decode(KIND_ENTRY, key, value, &d, err) : -EUCLEAN;

	if (r == -EUCLEAN || r == -EPROTO) {
		if (q->n_damaged != NULL)
			(*q->n_damaged)++;
		return 0;
	}
	if (r != 0)
		return r;
	e = *(const struct registry_entry *)d->body;
	e.seq = seq;
	r = each(arg, &e, err);
	free(d);
	return r;
}

int registry_log_walk(struct registry_db *db, const struct registry_log_query *q,
		      registry_each *each, void *arg, struct tesla_error *err)
{
	struct key from = key_seq(q->before);
	MDB_val key = val_of(&from), value;
	MDB_cursor *c;
	struct txn t;
	bool there;
	int r = reg_begin(&t, db, false, err);

	if (r != 0)
		return r;
	c = reg_cursor(&t, table_of(q->log));
	/* Behind those wanted, or the end; the one before it is the newest. */
	if (c != NULL && q->before != 0 && reg_move(&t, c, MDB_SET_RANGE, &key, &value))
		there = reg_move(&t, c, MDB_PREV, &key, &value);
	else
		there = c != NULL && reg_move(&t, c, MDB_LAST, &key, &value);
	for (size_t i = 0; there && i < q->max && r == 0; i++) {
		r = say_entry(key, value, q, each, arg, err);
		there = reg_move(&t, c, MDB_PREV, &key, &value);
	}
	if (c != NULL)
		mdb_cursor_close(c);
	r = r != 0 ? r : 1; /* nothing to commit */
	r = reg_end(&t, r, err);
	return r > 0 ? 0 : r;
}
