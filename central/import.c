/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central import`: a file of records, in groups that are acknowledged one by one. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/command.h"
#include "central/jsonl.h"

#define GROUP_BYTES ((size_t)1 << 20) /* of lines */
#define COMPACT_EVERY 20000	      /* records */
#define GROUP 1000
#define GROUP_MAX 100000
#define KEY_GROUP 256
#define KEY_PROGRESS 257

struct options {
	struct command_conf conf;
	const char *node; /* of lines that name none; NULL: there is none */
	const char *file;
	size_t group;  /* records that are synced together */
	bool progress; /* print how many lines are on disk, after each group */
};

struct import {
	const struct options *o;
	const char *name; /* of the file, for sentences */
	struct store *store;
	uint64_t line, stored, duplicates, bad, since_compaction;
	/* the group that is being gathered */
	struct arena memory;
	struct jsonl_record *records;
	uint64_t *lines;
	size_t n, bytes;
};

static void say_bad(struct import *im, uint64_t line, const struct tesla_error *why)
{
	im->bad++;
	(void)fprintf(stderr, "%s:%" PRIu64 ": %s\n", im->name, line, why->text);
}

static void count_verdict(struct import *im, uint64_t line, const struct store_verdict *v)
{
	struct tesla_error why = { 0 };

	im->stored += v->n_stored;
	im->duplicates += v->n_duplicates;
	if (v->outcome != STORE_REJECTED)
		return;
	(void)snprintf(why.text, sizeof why.text, "%s",
		       v->reason != NULL ? v->reason : "it cannot be stored");
	say_bad(im, line, &why);
}

static int store_group(struct import *im, struct tesla_error *err)
{
	_cleanup_free_ struct store_record *records = calloc(im->n + 1, sizeof *records);
	_cleanup_free_ struct store_verdict *verdicts = calloc(im->n + 1, sizeof *verdicts);
	int r;

	if (records == NULL || verdicts == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < im->n; i++)
		records[i] = (struct store_record){ im->records[i].node, &im->records[i].record };
	r = store_append(im->store, records, im->n, verdicts, err);
	for (size_t i = 0; i < im->n && r == 0; i++)
		count_verdict(im, im->lines[i], &verdicts[i]);
	store_verdicts_release(verdicts, im->n);
	return r;
}

/* Whoever is told a number may rely on it: so many lines of the file are on disk. */
static void acknowledge(const struct import *im)
{
	if (!im->o->progress)
		return;
	(void)printf("%" PRIu64 "\n", im->line);
	(void)fflush(stdout);
}

static int flush_group(struct import *im, struct tesla_error *err)
{
	int r = im->n > 0 ? store_group(im, err) : 0;

	if (r != 0)
		return r;
	acknowledge(im);
	im->since_compaction += im->n;
	im->n = im->bytes = 0;
	arena_release(&im->memory);
	if (im->since_compaction < COMPACT_EVERY)
		return 0;
	im->since_compaction = 0;
	return store_compact(im->store, false, err);
}

static int take_line(struct import *im, const char *text, size_t len, struct tesla_error *err)
{
	struct jsonl_record *r = &im->records[im->n];
	int rc = jsonl_read(text, len, &im->memory, r, err);

	if (rc == -ENOMEM)
		return rc;
	if (rc == 0 && r->node == NULL)
		r->node = im->o->node;
	if (rc == 0 && r->node == NULL)
		rc = tesla_fail(err, -EBADMSG, "it has no \"node\": say --node");
	if (rc != 0) {
		say_bad(im, im->line, err);
		return 0;
	}
	im->lines[im->n++] = im->line;
	im->bytes += len;
	if (im->n < im->o->group && im->bytes < GROUP_BYTES)
		return 0;
	return flush_group(im, err);
}

static int read_lines(struct import *im, FILE *file, struct tesla_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&text, &size, file)) >= 0) {
		im->line++;
		if (len > 0 && text[len - 1] == '\n')
			len--;
		if (len > 0)
			r = take_line(im, text, (size_t)len, err);
	}
	if (r == 0 && ferror(file))
		r = tesla_fail(err, -EIO, "%s: %s", im->name, strerror(errno));
	return r == 0 ? flush_group(im, err) : r;
}

static int use_import(struct store *store, void *arg, struct tesla_error *err)
{
	const struct options *o = arg;
	bool std = strcmp(o->file, "-") == 0;
	struct import im = { .o = o, .store = store, .name = std ? "standard input" : o->file };
	FILE *file = std ? stdin : fopen(o->file, "re");
	int r;

	if (file == NULL)
		return tesla_fail(err, -errno, "%s: %s", o->file, strerror(errno));
	im.records = calloc(o->group, sizeof *im.records);
	im.lines = calloc(o->group, sizeof *im.lines);
	r = im.records != NULL && im.lines != NULL ? read_lines(&im, file, err)
						   : tesla_fail(err, -ENOMEM, "no memory");
	if (r == 0)
		r = store_compact(store, true, err);
	arena_release(&im.memory);
	free(im.records);
	free(im.lines);
	if (!std)
		(void)fclose(file);
	if (r == 0)
		(void)fprintf(stderr,
			      "%" PRIu64 " records stored, %" PRIu64 " were there already, %" PRIu64
			      " lines refused\n",
			      im.stored, im.duplicates, im.bad);
	return r != 0 ? r : im.bad != 0 ? COMMAND_PARTLY : 0;
}

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{ "node", 'n', "ID", 0, "the node of lines that name none", 0 },
	{ "group", KEY_GROUP, "N", 0, "records that are synced together (default: 1000)", 0 },
	{ "progress", KEY_PROGRESS, NULL, 0, "after each group, print how many lines are on disk",
	  0 },
	{ 0 }
};

static size_t parse_group(const char *arg, struct argp_state *state)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (*end != '\0' || n < 1 || n > GROUP_MAX)
		argp_error(state, "--group %s: expected 1 to %d", arg, GROUP_MAX);
	return (size_t)n;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->conf;
		return 0;
	case 'n':
		o->node = arg;
		return 0;
	case KEY_GROUP:
		o->group = parse_group(arg, state);
		return 0;
	case KEY_PROGRESS:
		o->progress = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->file != NULL)
			argp_error(state, "%s: one file is expected", arg);
		o->file = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which file?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_import(const struct command_conf *conf, int argc, char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.args_doc = "FILE",
		.doc = "Stores the records of FILE, one a line, as `teslactl --json journal "
		       "export` prints them; - is standard input.",
	};
	struct options o = { .conf = *conf, .group = GROUP };

	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 1;
	return command_with_store(o.conf.dir, false, use_import, &o);
}
