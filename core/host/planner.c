/* SPDX-License-Identifier: Apache-2.0 */
/* The cheapest partition of sorted blocks into transactions, by dynamic programming. */
#include "host/planner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

bool ranges_touch(const struct ranges *r, uint16_t function, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].function == function && r->list[i].first <= last &&
		    r->list[i].last >= first)
			return true;
	return false;
}

int ranges_add(struct ranges *r, struct model_range range)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].function == range.function && r->list[i].first <= range.first &&
		    r->list[i].last >= range.last)
			return 1;
	if (r->n == RANGES_MAX)
		return -ENOSPC;
	if (r->list == NULL)
		r->list = calloc(RANGES_MAX, sizeof *r->list);
	if (r->list == NULL)
		return -ENOMEM;
	r->list[r->n++] = range;
	return 0;
}

void ranges_release(struct ranges *r)
{
	free(r->list);
	*r = (struct ranges){ 0 };
}

/* Commands after registers, then by function, address and length. */
static int block_compare(const void *a, const void *b, void *arg)
{
	const struct tesla_block *blocks = arg;
	const struct tesla_block *x = &blocks[*(const size_t *)a], *y = &blocks[*(const size_t *)b];

	if (x->command != NULL || y->command != NULL)
		return x->command == NULL   ? -1
		       : y->command == NULL ? 1
					    : strcmp(x->command, y->command);
	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->count > y->count) - (x->count < y->count);
}

static uint32_t end_max(uint32_t end, const struct tesla_block *b)
{
	uint32_t own = (uint32_t)b->address + b->count;

	return own > end ? own : end;
}

static double command_cost(const struct plan_cost *cost, const struct tesla_block *b)
{
	return cost->command_us + cost->char_us * (double)(strlen(b->command) + b->count);
}

struct search {
	const struct tesla_block *blocks;
	const size_t *order;
	const struct plan_cost *cost;
	const struct ranges *forbidden;
};

/* What it costs to fetch order[j..i] at once; negative: not allowed. */
static double span_cost(const struct search *s, size_t j, size_t i, uint32_t end)
{
	const struct tesla_block *first = &s->blocks[s->order[j]], *last = &s->blocks[s->order[i]];
	uint32_t span = end - first->address;

	if (first->command != NULL || last->command != NULL) {
		bool same = first->command && last->command &&
			    strcmp(first->command, last->command) == 0;

		return same ? command_cost(s->cost, first) : -1;
	}
	if (first->function != last->function || span > s->cost->max_registers)
		return -1;
	if (i > j && ranges_touch(s->forbidden, first->function, first->address, end - 1))
		return -1;
	return s->cost->c0_us + s->cost->c1_us * span;
}

/*
 * best[i]: the least cost of the first i blocks; cut[i]: where the last transaction of them begins.
 * Sorted by address, an optimal partition is one into runs.
 */
static void search_runs(const struct search *s, size_t n, double *best, size_t *cut)
{
	best[0] = 0;
	for (size_t i = 1; i <= n; i++) {
		uint32_t end = 0;

		best[i] = -1;
		for (size_t j = i; j-- > 0;) {
			end = end_max(end, &s->blocks[s->order[j]]);
			double c = span_cost(s, j, i - 1, end);

			if (c < 0)
				break; /* longer runs are not allowed either */
			if (best[i] < 0 || best[j] + c < best[i]) {
				best[i] = best[j] + c;
				cut[i] = j;
			}
		}
	}
}

static struct tesla_block run_block(const struct tesla_block *blocks, const size_t *order, size_t n)
{
	struct tesla_block what = blocks[order[0]];
	uint32_t end = 0;

	for (size_t i = 0; i < n; i++)
		end = end_max(end, &blocks[order[i]]);
	if (what.command == NULL)
		what.count = (uint16_t)(end - what.address);
	what.variable = TESLA_EVERY_VARIABLE;
	return what;
}

static int plan_fill(struct plan *p, const struct tesla_block *blocks, size_t n, const size_t *cut)
{
	size_t count = 0;

	for (size_t i = n; i > 0; i = cut[i])
		count++;
	p->list = calloc(count + 1, sizeof *p->list);
	if (p->list == NULL)
		return -ENOMEM;
	p->n = count;
	for (size_t i = n; i > 0; i = cut[i]) {
		struct transaction *t = &p->list[--count];

		t->first = cut[i];
		t->n = i - cut[i];
		t->what = run_block(blocks, p->order + t->first, t->n);
	}
	return 0;
}

