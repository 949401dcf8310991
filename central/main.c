/* SPDX-License-Identifier: Apache-2.0 */
/* tesla-central: keeps the records of many nodes.  So far: its store, from the command line. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/stdio_fill.h"
#include "central/commands.h"

const char *argp_program_version = "tesla-central (" PACKAGE_NAME ") " PACKAGE_VERSION;

#define KEY_GROUP 256
#define KEY_PROGRESS 257
#define GROUP 1000
#define GROUP_MAX 100000

static const struct command {
	const char *name;
	bool takes_file, makes_store;
	int (*run)(const struct command_options *o, struct store *store, struct tesla_error *err);
} commands[] = {
	{ "import", true, true, import_run },
	{ "export", false, false, export_run },
	{ "verify", false, false, verify_run },
	{ "info", false, false, info_run },
};

struct options {
	struct command_options o;
	const struct command *command;
};

static const struct argp_option options[] = {
	{ "dir", 'd', "DIR", 0, "the store (default: /var/lib/tesla-central)", 0 },
	{ "node", 'n', "ID", 0, "import: the node of lines that name none", 0 },
	{ "group", KEY_GROUP, "N", 0, "import: records that are synced together (default: 1000)",
	  0 },
	{ "progress", KEY_PROGRESS, NULL, 0,
	  "import: after each group, print how many lines are on disk", 0 },
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

static void parse_argument(struct options *o, char *arg, struct argp_state *state)
{
	if (state->arg_num == 1 && o->command->takes_file) {
		o->o.file = arg;
		return;
	}
	for (size_t i = 0; i < N_ELEMENTS(commands) && state->arg_num == 0; i++)
		if (strcmp(commands[i].name, arg) == 0)
			o->command = &commands[i];
	if (state->arg_num > 0)
		argp_error(state, "%s: %s takes no such argument", arg, o->command->name);
	else if (o->command == NULL)
		argp_error(state, "%s: expected import, export, verify or info", arg);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'd':
		o->o.dir = arg;
		return 0;
	case 'n':
		o->o.node = arg;
		return 0;
	case KEY_GROUP:
		o->o.group = parse_group(arg, state);
		return 0;
	case KEY_PROGRESS:
		o->o.progress = true;
		return 0;
	case ARGP_KEY_ARG:
		parse_argument(o, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (o->command == NULL)
			argp_error(state, "expected import, export, verify or info");
		else if (o->command->takes_file && o->o.file == NULL)
			argp_error(state, "%s: which file?", o->command->name);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "import FILE\nexport\nverify\ninfo",
	.doc = "Keeps the records of many nodes.\v"
	       "FILE has a record a line, as `teslactl journal export` prints them; - is standard "
	       "input.  See tesla-central(8).",
};

/* ---- running a command ---- */

static void say_damage(void *arg, bool lost, const char *sentence)
{
	bool *damaged = arg;

	*damaged = *damaged || lost;
	(void)fprintf(stderr, "tesla-central: %s\n", sentence);
}

static int fail(const struct tesla_error *err)
{
	(void)fprintf(stderr, "tesla-central: %s\n", err->text);
	return 1;
}

static int run(const struct options *o)
{
	bool damaged = false;
	struct store_conf conf = { .must_exist = !o->command->makes_store,
				   .damage = say_damage,
				   .arg = &damaged };
	struct tesla_error err = { 0 };
	struct store *store;
	int r = store_open(o->o.dir, &conf, &store, &err);

	if (r != 0)
		return fail(&err);
	r = o->command->run(&o->o, store, &err);
	store_close(store);
	if (r < 0)
		return fail(&err);
	return r != 0 || damaged || fflush(stdout) != 0;
}

/* LMDB trusts its pages: one that is damaged may end whoever reads it. */
static int run_in_child(const struct options *o)
{
	int status;
	pid_t pid = fork();

	if (pid < 0) {
		(void)fprintf(stderr, "tesla-central: fork: %s\n", strerror(errno));
		return 1;
	}
	if (pid == 0) {
		int r = run(o);

		exit(r);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	(void)fprintf(stderr,
		      "tesla-central: store %s: reading it ended with signal %d (%s): data.mdb is "
		      "damaged\n",
		      o->o.dir, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 1;
}

int main(int argc, char *argv[])
{
	struct options o = { .o = { .dir = "/var/lib/tesla-central", .group = GROUP } };

	stdio_fill();
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 1;
	return o.command->run == verify_run ? run_in_child(&o) : run(&o);
}
