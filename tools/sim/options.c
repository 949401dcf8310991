/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says. */
#include "sim/options.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "config.h"
#include "sim/text.h"

#define LINE_MAX_MS 10000

enum {
	KEY_TCP = 256,
	KEY_RTU_TCP,
	KEY_PTY,
	KEY_BAUD,
	KEY_TURNAROUND,
	KEY_CHUNK,
	KEY_METER,
	KEY_METERS,
	KEY_REPLAY,
	KEY_FAST,
	KEY_MODELS,
	KEY_FIX,
	KEY_RAW,
	KEY_SCALE,
	KEY_TIME_SCALE,
	KEY_SEED,
	KEY_HOLES,
	KEY_FORBID,
	KEY_IDENTITY,
	KEY_IDENTITY_BY,
	KEY_FAULT,
	KEY_CONTROL,
	KEY_STATS,
	KEY_CONFIG,
	KEY_PARENT,
};

static const struct argp_option table[] = {
	{ NULL, 0, NULL, 0, "Lines; each may be given several times:", 1 },
	{ "tcp", KEY_TCP, "[ADDR:]PORT", 0,
	  "Modbus TCP; ADDR is 127.0.0.1 by default, port 0 a free one", 0 },
	{ "rtu-over-tcp", KEY_RTU_TCP, "[ADDR:]PORT", 0,
	  "The raw bytes of a serial line; paced with --baud", 0 },
	{ "pty", KEY_PTY, "LINK", 0, "A paced serial line: LINK becomes a symlink to a pty", 0 },
	{ "baud", KEY_BAUD, "N", 0, "Speed of serial lines (19200), 11 bits a character", 0 },
	{ "turnaround", KEY_TURNAROUND, "MS", 0,
	  "Of a meter on a paced line, after the silence (5)", 0 },
	{ "chunk", KEY_CHUNK, "BYTES", 0,
	  "How much of a reply a paced line delivers at once (all of it, at its end)", 0 },
	{ NULL, 0, NULL, 0, "Meters:", 2 },
	{ "meter", KEY_METER, "ADDRESS=MODEL", 0,
	  "5=PM710, 1-12=PM710, or *=PM710 for all others (1=PM710)", 0 },
	{ "meters", KEY_METERS, "LIST", 0,
	  "1=PM710,2-4=PM500: those of the line before, and of no other", 0 },
	{ "replay", KEY_REPLAY, "FILE", 0,
	  "A capture of `teslactl trace`: the line before answers as it was answered then", 0 },
	{ "fast", KEY_FAST, NULL, 0, "Answers of a capture come at once, not when they came then",
	  0 },
	{ "models", KEY_MODELS, "DIR", 0,
	  "Folder of the model files ($TESLA_MODELDIR, else " MODEL_DIR ")", 0 },
	{ "identity", KEY_IDENTITY, "TEXT", 0,
	  "Answer to functions 17 and 43 (\"MODEL simulated\"; '': exception 1) and VER", 0 },
	{ "identity-by", KEY_IDENTITY_BY, "[ADDRESS:]LIST", 0,
	  "Which of them are known (17,43): 17, 43, 17,43 or none; the others are exception 1", 0 },
	{ "holes", KEY_HOLES, "zero|refuse", 0,
	  "Registers that the model does not define: 0, or exception 2", 0 },
	{ "forbid", KEY_FORBID, "FIRST-LAST", 0,
	  "Exception 2 for a read that touches these registers", 0 },
	{ NULL, 0, NULL, 0, "Values, for all meters or behind ADDRESS: for one:", 3 },
	{ "fix", KEY_FIX, "VAR[.LABEL]=VALUE", 0,
	  "A fixed value in the variable's unit; nan: not available", 0 },
	{ "raw", KEY_RAW, "REGISTER=VALUE,...", 0, "Fixed registers, decimal or 0x..", 0 },
	{ "scale", KEY_SCALE, "NAME=EXPONENT", 0, "A scale register", 0 },
	{ "time-scale", KEY_TIME_SCALE, "N", 0, "The day passes N times as fast (1)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Other loads, other chances (1)", 0 },
	{ NULL, 0, NULL, 0, "Faults and control:", 4 },
	{ "fault", KEY_FAULT, "KIND[:KEY=VALUE,...]", 0, "See below", 0 },
	{ "control", KEY_CONTROL, "PATH", 0, "Commands on a UNIX socket; -: on standard input", 0 },
	{ "stats", KEY_STATS, "FILE", 0,
	  "Counts as JSON at the end; -: to standard output (also on SIGUSR1)", 0 },
	{ "print-config", KEY_CONFIG, "FILE", OPTION_ARG_OPTIONAL,
	  "A config.xml that reads all this, to FILE; "
	  "without FILE to standard output, and end",
	  0 },
	{ "parent", KEY_PARENT, NULL, 0, "End when the parent process ends", 0 },
	{ "version", 'V', NULL, 0, "Print the version and end", -1 },
	{ 0 }
};

