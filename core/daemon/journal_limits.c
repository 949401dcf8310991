/* SPDX-License-Identifier: Apache-2.0 */
/* What goes when the journal is too large, its records too old, or a row of it is damaged. */
#include <errno.h>

#include "base/cleanup.h"
#include "daemon/journal_internal.h"

static const char *const drop_names[JOURNAL_N_DROPS] = {
	[JOURNAL_DROP_SIZE] = "size",	    [JOURNAL_DROP_AGE] = "age",
	[JOURNAL_DROP_DAMAGED] = "damaged", [JOURNAL_DROP_TWICE] = "twice",
	[JOURNAL_DROP_PURGED] = "purged",   [JOURNAL_DROP_REJECT] = "reject",
};

const char *journal_drop_name(enum journal_drop d)
{
	return (unsigned)d < JOURNAL_N_DROPS ? drop_names[d] : "unknown";
}

void limits_count(struct txn *t, enum journal_drop why, uint64_t n)
{
	t->next.dropped[why] += n;
	t->next.meta_changed = true;
}

void limits_drop(struct txn *t, uint64_t seq, enum journal_drop why)
{
	struct row_record r;

	/* For whom it was is not known when its row is damaged. */
	if (txn_record(t, seq, &r) == ROW_GOOD)
		for (size_t i = 0; i < r.n_exporters; i++)
			(void)txn_unqueue(t, r.exporters[i], seq);
	else
		for (size_t i = 0; i < t->next.n_exporters; i++)
			(void)txn_unqueue(t, t->next.exporters[i].info.no, seq);
	(void)txn_del(t, TABLE_RECORDS, key_record(seq));
	limits_count(t, why, 1);
}

/* The number of the oldest record, or of the newest. */
static bool edge(struct txn *t, MDB_cursor_op op, uint64_t *seq)
{
	MDB_cursor *c = NULL;
	MDB_val k, v;

	if (t->r == 0)
		t->r = mdb_cursor_open(t->mdb, t->j->tables[TABLE_RECORDS], &c);
	if (t->r != 0)
		return false;
	t->r = mdb_cursor_get(c, &k, &v, op);
	mdb_cursor_close(c);
	if (t->r == MDB_NOTFOUND) {
		t->r = 0;
		return false;
	}
	if (t->r == 0 && !key_parse_record((struct bytes){ k.mv_data, k.mv_size }, seq))
		t->r = MDB_CORRUPTED;
	return t->r == 0;
}

static size_t drop_too_large(struct txn *t, size_t budget)
{
	uint64_t seq;

	while (budget > 0 && txn_bytes(t) > t->j->limits.bytes && edge(t, MDB_FIRST, &seq)) {
		limits_drop(t, seq, JOURNAL_DROP_SIZE);
		budget--;
	}
	return budget;
}

/*
 * Measured from the newest record as well: a clock that leaps ahead makes nothing old before
 * records have followed it.
 */
static void drop_too_old(struct txn *t, int64_t now_ms, size_t budget)
{
	struct row_record r;
	uint64_t seq;

	if (t->j->limits.age_ms <= 0 || !edge(t, MDB_LAST, &seq) ||
	    txn_record(t, seq, &r) != ROW_GOOD)
		return;
	if (now_ms > r.end_ms)
		now_ms = r.end_ms;
	for (; budget > 0 && edge(t, MDB_FIRST, &seq); budget--) {
		enum row_found found = txn_record(t, seq, &r);

		if (found == ROW_GOOD && r.end_ms >= now_ms - t->j->limits.age_ms)
			return;
		limits_drop(t, seq, found == ROW_GOOD ? JOURNAL_DROP_AGE : JOURNAL_DROP_DAMAGED);
	}
}

void limits_apply(struct txn *t, int64_t now_ms)
{
	size_t budget = drop_too_large(t, JOURNAL_STEP);

	drop_too_old(t, now_ms, budget);
}

bool limits_admit(struct txn *t, size_t len)
{
	if (t->j->limits.policy == JOURNAL_DROP_OLDEST || txn_bytes(t) + len <= t->j->limits.bytes)
		return true;
	limits_count(t, JOURNAL_DROP_SIZE, 1);
	return false;
}

static bool drop_reject(struct txn *t, uint16_t first_of)
{
	struct bytes key, value;
	uint16_t no;
	uint64_t seq;

	if (!txn_first(t, TABLE_REJECTS, key_queue(first_of, 0), &key, &value) ||
	    !key_parse_queue(key, &no, &seq) || (first_of != 0 && no != first_of))
		return false;
	(void)txn_del(t, TABLE_REJECTS, key_queue(no, seq));
	if (journal_find(&t->next, no) != NULL)
		journal_find(&t->next, no)->info.rejects--;
	limits_count(t, JOURNAL_DROP_REJECT, 1);
	return true;
}

void limits_rejects(struct txn *t, struct exporter_state *e)
{
	while (e->info.rejects > t->j->limits.rejects && drop_reject(t, e->info.no))
		;
}

int limits_make_room(struct journal *j, struct tesla_error *err)
{
	struct txn t;
	uint64_t seq;
	size_t n = 0;

	if (txn_grow(j))
		return 0;
	txn_begin(&t, j, 0);
	/* What nobody will take is worth less than what waits. */
	while (n < JOURNAL_STEP && drop_reject(&t, 0))
		n++;
	for (; j->limits.policy == JOURNAL_DROP_OLDEST && n < JOURNAL_STEP &&
	       edge(&t, MDB_FIRST, &seq);
	     n++)
		limits_drop(&t, seq, JOURNAL_DROP_SIZE);
	return txn_end(&t, err);
}
