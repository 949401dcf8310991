/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central import`: files of records, in groups that are acknowledged one by one. */
#include "central/import.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "central/ahead.h"

#define GROUP_BYTES ((size_t)1 << 20) /* of lines */
#define COMPACT_EVERY 20000	      /* records */
#define GROUP 1000
#define GROUP_MAX 100000
#define INTERVAL_MAX_S 86400

void import_refuse(struct import *im, uint64_t line, const char *why)
{
	im->bad++;
	(void)fprintf(stderr, "%s:%" PRIu64 ": %s\n", im->name, line, why);
}

static void count_verdict(struct import *im, uint64_t line, const struct store_verdict *v)
{
	im->stored += v->n_stored;
	im->duplicates += v->n_duplicates;
	if (v->outcome == STORE_REJECTED)
		import_refuse(im, line, v->reason != NULL ? v->reason : "it cannot be stored");
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

static int flush(struct import *im, struct tesla_error *err)
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

int import_add(struct import *im, const char *node, const struct record *r, uint64_t line,
	       size_t bytes, struct tesla_error *err)
{
	char text[AHEAD_TEXT];

	if (is_ahead(r->end_ms, im->now_ms)) {
		import_refuse(im, line, ahead_text(r->end_ms, im->now_ms, text));
	} else {
		im->records[im->n] = (struct jsonl_record){ node, *r };
		im->lines[im->n++] = line;
	}
	im->bytes += bytes;
	return im->n < im->o->group && im->bytes < GROUP_BYTES ? 0 : flush(im, err);
}

static int take_line(struct import *im, const char *text, size_t len, struct tesla_error *err)
{
	struct jsonl_record r;
	int rc = jsonl_read(text, len, &im->memory, &r, err);

	if (rc == -ENOMEM)
		return rc;
	if (rc == 0 && r.node == NULL)
		r.node = im->o->node;
	if (rc == 0 && r.node == NULL)
		rc = tesla_fail(err, -EBADMSG, "it has no \"node\": say --node");
	if (rc == 0)
		return import_add(im, r.node, &r.record, im->line, len, err);
	import_refuse(im, im->line, err->text);
	return 0;
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
	return r;
}

/* ---- files ---- */

static const struct form {
	const char *name, *pattern; /* that file names of it have */
	enum import_form form;
} forms[] = {
	{ "csv", "*.csv", IMPORT_CSV },
	{ "day", "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9].txt", IMPORT_DAY },
	{ "rest", "*.json", IMPORT_REST },
	{ "jsonl", "*", IMPORT_JSONL },
};

static enum import_form form_of(const struct import_options *o, const char *file)
{
	const char *base = strrchr(file, '/');
	size_t i = 0;

	if (o->form != IMPORT_BY_NAME)
		return o->form;
	while (fnmatch(forms[i].pattern, base != NULL ? base + 1 : file, 0) != 0)
		i++;
	return forms[i].form;
}

static int read_file(struct import *im, const char *path, struct tesla_error *err)
{
	bool std = strcmp(path, "-") == 0;
	enum import_form form = form_of(im->o, path);
	FILE *file = std ? stdin : fopen(path, "re");
	int r;

	if (file == NULL)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	im->name = std ? "standard input" : path;
	im->line = 0;
	r = form == IMPORT_JSONL ? read_lines(im, file, err)
				 : import_past(im, form, file, path, err);
	if (r == 0)
		r = flush(im, err); /* whose lines are of this file */
	if (!std)
		(void)fclose(file);
	return r;
}

static int read_files(struct import *im, struct tesla_error *err)
{
	int r = im->records != NULL && im->lines != NULL ? import_past_begin(im, err)
							 : tesla_fail(err, -ENOMEM, "no memory");

	for (size_t i = 0; im->o->files[i] != NULL && r == 0; i++)
		r = read_file(im, im->o->files[i], err);
	if (r == 0)
		r = import_past_end(im, err);
	if (r == 0)
		r = flush(im, err);
	return r == 0 ? store_compact(im->store, true, err) : r;
}

static int use_import(struct store *store, void *arg, struct tesla_error *err)
{
	const struct import_options *o = arg;
	struct import im = { .o = o, .store = store, .now_ms = clock_wall_us() / 1000 };
	int r;

	im.records = calloc(o->group, sizeof *im.records);
	im.lines = calloc(o->group, sizeof *im.lines);
	r = read_files(&im, err);
	arena_release(&im.memory);
	import_past_release(&im);
	free(im.records);
	free(im.lines);
	if (r == 0)
		(void)fprintf(stderr,
			      "%" PRIu64 " records stored, %" PRIu64 " were there already, %" PRIu64
			      " lines refused\n",
			      im.stored, im.duplicates, im.bad);
	return r != 0 ? r : im.bad != 0 ? COMMAND_PARTLY : 0;
}

/* ---- the command line ---- */

enum key { KEY_GROUP = 256, KEY_PROGRESS, KEY_FORM, KEY_MODEL, KEY_ZONE, KEY_INTERVAL, KEY_MODELS };

static const struct argp_option options[] = {
	{ "node", 'n', "ID", 0, "the node of records that name none", 0 },
	{ "group", KEY_GROUP, "N", 0, "records that are synced together (default: 1000)", 0 },
	{ "progress", KEY_PROGRESS, NULL, 0, "after each group, print how many lines are on disk",
	  0 },
	{ "form", KEY_FORM, "FORM", 0,
	  "jsonl, or the predecessor's csv, rest or day (default: by the file's name)", 0 },
	{ "analyzer", 'a', "ID", 0, "the analyzer of values that name none", 0 },
	{ "model", KEY_MODEL, "NAME", 0, "the model of analyzers that name none", 0 },
	{ "models", KEY_MODELS, "DIR", 0,
	  "where model files are ($TESLA_MODELDIR, else " MODEL_DIR ")", 0 },
	{ "time-zone", KEY_ZONE, "NAME", 0, "that local times are of, such as Europe/Madrid", 0 },
	{ "interval", KEY_INTERVAL, "S", 0,
	  "the length of windows (default: the distance between neighbours)", 0 },
	{ 0 }
};

static long parse_number(const char *name, const char *arg, long max, struct argp_state *state)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (*end != '\0' || n < 1 || n > max)
		argp_error(state, "--%s %s: expected 1 to %ld", name, arg, max);
	return n;
}

static enum import_form parse_form(const char *arg, struct argp_state *state)
{
	for (size_t i = 0; i < N_ELEMENTS(forms); i++)
		if (strcmp(forms[i].name, arg) == 0)
			return forms[i].form;
	argp_error(state, "--form %s: expected jsonl, csv, rest or day", arg);
	return IMPORT_BY_NAME;
}

static struct zone *parse_zone(const char *arg, struct argp_state *state)
{
	struct tesla_error err = { 0 };
	struct zone *zone = NULL;

	if (zone_open(arg, &zone, &err) != 0)
		argp_error(state, "--time-zone: %s", err.text);
	return zone;
}

static error_t parse_past(int key, char *arg, struct argp_state *state)
{
	struct import_options *o = state->input;

	switch (key) {
	case KEY_FORM:
		o->form = parse_form(arg, state);
		return 0;
	case 'a':
		o->analyzer = arg;
		return 0;
	case KEY_MODEL:
		o->model = arg;
		return 0;
	case KEY_MODELS:
		o->models = arg;
		return 0;
	case KEY_ZONE:
		zone_free(o->zone);
		o->zone = parse_zone(arg, state);
		return 0;
	case KEY_INTERVAL:
		o->interval_ms = parse_number("interval", arg, INTERVAL_MAX_S, state) * 1000;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct import_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->conf;
		return 0;
	case 'n':
		o->node = arg;
		return 0;
	case KEY_GROUP:
		o->group = (size_t)parse_number("group", arg, GROUP_MAX, state);
		return 0;
	case KEY_PROGRESS:
		o->progress = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which file?");
		return 0;
	default:
		return parse_past(key, arg, state);
	}
}

int command_import(const struct command_conf *conf, int argc, char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.args_doc = "FILE...",
		.doc = "Stores records, one a line, as `teslactl --json journal export` prints "
		       "them, or the predecessor's history; - is standard input.",
	};
	const char *models = getenv("TESLA_MODELDIR");
	struct import_options o = { .conf = *conf, .group = GROUP };
	int r;

	o.models = models != NULL && models[0] != '\0' ? models : MODEL_DIR;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 1;
	r = command_with_store(o.conf.dir, false, use_import, &o);
	zone_free(o.zone);
	return r;
}
