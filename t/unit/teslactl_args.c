/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: what is taken, what is refused; and what may stand at their end. */
#include "teslactl/args.h"

#include <criterion/criterion.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/complete.h"

static const struct line_case {
	const char *line;
	bool in_shell;
	int code;
	const char *command; /* NULL: none */
	int64_t analyzer;
	size_t n_variables;
} lines[] = {
	{ "teslactl status", false, CTL_GOOD, "status", 0, 0 },
	{ "teslactl STATUS", false, CTL_USAGE, NULL, 0, 0 },
	{ "teslactl STATUS", true, CTL_GOOD, "status", 0, 0 },
	{ "teslactl getVars 3", true, CTL_GOOD, "snapshot", 3, 0 },
	{ "teslactl STARTALL", true, CTL_GOOD, "start", 0, 0 },
	{ "teslactl status 1", false, CTL_USAGE, "status", 0, 0 },
	{ "teslactl watch 7 TPF FPT", false, CTL_GOOD, "watch", 7, 2 },
	{ "teslactl watch TPF FPT", false, CTL_GOOD, "watch", 0, 2 },
	{ "teslactl watch 7x", false, CTL_GOOD, "watch", 0, 1 },
	{ "teslactl watch 0", false, CTL_USAGE, "watch", 0, 0 },
	{ "teslactl watch 99999999999999999999", false, CTL_USAGE, "watch", INT64_MAX, 0 },
	{ "teslactl -n 5 watch", false, CTL_GOOD, "watch", 0, 0 },
	{ "teslactl -n 5 status", false, CTL_USAGE, "status", 0, 0 },
	{ "teslactl read-now", false, CTL_USAGE, "read-now", 0, 0 },
	{ "teslactl read-now x", false, CTL_USAGE, "read-now", 0, 0 },
	{ "teslactl read-now 1 2", false, CTL_USAGE, "read-now", 1, 0 },
	{ "teslactl set-variables 1", false, CTL_USAGE, "set-variables", 1, 0 },
	{ "teslactl set-variables 1 A B C", false, CTL_GOOD, "set-variables", 1, 3 },
	{ "teslactl reload --plugins", false, CTL_GOOD, "reload", 0, 0 },
	{ "teslactl pause --plugins", false, CTL_USAGE, "pause", 0, 0 },
	{ "teslactl probe 1", false, CTL_USAGE, "probe", 1, 0 },
	{ "teslactl probe 1 4013", false, CTL_GOOD, "probe", 1, 0 },
	{ "teslactl probe 1 4013 7", false, CTL_USAGE, "probe", 1, 0 },
	{ "teslactl scan", false, CTL_USAGE, "scan", 0, 0 },
	{ "teslactl --baud 9600 scan 1", false, CTL_GOOD, "scan", 0, 0 },
	{ "teslactl --baud 9600 status", false, CTL_USAGE, "status", 0, 0 },
	{ "teslactl log-level debug", false, CTL_GOOD, "log-level", 0, 0 },
	{ "teslactl log-level loud", false, CTL_USAGE, "log-level", 0, 0 },
	{ "teslactl quit", false, CTL_USAGE, "quit", 0, 0 },
	{ "teslactl exit", true, CTL_GOOD, "quit", 0, 0 },
	{ "teslactl shell", true, CTL_USAGE, "shell", 0, 0 },
	{ "teslactl --no-such-option status", true, CTL_USAGE, NULL, 0, 0 },
	{ "teslactl", false, CTL_USAGE, NULL, 0, 0 },
};

static void line_parse(const struct line_case *c, const char **tokens, int n)
{
	char *words[32], *argv[33] = { NULL };
	struct args args = { .ctl = { .words = words, .in_shell = c->in_shell } };
	int code;

	for (int i = 0; i < n; i++)
		argv[i] = (char *)(uintptr_t)tokens[i];
	code = args_parse(&args, n, argv);
	cr_expect_eq(code, c->code, "%s: %d", c->line, code);
	if (c->command == NULL)
		cr_expect_null(args.ctl.command, "%s", c->line);
	else
		cr_expect(args.ctl.command != NULL &&
				  strcmp(args.ctl.command->name, c->command) == 0,
			  "%s", c->line);
	cr_expect_eq(args.ctl.filter.analyzer, c->analyzer, "%s: analyzer %lld", c->line,
		     (long long)args.ctl.filter.analyzer);
	cr_expect_eq(args.ctl.filter.n_variables, c->n_variables, "%s: %zu", c->line,
		     args.ctl.filter.n_variables);
}

Test(teslactl_args, takes_or_refuses)
{
	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		Tokenizer *t = tok_init(NULL);
		const char **tokens;
		int n;

		cr_assert_eq(tok_str(t, lines[i].line, &n, &tokens), 0);
		line_parse(&lines[i], tokens, n);
		tok_end(t);
	}
}

/* Nobody answers: what the tables alone say. */
static const struct {
	const char *line;
	bool in_shell;
	const char *want; /* the candidates, with a space behind each */
	size_t start;
} places[] = {
	{ "teslactl st", false, "start status ", 9 },
	{ "teslactl qu", false, "", 9 },
	{ "st", true, "start status ", 0 },
	{ "  st", true, "start status ", 2 },
	{ "GETV", true, "GETVARS ", 0 },
	{ "teslactl GETV", false, "", 9 },
	{ "teslactl nonsense ", false, "", 18 },
	{ "teslactl nonsense st", false, "", 18 },
	{ "teslactl reload --p", false, "--plugins ", 16 },
	{ "teslactl status --p", false, "", 16 },
	{ "teslactl --t", false, "--timeout --to ", 9 },
	{ "teslactl watch --t", false, "--timeout ", 15 },
	{ "teslactl -s st", false, "", 12 },
	{ "teslactl -s x st", false, "start status ", 14 },
	{ "teslactl --socket=x st", false, "start status ", 20 },
	{ "teslactl -jsx st", false, "start status ", 14 },
	{ "teslactl log-level ", false, "debug error info warning ", 19 },
	{ "teslactl log-level info ", false, "", 24 },
	{ "teslactl metrics o", false, "openmetrics ", 17 },
	{ "teslactl journal p", false, "purge ", 17 },
	{ "teslactl journal purge r", false, "rejects ", 23 },
	{ "teslactl journal drain x --to=", false, "", 30 },
	{ "help pau", true, "pause ", 5 },
	{ "quit ", true, "", 5 },
	{ "teslactl log-level \"de", false, "", 0 },
};

Test(teslactl_args, completes)
{
	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		const struct ctl ctl = { .endpoint = "ipc:///nowhere/control",
					 .in_shell = places[i].in_shell };
		_cleanup_free_ char *text = NULL;
		struct candidates c;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		complete_line(&ctl, places[i].line, &c);
		for (size_t k = 0; k < c.n; k++)
			(void)fprintf(out, "%s ", c.list[k]);
		(void)fclose(out);
		cr_expect_str_eq(text, places[i].want, "%s: %s", places[i].line, text);
		cr_expect_eq(c.start, places[i].start, "%s: %zu", places[i].line, c.start);
		candidates_release(&c);
	}
}

Test(teslactl_args, every_command_can_be_done)
{
	for (const struct command *c = commands; c->name != NULL; c++) {
		cr_expect((c->run != NULL) != (c->show != NULL), "%s", c->name);
		cr_expect_eq(command_find(c->name, false), c, "%s", c->name);
		for (size_t i = 0; i < COMMAND_OPERANDS; i++)
			cr_expect(c->operands[i].kind != WORD_CHOICE ||
					  c->operands[i].choices != NULL,
				  "%s", c->name);
	}
}
