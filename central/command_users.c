/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central init` and `tesla-central user`. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "central/ask.h"
#include "central/grid.h"
#include "central/registry_pack.h"
#include "central/verb.h"

/* ---- a password, and what is kept of it ---- */

struct new_password {
	char text[ASK_TEXT], hash[PASSWORD_HASH];
	bool made; /* to be shown, once, when all went well */
};

static int get_password(const struct verb_call *c, const char *name, bool random,
			struct new_password *p, struct tesla_error *err)
{
	int r = 0;

	if (c->options[VERB_RANDOM] != NULL && c->options[VERB_STDIN] != NULL)
		return tesla_fail(err, -EINVAL, "--random or --stdin, not both");
	p->made = random || c->options[VERB_RANDOM] != NULL;
	if (p->made)
		password_random(p->text);
	else
		r = ask_password(name, p->text, err);
	return r == 0 ? password_hash(p->text, p->hash, err) : r;
}

static void show_password(const struct new_password *p, const char *name)
{
	if (p->made)
		(void)printf("The password of %s, shown this once: %s\n", name, p->text);
}

/* ---- init ---- */

static bool has_administrator(const struct registry *r)
{
	for (size_t i = 0; i < registry_n_users(r); i++) {
		const struct registry_user *u = registry_user_at(r, i);

		if (u->role == REGISTRY_ADMINISTRATOR && !u->disabled)
			return true;
	}
	return false;
}

static int run_init(struct verb_call *c, struct tesla_error *err)
{
	const char *name = c->n_args > 0 ? c->args[0] : "admin";
	struct new_password p = { .made = false };
	const struct registry_user_change change = { .hash = p.hash,
						     .role = "administrator",
						     .first = true };
	bool random = !isatty(STDIN_FILENO) && c->options[VERB_STDIN] == NULL;
	int r;

	if (has_administrator(c->reg))
		return tesla_fail(err, -EEXIST, "%s: there is an administrator already",
				  c->conf.dir);
	r = get_password(c, name, random, &p, err);
	if (r == 0)
		r = registry_user_add(c->db, &c->actor, name, &change, err);
	if (r == 0)
		show_password(&p, name);
	sodium_memzero(&p, sizeof p);
	return r;
}

static const struct verb init = {
	.name = "init",
	.run = run_init,
	.options = VERB_TAKES(VERB_RANDOM) | VERB_TAKES(VERB_STDIN),
	.args_doc = "[NAME]",
	.doc = "Makes the folder and an administrator, NAME (admin).  Asks for a password on a "
	       "terminal; elsewhere it makes one and prints it once.",
	.args_max = 1,
	.create = true,
};

int command_init(const struct command_conf *conf, int argc, char **argv)
{
	return verb_call(conf, argc, argv, &init);
}

/* ---- user ---- */

static int run_add(struct verb_call *c, struct tesla_error *err)
{
	struct new_password p = { .made = false };
	const char *role = c->options[VERB_ROLE] != NULL ? c->options[VERB_ROLE] : "viewer";
	const struct registry_user_change change = { .hash = p.hash,
						     .role = role,
						     .nodes = c->options[VERB_NODES] };
	int r;

	if (registry_user(c->reg, c->args[0]) != NULL) /* before a password is asked for */
		return tesla_fail(err, -EEXIST, "there is a user %s already", c->args[0]);
	r = get_password(c, c->args[0], false, &p, err);
	if (r == 0)
		r = registry_user_add(c->db, &c->actor, c->args[0], &change, err);
	if (r == 0)
		show_password(&p, c->args[0]);
	sodium_memzero(&p, sizeof p);
	return r;
}

static int run_passwd(struct verb_call *c, struct tesla_error *err)
{
	struct new_password p = { .made = false };
	const struct registry_user_change change = { .hash = p.hash };
	int r;

	if (registry_user(c->reg, c->args[0]) == NULL)
		return tesla_fail(err, -ENOENT, "there is no user %s", c->args[0]);
	r = get_password(c, c->args[0], false, &p, err);
	if (r == 0)
		r = registry_user_set(c->db, &c->actor, c->args[0], &change, err);
	if (r == 0)
		show_password(&p, c->args[0]);
	sodium_memzero(&p, sizeof p);
	return r;
}

static int run_role(struct verb_call *c, struct tesla_error *err)
{
	const struct registry_user_change change = { .role = c->args[1],
						     .nodes = c->options[VERB_NODES] };

	return registry_user_set(c->db, &c->actor, c->args[0], &change, err);
}

static int set_disabled(struct verb_call *c, bool disabled, struct tesla_error *err)
{
	const struct registry_user_change change = { .disabled = &disabled };

	return registry_user_set(c->db, &c->actor, c->args[0], &change, err);
}

static int run_disable(struct verb_call *c, struct tesla_error *err)
{
	return set_disabled(c, true, err);
}

static int run_enable(struct verb_call *c, struct tesla_error *err)
{
	return set_disabled(c, false, err);
}

static int run_remove(struct verb_call *c, struct tesla_error *err)
{
	return registry_user_remove(c->db, &c->actor, c->args[0], err);
}

static void pack_user(msgpack_packer *pk, const struct registry *r, size_t i)
{
	registry_pack_user(pk, registry_user_at(r, i));
}

static void row_user(struct grid *g, const struct registry *r, size_t i)
{
	const struct registry_user *u = registry_user_at(r, i);
	char nodes[200];

	grid_texts(&u->nodes, nodes, sizeof nodes);
	grid_row(g, (const char *[]){ u->name, registry_role_name(u->role),
				      u->disabled ? "disabled" : "enabled",
				      u->nodes.n > 0 ? nodes : "all" });
}

static int run_list(struct verb_call *c, struct tesla_error *err)
{
	static const struct grid_list list = {
		{ "name", "role", "state", "nodes" }, 4, pack_user, row_user
	};

	return grid_print(&list, c->reg, (struct grid_range){ 0, registry_n_users(c->reg) },
			  c->options[VERB_JSON] != NULL, err);
}

#define NEW_PASSWORD (VERB_TAKES(VERB_RANDOM) | VERB_TAKES(VERB_STDIN))

static const struct verb users[] = {
	{ "add", run_add, NEW_PASSWORD | VERB_TAKES(VERB_ROLE) | VERB_TAKES(VERB_NODES), "NAME",
	  "Makes a user, a viewer without --role.", 1, 1, false },
	{ "list", run_list, VERB_TAKES(VERB_JSON), NULL, "Lists the users.", 0, 0, false },
	{ "passwd", run_passwd, NEW_PASSWORD, "NAME",
	  "Gives a user another password, which ends what he is signed in with.", 1, 1, false },
	{ "role", run_role, VERB_TAKES(VERB_NODES), "NAME ROLE",
	  "Makes a user a viewer, an operator or an administrator.", 2, 2, false },
	{ "disable", run_disable, 0, "NAME", "Lets a user in no more.", 1, 1, false },
	{ "enable", run_enable, 0, "NAME", "Lets a user in again.", 1, 1, false },
	{ "remove", run_remove, 0, "NAME", "Removes a user.", 1, 1, false },
};

int command_user(const struct command_conf *conf, int argc, char **argv)
{
	return verb_pick(conf, argc, argv, users, N_ELEMENTS(users));
}
