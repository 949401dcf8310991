/* SPDX-License-Identifier: Apache-2.0 */
/* tesla-central: keeps the records of many nodes.  Which command is asked for. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/stdio_fill.h"
#include "central/command.h"
#include "central/verb.h"

const char *argp_program_version = "tesla-central (" PACKAGE_NAME ") " PACKAGE_VERSION;

#define DIR_DEFAULT "/var/lib/tesla-central"

static const struct command {
	const char *name;
	command_run *run;
} commands[] = {
	{ "serve", command_serve },   { "init", command_init },
	{ "user", command_user },     { "token", command_token },
	{ "node", command_node },     { "analyzer", command_analyzer },
	{ "audit", command_audit },   { "events", command_events },
	{ "import", command_import }, { "export", command_export },
	{ "verify", command_verify }, { "info", command_info },
	{ "backup", command_backup }, { "restore", command_restore },
};

struct options {
	struct command_conf conf;
	const struct command *command;
	int first; /* in argv: the command's name */
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->conf;
		return 0;
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < N_ELEMENTS(commands); i++)
			if (strcmp(commands[i].name, arg) == 0)
				o->command = &commands[i];
		if (o->command == NULL)
			argp_error(state, "there is no command %s", arg);
		o->first = state->next - 1;
		state->next = state->argc; /* the rest is the command's */
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* LMDB reads its files through memory: a page that is not there, or not readable, is a signal. */
static void on_bus(int signal_number)
{
	static const char text[] =
		"tesla-central: a page of a data.mdb is not there, or cannot be read: the file is "
		"cut short, or its disk fails: look at both, of the store and of registry/, and "
		"restore a backup\n";

	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	(void)raise(signal_number); /* which it is ended by */
}

static void bus_init(void)
{
	struct sigaction sa = { .sa_handler = on_bus, .sa_flags = (int)SA_RESETHAND };

	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGBUS, &sa, NULL);
}

int main(int argc, char *argv[])
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.parser = parse_option,
		.children = children,
		.args_doc = "COMMAND [OPTION...]",
		.doc = "Keeps the records of many nodes.\v"
		       "Commands: serve; init, user, token, node, analyzer, audit, events; import, "
		       "export, verify, info, backup, restore; each has --help.  See "
		       "tesla-central(8).",
	};
	struct options o = { .conf = { .dir = DIR_DEFAULT } };
	char name[64];

	stdio_fill();
	bus_init();
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &o) != 0)
		return 1;
	(void)snprintf(name, sizeof name, "tesla-central %s", o.command->name);
	argv[o.first] = name;
	return o.command->run(&o.conf, argc - o.first, argv + o.first);
}
