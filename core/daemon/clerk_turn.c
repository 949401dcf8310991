/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of the clerk's, in the thread pool. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/clerk_internal.h"
#include "daemon/journal_check.h"
#include "daemon/recorder.h"

struct batch { /* what journal_write takes */
	struct journal_entry *entries;
	size_t n;
	uint16_t *numbers; /* of their exporters, one after the other */
	size_t n_numbers;
};

static void batch_release(struct batch *b)
{
	free(b->entries);
	free(b->numbers);
}

/*
 * No time makes room for one more exporter, or an id shorter; nor in a map that is full and stays
 * so, where the newest is what has to go.
 */
static bool is_for_good(int r)
{
	return r == -EMFILE || r == -EINVAL || r == -EOVERFLOW;
}

/* Those that the journal has no number for are left out.  How many it has: *n. */
static int numbers_of(struct clerk *c, const struct recorder_entry *in, uint16_t *numbers,
		      size_t *n)
{
	struct turn *t = &c->turn;
	const char *id = in->exporters;
	struct tesla_error why;

	*n = 0;
	for (uint32_t i = 0; i < in->n_exporters; i++, id += strlen(id) + 1) {
		int r = journal_exporter(c->journal, id, &numbers[*n], &why);

		if (r == 0)
			(*n)++;
		else if (!is_for_good(r))
			return tesla_fail(&t->err, r,
					  "the record of analyzer %" PRId64 " until %" PRId64
					  " ms UTC: %s",
					  in->analyzer, in->end_ms, why.text);
		else if (t->n_left_out++ == 0)
			t->left_out = why;
	}
	return 0;
}

/* -EBADMSG: it is no record.  e->n_exporters 0: nobody can have it. */
static int entry_make(struct clerk *c, struct batch *b, const struct waiting *w,
		      struct journal_entry *e)
{
	struct recorder_entry in;
	uint16_t *numbers;
	size_t n = 0;
	int r = w->bytes ? recorder_entry_parse(w->bytes, w->len, &in) : -EBADMSG;

	if (r != 0)
		return tesla_fail(&c->turn.err, r, "a record that waits cannot be read: %s",
				  strerror(-r));
	numbers = realloc(b->numbers, (b->n_numbers + in.n_exporters) * sizeof *numbers);
	if (numbers == NULL)
		return tesla_fail(&c->turn.err, -ENOMEM,
				  "the record of analyzer %" PRId64 " until %" PRId64
				  " ms UTC: no memory for its %" PRIu32 " exporters",
				  in.analyzer, in.end_ms, in.n_exporters);
	b->numbers = numbers;
	r = numbers_of(c, &in, &numbers[b->n_numbers], &n);
	if (r != 0)
		return r;
	b->n_numbers += n;
	*e = (struct journal_entry){ .analyzer = in.analyzer,
				     .end_ms = in.end_ms,
				     .n_exporters = n,
				     .record = in.record,
				     .len = in.len,
				     .start_ms = in.start_ms };
	return 0;
}

static int batch_make(struct clerk *c, struct batch *b)
{
	struct turn *t = &c->turn;
	const uint16_t *numbers;

	b->entries = calloc(t->n_entries + 1, sizeof *b->entries);
	if (b->entries == NULL)
		return tesla_fail(&t->err, -ENOMEM, "no memory for %zu records", t->n_entries);
	for (size_t i = 0; i < t->n_entries; i++) {
		int r = entry_make(c, b, &t->entries[i], &b->entries[b->n]);

		if (r == -EBADMSG)
			t->n_broken++;
		else if (r != 0)
			return r;
		else if (b->entries[b->n].n_exporters > 0)
			b->n++;
	}
	numbers = b->numbers;
	for (size_t i = 0; i < b->n; i++) { /* now that they do not move any more */
		b->entries[i].exporters = numbers;
		numbers += b->entries[i].n_exporters;
	}
	return 0;
}

static int pool_open(struct clerk *c)
{
	struct turn *t = &c->turn;
	const struct journal_check check = { c->program, c->dir, c->limits.bytes, &c->cancel };
	int r = journal_prepare(&check, &t->set_aside, &t->carried, &t->err);

	if (r == -ECANCELED) /* by clerk_stop: nothing failed */
		return 0;
	t->damage = t->err;
	if (r == 0)
		r = journal_open(c->dir, &c->limits, &c->journal, &t->err);
	t->opened = r == 0;
	return r;
}

/*
 * All in one commit.  When that cannot be, the verdicts alone: they take no room on the disk, and
 * what was delivered must not be sent again.
 */
static int pool_write(struct clerk *c)
{
	struct turn *t = &c->turn;
	int64_t now_ms = clock_wall_us() / 1000;
	struct tesla_error ignored;
	struct batch b = { .n = 0 };
	int r = batch_make(c, &b);

	t->proven = r == 0 && b.n + t->verdicts.n > 0;
	if (t->proven)
		r = journal_write(c->journal, b.entries, b.n, t->verdicts.list, t->verdicts.n,
				  now_ms, &t->err);
	t->proven = t->proven && r == 0;
	t->written = t->settled = r == 0;
	if (r != 0 && t->verdicts.n > 0 && t->n_entries > 0 && !journal_broken(c->journal))
		t->settled = journal_write(c->journal, NULL, 0, t->verdicts.list, t->verdicts.n,
					   now_ms, &ignored) == 0;
	batch_release(&b);
	return r;
}

static void pool_close(struct clerk *c)
{
	journal_close(c->journal);
	c->journal = NULL;
}

void clerk_turn(uv_work_t *work)
{
	struct clerk *c = work->data;
	struct turn *t = &c->turn;
	if (t->open)
		t->r = pool_open(c);
	if (c->journal != NULL && (t->n_entries > 0 || t->verdicts.n > 0))
		t->r = pool_write(c);
	t->usable = c->journal != NULL && !journal_broken(c->journal) && !t->blind &&
		    (t->verdicts.n == 0 || t->settled);
	if (t->job != NULL)
		t->job->work(t->job, t->usable ? c->journal : NULL);
	if (c->journal != NULL && !journal_broken(c->journal))
		t->looked = journal_info(c->journal, &t->info) == 0;
	if (c->journal != NULL && (t->close || journal_broken(c->journal))) {
		if (t->r == 0 && !t->close)
			t->r = tesla_fail(&t->err, -EIO, "journal %s is damaged", c->dir);
		pool_close(c);
		t->usable = false;
	}
}
