/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of delivery against a journal and a far end made by hand: nothing is lost, nothing
 * that is done is sent again, none is sent before an older one of its analyzer is done with, and
 * without time passing it comes to rest.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/delivery.h"

#define RECORDS_MAX 1024
#define LOOK_MAX 20 /* as JOURNAL_LOOK_MAX */
#define BATCH 10

struct model { /* a journal of one exporter; a record's number is its place, from 1 on */
	struct delivery d;
	bool waits[RECORDS_MAX];
	int delivered[RECORDS_MAX], rejected[RECORDS_MAX];
	size_t order[RECORDS_MAX], n_order; /* as delivered */
	size_t n;			    /* the next number */
	size_t analyzers;		    /* 0: each record has one of its own */
	size_t sent;			    /* records, also those that came again */
	int64_t now_ms;
};

/* What the far end says to a batch. */
typedef void far_end(struct model *m, void *arg, struct delivery_verdict *v, const uint64_t *seqs,
		     size_t n);

static void changed(struct model *m)
{
	uint64_t waiting = 0;

	for (size_t i = 1; i < m->n; i++)
		waiting += m->waits[i];
	delivery_changed(&m->d, waiting, m->n);
}

static void records_add(struct model *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		m->waits[m->n++] = true;
	changed(m);
}

static void model_init(struct model *m, size_t n, uint64_t seed)
{
	*m = (struct model){ .n = 1, .now_ms = 1000000 };
	delivery_init(&m->d, BATCH, 0, seed);
	delivery_host(&m->d, true);
	records_add(m, n);
}

static int64_t analyzer_of(const struct model *m, size_t seq)
{
	return (int64_t)(m->analyzers ? seq % m->analyzers : seq);
}

static bool is_held(const struct model *m, int64_t analyzer)
{
	for (size_t i = 0; i < m->d.n_held; i++)
		if (m->d.held[i] == analyzer)
			return true;
	return false;
}

/* All that waits of an analyzer up to its newest in the batch is in it. */
static void none_overtakes(const struct model *m, const struct journal_taken *t, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t seq = 1, at = 0; seq < t[k].seq; seq++) {
			while (at < k && t[at].seq < seq)
				at++;
			cr_assert(t[at].seq == seq || !m->waits[seq] ||
					  analyzer_of(m, seq) != t[k].analyzer,
				  "%llu is sent before %zu", (unsigned long long)t[k].seq, seq);
		}
}

static size_t take(const struct model *m, const struct delivery_step *s, struct journal_taken *t,
		   uint64_t *next)
{
	size_t n = 0, passed = 0, i;

	for (i = s->from; i < m->n && n < s->max && passed < LOOK_MAX; i++) {
		if (m->waits[i] && is_held(m, analyzer_of(m, i)))
			passed++;
		else if (m->waits[i])
			t[n++] = (struct journal_taken){ .seq = i, .analyzer = analyzer_of(m, i) };
	}
	*next = i < m->n ? i : UINT64_MAX;
	none_overtakes(m, t, n);
	return n;
}

static void settle(struct model *m, size_t seq, enum tesla_delivery what)
{
	cr_assert(m->waits[seq], "%zu was done and came again", seq);
	if (what != TESLA_DONE && what != TESLA_REJECT)
		return;
	m->waits[seq] = false;
	m->delivered[seq] += what == TESLA_DONE;
	m->rejected[seq] += what == TESLA_REJECT;
	if (what == TESLA_DONE)
		m->order[m->n_order++] = seq;
}

/* One step; false: nothing is to be done now. */
static bool step(struct model *m, far_end *answer, void *arg)
{
	struct delivery_step s = delivery_step(&m->d, m->now_ms);
	struct journal_taken t[BATCH];
	struct delivery_verdict v[BATCH] = { { 0 } };
	uint64_t next;
	size_t n;

	if (s.what != DELIVERY_TAKE)
		return false;
	cr_assert(le(sz, s.max, BATCH));
	n = take(m, &s, t, &next);
	delivery_took(&m->d, t, n, next, m->now_ms);
	if (n == 0)
		return true;
	m->sent += n;
	answer(m, arg, v, m->d.seqs, n);
	if (m->d.state == DELIVERY_DOWN) { /* it died of it */
		delivery_host(&m->d, true);
		return true;
	}
	for (size_t i = 0; i < n; i++)
		settle(m, t[i].seq, v[i].delivery);
	delivery_verdicts(&m->d, v, NULL, m->now_ms);
	changed(m);
	return true;
}

