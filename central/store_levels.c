/* SPDX-License-Identifier: Apache-2.0 */
/* Roll-ups: the ends of their buckets, and what is known of them on disk. */
#include "central/store_levels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/crc.h"
#include "central/bytes.h"

#define DONE_BYTES 12u
#define QUARTER_MS 900000

static const int64_t lengths[N_STORE_LEVELS] = {
	[STORE_MINUTE] = 60000,
	[STORE_QUARTER] = QUARTER_MS,
	[STORE_HOUR] = 3600000,
	[STORE_DAY] = 86400000,
};

int64_t level_length_ms(enum store_level level)
{
	return lengths[level];
}

static int64_t floor_mod(int64_t v, int64_t m)
{
	int64_t r = v % m;

	return r < 0 ? r + m : r;
}

int64_t level_end_ms(const struct set *roll, int64_t ms)
{
	if (roll->level == STORE_DAY)
		return calendar_next_ms(roll->zone, ms - 1, CALENDAR_DAY);
	return ms + floor_mod(-ms, lengths[roll->level]);
}

int64_t level_start_ms(const struct set *roll, int64_t ms)
{
	if (roll->level == STORE_DAY)
		return calendar_this_ms(roll->zone, ms - 1, CALENDAR_DAY);
	return ms - 1 - floor_mod(ms - 1, lengths[roll->level]);
}

bool level_ends_at(const struct set *roll, int64_t ms)
{
	if (ms % (roll->level == STORE_DAY ? 60000 : lengths[roll->level]) != 0)
		return false; /* no zone has a midnight there */
	return roll->level != STORE_DAY || level_end_ms(roll, ms) == ms;
}

struct set *level_of(const struct set *set, enum store_level level)
{
	struct set *roll = set->rolls[level];

	return roll != NULL && !roll->unusable ? roll : NULL;
}

struct store_range set_range_with_rolls(struct txn *t, const struct set *set)
{
	struct store_range range = set_range(t, set);

	for (int level = 0; level < N_STORE_LEVELS; level++)
		if (set->rolls[level] != NULL)
			range = range_of_both(range, set_range(t, set->rolls[level]));
	return range;
}

int64_t set_next_row(struct txn *t, const struct set *set, int64_t ms)
{
	struct key at = key_of(set->id, ms + 1);
	MDB_cursor *recent = cursor_open(t, TABLE_RECENT), *blocks = cursor_open(t, TABLE_BLOCKS);
	int64_t first, next = INT64_MAX;
	MDB_val value;
	uint32_t id;

	if (recent != NULL && cursor_move(t, recent, MDB_SET_RANGE, &at, &id, &first, &value) &&
	    id == set->id)
		next = first;
	if (blocks != NULL) {
		bool here = cursor_move(t, blocks, MDB_SET_RANGE, &at, &id, &first, &value);

		if (here && id == set->id && first < next)
			next = first;
		if (cursor_move(t, blocks, here ? MDB_PREV : MDB_LAST, NULL, &id, &first, &value) &&
		    id == set->id && block_last_ms(value, first) > ms)
			next = ms + 1;
	}
	if (recent != NULL)
		mdb_cursor_close(recent);
	if (blocks != NULL)
		mdb_cursor_close(blocks);
	return next;
}

/* ---- columns ---- */

static const struct {
	enum cell cell;
	enum store_field field;
} raw_cells[] = {
	{ CELL_VALUE, STORE_VALUE },
	{ CELL_MIN, STORE_MIN },
	{ CELL_MAX, STORE_MAX },
	{ CELL_INCREASE, STORE_INCREASE },
	{ CELL_COVERED, STORE_COVERED_MS },
	{ CELL_QUALITY, STORE_QUALITY },
};

static void raw_columns(const struct set *set, const char *variable, size_t element,
			size_t columns[N_CELLS])
{
	for (size_t i = 0; i < sizeof raw_cells / sizeof *raw_cells; i++) {
		struct store_query q = { .variable = variable,
					 .element = element,
					 .field = raw_cells[i].field };

		if (!set_column(set, &q, &columns[raw_cells[i].cell]))
			columns[raw_cells[i].cell] = SIZE_MAX;
	}
	if (columns[CELL_MIN] == SIZE_MAX) /* no gauge: those of its values */
		columns[CELL_MIN] = columns[CELL_MAX] = columns[CELL_VALUE];
}

