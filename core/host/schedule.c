/* SPDX-License-Identifier: Apache-2.0 */
/* When an analyzer is due. */
#include "host/schedule.h"

#include <string.h>

int schedule_add(struct schedule *s, int64_t interval_ms)
{
	size_t at = 0;

	while (at < s->n && s->interval_ms[at] < interval_ms)
		at++;
	if (at < s->n && s->interval_ms[at] == interval_ms)
		return (int)at;
	if (s->n == INTERVALS_MAX)
		return -1;
	memmove(&s->interval_ms[at + 1], &s->interval_ms[at], (s->n - at) * sizeof *s->interval_ms);
	s->interval_ms[at] = interval_ms;
	s->n++;
	return (int)at;
}

void schedule_at_once(struct schedule *s)
{
	s->deadline_ms = INT64_MIN;
	s->due = (1u << s->n) - 1;
}

/* The first multiple of `step` after t. */
static int64_t multiple_after(int64_t t, int64_t step)
{
	int64_t rest = t % step;

	return t - (rest < 0 ? rest + step : rest) + step;
}

void schedule_after(struct schedule *s, int64_t wall_ms)
{
	s->deadline_ms = INT64_MAX;
	s->due = 0;
	for (size_t i = 0; i < s->n; i++) {
		int64_t next = multiple_after(wall_ms, s->interval_ms[i]);

		if (next < s->deadline_ms) {
			s->deadline_ms = next;
			s->due = 0;
		}
		if (next == s->deadline_ms)
			s->due |= 1u << i;
	}
}

unsigned schedule_start(struct schedule *s, int64_t wall_ms, int64_t *deadline_ms, unsigned *due)
{
	unsigned missed = 0;

	*due = s->due;
	*deadline_ms = s->deadline_ms == INT64_MIN ? wall_ms : s->deadline_ms;
	for (schedule_after(s, *deadline_ms); s->deadline_ms <= wall_ms;
	     schedule_after(s, *deadline_ms)) {
		*deadline_ms = s->deadline_ms;
		*due |= s->due;
		missed++;
	}
	return missed;
}