/* Without time passing it comes to rest. */
static void run_now(struct model *m, far_end *answer, void *arg)
{
	unsigned turns = 0;

	while (step(m, answer, arg))
		cr_assert(lt(uint, ++turns, 3 * RECORDS_MAX), "it spins");
}

/* To the next moment at which it wants to be asked. */
static bool wait_once(struct model *m)
{
	struct delivery_step s = delivery_step(&m->d, m->now_ms);

	if (s.what != DELIVERY_WAIT)
		return false;
	cr_assert(gt(i64, s.until_ms, m->now_ms));
	m->now_ms = s.until_ms;
	return true;
}

static void run_to_the_end(struct model *m, far_end *answer, void *arg)
{
	unsigned waits = 0;

	do
		run_now(m, answer, arg);
	while (wait_once(m) && ++waits < 1000);
	cr_assert(eq(int, m->d.state, DELIVERY_IDLE));
}

static void all_delivered_once(const struct model *m, const char *what)
{
	for (size_t i = 1; i < m->n; i++)
		cr_assert(m->delivered[i] + m->rejected[i] == 1 && !m->waits[i],
			  "%s: record %zu: %d delivered, %d rejected", what, i, m->delivered[i],
			  m->rejected[i]);
}

static void say(struct delivery_verdict *v, size_t n, enum tesla_delivery what)
{
	for (size_t i = 0; i < n; i++)
		v[i].delivery = what;
}

static void accept_all(struct model *m, void *arg, struct delivery_verdict *v, const uint64_t *seqs,
		       size_t n)
{
	(void)m, (void)arg, (void)seqs;
	say(v, n, TESLA_DONE);
}

static void nobody_there(struct model *m, void *arg, struct delivery_verdict *v,
			 const uint64_t *seqs, size_t n)
{
	(void)m, (void)arg, (void)v, (void)seqs, (void)n;
}

/* ---- masks: which of a batch are accepted, in three rounds; then all are ---- */

struct masks {
	unsigned round[3], at;
};

static void accept_masked(struct model *m, void *arg, struct delivery_verdict *v,
			  const uint64_t *seqs, size_t n)
{
	struct masks *k = arg;
	unsigned mask = k->at < N_ELEMENTS(k->round) ? k->round[k->at] : ~0u;

	(void)m, (void)seqs;
	k->at++;
	for (size_t i = 0; i < n; i++)
		v[i].delivery = mask >> i & 1 ? TESLA_DONE : TESLA_RETRY;
}

/* As a far end that keeps an analyzer's order: what comes behind one to come later does too. */
static void accept_masked_in_order(struct model *m, void *arg, struct delivery_verdict *v,
				   const uint64_t *seqs, size_t n)
{
	accept_masked(m, arg, v, seqs, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i && v[i].delivery == TESLA_DONE; k++)
			if (v[k].delivery == TESLA_RETRY &&
			    analyzer_of(m, seqs[k]) == analyzer_of(m, seqs[i]))
				v[i].delivery = TESLA_RETRY;
}

static void ordered_per_analyzer(const struct model *m)
{
	for (size_t i = 1; i < m->n_order; i++)
		for (size_t k = 0; k < i; k++)
			cr_assert(m->order[k] < m->order[i] || analyzer_of(m, m->order[k]) !=
								       analyzer_of(m, m->order[i]),
				  "%zu was delivered before %zu", m->order[k], m->order[i]);
}

static bool is_prefix(unsigned mask) /* accepted up to some record, and none behind it */
{
	return (mask & (mask + 1)) == 0;
}

static void ordered(const struct model *m)
{
	for (size_t i = 1; i < m->n_order; i++)
		cr_assert(gt(sz, m->order[i], m->order[i - 1]));
}

