/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read of a store besides raw series (store.h): what there is, what came last, and
 * aggregates by step.  Every call is short (about 5 ms at most), and between two calls anything may
 * be stored.  The store's thread only.
 */
#ifndef CENTRAL_STORE_READ_H
#define CENTRAL_STORE_READ_H

#include "base/arena.h"
#include "central/store.h"

/* Ends of windows; last_ms < first_ms: no row is left. */
struct store_range {
	int64_t first_ms, last_ms;
};

/* ---- what there is: from memory, once each set was looked at ---- */

struct store_variable {
	const char *name, *unit;
	enum tesla_variable_kind kind;
	double factor; /* the predecessor's, as in a record */
	size_t n_elements;
	struct store_range range; /* of all its rows */
};
struct store_analyzer { /* texts are good as long as the store is, the rest until the next call */
	const char *node;
	int64_t analyzer;
	const char *model, *identity; /* of the newest row; identity NULL: not known */
	struct store_range range;
	const struct store_variable *variables; /* each name once, as it was defined last */
	size_t n_variables;
};
struct store_list;

/* node NULL: of all nodes.  Analyzers in the order in which they were first seen. */
int store_list_open(struct store *s, const char *node, struct store_list **ret,
		    struct tesla_error *err);
/* 1: one analyzer; 0: that was all. */
int store_list_next(struct store_list *l, struct store_analyzer *ret, struct tesla_error *err);
void store_list_close(struct store_list *l);

/* ---- what came last ---- */

/*
 * The newest record of an analyzer that can be read; in `memory`, its texts as long as the store
 * is.  -ENOENT: there is none.
 */
int store_last(struct store *s, const char *node, int64_t analyzer, struct arena *memory,
	       struct record *ret, struct tesla_error *err);

/* ---- buckets: aggregates of one number by step ---- */

/*
 * A bucket has the rows whose end is in (start_ms, end_ms]: a window that spans two buckets belongs
 * to the one that has its end.
 */
struct store_bucket {
	int64_t start_ms, end_ms;
	uint64_t n_rows;   /* that have a value */
	double mean;	   /* by time: a gauge's covered_ms, else the length of its window */
	double min, max;   /* of a gauge's minima and maxima, else of the values */
	double sum, last;  /* of the values */
	double increase;   /* of a counter */
	double covered_ms; /* in which it was measured */
	double coverage;   /* that by the length of the bucket: 0 to 1 */
	bool suspect;	   /* some value was */
};			   /* NAN: there is none */

/* Which of them are wanted; n_rows, covered_ms, coverage and suspect always come. */
enum store_aggregate {
	STORE_MEAN = 1,
	STORE_EXTREMES = 2,
	STORE_SUM = 4,
	STORE_LAST = 8,
	STORE_GAIN = 16, /* increase */
	STORE_ALL = 31
};
struct store_steps {		    /* where buckets end */
	int64_t step_ms, origin_ms; /* origin_ms + n * step_ms; or, when step_ms is 0: */
	int64_t (*next)(const void *arg, int64_t ms); /* the first end behind ms */
	/* The last one at or before ms; NULL: every bucket is looked at, be it empty. */
	int64_t (*last)(const void *arg, int64_t ms);
	const void *arg;
};
struct store_bucket_query {
	const char *node;
	int64_t analyzer;
	const char *variable;
	size_t element;		/* from 0 */
	int64_t from_ms, to_ms; /* rows that end in (from_ms, to_ms]; they cut buckets short */
	struct store_steps steps;
	unsigned wanted; /* of enum store_aggregate */
	bool raw;	 /* use no roll-ups */
};
struct store_buckets;
struct store_bucket_run { /* good until the next call */
	const struct store_bucket *at;
	size_t n;
};

/* -ENOENT: nothing of the kind was ever stored.  -EINVAL: the steps are none. */
int store_buckets_open(struct store *s, const struct store_bucket_query *q,
		       struct store_buckets **ret, struct tesla_error *err);
/*
 * 1: some buckets, perhaps none: there is more to do; 0: that was all.  In the order of times; what
 * has no row is left out.
 */
int store_buckets_next(struct store_buckets *b, struct store_bucket_run *ret,
		       struct tesla_error *err);
void store_buckets_close(struct store_buckets *b);

#endif
