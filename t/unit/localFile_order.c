/* SPDX-License-Identifier: Apache-2.0 */
/*
 * localFile under the core's policy: an analyzer whose folder is in nobody's reach for a while gets
 * all its lines, in order; the other's are not held up.
 */
#include "daemon/delivery.h"
#include "localFile_fixture.h"

#define PER_BATCH 4
#define EACH 24 /* records of each of two analyzers, in turn */
#define N ((size_t)2 * EACH)

struct queue { /* what the journal does; a record's number is its place */
	struct delivery d;
	struct rig rig;
	struct tesla_item items[N];
	bool done[N];
	int64_t now_ms;
};

static size_t waiting(const struct queue *q, int64_t analyzer)
{
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		n += !q->done[i] && (analyzer == 0 || q->items[i].analyzer == analyzer);
	return n;
}

static size_t take(const struct queue *q, const struct delivery_step *s, struct journal_taken *t)
{
	size_t n = 0;

	for (size_t i = s->from; i < N && n < s->max; i++) {
		bool held = false;

		for (size_t k = 0; k < q->d.n_held; k++)
			held = held || q->d.held[k] == q->items[i].analyzer;
		if (!q->done[i] && !held)
			t[n++] = (struct journal_taken){ .seq = i,
							 .analyzer = q->items[i].analyzer };
	}
	return n;
}

static void batch_deliver(struct queue *q, const struct journal_taken *t, size_t n)
{
	struct delivery_verdict v[PER_BATCH] = { { 0 } };
	struct tesla_verdict verdicts[PER_BATCH] = { { 0 } };
	struct tesla_item batch[PER_BATCH] = { { .kind = TESLA_RECORD } };

	for (size_t i = 0; i < n; i++)
		batch[i] = q->items[t[i].seq];
	(void)deliver(&q->rig, batch, n, verdicts);
	for (size_t i = 0; i < n; i++) {
		v[i].delivery = verdicts[i].delivery;
		q->done[t[i].seq] = verdicts[i].delivery == TESLA_DONE;
	}
	delivery_verdicts(&q->d, v, NULL, q->now_ms);
	delivery_changed(&q->d, waiting(q, 0), N);
}

/* Until nothing is to be done for so many waits. */
static void run(struct queue *q, int waits)
{
	struct journal_taken t[PER_BATCH];
	struct delivery_step s;

	while ((s = delivery_step(&q->d, q->now_ms)).what != DELIVERY_NOTHING) {
		size_t n;

		if (s.what == DELIVERY_WAIT) {
			if (waits-- == 0)
				return;
			q->now_ms = s.until_ms;
			continue;
		}
		n = take(q, &s, t);
		delivery_took(&q->d, t, n, UINT64_MAX, q->now_ms);
		if (n > 0)
			batch_deliver(q, t, n);
	}
}

static void queue_init(struct queue *q)
{
	*q = (struct queue){ .now_ms = 1 };
	rig_init(&q->rig, "txt");
	rig_open(&q->rig);
	for (size_t i = 0; i < N; i++) /* through the hour that is there twice */
		q->items[i] = record(1 + (int64_t)(i % 2),
				     utc(2026, 10, 24, 22, 15) + (int64_t)(i / 2) * QUARTER_MS,
				     i + 1, blanks, 1);
	delivery_init(&q->d, PER_BATCH, 0, 7);
	delivery_host(&q->d, true);
	delivery_changed(&q->d, N, N);
}

static const char day[] = HEAD LINE("00:15:00") LINE("00:30:00") LINE("00:45:00") LINE("01:00:00")
	LINE("01:15:00") LINE("01:30:00") LINE("01:45:00") LINE("02:00:00") LINE("02:15:00")
		LINE("02:30:00") LINE("02:45:00") LINE("02:00:00") LINE("02:15:00") LINE("02:30:00")
			LINE("02:45:00") LINE("03:00:00") LINE("03:15:00") LINE("03:30:00")
				LINE("03:45:00") LINE("04:00:00") LINE("04:15:00") LINE("04:30:00")
					LINE("04:45:00") LINE("05:00:00");

