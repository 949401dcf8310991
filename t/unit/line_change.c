/* SPDX-License-Identifier: Apache-2.0 */
/* A line that changes while it runs, and what is asked of it: the unchanged notice nothing. */
#include "line_fixture.h"

static void tell(struct buf *told, const char *text)
{
	buf_release(told);
	buf_init(told, 100);
	(void)buf_append(told, text, strlen(text));
}

/* Between two transactions, as a runner does it. */
static void become(struct world *w, struct line *fresh)
{
	struct line *rest;

	w->line = line_change(w->line, fresh, w->mono, &rest);
	line_take(w->line);
	line_report_plan(w->line);
	line_free(rest);
}

static void ask(struct world *w, enum ask_what what, int64_t analyzer)
{
	struct ask *a = calloc(1, sizeof *a);

	*a = (struct ask){ .i = 1, .analyzer = analyzer, .what = what, .open = &w->asks };
	w->asks++;
	line_ask(w->line, a, w->mono);
}

/* Up to where the sweep of this analyzer has made `step` transactions, and waits for the next. */
static void run_into(struct world *w, int64_t analyzer, size_t step)
{
	for (int i = 0; i < 1000; i++) {
		const struct job *job = &w->line->job;
		struct action act;

		if (job->kind == JOB_SWEEP && job->a->id == analyzer && job->step == step)
			return;
		act = line_next(w->line, w->mono, wall(w));
		if (act.act == ACT_WAIT || act.act == ACT_DRAIN)
			w->mono = act.until_us > w->mono ? act.until_us : w->mono;
		else
			world_transact(w, &act);
	}
	cr_assert_fail("no sweep of analyzer %lld", (long long)analyzer);
}

Test(line_change, unchanged_analyzers_keep_everything)
{
	struct world *w = world_new(2);
	struct line *fresh = fake_line_new(w, 2);
	struct analyzer *first, *second;

	w->meters[0].refuse_address = 15; /* something is learned */
	world_run(w, 10300000);
	first = w->line->analyzers[0];
	second = w->line->analyzers[1];
	fresh->analyzers[0]->id = 101; /* in another order */
	fresh->analyzers[1]->id = 100;
	fresh->change = 7;
	become(w, fresh);
	cr_expect_eq(w->line->analyzers[0], second);
	cr_expect_eq(w->line->analyzers[1], first);
	cr_expect_eq(w->line->change, 7);
	world_run(w, 20300000);
	for (int i = 0; i < 2; i++) {
		struct told t = told(w, 100 + i);

		cr_expect(t.sweeps >= 19 && t.sweeps <= 21, "%u", t.sweeps);
		cr_expect_eq(t.longest_ms, 1000, "%lld", (long long)t.longest_ms);
		cr_expect_eq(t.missed + t.failed, 0);
		cr_expect_eq(w->meters[i].identified, 2);
	}
	world_free(w);
}

Test(line_change, one_changes_and_its_neighbour_misses_nothing)
{
	struct world *w = world_new(2);
	struct line *fresh = fake_line_new(w, 2);

	world_run(w, 10300000);
	tell(&fresh->analyzers[1]->told, "other variables");
	struct analyzer *new = fresh->analyzers[1];

	unsigned before = told(w, 101).sweeps;

	become(w, fresh);
	cr_expect_eq(w->line->analyzers[1], new);
	world_run(w, 10400000);
	cr_expect_eq(told(w, 101).sweeps, before + 1, "at once");
	world_run(w, 20300000);
	struct told t = told(w, 100);

	cr_expect_eq(t.longest_ms, 1000, "%lld", (long long)t.longest_ms);
	cr_expect_eq(t.missed, 0);
	cr_expect_eq(w->meters[0].identified, 2);
	cr_expect_eq(w->meters[1].identified, 4);
	world_free(w);
}

Test(line_change, a_model_that_was_replaced_opens_its_analyzers_anew)
{
	struct world *w = world_new(2);
	struct kind *other = calloc(1, sizeof *other);
	struct line *fresh = fake_line_new(w, 2);

	*other = (struct kind){ .model = &w->model, .refs = 2 };
	world_run(w, 5300000);
	kind_unref(fresh->analyzers[0]->kind);
	fresh->analyzers[0]->kind = other;
	become(w, fresh);
	world_run(w, 6300000);
	cr_expect_eq(w->meters[0].identified, 4);
	cr_expect_eq(w->meters[1].identified, 2);
	world_free(w);
	free(other);
}

