/* SPDX-License-Identifier: Apache-2.0 */
/* Who records are for: a number for each id, and which of them are forgotten. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/journal_internal.h"

#define AT_ONCE (JOURNAL_EXPORTERS_MAX / 10) /* forgotten to make room: to look for them is dear */

/* ---- forgetting ---- */

/* Marks, by number, all that some record was made for: their rows must stay. */
static void mark_named(struct txn *t, bool *named)
{
	struct bytes payload;
	struct row_record r;
	struct rows w;

	rows_begin(&w, t, TABLE_RECORDS, NULL);
	while (rows_next(&w)) {
		if (!row_open(ROW_RECORD, w.key, w.value, &payload) ||
		    !row_parse_record(payload, &r))
			continue;
		for (size_t i = 0; i < r.n_exporters; i++)
			named[r.exporters[i]] = true;
	}
	rows_end(&w);
}

static bool may_go(const struct exporter_state *e, const bool *named)
{
	return e->info.waiting == 0 && e->info.rejects == 0 && !named[e->info.no];
}

static void forget(struct txn *t, struct exporter_state *e)
{
	struct journal_counts *c = &t->next;
	size_t at = (size_t)(e - c->exporters);

	(void)txn_del(t, TABLE_STATE, key_cursor(e->info.no));
	memmove(e, e + 1, (c->n_exporters - at - 1) * sizeof *e);
	c->n_exporters--;
}

void exporter_forget(struct txn *t, uint16_t no)
{
	_cleanup_free_ bool *named = calloc(JOURNAL_ANY + 1, sizeof *named);
	struct exporter_state *e = journal_find(&t->next, no);

	if (named == NULL) {
		t->r = t->r != 0 ? t->r : ENOMEM;
		return;
	}
	if (e == NULL)
		return;
	mark_named(t, named);
	if (t->r == 0 && may_go(e, named))
		forget(t, e);
}

/* Not one that was asked for since the last write: an entry is being made for it. */
static struct exporter_state *least_asked(struct txn *t, const bool *named)
{
	struct exporter_state *least = NULL;

	for (size_t i = 0; i < t->next.n_exporters; i++) {
		struct exporter_state *e = &t->next.exporters[i];

		if (may_go(e, named) && e->asked <= t->j->settled &&
		    (least == NULL || e->asked < least->asked))
			least = e;
	}
	return least;
}

static void make_room(struct txn *t)
{
	_cleanup_free_ bool *named = calloc(JOURNAL_ANY + 1, sizeof *named);
	struct exporter_state *e;

	if (named == NULL) {
		t->r = t->r != 0 ? t->r : ENOMEM;
		return;
	}
	mark_named(t, named);
	for (size_t i = 0; i < AT_ONCE && (e = least_asked(t, named)) != NULL && t->r == 0; i++)
		forget(t, e);
}

/* ---- adding ---- */

/* Behind the last, or in the first gap: no record, queue or reject has a number that is free. */
static uint16_t free_number(const struct journal_counts *c)
{
	uint16_t no = 1;

	if (c->n_exporters > 0 && c->exporters[c->n_exporters - 1].info.no < JOURNAL_ANY - 1)
		return (uint16_t)(c->exporters[c->n_exporters - 1].info.no + 1);
	for (size_t i = 0; i < c->n_exporters && c->exporters[i].info.no == no; i++)
		no++;
	return no;
}

static int add_once(struct journal *j, const char *id, uint16_t *no, struct tesla_error *err)
{
	struct tesla_error ignored;
	struct txn t;
	int r = 0;

	txn_begin(&t, j, 0);
	if (t.r == 0 && t.next.n_exporters >= JOURNAL_EXPORTERS_MAX)
		make_room(&t);
	*no = t.r == 0 ? free_number(&t.next) : 0;
	if (t.r == 0)
		r = journal_add_exporter(&t.next, *no, id, err);
	if (r != 0) {
		t.r = EINVAL; /* who was to make room stays */
		(void)txn_end(&t, &ignored);
		return r;
	}
	if (t.r == 0)
		journal_find(&t.next, *no)->row_changed = true;
	return txn_end(&t, err);
}

static int add(struct journal *j, const char *id, uint16_t *no, struct tesla_error *err)
{
	int r = add_once(j, id, no, err);

	for (int i = 0; r == -EOVERFLOW && i < JOURNAL_TRIES; i++) {
		r = limits_make_room(j, err);
		if (r == 0)
			r = add_once(j, id, no, err);
	}
	return r;
}

int journal_exporter(struct journal *j, const char *id, uint16_t *no, struct tesla_error *err)
{
	size_t i = 0;
	uint16_t found;
	int r = 0;

	while (i < j->now.n_exporters && strcmp(j->now.exporters[i].info.id, id) != 0)
		i++;
	if (i < j->now.n_exporters)
		found = j->now.exporters[i].info.no;
	else
		r = add(j, id, &found, err);
	if (r != 0)
		return r;
	journal_find(&j->now, found)->asked = ++j->asked;
	*no = found;
	return 0;
}
