/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the registry share: documents, transactions, checks. */
#ifndef CENTRAL_REGISTRY_INTERNAL_H
#define CENTRAL_REGISTRY_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>

#include "base/buf.h"
#include "central/registry.h"

#define REGISTRY_VERSION 1u
#define KEY_MAX (REGISTRY_ID_MAX + 2 + 8) /* of an id that is too long, and so nobody's, too */
#define DOC_BYTES_MAX 65536u
#define ENTRY_TEXT_MAX 1000u
#define WHAT_MAX 64u
#define CHANGES_MAX 4096u /* that are remembered; who is further behind loads all */

/* ---- registry_doc.c: a document is a CRC32C of key and rest, a version, and a map ---- */

enum kind { KIND_NODE, KIND_ANALYZER, KIND_USER, KIND_TOKEN, KIND_ENTRY, N_KINDS };
#define N_VIEWED KIND_ENTRY /* those before it are held in memory */

struct key { /* they sort as struct registry's lists do */
	size_t len;
	uint8_t bytes[KEY_MAX];
};
struct key key_text(const char *text); /* at most KEY_MAX bytes of it */
struct key key_analyzer(const char *node, int64_t addr);
struct key key_seq(uint64_t seq);
bool key_seq_parse(MDB_val v, uint64_t *ret);

struct doc {		  /* one piece of memory: free() */
	const void *body; /* struct registry_node, ...: kind says which */
	size_t key_len;
	const uint8_t *key;
};
/* Foreign bytes.  -EUCLEAN: damaged; -EPROTO: of a version that is not known; -ENOMEM. */
int doc_decode(enum kind kind, MDB_val key, MDB_val value, struct doc **ret,
	       struct tesla_error *err);
/* Puts the checksum there. */
void doc_seal(MDB_val key, MDB_val value);
/* Into an empty buf. */
int doc_encode(enum kind kind, MDB_val key, const void *body, struct buf *out,
	       struct tesla_error *err);
void key_say(enum kind kind, MDB_val key, char *text, size_t size); /* for sentences */

/* ---- registry_db.c ---- */

enum table { /* of kinds, in their order, first */
	     TABLE_NODES,
	     TABLE_ANALYZERS,
	     TABLE_USERS,
	     TABLE_TOKENS,
	     TABLE_EVENTS,
	     TABLE_AUDIT,
	     TABLE_CHANGES, /* by number: which document */
	     TABLE_META,
	     N_TABLES
};
struct registry_db {
	char *path;
	unsigned flags;	       /* of mdb_env_open: MDB_RDONLY where it is only read */
	pthread_rwlock_t lock; /* for reading: the environment is used; for writing: opened anew */
	MDB_env *env;
	MDB_dbi tables[N_TABLES];
};

const char *reg_table_name(enum table table);

struct meta { /* what was given last */
	uint64_t node_row, analyzer_row, user_row, credential, change;
};

struct txn {
	struct registry_db *db;
	MDB_txn *mdb;
	int r; /* of LMDB or errno; the first sticks */
	const struct registry_actor *by;
	struct meta meta;
};
/* On failure there is nothing to end. */
int reg_begin(struct txn *t, struct registry_db *db, bool write, struct tesla_error *err);
/* rc: of what was done in it.  0 commits, on disk; 1 and negative numbers do not.  What it was. */
int reg_end(struct txn *t, int rc, struct tesla_error *err);
/* False: not there, or an error, which sticks. */
bool reg_get(struct txn *t, enum table table, MDB_val key, MDB_val *ret);
void reg_put(struct txn *t, enum table table, MDB_val key, MDB_val value);
bool reg_del(struct txn *t, enum table table, MDB_val key);
MDB_cursor *reg_cursor(struct txn *t, enum table table); /* NULL: t->r */
/* False: nothing there, or an error, which sticks. */
bool reg_move(struct txn *t, MDB_cursor *c, MDB_cursor_op op, MDB_val *key, MDB_val *value);
size_t reg_count(struct txn *t, enum table table);
static inline MDB_val val_of(const struct key *k)
{
	return (MDB_val){ k->len, (void *)(uintptr_t)k->bytes };
}
int reg_meta_read(struct txn *t, struct meta *ret, struct tesla_error *err); /* none: zeros */

/* What one change does; 1: there is nothing to change. */
typedef int reg_work(struct txn *t, void *arg, struct tesla_error *err);
int registry_change(struct registry_db *db, const struct registry_actor *by, reg_work *work,
		    void *arg, struct tesla_error *err);

/* ---- within a change ---- */

/* -ENOENT without a sentence, -EUCLEAN, ... */
int doc_load(struct txn *t, enum kind kind, const struct key *key, struct doc **ret,
	     struct tesla_error *err);
int doc_store(struct txn *t, enum kind kind, const struct key *key, const void *body,
	      struct tesla_error *err);
bool doc_remove(struct txn *t, enum kind kind, const struct key *key);
/* registry_log.c; e->seq is given here. */
int reg_log_put(struct txn *t, enum registry_log log, const struct registry_entry *e,
		struct tesla_error *err);
__attribute__((format(printf, 5, 6))) int reg_log_audit(struct txn *t, const char *what,
							const char *node, struct tesla_error *err,
							const char *fmt, ...);

/* ---- registry_check.c: -EINVAL with a sentence ---- */

int reg_check_id(const char *what, const char *id, struct tesla_error *err);
int reg_check_text(const char *what, const char *text, struct tesla_error *err);
int reg_check_endpoint(const char *what, const char *endpoint, struct tesla_error *err);
int reg_check_zone(const char *zone, struct tesla_error *err);
struct list { /* a text with commas, in parts: registry_texts points into it */
	char *storage;
	const char *parts[REGISTRY_ALLOW_MAX];
	struct registry_texts texts;
};
int reg_list_split(struct list *l, const char *what, const char *text, struct tesla_error *err);
void reg_list_release(struct list *l);

#endif