Test(line_change, a_sweep_under_way_of_one_that_stays_goes_on)
{
	struct world *w = world_new(2);

	w->line->params.pause_ms = 20;
	w->meters[0].refuse_address = w->meters[1].refuse_address = 15;
	world_run(w, 5300000); /* two transactions each, from now on */
	run_into(w, 100, 1);
	unsigned asked = w->meters[0].asked;

	become(w, fake_line_new(w, 2));
	world_run(w, 20300000);
	struct told t = told(w, 100);

	cr_expect_eq(t.longest_ms, 1000, "%lld", (long long)t.longest_ms);
	cr_expect_eq(t.failed + t.missed, 0);
	cr_expect(w->meters[0].asked > asked);
	world_free(w);
}

Test(line_change, a_sweep_under_way_of_one_that_goes_is_dropped)
{
	struct world *w = world_new(2);

	w->line->params.pause_ms = 20;
	w->meters[0].refuse_address = w->meters[1].refuse_address = 15;
	world_run(w, 5300000);
	run_into(w, 101, 1);
	gather_flush(&w->h.gather);
	unsigned asked = w->meters[1].asked, sweeps = told(w, 101).sweeps;

	become(w, fake_line_new(w, 1));
	cr_expect_eq(w->line->job.kind, JOB_NONE);
	world_run(w, 20300000);
	cr_expect_eq(w->meters[1].asked, asked);
	cr_expect_eq(told(w, 101).sweeps, sweeps);
	cr_expect_eq(told(w, 100).longest_ms, 1000);
	cr_expect_eq(told(w, 100).missed, 0);
	world_free(w);
}

Test(line_change, another_connection_meets_the_same_meters)
{
	struct world *w = world_new(2);
	struct line *fresh = fake_line_new(w, 2);

	w->meters[0].name = "FAKE 1.0";
	w->meters[1].silent = true;
	world_run(w, 20300000);
	cr_expect_eq(w->line->analyzers[1]->state, ANALYZER_OFFLINE);
	struct analyzer *kept = w->line->analyzers[0];

	w->line->drain_until_us = w->mono + 150000;
	w->line->asks = NULL;
	tell(&fresh->told, "another port");
	fresh->params.baud = 9600;
	w->meters[1].silent = false;
	ask(w, ASK_READ, 100);
	become(w, fresh);
	cr_expect_eq(w->line, fresh);
	cr_expect_eq(w->line->state, LINE_CLOSED);
	cr_expect_eq(w->line->analyzers[0], kept, "what is known of it stays");
	cr_expect_str_eq(w->line->analyzers[0]->identity, "FAKE 1.0");
	cr_expect_eq(w->line->drain_until_us, w->mono + 150000, "late replies reach this port too");
	world_run(w, 21300000);
	cr_expect_str_eq(told(w, 101).last_state, "online", "at once, not with its next probe");
	cr_expect_eq(w->meters[0].identified, 2);
	cr_expect_eq(told(w, 100).answers, 1, "what was asked is not lost");
	cr_expect_str_eq(told(w, 100).error, "");
	world_free(w);
}

Test(line_change, held_analyzers_are_not_polled)
{
	struct world *w = world_new(2);
	struct line *fresh = fake_line_new(w, 2);

	world_run(w, 5300000);
	fresh->analyzers[1]->held = true;
	become(w, fresh);
	unsigned asked = w->meters[1].asked;

	world_run(w, 10300000);
	cr_expect_eq(w->meters[1].asked, asked);
	cr_expect_eq(told(w, 100).longest_ms, 1000);
	ask(w, ASK_HOLD, 100);
	world_run(w, 10400000);
	cr_expect_eq(told(w, 100).answers, 1);
	cr_expect_eq(w->line->state, LINE_CLOSED, "nobody needs it");
	struct action act = line_next(w->line, w->mono, wall(w));

	cr_expect_eq(act.act, ACT_WAIT);
	cr_expect_eq(act.until_us, INT64_MAX, "nothing wakes it");
	unsigned sweeps = told(w, 100).sweeps;

	w->mono += 3600000000;
	world_run(w, w->mono + 1000000);
	cr_expect_eq(told(w, 100).sweeps, sweeps);
	ask(w, ASK_RELEASE, 100);
	world_run(w, w->mono + 200000);
	cr_expect_eq(w->line->state, LINE_OPEN);
	cr_expect_eq(told(w, 100).sweeps, sweeps + 1, "at once");
	cr_expect_eq(told(w, 100).missed, 0, "nothing that was held was missed");
	cr_expect_eq(told(w, 100).answers, 2);
	cr_expect_eq(w->meters[1].asked, asked);
	become(w, fake_line_new(w, 2)); /* held no more */
	world_run(w, w->mono + 200000);
	cr_expect(w->meters[1].asked > asked);
	cr_expect_eq(w->asks, 0);
	world_free(w);
}

