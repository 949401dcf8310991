/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the journal share: rows as bytes, a transaction whose first error sticks, and
 * what is kept in memory.  Numbers in rows are in the machine's order, as LMDB's own are; keys are
 * big-endian, so that they sort.
 */
#ifndef DAEMON_JOURNAL_INTERNAL_H
#define DAEMON_JOURNAL_INTERNAL_H

#include <lmdb.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/recorded.h"
#include "daemon/journal.h"

#define JOURNAL_VERSION 1
#define JOURNAL_EXPORTERS_MAX 1000
#define JOURNAL_ANY 0xffff
#define JOURNAL_STEP 1000 /* records that one transaction drops, moves or forgets */
#define JOURNAL_TRIES 20  /* when the map is full: each drops JOURNAL_STEP records */
#define JOURNAL_STEPS 5	  /* such transactions, between which nothing else is written */

/* Small rows share a table: what changes with every record is then one page, not three. */
enum table { TABLE_RECORDS, TABLE_QUEUE, TABLE_REJECTS, TABLE_STATE, N_TABLES };
extern const char *const journal_tables[N_TABLES];

/* ---- journal_row.c: pure ---- */

struct key {
	uint8_t bytes[10];
	size_t len;
};
struct bytes {
	const uint8_t *at;
	size_t len;
};
enum row_kind { ROW_RECORD, ROW_QUEUE, ROW_REJECT, ROW_META, ROW_CURSOR, ROW_END, N_ROW_KINDS };
enum row_found { ROW_NONE, ROW_GOOD, ROW_DAMAGED };

struct key key_record(uint64_t seq);
struct key key_queue(uint16_t exporter, uint64_t seq); /* of rejects too */
struct key key_meta(void);
struct key key_cursor(uint16_t exporter);
struct key key_end(int64_t analyzer);
/* False: no key of that table. */
bool key_parse_record(struct bytes key, uint64_t *seq);
bool key_parse_queue(struct bytes key, uint16_t *exporter, uint64_t *seq);
/* ROW_META, ROW_CURSOR or ROW_END, and what follows; N_ROW_KINDS: no key of the state table. */
enum row_kind key_parse_state(struct bytes key, int64_t *which);

size_t row_size(const struct iovec *parts, size_t n);
void row_write(uint8_t *to, enum row_kind kind, struct bytes key, const struct iovec *parts,
	       size_t n);
/* The payload of a row whose checksum and kind are right. */
bool row_open(enum row_kind kind, struct bytes key, struct bytes value, struct bytes *payload);

struct row_record {
	int64_t analyzer, end_ms;
	uint16_t n_exporters, exporters[JOURNAL_EXPORTERS_MAX];
	struct bytes record; /* in the row */
};
struct row_reject {
	int64_t rejected_ms;
	const char *reason; /* in the row, as the record */
	struct bytes record;
};
struct row_meta {
	uint64_t reserved, dropped[JOURNAL_N_DROPS];
};
/* False: the payload is none of these, though its checksum is right. */
bool row_parse_record(struct bytes payload, struct row_record *r);
bool row_parse_reject(struct bytes payload, struct row_reject *r);
bool row_parse_meta(struct bytes payload, struct row_meta *m);
bool row_parse_cursor(struct bytes payload, struct journal_exporter_info *info);
bool row_parse_end(struct bytes payload, struct recorded *r);

/* ---- in memory ---- */

struct exporter_state {
	struct journal_exporter_info info;
	bool row_changed, queue_changed;
	uint64_t asked; /* for, the how manieth of all times since opening */
};
/* Until when records are known to have come: a clock that leaps ahead is not believed at once. */
struct reached {
	bool any, leapt;
	int64_t end_ms;		/* that is believed */
	int64_t from_ms, to_ms; /* leapt: what would be, when enough of it has come */
};
struct journal_counts {
	uint64_t records, bytes, next_seq, reserved, dropped[JOURNAL_N_DROPS];
	bool meta_changed;
	struct reached reached;		  /* with limits.age_ms only */
	struct exporter_state *exporters; /* by no */
	size_t n_exporters;
};
struct journal {
	char *path;
	int lock; /* flocked while it is open */
	MDB_env *env;
	MDB_dbi tables[N_TABLES];
	struct journal_limits limits;
	struct journal_counts now; /* as of the last commit */
	bool broken, grown;
	uint64_t asked, settled; /* times that exporters were asked for: all, before a write */
};

