/* SPDX-License-Identifier: Apache-2.0 */
/* The help, made of the tables of commands and options. */
#include "teslactl/help.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void command_print(FILE *out, const struct command *c)
{
	(void)fprintf(out, "  %s%s%s\n      %s\n", c->name, *c->args ? " " : "", c->args, c->help);
}

void help_command(const struct command *c)
{
	command_print(stdout, c);
	for (const struct option_row *o = option_rows; o->argp.name != NULL; o++)
		if (o->only & c->options)
			(void)printf("      --%s%s%s: %s.\n", o->argp.name, o->argp.arg ? "=" : "",
				     o->argp.arg ? o->argp.arg : "", o->argp.doc);
	if (c->aliases != NULL)
		(void)printf("      In the shell also: %s.\n", c->aliases);
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
		command_print(out, c);
	(void)fputs(
		"\nIn watch and top on a terminal arrows, PgUp, PgDn scroll, q or Ctrl+C ends.\n"
		"\nWith --json what goes wrong is an object too, the last one on standard\n"
		"output: ok is false, error says why, exit is the exit code.\n"
		"\nExit codes:\n"
		"  0  good\n"
		"  1  the daemon says no, check found errors, or the output cannot be written\n"
		"  2  wrong usage\n"
		"  3  no daemon: it cannot be reached or does not answer\n"
		"  4  watch ended without a single value; scan found nobody\n"
		"\nEnvironment:\n"
		"  TESLA_CONTROL  the endpoint when -s is not given; else it is\n"
		"                 ipc:///run/tesla/control for root, for others the same file\n"
		"                 in $XDG_RUNTIME_DIR/tesla or /tmp/tesla-UID.",
		out);
	(void)fclose(out);
	return help;
}

struct argp help_argp(struct argp_option list[HELP_OPTIONS])
{
	size_t n = 0;

	for (; option_rows[n].argp.name != NULL && n + 1 < HELP_OPTIONS; n++)
		list[n] = option_rows[n].argp;
	list[n] = (struct argp_option){ 0 };
	return (struct argp){ .options = list,
			      .args_doc = "COMMAND [ARGUMENT...]",
			      .doc = "Asks teslad, or tells it.\v ",
			      .help_filter = help_filter };
}

static void shell_help(void)
{
	for (const struct command *c = commands; c->name != NULL; c++) {
		_cleanup_free_ char *form = NULL;

		if (c->in != OUT_OF_SHELL && asprintf(&form, "%s %s", c->name, c->args) >= 0)
			(void)printf("  %-34s%s%.*s\n", form,
				     strlen(form) > 33 ? "\n                                    "
						       : "",
				     (int)strcspn(c->help, "\n"), c->help);
	}
	(void)puts(
		"\nhelp COMMAND says more. Options as on the command line: --json, --timeout...\n"
		"The predecessor's words (STATUS, GETVARS, FORCEREQ ...) work too.\n"
		"Tab completes, Ctrl+R searches what was typed before, Ctrl+D ends.");
}

int help_run(const struct ctl *ctl)
{
	struct argp_option list[HELP_OPTIONS];
	const struct argp argp = help_argp(list);
	const struct command *c;
	char name[] = "teslactl";

	if (ctl->n_words > 0) {
		c = command_find(ctl->words[0], ctl->in_shell);
		if (c == NULL)
			return ctl_say(ctl, CTL_USAGE, "there is no such command: help lists them");
		help_command(c);
		return CTL_GOOD;
	}
	if (ctl->in_shell)
		shell_help();
	else
		argp_help(&argp, stdout, HELP_FLAGS, name);
	return CTL_GOOD;
}