Test(line_change, a_read_goes_before_what_is_due_and_moves_nothing)
{
	struct world *w = world_new(2);

	world_run(w, 5300000);
	unsigned sweeps = told(w, 100).sweeps;

	ask(w, ASK_READ, 100);
	world_run(w, 5350000);
	cr_expect_eq(told(w, 100).sweeps, sweeps + 1);
	cr_expect_eq(told(w, 100).answers, 1);
	cr_expect_str_eq(told(w, 100).error, "");
	world_run(w, 10300000);
	struct told t = told(w, 100), u = told(w, 101);

	cr_expect_eq(t.sweeps, sweeps + 6);
	cr_expect_eq(t.missed + u.missed, 0);
	cr_expect_eq(u.longest_ms, 1000);
	world_free(w);
}

Test(line_change, a_read_under_way_is_answered_whatever_becomes_of_it)
{
	struct world *w = world_new(2);
	struct line *fresh = fake_line_new(w, 2);

	w->meters[0].refuse_address = w->meters[1].refuse_address = 15; /* two transactions */
	world_run(w, 5300000);
	tell(&fresh->told, "another port");
	ask(w, ASK_READ, 101);
	run_into(w, 101, 1);
	become(w, fresh);
	cr_expect_eq(told(w, 101).answers, 0, "it is read behind the other connection");
	world_run(w, 6300000);
	cr_expect_eq(told(w, 101).answers, 1);
	cr_expect_str_eq(told(w, 101).error, "");
	ask(w, ASK_READ, 101);
	run_into(w, 101, 1);
	fresh = fake_line_new(w, 1);
	tell(&fresh->told, "another port");
	become(w, fresh);
	world_run(w, 6400000);
	cr_expect_eq(told(w, 101).answers, 2);
	cr_expect_str_eq(told(w, 101).error, "the analyzer is on this line no longer");
	cr_expect_eq(w->asks, 0);
	world_free(w);
}

Test(line_change, a_read_reaches_who_is_held_or_offline)
{
	struct world *w = world_new(2);

	ask(w, ASK_HOLD, 101);
	w->meters[0].silent = true;
	world_run(w, 30300000);
	cr_expect_str_eq(told(w, 100).last_state, "offline");
	cr_expect_eq(told(w, 101).sweeps, 0);
	ask(w, ASK_READ, 100);
	ask(w, ASK_READ, 101);
	world_run(w, 31500000);
	cr_expect_eq(told(w, 100).answers, 1);
	cr_expect_str_eq(told(w, 100).error, "fault");
	cr_expect_eq(told(w, 101).sweeps, 1);
	cr_expect_eq(told(w, 101).answers, 2);
	w->meters[0].silent = false;
	unsigned identified = w->meters[0].identified, missed = told(w, 100).missed;

	ask(w, ASK_READ, 100);
	world_run(w, w->mono + 400000);
	cr_expect_str_eq(told(w, 100).last_state, "online");
	cr_expect_eq(w->meters[0].identified, identified + 2, "it is back: who is it?");
	world_run(w, w->mono + 5000000);
	cr_expect_eq(told(w, 100).missed, missed);
	cr_expect_eq(told(w, 101).sweeps, 1, "still held");
	world_free(w);
}

/* Once more after a refusal, once more when somebody asks, and it does not cost a sweep. */
Test(line_change, a_driver_may_know_another_way_to_ask_who_a_meter_is)
{
	struct world *w = world_new(2);

	w->meters[0].name = w->meters[1].name = "FAKE 1.0";
	w->meters[0].refuses = 1;
	w->meters[1].refuses = 2;
	world_run(w, 3300000);
	cr_expect_str_eq(w->line->analyzers[0]->identity, "FAKE 1.0");
	cr_expect_null(w->line->analyzers[1]->identity, "two times, and no more");
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(w->meters[i].identified, 2);
		cr_expect_eq(told(w, 100 + i).missed + told(w, 100 + i).failed, 0);
	}
	w->meters[1].refuses = 1;
	ask(w, ASK_IDENTIFY, 101);
	world_run(w, 4300000);
	cr_expect_str_eq(w->line->analyzers[1]->identity, "FAKE 1.0");
	cr_expect_eq(told(w, 101).answers, 1);
	cr_expect_str_eq(told(w, 101).error, "");
	cr_expect_eq(w->meters[1].identified, 4);
	world_free(w);
}

