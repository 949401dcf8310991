/* SPDX-License-Identifier: Apache-2.0 */
/* The line's state machine: whose turn it is, and what comes of what a meter does wrong. */
#include "line_fixture.h"

Test(line, sweeps_every_interval_on_the_wall_clock)
{
	struct world *w = world_new(1);

	world_run(w, 61000000);
	struct told t = told(w, 100);

	cr_expect(t.sweeps >= 60 && t.sweeps <= 61, "%u", t.sweeps);
	cr_expect_eq(t.failed + t.missed + t.timeouts, 0);
	cr_expect(t.worst_early_us >= 0, "%lld", (long long)t.worst_early_us);
	cr_expect_str_eq(t.last_state, "online");
	cr_expect_eq(w->meters[0].identified, 2, "it refuses: once more");
	world_free(w);
}

Test(line, a_silent_meter_goes_offline_and_comes_back)
{
	struct world *w = world_new(2);

	w->meters[0].silent = true;
	world_run(w, 20000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.timeouts, 4, "the identification, and three sweeps");
	cr_expect_eq(t.sweeps, 3);
	cr_expect_eq(t.failed, 3);
	cr_expect_str_eq(t.last_state, "offline");
	unsigned asked = w->meters[0].asked;

	cr_expect(asked >= 4 && asked <= 8, "probed %u times", asked);
	w->meters[0].silent = false;
	world_run(w, 26000000); /* backoff_max is 5 s */
	t = told(w, 100);
	cr_expect_str_eq(t.last_state, "online");
	cr_expect_eq(t.missed, 0, "deadlines of an offline analyzer are not missed");
	cr_expect_eq(w->meters[0].identified, 3, "in vain, then it refuses twice");
	t = told(w, 101);
	/*
	 * per time-out (three, the identification, the probes) ceil((timeout + drain) / interval)
	 * = 1
	 */
	cr_expect(t.missed <= asked + 1, "the neighbour missed %u", t.missed);
	cr_expect_eq(t.failed, 0);
	world_free(w);
}

Test(line, after_a_time_out_the_line_is_drained)
{
	struct world *w = world_new(3);

	w->meters[1].silent = true;
	world_run(w, 20000000);
	cr_expect_eq(w->least_quiet_us, 1000 * w->line->params.timeout_ms, "%lld",
		     (long long)w->least_quiet_us);
	world_free(w);
}

Test(line, a_wrong_checksum_is_tried_once_more)
{
	struct world *w = world_new(1);

	world_run(w, 5000000);
	w->meters[0].garble_once = true;
	world_run(w, 10000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.garbled, 1);
	cr_expect_eq(t.failed, 0);
	world_free(w);
}

Test(line, learns_a_register_that_is_refused)
{
	struct world *w = world_new(2);

	w->meters[0].refuse_address = w->meters[1].refuse_address = 15; /* between A and B */
	world_run(w, 10500000);
	struct told t = told(w, 100), u = told(w, 101);

	cr_expect_eq(t.forbidden, 1);
	cr_expect_eq(t.exceptions, 1, "refused once, then planned round it");
	cr_expect_eq(u.exceptions, 0, "the other meter of the model needs no lesson");
	cr_expect_eq(t.failed + u.failed, 0, "recovered within the sweep");
	cr_expect_eq(t.own_times, 2 * t.sweeps, "two transactions, each with its time");
	cr_expect_eq(t.own_dt_us, TOOK_US / 2);
	cr_expect(ranges_touch(&w->kind->forbidden, 3, 15, 15));
	cr_expect(!ranges_touch(&w->kind->forbidden, 3, 11, 11) &&
		  !ranges_touch(&w->kind->forbidden, 3, 20, 20));
	world_free(w);
}

Test(line, a_refused_block_fails_alone)
{
	struct world *w = world_new(1);

	w->meters[0].refuse_address = 20; /* B itself */
	world_run(w, 5500000);
	struct told t = told(w, 100);

	cr_expect_eq(t.failed, t.sweeps, "B has an error in each");
	cr_expect_str_eq(t.last_state, "online");
	cr_expect_eq(t.exceptions, t.sweeps + 1,
		     "the merged read is refused once, then B alone each time");
	world_free(w);
}

