/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central node` and `tesla-central analyzer`. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "central/grid.h"
#include "central/registry_pack.h"
#include "central/verb.h"

/* ---- node ---- */

static struct registry_node_change change_of(const struct verb_call *c)
{
	return (struct registry_node_change){ .name = c->options[VERB_NAME],
					      .location = c->options[VERB_LOCATION],
					      .control = c->options[VERB_CONTROL],
					      .control_key = c->options[VERB_CONTROL_KEY],
					      .stream = c->options[VERB_STREAM],
					      .zone = c->options[VERB_ZONE],
					      .unknown = c->options[VERB_UNKNOWN],
					      .v2_allow = c->options[VERB_V2_ALLOW] };
}

static int run_add(struct verb_call *c, struct tesla_error *err)
{
	const struct registry_node_change change = change_of(c);

	return registry_node_add(c->db, &c->actor, c->args[0], &change, err);
}

static int run_set(struct verb_call *c, struct tesla_error *err)
{
	const struct registry_node_change change = change_of(c);
	bool any = false;

	for (size_t i = 0; i < VERB_N_OPTIONS; i++)
		any = any || c->options[i] != NULL;
	if (!any)
		return tesla_fail(err, -EINVAL, "nothing is to be set: see --help");
	return registry_node_set(c->db, &c->actor, c->args[0], &change, err);
}

static int run_remove(struct verb_call *c, struct tesla_error *err)
{
	return registry_node_remove(c->db, &c->actor, c->args[0], err);
}

static void pack_node(msgpack_packer *pk, const struct registry *r, size_t i)
{
	registry_pack_node(pk, registry_node_at(r, i));
}

static void row_node(struct grid *g, const struct registry *r, size_t i)
{
	const struct registry_node *n = registry_node_at(r, i);
	char allow[200], analyzers[24];
	size_t first;

	grid_texts(&n->v2_allow, allow, sizeof allow);
	(void)snprintf(analyzers, sizeof analyzers, "%zu", registry_analyzers_of(r, n->id, &first));
	grid_row(g, (const char *[]){ n->id, n->name, n->location, n->zone, analyzers,
				      registry_policy_name(n->unknown), allow, n->control });
}

static int run_list(struct verb_call *c, struct tesla_error *err)
{
	static const struct grid_list list = { { "id", "name", "location", "zone", "analyzers",
						 "unknown", "v2 callers", "control" },
					       8,
					       pack_node,
					       row_node };

	return grid_print(&list, c->reg, (struct grid_range){ 0, registry_n_nodes(c->reg) },
			  c->options[VERB_JSON] != NULL, err);
}

#define NODE_OPTIONS \
	(VERB_TAKES(VERB_NAME) | VERB_TAKES(VERB_LOCATION) | VERB_TAKES(VERB_CONTROL) | \
	 VERB_TAKES(VERB_CONTROL_KEY) | VERB_TAKES(VERB_STREAM) | VERB_TAKES(VERB_ZONE) | \
	 VERB_TAKES(VERB_UNKNOWN) | VERB_TAKES(VERB_V2_ALLOW))

static const struct verb nodes[] = {
	{ "add", run_add, NODE_OPTIONS, "ID", "Makes a node known.", 1, 1, false },
	{ "list", run_list, VERB_TAKES(VERB_JSON), NULL, "Lists the nodes.", 0, 0, false },
	{ "set", run_set, NODE_OPTIONS, "ID",
	  "Changes what is said of a node; the rest stays as it is.", 1, 1, false },
	{ "remove", run_remove, 0, "ID",
	  "Forgets a node, with its analyzers and tokens.  Its records stay.", 1, 1, false },
};

int command_node(const struct command_conf *conf, int argc, char **argv)
{
	return verb_pick(conf, argc, argv, nodes, N_ELEMENTS(nodes));
}

/* ---- analyzer ---- */

static int set_state(struct verb_call *c, enum registry_state state, struct tesla_error *err)
{
	char *end;
	int64_t addr;

	errno = 0;
	addr = strtoll(c->args[1], &end, 10);
	if (errno != 0 || *end != '\0' || addr < 1)
		return tesla_fail(err, -EINVAL, "analyzer %s: expected its id, a number",
				  c->args[1]);
	return registry_analyzer_set(c->db, &c->actor, c->args[0], addr, state, err);
}

static int run_accept(struct verb_call *c, struct tesla_error *err)
{
	return set_state(c, REGISTRY_IS_ACTIVE, err);
}

static int run_refuse(struct verb_call *c, struct tesla_error *err)
{
	return set_state(c, REGISTRY_IS_REFUSED, err);
}

static void pack_analyzer(msgpack_packer *pk, const struct registry *r, size_t i)
{
	registry_pack_analyzer(pk, registry_analyzer_at(r, i));
}

static void row_analyzer(struct grid *g, const struct registry *r, size_t i)
{
	const struct registry_analyzer *a = registry_analyzer_at(r, i);
	char addr[24], seen[GRID_TIME];

	(void)snprintf(addr, sizeof addr, "%" PRId64, a->addr);
	grid_time(a->first_seen_ms, seen);
	grid_row(g, (const char *[]){ a->node, addr, a->model, a->name,
				      registry_state_name(a->state), a->identity, seen });
}

static int run_analyzers(struct verb_call *c, struct tesla_error *err)
{
	static const struct grid_list list = { { "node", "analyzer", "model", "name", "state",
						 "identity", "first seen" },
					       7,
					       pack_analyzer,
					       row_analyzer };
	struct grid_range range = { 0, registry_n_analyzers(c->reg) };
	const char *node = c->options[VERB_NODE];

	if (node != NULL && registry_node(c->reg, node) == NULL)
		return tesla_fail(err, -ENOENT, "there is no node %s", node);
	if (node != NULL)
		range.n = registry_analyzers_of(c->reg, node, &range.first);
	return grid_print(&list, c->reg, range, c->options[VERB_JSON] != NULL, err);
}

static const struct verb analyzers[] = {
	{ "list", run_analyzers, VERB_TAKES(VERB_JSON) | VERB_TAKES(VERB_NODE), NULL,
	  "Lists the analyzers.", 0, 0, false },
	{ "accept", run_accept, 0, "NODE ID", "Takes records of an analyzer.", 2, 2, false },
	{ "refuse", run_refuse, 0, "NODE ID", "Takes no records of an analyzer.", 2, 2, false },
};

int command_analyzer(const struct command_conf *conf, int argc, char **argv)
{
	return verb_pick(conf, argc, argv, analyzers, N_ELEMENTS(analyzers));
}
