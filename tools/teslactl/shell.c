/* SPDX-License-Identifier: Apache-2.0 */
/* `teslactl shell`: every line is a command line without the program's name. */
#include "teslactl/shell.h"

#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "teslactl/args.h"
#include "teslactl/list.h"
#include "teslactl/prompt.h"

int shell_quit(const struct ctl *ctl)
{
	(void)ctl;
	return CTL_QUIT;
}

/* argv[0] is the program's name, whether it was typed or not. */
static int words_run(const struct ctl *shell, int argc, char **argv)
{
	_cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof *words);
	struct args args = { .ctl = *shell }; /* its options hold for every line */
	int code;

	if (words == NULL)
		return ctl_say(shell, CTL_NO, "no memory");
	args.ctl.words = words;
	code = args_parse(&args, argc, argv);
	if (code == CTL_GOOD && !args.done && args.complete == NULL)
		code = command_run(&args.ctl);
	return code;
}

static int tokens_run(const struct ctl *shell, int n, const char **tokens)
{
	bool named = n > 0 && strcmp(tokens[0], "teslactl") == 0;
	_cleanup_free_ char **argv = calloc((size_t)n + 2, sizeof *argv);
	char program[] = "teslactl";
	int argc = 1;

	if (argv == NULL)
		return ctl_say(shell, CTL_NO, "no memory");
	argv[0] = program;
	for (int i = named; i < n; i++)
		argv[argc++] = (char *)(uintptr_t)tokens[i];
	return argc == 1 ? CTL_GOOD : words_run(shell, argc, argv);
}

static int line_run(const struct ctl *shell, const char *line)
{
	Tokenizer *t;
	const char **tokens;
	int n, code;

	if (line[strspn(line, " \t")] == '#')
		return CTL_GOOD;
	t = tok_init(NULL);
	if (t == NULL)
		return ctl_say(shell, CTL_NO, "no memory");
	if (tok_str(t, line, &n, &tokens) != 0)
		code = ctl_say(shell, CTL_USAGE, "a quotation mark is not closed");
	else
		code = tokens_run(shell, n, tokens);
	tok_end(t);
	(void)fflush(stdout);
	return code;
}

/* ---- on a terminal ---- */

/* Who is there, or that nobody is: then still, as it may come. */
static void greet(const struct ctl *ctl)
{
	_cleanup_free_ char *text = NULL;
	struct answer answer;

	if (ctl_try(ctl, "status", NULL, &answer, &text) != CTL_GOOD) {
		(void)fprintf(stderr, "teslactl: %s\n", text ? text : "no memory");
	} else {
		const msgpack_object *status = &answer.doc.u.data, *node = mp_get(status, "node");
		_cleanup_free_ char *id = word(node, "id"), *name = word(node, "name");
		_cleanup_free_ char *version = word(status, "version");

		(void)printf("node %s, %s, teslad %s\n", id, name, version);
		answer_release(&answer);
	}
	(void)puts("help lists the commands, Tab completes, Ctrl+D ends");
}

static int on_terminal(const struct ctl *ctl)
{
	struct prompt *p = prompt_open(ctl);
	const char *line;

	if (p == NULL)
		return ctl_say(ctl, CTL_NO, "this terminal cannot edit a line");
	greet(ctl);
	do {
		line = prompt_line(p);
		if (line == NULL)
			(void)puts("");
	} while (line != NULL && line_run(ctl, line) != CTL_QUIT);
	prompt_close(p);
	return CTL_GOOD;
}

/* ---- from a file ---- */

static int from_file(const struct ctl *ctl)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int first = CTL_GOOD, code = CTL_GOOD;

	for (unsigned n = 1; code != CTL_QUIT && getline(&line, &size, stdin) >= 0; n++) {
		line[strcspn(line, "\n")] = '\0';
		code = line_run(ctl, line);
		if (code > CTL_GOOD)
			(void)fprintf(stderr, "teslactl: line %u failed: %s\n", n, line);
		if (first == CTL_GOOD && code > CTL_GOOD)
			first = code;
	}
	if (ferror(stdin))
		return ctl_say(ctl, CTL_NO, "standard input cannot be read");
	return first;
}

int shell_run(const struct ctl *ctl)
{
	struct ctl shell = *ctl;

	shell.in_shell = true;
	shell.command = NULL;
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? on_terminal(&shell)
							     : from_file(&shell);
}
