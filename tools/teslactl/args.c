/* SPDX-License-Identifier: Apache-2.0 */
/* Options, a command, its words. */
#include "teslactl/args.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "teslactl/help.h"

enum {
	KEY_TIMEOUT = 256,
	KEY_TO,
	KEY_PLUGINS,
	KEY_ACCEPT,
	KEY_COMPLETE,
	KEY_USAGE,
	KEY_KEY,
	KEY_SERVER,
	KEY_CAPTURE,
	KEY_ADDRESSES,
	KEY_BAUD,
	KEY_PARITY,
	KEY_RTU,
	KEY_EXPECT
};

/* ---- mistakes ---- */

__attribute__((format(printf, 2, 3))) static error_t wrong(struct argp_state *state,
							   const char *fmt, ...)
{
	struct args *args = state->input;
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	(void)ctl_say(&args->ctl, CTL_USAGE, r < 0 ? "wrong usage" : text);
	if (!args->ctl.in_shell)
		argp_state_help(state, stderr, ARGP_HELP_SEE);
	return ECANCELED;
}

/* An option that getopt did not know, or that came without its value; it has said so. */
static void wrong_option(const struct args *args, int argc, char **argv)
{
	const char *word = args->failed > 0 && args->failed <= argc ? argv[args->failed - 1] : "";
	_cleanup_free_ char *text = NULL;

	if (args->ctl.json && asprintf(&text, "wrong usage: %s", word) >= 0)
		(void)ctl_say(&args->ctl, CTL_USAGE, text);
}

static error_t duration_arg(struct argp_state *state, const char *option, const char *text,
			    int64_t *ret)
{
	if (duration_parse_ms(text, 1000, ret) == 0 && *ret > 0 && *ret <= INT32_MAX)
		return 0;
	return wrong(state, "--%s is \"%s\": expected seconds, such as 10 or 1 min", option, text);
}

/* ---- the command and its words ---- */

static error_t command_arg(struct argp_state *state, struct ctl *ctl, char *text)
{
	if (ctl->command != NULL) {
		ctl->words[ctl->n_words++] = text;
		return 0;
	}
	ctl->command = command_find(text, ctl->in_shell);
	if (ctl->command == NULL)
		return wrong(state, "there is no command \"%s\"%s", text,
			     ctl->in_shell ? ": help lists them" : "");
	return 0;
}

static error_t id_take(struct argp_state *state, const char *what, const char *word, int64_t *ret)
{
	bool digits = *word != '\0' && word[strspn(word, "0123456789")] == '\0';

	errno = 0;
	*ret = digits ? strtoll(word, NULL, 10) : 0;
	if (errno == 0 && *ret > 0)
		return 0;
	return wrong(state, "the %s is \"%s\": expected a positive whole number", what, word);
}

static bool is_choice(const char *choices, const char *word)
{
	for (size_t len; (len = word_next(&choices)) > 0; choices += len)
		if (strlen(word) == len && memcmp(word, choices, len) == 0)
			return true;
	return false;
}

static error_t word_take(struct argp_state *state, struct ctl *ctl, size_t i)
{
	const struct command *c = ctl->command;
	const struct operand *o = command_operand(c, ctl->words, i);
	char *word = ctl->words[i];

	if (o == NULL && c->args[0] == '\0')
		return wrong(state, "%s takes no arguments, \"%s\" came", c->name, word);
	if (o == NULL)
		return wrong(state, "\"%s\" is one word too many: expected %s %s", word, c->name,
			     c->args);
	if (o->kind == WORD_ANALYZER)
		return id_take(state, "analyzer", word, &ctl->filter.analyzer);
	if (o->kind == WORD_LINE)
		return id_take(state, "line", word, &ctl->line);
	if (o->kind == WORD_VARIABLE) {
		if (ctl->filter.n_variables++ == 0)
			ctl->filter.variables = ctl->words + i;
	} else if (o->kind == WORD_CHOICE && o->key != NULL) {
		ctl->choice = word;
		if (!is_choice(o->choices, word))
			return wrong(state, "the %s is \"%s\": expected one of %s", o->key, word,
				     o->choices);
	}
	return 0;
}

/* The i-th operand; of those that are required none is behind one that may be left out. */
static bool missing(const struct ctl *ctl, const struct operand *o, size_t i)
{
	return o->required && (o->kind == WORD_ANALYZER	  ? ctl->filter.analyzer == 0
			       : o->kind == WORD_VARIABLE ? ctl->filter.n_variables == 0
							  : ctl->n_words <= i);
}