/* An answer takes 10 ms, which is a bucket's bound; what is not answered takes nothing known. */
Test(line, how_long_requests_took_and_how_late_sweeps_began)
{
	struct world *w = world_new(2);
	struct told t, u;

	w->meters[1].refuse_address = 20;
	world_run(w, 5500000);
	t = told(w, 100);
	u = told(w, 101);
	cr_expect(t.transactions > 5 && t.timeouts == 0);
	cr_expect_eq(t.took.n[3], t.transactions);
	cr_expect_eq(t.took.sum_us, 10000u * t.transactions);
	cr_expect_eq(t.lates, t.sweeps - 1, "the first one was to be at once");
	cr_expect_eq(t.late_us, 0);
	cr_expect_eq(u.took.n[3], u.transactions, "refusals are answers");
	cr_expect(u.late_us >= 10000 && u.late_us < 100000, "waits for its neighbour: %lld",
		  (long long)u.late_us);
	w->meters[0].silent = true;
	world_run(w, 30500000);
	w->meters[0].silent = false; /* probes are told with the next sweep */
	world_run(w, 40500000);
	t = told(w, 100);
	cr_expect(t.timeouts >= 5, "%u", t.timeouts);
	cr_expect_eq(t.took.n[3], t.transactions - t.timeouts);
	cr_expect_eq(t.took.sum_us, 10000u * (t.transactions - t.timeouts));
	world_free(w);
}

Test(line, a_meter_that_hangs_up_costs_its_neighbour_nothing)
{
	struct world *w = world_new(2);

	w->meters[0].hangs_up = true;
	world_run(w, 31000000);
	struct told t = told(w, 100), u = told(w, 101);

	cr_expect_str_eq(t.last_state, "offline");
	cr_expect(u.sweeps >= 26, "the neighbour was read %u times", u.sweeps);
	cr_expect_eq(u.failed, 0);
	world_free(w);
}

Test(line, silent_meters_do_not_starve_the_others)
{
	struct world *w = world_new(3);

	w->line->params.timeout_ms = 1000;
	w->line->params.backoff_max_ms = 2000;
	w->meters[0].silent = w->meters[1].silent = true;
	world_run(w, 61000000);
	struct told t = told(w, 102);

	cr_expect(t.sweeps >= 20, "read %u times", t.sweeps);
	cr_expect(t.sweeps + t.missed >= 45, "%u read, %u missed", t.sweeps, t.missed);
	cr_expect(w->meters[1].asked >= 10, "the second is probed as well: %u", w->meters[1].asked);
	world_free(w);
}

Test(line, a_meter_that_never_answers_well_says_why)
{
	struct world *w = world_new(1);

	world_run(w, 5500000);
	cr_expect_eq(told(w, 100).reasons, 0);
	w->meters[0].refuse_address = 20;
	world_run(w, 30500000);
	cr_expect_eq(told(w, 100).reasons, 1, "once");
	cr_expect_str_eq(told(w, 100).last_state, "online");
	w->meters[0].refuse_address = -1;
	unsigned states = told(w, 100).states;

	world_run(w, 40500000);
	cr_expect_eq(told(w, 100).reasons, 1);
	cr_expect_eq(told(w, 100).states, states + 1, "and once when it is over");
	world_free(w);
}

Test(line, a_meter_of_short_reads_is_not_asked_for_longer_ones)
{
	struct world *w = world_new(1);

	w->meters[0].longest = 2;
	world_run(w, 10500000);
	struct told t = told(w, 100);

	cr_expect_eq(t.exceptions, 1);
	cr_expect_eq(t.failed, 0);
	world_free(w);
}

Test(line, scales_that_were_not_understood_are_asked_for_again_soon)
{
	struct world *w = world_new(1);

	w->meters[0].garble_scale = true;
	world_run(w, 5500000);
	w->meters[0].garble_scale = false;
	unsigned failed = told(w, 100).failed;

	cr_expect_gt(failed, 0, "no scale, no value");
	world_run(w, 20500000);
	struct told t = told(w, 100);

	cr_expect(t.failed <= failed + 1, "%u, then %u", failed, t.failed);
	world_free(w);
}

