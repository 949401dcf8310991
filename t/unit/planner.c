/* SPDX-License-Identifier: Apache-2.0 */
/* The planner against every partition there is, and the PM710 of the documents. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "host/planner.h"

static struct plan_cost rtu19200(void)
{
	double c = 11e6 / 19200;

	return (struct plan_cost){ .c0_us = 20 * c + 5000, .c1_us = 2 * c, .max_registers = 125 };
}

/* TPF IPF FRE PAF PAT PRT FPT THDV CEA CER of a PM710. */
static const struct tesla_block pm710[] = {
	{ .function = 3, .address = 4032, .count = 3 },
	{ .function = 3, .address = 4019, .count = 4 },
	{ .function = 3, .address = 4012, .count = 1 },
	{ .function = 3, .address = 4035, .count = 3 },
	{ .function = 3, .address = 4005, .count = 1 },
	{ .function = 3, .address = 4007, .count = 1 },
	{ .function = 3, .address = 4008, .count = 1 },
	{ .function = 3, .address = 4048, .count = 3 },
	{ .function = 3, .address = 3999, .count = 2 },
	{ .function = 3, .address = 4003, .count = 2 },
};

Test(planner, pm710_is_one_transaction)
{
	struct plan_cost cost = rtu19200();
	struct ranges none = { 0 };
	struct tesla_error err;
	struct plan *p;

	cr_assert_eq(plan_make(pm710, NULL, N_ELEMENTS(pm710), &cost, &none, &p, &err), 0);
	cr_expect_eq(p->n, 1);
	cr_expect_eq(p->list[0].what.address, 3999);
	cr_expect_eq(p->list[0].what.count, 52);
	cr_expect_eq(p->list[0].n, N_ELEMENTS(pm710));
	cr_expect_float_eq(p->predicted_us, 124 * 11e6 / 19200 + 5000, 1e-6);
	plan_free(p);
}

Test(planner, a_forbidden_register_is_never_inside_a_merged_read)
{
	struct plan_cost cost = rtu19200();
	struct ranges forbidden = { 0 };
	struct tesla_error err;
	struct plan *p;

	cr_assert_eq(ranges_add(&forbidden, (struct model_range){ 3, 4025, 4025 }), 0);
	cr_expect_eq(ranges_add(&forbidden, (struct model_range){ 3, 4025, 4025 }), 1);
	cr_assert_eq(plan_make(pm710, NULL, N_ELEMENTS(pm710), &cost, &forbidden, &p, &err), 0);
	cr_expect_eq(p->n, 2);
	for (size_t i = 0; i < p->n; i++) {
		unsigned first = p->list[i].what.address, last = first + p->list[i].what.count - 1u;

		cr_expect(last < 4025 || first > 4025, "%u..%u", first, last);
	}
	plan_free(p);
	ranges_release(&forbidden);
}

Test(planner, a_block_alone_may_hold_a_forbidden_register)
{
	struct plan_cost cost = rtu19200();
	struct ranges forbidden = { 0 };
	struct tesla_error err;
	struct plan *p;

	cr_assert_eq(ranges_add(&forbidden, (struct model_range){ 3, 4032, 4034 }), 0);
	cr_assert_eq(plan_make(pm710, NULL, N_ELEMENTS(pm710), &cost, &forbidden, &p, &err), 0);
	cr_expect_eq(p->n, 3);
	cr_expect_eq(p->list[1].what.address, 4032);
	cr_expect_eq(p->list[1].what.count, 3);
	plan_free(p);
	ranges_release(&forbidden);
}

Test(planner, a_block_beyond_the_limit_is_refused)
{
	struct plan_cost cost = { .c0_us = 1000, .c1_us = 10, .max_registers = 10 };
	const struct tesla_block block = { .function = 3, .address = 7, .count = 11 };
	struct ranges none = { 0 };
	struct tesla_error err = { 0 };
	struct plan *p;

	cr_expect_eq(plan_make(&block, NULL, 1, &cost, &none, &p, &err), -ERANGE);
	cr_expect_str_eq(err.text, "block of 11 registers at 0x0007: one read takes 1 to 10");
}

