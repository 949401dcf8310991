/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and how one that is a request is run. */
#include "teslactl/commands.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "teslactl/help.h"
#include "teslactl/journal.h"
#include "teslactl/keygen.h"
#include "teslactl/probe.h"
#include "teslactl/scan.h"
#include "teslactl/shell.h"
#include "teslactl/shows.h"
#include "teslactl/top.h"
#include "teslactl/trace.h"
#include "teslactl/watch.h"

/* ---- looking up ---- */

size_t word_next(const char **at)
{
	*at += strspn(*at, " ");
	return strcspn(*at, " ");
}

static bool is_alias(const char *aliases, const char *name)
{
	for (size_t len; aliases != NULL && (len = word_next(&aliases)) > 0; aliases += len)
		if (strlen(name) == len && strncasecmp(name, aliases, len) == 0)
			return true;
	return false;
}

const struct command *command_find(const char *name, bool in_shell)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0 || (in_shell && strcasecmp(c->name, name) == 0))
			return c;
	for (const struct command *c = commands; in_shell && c->name != NULL; c++)
		if (is_alias(c->aliases, name))
			return c;
	return NULL;
}

const char *command_misplaced(const struct command *c, bool in_shell)
{
	if (c->in == IN_SHELL && !in_shell)
		return "is a command of the shell only";
	return c->in == OUT_OF_SHELL && in_shell ? "cannot be used in the shell" : NULL;
}

/* An analyzer that may be left out is, when what stands in its place is no number. */
static bool left_out(const struct operand *o, const char *word)
{
	return o->kind == WORD_ANALYZER && !o->required && o[1].kind != WORD_NONE &&
	       (*word == '\0' || word[strspn(word, "0123456789")] != '\0');
}

const struct operand *command_operand(const struct command *c, char *const *words, size_t i)
{
	const struct operand *o = c->operands, *end = o + COMMAND_OPERANDS;

	for (size_t w = 0; o < end && o->kind != WORD_NONE; w++) {
		if (o + 1 < end && left_out(o, words[w]))
			o++;
		if (w == i)
			return o;
		if (!o->many)
			o++;
	}
	return NULL;
}

/* ---- one request ---- */

static void variables_pack(msgpack_packer *pk, const struct filter *f)
{
	(void)msgpack_pack_array(pk, f->n_variables);
	for (size_t i = 0; i < f->n_variables; i++)
		mp_str(pk, f->variables[i]);
}

/* False: it was not given, so that the request does not have it. */
static bool operand_pack(msgpack_packer *pk, const struct ctl *ctl, const struct operand *o)
{
	const struct filter *f = &ctl->filter;

	if (o->key == NULL || (o->kind == WORD_ANALYZER && f->analyzer == 0) ||
	    (o->kind == WORD_VARIABLE && f->n_variables == 0) ||
	    (o->kind == WORD_CHOICE && ctl->choice == NULL))
		return false;
	if (pk == NULL)
		return true;
	mp_str(pk, o->key);
	if (o->kind == WORD_ANALYZER)
		(void)msgpack_pack_int64(pk, f->analyzer);
	else if (o->kind == WORD_VARIABLE)
		variables_pack(pk, f);
	else
		mp_str(pk, ctl->choice);
	return true;
}

static int command_request(const struct ctl *ctl, struct answer *ret)
{
	const struct command *c = ctl->command;
	size_t n = 0u + ctl->plugins + ctl->accept;
	msgpack_packer pk;
	struct buf args;
	int r;

	for (size_t i = 0; i < COMMAND_OPERANDS; i++)
		n += operand_pack(NULL, ctl, &c->operands[i]);
	if (n == 0)
		return ctl_ask(ctl, c->name, ret);
	buf_init(&args, 1u << 16);
	mp_writer(&pk, &args);
	(void)msgpack_pack_map(&pk, n);
	for (size_t i = 0; i < COMMAND_OPERANDS; i++)
		(void)operand_pack(&pk, ctl, &c->operands[i]);
	if (ctl->plugins)
		mp_key_bool(&pk, "plugins", true);
	if (ctl->accept)
		mp_key_bool(&pk, "accept", true);
	r = args.failed ? ctl_say(ctl, CTL_USAGE, "the arguments are too long")
			: ctl_request(ctl, c->name, &args, ret);
	buf_release(&args);
	return r;
}

