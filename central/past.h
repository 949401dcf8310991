/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The predecessor's history: single values, with a time that is local as a rule, in its units.
 * They become records: base units, windows with a beginning, gauges, counters and states, as the
 * analyzer's model says.  The values of one reading come one after the other, readings of an
 * analyzer in the order of time; analyzers may alternate.
 */
#ifndef CENTRAL_PAST_H
#define CENTRAL_PAST_H

#include "base/record.h"
#include "base/zone.h"
#include "central/local_time.h"

struct past;

struct past_conf {
	const char *node, *model; /* of values that say none; NULL: there is none */
	const char *analyzer;	  /* the same, as text */
	const char *models;	  /* the folder of model files */
	const struct zone *zone;  /* of times that say none */
	bool local;		  /* false: such times are refused */
	int64_t interval_ms;	  /* the length of windows; 0: the distance between neighbours */
	/*
	 * Records are made in `memory`, which may be released once they were taken; their texts
	 * stay until past_free.  `at` is the line of the first value.
	 */
	struct arena *memory;
	int (*take)(void *arg, const char *node, const struct record *r, uint64_t at,
		    struct tesla_error *err);
	/* A value that is not understood; the others go on. */
	void (*refuse)(void *arg, uint64_t at, const char *why);
	void *arg;
};

struct past_value { /* texts as they came; NULL: it says none */
	uint64_t at;
	const char *node, *analyzer, *model;
	const char *time;
	const char *variable;
	size_t element;
	const char *value; /* blank: there is no value */
};

/* `conf` and what it names outlive it. */
struct past *past_new(const struct past_conf *conf);
void past_free(struct past *p);
/* Foreign text.  Negative: it cannot go on (-ENOMEM, or what `take` returned). */
int past_add(struct past *p, const struct past_value *v, struct tesla_error *err);
/* The end: what waits for its neighbour is given out. */
int past_end(struct past *p, struct tesla_error *err);
/*
 * `TPF0` of a day file: a name and an index, of a variable that the model (NULL: conf.model) has.
 * False: there is none.  *name is good until past_free.
 */
bool past_column(struct past *p, const char *text, const char **name, size_t *element);

/* ---- the forms: the whole of a file; -EBADMSG: it is none, or ends in the middle ---- */

/* A header line with names, then a value a line: docs/import.md. */
int past_read_csv(struct past *p, FILE *file, struct tesla_error *err);
/* An answer of GET /ws/v2/history/load/...; `at` counts its readings from 1. */
int past_read_rest(struct past *p, FILE *file, struct tesla_error *err);
/* A day file; `name` is its path, which says the day and, unless conf does, the analyzer. */
int past_read_day(struct past *p, FILE *file, const char *name, struct tesla_error *err);

/* 2012-05-01T10:15:00 and the like, 01/05/2012 10:15:00, from 1970 on.  False: it is none. */
bool past_time_parse(const char *text, struct local_time *ret);

#endif
