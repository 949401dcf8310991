/* SPDX-License-Identifier: Apache-2.0 */
/* A line with meters that are asked by commands, beside others that are read by registers. */
#include "line_fixture.h"

#define COMMANDS 23

/* As a CVMk's: 36 characters each, but for a few. */
static const struct tesla_block *command_blocks(void)
{
	static const char *const names[COMMANDS] = {
		"RVI", "RVM", "RVm", "ROI", "ROM", "RAI", "RAM", "RAm", "RPI", "RPM", "RPm", "RLI",
		"RLM", "RLm", "RCI", "RCM", "RCm", "RFI", "RFM", "RFm", "RHI", "RHM", "RHm",
	};
	static struct tesla_block blocks[COMMANDS];

	for (size_t i = 0; i < COMMANDS; i++)
		blocks[i] = (struct tesla_block){ .command = names[i],
						  .count = i < 17 ? 36 : 12,
						  .variable = (int32_t)(i % 2) };
	return blocks;
}

static size_t text_blocks(const void *self, const struct tesla_block **ret)
{
	(void)self;
	*ret = command_blocks();
	return COMMANDS;
}

static int text_decode(const void *self, const struct tesla_reply *r, struct tesla_element *out,
		       struct tesla_error *err)
{
	(void)self, (void)err;
	for (int i = 0; i < 3; i++)
		out[i] = r[i / 2].status == TESLA_REPLY_OK
				 ? (struct tesla_element){ 1, TESLA_GOOD }
				 : (struct tesla_element){ NAN, TESLA_ERROR };
	return 0;
}

static struct loader text_data = { .data = { .open = fake_open,
					     .blocks = text_blocks,
					     .decode = text_decode,
					     .close = fake_close } };

static void interval_set(struct analyzer *a, int64_t ms)
{
	a->schedule = (struct schedule){ .n = 0 };
	a->wanted[0].interval = a->wanted[1].interval = schedule_add(&a->schedule, ms);
}

/* A CVMk every 5 s, a meter of registers every second, another one every 2 s. */
static void three_meters(struct world *w)
{
	w->line->analyzers[0]->data = &text_data;
	interval_set(w->line->analyzers[0], 5000);
	if (w->line->n_analyzers > 2)
		interval_set(w->line->analyzers[2], 2000);
}

/*
 * At 19200 Bd a CVMk has the line for more than a second, while the others' deadlines come and
 * wait: who is due again first goes before it.
 */
Test(line_commands, ten_minutes_beside_others_and_none_is_missed)
{
	struct world *w = world_make(3, three_meters);

	w->meters[0].took_us = 46000;
	w->meters[1].took_us = 76000;
	w->meters[2].took_us = 25000;
	world_run(w, 601000000);
	static const unsigned sweeps[] = { 120, 600, 300 };

	for (int i = 0; i < 3; i++) {
		struct told t = told(w, 100 + i);

		cr_expect(t.sweeps >= sweeps[i] && t.sweeps <= sweeps[i] + 2, "%d: %u", i,
			  t.sweeps);
		cr_expect_eq(t.missed + t.failed + t.timeouts + t.garbled, 0, "%d: missed %u", i,
			     t.missed);
		cr_expect_str_eq(t.last_state, "online");
	}
	world_free(w);
}

Test(line_commands, cost_what_their_characters_cost)
{
	struct world *w = world_make(3, three_meters);
	struct analyzer *cvmk = w->line->analyzers[0];
	struct plan_cost cost;
	struct tesla_error err;
	struct plan *p;

	w->line->params.bits = 8;
	w->line->params.stop = 1;
	cost = line_cost(w->line, cvmk);
	cr_assert_eq(analyzer_plan(cvmk, 1, &cost, &p, &err), 0, "%s", err.text);
	cr_expect_eq(p->n, COMMANDS);
	/* 15 characters of frames and command, 10 bits each; two silences of 3.5 of 11; 5 ms. */
	double c = 10e6 / 19200, quiet = 7 * 11e6 / 19200 + 5000;

	cr_expect_float_eq(p->predicted_us, COMMANDS * (15 * c + quiet) + (17 * 36 + 6 * 12) * c,
			   0.1);
	cr_expect_float_eq(plan_predict(p, &cost), p->predicted_us, 0.1);
	w->line->params.parity = LINE_PARITY_E;
	cost = line_cost(w->line, cvmk);
	cr_expect_float_eq(cost.char_us, 11e6 / 19200, 0.1);
	/* What is measured beyond the characters is the meter's turnaround. */
	w->line->params.parity = LINE_PARITY_N;
	w->meters[0].took_us = (int64_t)(51 * c + 3.5 * 11e6 / 19200) + 3000;
	world_run(w, 3000000);
	cr_expect(cvmk->turnaround_measured);
	cr_expect(cvmk->turnaround_us > 2999 && cvmk->turnaround_us < 3000 + 24 * c, "%g",
		  cvmk->turnaround_us);
	world_free(w);
}

/* Whatever the driver thinks of it. */
Test(line_commands, a_reply_of_another_length_is_none)
{
	struct world *w = world_make(1, three_meters);

	w->meters[0].short_once = 9;
	world_run(w, 4000000);
	struct told t = told(w, 100);

	cr_expect_eq(t.garbled, 1);
	cr_expect_eq(t.failed, 0, "it is asked for again");
	cr_expect_eq(t.sweeps, 1);
	world_free(w);
}

/* What was garbled only when its time was over was noise perhaps: the answer may still come. */
Test(line_commands, after_what_is_garbled_at_last_the_line_is_drained)
{
	struct world *w = world_make(1, three_meters);

	w->meters[0].garble_once = w->meters[0].overdue = true;
	world_run(w, 4000000);
	cr_expect_eq(told(w, 100).garbled, 1);
	cr_expect_eq(w->least_quiet_us, 1000 * w->line->params.timeout_ms, "%lld",
		     (long long)w->least_quiet_us);
	world_free(w);
}