static int answer_print(const struct ctl *ctl, const msgpack_object *answer)
{
	const struct command *c = ctl->command;
	struct tesla_error err;
	int r;

	if (!ctl->json)
		return c->show(ctl, answer);
	r = c->json != NULL ? c->json(ctl, answer, &err) : json_print(stdout, answer, &err);
	return r == 0 ? CTL_GOOD : ctl_complain(ctl, &err);
}

int command_run(const struct ctl *ctl)
{
	const struct command *c = ctl->command;
	struct answer answer;
	int r;

	if (c->run != NULL)
		return c->run(ctl);
	r = command_request(ctl, &answer);
	if (r != CTL_GOOD)
		return r;
	r = answer_print(ctl, &answer.doc.u.data);
	if (r == CTL_GOOD && c->code != NULL)
		r = c->code(&answer.doc.u.data);
	answer_release(&answer);
	return r;
}

/* ---- the table ---- */

#define ANALYZER \
	{ \
		.kind = WORD_ANALYZER, .key = "analyzer" \
	}
#define ANALYZER_NEEDED \
	{ \
		.kind = WORD_ANALYZER, .key = "analyzer", .required = true \
	}
/* Picked out of the answer here. */
#define FILTER \
	{ \
		{ .kind = WORD_ANALYZER }, \
		{ \
			.kind = WORD_VARIABLE, .many = true \
		} \
	}
#define SECONDS(n) ((n)*1000)

