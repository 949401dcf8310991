/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the store share.  Nothing outlives a call but struct store and its sets. */
#ifndef CENTRAL_STORE_INTERNAL_H
#define CENTRAL_STORE_INTERNAL_H

#include <lmdb.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "central/codec.h"
#include "central/store.h"
#include "central/store_maintain.h"
#include "central/store_read.h"
#include "central/wal.h"

#define STORE_VERSION 2u
/* Work of a transaction; its commit, which writes what that made, takes more than that. */
#define SLICE_US 4000
#define SLICE_BYTES (1u << 20)
#define SLOW_US 20000
#define WEEK_MS (INT64_C(7) * 86400000)
#define KEY_BYTES 12u
/* Of the ends of windows, as base/record.c has them. */
#define ROW_TIME_MIN_MS INT64_C(-86400000)
#define ROW_TIME_MAX_MS INT64_C(253402300799999)

enum table {
	TABLE_META,
	TABLE_SETS,
	TABLE_RECENT,
	TABLE_BLOCKS,
	TABLE_ROLLED, /* how far a roll-up is made */
	TABLE_LATE,   /* which of its buckets are to be made anew */
	N_TABLES
};

struct set_variable {
	const char *name, *unit;
	enum tesla_variable_kind kind;
	double factor;
	size_t n_elements, first_column;
};
struct set { /* records of one form: node, analyzer, model, identity, variables */
	uint32_t id;
	bool saved;	   /* its definition is on disk */
	bool unreadable;   /* its definition is damaged: nothing else of it is known */
	struct who *who;   /* whose it is; NULL: it is unreadable */
	uint64_t form;	   /* a hash of what follows node and analyzer in the definition */
	struct set *older; /* of the same one */
	bool counted;	   /* there are at most n_recent recent rows in its newest week */
	size_t n_recent;
	int64_t look_from_ms; /* blocks before are as they stay */
	uint8_t *definition;
	size_t definition_len;
	struct arena memory; /* has what follows */
	const char *node, *model, *identity;
	int64_t analyzer;
	struct set_variable *variables;
	size_t n_variables, n_columns;
	/* of a roll-up; of others of_id is 0 and `of` is NULL */
	uint32_t of_id;
	struct set *of; /* what it is made of */
	enum store_level level;
	const char *zone_name; /* of days; NULL: UTC */
	const struct zone *zone;
	bool unusable;	 /* there is no such zone here */
	int64_t done_ms; /* its buckets are made up to here */
	/* of others */
	struct set *rolls[N_STORE_LEVELS]; /* its roll-ups, or NULL; the newest of a level */
	int64_t window_ms;		   /* the length of its windows; 0: not looked at yet */
	int64_t gone_ms;		   /* rows that end so early may have been removed */
	double *kept;			   /* the last row, when a block has it; or NULL */
	int64_t kept_ms;
};
struct who {			/* an analyzer of a node: at one time it has one record */
	struct set *newest_set; /* and by their `older` all others */
	size_t n_sets;
	bool known;		 /* newest_ms is */
	int64_t newest_ms;	 /* none of its rows is newer; INT64_MIN: there are none */
	uint64_t pending_blocks; /* it may have some while this is pending.generation */
};
struct sets {
	struct set **by_id; /* id is index + 1; NULL: there is none */
	size_t n;
	struct who_at {
		uint32_t crc; /* of node and analyzer */
		struct who *who;
	} * who; /* in the order of their crc */
	size_t n_who;
	uint64_t form_key;
	size_t n_rolls;	     /* of them */
	size_t form_bytes;   /* that the others take */
	struct zone **zones; /* that roll-ups name, each once */
	size_t n_zones;
};

struct pending { /* entries that the write-ahead file has, or will have, and the tables do not */
	struct buf bytes;	   /* as they are in that file */
	size_t written;		   /* so many of them are there */
	size_t at;		   /* of the first that was not applied */
	uint32_t *index;	   /* rows by key: offset / 8 + 1; 0: none */
	size_t n_rows, index_size; /* a power of two, or 0 */
	uint64_t generation;	   /* another one whenever nothing was pending */
	size_t part;		   /* of the entry at `at`: blocks that were applied */
	size_t part_row;	   /* and rows of the next */
};

