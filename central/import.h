/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central import`: what its parts share. */
#ifndef CENTRAL_IMPORT_H
#define CENTRAL_IMPORT_H

#include "central/command.h"
#include "central/jsonl.h"
#include "central/past.h"

enum import_form { IMPORT_BY_NAME, IMPORT_JSONL, IMPORT_CSV, IMPORT_REST, IMPORT_DAY };

struct import_options {
	struct command_conf conf;
	const char *node; /* of lines that name none; NULL: there is none */
	char **files;	  /* ends with NULL */
	size_t group;	  /* records that are synced together */
	bool progress;	  /* print how many lines are on disk, after each group */
	enum import_form form;
	/* of history */
	const char *analyzer, *model, *models;
	struct zone *zone; /* NULL: local times are refused */
	int64_t interval_ms;
};
struct import {
	const struct import_options *o;
	const char *name; /* of the file, for sentences */
	struct store *store;
	struct past *past;
	int64_t now_ms;
	uint64_t past_bad; /* the line that was refused last, of the predecessor's forms */
	uint64_t line, stored, duplicates, bad, since_compaction;
	/* the group that is being gathered */
	struct arena memory;
	struct jsonl_record *records;
	uint64_t *lines;
	size_t n, bytes;
};

/* Says it, with the file and the line. */
void import_refuse(struct import *im, uint64_t line, const char *why);
/*
 * A record of the group, unless it ends in the future (ahead.h): that is said.  What it points to
 * is in im->memory, or outlives the import.
 */
int import_add(struct import *im, const char *node, const struct record *r, uint64_t line,
	       size_t bytes, struct tesla_error *err);

/* ---- import_past.c ---- */

int import_past_begin(struct import *im, struct tesla_error *err);
int import_past(struct import *im, enum import_form form, FILE *file, const char *path,
		struct tesla_error *err);
int import_past_end(struct import *im, struct tesla_error *err);
void import_past_release(struct import *im);

#endif
