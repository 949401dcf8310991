/* SPDX-License-Identifier: Apache-2.0 */
/* Who a caller is, and what he may do.  Pure: no clock, no I/O, nothing is kept. */
#ifndef CENTRAL_AUTH_H
#define CENTRAL_AUTH_H

#include "central/registry.h"

enum auth_kind {
	AUTH_ANONYMOUS,
	AUTH_USER,
	AUTH_TOKEN, /* of a role */
	AUTH_NODE,  /* a node's own token */
	AUTH_V2	    /* a v2 caller on its node's list: as that node, on /ws/v2/ only */
};

enum auth_action {
	AUTH_LIST,    /* models, variables, lists that leave out what may not be read; node NULL */
	AUTH_READ,    /* of a node: records, readings, events; NULL: of the server (metrics) */
	AUTH_WRITE,   /* records and readings of a node, contacts: its own token only */
	AUTH_OPERATE, /* analyzers of a node, its name and place; commands to it; NULL: all nodes */
	AUTH_ADMINISTER, /* users, tokens, audit, nodes that come and go, lists of v2 callers */
	AUTH_ACCOUNT,	 /* one's own password and sessions */
	AUTH_N_ACTIONS
};

struct auth_principal { /* points into the registry: good as long as what is in it is */
	enum auth_kind kind;
	enum registry_role role;     /* of users and tokens */
	const char *name;	     /* of the user, or id of the token, or of a v2 caller's node */
	const char *node;	     /* whose records it writes; NULL: of none */
	struct registry_texts nodes; /* limited to; none: not limited */
};

/* The one table.  node NULL: see enum auth_action. */
bool auth_may(const struct auth_principal *p, enum auth_action action, const char *node);

/* All zero is anonymous.  Disabled users and revoked tokens become that, too. */
struct auth_principal auth_of_user(const struct registry_user *u);
struct auth_principal auth_of_token(const struct registry_token *t);
/* By the list of the node; anonymous when it does not have the address. */
struct auth_principal auth_of_v2(const struct registry *r, const char *node,
				 const struct peer *from);
/* "user ana", "token k3x...": for struct registry_actor.  Cut off at `size`. */
void auth_describe(const struct auth_principal *p, char *text, size_t size);

/* ---- the header Authorization ---- */

enum auth_scheme { AUTH_NO_SCHEME, AUTH_BEARER, AUTH_BASIC };
struct auth_credentials { /* wipe it: auth_forget() */
	enum auth_scheme scheme;
	char user[REGISTRY_ID_MAX + 1]; /* of Basic */
	char secret[REGISTRY_TOKEN_TEXT];
};
/* The header's value: foreign text.  -EINVAL: neither scheme, or not as it must be. */
int auth_parse(const char *value, struct auth_credentials *ret);
void auth_forget(struct auth_credentials *c);
/*
 * Anonymous: no such token.  Basic has the token as its password, and as its user the id of the
 * node that the token is of; a token of a role goes by Bearer only.
 */
struct auth_principal auth_by_credentials(const struct registry *r,
					  const struct auth_credentials *c);

#endif