struct store {
	char *path;
	struct store_conf conf;
	int lock;
	bool read_only;	    /* nothing is pending, and the write-ahead file is not open */
	uint64_t unapplied; /* then: entries that are not in the tables */
	MDB_env *env;	    /* NULL: it could not be opened again after a failure */
	bool opens_again;
	MDB_dbi tables[N_TABLES];
	struct wal *wal;
	struct sets sets;
	struct pending pending;
	struct buf scratch; /* a row, while it is made */
	uint64_t applied;   /* the number of the last entry that is in the tables, on disk */
	size_t kept_bytes;  /* of the sets' last rows */
	unsigned n_backups; /* that are under way: roll-ups stay, and nothing goes by age */
	struct store_info counts;
};

__attribute__((format(printf, 2, 3))) void store_say(struct store *s, const char *fmt, ...);

int store_env_open(struct store *s, struct tesla_error *err);
int store_tables_open(struct store *s, struct tesla_error *err);

/* ---- store_txn.c: the first error sticks, and is looked at once, at the end ---- */

struct txn {
	struct store *s;
	MDB_txn *mdb;
	int r; /* of LMDB, or errno; 0: good so far */
	int64_t start_us;
};
void txn_begin(struct txn *t, struct store *s, bool write);
bool txn_is_long(const struct txn *t); /* time to commit */
/* False: not there, or an error, which sticks. */
bool txn_get(struct txn *t, enum table table, MDB_val key, MDB_val *ret);
void txn_put(struct txn *t, enum table table, MDB_val key, MDB_val value);
/* False when it was there already: then it stays as it was. */
bool txn_put_new(struct txn *t, enum table table, MDB_val key, MDB_val value);
/*
 * Commits (aborts a reader).  -EAGAIN: the map was full and has grown: all of it again.  Others as
 * they are; nothing was written then.
 */
int txn_end(struct txn *t, struct tesla_error *err);
int store_mdb_fail(const struct store *s, int r, struct tesla_error *err);

struct key {
	uint8_t bytes[KEY_BYTES];
};
struct key key_of(uint32_t set, int64_t ms); /* they sort as the numbers do */
MDB_val key_val(const struct key *k);
bool key_parse(MDB_val v, uint32_t *set, int64_t *ms);
/* The first at or behind (op MDB_SET_RANGE), or with MDB_NEXT, MDB_PREV, MDB_LAST. */
bool cursor_move(struct txn *t, MDB_cursor *c, MDB_cursor_op op, const struct key *at,
		 uint32_t *set, int64_t *ms, MDB_val *value);
MDB_cursor *cursor_open(struct txn *t, enum table table); /* NULL: t->r */
/* The last key of a set in a table; false: it has none there. */
bool last_of(struct txn *t, enum table table, const struct set *set, int64_t *ms, MDB_val *value);
int64_t week_of(int64_t ms); /* its beginning: they count from 1970-01-01, a Thursday */

/* ---- store_set.c ---- */

/* NULL: it was never heard of. */
struct who *who_look_up(const struct sets *sets, const char *node, int64_t analyzer);
/* -EINVAL: it is no record, by base/record.h. */
int record_check(const struct record *r, struct tesla_error *err);
/* A new one, not saved yet.  -EINVAL: the record cannot be stored, or there are too many. */
int set_add(struct store *s, const struct store_record *r, const struct set **ret,
	    struct tesla_error *err);
/* A roll-up of a raw set, not saved yet; zone NULL: UTC. */
int set_add_roll(struct sets *sets, struct set *of, enum store_level level, const char *zone,
		 struct set **ret, struct tesla_error *err);
/* From the disk.  What is damaged becomes an unreadable one. */
int set_load(struct sets *sets, uint32_t id, MDB_val value, struct tesla_error *err);
bool set_is_good(uint32_t id, MDB_val value);		 /* by its checksum */
int set_value(const struct set *set, struct buf *out);	 /* as it goes to the disk */
int sets_save(struct store *s, struct tesla_error *err); /* those that are not */
void sets_release(struct sets *sets);
const struct set *set_by_id(const struct sets *sets, uint32_t id); /* readable, or NULL */
/* Those of an analyzer, from the newest definition to the oldest; before NULL: the first one. */
const struct set *set_of(const struct sets *sets, const char *node, int64_t analyzer,
			 const struct set *before);
