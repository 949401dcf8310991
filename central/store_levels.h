/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roll-ups: a set of rows with longer windows, made of those of another set, with the columns of
 * store_aggregate.h for each element.  Where its buckets end, how far they are made, and which are
 * not true any more since a row came late.
 */
#ifndef CENTRAL_STORE_LEVELS_H
#define CENTRAL_STORE_LEVELS_H

#include "central/store_aggregate.h"
#include "central/store_internal.h"

/* Of a bucket; of a day: the usual one. */
int64_t level_length_ms(enum store_level level);
/* `roll` is a set of a roll-up that can be used.  The first end of a bucket at or after ms. */
int64_t level_end_ms(const struct set *roll, int64_t ms);
/* The last one before ms: where the bucket begins that a row of that end is in. */
int64_t level_start_ms(const struct set *roll, int64_t ms);
bool level_ends_at(const struct set *roll, int64_t ms);
/* The roll-up of a set, when there is one that can be read; NULL: none. */
struct set *level_of(const struct set *set, enum store_level level);

/* Of its rows and of those of its roll-ups. */
struct store_range set_range_with_rolls(struct txn *t, const struct set *set);
/* No row that ends behind `ms` ends before it; INT64_MAX: there is none. */
int64_t set_next_row(struct txn *t, const struct set *set, int64_t ms);
/* Which columns an element has; SIZE_MAX: not that one.  False: no such element. */
bool set_cells(const struct set *set, const char *variable, size_t element,
	       enum tesla_variable_kind *kind, size_t columns[N_CELLS]);

/* How far each is made, from the disk. */
void levels_load(struct txn *t);
/* In a transaction that writes; the caller sets roll->done_ms when it was committed. */
void level_put_done(struct txn *t, const struct set *roll, int64_t ms);
/* A raw row came: buckets that it should have been in are to be made anew. */
void levels_note(struct txn *t, const struct set *set, int64_t ms);
/* So did all rows of a block. */
void levels_note_block(struct txn *t, const struct set *set, const struct codec_block *b);
/* The end of the first bucket after `ms` that is to be made anew; INT64_MAX: there is none. */
int64_t level_first_late(struct txn *t, const struct set *roll, int64_t ms);

#endif