Test(delivery, every_mask_over_three_rounds)
{
	for (unsigned mask = 0; mask < 1u << BATCH; mask++) {
		const struct masks all[] = {
			{ { mask, mask, mask }, 0 },
			{ { mask, ~mask, mask }, 0 },
			{ { mask, mask * 5 % (1u << BATCH), mask * 9 % (1u << BATCH) }, 0 },
		};

		for (size_t i = 0; i < N_ELEMENTS(all); i++)
			for (size_t analyzers = 0; analyzers < 5; analyzers++) {
				struct masks k = all[i];
				struct model m;

				model_init(&m, 37, mask + 1);
				m.analyzers = analyzers;
				run_to_the_end(&m, accept_masked_in_order, &k);
				all_delivered_once(&m, "mask");
				cr_assert(eq(sz, m.n_order, 37));
				ordered_per_analyzer(&m);
				if (i == 0 && mask != 0 && is_prefix(mask))
					ordered(&m);
			}
	}
}

/* ---- whatever the far end says ---- */

static uint32_t dice(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

struct whims {
	uint32_t dice;
	int left; /* batches; then all are accepted */
};

static void say_anything(struct model *m, void *arg, struct delivery_verdict *v,
			 const uint64_t *seqs, size_t n)
{
	struct whims *w = arg;
	uint32_t mood = dice(&w->dice) % 4;

	if (w->left-- <= 0) {
		accept_all(m, NULL, v, seqs, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		v[i].delivery = mood == 0 ? TESLA_RETRY : (enum tesla_delivery)(dice(&w->dice) % 3);
		if (mood == 1 && dice(&w->dice) % 8 == 0)
			v[i].delivery = TESLA_REFUSED;
		if (mood == 2)
			v[i].retry_ms = dice(&w->dice) % 5000;
	}
}

Test(delivery, whatever_is_said_nothing_spins_and_nothing_is_lost)
{
	for (uint32_t seed = 1; seed <= 300; seed++) {
		struct whims w = { seed, 200 };
		struct model m;

		model_init(&m, 60, seed);
		m.analyzers = seed % 8;
		for (int round = 0; round < 400 && (m.d.waiting > 0 || m.n < 200); round++) {
			if (dice(&w.dice) % 3 == 0 && m.n < 200)
				records_add(&m, dice(&w.dice) % 20);
			if (dice(&w.dice) % 16 == 0) {
				delivery_host(&m.d, false);
				delivery_host(&m.d, true);
			}
			if (dice(&w.dice) % 32 == 0)
				delivery_drain(&m.d);
			run_now(&m, say_anything, &w);
			(void)wait_once(&m);
		}
		run_to_the_end(&m, say_anything, &w);
		all_delivered_once(&m, "whims");
	}
}

/* ---- one by one ---- */

Test(delivery, back_off_doubles_to_five_minutes)
{
	struct model m;
	int64_t longest = 0;

	for (uint64_t seed = 1; seed < 50; seed++) {
		model_init(&m, 3, seed);
		for (unsigned i = 0; i < 20; i++) {
			int64_t bound = i < 9 ? 1000LL << i : 300000, before = m.now_ms;

			cr_assert(step(&m, nobody_there, NULL));
			cr_assert(not(step(&m, nobody_there, NULL)), "at once");
			cr_assert(wait_once(&m));
			cr_assert(le(i64, m.now_ms - before, bound < 300000 ? bound : 300000));
			cr_assert(ge(i64, m.now_ms - before, 100));
			longest = m.now_ms - before > longest ? m.now_ms - before : longest;
		}
	}
	cr_assert(gt(i64, longest, 200000), "it never comes near five minutes: %lld",
		  (long long)longest);
	run_to_the_end(&m, accept_all, NULL);
	all_delivered_once(&m, "after a long night");
	cr_assert(eq(uint, m.d.failures, 0));
}

static void blocks_first(struct model *m, void *arg, struct delivery_verdict *v,
			 const uint64_t *seqs, size_t n)
{
	(void)m, (void)arg;
	for (size_t i = 0; i < n; i++)
		v[i].delivery = seqs[i] <= 12 ? TESLA_RETRY : TESLA_DONE;
}

/* Fewer than a batch, so that later ones pass; then more come while they wait by themselves. */
Test(delivery, what_is_left_behind_holds_up_nobody)
{
	struct model m;
	int64_t begun;

	model_init(&m, 30, 7);
	for (size_t i = 4; i <= 12; i++)
		m.waits[i] = false, m.delivered[i] = 1;
	changed(&m);
	run_now(&m, blocks_first, NULL);
	cr_assert(eq(u64, m.d.waiting, 3), "three are left behind");
	begun = m.now_ms;
	for (int i = 0; i < 50; i++) {
		size_t sent = m.sent;

		records_add(&m, 1);
		run_now(&m, blocks_first, NULL);
		cr_assert(eq(int, m.delivered[m.n - 1], 1), "a new one goes at once");
		cr_assert(le(sz, m.sent - sent, 5), "three and the new one, or the new one");
		(void)wait_once(&m);
		if (i % 2 == 0) /* they alone */
			run_now(&m, blocks_first, NULL);
	}
	cr_assert(gt(i64, m.now_ms - begun, 60000), "in doubling steps: %lld ms",
		  (long long)(m.now_ms - begun));
	run_to_the_end(&m, accept_all, NULL);
	all_delivered_once(&m, "left behind");
}

/* ---- an analyzer that cannot be delivered ---- */

static void block_analyzers(struct model *m, void *arg, struct delivery_verdict *v,
			    const uint64_t *seqs, size_t n)
{
	const int64_t *blocked = arg; /* all below it */

	for (size_t i = 0; i < n; i++)
		v[i].delivery = analyzer_of(m, seqs[i]) < *blocked ? TESLA_RETRY : TESLA_DONE;
}

static size_t count_waiting(const struct model *m, int64_t from_analyzer)
{
	size_t n = 0;

	for (size_t i = 1; i < m->n; i++)
		n += m->waits[i] && analyzer_of(m, i) >= from_analyzer;
	return n;
}

Test(delivery, none_overtakes_an_older_one_of_its_analyzer)
{
	int64_t blocked = 1;
	struct model m;

	model_init(&m, 100, 7);
	m.analyzers = 2;
	run_now(&m, block_analyzers, &blocked);
	cr_assert(eq(sz, count_waiting(&m, 1), 0), "the others go on");
	cr_assert(eq(u64, m.d.waiting, 50), "all of that one stay");
	for (int i = 0; i < 10; i++) {
		records_add(&m, 2);
		run_now(&m, block_analyzers, &blocked);
		cr_assert(eq(sz, count_waiting(&m, 1), 0));
		(void)wait_once(&m);
	}
	blocked = 0;
	run_to_the_end(&m, block_analyzers, &blocked);
	all_delivered_once(&m, "blocked");
	ordered_per_analyzer(&m);
}

/* Whole batches of it are the oldest, and nothing is known of them: after a restart. */
Test(delivery, batches_of_one_analyzer_hold_up_no_other)
{
	int64_t blocked = 1;
	struct model m;

	model_init(&m, 200, 7);
	m.analyzers = 2;
	for (size_t i = 1; i < 150; i += 2)
		m.waits[i] = false, m.delivered[i] = 1;
	changed(&m);
	for (int waits = 0; count_waiting(&m, 1) > 0; waits++) {
		cr_assert(le(int, waits, 2));
		run_now(&m, block_analyzers, &blocked);
		(void)wait_once(&m);
	}
	blocked = 0;
	run_to_the_end(&m, block_analyzers, &blocked);
	all_delivered_once(&m, "batches");
	ordered_per_analyzer(&m);
}

static void take_each_tenth(struct model *m, void *arg, struct delivery_verdict *v,
			    const uint64_t *seqs, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++)
		v[i].delivery = analyzer_of(m, seqs[i]) % 10 ? TESLA_RETRY : TESLA_DONE;
}

Test(delivery, with_more_analyzers_than_can_be_held_nothing_passes)
{
	struct model m;

	model_init(&m, 800, 7);
	m.analyzers = 400;
	for (int i = 0; i < 20; i++) {
		run_now(&m, take_each_tenth, NULL);
		cr_assert(eq(sz, m.d.n_held, DELIVERY_HELD_MAX));
		cr_assert(lt(sz, m.n_order, 35), "%zu were delivered", m.n_order);
		cr_assert(wait_once(&m));
	}
	run_to_the_end(&m, accept_all, NULL);
	all_delivered_once(&m, "many");
	ordered_per_analyzer(&m);
}

static void ask_for_patience(struct model *m, void *arg, struct delivery_verdict *v,
			     const uint64_t *seqs, size_t n)
{
	accept_all(m, arg, v, seqs, n);
	v[n - 1] = (struct delivery_verdict){ TESLA_RETRY, 90000, "busy" };
}

/* Of ten: the second is to come later, from the fifth on it had no time. */
Test(delivery, what_was_not_got_to_comes_again_at_once)
{
	struct masks k = { { 0x0d, 0x3ff, 0x3ff }, 0 };
	struct model m;

	model_init(&m, 20, 7);
	cr_assert(step(&m, accept_masked, &k));
	cr_assert(step(&m, accept_masked, &k));
	cr_assert(eq(sz, m.n_order, 13));
	cr_assert(eq(sz, m.order[3], 5), "%zu comes next", m.order[3]);
	run_to_the_end(&m, accept_all, NULL);
	all_delivered_once(&m, "no time");
	cr_assert(eq(sz, m.order[19], 2), "and the second last");
}

Test(delivery, retry_after_is_kept_also_after_progress)
{
	struct model m;
	int64_t before;

	model_init(&m, 25, 7);
	before = m.now_ms;
	cr_assert(step(&m, ask_for_patience, NULL));
	cr_assert(not(step(&m, accept_all, NULL)));
	cr_assert(eq(int, m.d.state, DELIVERY_WAITING));
	cr_assert(eq(i64, delivery_retry_at(&m.d), before + 90000));
	cr_assert(eq(str, m.d.reason, "busy"));
	records_add(&m, 1);
	cr_assert(not(step(&m, accept_all, NULL)), "not for a new one either");
	cr_assert(wait_once(&m));
	cr_assert(eq(i64, m.now_ms, before + 90000));
	run_to_the_end(&m, accept_all, NULL);
	all_delivered_once(&m, "patience");
}

static void refuse(struct model *m, void *arg, struct delivery_verdict *v, const uint64_t *seqs,
		   size_t n)
{
	(void)m, (void)arg, (void)seqs;
	say(v, n, TESLA_REFUSED);
	v[0].reason = "401 Unauthorized";
}

Test(delivery, refused_it_pauses_and_tries_with_one)
{
	struct model m;
	int64_t before;

	model_init(&m, 25, 7);
	before = m.now_ms;
	run_now(&m, refuse, NULL);
	cr_assert(eq(sz, m.sent, BATCH));
	cr_assert(eq(int, m.d.state, DELIVERY_PAUSED));
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_REFUSED));
	cr_assert(wait_once(&m));
	cr_assert(eq(i64, m.now_ms, before + DELIVERY_PAUSE_MS));
	run_now(&m, refuse, NULL);
	cr_assert(eq(sz, m.sent, BATCH + 1), "one record only");
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS), "said once");
	delivery_drain(&m.d);
	run_now(&m, accept_all, NULL);
	all_delivered_once(&m, "refused");
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_WELL));
	cr_assert(eq(u64, m.d.since, 25));
}

