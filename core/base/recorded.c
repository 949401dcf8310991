/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of time, in order, that are joined where they touch. */
#include "base/recorded.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define TIME_MAX_MS INT64_C(253402300799999) /* the end of the year 9999 */

bool recorded_has(const struct recorded *r, int64_t end_ms)
{
	for (int64_t i = 0; i < r->n; i++)
		if (end_ms > r->spans[i].from_ms && end_ms <= r->spans[i].to_ms)
			return true;
	return false;
}

int64_t recorded_last(const struct recorded *r, int64_t start_ms, int64_t before_ms)
{
	int64_t last = start_ms;

	for (int64_t i = 0; i < r->n; i++)
		if (r->spans[i].to_ms > last && r->spans[i].to_ms < before_ms)
			last = r->spans[i].to_ms;
	return last;
}

/*
 * The list without its oldest gap, but never without the one behind `added`: the clock is there
 * now, and what comes next must be recorded.
 */
static void close_gap(struct recorded_span *list, size_t n, size_t added)
{
	size_t at = added == 0 ? 1 : 0;

	list[at].to_ms = list[at + 1].to_ms;
	memmove(&list[at + 1], &list[at + 2], (n - at - 2) * sizeof *list);
}

void recorded_add(struct recorded *r, int64_t start_ms, int64_t end_ms)
{
	struct recorded_span list[RECORDED_MAX + 1], added = { start_ms, end_ms };
	size_t n = 0, at = 0;

	assert(start_ms < end_ms);
	for (int64_t i = 0; i < r->n; i++) {
		const struct recorded_span *s = &r->spans[i];

		if (s->to_ms < added.from_ms)
			at = n + 1;
		else if (s->from_ms <= added.to_ms) {
			added.from_ms = s->from_ms < added.from_ms ? s->from_ms : added.from_ms;
			added.to_ms = s->to_ms > added.to_ms ? s->to_ms : added.to_ms;
			continue;
		}
		list[n++] = *s;
	}
	memmove(&list[at + 1], &list[at], (n - at) * sizeof *list);
	list[at] = added;
	if (++n > RECORDED_MAX)
		close_gap(list, n--, at);
	*r = (struct recorded){ .n = (int64_t)n };
	memcpy(r->spans, list, n * sizeof *list);
}

bool recorded_ok(const struct recorded *r)
{
	int64_t last = -TIME_MAX_MS - 1;

	if (r->n < 0 || r->n > RECORDED_MAX)
		return false;
	for (int64_t i = 0; i < r->n; i++) {
		const struct recorded_span *s = &r->spans[i];

		if (s->from_ms <= last || s->to_ms <= s->from_ms)
			return false;
		last = s->to_ms;
	}
	return last <= TIME_MAX_MS;
}
