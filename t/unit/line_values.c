/* SPDX-License-Identifier: Apache-2.0 */
/* What a line makes of scales and counters: what the core is told of them, and what is in doubt. */
#include "line_fixture.h"

/* B of a meter that can grow by one in a second, beside its least step. */
static const struct tesla_variable var_rated = { .name = "B",
						 .unit = "Wh",
						 .kind = TESLA_COUNTER,
						 .n_elements = 1,
						 .elements = regs_b,
						 .rating = 3600 };
/* As much: the register says 7, the other one would say 9 at most. */
static const struct tesla_variable var_rated_read = { .name = "B",
						      .unit = "Wh",
						      .kind = TESLA_COUNTER,
						      .n_elements = 1,
						      .elements = regs_b,
						      .rating = 3600e-7,
						      .rating_scale = &scale_read };
static const struct tesla_variable var_rated_unread = { .name = "B",
							.unit = "Wh",
							.kind = TESLA_COUNTER,
							.n_elements = 1,
							.elements = regs_b,
							.rating = 3600e-9,
							.rating_scale = &scale_unread };
/* B where nobody knows what a step means. */
static const struct tesla_register reg_unknown = { .label = "total",
						   .function = 3,
						   .address = 20,
						   .count = 1,
						   .scale = 1,
						   .scale_register = &scale_unread };
static const struct tesla_register *const regs_unknown[] = { &reg_unknown };
static const struct tesla_variable var_unknown = { .name = "B",
						   .unit = "Wh",
						   .kind = TESLA_COUNTER,
						   .n_elements = 1,
						   .elements = regs_unknown,
						   .rating = 3600 };

/* The same meter, its scale in every sweep. */
static const struct tesla_block sweep_blocks[] = {
	{ .function = 3, .address = 10, .count = 2, .variable = 0 },
	{ .function = 3, .address = 20, .count = 1, .variable = 1 },
	{ .function = 3, .address = 99, .count = 2, .variable = TESLA_EVERY_VARIABLE },
};

Test(line_values, scales_are_read_again_and_a_change_is_said)
{
	struct world *w = world_new(1);

	world_run(w, 30000000);
	w->meters[0].scale = 8;
	world_run(w, 700000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.doubts, 1);
	cr_expect_eq(t.suspects, 2, "both variables of one sweep");
	cr_expect_eq(t.missed, 0, "in idle time");
	world_free(w);
}

Test(line_values, exponents_are_told_once_and_when_they_change)
{
	for (int every_sweep = 0; every_sweep < 2; every_sweep++) {
		struct world *w = world_new(2);

		if (every_sweep)
			w->line->analyzers[0]->blocks = sweep_blocks;
		world_run(w, 30500000);
		struct told t = told(w, 100);

		cr_expect(t.scales == 1 && t.exponent == 7 && !t.other_known, "%u", t.scales);
		cr_expect_eq(t.sweeps_before_scales, 0, "before the first sweep");
		w->meters[0].scale = 200; /* beyond max: the last one stays */
		world_run(w, 700000000);
		cr_expect_eq(told(w, 100).scales, 1);
		unsigned sweeps = told(w, 100).sweeps;

		world_go(w, 710000000);
		w->meters[0].scale = 8;
		world_run(w, 1400000000);
		t = told(w, 100);
		cr_expect(t.scales == 2 && t.exponent == 8, "%u", t.scales);
		if (every_sweep)
			cr_expect(t.sweeps_before_scales >= sweeps + 9 &&
					  t.sweeps_before_scales <= sweeps + 10,
				  "with the next sweep, after the others");
		else
			cr_expect(t.sweeps_before_scales > sweeps + 100 &&
					  t.sweeps > t.sweeps_before_scales,
				  "when they were read again, in their place");
		cr_expect_eq(told(w, 101).scales, 1);
		world_free(w);
	}
}

