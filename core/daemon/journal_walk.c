/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: what waits, what was rejected, and moving it from one queue to another. */
#include <errno.h>

#include "base/cleanup.h"
#include "daemon/journal_internal.h"

/* ---- taking ---- */

#define BAD_MAX 64 /* found damaged in one take; the rest is found by the next */

struct take {
	const struct journal_want *want;
	size_t n, bytes, n_passed;
	uint64_t next;
	struct buf *out;
	struct journal_taken *taken;
	uint64_t bad[BAD_MAX];
	size_t n_bad;
	int r;
};

static bool is_wanted(const struct journal_want *want, int64_t analyzer)
{
	for (size_t i = 0; i < want->n_without; i++)
		if (want->without[i] == analyzer)
			return false;
	return true;
}

static bool take_one(struct take *a, struct txn *t, uint64_t seq)
{
	struct row_record r;

	a->next = seq + 1;
	if (txn_record(t, seq, &r) != ROW_GOOD) {
		if (t->r == 0 && a->n_bad < BAD_MAX)
			a->bad[a->n_bad++] = seq;
		return t->r == 0 && a->n_bad < BAD_MAX;
	}
	if (!is_wanted(a->want, r.analyzer))
		return ++a->n_passed < JOURNAL_LOOK_MAX;
	if (a->n > 0 && a->bytes + r.record.len > a->want->max_bytes)
		return false;
	a->taken[a->n] =
		(struct journal_taken){ seq, r.analyzer, r.end_ms, a->out->pub.len, r.record.len };
	a->r = buf_append(a->out, r.record.at, r.record.len);
	if (a->r != 0)
		return false;
	a->bytes += r.record.len;
	return ++a->n < a->want->max;
}

static int drop_bad(struct journal *j, const struct take *a, struct tesla_error *err)
{
	struct txn t;

	txn_begin(&t, j, 0);
	for (size_t i = 0; i < a->n_bad && t.r == 0; i++)
		limits_drop(&t, a->bad[i], JOURNAL_DROP_DAMAGED);
	return txn_end(&t, err);
}

static int take_round(struct journal *j, struct take *a, struct tesla_error *err)
{
	uint16_t exporter = a->want->exporter;
	struct key from = key_queue(exporter, a->want->from);
	struct rows w;
	struct txn t;
	uint16_t no;
	uint64_t seq;
	bool more;
	int r;

	a->n_bad = a->n_passed = 0;
	txn_begin(&t, j, MDB_RDONLY);
	rows_begin(&w, &t, TABLE_QUEUE, &from);
	do
		more = rows_next(&w) && key_parse_queue(w.key, &no, &seq) && no == exporter;
	while (more && take_one(a, &t, seq));
	if (!more)
		a->next = UINT64_MAX;
	rows_end(&w);
	r = txn_end(&t, err);
	if (r == 0 && a->r != 0 && a->n == 0)
		r = tesla_fail(err, a->r, "journal %s: no memory for a record", j->path);
	if (r == 0 && a->n_bad > 0)
		r = drop_bad(j, a, err);
	return r;
}

int journal_take(struct journal *j, const struct journal_want *want, struct buf *bytes,
		 struct journal_taken *taken, size_t *n, uint64_t *next, struct tesla_error *err)
{
	struct take a = { .want = want, .next = want->from, .out = bytes, .taken = taken };
	int r = 0;

	if (want->max > 0)
		do
			r = take_round(j, &a, err);
		while (r == 0 && a.n == 0 && a.n_bad > 0);
	if (r == 0) {
		*n = a.n;
		*next = a.next;
	}
	return r;
}

/* ---- walking ---- */

static bool show_waiting(struct txn *t, uint64_t seq, journal_each *each, void *arg)
{
	struct row_record r;

	if (txn_record(t, seq, &r) != ROW_GOOD)
		return true;
	return each(arg, &(struct journal_shown){
				 .seq = seq, .record = r.record.at, .len = r.record.len });
}

int journal_walk(struct journal *j, uint16_t exporter, uint64_t from, journal_each *each, void *arg,
		 struct tesla_error *err)
{
	bool any = exporter == JOURNAL_ANY;
	struct key key = any ? key_record(from) : key_queue(exporter, from);
	struct rows w;
	struct txn t;
	uint16_t no = exporter;
	uint64_t seq;

	txn_begin(&t, j, MDB_RDONLY);
	rows_begin(&w, &t, any ? TABLE_RECORDS : TABLE_QUEUE, &key);
	while (rows_next(&w) &&
	       (any ? key_parse_record(w.key, &seq) : key_parse_queue(w.key, &no, &seq)) &&
	       no == exporter && show_waiting(&t, seq, each, arg))
		;
	rows_end(&w);
	return txn_end(&t, err);
}

