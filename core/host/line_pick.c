/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is on a line: earliest deadline first, on the wall clock as it is now. */
#include <stdlib.h>

#include "host/line_parts.h"

#define IDLE_MARGIN_US 20000 /* what an idle job leaves free before the next deadline */
#define CLOCK_STEP_US 200000 /* more than slewing makes between two looks at the clocks */

void line_clocks(struct line *l, int64_t mono_us, int64_t wall_us)
{
	int64_t offset = wall_us - mono_us;
	bool stepped = l->offset_us != 0 && llabs(offset - l->offset_us) > CLOCK_STEP_US;

	l->offset_us = offset;
	if (!stepped)
		return;
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->schedule.deadline_ms != INT64_MIN)
			schedule_after(&l->analyzers[i]->schedule, wall_us / 1000);
}

/* Monotonic time at which the analyzer wants the line. */
static int64_t due_at(const struct analyzer *a, int64_t mono_us, int64_t wall_us)
{
	if (a->held)
		return NEVER;
	switch (a->state) {
	case ANALYZER_FAILED:
		return NEVER;
	case ANALYZER_OFFLINE:
		return a->probe_at_us;
	default:
		if (a->schedule.deadline_ms == INT64_MIN)
			return INT64_MIN;
		return mono_us + a->schedule.deadline_ms * 1000 - wall_us;
	}
}

static int64_t interval_of(const struct analyzer *a)
{
	return a->schedule.interval_ms[0];
}

/*
 * A probe that is due goes before a sweep, but not before a sweep that the last probe has kept
 * waiting: many silent meters must not starve the others.  Among equals the earlier; of those due
 * at once the one that is due again first, so that it does not wait out a longer one's turn; then
 * in their order.
 */
static struct analyzer *due_pick(const struct line *l, int64_t mono_us, int64_t wall_us,
				 int64_t *at)
{
	struct analyzer *best = NULL, *probe = NULL;

	*at = NEVER;
	for (size_t i = 0; i < l->n_analyzers; i++) {
		struct analyzer *a = l->analyzers[i];
		int64_t due = due_at(a, mono_us, wall_us);

		if (a->state == ANALYZER_OFFLINE && due <= mono_us) {
			if (probe == NULL || due < probe->probe_at_us)
				probe = a;
		} else if (due < *at ||
			   (best != NULL && due == *at && interval_of(a) < interval_of(best))) {
			*at = due;
			best = a;
		}
	}
	if (probe == NULL || (l->probed_last && *at <= mono_us))
		return best;
	*at = probe->probe_at_us;
	return probe;
}

/* An analyzer whose scale registers can be read before `until_us`, when something else is due. */
static struct analyzer *scales_pick(const struct line *l, int64_t mono_us, int64_t until_us)
{
	for (size_t i = 0; i < l->n_analyzers; i++) {
		struct analyzer *a = l->analyzers[i];
		struct plan_cost cost = line_cost(l, a);
		struct tesla_error err;
		struct plan *plan;

		if (a->held || a->state != ANALYZER_ONLINE || a->connect_needed ||
		    a->scales_at_us > mono_us || analyzer_connect_plan(a, &cost, &plan, &err) != 0)
			continue;
		if (until_us - mono_us > (int64_t)(2 * plan_predict(plan, &cost)) + IDLE_MARGIN_US)
			return a;
	}
	return NULL;
}

struct analyzer *line_pick(const struct line *l, int64_t mono_us, int64_t wall_us,
			   enum job_kind *kind, int64_t *until_us)
{
	struct analyzer *a = due_pick(l, mono_us, wall_us, until_us);

	if (a != NULL && *until_us <= mono_us) {
		*kind = a->state == ANALYZER_OFFLINE ? JOB_PROBE : JOB_SWEEP;
		return a;
	}
	*kind = JOB_SCALES;
	return scales_pick(l, mono_us, *until_us);
}
