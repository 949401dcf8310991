/* SPDX-License-Identifier: Apache-2.0 */
/* The journal against a model of it that is as plain as can be: some thousands of random steps. */
#include "journal_fixture.h"

#define N 400 /* records at most */
#define EXPORTERS 3

struct model {
	size_t n;
	int64_t end_ms[N];
	uint64_t seq[N];
	bool waits[N][EXPORTERS], made_for[N][EXPORTERS];
	uint64_t delivered[EXPORTERS], rejected[EXPORTERS];
};

struct world {
	struct scratch s;
	struct journal *j;
	struct model m;
	uint16_t no[EXPORTERS];
	uint64_t random;
};

static size_t below(struct world *w, size_t n)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(w->random >> 33) % n;
}

static void step_write(struct world *w)
{
	struct tesla_error err = { 0 };
	struct journal_info before, after;
	uint16_t for_whom[EXPORTERS];
	size_t n = 0, mask = 1 + below(w, 7), i = w->m.n;

	if (i == N)
		return;
	for (size_t e = 0; e < EXPORTERS; e++) {
		w->m.waits[i][e] = w->m.made_for[i][e] = (mask >> e & 1) != 0;
		if (w->m.waits[i][e])
			for_whom[n++] = w->no[e];
	}
	w->m.end_ms[i] = START_MS + (int64_t)i * QUARTER_MS;
	cr_assert(eq(int, journal_info(w->j, &before), 0));
	cr_assert(eq(int,
		     fixture_write(w->j, 7, w->m.end_ms[i], 30 + below(w, 6000), for_whom, n, &err),
		     0),
		  "%s", err.text);
	cr_assert(eq(int, journal_info(w->j, &after), 0));
	free(before.exporters);
	free(after.exporters);
	cr_assert(gt(u64, after.next_seq, before.next_seq));
	w->m.seq[i] = after.next_seq - 1;
	w->m.n++;
}

/* A verdict on any record, whether it waits or not. */
static void step_settle(struct world *w)
{
	struct tesla_error err = { 0 };
	size_t e = below(w, EXPORTERS), i;
	bool reject = below(w, 4) == 0;

	if (w->m.n == 0)
		return;
	i = below(w, w->m.n);
	cr_assert(eq(int,
		     journal_write(w->j, NULL, 0,
				   &(struct journal_verdict){ w->no[e], w->m.seq[i],
							      reject ? "no" : NULL },
				   1, START_MS, &err),
		     0));
	if (w->m.waits[i][e])
		(*(reject ? &w->m.rejected[e] : &w->m.delivered[e]))++;
	w->m.waits[i][e] = false;
}

static void step_move(struct world *w)
{
	struct tesla_error err = { 0 };
	size_t from = below(w, EXPORTERS), to = below(w, EXPORTERS);
	uint64_t n;
	bool more;

	cr_assert(eq(int, journal_move(w->j, w->no[from], w->no[to], &n, &more, &err), 0));
	cr_assert(eq(int, more, false));
	for (size_t i = 0; i < w->m.n && from != to; i++) {
		if (!w->m.waits[i][from])
			continue;
		w->m.waits[i][to] = w->m.waits[i][to] || !w->m.made_for[i][to];
		w->m.made_for[i][to] = true;
		w->m.waits[i][from] = w->m.made_for[i][from] = false;
	}
}

static void step_purge(struct world *w)
{
	struct tesla_error err = { 0 };
	size_t e = below(w, EXPORTERS), i, expected = 0;
	uint64_t n;
	bool more;

	for (i = 0; i < w->m.n; i++) {
		expected += w->m.waits[i][e];
		w->m.waits[i][e] = false;
	}
	cr_assert(eq(int, journal_purge(w->j, w->no[e], false, &n, &more, &err), 0));
	cr_assert(eq(u64, n, expected));
}

static void step_reopen(struct world *w)
{
	journal_close(w->j);
	w->j = fixture_open(w->s.journal, NULL);
}

/* All that waits for `e`, in order. */
static void same_queue(struct world *w, size_t e, const struct journal_exporter_info *info)
{
	struct journal_taken got[N];
	struct tesla_error err = { 0 };
	struct buf b;
	uint64_t next;
	size_t n = 0, at = 0;
	const struct journal_want want = { .exporter = w->no[e], .max = N, .max_bytes = 8 << 20 };

	buf_init(&b, 8 << 20);
	cr_assert(eq(int, journal_take(w->j, &want, &b, got, &n, &next, &err), 0));
	cr_assert(n == N || next == UINT64_MAX);
	for (size_t i = 0; i < w->m.n; i++) {
		if (!w->m.waits[i][e])
			continue;
		cr_assert(lt(sz, at, n));
		cr_assert(eq(u64, got[at].seq, w->m.seq[i]));
		cr_assert(sample_right(b.pub.bytes + got[at].at, got[at].len));
		if (at++ == 0)
			cr_assert(eq(i64, info->oldest_ms, w->m.end_ms[i]));
	}
	cr_assert(eq(sz, at, n));
	cr_assert(eq(u64, info->waiting, n));
	cr_assert(eq(u64, info->delivered, w->m.delivered[e]));
	cr_assert(eq(u64, info->rejected, w->m.rejected[e]));
	buf_release(&b);
}

static void same(struct world *w)
{
	struct journal_info info;
	uint64_t records = 0;

	cr_assert(eq(int, journal_info(w->j, &info), 0));
	for (size_t i = 0; i < w->m.n; i++)
		records += w->m.waits[i][0] || w->m.waits[i][1] || w->m.waits[i][2];
	cr_assert(eq(u64, info.records, records));
	for (size_t e = 0; e < EXPORTERS; e++)
		same_queue(w, e, fixture_info(&info, w->no[e]));
	free(info.exporters);
}

static void (*const steps[])(struct world *) = {
	step_write,  step_write,  step_write,  step_write,  step_write,	 step_write,
	step_settle, step_settle, step_settle, step_settle, step_settle, step_settle,
	step_settle, step_settle, step_settle, step_settle, step_reopen, step_move,
};

Test(journal_model, random_steps, .timeout = 120)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct world *w = calloc(1, sizeof *w);

		cr_assert(ne(ptr, w, NULL));
		w->s = scratch_new();
		w->random = seed;
		w->j = fixture_open(w->s.journal, NULL);
		w->no[0] = fixture_exporter(w->j, "a");
		w->no[1] = fixture_exporter(w->j, "b");
		w->no[2] = fixture_exporter(w->j, "c");
		for (int i = 0; i < 1000; i++) {
			steps[below(w, N_ELEMENTS(steps))](w);
			if (i % 200 == 199)
				step_purge(w);
			if (i % 10 == 0)
				same(w);
		}
		same(w);
		journal_close(w->j);
		scratch_remove(&w->s);
		free(w);
	}
}