Test(delivery, what_goes_wrong_is_told_once)
{
	struct model m;

	model_init(&m, 25, 7);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS));
	run_now(&m, nobody_there, NULL);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_WRONG));
	cr_assert(eq(str, m.d.reason, "no reason was given"));
	for (int i = 0; i < 5; i++) {
		cr_assert(wait_once(&m));
		run_now(&m, nobody_there, NULL);
		cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS));
	}
	cr_assert(wait_once(&m));
	cr_assert(step(&m, accept_all, NULL));
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS),
		  "one batch is no peace");
	run_now(&m, accept_all, NULL);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_WELL));
	cr_assert(eq(u64, m.d.since, 25));
	cr_assert(eq(str, m.d.reason, ""));
}

Test(delivery, a_host_that_dies_gets_the_same_again)
{
	struct model m;
	struct delivery_step s;
	struct journal_taken t[BATCH];
	uint64_t next;
	size_t n;

	model_init(&m, 25, 7);
	s = delivery_step(&m.d, m.now_ms);
	n = take(&m, &s, t, &next);
	delivery_took(&m.d, t, n, next, m.now_ms);
	cr_assert(eq(int, delivery_step(&m.d, m.now_ms).what, DELIVERY_NOTHING), "one at a time");
	delivery_host(&m.d, false);
	cr_assert(eq(int, delivery_step(&m.d, m.now_ms).what, DELIVERY_NOTHING));
	delivery_host(&m.d, true);
	s = delivery_step(&m.d, m.now_ms);
	cr_assert(eq(int, s.what, DELIVERY_TAKE));
	cr_assert(eq(u64, s.from, 0));
	cr_assert(eq(sz, s.max, BATCH));
	n = take(&m, &s, t, &next);
	delivery_took(&m.d, t, n, next, m.now_ms);
	cr_assert(eq(u64, m.d.turn, 2), "under a number of its own");
}