/* What may be given more than once: grows by one, no memory ends the program. */
static void *grow(struct argp_state *state, void *list, size_t n, size_t size)
{
	void *grown = realloc(list, (n + 1) * size);

	if (grown == NULL)
		argp_failure(state, 1, ENOMEM, "options");
	return grown;
}

static void texts_add(struct argp_state *state, struct texts *t, const char *text)
{
	t->list = grow(state, t->list, t->n, sizeof *t->list);
	t->list[t->n++] = text;
}

static void line_add(struct argp_state *state, struct options *o, enum line_kind kind,
		     const char *where)
{
	o->lines = grow(state, o->lines, o->n_lines, sizeof *o->lines);
	o->lines[o->n_lines++] = (struct line_option){ .kind = kind, .where = where };
}

static void line_meters(struct argp_state *state, struct options *o, const char *list)
{
	if (o->n_lines == 0)
		argp_error(state, "--meters %s: stands behind the line that it is for", list);
	o->lines[o->n_lines - 1].meters = list;
}

static void line_replay(struct argp_state *state, struct options *o, const char *file)
{
	if (o->n_lines == 0)
		argp_error(state, "--replay %s: stands behind the line that it is for", file);
	o->lines[o->n_lines - 1].replay = file;
}

/* Of what is asked in a capture it is not known which model it is. */
static void lines_check(struct argp_state *state, const struct options *o)
{
	if (o->n_lines == 0)
		argp_error(state, "no line: give --tcp, --rtu-over-tcp or --pty");
	for (size_t i = 0; i < o->n_lines; i++) {
		const struct line_option *l = &o->lines[i];

		if (l->replay != NULL && l->meters != NULL)
			argp_error(state, "--replay %s: the line has --meters too", l->replay);
		if (l->replay != NULL && (o->config_only || o->config != NULL))
			argp_error(state, "--print-config: --replay %s has no model", l->replay);
	}
}

static void forbid_add(struct argp_state *state, struct options *o, const char *text)
{
	int64_t first, last;

	if (!text_range(text, 0, UINT16_MAX, &first, &last))
		argp_error(state, "--forbid %s: expected FIRST-LAST, registers from 0 to 65535",
			   text);
	o->forbidden = grow(state, o->forbidden, o->n_forbidden, sizeof *o->forbidden);
	o->forbidden[o->n_forbidden++] = (struct model_range){ 0, (uint16_t)first, (uint16_t)last };
}

static void number(struct argp_state *state, const char *option, const char *text,
		   const int64_t bounds[2], int64_t *ret)
{
	if (!text_int(text, bounds[0], bounds[1], ret))
		argp_error(state, "--%s %s: expected a whole number from %lld to %lld", option,
			   text, (long long)bounds[0], (long long)bounds[1]);
}

static void real(struct argp_state *state, const char *option, const char *text, double hi,
		 double *ret)
{
	if (!text_real(text, 0, hi, ret))
		argp_error(state, "--%s %s: expected a number from 0 to %g", option, text, hi);
}

/* What may be given more than once. */
static bool parse_list(int key, char *arg, struct argp_state *state, struct options *o)
{
	switch (key) {
	case KEY_TCP:
		line_add(state, o, LINE_TCP, arg);
		return true;
	case KEY_RTU_TCP:
		line_add(state, o, LINE_RTU_TCP, arg);
		return true;
	case KEY_PTY:
		line_add(state, o, LINE_PTY, arg);
		return true;
	case KEY_METERS:
		line_meters(state, o, arg);
		return true;
	case KEY_REPLAY:
		line_replay(state, o, arg);
		return true;
	case KEY_FORBID:
		forbid_add(state, o, arg);
		return true;
	case KEY_METER:
		texts_add(state, &o->meters, arg);
		return true;
	case KEY_FIX:
		texts_add(state, &o->fixes, arg);
		return true;
	case KEY_RAW:
		texts_add(state, &o->raws, arg);
		return true;
	case KEY_SCALE:
		texts_add(state, &o->scales, arg);
		return true;
	case KEY_IDENTITY_BY:
		texts_add(state, &o->identity_by, arg);
		return true;
	case KEY_FAULT:
		texts_add(state, &o->faults, arg);
		return true;
	}
	return false;
}

