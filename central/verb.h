/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands on the registry, two words as `user add`: rows of tables, with one set of options that
 * each row takes some of.
 */
#ifndef CENTRAL_VERB_H
#define CENTRAL_VERB_H

#include "central/command.h"
#include "central/registry.h"

enum verb_option { /* in the order of the table in verb.c */
		   VERB_JSON,
		   VERB_RANDOM,
		   VERB_STDIN,
		   VERB_ROLE,
		   VERB_NODES,
		   VERB_NODE,
		   VERB_NAME,
		   VERB_LOCATION,
		   VERB_CONTROL,
		   VERB_CONTROL_KEY,
		   VERB_STREAM,
		   VERB_ZONE,
		   VERB_UNKNOWN,
		   VERB_V2_ALLOW,
		   VERB_LIMIT,
		   VERB_N_OPTIONS
};
#define VERB_ARGS_MAX 2

struct verb_call {
	struct command_conf conf;
	const char *args[VERB_ARGS_MAX];
	size_t n_args;
	const char *options[VERB_N_OPTIONS]; /* NULL: not given; "": given, and has no value */
	struct registry_db *db;
	struct registry *reg; /* as it is now */
	struct registry_actor actor;
};
/* 0, COMMAND_PARTLY, or negative with *err. */
typedef int verb_run(struct verb_call *call, struct tesla_error *err);

struct verb {
	const char *name;
	verb_run *run;
	unsigned options;     /* 1 << enum verb_option */
	const char *args_doc; /* NULL: none */
	const char *doc;
	size_t args_min, args_max;
	bool create; /* the registry, when there is none */
};
#define VERB_TAKES(option) (1u << (option))

/* argv[0] has the name of the command; argv[1] or a later one picks the row. */
int verb_pick(const struct command_conf *conf, int argc, char **argv, const struct verb *verbs,
	      size_t n);
/* The command is that row. */
int verb_call(const struct command_conf *conf, int argc, char **argv, const struct verb *verb);

command_run command_init, command_user, command_token, command_node, command_analyzer,
	command_audit, command_events;

#endif
