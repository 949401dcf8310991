/* SPDX-License-Identifier: Apache-2.0 */
/* What goes when the journal is too large, its records too old, or a row of it is damaged. */
#include <errno.h>

#include "base/cleanup.h"
#include "daemon/journal_internal.h"

#define DAY_MS (24 * 60 * 60 * (int64_t)1000)

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

/* The number of the oldest record. */
static bool oldest(struct txn *t, uint64_t *seq)
{
	MDB_cursor *c = NULL;
	MDB_val k, v;

	if (t->r == 0)
		t->r = mdb_cursor_open(t->mdb, t->j->tables[TABLE_RECORDS], &c);
	if (t->r != 0)
		return false;
	t->r = mdb_cursor_get(c, &k, &v, MDB_FIRST);
	mdb_cursor_close(c);
	if (t->r == MDB_NOTFOUND) {
		t->r = 0;
		return false;
	}
	if (t->r == 0 && !key_parse_record((struct bytes){ k.mv_data, k.mv_size }, seq))
		t->r = MDB_CORRUPTED;
	return t->r == 0;
}

/* ---- too large ---- */

static size_t drop_too_large(struct txn *t, size_t budget)
{
	uint64_t seq;

	while (budget > 0 && txn_bytes(t) > t->j->limits.bytes && oldest(t, &seq)) {
		limits_drop(t, seq, JOURNAL_DROP_SIZE);
		budget--;
	}
	return budget;
}

/* ---- too old ---- */

/* A step ahead that is no leap; and what has to come after a leap. */
static int64_t believed_ms(const struct journal *j)
{
	return j->limits.age_ms / 4 < DAY_MS ? j->limits.age_ms / 4 : DAY_MS;
}

void limits_saw(struct txn *t, int64_t end_ms)
{
	struct reached *w = &t->next.reached;
	int64_t step_ms = believed_ms(t->j);

	if (!w->any || end_ms <= w->end_ms + step_ms) {
		w->end_ms = w->any && w->end_ms > end_ms ? w->end_ms : end_ms;
		w->any = true;
		w->leapt = false;
		return;
	}
	if (!w->leapt || end_ms < w->from_ms || end_ms > w->to_ms + DAY_MS)
		w->from_ms = end_ms;
	w->leapt = end_ms - w->from_ms < step_ms;
	w->to_ms = end_ms;
	if (!w->leapt)
		w->end_ms = end_ms;
}

void limits_learn(struct txn *t)
{
	struct bytes payload;
	struct row_record r;
	struct rows w;

	if (t->j->limits.age_ms <= 0)
		return;
	rows_begin(&w, t, TABLE_RECORDS, NULL);
	while (rows_next(&w))
		if (row_open(ROW_RECORD, w.key, w.value, &payload) && row_parse_record(payload, &r))
			limits_saw(t, r.end_ms);
	rows_end(&w);
}

static void drop_too_old(struct txn *t, int64_t now_ms, size_t budget)
{
	struct row_record r;
	uint64_t seq;

	if (t->j->limits.age_ms <= 0 || !t->next.reached.any)
		return;
	if (now_ms > t->next.reached.end_ms)
		now_ms = t->next.reached.end_ms;
	for (; budget > 0 && oldest(t, &seq); budget--) {
		enum row_found found = txn_record(t, seq, &r);

		if (found == ROW_GOOD && r.end_ms >= now_ms - t->j->limits.age_ms)
			return;
		limits_drop(t, seq, found == ROW_GOOD ? JOURNAL_DROP_AGE : JOURNAL_DROP_DAMAGED);
	}
}

/* ---- both ---- */

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

/* ---- rejects, and a map that is full ---- */

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
	for (; j->limits.policy == JOURNAL_DROP_OLDEST && n < JOURNAL_STEP && oldest(&t, &seq); n++)
		limits_drop(&t, seq, JOURNAL_DROP_SIZE);
	return txn_end(&t, err);
}
