/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller may do. */
#include "central/auth.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* What is in no column may not be done. */
static const struct rule {
	enum registry_role least; /* of a role; NOBODY: no role suffices */
	bool tokens;		  /* of a role, too; else users only */
	bool own_node;		  /* whoever is a node may do it with what is its own */
	bool whole; /* may be done with no node in particular by who is limited, too */
} rules[AUTH_N_ACTIONS] = {
	/*                    least               tokens  own    whole */
	[AUTH_LIST] = { REGISTRY_VIEWER, true, true, true },
	[AUTH_READ] = { REGISTRY_VIEWER, true, true, false },
	[AUTH_WRITE] = { REGISTRY_NOBODY, false, true, false },
	[AUTH_OPERATE] = { REGISTRY_OPERATOR, true, false, false },
	[AUTH_ADMINISTER] = { REGISTRY_ADMINISTRATOR, false, false, false },
	[AUTH_ACCOUNT] = { REGISTRY_VIEWER, false, false, true },
};

static bool has(const struct registry_texts *t, const char *text)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->list[i], text) == 0)
			return true;
	return false;
}

static bool node_may(const struct auth_principal *p, const struct rule *rule, const char *node)
{
	if (!rule->own_node || p->node == NULL)
		return false;
	return node != NULL ? strcmp(p->node, node) == 0 : rule->whole;
}

static bool role_may(const struct auth_principal *p, const struct rule *rule, const char *node)
{
	if (rule->least == REGISTRY_NOBODY || p->role < rule->least)
		return false;
	if (p->kind == AUTH_TOKEN && !rule->tokens)
		return false;
	return p->nodes.n == 0 || (node != NULL ? has(&p->nodes, node) : rule->whole);
}

bool auth_may(const struct auth_principal *p, enum auth_action action, const char *node)
{
	assert(action < AUTH_N_ACTIONS);
	switch (p->kind) {
	case AUTH_USER:
	case AUTH_TOKEN:
		return role_may(p, &rules[action], node);
	case AUTH_NODE:
	case AUTH_V2:
		return node_may(p, &rules[action], node);
	case AUTH_ANONYMOUS:
		break;
	}
	return false;
}

/* ---- who it is ---- */

static const struct auth_principal anonymous = { .kind = AUTH_ANONYMOUS, .name = "" };

struct auth_principal auth_of_user(const struct registry_user *u)
{
	if (u == NULL || u->disabled)
		return anonymous;
	return (struct auth_principal){
		.kind = AUTH_USER, .role = u->role, .name = u->name, .nodes = u->nodes
	};
}

struct auth_principal auth_of_token(const struct registry_token *t)
{
	if (t == NULL || t->revoked)
		return anonymous;
	if (t->node[0] != '\0')
		return (struct auth_principal){ .kind = AUTH_NODE, .name = t->id, .node = t->node };
	return (struct auth_principal){
		.kind = AUTH_TOKEN, .role = t->role, .name = t->id, .nodes = t->nodes
	};
}

struct auth_principal auth_of_v2(const struct registry *r, const char *node,
				 const struct peer *from)
{
	const struct registry_node *n = registry_node(r, node);

	if (n == NULL || !registry_v2_allows(r, node, from))
		return anonymous;
	return (struct auth_principal){ .kind = AUTH_V2, .name = n->id, .node = n->id };
}

void auth_describe(const struct auth_principal *p, char *text, size_t size)
{
	static const char *const kinds[] = { [AUTH_ANONYMOUS] = "nobody",
					     [AUTH_USER] = "user ",
					     [AUTH_TOKEN] = "token ",
					     [AUTH_NODE] = "token ",
					     [AUTH_V2] = "v2 caller of node " };

	(void)snprintf(text, size, "%s%s", kinds[p->kind], p->name != NULL ? p->name : "");
}

struct auth_principal auth_by_credentials(const struct registry *r,
					  const struct auth_credentials *c)
{
	const struct registry_token *t =
		c->scheme != AUTH_NO_SCHEME ? registry_token_by_secret(r, c->secret) : NULL;

	if (t != NULL && c->scheme == AUTH_BASIC &&
	    (t->node[0] == '\0' || strcmp(t->node, c->user) != 0))
		return anonymous;
	return auth_of_token(t);
}