Test(line_change, an_identity_is_asked_and_accepted)
{
	struct world *w = world_new(1);

	w->meters[0].name = "FAKE 1.0";
	world_run(w, 3300000);
	w->meters[0].name = "FAKE 2.0"; /* exchanged, and nobody noticed */
	world_run(w, 5300000);
	cr_expect_eq(told(w, 100).suspects, 0);
	ask(w, ASK_IDENTIFY, 100);
	world_run(w, 8300000);
	struct told t = told(w, 100);

	cr_expect_eq(t.answers, 1);
	cr_expect_str_eq(t.error, "");
	cr_expect_str_eq(t.verified, "changed");
	cr_expect(t.suspects >= 2, "%u", t.suspects);
	ask(w, ASK_ACCEPT, 100);
	world_run(w, 8500000);
	unsigned suspects = told(w, 100).suspects;

	world_run(w, 12300000);
	t = told(w, 100);
	cr_expect_eq(t.answers, 2);
	cr_expect_str_eq(t.verified, "no", "there is no pattern");
	cr_expect_eq(t.suspects, suspects);
	cr_expect_str_eq(w->line->analyzers[0]->identity, "FAKE 2.0");
	w->meters[0].silent = true;
	unsigned states = t.states;

	ask(w, ASK_ACCEPT, 100);
	world_run(w, 12600000);
	cr_expect_eq(told(w, 100).states, states + 1, "it is told in any case");
	cr_expect_str_eq(told(w, 100).error, "fault");
	cr_expect_str_eq(w->line->analyzers[0]->identity, "FAKE 2.0", "no answer is no name");
	world_free(w);
}

Test(line_change, what_cannot_be_asked_is_answered)
{
	struct world *w = world_new(1);

	world_run(w, 2300000);
	ask(w, ASK_READ, 999);
	world_run(w, 2400000);
	cr_expect_eq(told(w, 999).answers, 1);
	cr_expect_neq(told(w, 999).error[0], '\0');
	line_hung_up(w->line, "unplugged", w->mono, wall(w));
	line_open_failed(w->line, w->mono, "no such port");
	struct action act = line_next(w->line, w->mono, wall(w));

	cr_expect_eq(act.act, ACT_WAIT);
	ask(w, ASK_READ, 100);
	act = line_next(w->line, w->mono, wall(w));
	cr_expect_eq(act.act, ACT_OPEN, "it is tried at once");
	line_open_failed(w->line, w->mono, "no such port");
	cr_expect_eq(told(w, 100).answers, 1);
	cr_expect_str_eq(told(w, 100).error, "no such port");
	act = line_next(w->line, w->mono, wall(w));
	cr_expect_eq(act.act, ACT_WAIT, "and then with patience");
	cr_expect_eq(w->asks, 0);
	world_free(w);
}

Test(line_change, a_line_that_ends_is_drained_first)
{
	struct world *w = world_new(2);
	struct action act;

	w->meters[0].refuse_address = 15; /* two transactions, from then on */
	world_run(w, 5300000);
	run_into(w, 100, 1);
	int64_t until = w->mono + 130000;

	w->line->drain_until_us = until;
	line_end(w->line);
	cr_expect_eq(w->line->job.kind, JOB_NONE);
	act = line_next(w->line, w->mono, wall(w));
	cr_expect_eq(act.act, ACT_DRAIN);
	cr_expect_eq(act.until_us, until);
	act = line_next(w->line, until, wall(w));
	cr_expect_eq(act.act, ACT_END);
	world_free(w);
}

Test(line_change, a_thousand_changes_leave_nothing_behind)
{
	struct world *w = world_new(2);

	for (unsigned i = 0; i < 1000; i++) {
		struct line *fresh = fake_line_new(w, 1 + i % 3);

		if (i % 5 == 0)
			tell(&fresh->analyzers[0]->told, i % 2 ? "this" : "that");
		if (i % 7 == 0)
			tell(&fresh->told, i % 2 ? "here" : "there");
		fresh->analyzers[fresh->n_analyzers - 1]->held = i % 11 == 0;
		if (i % 3 == 0)
			ask(w, (enum ask_what)(i % 5), 100 + i % 3);
		become(w, fresh);
		world_go(w, w->mono + 137000);
	}
	line_end(w->line);
	line_asks_fail(w->line, "over");
	cr_expect_eq(w->asks, 0);
	cr_expect_eq(w->kind->refs, 1 + w->line->n_analyzers);
	world_free(w); /* LeakSanitizer looks at the rest */
}
