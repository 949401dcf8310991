/* SPDX-License-Identifier: Apache-2.0 */
/* How commands on the registry are called. */
#include "central/verb.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "central/password.h"

#define KEY_FIRST 512 /* of the options, in argp */

static const struct option_doc {
	const char *name, *arg, *doc;
} options[VERB_N_OPTIONS] = {
	[VERB_JSON] = { "json", NULL, "print JSON, one object a line" },
	[VERB_RANDOM] = { "random", NULL, "make a password, and print it once" },
	[VERB_STDIN] = { "stdin", NULL, "read the password from standard input, one line" },
	[VERB_ROLE] = { "role", "ROLE", "viewer, operator, or (of a user) administrator" },
	[VERB_NODES] = { "nodes", "LIST", "limited to these nodes, as 4,5; \"\": to all" },
	[VERB_NODE] = { "node", "ID", "of that node" },
	[VERB_NAME] = { "name", "TEXT", "what people call it" },
	[VERB_LOCATION] = { "location", "TEXT", "where it is" },
	[VERB_CONTROL] = { "control", "ENDPOINT",
			   "of its teslad's control socket: ipc:///PATH or tcp://HOST:PORT" },
	[VERB_CONTROL_KEY] = { "control-key", "KEY", "the public key of it, with tcp" },
	[VERB_STREAM] = { "stream", "ENDPOINT", "of its teslad's stream" },
	[VERB_ZONE] = { "zone", "NAME", "its time zone, as Europe/Madrid" },
	[VERB_UNKNOWN] = { "unknown", "POLICY",
			   "analyzers at first contact: auto (the default), pending, refuse" },
	[VERB_V2_ALLOW] = { "v2-allow", "LIST",
			    "addresses and networks whose v2 calls need no token; \"\": none" },
	[VERB_LIMIT] = { "limit", "N", "how many, the newest first (default: 50)" },
};

struct parse {
	const struct verb *verb;
	struct verb_call *call;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	struct verb_call *c = p->call;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &c->conf;
		return 0;
	case ARGP_KEY_ARG:
		if (c->n_args == p->verb->args_max)
			argp_error(state, "%s: too much", arg);
		c->args[c->n_args++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (c->n_args < p->verb->args_min)
			argp_error(state, "expected %s", p->verb->args_doc);
		return 0;
	default:
		if (key < KEY_FIRST || key >= KEY_FIRST + VERB_N_OPTIONS)
			return ARGP_ERR_UNKNOWN;
		c->options[key - KEY_FIRST] = arg != NULL ? arg : "";
		return 0;
	}
}

static void parse(const struct verb *verb, struct verb_call *call, int argc, char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	struct argp_option taken[VERB_N_OPTIONS + 1] = { { 0 } };
	const struct argp argp = { .options = taken,
				   .parser = parse_option,
				   .children = children,
				   .args_doc = verb->args_doc,
				   .doc = verb->doc };
	struct parse p = { verb, call };
	size_t n = 0;

	for (int i = 0; i < VERB_N_OPTIONS; i++)
		if (verb->options & VERB_TAKES(i))
			taken[n++] = (struct argp_option){ .name = options[i].name,
							   .key = KEY_FIRST + i,
							   .arg = options[i].arg,
							   .doc = options[i].doc };
	if (argp_parse(&argp, argc, argv, 0, NULL, &p) != 0)
		exit(1);
}

/* Who sits there, for the audit log. */
static void name_actor(char *text, size_t size)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *p = getpwuid(geteuid());

	if (sudo != NULL && geteuid() == 0)
		(void)snprintf(text, size, "%.100s by sudo", sudo);
	else if (p != NULL)
		(void)snprintf(text, size, "%.100s", p->pw_name);
	else
		(void)snprintf(text, size, "uid %u", (unsigned)geteuid());
}

static void say_damage(void *arg, const char *sentence)
{
	bool *damaged = arg;

	*damaged = true;
	(void)fprintf(stderr, "tesla-central: %s\n", sentence);
}

static int use(const struct verb *verb, struct verb_call *c, bool *damaged, struct tesla_error *err)
{
	const struct registry_damage damage = { say_damage, damaged };
	int r = password_start(err);

	if (r == 0 && verb->create && mkdir(c->conf.dir, 0750) != 0 && errno != EEXIST)
		r = tesla_fail(err, -errno, "%s: the folder cannot be made: %s", c->conf.dir,
			       strerror(errno));
	if (r == 0)
		r = registry_db_open(c->conf.dir, verb->create, &c->db, err);
	if (r == 0)
		r = registry_new(c->db, &damage, &c->reg, err);
	if (r == 0)
		r = verb->run(c, err);
	registry_free(c->reg);
	registry_db_close(c->db);
	if (r == 0 && fflush(stdout) != 0)
		r = tesla_fail(err, -EIO, "standard output: %s", strerror(errno));
	return r;
}

int verb_call(const struct command_conf *conf, int argc, char **argv, const struct verb *verb)
{
	struct verb_call call = { .conf = *conf };
	struct tesla_error err = { 0 };
	bool damaged = false;
	char who[128];
	int r;

	parse(verb, &call, argc, argv);
	name_actor(who, sizeof who);
	call.actor = (struct registry_actor){ who, "command line", clock_wall_us() / 1000 };
	r = use(verb, &call, &damaged, &err);
	if (r < 0)
		return command_fail(&err);
	return r != 0 || damaged;
}

/* ---- the second word ---- */

struct pick {
	struct command_conf conf;
	const struct verb *verbs, *verb;
	size_t n;
	int first; /* in argv: the word */
};

static error_t pick_option(int key, char *arg, struct argp_state *state)
{
	struct pick *p = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &p->conf;
		return 0;
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < p->n; i++)
			if (strcmp(p->verbs[i].name, arg) == 0)
				p->verb = &p->verbs[i];
		if (p->verb == NULL)
			argp_error(state, "there is no command %s", arg);
		p->first = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int verb_pick(const struct command_conf *conf, int argc, char **argv, const struct verb *verbs,
	      size_t n)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	struct pick p = { .conf = *conf, .verbs = verbs, .n = n };
	char doc[1000] = "Commands:", name[80];
	const struct argp argp = { .parser = pick_option,
				   .children = children,
				   .args_doc = "COMMAND [OPTION...]",
				   .doc = doc };
	size_t len = strlen(doc);

	for (size_t i = 0; i < n; i++, len = strlen(doc))
		(void)snprintf(doc + len, sizeof doc - len, "%s %s", i > 0 ? "," : "",
			       verbs[i].name);
	len = strlen(doc);
	(void)snprintf(doc + len, sizeof doc - len, "; each has --help.  See tesla-central(8).");
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &p) != 0)
		return 1;
	(void)snprintf(name, sizeof name, "%s %s", argv[0], p.verb->name);
	argv[p.first] = name;
	return verb_call(&p.conf, argc - p.first, argv + p.first, p.verb);
}
