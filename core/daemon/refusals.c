/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused is said once. */
#include "daemon/refusals.h"

#define MINUTE_US INT64_C(60000000)

/* FNV-1a; two that collide are said as one, which costs a line in the log. */
static uint64_t key_of(const char *who, const char *what)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (const char *p = who; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	h *= UINT64_C(1099511628211); /* as if a byte 0 stood between */
	for (const char *p = what; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	return h;
}

/* The entry of `key`: what is there, or a new one in the place of the oldest. */
static struct refusal *entry(struct refusals *r, uint64_t key, bool *is_new)
{
	struct refusal *oldest = r->list;

	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].key == key)
			return &r->list[i];
		if (r->list[i].seen_us < oldest->seen_us)
			oldest = &r->list[i];
	}
	if (r->n < REFUSALS_MAX)
		oldest = &r->list[r->n++];
	*oldest = (struct refusal){ .key = key };
	*is_new = true;
	return oldest;
}

static bool line_left(struct refusals *r, int64_t now_us)
{
	if (r->in_minute == 0 || now_us - r->minute_us >= MINUTE_US) {
		r->minute_us = now_us;
		r->in_minute = 0;
	}
	if (r->in_minute >= REFUSALS_A_MINUTE)
		return false;
	r->in_minute++;
	return true;
}

bool refusals_due(struct refusals *r, const char *who, const char *what, int64_t now_us,
		  uint64_t *held, uint64_t *unsaid)
{
	bool is_new = false;
	struct refusal *e = entry(r, key_of(who, what), &is_new);

	e->seen_us = now_us;
	if (!is_new && now_us - e->said_us < REFUSALS_AGAIN_US) {
		e->held++;
		return false;
	}
	if (!line_left(r, now_us)) {
		r->unsaid++;
		e->held++;
		e->said_us = is_new ? now_us - REFUSALS_AGAIN_US : e->said_us;
		return false;
	}
	*held = e->held;
	*unsaid = r->unsaid;
	e->said_us = now_us;
	e->held = 0;
	r->unsaid = 0;
	return true;
}
