/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who and what central knows: nodes, analyzers, users, tokens, and what happened.  In an LMDB
 * environment of its own, DIR/registry/, which several processes may have open: the command line
 * works while the server runs.
 *
 * struct registry_db is the environment: any thread may change it and read its logs.  A change is
 * one transaction, on disk when it returns 0, with an entry in the audit log.  struct registry is
 * what was in it at the last registry_refresh(), in memory: one thread owns it.
 *
 * Errors of changes: -EINVAL (not as it must be), -EEXIST, -ENOENT, -EPERM (the last
 * administrator), -EDQUOT (more than there may be), -ENOSPC, -EIO, -EUCLEAN (damaged).
 */
#ifndef CENTRAL_REGISTRY_H
#define CENTRAL_REGISTRY_H

#include <stdbool.h>
#include <tesla/plugin.h>

#include "central/peer.h"

#define REGISTRY_ID_MAX 255u   /* bytes of a node's id */
#define REGISTRY_TEXT_MAX 255u /* of a name, a location, an endpoint */
#define REGISTRY_ALLOW_MAX 64u /* networks in a node's list, nodes in a limit */
#define REGISTRY_NODES_MAX 10000u
#define REGISTRY_ANALYZERS_MAX 100000u
#define REGISTRY_NODE_ANALYZERS_MAX 2000u /* of one node */
#define REGISTRY_USERS_MAX 1000u
#define REGISTRY_TOKENS_MAX 20000u
#define REGISTRY_LOG_MAX 100000u /* entries of a log; the oldest go */
#define REGISTRY_HASH_BYTES 32u
#define REGISTRY_TOKEN_TEXT 80u /* what a token's secret, with its NUL, fits into */

/* ---- what there is; texts are never NULL, "": there is none ---- */

enum registry_policy { REGISTRY_AUTO, REGISTRY_PENDING, REGISTRY_REFUSE };
enum registry_state { REGISTRY_IS_ACTIVE, REGISTRY_IS_PENDING, REGISTRY_IS_REFUSED };
enum registry_role { /* each may do what those before it may */
		     REGISTRY_NOBODY,
		     REGISTRY_VIEWER,
		     REGISTRY_OPERATOR,
		     REGISTRY_ADMINISTRATOR
};

struct registry_texts {
	const char *const *list;
	size_t n;
};

struct registry_node {
	uint32_t row; /* central's own number of it, from 1; never another's again */
	const char *id, *name, *location;
	const char *control, *control_key; /* of its teslad; the key with tcp:// only */
	const char *stream;
	const char *zone;		/* as in "Europe/Madrid"; "": the server's */
	enum registry_policy unknown;	/* what becomes of analyzers at first contact */
	struct registry_texts v2_allow; /* addresses and networks whose v2 calls need no token */
	int64_t created_ms;
	/* v2_allow, parsed; of nodes that were read. */
	const struct peer_net *v2_nets;
	size_t n_v2_nets;
};

struct registry_analyzer {
	uint32_t row; /* from 1, over all nodes; never another's again */
	const char *node;
	int64_t addr; /* its id on its node */
	const char *model, *name, *identity;
	enum registry_state state;
	int64_t poll_ms, record_ms; /* 0: not known */
	int64_t first_seen_ms;
};

struct registry_user {
	uint32_t row; /* never another's again: a session of one who is gone is nobody's */
	const char *name;
	const char *hash; /* password.h */
	enum registry_role role;
	struct registry_texts nodes; /* limited to these; none: not limited */
	bool disabled;
	int64_t credential; /* another one after each change of password: ends sessions */
	int64_t created_ms;
};

struct registry_token {
	const char *id, *name;
	uint8_t hash[REGISTRY_HASH_BYTES];
	const char *node;	     /* it is that node's own; "": it has a role */
	enum registry_role role;     /* NOBODY, VIEWER or OPERATOR */
	struct registry_texts nodes; /* of a role: limited to these; none: not limited */
	bool revoked;
	int64_t created_ms;
};

/* "auto", "active", "viewer"...; and back: false: it is none. */
const char *registry_policy_name(enum registry_policy p);
const char *registry_state_name(enum registry_state s);
const char *registry_role_name(enum registry_role r);
bool registry_policy_parse(const char *text, enum registry_policy *ret);
bool registry_role_parse(const char *text, enum registry_role *ret);

/* ---- the environment ---- */

