/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which reads fetch the wanted blocks in the least time.  A transaction costs c0 and c1 for each
 * register; merging two blocks saves c0 and pays c1 for the registers between them.  Exact, not a
 * heuristic.  Commands are sent one by one, each once.
 */
#ifndef HOST_PLANNER_H
#define HOST_PLANNER_H

#include "base/model.h"

struct plan_cost {
	double c0_us, c1_us;	    /* a transaction; each of its registers */
	uint32_t max_registers;	    /* in one transaction */
	double command_us, char_us; /* one by a command; each character of that and of its reply */
};

/* Registers that must not be inside a read of more than one block: a bounded list. */
#define RANGES_MAX 256
struct ranges {
	struct model_range *list;
	size_t n;
};
/* -ENOSPC: the list is full; 1: it was known already. */
int ranges_add(struct ranges *r, struct model_range range);
void ranges_release(struct ranges *r);
bool ranges_touch(const struct ranges *r, uint16_t function, uint32_t first, uint32_t last);

struct transaction {
	struct tesla_block what; /* what the driver is asked; for a command, the command */
	size_t first, n;	 /* the blocks it fetches: plan->order[first .. first + n) */
	size_t split;		 /* the two halves of a refused one share a number; 0: whole */
	bool ok;		 /* answered, in this sweep */
};
struct plan {
	struct transaction *list;
	size_t n;
	size_t *order; /* indices into the blocks, in order of function and address */
	double predicted_us;
};

/*
 * Plans the blocks whose `due` is set (NULL: all).  No due block: an empty plan.  -ERANGE: a block
 * alone is longer than a transaction may be; -ENOMEM.
 */
int plan_make(const struct tesla_block *blocks, const bool *due, size_t n,
	      const struct plan_cost *cost, const struct ranges *forbidden, struct plan **ret,
	      struct tesla_error *err);
void plan_free(struct plan *p);
/* What this plan would take at another cost. */
double plan_predict(const struct plan *p, const struct plan_cost *cost);
/*
 * Splits transaction `i` into two, at its widest gap: what a meter refused as a whole is tried in
 * halves. It must have more than one block.
 */
int plan_split(struct plan *p, size_t i, const struct tesla_block *blocks, struct tesla_error *err);

#endif