bool set_cells(const struct set *set, const char *variable, size_t element,
	       enum tesla_variable_kind *kind, size_t columns[N_CELLS])
{
	const struct set_variable *v = set->variables, *end = v + set->n_variables;

	while (v < end && strcmp(v->name, variable) != 0)
		v++;
	if (v == end || element >= v->n_elements)
		return false;
	*kind = v->kind;
	for (size_t i = 0; i < N_CELLS; i++)
		columns[i] = SIZE_MAX;
	columns[CELL_LENGTH] = 0;
	if (set->of == NULL)
		raw_columns(set, variable, element, columns);
	for (size_t i = 1; i < N_CELLS && set->of != NULL; i++)
		columns[i] = v->first_column + element * (N_CELLS - 1) + i - 1;
	return true;
}

/* ---- on disk ---- */

static MDB_val id_key(const uint32_t *big)
{
	return (MDB_val){ sizeof *big, (void *)(uintptr_t)big };
}

static uint32_t done_crc(uint32_t id, const uint8_t *at)
{
	return crc32c(crc32c(0, &id, sizeof id), at, 8);
}

void level_put_done(struct txn *t, const struct set *roll, int64_t ms)
{
	uint32_t id = htobe32(roll->id);
	uint8_t bytes[DONE_BYTES];

	put_u64(bytes, (uint64_t)ms);
	put_u32(bytes + 8, done_crc(id, bytes));
	txn_put(t, TABLE_ROLLED, id_key(&id), (MDB_val){ sizeof bytes, bytes });
}

/* What is damaged was not made: it is made anew. */
void levels_load(struct txn *t)
{
	struct sets *sets = &t->s->sets;

	for (size_t i = 0; i < sets->n && t->r == 0; i++) {
		struct set *set = sets->by_id[i];
		uint32_t id = htobe32((uint32_t)i + 1);
		const uint8_t *at;
		MDB_val value;

		if (set == NULL || set->unreadable || set->of == NULL)
			continue;
		set->done_ms = INT64_MIN;
		if (!txn_get(t, TABLE_ROLLED, id_key(&id), &value))
			continue;
		at = value.mv_data;
		if (value.mv_size == DONE_BYTES && get_u32(at + 8) == done_crc(id, at))
			set->done_ms = (int64_t)get_u64(at);
		else
			store_say(t->s,
				  "set %u: how far its roll-up is made is damaged: it is made anew",
				  (unsigned)set->id);
	}
}

void levels_note(struct txn *t, const struct set *set, int64_t ms)
{
	for (int level = 0; level < N_STORE_LEVELS; level++) {
		const struct set *roll = level_of(set, (enum store_level)level);

		if (roll != NULL && ms <= roll->done_ms) {
			struct key key = key_of(roll->id, level_end_ms(roll, ms));

			txn_put(t, TABLE_LATE, key_val(&key), (MDB_val){ 0, NULL });
		}
	}
}

static bool reaches_behind(const struct set *set, int64_t first_ms)
{
	for (int level = 0; level < N_STORE_LEVELS; level++) {
		const struct set *roll = level_of(set, (enum store_level)level);

		if (roll != NULL && first_ms <= roll->done_ms)
			return true;
	}
	return false;
}

void levels_note_block(struct txn *t, const struct set *set, const struct codec_block *b)
{
	_cleanup_free_ int64_t *times = NULL;
	struct tesla_error ignored;

	if (t->r != 0 || !reaches_behind(set, b->first_ms))
		return;
	times = malloc(b->n_rows * sizeof *times);
	if (times == NULL)
		t->r = ENOMEM;
	else if (codec_times(b, times, &ignored) == 0) /* else no row of it can be read */
		for (size_t i = 0; i < b->n_rows; i++)
			levels_note(t, set, times[i]);
}

int64_t level_first_late(struct txn *t, const struct set *roll, int64_t ms)
{
	MDB_cursor *c = cursor_open(t, TABLE_LATE);
	struct key at = key_of(roll->id, ms + 1);
	MDB_val value;
	uint32_t id;
	int64_t late;
	bool found;

	if (c == NULL)
		return INT64_MAX;
	found = cursor_move(t, c, MDB_SET_RANGE, &at, &id, &late, &value) && id == roll->id;
	mdb_cursor_close(c);
	return found ? late : INT64_MAX;
}
