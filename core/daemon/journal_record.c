/* SPDX-License-Identifier: Apache-2.0 */
/* Records and rejects in a transaction: what belongs together is changed together. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/journal_internal.h"

enum row_found txn_record(struct txn *t, uint64_t seq, struct row_record *r)
{
	struct bytes payload;
	enum row_found found = txn_get(t, TABLE_RECORDS, ROW_RECORD, key_record(seq), &payload);

	if (found == ROW_GOOD && !row_parse_record(payload, r))
		return ROW_DAMAGED;
	return found;
}

static void put_record(struct txn *t, uint64_t seq, const struct row_record *r)
{
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)&r->analyzer, sizeof r->analyzer },
		{ (void *)(uintptr_t)&r->end_ms, sizeof r->end_ms },
		{ (void *)(uintptr_t)&r->n_exporters, sizeof r->n_exporters },
		{ (void *)(uintptr_t)r->exporters, r->n_exporters * sizeof *r->exporters },
		{ (void *)(uintptr_t)r->record.at, r->record.len },
	};

	txn_put(t, TABLE_RECORDS, ROW_RECORD, key_record(seq), parts, N_ELEMENTS(parts));
}

static void enqueue(struct txn *t, uint16_t exporter, uint64_t seq)
{
	struct exporter_state *e = journal_find(&t->next, exporter);

	txn_put(t, TABLE_QUEUE, ROW_QUEUE, key_queue(exporter, seq), NULL, 0);
	e->info.waiting++;
	e->queue_changed = true;
}

void txn_add_record(struct txn *t, uint64_t seq, const struct row_record *r)
{
	put_record(t, seq, r);
	for (size_t i = 0; i < r->n_exporters; i++)
		enqueue(t, r->exporters[i], seq);
}

void txn_add_reject(struct txn *t, uint16_t exporter, uint64_t seq, const struct row_reject *r)
{
	struct exporter_state *e = journal_find(&t->next, exporter);
	struct key key = key_queue(exporter, seq);
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)&r->rejected_ms, sizeof r->rejected_ms },
		{ (void *)(uintptr_t)r->reason, strlen(r->reason) + 1 },
		{ (void *)(uintptr_t)r->record.at, r->record.len },
	};

	if (!txn_has(t, TABLE_REJECTS, key))
		e->info.rejects++;
	txn_put(t, TABLE_REJECTS, ROW_REJECT, key, parts, N_ELEMENTS(parts));
}

void txn_set_end(struct txn *t, int64_t analyzer, const struct recorded *r)
{
	const struct iovec part = { (void *)(uintptr_t)r->spans, (size_t)r->n * sizeof *r->spans };

	txn_put(t, TABLE_STATE, ROW_END, key_end(analyzer), &part, 1);
}

bool txn_unqueue(struct txn *t, uint16_t exporter, uint64_t seq)
{
	struct exporter_state *e = journal_find(&t->next, exporter);

	if (e == NULL || !txn_del(t, TABLE_QUEUE, key_queue(exporter, seq)))
		return false;
	e->info.waiting--;
	e->queue_changed = true;
	return true;
}

void txn_release(struct txn *t, uint64_t seq)
{
	struct row_record r;

	switch (txn_record(t, seq, &r)) {
	case ROW_DAMAGED:
		limits_drop(t, seq, JOURNAL_DROP_DAMAGED);
		return;
	case ROW_NONE:
		return;
	case ROW_GOOD:
		break;
	}
	for (size_t i = 0; i < r.n_exporters; i++)
		if (txn_has(t, TABLE_QUEUE, key_queue(r.exporters[i], seq)))
			return;
	(void)txn_del(t, TABLE_RECORDS, key_record(seq));
}

static bool is_for(const struct row_record *r, uint16_t exporter)
{
	for (size_t i = 0; i < r->n_exporters; i++)
		if (r->exporters[i] == exporter)
			return true;
	return false;
}

void txn_hand_over(struct txn *t, uint64_t seq, uint16_t from, uint16_t to)
{
	_cleanup_free_ uint8_t *copy = NULL;
	struct row_record r;
	bool waits, had;
	size_t n = 0;

	if (txn_record(t, seq, &r) != ROW_GOOD) {
		limits_drop(t, seq, JOURNAL_DROP_DAMAGED);
		return;
	}
	/* The row that it is read from is about to be written over. */
	copy = malloc(r.record.len + 1);
	if (copy == NULL) {
		t->r = t->r != 0 ? t->r : ENOMEM;
		return;
	}
	memcpy(copy, r.record.at, r.record.len);
	r.record.at = copy;
	waits = txn_has(t, TABLE_QUEUE, key_queue(to, seq));
	had = !waits && is_for(&r, to);
	for (size_t i = 0; i < r.n_exporters; i++)
		if (r.exporters[i] != from && r.exporters[i] != to)
			r.exporters[n++] = r.exporters[i];
	r.exporters[n++] = to;
	r.n_exporters = (uint16_t)n;
	put_record(t, seq, &r);
	(void)txn_unqueue(t, from, seq);
	if (had)
		txn_release(t, seq);
	else if (!waits)
		enqueue(t, to, seq);
}