struct registry_db;

/* `dir` is central's folder.  -ENOENT: there is no registry, and `create` is false. */
int registry_db_open(const char *dir, bool create, struct registry_db **ret,
		     struct tesla_error *err);
/*
 * As it is, for who only reads: the disk that it is on may be read-only, or full.  Where he may
 * not write to LMDB's lock file, nobody should change it meanwhile.
 */
int registry_db_read(const char *dir, struct registry_db **ret, struct tesla_error *err);
void registry_db_close(struct registry_db *db); /* after the last struct registry of it */

/* ---- in memory; pointers are good until registry_changes() is another ---- */

struct registry;
struct registry_damage { /* who is told of a document that is damaged, and is left out */
	void (*say)(void *arg, const char *sentence);
	void *arg;
};

/* Loads all.  `damage` may be NULL, and is copied. */
int registry_new(struct registry_db *db, const struct registry_damage *damage,
		 struct registry **ret, struct tesla_error *err);
void registry_free(struct registry *r);
/*
 * What changed since, by whichever process.  1: something did; 0: nothing, for the price of a look
 * at memory.  On failure some of what changed may be there already; the next goes on from there.
 */
int registry_refresh(struct registry *r, struct tesla_error *err);
uint64_t registry_changes(const struct registry *r); /* how often something did, failures or not */
uint64_t registry_damaged(const struct registry *r); /* documents that are left out */

/* NULL: there is none. */
const struct registry_node *registry_node(const struct registry *r, const char *id);
const struct registry_node *registry_node_by_row(const struct registry *r, uint32_t row);
const struct registry_analyzer *registry_analyzer(const struct registry *r, const char *node,
						  int64_t addr);
const struct registry_analyzer *registry_analyzer_by_row(const struct registry *r, uint32_t row);
const struct registry_user *registry_user(const struct registry *r, const char *name);
const struct registry_token *registry_token(const struct registry *r, const char *id);
/* Of a secret "tc_...", compared in constant time; NULL too when it is revoked. */
const struct registry_token *registry_token_by_secret(const struct registry *r, const char *secret);
/* The node's list has the address. */
bool registry_v2_allows(const struct registry *r, const char *node, const struct peer *from);
/* The first node whose list has it; NULL: none.  At once where no node has a list. */
const struct registry_node *registry_v2_find(const struct registry *r, const struct peer *from);

/* In order: nodes by id, analyzers by node and addr, users by name, tokens by id. */
size_t registry_n_nodes(const struct registry *r);
size_t registry_n_analyzers(const struct registry *r);
size_t registry_n_users(const struct registry *r);
size_t registry_n_tokens(const struct registry *r);
const struct registry_node *registry_node_at(const struct registry *r, size_t i);
const struct registry_analyzer *registry_analyzer_at(const struct registry *r, size_t i);
const struct registry_user *registry_user_at(const struct registry *r, size_t i);
const struct registry_token *registry_token_at(const struct registry *r, size_t i);
/* Those of a node are at *first and behind; how many. */
size_t registry_analyzers_of(const struct registry *r, const char *node, size_t *first);

/* ---- changes; none is seen in memory before a refresh ---- */

struct registry_actor {
	const char *who;  /* "user ana", "token k3x...", "root" */
	const char *from; /* an address; "local" */
	int64_t now_ms;
};

/* NULL: as it is, or the default.  Lists are separated by commas; "" is an empty one. */
struct registry_node_change {
	const char *name, *location, *control, *control_key, *stream, *zone;
	const char *unknown; /* auto (the default), pending, refuse */
	const char *v2_allow;
};
int registry_node_add(struct registry_db *db, const struct registry_actor *by, const char *id,
		      const struct registry_node_change *c, struct tesla_error *err);
int registry_node_set(struct registry_db *db, const struct registry_actor *by, const char *id,
		      const struct registry_node_change *c, struct tesla_error *err);
/* With its analyzers and its tokens; its records stay in the store. */
int registry_node_remove(struct registry_db *db, const struct registry_actor *by, const char *id,
			 struct tesla_error *err);

/* What a node says of an analyzer of its own.  NULL, 0: it does not say. */
struct registry_contact {
	int64_t addr;
	const char *model, *name, *identity;
	int64_t poll_ms, record_ms;
	/* out: what central makes of it; refused, and not kept, when there are too many */
	enum registry_state state;
};
/*
 * Those that are not known come in as the node's policy says, of the others what is said anew is
 * kept.  All or none; writes nothing when nothing is new.  Another identity than before is an
 * event.
 */
