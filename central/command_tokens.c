/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central token`. */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/grid.h"
#include "central/registry_pack.h"
#include "central/registry_secret.h"
#include "central/verb.h"

/* One that nobody has seen is taken back. */
static int show(struct verb_call *c, const char *secret, struct tesla_error *err)
{
	char id[SECRET_ID + 1];
	uint8_t hash[REGISTRY_HASH_BYTES];
	struct tesla_error stands = { 0 };
	int why, r = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)fputs("The token, shown this once:\n", stderr);
	if (printf("%s\n", secret) > 0 && fflush(stdout) == 0)
		return 0;
	why = errno;
	if (secret_parse(secret, id, hash))
		r = registry_token_revoke(c->db, &c->actor, id, &stands);
	return tesla_fail(err, -why, "the token cannot be shown: %s: it %s%s", strerror(why),
			  r == 0 ? "is revoked" : "stands: ", stands.text);
}

static int run_add(struct verb_call *c, struct tesla_error *err)
{
	const struct registry_token_new new = { .name = c->options[VERB_NAME],
						.node = c->options[VERB_NODE],
						.role = c->options[VERB_ROLE],
						.nodes = c->options[VERB_NODES] };
	char secret[REGISTRY_TOKEN_TEXT];
	int r;

	if ((new.node != NULL) == (new.role != NULL))
		return tesla_fail(err, -EINVAL,
				  "--node ID for a node's own token, or --role viewer or operator");
	r = registry_token_add(c->db, &c->actor, &new, secret, err);
	if (r == 0)
		r = show(c, secret, err);
	sodium_memzero(secret, sizeof secret);
	return r;
}

static int run_revoke(struct verb_call *c, struct tesla_error *err)
{
	return registry_token_revoke(c->db, &c->actor, c->args[0], err);
}

static void pack_token(msgpack_packer *pk, const struct registry *r, size_t i)
{
	registry_pack_token(pk, registry_token_at(r, i));
}

static void row_token(struct grid *g, const struct registry *r, size_t i)
{
	const struct registry_token *t = registry_token_at(r, i);
	bool own = t->node[0] != '\0';
	char nodes[200], made[GRID_TIME];

	grid_texts(&t->nodes, nodes, sizeof nodes);
	grid_time(t->created_ms, made);
	grid_row(g, (const char *[]){ t->id, t->name, own ? "node" : registry_role_name(t->role),
				      own	       ? t->node
				      : t->nodes.n > 0 ? nodes
						       : "all",
				      t->revoked ? "revoked" : "good", made });
}

static int run_list(struct verb_call *c, struct tesla_error *err)
{
	static const struct grid_list list = {
		{ "id", "name", "role", "nodes", "state", "made" }, 6, pack_token, row_token
	};

	return grid_print(&list, c->reg, (struct grid_range){ 0, registry_n_tokens(c->reg) },
			  c->options[VERB_JSON] != NULL, err);
}

static const struct verb tokens[] = {
	{ "add", run_add,
	  VERB_TAKES(VERB_NAME) | VERB_TAKES(VERB_NODE) | VERB_TAKES(VERB_ROLE) |
		  VERB_TAKES(VERB_NODES),
	  NULL, "Makes a token, and prints it once: of a node, or of a role.", 0, 0, false },
	{ "list", run_list, VERB_TAKES(VERB_JSON), NULL, "Lists the tokens, without their secrets.",
	  0, 0, false },
	{ "revoke", run_revoke, 0, "ID", "Takes a token back, for ever.", 1, 1, false },
};

int command_token(const struct command_conf *conf, int argc, char **argv)
{
	return verb_pick(conf, argc, argv, tokens, N_ELEMENTS(tokens));
}
