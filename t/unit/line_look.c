/* SPDX-License-Identifier: Apache-2.0 */
/* Looks: they have the time that polls leave, and nothing that is known changes by them. */
#include "host/line_parts.h"
#include "line_fixture.h"

/* Whoever still waits is answered, as by a line that ends. */
static void world_end(struct world *w)
{
	line_asks_fail(w->line, "the test is over");
	cr_expect_eq(w->asks, 0);
	world_free(w);
}

static void look(struct world *w, unsigned address, uint16_t count, int64_t timeout_ms)
{
	struct ask *a = calloc(1, sizeof *a);

	*a = (struct ask){ .i = 7,
			   .analyzer = 100,
			   .what = ASK_LOOK,
			   .look = { .address = address,
				     .who = count == 0,
				     .what = { .function = 3, .address = 30, .count = count },
				     .timeout_ms = timeout_ms },
			   .open = &w->asks };
	w->asks++;
	line_ask(w->line, a, w->mono);
}

/* Nobody is at these addresses. */
static void looks(struct world *w, unsigned n, int64_t timeout_ms)
{
	for (unsigned i = 0; i < n; i++)
		look(w, 50 + i, 1, timeout_ms);
}

Test(line_look, asks_whoever_is_there_and_changes_nothing)
{
	struct world *w = world_new(2);

	w->meters[2].name = "OTHER 2";
	world_run(w, 5300000);
	struct told before = told(w, 100);

	look(w, 2, 2, 100);
	world_run(w, 5400000);
	struct told t = told(w, 100);

	cr_expect_eq(t.looks, 1);
	cr_expect_str_eq(t.status, "ok");
	cr_expect_eq(t.looked_len, 4);
	cr_expect_eq(t.first, 30);
	look(w, 2, 0, 100);
	look(w, 50, 1, 100);
	world_run(w, 5900000);
	t = told(w, 100);
	cr_expect_eq(t.looks, 3);
	cr_expect_eq(w->meters[2].identified, 1);
	cr_expect_str_eq(t.status, "timeout");
	world_run(w, 9300000);
	t = told(w, 100);
	cr_expect_eq(t.states, before.states);
	cr_expect_eq(t.timeouts + t.missed + t.failed, 0);
	cr_expect_eq(t.transactions - before.transactions, 4, "looks are not counted");
	cr_expect_eq(w->line->analyzers[0]->unanswered, 0);
	cr_expect_eq(w->asks, 0);
	world_end(w);
}

/* What the driver takes for an answer may have another length than was asked for. */
Test(line_look, a_reply_of_another_length_is_none)
{
	struct world *w = world_new(1);

	world_run(w, 1200000);
	look(w, 1, 2, 100);
	w->line->looks.first->look.what.command = "X";
	w->meters[1].short_once = 1;
	world_run(w, 1300000);
	cr_expect_str_eq(told(w, 100).status, "garbled");
	world_end(w);
}

/* 40 looks, each of up to 400 ms with the wait for what is late, beside polls every second. */
Test(line_look, polls_miss_nothing_while_there_is_time_between_them)
{
	struct world *w = world_new(2);

	world_run(w, 1500000);
	looks(w, 40, 200);
	world_run(w, 41500000);
	struct told t = told(w, 100);

	cr_expect_eq(t.looks, 40);
	cr_expect_eq(t.missed + t.failed, 0);
	cr_expect(t.late_us < 1000, "%lld", (long long)t.late_us);
	cr_expect_eq(t.longest_ms, 1000);
	world_end(w);
}

/* Polls leave less than the looks need: these have a tenth of the time, and get done. */
Test(line_look, have_a_tenth_where_there_is_no_time)
{
	struct world *w = world_new(2);

	w->meters[0].took_us = w->meters[1].took_us = 120000; /* four reads: 480 ms of 1 s */
	world_run(w, 10500000);
	unsigned missed = told(w, 100).missed;

	looks(w, 10, 400);
	world_run(w, 100500000);
	struct told t = told(w, 100);

	cr_expect(t.looks >= 9, "%u", t.looks); /* of 800 ms each, in 90 s */
	cr_expect(t.looks <= 11, "%u", t.looks);
	cr_expect_leq(t.missed - missed, t.looks, "%u", t.missed - missed);
	world_run(w, 120500000);
	cr_expect_eq(told(w, 100).looks, 10);
	cr_expect_eq(w->asks, 0);
	world_end(w);
}