int registry_contact(struct registry_db *db, const struct registry_actor *by, const char *node,
		     struct registry_contact *contacts, size_t n, struct tesla_error *err);
/*
 * From memory: false when registry_contact() would change nothing; then c->state is filled.  So
 * that most contacts cost no transaction.
 */
bool registry_is_news(const struct registry *r, const char *node, struct registry_contact *c);
/* state: REGISTRY_IS_ACTIVE accepts, REGISTRY_IS_REFUSED refuses. */
int registry_analyzer_set(struct registry_db *db, const struct registry_actor *by, const char *node,
			  int64_t addr, enum registry_state state, struct tesla_error *err);

struct registry_user_change { /* NULL: as it is */
	const char *hash;     /* of password_hash() */
	const char *role;     /* viewer, operator, administrator */
	const char *nodes;    /* limited to; "": not limited.  An administrator is not limited. */
	const bool *disabled;
	const char *if_hash; /* of registry_user_set: -EPERM when another one is there by now */
	bool first;	     /* of registry_user_add: -EEXIST when there is an administrator */
};
int registry_user_add(struct registry_db *db, const struct registry_actor *by, const char *name,
		      const struct registry_user_change *c, struct tesla_error *err);
/* -EPERM: nobody would be left who may administer, or not `if_hash`. */
int registry_user_set(struct registry_db *db, const struct registry_actor *by, const char *name,
		      const struct registry_user_change *c, struct tesla_error *err);
int registry_user_remove(struct registry_db *db, const struct registry_actor *by, const char *name,
			 struct tesla_error *err);

struct registry_token_new {
	const char *name;
	const char *node;  /* its own token; NULL: of a role */
	const char *role;  /* viewer, operator; NULL: of a node */
	const char *nodes; /* of a role: limited to; NULL: not limited */
};
/* *secret is shown once and wiped (sodium_memzero): what is stored is a hash of it. */
int registry_token_add(struct registry_db *db, const struct registry_actor *by,
		       const struct registry_token_new *t, char secret[REGISTRY_TOKEN_TEXT],
		       struct tesla_error *err);
int registry_token_revoke(struct registry_db *db, const struct registry_actor *by, const char *id,
			  struct tesla_error *err);

/* ---- logs: by number, which grows with time; read from disk ---- */

enum registry_log { REGISTRY_EVENTS, REGISTRY_AUDIT, REGISTRY_N_LOGS };

struct registry_entry {
	uint64_t seq; /* from 1; registry_event gives it */
	int64_t at_ms;
	const char *what; /* "node.gone", "analyzer.offline", "user.add" */
	const char *who, *from;
	const char *node; /* "": of none */
	const char *text;
};
/* Events, in one transaction. */
int registry_event(struct registry_db *db, const struct registry_entry *entries, size_t n,
		   struct tesla_error *err);
/* What is no change but belongs into the audit log: a sign-in, one that failed too often. */
int registry_audit(struct registry_db *db, const struct registry_actor *by, const char *what,
		   const char *text, struct tesla_error *err);

/* Texts are good during the call; negative: ends the walk with that. */
typedef int registry_each(void *arg, const struct registry_entry *e, struct tesla_error *err);
/*
 * At most `max` entries: newest first, those before `before` (0: from the newest).  Damaged ones
 * are left out, and counted in *n_damaged where it is not NULL.
 */
struct registry_log_query {
	enum registry_log log;
	uint64_t before;
	size_t max;
	uint64_t *n_damaged;
};
int registry_log_walk(struct registry_db *db, const struct registry_log_query *q,
		      registry_each *each, void *arg, struct tesla_error *err);

struct registry_verified {
	uint64_t documents, damaged;
};
/*
 * Reads everything.  Each document that is damaged, or names a node that there is not, is said.
 * -EUCLEAN: it cannot be read further.
 */
int registry_verify(struct registry_db *db, const struct registry_damage *damage,
		    struct registry_verified *ret, struct tesla_error *err);

/*
 * Copies the environment into the folder `to`, which is there, while others change it.  Blocks as
 * long as it takes to write it.
 */
int registry_copy(struct registry_db *db, const char *to, struct tesla_error *err);

#endif
