/* SPDX-License-Identifier: Apache-2.0 */
/* What is known in memory, from what is on disk: at opening.  Records are not read for it. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/journal_internal.h"

struct exporter_state *journal_find(const struct journal_counts *c, uint16_t no)
{
	size_t low = 0, high = c->n_exporters;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c->exporters[mid].info.no == no)
			return &c->exporters[mid];
		if (c->exporters[mid].info.no < no)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int journal_add_exporter(struct journal_counts *c, uint16_t no, const char *id,
			 struct tesla_error *err)
{
	struct exporter_state *e;
	size_t i = c->n_exporters, len = strlen(id);

	if (i >= JOURNAL_EXPORTERS_MAX)
		return tesla_fail(
			err, -EMFILE,
			"exporter %s: the journal keeps records for %d already, the most there "
			"may be: drain or purge what nobody wants any more",
			id, JOURNAL_EXPORTERS_MAX);
	if (len == 0 || len >= sizeof e->info.id)
		return tesla_fail(err, -EINVAL,
				  "exporter %.32s...: an id has 1 to %zu bytes, not %zu", id,
				  sizeof e->info.id - 1, len);
	e = realloc(c->exporters, (i + 1) * sizeof *e);
	if (e == NULL)
		return tesla_fail(err, -ENOMEM, "exporter %s: no memory", id);
	c->exporters = e;
	for (; i > 0 && e[i - 1].info.no > no; i--)
		e[i] = e[i - 1];
	e[i] = (struct exporter_state){ .info.no = no };
	memcpy(e[i].info.id, id, len);
	c->n_exporters++;
	return 0;
}

static int damaged(struct journal *j, const char *what, struct tesla_error *err)
{
	j->broken = true;
	return tesla_fail(err, -EUCLEAN, "journal %s: %s is damaged", j->path, what);
}

static int load_cursor(struct journal *j, uint16_t no, struct bytes payload,
		       struct tesla_error *err)
{
	struct journal_exporter_info info = { .no = no };
	int r;

	if (!row_parse_cursor(payload, &info))
		return damaged(j, "the row of an exporter", err);
	r = journal_add_exporter(&j->now, no, info.id, err);
	if (r == 0)
		journal_find(&j->now, no)->info = info;
	return r;
}

static int load_state_row(struct journal *j, const struct rows *w, struct tesla_error *err)
{
	struct row_meta meta;
	struct bytes payload;
	struct recorded recorded;
	int64_t which = 0;
	enum row_kind kind = key_parse_state(w->key, &which);

	if (kind == N_ROW_KINDS || !row_open(kind, w->key, w->value, &payload))
		return damaged(j, "a row of its state", err);
	if (kind == ROW_CURSOR)
		return load_cursor(j, (uint16_t)which, payload, err);
	if (kind == ROW_END)
		return row_parse_end(payload, &recorded)
			       ? 0
			       : damaged(j, "the row of an analyzer", err);
	if (!row_parse_meta(payload, &meta))
		return damaged(j, "the row of its version", err);
	j->now.next_seq = j->now.reserved = meta.reserved;
	memcpy(j->now.dropped, meta.dropped, sizeof meta.dropped);
	return 0;
}

static int load_waiting_row(struct journal *j, enum table table, const struct rows *w,
			    struct tesla_error *err)
{
	const char *what = table == TABLE_QUEUE ? "a row of a queue" : "a rejected record";
	struct exporter_state *e = NULL;
	struct bytes payload;
	uint16_t no;
	uint64_t seq;

	if (!key_parse_queue(w->key, &no, &seq) ||
	    !row_open(table == TABLE_QUEUE ? ROW_QUEUE : ROW_REJECT, w->key, w->value, &payload))
		return damaged(j, what, err);
	e = journal_find(&j->now, no);
	if (e == NULL || seq >= j->now.reserved)
		return damaged(j, what, err);
	if (table == TABLE_QUEUE)
		e->info.waiting++;
	else
		e->info.rejects++;
	e->queue_changed = e->queue_changed || table == TABLE_QUEUE;
	return 0;
}

static int load_table(struct txn *t, enum table table, struct tesla_error *err)
{
	struct rows w;
	int r = 0;

	rows_begin(&w, t, table, NULL);
	while (r == 0 && rows_next(&w))
		r = table == TABLE_STATE ? load_state_row(t->j, &w, err)
					 : load_waiting_row(t->j, table, &w, err);
	rows_end(&w);
	return r;
}

int journal_load(struct journal *j, struct tesla_error *err)
{
	struct tesla_error ignored;
	struct txn t;
	int r, end;

	txn_begin(&t, j, MDB_RDONLY);
	r = load_table(&t, TABLE_STATE, err);
	if (r == 0)
		r = load_table(&t, TABLE_QUEUE, err);
	if (r == 0)
		r = load_table(&t, TABLE_REJECTS, err);
	t.next = j->now;
	if (r == 0) {
		txn_refresh(&t);
		limits_learn(&t);
	}
	j->now = t.next;
	t.next.exporters = NULL;
	end = txn_end(&t, r == 0 ? err : &ignored);
	return r != 0 ? r : end;
}