static bool show_reject(const struct rows *w, uint16_t no, uint64_t seq, journal_each *each,
			void *arg)
{
	struct bytes payload;
	struct row_reject r;

	if (!row_open(ROW_REJECT, w->key, w->value, &payload) || !row_parse_reject(payload, &r))
		return true;
	return each(arg, &(struct journal_shown){ seq, no, r.rejected_ms, r.reason, r.record.at,
						  r.record.len });
}

int journal_walk_rejects(struct journal *j, uint16_t exporter, uint64_t from, journal_each *each,
			 void *arg, struct tesla_error *err)
{
	bool any = exporter == JOURNAL_ANY;
	struct key key = key_queue(any ? 0 : exporter, any ? 0 : from);
	struct rows w;
	struct txn t;
	uint16_t no;
	uint64_t seq;

	txn_begin(&t, j, MDB_RDONLY);
	rows_begin(&w, &t, TABLE_REJECTS, &key);
	while (rows_next(&w) && key_parse_queue(w.key, &no, &seq) && (any || no == exporter) &&
	       (seq < from || show_reject(&w, no, seq, each, arg)))
		;
	rows_end(&w);
	return txn_end(&t, err);
}

/* ---- from one queue to another, or to none ---- */

struct shift {
	uint16_t from, to; /* to JOURNAL_ANY: to none */
	bool rejects;	   /* what was rejected, not what waits */
	uint64_t n;
};

static bool shift_one(struct txn *t, const struct shift *s)
{
	enum table table = s->rejects ? TABLE_REJECTS : TABLE_QUEUE;
	struct bytes key, value;
	uint16_t no;
	uint64_t seq;

	if (!txn_first(t, table, key_queue(s->from, 0), &key, &value) ||
	    !key_parse_queue(key, &no, &seq) || no != s->from)
		return false;
	if (s->rejects) {
		(void)txn_del(t, TABLE_REJECTS, key_queue(no, seq));
		journal_find(&t->next, no)->info.rejects--;
		return true;
	}
	if (s->to != JOURNAL_ANY) {
		txn_hand_over(t, seq, no, s->to);
		return true;
	}
	(void)txn_unqueue(t, no, seq);
	txn_release(t, seq);
	limits_count(t, JOURNAL_DROP_PURGED, 1);
	return true;
}

static int shift_some(struct journal *j, struct shift *s, bool *more, struct tesla_error *err)
{
	struct txn t;
	uint64_t n = 0;
	int r;

	txn_begin(&t, j, 0);
	while (n < JOURNAL_STEP && t.r == 0 && shift_one(&t, s))
		n++;
	r = txn_end(&t, err);
	*more = n == JOURNAL_STEP;
	if (r == 0)
		s->n += n;
	return r;
}

/* *more: there is left what is to be done in another call. */
static int shift_much(struct journal *j, struct shift *s, bool *more, struct tesla_error *err)
{
	int r = 0;

	*more = true;
	for (int i = 0; i < JOURNAL_STEPS && r == 0 && *more; i++) {
		r = shift_some(j, s, more, err);
		if (r == -EOVERFLOW && txn_grow(j)) {
			r = 0;
			*more = true;
		}
	}
	return r;
}

static int forget(struct journal *j, uint16_t exporter, struct tesla_error *err)
{
	struct txn t;

	txn_begin(&t, j, 0);
	if (t.r == 0)
		exporter_forget(&t, exporter);
	return txn_end(&t, err);
}

int journal_purge(struct journal *j, uint16_t exporter, bool rejects_too, uint64_t *n, bool *more,
		  struct tesla_error *err)
{
	struct shift s = { .from = exporter, .to = JOURNAL_ANY };
	int r = shift_much(j, &s, more, err);

	*n = s.n;
	s.rejects = true;
	if (r == 0 && !*more && rejects_too) {
		r = shift_much(j, &s, more, err);
		if (r == 0 && !*more)
			r = forget(j, exporter, err);
	}
	return r;
}

int journal_move(struct journal *j, uint16_t from, uint16_t to, uint64_t *n, bool *more,
		 struct tesla_error *err)
{
	struct shift s = { .from = from, .to = to };
	int r = 0;

	*more = false;
	if (journal_find(&j->now, to) == NULL)
		return tesla_fail(err, -ENOENT, "journal %s: no exporter has the number %u",
				  j->path, (unsigned)to);
	if (from != to)
		r = shift_much(j, &s, more, err);
	*n = s.n;
	return r;
}