void set_describe(const struct set *set, char *text, size_t size); /* for sentences */
size_t set_rows_max(const struct store *s, const struct set *set); /* of a block */

/* ---- store_form.c ---- */

void form_key_init(struct sets *sets);
uint64_t form_of_set(const struct sets *sets, const struct set *set);
/* That of such records; who: may be NULL; NULL: there is none yet. */
const struct set *set_look_up(const struct sets *sets, const struct who *who,
			      const struct record *r);

/* ---- store_pack.c: rows as bytes ---- */

/* The most that a row takes. */
static inline size_t row_bytes_max(const struct set *set)
{
	return 8 + set->n_columns / 2 + 8 * set->n_columns;
}
/* Returns how many bytes it made. */
size_t row_pack(const struct set *set, const double *numbers, const struct key *key, uint8_t *out);
bool row_is_good(const struct set *set, MDB_val key, MDB_val value);
/* Of a row that is good.  n numbers from column `from` on, each `step` behind the one before. */
void row_numbers(MDB_val value, size_t from, size_t n, double *numbers, size_t step);
double row_number(MDB_val value, size_t column);

/* ---- store_row.c: records as numbers ---- */

/* What an element of a variable has, in the order of columns. */
size_t row_fields(enum tesla_variable_kind kind, const enum store_field **ret);
/* Which column has it; false: none has. */
bool set_column(const struct set *set, const struct store_query *q, size_t *ret);
bool set_count_columns(struct set *set); /* false: more than a block has */
/* A record of that set; -EINVAL: its times or numbers are not as base/record.h says. */
int row_check(const struct set *set, const struct record *r, struct tesla_error *err);
void row_of_record(const struct set *set, const struct record *r, double *numbers);
/* Columns as in a chunk, at one row; lives in `memory`; false: no memory. */
bool row_record(const struct set *set, int64_t end_ms, const double *numbers, struct arena *memory,
		struct record *ret);

/* ---- store_pending.c ---- */

void pending_init(struct store *s);
void pending_release(struct store *s);
/* Room for an entry at the end, which is not written yet; NULL without memory. */
uint8_t *pending_lay(struct store *s, size_t len);
/* Takes a row that was laid at `row` into the index; false without memory. */
bool pending_note(struct store *s, const struct who *who, int64_t ms, const uint8_t *row);
/* A row that is not in the tables, with its key before it; mv_data NULL: there is none. */
MDB_val pending_row(const struct store *s, const struct who *who, int64_t ms);
/* An entry of blocks is one of its. */
void pending_note_blocks(struct store *s, struct who *who);
bool pending_has_blocks(const struct store *s, const struct who *who);
/* Whether it may have rows in that time. */
bool pending_reaches(const struct store *s, const struct who *who, int64_t from_ms, int64_t to_ms);
/* What is not written is none. */
void pending_forget(struct store *s);
/* What was applied is none. */
void pending_consume(struct store *s);

/* ---- store_find.c: what is in the tables under a key ---- */

struct finder { /* answers many questions; reads in one transaction, which finder_pause ends */
	struct store *s;
	struct txn txn;
	bool reads;
	const struct set *set;	/* of the span of time that was looked at last */
	int64_t from_ms, to_ms; /* both included */
	int64_t *times;		/* of the block there; NULL: there is none */
	MDB_val block;
	size_t n, cap;
	bool in_block; /* it is the span of a block, which may be damaged */
};
void finder_init(struct finder *f, struct store *s);
void finder_pause(struct finder *f); /* before anything is written */
void finder_release(struct finder *f);
struct place {
	const struct set *set;
	MDB_val row;   /* a recent one; good until finder_pause */
	MDB_val block; /* or in this one */
	size_t n_row;
};
/* 1: there is one; 0: there is none. */
int find_row(struct finder *f, const struct who *who, int64_t ms, struct place *ret,
	     struct tesla_error *err);