/* Bad from the n-th record of it on; beyond a few batches of it, as after a restart. */
static void check_bad_folder(size_t good, bool backlog)
{
	struct queue *q = calloc(1, sizeof *q);
	char path[64], away[64];

	queue_init(q);
	(void)snprintf(path, sizeof path, "%s/1", q->rig.target);
	(void)snprintf(away, sizeof away, "%s/away", q->rig.target);
	deliver_all(&q->rig, q->items, 2 * good);
	for (size_t i = 0; i < 2 * good; i++)
		q->done[i] = true;
	if (backlog) /* of the first analyzer alone */
		for (size_t i = 2 * good + 1; i < 2 * good + (size_t)6 * PER_BATCH; i += 2) {
			deliver_all(&q->rig, &q->items[i], 1);
			q->done[i] = true;
		}
	delivery_changed(&q->d, waiting(q, 0), N);
	if (good > 0)
		cr_assert_eq(rename(path, away), 0);
	text_put(&q->rig, "1", "");
	run(q, 8);
	cr_expect_eq(waiting(q, 2), 0, "%zu: the others were held up", good);
	cr_expect_eq(waiting(q, 1), EACH - good);
	check_text(&q->rig, "2/20261025.txt", day);
	cr_assert_eq(unlink(path), 0);
	if (good > 0)
		cr_assert_eq(rename(away, path), 0);
	run(q, 8);
	cr_expect_eq(waiting(q, 0), 0);
	check_text(&q->rig, "1/20261025.txt", day);
	rig_close(&q->rig);
	rig_release(&q->rig);
	free(q);
}

Test(localFile_order, a_bad_folder, .timeout = 60)
{
	for (size_t good = 0; good < EACH; good++)
		check_bad_folder(good, false);
	for (size_t good = 0; good + (size_t)3 * PER_BATCH < EACH; good++)
		check_bad_folder(good, true);
}

/* It comes and goes between any two batches: the lines of the second pass are not the first's. */
Test(localFile_order, a_folder_that_comes_and_goes, .timeout = 60)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct queue *q = calloc(1, sizeof *q);
		char path[64], away[64];
		uint64_t dice = seed;
		bool gone = false;

		queue_init(q);
		(void)snprintf(path, sizeof path, "%s/1", q->rig.target);
		(void)snprintf(away, sizeof away, "%s/away", q->rig.target);
		deliver_all(&q->rig, q->items, 2);
		q->done[0] = q->done[1] = true;
		for (int i = 0; i < 200; i++) {
			struct delivery_step s = delivery_step(&q->d, q->now_ms);
			struct journal_taken t[PER_BATCH];
			size_t n;

			dice = dice * 6364136223846793005u + 1442695040888963407u;
			if (gone && (dice >> 60) < 6) {
				cr_assert_eq(unlink(path), 0);
				cr_assert_eq(rename(away, path), 0);
				gone = false;
			} else if (!gone && (dice >> 60) > 9) {
				cr_assert_eq(rename(path, away), 0);
				text_put(&q->rig, "1", "");
				gone = true;
			}
			if (s.what == DELIVERY_WAIT)
				q->now_ms = s.until_ms;
			if (s.what != DELIVERY_TAKE)
				continue;
			n = take(q, &s, t);
			delivery_took(&q->d, t, n, UINT64_MAX, q->now_ms);
			if (n > 0)
				batch_deliver(q, t, n);
		}
		if (gone) {
			cr_assert_eq(unlink(path), 0);
			cr_assert_eq(rename(away, path), 0);
		}
		run(q, 20);
		check_text(&q->rig, "1/20261025.txt", day);
		check_text(&q->rig, "2/20261025.txt", day);
		rig_close(&q->rig);
		rig_release(&q->rig);
		free(q);
	}
}