Test(planner, commands_are_asked_once_each)
{
	struct plan_cost cost = rtu19200();
	const struct tesla_block blocks[] = { { .command = "RVI", .count = 36 },
					      { .command = "RAI", .count = 36 },
					      { .command = "RVI", .count = 36 },
					      { .command = "RHI", .count = 3 },
					      { .function = 3, .address = 10, .count = 2 } };
	struct ranges none = { 0 };
	struct tesla_error err;
	struct plan *p;

	cost.command_us = 7000;
	cost.char_us = 500;
	cr_assert_eq(plan_make(blocks, NULL, N_ELEMENTS(blocks), &cost, &none, &p, &err), 0);
	cr_assert_eq(p->n, 4);
	cr_expect_eq(p->list[0].what.count, 2);
	cr_expect_str_eq(p->list[1].what.command, "RAI");
	cr_expect_str_eq(p->list[2].what.command, "RHI");
	cr_expect_eq(p->list[3].n, 2);
	cr_expect_eq(p->list[3].what.count, 36);
	/* Twice three letters and 36 characters, once three and three; and two registers. */
	cr_expect_float_eq(p->predicted_us,
			   3 * 7000 + (2 * 39 + 6) * 500 + cost.c0_us + 2 * cost.c1_us, 1e-6);
	cr_expect_float_eq(plan_predict(p, &cost), p->predicted_us, 1e-6);
	plan_free(p);
}

/* Every way to cut n sorted blocks into runs, as bits of `cuts`. */
static double brute_cost(const struct tesla_block *b, size_t n, unsigned cuts,
			 const struct plan_cost *cost, const struct ranges *forbidden)
{
	double sum = 0;

	for (size_t i = 0; i < n;) {
		size_t j = i;
		uint32_t end = 0;

		do {
			uint32_t own = (uint32_t)b[j].address + b[j].count;

			end = own > end ? own : end;
			if (b[j].function != b[i].function)
				return -1;
			j++;
		} while (j < n && !(cuts & 1u << (j - 1)));
		if (end - b[i].address > cost->max_registers)
			return -1;
		if (j - i > 1 && ranges_touch(forbidden, b[i].function, b[i].address, end - 1))
			return -1;
		sum += cost->c0_us + cost->c1_us * (end - b[i].address);
		i = j;
	}
	return sum;
}

static int by_address(const void *x, const void *y)
{
	const struct tesla_block *a = x, *b = y;

	if (a->function != b->function)
		return a->function - b->function;
	return a->address != b->address ? a->address - b->address : a->count - b->count;
}

Test(planner, agrees_with_every_partition)
{
	unsigned seed = 20261122;

	for (int round = 0; round < 2000; round++) {
		struct tesla_block blocks[8];
		struct plan_cost cost = { .c0_us = 500 + rand_r(&seed) % 20000,
					  .c1_us = 1 + rand_r(&seed) % 2000,
					  .max_registers = 60 };
		struct ranges forbidden = { 0 };
		struct tesla_error err;
		struct plan *p;
		size_t n = 1 + (size_t)rand_r(&seed) % 8;
		double best = -1;

		for (size_t i = 0; i < n; i++)
			blocks[i] =
				(struct tesla_block){ .function =
							      (uint16_t)(3 + rand_r(&seed) % 5 / 4),
						      .address = (uint16_t)(rand_r(&seed) % 150),
						      .count = (uint16_t)(1 + rand_r(&seed) % 8) };
		for (int i = rand_r(&seed) % 3; i > 0; i--) {
			uint16_t at = (uint16_t)(rand_r(&seed) % 150);

			(void)ranges_add(&forbidden,
					 (struct model_range){ 3, at, (uint16_t)(at + 1) });
		}
		qsort(blocks, n, sizeof *blocks, by_address);
		for (unsigned cuts = 0; cuts < 1u << (n - 1); cuts++) {
			double c = brute_cost(blocks, n, cuts, &cost, &forbidden);

			best = c >= 0 && (best < 0 || c < best) ? c : best;
		}
		cr_assert_eq(plan_make(blocks, NULL, n, &cost, &forbidden, &p, &err), 0);
		cr_expect_float_eq(p->predicted_us, best, 1e-6, "round %d", round);
		cr_expect_float_eq(plan_predict(p, &cost), best, 1e-6, "round %d", round);
		plan_free(p);
		ranges_release(&forbidden);
	}
}

Test(planner, splits_at_the_widest_gap)
{
	struct plan_cost cost = rtu19200();
	struct ranges none = { 0 };
	struct tesla_error err;
	struct plan *p;

	cr_assert_eq(plan_make(pm710, NULL, N_ELEMENTS(pm710), &cost, &none, &p, &err), 0);
	cr_assert_eq(plan_split(p, 0, pm710, &err), 0);
	cr_expect_eq(p->n, 2);
	cr_expect_eq(p->list[0].what.count + p->list[0].what.address, 4038);
	cr_expect_eq(p->list[1].what.address, 4048);
	cr_expect_eq(p->list[0].split, p->list[1].split);
	cr_assert_eq(plan_split(p, 0, pm710, &err), 0);
	cr_expect_eq(p->n, 3);
	cr_expect_eq(p->list[0].n + p->list[1].n + p->list[2].n, N_ELEMENTS(pm710));
	cr_expect_neq(p->list[1].split, p->list[2].split);
	plan_free(p);
}
