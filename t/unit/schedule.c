/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: multiples of intervals, what is due, what was missed. */
#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "host/schedule.h"

static struct schedule schedule_of(int64_t a, int64_t b)
{
	struct schedule s = { 0 };

	(void)schedule_add(&s, a);
	if (b != 0)
		(void)schedule_add(&s, b);
	return s;
}

Test(schedule, numbers_intervals_in_ascending_order)
{
	struct schedule s = { 0 };

	cr_expect_eq(schedule_add(&s, 5000), 0);
	cr_expect_eq(schedule_add(&s, 1000), 0);
	cr_expect_eq(schedule_add(&s, 5000), 1);
	cr_expect_eq(schedule_add(&s, 60000), 2);
	cr_expect_eq(schedule_add(&s, 7000), 2);
	cr_expect_eq(schedule_add(&s, 8000), -1);
	cr_expect_eq(s.n, 4);
}

static const struct after_case {
	int64_t a, b, wall, deadline;
	unsigned due;
} after_cases[] = {
	{ 1000, 0, 12345, 13000, 1 },	 { 1000, 0, 13000, 14000, 1 },
	{ 1000, 0, 12999, 13000, 1 },	 { 1000, 5000, 13999, 14000, 1 },
	{ 1000, 5000, 14000, 15000, 3 }, { 1500, 2000, 3000, 4000, 2 },
	{ 1500, 2000, 5900, 6000, 3 },	 { 250, 0, -100, 0, 1 },
	{ 60000, 0, 0, 60000, 1 },
};

Test(schedule, next_is_the_first_multiple_after)
{
	for (size_t i = 0; i < N_ELEMENTS(after_cases); i++) {
		const struct after_case *c = &after_cases[i];
		struct schedule s = schedule_of(c->a, c->b);

		schedule_after(&s, c->wall);
		cr_expect_eq(s.deadline_ms, c->deadline, "row %zu: %lld", i,
			     (long long)s.deadline_ms);
		cr_expect_eq(s.due, c->due, "row %zu: %u", i, s.due);
	}
}

static const struct start_case {
	const char *name;
	int64_t a, b, deadline, wall; /* deadline: the one that was waited for */
	unsigned missed;
	int64_t stands_for, next;
	unsigned due;
} start_cases[] = {
	{ "in time", 1000, 0, 5000, 5000, 0, 5000, 6000, 1 },
	{ "late within the interval", 1000, 0, 5000, 5999, 0, 5000, 6000, 1 },
	{ "the next has come", 1000, 0, 5000, 6000, 1, 6000, 7000, 1 },
	{ "three passed", 1000, 0, 5000, 8500, 3, 8000, 9000, 1 },
	{ "a slow one among the missed is not lost", 1000, 5000, 4000, 6100, 2, 6000, 7000, 3 },
};

Test(schedule, a_late_start_counts_what_it_missed)
{
	for (size_t i = 0; i < N_ELEMENTS(start_cases); i++) {
		const struct start_case *c = &start_cases[i];
		struct schedule s = schedule_of(c->a, c->b);
		int64_t deadline;
		unsigned due, missed;

		schedule_after(&s, c->deadline - 1);
		missed = schedule_start(&s, c->wall, &deadline, &due);
		cr_expect_eq(missed, c->missed, "%s: %u", c->name, missed);
		cr_expect_eq(deadline, c->stands_for, "%s: %lld", c->name, (long long)deadline);
		cr_expect_eq(s.deadline_ms, c->next, "%s: %lld", c->name, (long long)s.deadline_ms);
		cr_expect_eq(due, c->due, "%s: %u", c->name, due);
	}
}

Test(schedule, at_once_is_everything_and_misses_nothing)
{
	struct schedule s = schedule_of(1000, 5000);
	int64_t deadline;
	unsigned due;

	schedule_at_once(&s);
	cr_expect_eq(schedule_start(&s, 123456, &deadline, &due), 0);
	cr_expect_eq(deadline, 123456);
	cr_expect_eq(due, 3);
	cr_expect_eq(s.deadline_ms, 124000);
}