/* One that is released is due at once, and since ever: it goes first. */
Test(line_look, waits_for_a_first_sweep)
{
	struct world *w = world_new(2);

	world_run(w, 1500000);
	looks(w, 2, 9000);
	line_release(w->line->analyzers[0]);
	unsigned sweeps = told(w, 100).sweeps;

	world_run(w, 1600000);
	cr_expect_eq(told(w, 100).sweeps, sweeps + 1);
	cr_expect_eq(told(w, 100).looks, 0);
	world_end(w);
}

/* A line whose meters are all held is opened for looks, and stays open from one to the next. */
Test(line_look, a_line_at_rest_is_opened_and_closed_again)
{
	struct world *w = world_new(1);

	w->line->analyzers[0]->held = true;
	world_run(w, 2000000);
	cr_expect_eq(w->line->state, LINE_CLOSED);
	look(w, 1, 1, 100);
	world_run(w, 2500000);
	cr_expect_eq(told(w, 100).looks, 1);
	cr_expect_eq(w->line->state, LINE_OPEN);
	world_run(w, 9000000);
	cr_expect_eq(w->line->state, LINE_CLOSED);
	cr_expect_eq(w->meters[0].asked, 0);
	world_end(w);
}

Test(line_look, is_answered_whatever_becomes_of_the_line)
{
	struct world *w = world_new(2);
	struct told t;

	world_run(w, 2500000);
	looks(w, 3, 100);
	w->line->looks.first->next->analyzer = 999;
	world_run(w, 6500000);
	t = told(w, 999);
	cr_expect_eq(t.answers, 1);
	cr_expect_str_eq(t.error, "the analyzer is on this line no longer");
	look(w, 1, 1, 100);
	w->meters[1].hangs_up = true;
	world_run(w, 6900000);
	cr_expect_str_eq(told(w, 100).status, "broken");
	w->meters[1].hangs_up = false;
	looks(w, 2, 100);
	line_open_failed(w->line, w->mono, "no such port");
	t = told(w, 100);
	cr_expect_str_eq(t.error, "no such port");
	cr_expect_eq(w->asks, 0);
	world_end(w);
}

/*
 * Who is known to be there may be late: its answer could not be told from that to the next request.
 * So it is on a slow line, for anybody.
 */
Test(line_look, the_line_is_quiet_while_an_answer_may_come)
{
	static const struct {
		unsigned address;
		int64_t line_ms, look_ms, quiet_ms; /* from the request on */
	} cases[] = {
		{ 1, 200, 20, 400 },  /* the line's time-out and late_max */
		{ 1, 200, 300, 500 }, /* a longer one of the look's own */
		{ 50, 200, 20, 600 }, /* nobody, as far as is known: but polls must not be met */
		{ 50, 200, 400, 800 }, { 50, 3000, 20, 6000 },
		{ 1, 200, 0, 400 }, /* the line's own */
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct world *w = world_new(2);

		world_run(w, 1500000);
		w->line->params.timeout_ms = cases[i].line_ms;
		w->meters[1].silent = true;
		look(w, cases[i].address, 1, cases[i].look_ms);
		w->line->looks.share_at_us = w->mono;
		struct action act = line_next(w->line, w->mono, wall(w));
		int64_t sent = w->mono;

		cr_assert_eq(act.act, ACT_READ);
		cr_expect_eq(act.address, cases[i].address);
		world_transact(w, &act);
		cr_expect_eq(w->line->drain_until_us - sent, 1000 * cases[i].quiet_ms, "%zu: %lld",
			     i, (long long)(w->line->drain_until_us - sent));
		world_end(w);
	}
}

/* An address that has answered once is one of those. */
Test(line_look, who_was_heard_may_be_late)
{
	struct world *w = world_new(2);

	w->meters[2].name = "OTHER 2";
	world_run(w, 1500000);
	look(w, 2, 1, 100);
	world_run(w, 2700000);
	w->meters[2].silent = true;
	look(w, 2, 1, 20);
	w->line->looks.share_at_us = w->mono;
	struct action act = line_next(w->line, w->mono, wall(w));
	int64_t sent = w->mono;

	world_transact(w, &act);
	cr_expect_eq(w->line->drain_until_us - sent, 400000);
	world_end(w);
}

/* Who is polled well is expected to answer: a look at it goes between two polls. */
Test(line_look, who_answers_polls_is_asked_between_them)
{
	struct world *w = world_new(2);

	w->line->params.timeout_ms = 1000; /* more than polls leave */
	world_run(w, 1500000);
	look(w, 1, 1, 0);
	world_run(w, 2500000);
	cr_expect_eq(told(w, 100).looks, 1);
	look(w, 50, 1, 1000);
	world_run(w, 9000000);
	cr_expect_eq(told(w, 100).looks, 1, "nobody is, as far as is known");
	cr_expect_eq(told(w, 100).missed, 0);
	world_end(w);
}