struct poison {
	size_t seq;
	unsigned deaths;
};

static void die_of_it(struct model *m, void *arg, struct delivery_verdict *v, const uint64_t *seqs,
		      size_t n)
{
	struct poison *p = arg;

	accept_all(m, NULL, v, seqs, n);
	for (size_t i = 0; i < n; i++)
		if (seqs[i] == p->seq && m->d.state == DELIVERY_SENDING) {
			delivery_died(&m->d, m->now_ms);
			p->deaths++;
		}
}

Test(delivery, a_record_that_it_dies_of_costs_no_others)
{
	for (size_t seq = 1; seq <= 30; seq++) {
		struct poison p = { seq, 0 };
		struct model m;
		int64_t begun;
		uint64_t turns;

		model_init(&m, 30, seq);
		begun = m.now_ms;
		run_now(&m, die_of_it, &p);
		cr_assert(le(uint, p.deaths, 3), "%zu: %u deaths", seq, p.deaths);
		cr_assert(eq(u64, m.d.waiting, 1), "%zu: all but that one", seq);
		for (size_t i = 1; i < m.n_order; i++)
			cr_assert(gt(sz, m.order[i], m.order[i - 1]));
		p.deaths = 0;
		for (int i = 0; i < 12; i++) {
			cr_assert(wait_once(&m));
			records_add(&m, 9);
			run_now(&m, die_of_it, &p);
			cr_assert(eq(u64, m.d.waiting, 1));
		}
		cr_assert(le(uint, p.deaths, 12), "%u deaths in 12 tries", p.deaths);
		cr_assert(gt(i64, m.now_ms - begun, 60000), "in doubling steps");
		p.seq = 0; /* it was cured */
		cr_assert(wait_once(&m));
		records_add(&m, 40);
		turns = m.d.turn;
		run_to_the_end(&m, die_of_it, &p);
		cr_assert(le(u64, m.d.turn - turns, 5), "that one, then whole batches");
		all_delivered_once(&m, "poison");
	}
}

