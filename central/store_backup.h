/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of a store that is in use: a folder that is a store itself.  Made step by step, each
 * short; between two anything may be stored, compacted or read; roll-ups and what is too old wait
 * until its end.  What was acknowledged when it began is in it, and of what came since some.  The
 * store's thread only, and no longer than the store is open.
 */
#ifndef CENTRAL_STORE_BACKUP_H
#define CENTRAL_STORE_BACKUP_H

#include "central/store.h"

struct store_backup;

struct store_backup_conf {
	const char *to; /* the folder, which must not be there; its parent must */
	/* Adds what else belongs to `folder`, synced, before it gets its name.  May be NULL. */
	int (*more)(void *arg, const char *folder, struct tesla_error *err);
	void *arg;
	size_t step_bytes; /* that a step copies, about; 0: 1 MiB */
};

/*
 * Until the last step the folder is `to` with .part behind it; one that a killed process left is
 * removed.  -EEXIST: `to` is there; -EBUSY: another process makes it.
 */
int store_backup_begin(struct store *s, const struct store_backup_conf *conf,
		       struct store_backup **ret, struct tesla_error *err);
/*
 * 1: call it again; 0: it is there, whole, on disk.  What is damaged is said to the store's
 * conf.damage, and left out.
 */
int store_backup_step(struct store_backup *b, struct tesla_error *err);
/* The next step is the last: what else belongs to the folder may be put there now. */
bool store_backup_is_copied(const struct store_backup *b);
/* Before the last step: all of it is removed. */
void store_backup_end(struct store_backup *b);

/*
 * Reads the files of a store (data.mdb and, if there, wal, in the folder `from`) that LMDB may not
 * be able to read any more, and appends every record that is whole to `to`, another store: page
 * by page, trusting no number in them.  Records that were removed by age may come back.  What the
 * files say about the damage is not said; *n_records: how many were found, some of them twice.
 */
int store_salvage(const char *from, struct store *to, uint64_t *n_records, struct tesla_error *err);

#endif