Test(line_values, a_scale_that_was_not_read_is_not_told)
{
	for (int every_sweep = 0; every_sweep < 2; every_sweep++) {
		struct world *w = world_new(1);
		struct meter *m = &w->meters[0];

		if (every_sweep)
			w->line->analyzers[0]->blocks = sweep_blocks;
		m->garble_scale = !every_sweep;
		m->silent = every_sweep;
		world_run(w, 3500000);
		cr_expect_eq(told(w, 100).scales, 0);
		m->garble_scale = m->silent = false;
		world_run(w, 20500000);
		cr_expect_eq(told(w, 100).scales, 1);
		world_free(w);
	}
}

/* A counter at 10, then these, a second apart; which of them are in doubt. */
static const struct {
	const char *name;
	uint8_t reads[5];
	bool suspect[5];
} leaps[] = {
	{ "as fast as it may, and a step", { 11, 12, 14, 14, 16 }, { 0 } },
	{ "one false value", { 11, 200, 12, 13, 14 }, { 0, 1, 0, 0, 0 } },
	{ "a leap that is true", { 11, 200, 201, 202, 203 }, { 0, 1, 0, 0, 0 } },
	{ "leap upon leap", { 11, 100, 200, 200, 201 }, { 0, 1, 1, 0, 0 } },
	{ "a leap and a little", { 11, 100, 105, 106, 107 }, { 0, 1, 1, 0, 0 } },
	{ "a fall in a leap", { 11, 200, 3, 4, 5 }, { 0, 1, 1, 0, 0 } },
	{ "a leap after a fall", { 11, 3, 200, 12, 13 }, { 0, 1, 1, 0, 0 } },
};

static void leaps_run(const struct tesla_variable *v)
{
	for (size_t i = 0; i < N_ELEMENTS(leaps); i++) {
		struct world *w = world_new(1);
		unsigned before = 0;

		w->line->analyzers[0]->wanted[1].variable = v;
		w->meters[0].energy = 10;
		world_run(w, 5500000);
		for (size_t k = 0; k < 5; k++) {
			w->meters[0].energy = leaps[i].reads[k];
			world_run(w, 6500000 + 1000000 * (int64_t)k);
			unsigned now = told(w, 100).suspects;

			cr_expect_eq(now - before, leaps[i].suspect[k], "%s: read %zu",
				     leaps[i].name, k);
			before = now;
		}
		world_free(w);
	}
}

Test(line_values, a_counter_that_leaps_is_in_doubt_until_confirmed)
{
	leaps_run(&var_rated);
	leaps_run(&var_rated_read);
	leaps_run(&var_rated_unread);
}

Test(line_values, no_leap_is_told_where_the_scale_is_not_known)
{
	struct world *w = world_new(1);

	w->line->analyzers[0]->wanted[1].variable = &var_unknown;
	world_run(w, 5500000);
	w->meters[0].energy = 200;
	world_run(w, 9500000);
	cr_expect_eq(told(w, 100).suspects, 0);
	world_free(w);
}

Test(line_values, a_counter_that_was_not_read_for_long_has_grown)
{
	struct world *w = world_new(1);

	w->line->analyzers[0]->wanted[1].variable = &var_rated;
	world_run(w, 5500000);
	w->meters[0].silent = true;
	world_run(w, 100000000);
	w->meters[0].silent = false;
	w->meters[0].energy = 90;
	world_run(w, 110000000);
	cr_expect_eq(told(w, 100).suspects, 0);
	w->meters[0].energy = 120;
	world_run(w, 115000000);
	cr_expect_eq(told(w, 100).suspects, 1);
	world_free(w);
}

Test(line_values, a_counter_that_falls_is_in_doubt_until_confirmed)
{
	struct world *w = world_new(1);

	w->meters[0].energy = 200;
	world_run(w, 5500000);
	w->meters[0].energy = 3; /* reset */
	world_run(w, 6500000);
	cr_expect_eq(told(w, 100).suspects, 1);
	w->meters[0].energy = 4;
	world_run(w, 9500000);
	cr_expect_eq(told(w, 100).suspects, 1, "confirmed by the next read");
	world_free(w);
}
