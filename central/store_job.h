/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows and blocks of one set become one block, or two, in steps of some milliseconds.  Between
 * steps anything may be stored: what came meanwhile stays where it is.
 */
#ifndef CENTRAL_STORE_JOB_H
#define CENTRAL_STORE_JOB_H

#include "central/store_internal.h"

struct job_block { /* that it takes the place of */
	int64_t first_ms;
	size_t n_rows;
	uint32_t crc; /* its own: whether it is still the same */
};
struct job;

/* The recent rows from first_ms on, with the block that they fall into. */
int job_of_rows(struct store *s, const struct set *set, int64_t first_ms, struct job **ret,
		struct tesla_error *err);
/* Blocks that follow each other, of no more rows together than a block has. */
int job_of_blocks(struct store *s, const struct set *set, const struct job_block *blocks, size_t n,
		  struct job **ret, struct tesla_error *err);
/*
 * 1: there is more to do; 0: done, or given up: what it would have replaced is not there any more.
 * After 0 *next says from where on rows were not looked at.
 */
int job_step(struct job *j, int64_t *next, struct tesla_error *err);
bool job_met_damage(const struct job *j); /* so that it was given up */
void job_free(struct job *j);

#endif
