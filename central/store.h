/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: records of many nodes, kept for years, read as series.  With central/store_*.c and the
 * registry the only part that knows LMDB.  One thread at a time; blocks.  docs/store.md has the
 * form of its files and how it works.
 *
 * The key of a record is its node, analyzer and the end of its window: the first to come under a
 * key stays, what comes again changes nothing, whatever it says and whatever its variables are.
 */
#ifndef CENTRAL_STORE_H
#define CENTRAL_STORE_H

#include "base/record.h"

struct store;

/* What became of a record, or of a batch of columns. */
enum store_outcome {
	STORE_FAILED, /* the call failed: it may be there or not */
	STORE_STORED,
	STORE_DUPLICATE, /* there is one under its key; of columns: under the key of each row */
	STORE_REJECTED
};
struct store_verdict {
	enum store_outcome outcome;
	size_t n_stored, n_duplicates; /* rows; a record is one */
	char *reason; /* of STORE_REJECTED, a sentence, with malloc; NULL without memory */
};
void store_verdicts_release(struct store_verdict *verdicts, size_t n);

struct store_conf {
	size_t wal_bytes;   /* of the write-ahead file, when it is made; 0: 8 MiB */
	size_t map_bytes;   /* of LMDB's map at first; it grows; 0: 64 MiB */
	size_t cells_max;   /* numbers in a block; 0: 512 Ki */
	size_t forms_bytes; /* that forms of records may take, in memory; 0: 512 MiB */
	bool must_exist;    /* none is made */
	/* With must_exist: where it cannot be written to it is read all the same, if it can be. */
	bool only_reads;
	/*
	 * A sentence about something damaged that was met; the rest goes on.  lost: something that
	 * was acknowledged is, as far as can be told; else it is a note.
	 */
	void (*damage)(void *arg, bool lost, const char *sentence);
	void *arg;
};

/*
 * `dir` is made when it is not there, unless conf.must_exist (-ENOENT).  What the write-ahead file
 * has is in the tables when this returns.  -EBUSY: another process has it.
 */
int store_open(const char *dir, const struct store_conf *conf, struct store **ret,
	       struct tesla_error *err);
void store_close(struct store *s);

#define STORE_NODE_MAX 255
struct store_record {
	const char *node; /* its id: 1 to STORE_NODE_MAX bytes */
	const struct record *record;
};
/*
 * Of a gauge min and max may both be NAN: they are not known.  A value with a count and a
 * covered_ms of 0 was not counted, and neither is known.
 *
 * A group, which may be of many senders: no record has to do with another.  After 0 verdicts[i]
 * says what became of records[i], and what was stored is on disk and stays, whatever is killed.  A
 * failure is one of the disk or of memory, and of all: each may be there or not.
 */
int store_append(struct store *s, const struct store_record *records, size_t n,
		 struct store_verdict *verdicts, struct tesla_error *err);

/*
 * Does what an append that failed left undone: what waits goes into the tables, and the write-ahead
 * file begins anew.  0: the disk takes records again.
 */
int store_try(struct store *s, struct tesla_error *err);

enum store_field {
	STORE_VALUE,
	STORE_MIN,
	STORE_MAX,
	STORE_INCREASE,
	STORE_COVERED_MS,
	STORE_COUNT,
	STORE_QUALITY,
	STORE_N_FIELDS
};

struct store_column_element {
	/*
	 * A number for each row, NAN where there is none; NULL: it is not known of any.  Without
	 * qualities what has a value is good, what has none is unavailable.
	 */
	const double *fields[STORE_N_FIELDS];
};
struct store_column_variable {
	const char *name, *unit;
	enum tesla_variable_kind kind;
	double predecessor_factor;
	size_t n_elements;
	const struct store_column_element *elements;
};
struct store_columns { /* n_rows records of one analyzer, of one form */
	const char *node;
	int64_t analyzer;
	const char *model, *identity; /* as in struct record */
	size_t n_rows;
	const int64_t *end_ms; /* each later than the one before */
	int64_t window_ms;     /* the length of all windows */
	size_t n_variables;
	const struct store_column_variable *variables;
};
/*
 * The same for columns.  Of a batch all rows are stored that are not there already, or, killed or
 * rejected, none.  It may take an eighth of the write-ahead file when it is packed, which it is to
 * about a byte a number; beyond that it is rejected.
 */