/* Somebody else's doing: none of the ten is to blame, so that whole batches go on. */
Test(delivery, two_deaths_for_no_record_are_forgotten)
{
	struct poison p = { 3, 0 };
	struct model m;

	model_init(&m, 100, 7);
	cr_assert(step(&m, die_of_it, &p));
	cr_assert(step(&m, die_of_it, &p));
	p.seq = 0;
	run_to_the_end(&m, die_of_it, &p);
	all_delivered_once(&m, "innocent");
	cr_assert(eq(u64, m.d.turn, 2 + BATCH + 9));
}

/* 200 records at 20 a second, in batches of 10: 20 at once, then the rest in 9 s. */
Test(delivery, rate_is_a_bound)
{
	struct model m;
	int64_t begun;

	model_init(&m, 200, 7);
	m.d.rate = 20;
	begun = m.now_ms;
	do {
		size_t sent = m.sent;

		run_now(&m, accept_all, NULL);
		cr_assert(le(dbl, (double)m.sent, 20 + 20 * (double)(m.now_ms - begun) / 1000 + 1));
		cr_assert(ge(sz, m.sent - sent, BATCH), "whole batches, not one by one");
	} while (wait_once(&m));
	all_delivered_once(&m, "rate");
	cr_assert(ge(i64, m.now_ms - begun, 9000));
	cr_assert(le(i64, m.now_ms - begun, 10000));
}