/* The span of time around ms that is of one block, or of none, as finder says then. */
int find_span(struct finder *f, const struct set *set, int64_t ms, struct tesla_error *err);
/* Its newest_ms is known after 0. */
int who_know(struct store *s, struct who *who, struct tesla_error *err);
/* 1: there is one, be it pending; it looks only where one may be. */
int is_there(struct finder *f, struct who *who, int64_t ms, struct tesla_error *err);

/* ---- store_append.c ---- */

/* What is laid is on disk after 0, and else forgotten. */
int pending_write(struct store *s, struct tesla_error *err);
int check_node(const char *node, struct tesla_error *err);
int verdict_reject(struct store_verdict *v, const struct tesla_error *why);
/* What is laid goes to the disk; then, or when it failed (r), the verdicts are final. */
int verdicts_end(struct store *s, int r, struct store_verdict *verdicts, size_t n,
		 struct tesla_error *err);

/* ---- store_blocks.c: blocks from the write-ahead file; an entry of them begins with zeros ---- */

#define BLOCKS_HEAD 8u /* bytes: four zeros where a row has its set, which is never 0; the set */
#define LOOSE_CELLS (64u << 10) /* numbers, at most, in a block that goes into rows */
/* Some of an entry from p->part on; true: all of it was done.  Errors are t's. */
bool blocks_apply(struct txn *t, const uint8_t *entry, size_t len, struct pending *p);

/* ---- store_list.c ---- */

static inline struct store_range range_of_both(struct store_range a, struct store_range b)
{
	return (struct store_range){ a.first_ms < b.first_ms ? a.first_ms : b.first_ms,
				     a.last_ms > b.last_ms ? a.last_ms : b.last_ms };
}
/* Of its rows, by keys and headers. */
struct store_range set_range(struct txn *t, const struct set *set);
int64_t block_last_ms(MDB_val block, int64_t first_ms);

/* ---- store_apply.c ---- */

/* An entry that the write-ahead file has. */
int pending_add(struct store *s, uint64_t seq, const void *bytes, size_t len,
		struct tesla_error *err);
void set_put(struct txn *t, const struct set *set); /* its definition */
/* For some milliseconds; 1: there is more.  Everything that is written is in the tables after 0. */
int store_apply_step(struct store *s, struct tesla_error *err);
int store_apply(struct store *s, struct tesla_error *err);

/* ---- store_chunk.c: rows of a block and recent ones, merged; read in one transaction ---- */

struct chunk {
	size_t n, cap, n_columns;
	int64_t *times;
	double *values; /* column after column, each `cap` long */
};
struct chunk_want {
	const struct set *set;
	const size_t *columns; /* NULL: all */
	size_t n_columns;
	int64_t from_ms, to_ms;
};
static inline double *chunk_column(const struct chunk *c, size_t column)
{
	return c->values + column * c->cap;
}
void chunk_release(struct chunk *c);
/*
 * Some rows from from_ms on, perhaps none, and where to go on; *next > to_ms: that was all.  What
 * is damaged is said, and left out.
 */
int chunk_load(struct store *s, const struct chunk_want *want, struct chunk *c, int64_t *next,
	       struct tesla_error *err);
/* The same: at most so many rows of a block, and of recent ones. */
int chunk_load_some(struct store *s, const struct chunk_want *want, size_t rows_max,
		    struct chunk *c, int64_t *next, struct tesla_error *err);
/*
 * Of the next block, when all of it lies in from_ms to to_ms, and all rows up to its end are its:
 * *n_rows, what its header says of the columns, and where to go on.  Else *n_rows is 0.
 */
int chunk_summaries(struct store *s, const struct chunk_want *want, struct codec_summary *sums,
		    size_t *n_rows, int64_t *next, struct tesla_error *err);
int chunk_reserve(struct chunk *c, size_t n_columns, size_t cap, struct tesla_error *err);
/* -EBADMSG: the block is damaged; what was in the chunk stays. */
int chunk_add_block(struct chunk *c, const struct codec_block *b, const struct chunk_want *want,
		    struct tesla_error *err);
void chunk_add_row(struct chunk *c, const struct chunk_want *want, int64_t ms, MDB_val row);
/* Of rows 0 to `first` and those behind, both in order: one order; of equal times the first. */
int chunk_merge(struct chunk *c, size_t first, struct tesla_error *err);

#endif