int store_append_columns(struct store *s, const struct store_columns *batches, size_t n,
			 struct store_verdict *verdicts, struct tesla_error *err);

/*
 * The record under a key, be it pending; it lives in `memory` and in the store.  -ENOENT: there is
 * none; -EBADMSG: it is damaged.
 */
struct store_key {
	const char *node;
	int64_t analyzer, end_ms;
};
int store_get(struct store *s, const struct store_key *key, struct arena *memory,
	      struct record *ret, struct tesla_error *err);

/*
 * Makes blocks of rows whose week is over, or which are enough for a block, and one of small ones;
 * all: of every row.  A step takes some milliseconds; 1: there is more to do, 0: that was all.
 * Between steps anything may be stored and read.  Forgetting it half way loses nothing.
 */
struct store_compaction;
int store_compact_begin(struct store *s, bool all, struct store_compaction **ret,
			struct tesla_error *err);
int store_compact_step(struct store_compaction *c, struct tesla_error *err);
void store_compact_end(struct store_compaction *c);
/* All steps. */
int store_compact(struct store *s, bool all, struct tesla_error *err);

/* ---- reading ---- */

struct store_query {
	const char *node;
	int64_t analyzer;
	const char *variable;
	size_t element; /* from 0 */
	enum store_field field;
	int64_t from_ms, to_ms; /* ends of windows; both included */
};
struct store_points { /* good until the next call */
	const int64_t *end_ms;
	const double *values; /* NAN: there is none */
	size_t n;
};
struct store_series;

/* -ENOENT: nothing of the kind was ever stored. */
int store_series_open(struct store *s, const struct store_query *q, struct store_series **ret,
		      struct tesla_error *err);
/* In the order of times; 1: some points; 0: that was all.  Between calls anything may be stored. */
int store_series_next(struct store_series *r, struct store_points *ret, struct tesla_error *err);
void store_series_close(struct store_series *r);

/*
 * All records, as they came; by node, analyzer and variables as they first came, then by time.
 * `each` ends it with a negative result.
 */
typedef int store_each(void *arg, const struct store_record *r, struct tesla_error *err);
int store_walk(struct store *s, store_each *each, void *arg, struct tesla_error *err);

/* Reads everything.  Each damaged thing is said to conf.damage; *n_damaged: how many. */
int store_verify(struct store *s, uint64_t *n_damaged, struct tesla_error *err);

struct store_info {
	uint64_t n_sets, n_blocks, block_rows, block_bytes; /* without roll-ups */
	uint64_t roll_blocks, roll_rows, roll_bytes;	    /* of roll-ups */
	uint64_t samples;				    /* values in blocks */
	uint64_t recent_rows;
	uint64_t file_bytes, used_bytes, map_bytes; /* of data.mdb */
	uint64_t duplicates; /* since it was opened: rows that were there already */
	uint64_t transactions, slow_transactions; /* since then; slow: more than 20 ms */
	uint64_t longest_us;
};
/*
 * By what the headers of blocks say, unchecked.  A step takes some milliseconds; 1: there is more
 * to do; 0: *ret is it.  Between steps anything may be stored: then it is about right.
 */
struct store_counting;
int store_info_begin(struct store *s, struct store_counting **ret, struct tesla_error *err);
int store_info_step(struct store_counting *c, struct store_info *ret, struct tesla_error *err);
void store_info_end(struct store_counting *c);
/* All steps. */
int store_info(struct store *s, struct store_info *ret, struct tesla_error *err);

#endif