static int blocks_check(const struct tesla_block *blocks, const size_t *order, size_t n,
			const struct plan_cost *cost, struct tesla_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct tesla_block *b = &blocks[order[i]];

		if (b->command == NULL && (b->count == 0 || b->count > cost->max_registers))
			return tesla_fail(err, -ERANGE,
					  "block of %u registers at 0x%04X: one read takes 1 to %u",
					  b->count, b->address, cost->max_registers);
	}
	return 0;
}

int plan_make(const struct tesla_block *blocks, const bool *due, size_t n,
	      const struct plan_cost *cost, const struct ranges *forbidden, struct plan **ret,
	      struct tesla_error *err)
{
	struct plan *p = calloc(1, sizeof *p);
	_cleanup_free_ double *best = calloc(n + 1, sizeof *best);
	_cleanup_free_ size_t *cut = calloc(n + 1, sizeof *cut);
	size_t n_due = 0;
	int r;

	if (p != NULL)
		p->order = calloc(n + 1, sizeof *p->order);
	if (p == NULL || p->order == NULL || best == NULL || cut == NULL) {
		plan_free(p);
		return tesla_fail(err, -ENOMEM, "no memory for a plan of %zu blocks", n);
	}
	for (size_t i = 0; i < n; i++)
		if (due == NULL || due[i])
			p->order[n_due++] = i;
	union {
		const struct tesla_block *in;
		void *arg;
	} sorted = { .in = blocks };

	qsort_r(p->order, n_due, sizeof *p->order, block_compare, sorted.arg);
	r = blocks_check(blocks, p->order, n_due, cost, err);
	if (r == 0) {
		search_runs(&(struct search){ blocks, p->order, cost, forbidden }, n_due, best,
			    cut);
		r = plan_fill(p, blocks, n_due, cut);
		if (r != 0)
			(void)tesla_fail(err, r, "no memory for a plan of %zu blocks", n);
	}
	if (r != 0) {
		plan_free(p);
		return r;
	}
	p->predicted_us = best[n_due];
	*ret = p;
	return 0;
}

void plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	free(p->list);
	free(p->order);
	free(p);
}

double plan_predict(const struct plan *p, const struct plan_cost *cost)
{
	double sum = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct tesla_block *what = &p->list[i].what;

		sum += what->command != NULL ? command_cost(cost, what)
					     : cost->c0_us + cost->c1_us * what->count;
	}
	return sum;
}

/* The place among the n blocks of a run where the widest hole is, or its middle. */
static size_t widest_gap(const struct tesla_block *blocks, const size_t *order, size_t n)
{
	size_t at = n / 2;
	uint32_t widest = 0, end = end_max(0, &blocks[order[0]]);

	for (size_t i = 1; i < n; i++) {
		const struct tesla_block *b = &blocks[order[i]];

		if (b->address > end && b->address - end > widest) {
			widest = b->address - end;
			at = i;
		}
		end = end_max(end, b);
	}
	return at;
}

int plan_split(struct plan *p, size_t i, const struct tesla_block *blocks, struct tesla_error *err)
{
	struct transaction *list = reallocarray(p->list, p->n + 1, sizeof *list);

	if (list == NULL)
		return tesla_fail(err, -ENOMEM, "no memory to split a plan");
	p->list = list;
	memmove(&list[i + 2], &list[i + 1], (p->n - i - 1) * sizeof *list);
	p->n++;
	const struct transaction whole = list[i];
	size_t left = widest_gap(blocks, p->order + whole.first, whole.n);

	list[i].n = left;
	list[i].split = list[i + 1].split = p->n;
	list[i].what = run_block(blocks, p->order + whole.first, left);
	list[i + 1].first = whole.first + left;
	list[i].ok = list[i + 1].ok = false;
	list[i + 1].n = whole.n - left;
	list[i + 1].what = run_block(blocks, p->order + list[i + 1].first, list[i + 1].n);
	return 0;
}
