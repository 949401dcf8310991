/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a queue come in order.  So what was lost lay between the rows before and behind the
 * damage, and all that could have lain there is taken to wait.
 */
#include "daemon/journal_waiting.h"

#include <errno.h>
#include <stdlib.h>

static void add(struct waiting *w, struct places *p, struct place place)
{
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 1024 : 2 * p->cap;
		struct place *at = realloc(p->at, cap * sizeof *at);

		if (at == NULL) {
			w->failed = true;
			return;
		}
		p->at = at;
		p->cap = cap;
	}
	p->at[p->n++] = place;
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->exporter != y->exporter)
		return x->exporter < y->exporter ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Was something damaged between the row before and this one? */
static void note_hole(struct waiting *w, struct place to)
{
	struct place from = w->rows.n > 0 ? w->rows.at[w->rows.n - 1] : (struct place){ 0, 0 };

	if (w->p->bad == w->bad)
		return;
	/* Pages that are not where they belong: then nothing is known of the whole queue. */
	if (by_place(&from, &to) >= 0) {
		from = (struct place){ 0, 0 };
		to = (struct place){ JOURNAL_ANY, UINT64_MAX };
	}
	add(w, &w->holes, from);
	add(w, &w->holes, to);
	w->bad = w->p->bad;
}

static bool on_row(void *arg, struct bytes key, struct bytes value)
{
	struct waiting *w = arg;
	struct bytes payload;
	struct place place;

	if (!key_parse_queue(key, &place.exporter, &place.seq) ||
	    !row_open(ROW_QUEUE, key, value, &payload)) {
		pages_complain(w->p, "a row of a queue is damaged");
		return false;
	}
	note_hole(w, place);
	add(w, &w->rows, place);
	return true;
}

int waiting_read(struct waiting *w, struct pages *p)
{
	*w = (struct waiting){ .p = p, .bad = p->bad };
	pages_walk(p, TABLE_QUEUE, on_row, w);
	if (!p->has[TABLE_QUEUE])
		pages_complain(p, "a table is missing");
	note_hole(w, (struct place){ JOURNAL_ANY, UINT64_MAX });
	if (w->rows.n > 0)
		qsort(w->rows.at, w->rows.n, sizeof *w->rows.at, by_place);
	return w->failed ? -ENOMEM : 0;
}

bool waiting_has(const struct waiting *w, uint16_t exporter, uint64_t seq)
{
	const struct places *rows = &w->rows, *holes = &w->holes;
	const struct place place = { exporter, seq };

	for (size_t i = 0; i + 1 < holes->n; i += 2)
		if (by_place(&holes->at[i], &place) < 0 && by_place(&place, &holes->at[i + 1]) < 0)
			return true;
	return rows->n > 0 && bsearch(&place, rows->at, rows->n, sizeof place, by_place) != NULL;
}

void waiting_release(struct waiting *w)
{
	free(w->rows.at);
	free(w->holes.at);
}