Test(delivery, a_count_that_is_wrong_does_not_spin)
{
	struct model m;
	unsigned turns = 0;

	model_init(&m, 0, 7);
	delivery_changed(&m.d, 5, 9);
	for (struct delivery_step s; (s = delivery_step(&m.d, m.now_ms)).what == DELIVERY_TAKE;) {
		delivery_took(&m.d, NULL, 0, UINT64_MAX, m.now_ms);
		cr_assert(lt(uint, ++turns, 3));
	}
	cr_assert(eq(int, m.d.state, DELIVERY_WAITING));
}

/* ---- what is told, when nobody delivered anything ---- */

static void refuse_for_good(struct model *m, void *arg, struct delivery_verdict *v,
			    const uint64_t *seqs, size_t n)
{
	(void)m, (void)arg, (void)seqs;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct delivery_verdict){ TESLA_REJECT, 0, "too long" };
}

Test(delivery, what_is_dropped_is_no_sign_that_it_goes_well)
{
	struct model m;

	model_init(&m, 25, 7);
	run_now(&m, nobody_there, NULL);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_WRONG));
	memset(m.waits, 0, sizeof m.waits); /* purged */
	changed(&m);
	run_now(&m, nobody_there, NULL);
	cr_assert(eq(int, m.d.state, DELIVERY_IDLE));
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS));
	cr_assert(delivery_reason(&m.d) == NULL, "%s", m.d.reason);
	cr_assert(eq(uint, m.d.failures, 0));
	m.now_ms = m.d.retry_at_ms;
	records_add(&m, 1);
	run_now(&m, nobody_there, NULL);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_WRONG), "anew");
}

Test(delivery, what_is_refused_for_good_is_told_now_and_then)
{
	struct model m;

	model_init(&m, 25, 7);
	m.analyzers = 1;
	run_now(&m, nobody_there, NULL);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_WRONG));
	cr_assert(wait_once(&m));
	cr_assert(step(&m, refuse_for_good, NULL), "there are no other analyzers'");
	cr_assert(step(&m, refuse_for_good, NULL));
	m.now_ms += DELIVERY_WELL_MS + 1;
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_REJECTS),
		  "and not that it is well");
	cr_assert(eq(u64, m.d.told_rejects, BATCH));
	cr_assert(strcmp(delivery_reason(&m.d), "refused for good: too long") == 0);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS));
	run_now(&m, refuse_for_good, NULL);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS));
	for (int i = 0; i < 9; i++) { /* a minute each */
		m.now_ms += 60000;
		records_add(&m, 1);
		run_now(&m, refuse_for_good, NULL);
		cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS));
	}
	m.now_ms += 60000;
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_REJECTS));
	cr_assert(eq(u64, m.d.told_rejects, 15 + 9));
	records_add(&m, 1);
	run_now(&m, accept_all, NULL);
	cr_assert(eq(int, delivery_news(&m.d, m.now_ms), DELIVERY_NO_NEWS));
	cr_assert(delivery_reason(&m.d) == NULL, "%s", m.d.rejected);
}

Test(delivery, without_a_journal_nothing_is_forgotten)
{
	struct poison p = { 3, 0 };
	struct model m;
	uint64_t suspect;

	model_init(&m, 100, 7);
	cr_assert(step(&m, die_of_it, &p));
	cr_assert(step(&m, die_of_it, &p));
	suspect = m.d.suspect;
	cr_assert(ne(u64, suspect, 0));
	cr_assert(eq(int, delivery_step(&m.d, m.now_ms).what, DELIVERY_TAKE));
	delivery_journal(&m.d, false);
	cr_assert(eq(int, delivery_step(&m.d, m.now_ms).what, DELIVERY_NOTHING));
	cr_assert(eq(int, m.d.state, DELIVERY_PARKED));
	cr_assert(strcmp(delivery_state_name(m.d.state), "parked") == 0);
	cr_assert(eq(u64, m.d.suspect, suspect));
	cr_assert(eq(u64, m.d.waiting, 100));
	delivery_journal(&m.d, true);
	p.seq = 0;
	run_to_the_end(&m, die_of_it, &p);
	all_delivered_once(&m, "parked");
}