const struct command commands[] = {
	{ .name = "status",
	  .args = "",
	  .help = "Node, hosts, lines, analyzers, exporters, each with its state and reason",
	  .aliases = "STATUS",
	  .show = status_show },
	{ .name = "top",
	  .args = "",
	  .help = "The whole screen: lines with their load, exporters, analyzers with last values",
	  .options = OPTION_SECONDS,
	  .run = top_run },
	{ .name = "watch",
	  .args = "[ANALYZER] [VARIABLE...]",
	  .help = "Follow the readings as they come",
	  .options = OPTION_SECONDS,
	  .operands = FILTER,
	  .run = watch_run },
	{ .name = "snapshot",
	  .args = "[ANALYZER] [VARIABLE...]",
	  .help = "The last reading of every variable",
	  .aliases = "GETVARS",
	  .operands = FILTER,
	  .show = snapshot_show,
	  .json = snapshot_json },
	{ .name = "device-status",
	  .args = "[ANALYZER]",
	  .help = "Does it run, does the meter answer, who is it, what was the last error",
	  .aliases = "GETSTATUS GETID",
	  .operands = { ANALYZER },
	  .show = devices_show },
	{ .name = "definitions",
	  .args = "[ANALYZER]",
	  .help = "What each analyzer's model offers: variables, units, elements, what is read",
	  .aliases = "GETDEFS",
	  .operands = { ANALYZER },
	  .show = definitions_show },
	{ .name = "config",
	  .args = "",
	  .help = "The configuration that is in force, as it was read",
	  .aliases = "GETCONF",
	  .show = config_show },
	{ .name = "plan",
	  .args = "",
	  .help = "What is read in which transaction, and the share of each line in use",
	  .show = plan_show },
	{ .name = "plugins",
	  .args = "",
	  .help = "What plugins there are, and their parameters",
	  .show = plugins_show },
	{ .name = "metrics",
	  .args = "[prometheus | openmetrics]",
	  .help = "What the daemon counts of itself, as text for Prometheus",
	  .operands = { { .kind = WORD_CHOICE,
			  .key = "format",
			  .choices = "prometheus openmetrics" } },
	  .show = metrics_show },
	{ .name = "check",
	  .args = "",
	  .help = "Check the configuration on disk as `teslad -t` does",
	  .timeout_ms = SECONDS(70),
	  .show = check_show,
	  .code = check_code },
	{ .name = "reload",
	  .args = "[--plugins]",
	  .help = "Read the configuration again and put in force what changed; waits for it",
	  .aliases = "RELOAD",
	  .options = OPTION_PLUGINS,
	  .timeout_ms = SECONDS(120),
	  .refused = "nothing was changed, teslad goes on as before:",
	  .show = reload_show },
	{ .name = "set-variables",
	  .args = "ANALYZER VARIABLE...",
	  .help = "Which variables are read of an analyzer, until the configuration is read again",
	  .aliases = "SETQUERY",
	  .operands = { ANALYZER_NEEDED,
			{ .kind = WORD_VARIABLE,
			  .key = "variables",
			  .required = true,
			  .many = true } },
	  .timeout_ms = SECONDS(60),
	  .show = variables_show },
	{ .name = "read-now",
	  .args = "ANALYZER",
	  .help = "Read an analyzer at once, and print what it says",
	  .aliases = "FORCEREQ",
	  .operands = { ANALYZER_NEEDED },
	  .timeout_ms = SECONDS(60),
	  .show = snapshot_show },
	{ .name = "identify",
	  .args = "ANALYZER [--accept]",
	  .help = "Ask a meter who it is",
	  .aliases = "IDENT",
	  .options = OPTION_ACCEPT,
	  .operands = { ANALYZER_NEEDED },
	  .timeout_ms = SECONDS(60),
	  .show = identify_show },
	{ .name = "trace",
	  .args = "LINE [--capture FILE]",
	  .help = "What goes over a line, frame by frame, as it does",
	  .options = OPTION_SECONDS | OPTION_CAPTURE,
	  .operands = { { .kind = WORD_LINE, .required = true } },
	  .run = trace_run },
	{ .name = "scan",
	  .args = SCAN_ARGS,
	  .help = SCAN_HELP,
	  .options = OPTION_SCAN,
	  .operands = { { .kind = WORD_FILE, .required = true } },
	  .run = scan_run },
	{ .name = "probe",
	  .args = PROBE_ARGS,
	  .help = PROBE_HELP,
	  .options = OPTION_EXPECT,
	  .operands = { ANALYZER_NEEDED, { .kind = WORD_TEXT, .required = true } },
	  .run = probe_run },
	{ .name = "pause",
	  .args = "[ANALYZER]",
	  .help = "Read it no more, or none, until it is resumed",
	  .aliases = "PAUSE",
	  .operands = { ANALYZER },
	  .timeout_ms = SECONDS(30),
	  .show = run_show },
	{ .name = "resume",
	  .args = "[ANALYZER]",
	  .help = "Read it again, or all that were paused",
	  .aliases = "RESUME",
	  .operands = { ANALYZER },
	  .timeout_ms = SECONDS(30),
	  .show = run_show },
	{ .name = "start",
	  .args = "[ANALYZER]",
	  .help = "Read it, or all, whether paused or stopped before",
	  .aliases = "START STARTALL",
	  .operands = { ANALYZER },
	  .timeout_ms = SECONDS(30),
	  .show = run_show },
	{ .name = "journal",
	  .args = JOURNAL_ARGS,
	  .help = JOURNAL_HELP,
	  .options = OPTION_TO | OPTION_YES,
	  .operands = { { .kind = WORD_CHOICE, .choices = "list rejects export drain purge" },
			{ .kind = WORD_EXPORTER, .choices = "rejects" },
			{ .kind = WORD_EXPORTER } },
	  .timeout_ms = SECONDS(60),
	  .run = journal_run },
	{ .name = "log-level",
	  .args = "[error | warning | info | debug]",
	  .help = "What goes to the log, or what is to go there from now on",
	  .operands = { { .kind = WORD_CHOICE,
			  .key = "level",
			  .choices = "error warning info debug" } },
	  .show = level_show },
	{ .name = "keygen",
	  .args = KEYGEN_ARGS,
	  .help = KEYGEN_HELP,
	  .operands = { { .kind = WORD_FILE, .required = true } },
	  .run = keygen_run },
	{ .name = "shutdown",
	  .args = "",
	  .help = "End the daemon",
	  .aliases = "SHUTDOWN",
	  .show = shutdown_show },
	{ .name = "shell",
	  .args = "",
	  .help = "These commands at a prompt, with history and completion; or lines of a file",
	  .in = OUT_OF_SHELL,
	  .run = shell_run },
	{ .name = "help",
	  .args = "[COMMAND]",
	  .help = "All commands, or more about one",
	  .aliases = "HELP",
	  .operands = { { .kind = WORD_COMMAND } },
	  .run = help_run },
	{ .name = "quit",
	  .args = "",
	  .help = "End the shell",
	  .aliases = "QUIT exit",
	  .in = IN_SHELL,
	  .run = shell_quit },
	{ .name = NULL },
};
