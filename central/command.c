/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of tesla-central share. */
#include "central/command.h"

#include <stdio.h>

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct command_conf *conf = state->input;

	if (key != 'd')
		return ARGP_ERR_UNKNOWN;
	conf->dir = arg;
	return 0;
}

static const struct argp_option options[] = {
	{ "dir", 'd', "DIR", 0, "the store (default: /var/lib/tesla-central)", 0 }, { 0 }
};

const struct argp command_argp = { .options = options, .parser = parse_option };

int command_fail(const struct tesla_error *err)
{
	(void)fprintf(stderr, "tesla-central: %s\n", err->text);
	return 1;
}

static void say_damage(void *arg, bool lost, const char *sentence)
{
	bool *damaged = arg;

	*damaged = *damaged || lost;
	(void)fprintf(stderr, "tesla-central: %s\n", sentence);
}

static int with_store(const char *dir, struct store_conf conf, command_use *use, void *arg)
{
	bool damaged = false;
	struct tesla_error err = { 0 };
	struct store *store;
	int r;

	conf.damage = say_damage;
	conf.arg = &damaged;
	r = store_open(dir, &conf, &store, &err);

	if (r != 0)
		return command_fail(&err);
	r = use(store, arg, &err);
	store_close(store);
	if (r < 0)
		return command_fail(&err);
	return r != 0 || damaged || fflush(stdout) != 0;
}

int command_with_store(const char *dir, bool must_exist, command_use *use, void *arg)
{
	return with_store(dir, (struct store_conf){ .must_exist = must_exist }, use, arg);
}

int command_read_store(const char *dir, command_use *use, void *arg)
{
	return with_store(dir, (struct store_conf){ .must_exist = true, .only_reads = true }, use,
			  arg);
}
