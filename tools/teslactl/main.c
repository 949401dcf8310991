/* SPDX-License-Identifier: Apache-2.0 */
/* teslactl: talks to teslad.  A client of libtesla and nothing else. */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "base/stdio_fill.h"
#include "teslactl/commands.h"

enum { OPTION_TIMEOUT = 256, OPTION_TO, OPTION_KEY, OPTION_SERVER };

struct line {
	struct ctl ctl;
	const struct command *command;
};

static const struct argp_option options[] = {
	{ "socket", 's', "ENDPOINT", 0, "Where teslad listens, such as ipc:///run/tesla/control",
	  0 },
	{ "key", OPTION_KEY, "FILE.key", 0,
	  "Our keys: for --server, and where the stream is encrypted", 0 },
	{ "server", OPTION_SERVER, "FILE.pub", 0,
	  "The public key of the daemon, which is on a network", 0 },
	{ "json", 'j', NULL, 0, "Answers as one JSON object; watch: one object a line", 0 },
	{ "seconds", 'n', "N", 0, "watch ends after N seconds", 0 },
	{ "timeout", OPTION_TIMEOUT, "SECONDS", 0, "Wait so long for an answer (default 5)", 0 },
	{ "to", OPTION_TO, "EXPORTER", 0, "journal drain hands the records on to this one", 0 },
	{ "yes", 'y', NULL, 0, "journal purge does not ask", 0 },
	{ "version", 'V', NULL, 0, "Print the version", -1 },
	{ 0 }
};

/* A script must not take half an answer for a whole one. */
static int output_finish(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	(void)fprintf(stderr, "teslactl: standard output cannot be written%s%s\n",
		      errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	return code == CTL_GOOD ? CTL_NO : code;
}

static int64_t duration_arg(struct argp_state *state, const char *option, const char *text)
{
	int64_t ms;

	if (duration_parse_ms(text, 1000, &ms) != 0 || ms <= 0 || ms > INT32_MAX)
		argp_error(state, "--%s is \"%s\": expected seconds, such as 10 or 1 min", option,
			   text);
	return ms;
}

static void command_arg(struct argp_state *state, struct line *line, char *text)
{
	if (line->command == NULL) {
		line->command = command_find(text);
		if (line->command == NULL)
			argp_error(state, "there is no command \"%s\"", text);
	} else if (line->command->args[0] == '\0') {
		argp_error(state, "%s takes no arguments, \"%s\" came", line->command->name, text);
	} else {
		line->ctl.words[line->ctl.n_words++] = text;
	}
}

/* [ANALYZER] [VARIABLE...] */
static void filter_set(struct argp_state *state, struct ctl *ctl)
{
	bool numbered =
		ctl->n_words > 0 && ctl->words[0][strspn(ctl->words[0], "0123456789")] == '\0';

	ctl->filter.analyzer = numbered ? strtoll(ctl->words[0], NULL, 10) : 0;
	ctl->filter.variables = ctl->words + numbered;
	ctl->filter.n_variables = ctl->n_words - numbered;
	if (numbered && ctl->filter.analyzer <= 0)
		argp_error(state, "the analyzer is \"%s\": expected a positive whole number",
			   ctl->words[0]);
}

static void line_check(struct argp_state *state, struct line *line)
{
	bool journal, watch;

	if (line->command == NULL)
		argp_error(state, "a command is missing");
	journal = strcmp(line->command->name, "journal") == 0;
	watch = strcmp(line->command->name, "watch") == 0;
	if (line->ctl.server != NULL && line->ctl.key == NULL)
		argp_error(state, "--server needs --key, our own keys");
	if (line->ctl.seconds_ms > 0 && !watch)
		argp_error(state, "--seconds is for watch only");
	if ((line->ctl.to != NULL || line->ctl.yes) && !journal)
		argp_error(state, "--to and --yes are for journal only");
	if (watch)
		filter_set(state, &line->ctl);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct line *line = state->input;

	switch (key) {
	case 's':
		line->ctl.endpoint = arg;
		return 0;
	case 'j':
		line->ctl.json = true;
		return 0;
	case 'n':
		line->ctl.seconds_ms = duration_arg(state, "seconds", arg);
		return 0;
	case OPTION_TIMEOUT:
		line->ctl.timeout_ms = (int)duration_arg(state, "timeout", arg);
		return 0;
	case OPTION_KEY:
		line->ctl.key = arg;
		return 0;
	case OPTION_SERVER:
		line->ctl.server = arg;
		return 0;
	case OPTION_TO:
		line->ctl.to = arg;
		return 0;
	case 'y':
		line->ctl.yes = true;
		return 0;
	case 'V':
		(void)puts("teslactl " PACKAGE_VERSION);
		exit(output_finish(CTL_GOOD));
	case ARGP_KEY_ARG:
		command_arg(state, line, arg);
		return 0;
	case ARGP_KEY_END:
		line_check(state, line);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The commands, from their table, ahead of what else one must know. */
static char *help_filter(int key, const char *text, void *input)
{
	char *help = NULL;
	size_t size;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	out = open_memstream(&help, &size);
	if (out == NULL)
		return NULL;
	(void)fputs("Commands:\n", out);
	for (const struct command *c = commands; c->name != NULL; c++)
		(void)fprintf(out, "  %s%s%s\n      %s\n", c->name, *c->args ? " " : "", c->args,
			      c->help);
	(void)fputs("\nIn watch on a terminal: arrows, PgUp, PgDn scroll, q or Ctrl+C ends.\n"
		    "\nExit codes:\n"
		    "  0  good\n"
		    "  1  the daemon says no, check found errors, or the output cannot be written\n"
		    "  2  wrong usage\n"
		    "  3  no daemon: it cannot be reached or does not answer\n"
		    "  4  watch ended without a single value\n"
		    "\nEnvironment:\n"
		    "  TESLA_CONTROL  the endpoint when -s is not given; else it is\n"
		    "                 ipc:///run/tesla/control for root, for others the same file\n"
		    "                 in $XDG_RUNTIME_DIR/tesla or /tmp/tesla-UID.",
		    out);
	(void)fclose(out);
	return help;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = options,
					  .parser = parse,
					  .args_doc = "COMMAND [ARGUMENT...]",
					  .doc = "Asks teslad, or tells it.\v ",
					  .help_filter = help_filter };
	_cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof *words);
	struct line line = { .ctl = { .timeout_ms = 5000, .words = words } };

	stdio_fill();
	if (words == NULL)
		return CTL_NO;
	/* Only characters: a decimal comma would spoil numbers. */
	(void)setlocale(LC_CTYPE, "");
	argp_err_exit_status = CTL_USAGE;
	(void)argp_parse(&argp, argc, argv, 0, NULL, &line);
	return output_finish(command_run(line.command, &line.ctl));
}