/* NULL: no such exporter. */
struct exporter_state *journal_find(const struct journal_counts *c, uint16_t no);
/* Room for one more exporter, under the number `no`; -ENOMEM, -EMFILE. */
int journal_add_exporter(struct journal_counts *c, uint16_t no, const char *id,
			 struct tesla_error *err);

/* Locks `dir` against other daemons; *lock is closed to unlock it.  -EBUSY. */
int journal_lock(const char *dir, int *lock, struct tesla_error *err);
/* ---- journal_load.c ---- */
/* Fills j->now from the tables: every row of state, queue and rejects is looked at. */
int journal_load(struct journal *j, struct tesla_error *err);

/* ---- journal_txn.c ---- */

struct txn {
	struct journal *j;
	MDB_txn *mdb;
	int r;	      /* the first error, of LMDB or errno; then nothing more is done */
	bool changed; /* there is something to commit */
	struct journal_counts next; /* of a writing one: what `now` will be */
};
void txn_begin(struct txn *t, struct journal *j, unsigned flags);
/* Commits with a sync; then `now` is what `next` was.  -EOVERFLOW: the map is full. */
int txn_end(struct txn *t, struct tesla_error *err);
/* The sentence for an LMDB error; sets j->broken where it must be closed. */
int txn_fail(struct journal *j, int r, struct tesla_error *err);
/* -errno and the sentence of an LMDB error. */
int journal_mdb_fail(const char *path, int r, bool *broken, struct tesla_error *err);
/* Makes the map larger, once in its life, so that even dropping has room. */
bool txn_grow(struct journal *j);

/* Values are LMDB's memory: valid until the next change. */
enum row_found txn_get(struct txn *t, enum table table, enum row_kind kind, struct key key,
		       struct bytes *payload);
bool txn_has(struct txn *t, enum table table, struct key key);
void txn_put(struct txn *t, enum table table, enum row_kind kind, struct key key,
	     const struct iovec *parts, size_t n);
bool txn_del(struct txn *t, enum table table, struct key key); /* false: there was none */
/* The first row at or after `from`; false: none is left. */
bool txn_first(struct txn *t, enum table table, struct key from, struct bytes *key,
	       struct bytes *value);

/* A walk over a table: for (rows_begin(...); rows_next(...);) ...; rows_end(). */
struct rows {
	struct txn *t;
	MDB_cursor *cursor;
	MDB_val from;
	bool begun;
	struct bytes key, value;
};
void rows_begin(struct rows *w, struct txn *t, enum table table, const struct key *from);
bool rows_next(struct rows *w);
void rows_end(struct rows *w);

/* What the records and the queue take on pages; next.records is set too. */
uint64_t txn_bytes(struct txn *t);
/* Fills what `next` knows from counting pages and looking at heads of queues. */
void txn_refresh(struct txn *t);

/* ---- journal_record.c ---- */

/* The record of that number and its parts; ROW_DAMAGED: its row is broken in any way. */
enum row_found txn_record(struct txn *t, uint64_t seq, struct row_record *r);
/* A record with its queue rows, under that number. */
void txn_add_record(struct txn *t, uint64_t seq, const struct row_record *r);
void txn_add_reject(struct txn *t, uint16_t exporter, uint64_t seq, const struct row_reject *r);
void txn_set_end(struct txn *t, int64_t analyzer, const struct recorded *r);
/* Takes it out of an exporter's queue; false: it did not wait there. */
bool txn_unqueue(struct txn *t, uint16_t exporter, uint64_t seq);
/* Deletes the record if nobody waits for it. */
void txn_release(struct txn *t, uint64_t seq);
/* What waits for `from` waits for `to`, unless that is done with it; and the record says so. */
void txn_hand_over(struct txn *t, uint64_t seq, uint16_t from, uint16_t to);

/* ---- journal_exporter.c ---- */
/* Its row goes, if nothing is kept for it and no record names it. */
void exporter_forget(struct txn *t, uint16_t no);

/* ---- journal_limits.c ---- */

/* The record, and it from all queues. */
void limits_drop(struct txn *t, uint64_t seq, enum journal_drop why);
void limits_count(struct txn *t, enum journal_drop why, uint64_t n);
/* False: the newest is what has to go. */
bool limits_admit(struct txn *t, size_t len);
void limits_apply(struct txn *t, int64_t now_ms);
/* A record that ends then was added. */
void limits_saw(struct txn *t, int64_t end_ms);
/* The same of all that are there, at opening. */
void limits_learn(struct txn *t);
void limits_rejects(struct txn *t, struct exporter_state *e);
/* The map is full: makes it larger, and the next time drops the oldest in a transaction. */
int limits_make_room(struct journal *j, struct tesla_error *err);

#endif