static error_t options_check(struct argp_state *state, unsigned given)
{
	const struct ctl *ctl = &((struct args *)state->input)->ctl;
	_cleanup_free_ char *takers = NULL;
	size_t size;
	FILE *out;

	for (const struct option_row *o = option_rows; o->argp.name != NULL; o++) {
		if (!(o->only & given & ~ctl->command->options))
			continue;
		out = open_memstream(&takers, &size);
		for (const struct command *c = commands; out != NULL && c->name != NULL; c++)
			if (c->options & o->only)
				(void)fprintf(out, " %s", c->name);
		if (out != NULL)
			(void)fclose(out);
		return wrong(state, "--%s is for%s only", o->argp.name, takers ? takers : "");
	}
	return 0;
}

static unsigned options_given(const struct ctl *ctl)
{
	return (ctl->seconds_ms > 0 ? OPTION_SECONDS : 0u) | (ctl->to != NULL ? OPTION_TO : 0u) |
	       (ctl->yes ? OPTION_YES : 0u) | (ctl->plugins ? OPTION_PLUGINS : 0u) |
	       (ctl->accept ? OPTION_ACCEPT : 0u) | (ctl->capture != NULL ? OPTION_CAPTURE : 0u) |
	       (ctl->addresses || ctl->baud || ctl->parity || ctl->rtu ? OPTION_SCAN : 0u) |
	       (ctl->expect != NULL ? OPTION_EXPECT : 0u);
}

/* Of the command, wherever --help stands. */
static error_t help_here(struct argp_state *state, struct args *args)
{
	if (args->ctl.command != NULL)
		help_command(args->ctl.command);
	else
		argp_state_help(state, stdout, args->help);
	args->done = true;
	return 0;
}

static error_t end_check(struct argp_state *state, struct args *args)
{
	struct ctl *ctl = &args->ctl;
	const struct command *c = ctl->command;
	const char *misplaced;
	error_t r = 0;

	if (args->complete != NULL || args->done)
		return 0;
	if (args->help != 0)
		return help_here(state, args);
	if (c == NULL)
		return wrong(state, "a command is missing");
	if (ctl->server != NULL && ctl->key == NULL)
		return wrong(state, "--server needs --key, our own keys");
	misplaced = command_misplaced(c, ctl->in_shell);
	if (misplaced != NULL)
		return wrong(state, "%s %s", c->name, misplaced);
	for (size_t i = 0; i < ctl->n_words && r == 0; i++)
		r = word_take(state, ctl, i);
	for (size_t i = 0; i < COMMAND_OPERANDS && r == 0; i++)
		if (missing(ctl, &c->operands[i], i))
			r = wrong(state, "something is missing: expected %s %s", c->name, c->args);
	return r != 0 ? r : options_check(state, options_given(ctl));
}

/* ---- the parser ---- */

static error_t flag(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case 'j':
		args->ctl.json = true;
		return 0;
	case 'y':
		args->ctl.yes = true;
		return 0;
	case KEY_PLUGINS:
		args->ctl.plugins = true;
		return 0;
	case KEY_ACCEPT:
		args->ctl.accept = true;
		return 0;
	case KEY_RTU:
		args->ctl.rtu = true;
		return 0;
	case 'V':
		(void)puts("teslactl " PACKAGE_VERSION);
		args->done = true;
		state->next = state->argc;
		return 0;
	case '?':
		args->help = HELP_FLAGS;
		return 0;
	case KEY_USAGE:
		args->help = ARGP_HELP_USAGE;
		return 0;
	case ARGP_KEY_ARG:
		return command_arg(state, &args->ctl, arg);
	case ARGP_KEY_END:
		return end_check(state, args);
	case ARGP_KEY_ERROR:
		args->failed = state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	int64_t ms;

	switch (key) {
	case 's':
		args->ctl.endpoint = arg;
		return 0;
	case 'n':
		return duration_arg(state, "seconds", arg, &args->ctl.seconds_ms);
	case KEY_TIMEOUT:
		if (duration_arg(state, "timeout", arg, &ms) != 0)
			return ECANCELED;
		args->ctl.timeout_ms = (int)ms;
		return 0;
	case KEY_KEY:
		args->ctl.key = arg;
		return 0;
	case KEY_SERVER:
		args->ctl.server = arg;
		return 0;
	case KEY_TO:
		args->ctl.to = arg;
		return 0;
	case KEY_CAPTURE:
		args->ctl.capture = arg;
		return 0;
	case KEY_ADDRESSES:
		args->ctl.addresses = arg;
		return 0;
	case KEY_BAUD:
		args->ctl.baud = arg;
		return 0;
	case KEY_PARITY:
		args->ctl.parity = arg;
		return 0;
	case KEY_EXPECT:
		args->ctl.expect = arg;
		return 0;
	case KEY_COMPLETE:
		args->complete = arg;
		return 0;
	default:
		return flag(key, arg, state);
	}
}