Test(line, what_was_under_way_when_the_line_broke_is_one_failed_sweep)
{
	struct world *w = world_new(1);
	struct action act;

	w->line->params.pause_ms = 50;
	world_run(w, 5200000);
	unsigned sweeps = told(w, 100).sweeps;

	do { /* into the next sweep, up to its pause */
		act = line_next(w->line, w->mono, wall(w));
		if (act.act == ACT_WAIT && w->line->job.kind == JOB_NONE)
			w->mono = act.until_us;
	} while (w->line->job.kind == JOB_NONE);
	line_hung_up(w->line, "unplugged", w->mono, wall(w));
	cr_expect_eq(w->line->job.kind, JOB_NONE);
	w->mono += 3600000000;
	world_run(w, w->mono + 2000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.failed, 1);
	cr_expect(t.sweeps >= sweeps + 2 && t.worst_early_us >= 0);
	world_free(w);
}

static const struct {
	const char *name;
	int64_t step_us;
} steps[] = {
	{ "an hour forward", 3600000000 },
	{ "an hour back", -3600000000 },
	{ "half a second", 500000 },
	{ "56 years", 1767000000000000 },
};

Test(line, a_stepped_clock_misses_nothing)
{
	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		struct world *w = world_new(1);

		world_run(w, 10300000);
		unsigned before = told(w, 100).sweeps;

		w->step = steps[i].step_us;
		world_run(w, 20300000);
		struct told t = told(w, 100);

		cr_expect_eq(t.missed, 0, "%s: %u", steps[i].name, t.missed);
		cr_expect(t.sweeps - before >= 9 && t.sweeps - before <= 11, "%s: %u",
			  steps[i].name, t.sweeps - before);
		world_free(w);
	}
}

Test(line, a_line_that_cannot_be_opened_is_tried_with_patience)
{
	struct world *w = world_new(1);
	unsigned tries = 0;

	while (w->mono < 61000000) {
		struct action act = line_next(w->line, w->mono, wall(w));

		if (act.act == ACT_OPEN) {
			tries++;
			line_open_failed(w->line, w->mono, "no such port");
		} else {
			w->mono = act.until_us;
		}
	}
	cr_expect(tries >= 12 && tries <= 16, "%u", tries); /* 1, 2, 4, 5, 5 ... s */
	struct told t = told(w, 100);

	cr_expect_eq(t.states, 1, "said once");
	cr_expect_str_eq(t.last_state, "offline");
	world_run(w, 70000000);
	cr_expect_str_eq(told(w, 100).last_state, "online");
	world_free(w);
}

static const struct tesla_variable *const placed[] = { &var_a };

static void has_sunspec(struct world *w)
{
	w->model.sunspec = 203;
	w->model.pub.variables = placed;
	w->model.pub.n_variables = 1;
}

/* Who does not say where its model is does not answer; who has none answers, and says so. */
/* As any: a checksum error is tried once more, and where the chain was is not lost. */
Test(line, a_sunspec_chain_is_asked_again_after_a_wrong_checksum)
{
	struct world *w = world_make(1, has_sunspec);

	w->meters[0].garble_once = true;
	world_run(w, 1500000);
	struct told t = told(w, 100);

	cr_expect_eq(t.sweeps, 1);
	cr_expect_eq(t.garbled, 1);
	cr_expect(t.transactions > 3, "%u", t.transactions);
	world_free(w);
}

Test(line, a_sunspec_meter_without_its_model)
{
	struct world *w = world_make(1, has_sunspec);

	w->meters[0].silent = true;
	world_run(w, 20000000);
	struct told t = told(w, 100);

	cr_expect_str_eq(t.last_state, "offline");
	cr_expect_eq(t.sweeps, 3);
	cr_expect_eq(t.timeouts, 3);
	w->meters[0].silent = false;
	world_run(w, 30000000);
	t = told(w, 100);
	cr_expect_str_eq(t.last_state, "online");
	cr_expect(t.failed > 10, "%u", t.failed);
	world_free(w);
}