static bool parse_number(int key, char *arg, struct argp_state *state, struct options *o)
{
	double ms;

	switch (key) {
	case KEY_BAUD:
		number(state, "baud", arg, (const int64_t[]){ 300, 4000000 }, &o->pace.baud);
		return true;
	case KEY_TURNAROUND:
		real(state, "turnaround", arg, LINE_MAX_MS, &ms);
		o->pace.turnaround_us = (int64_t)(ms * 1000);
		return true;
	case KEY_CHUNK:
		number(state, "chunk", arg, (const int64_t[]){ 1, RTU_MAX }, &o->pace.chunk);
		return true;
	case KEY_TIME_SCALE:
		real(state, "time-scale", arg, 1e6, &o->time_scale);
		return true;
	case KEY_SEED:
		number(state, "seed", arg, (const int64_t[]){ 0, INT64_MAX }, &o->seed);
		return true;
	}
	return false;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (parse_list(key, arg, state, o) || parse_number(key, arg, state, o))
		return 0;
	switch (key) {
	case KEY_MODELS:
		o->models = arg;
		return 0;
	case KEY_IDENTITY:
		o->identity = arg;
		return 0;
	case KEY_HOLES:
		o->refuse_holes = strcmp(arg, "refuse") == 0;
		if (!o->refuse_holes && strcmp(arg, "zero") != 0)
			argp_error(state, "--holes %s: expected zero or refuse", arg);
		return 0;
	case KEY_CONTROL:
		o->control = arg;
		return 0;
	case KEY_STATS:
		o->stats = arg;
		return 0;
	case KEY_CONFIG:
		o->config = arg;
		o->config_only = arg == NULL;
		return 0;
	case KEY_PARENT:
		o->parent = true;
		return 0;
	case KEY_FAST:
		o->fast = true;
		return 0;
	case 'V':
		(void)puts(PACKAGE_STRING);
		exit(0);
	case ARGP_KEY_ARG:
		argp_error(state, "%s: not expected", arg);
		return 0;
	case ARGP_KEY_END:
		lines_check(state, o);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static char *help_faults(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	(void)fputs("Kinds of fault:\n", out);
	faults_describe(out);
	(void)fputs(
		"\nWhich requests: address=N, after=N (skip the first N), every=N (then every "
		"n-th), count=N (that many), probability=P.  Several faults add up.\n\n"
		"Commands: fault add ..., fault clear, fix ..., raw ..., scale ..., identity "
		"TEXT, identity-by ..., stats, reset, quit.  VAR= and REGISTER= (nothing behind "
		"it) undo.\n",
		out);
	(void)fclose(out);
	return text;
}

static char *help_filter(int key, const char *text, void *input)
{
	(void)input;
	if (key == ARGP_KEY_HELP_POST_DOC)
		return help_faults();
	return (char *)(uintptr_t)text;
}

void options_parse(struct options *o, int argc, char **argv)
{
	static const struct argp argp = {
		.options = table,
		.parser = parse_one,
		.help_filter = help_filter,
		.doc = "Plays meters of Modbus and the CVMk, on TCP and on pseudo-terminals.\v",
	};
	const char *models = getenv("TESLA_MODELDIR");

	*o = (struct options){ .pace.turnaround_us = 5000, .time_scale = 1, .seed = 1 };
	o->models = models != NULL && *models != '\0' ? models : MODEL_DIR;
	(void)argp_parse(&argp, argc, argv, 0, NULL, o);
}

void options_release(struct options *o)
{
	struct texts *const texts[] = { &o->meters, &o->faults, &o->fixes,
					&o->raws,   &o->scales, &o->identity_by };

	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		free(texts[i]->list);
	free(o->lines);
	free(o->forbidden);
}
