/* SPDX-License-Identifier: Apache-2.0 */
/* How much a counter grew.  What is in doubt never moves `last`, from which growth is counted. */
#include "daemon/counter.h"

#include <assert.h>
#include <math.h>

#define HOUR_S 3600.0
/*
 * A rollover takes no more than this part of the modulus.  With a rating too: after a night without
 * readings a generous one would allow anything, and a reset would count as most of the range.
 */
#define ROLL_PART 0.01
#define ROLL_PART_RATED 0.1

void counter_init(struct counter *c)
{
	*c = (struct counter){ .last = NAN, .candidate = NAN, .before = NAN };
}

/* How much it can have grown at most. */
static double growth_max(const struct counter_rules *rules, int64_t from_us, int64_t to_us)
{
	double s = (double)to_us / 1e6 - (double)from_us / 1e6;

	return rules->rating > 0 ? rules->rating * fmax(s, 1) / HOUR_S + rules->resolution
				 : INFINITY;
}

static enum counter_event doubt(struct counter *c, double value, int64_t t_us)
{
	c->candidate = value;
	c->candidate_us = t_us;
	return COUNTER_PENDING;
}

/* Can `value` be what came of `from` by growing? */
static bool can_be(const struct counter_rules *rules, double from, int64_t from_us, double value,
		   int64_t t_us)
{
	return value >= from && value - from <= growth_max(rules, from_us, t_us);
}

/* The growth from last to candidate through the modulus; NAN: it was no rollover. */
static double rolled(const struct counter *c, const struct counter_rules *rules)
{
	double growth = c->candidate + rules->modulus - c->last;
	double part = rules->rating > 0 ? ROLL_PART_RATED : ROLL_PART;

	if (rules->modulus <= 0 || growth < 0 || growth > part * rules->modulus ||
	    growth > growth_max(rules, c->last_us, c->candidate_us))
		return NAN;
	return growth;
}

/* The candidate was true: `value` grew from it. */
static enum counter_event confirm(struct counter *c, const struct counter_rules *rules,
				  double value, double *step)
{
	double through = rolled(c, rules);

	c->before = NAN;
	*step = value - c->candidate;
	if (c->candidate >= c->last) {
		*step = c->unsure ? value - c->last : *step;
		return COUNTER_LEAPT;
	}
	if (!isnan(through)) {
		*step += through;
		return COUNTER_ROLLED;
	}
	if (*step == 0) { /* it may be a second false zero */
		c->before = c->last;
		c->before_us = c->last_us;
	}
	return COUNTER_RESET;
}

static enum counter_event compare(struct counter *c, const struct counter_rules *rules,
				  double value, int64_t t_us, double *step)
{
	/*
	 * It stands again where it fell from: the reset was one false value that came more than
	 * once.  Without a rating, all of it would count as growth.
	 */
	if (can_be(rules, c->before, c->before_us, value, t_us)) {
		*step = value - c->before;
		c->before = NAN;
		return COUNTER_BACK;
	}
	if (can_be(rules, c->last, c->last_us, value, t_us)) {
		*step = value - c->last;
		if (*step > 0)
			c->before = NAN;
		return isnan(c->candidate) ? COUNTER_GREW : COUNTER_BACK;
	}
	if (can_be(rules, c->candidate, c->candidate_us, value, t_us))
		return confirm(c, rules, value, step);
	return COUNTER_PENDING;
}

/* Nothing is believed yet: is the candidate, now? */
static enum counter_event begin(struct counter *c, const struct counter_rules *rules, double value,
				int64_t t_us, double *step)
{
	bool agrees = can_be(rules, c->candidate, c->candidate_us, value, t_us);
	bool counts = agrees && (rules->rating > 0 || value == c->candidate);

	if (counts)
		*step = value - c->candidate;
	c->last = agrees ? value : NAN;
	c->last_us = t_us;
	c->candidate = agrees ? NAN : value;
	c->candidate_us = t_us;
	return counts ? COUNTER_GREW : COUNTER_FIRST;
}

enum counter_event counter_add(struct counter *c, const struct counter_rules *rules, double value,
			       int64_t t_us, double *step)
{
	enum counter_event event;

	assert(isfinite(value));
	*step = 0;
	if (isnan(c->last))
		return begin(c, rules, value, t_us, step);
	event = compare(c, rules, value, t_us, step);
	if (event == COUNTER_PENDING)
		return doubt(c, value, t_us);
	c->last = value;
	c->last_us = t_us;
	c->candidate = NAN;
	c->unsure = 0;
	return event;
}

void counter_unsure(struct counter *c)
{
	c->unsure = !isnan(c->last);
}

void counter_suspect(struct counter *c, double value, int64_t t_us)
{
	assert(isfinite(value));
	if (!isnan(c->last))
		(void)doubt(c, value, t_us);
}