/* ---- all of it ---- */

/* Wanted for the complaints too, wherever it stands. */
static bool json_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int args_parse(struct args *args, int argc, char **argv)
{
	struct argp_option list[HELP_OPTIONS];
	struct argp argp = help_argp(list);
	error_t r;

	argp.parser = parse;
	args->ctl.json |= json_wanted(argc, argv);
	/* It must not end a shell; so --help is ours too. */
	r = argp_parse(&argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_HELP, NULL, args);
	if (r == 0)
		return CTL_GOOD;
	if (r != ECANCELED)
		wrong_option(args, argc, argv);
	return CTL_USAGE;
}

const struct option_row option_rows[] = {
	{ { "socket", 's', "ENDPOINT", 0, "Where teslad listens, such as ipc:///run/tesla/control",
	    0 },
	  0,
	  WORD_NONE },
	{ { "key", KEY_KEY, "FILE.key", 0,
	    "Our keys: for --server, and where the stream is encrypted", 0 },
	  0,
	  WORD_FILE },
	{ { "server", KEY_SERVER, "FILE.pub", 0,
	    "The public key of the daemon, which is on a network", 0 },
	  0,
	  WORD_FILE },
	{ { "json", 'j', NULL, 0,
	    "Answers and errors as one JSON object; watch, trace, rejects, export: one a line", 0 },
	  0,
	  WORD_NONE },
	{ { "seconds", 'n', "N", 0, "watch, top and trace end after N seconds", 0 },
	  OPTION_SECONDS,
	  WORD_NONE },
	{ { "timeout", KEY_TIMEOUT, "SECONDS", 0,
	    "Wait so long for an answer (default 5, more for what takes longer)", 0 },
	  0,
	  WORD_NONE },
	{ { "to", KEY_TO, "EXPORTER", 0, "journal drain hands the records on to this one", 0 },
	  OPTION_TO,
	  WORD_EXPORTER },
	{ { "yes", 'y', NULL, 0, "journal purge does not ask", 0 }, OPTION_YES, WORD_NONE },
	{ { "capture", KEY_CAPTURE, "FILE", 0,
	    "trace writes the frames to a file too, for tesla-sim --replay", 0 },
	  OPTION_CAPTURE,
	  WORD_FILE },
	{ { "addresses", KEY_ADDRESSES, "LIST", 0, "scan asks these, such as 1-20,31", 0 },
	  OPTION_SCAN,
	  WORD_NONE },
	{ { "baud", KEY_BAUD, "LIST", 0, "scan tries these speeds, until somebody answers", 0 },
	  OPTION_SCAN,
	  WORD_NONE },
	{ { "parity", KEY_PARITY, "LIST", 0, "scan tries these: none, even, odd", 0 },
	  OPTION_SCAN,
	  WORD_NONE },
	{ { "rtu", KEY_RTU, NULL, 0, "scan: the host is a converter, behind it is RTU", 0 },
	  OPTION_SCAN,
	  WORD_NONE },
	{ { "expect", KEY_EXPECT, "VALUE", 0,
	    "probe looks for this, such as what the meter displays", 0 },
	  OPTION_EXPECT,
	  WORD_NONE },
	{ { "plugins", KEY_PLUGINS, NULL, 0, "reload restarts every host, with the plugins on disk",
	    0 },
	  OPTION_PLUGINS,
	  WORD_NONE },
	{ { "accept", KEY_ACCEPT, NULL, 0,
	    "identify takes the meter that is there now for the right one", 0 },
	  OPTION_ACCEPT,
	  WORD_NONE },
	{ { "complete", KEY_COMPLETE, "LINE", OPTION_HIDDEN, "For the shells: what may follow", 0 },
	  0,
	  WORD_NONE },
	{ { "help", '?', NULL, 0, "Print this, or the help of the command", -1 }, 0, WORD_NONE },
	{ { "usage", KEY_USAGE, NULL, OPTION_HIDDEN, "Print a short usage message", -1 },
	  0,
	  WORD_NONE },
	{ { "version", 'V', NULL, 0, "Print the version", -1 }, 0, WORD_NONE },
	{ { 0 }, 0, WORD_NONE },
};
