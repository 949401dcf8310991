/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's environment, which several processes have open, and transactions on it. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "central/bytes.h"
#include "central/mdb.h"
#include "central/registry_internal.h"

#define MAP_BYTES \
	((size_t)256 << 20) /* all that is bounded fits; the file grows with what is in it */
#define LOCK_BYTES 16384
#define NAME "registry" /* in sentences */
#define META_NUMBERS 5u
#define META_BYTES (8u + 8u * META_NUMBERS)

static const char *const table_names[N_TABLES] = { "nodes",  "analyzers", "users",   "tokens",
						   "events", "audit",	  "changes", "meta" };

const char *reg_table_name(enum table table)
{
	return table_names[table];
}

/* ---- errors ---- */

static int path_fail(const struct registry_db *db, const char *what, struct tesla_error *err)
{
	return tesla_fail(err, errno == EDQUOT ? -ENOSPC : -errno, "registry %s: %s: %s", db->path,
			  what, strerror(errno));
}

/* ---- opening ---- */

/*
 * LMDB writes to its lock file through a map: where a sparse file has no room on the disk, that is
 * a SIGBUS.  So all of it is there before.  Closing a descriptor of it gives up this process's
 * locks on it, so not while the environment is open.
 */
static int lock_prepare(const struct registry_db *db, int folder, struct tesla_error *err)
{
	_cleanup_close_ int fd =
		openat(folder, "lock.mdb", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return path_fail(db, "lock.mdb", err);
	if (st.st_size >= LOCK_BYTES && st.st_blocks * 512 >= st.st_size)
		return 0;
	errno = posix_fallocate(fd, 0, st.st_size > LOCK_BYTES ? st.st_size : LOCK_BYTES);
	return errno == 0 ? 0 : path_fail(db, "lock.mdb", err);
}

/* What root makes is for whom the folder belongs to: the server is not root. */
static int give_away(const struct registry_db *db, int folder, struct tesla_error *err)
{
	static const char *const names[] = { ".", "lock.mdb", "data.mdb" };
	struct stat above, st;

	if (geteuid() != 0)
		return 0;
	if (fstatat(folder, "..", &above, 0) != 0)
		return path_fail(db, "..", err);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (fstatat(folder, names[i], &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    (st.st_uid == above.st_uid && st.st_gid == above.st_gid))
			continue;
		if (fchownat(folder, names[i], above.st_uid, above.st_gid, AT_SYMLINK_NOFOLLOW) !=
		    0)
			return path_fail(db, names[i], err);
	}
	return 0;
}

static int env_open(struct registry_db *db)
{
	MDB_txn *txn = NULL;
	bool reads = (db->flags & MDB_RDONLY) != 0;
	int fd, dead, r = mdb_env_create(&db->env);

	if (r == 0)
		r = mdb_env_set_mapsize(db->env, MAP_BYTES);
	if (r == 0)
		r = mdb_env_set_maxdbs(db->env, N_TABLES);
	if (r == 0)
		r = mdb_env_set_assert(db->env, mdb_say_broken);
	if (r == 0)
		r = mdb_env_open(db->env, db->path, MDB_NOTLS | MDB_NORDAHEAD | db->flags, 0600);
	if (r == 0)
		r = mdb_env_get_fd(db->env, &fd);
	if (r == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		r = errno;
	if (r == 0)
		r = mdb_reader_check(db->env, &dead);
	if (r == 0)
		r = mdb_txn_begin(db->env, NULL, reads ? MDB_RDONLY : 0, &txn);
	for (size_t i = 0; i < N_TABLES && r == 0; i++)
		r = mdb_dbi_open(txn, table_names[i], reads ? 0 : MDB_CREATE, &db->tables[i]);
	if (txn != NULL && r == 0)
		r = mdb_txn_commit(txn);
	else if (txn != NULL)
		mdb_txn_abort(txn);
	return r;
}

/* A file that is new is there after a power cut when its folder was synced. */
static int sync_folders(const struct registry_db *db, int folder, struct tesla_error *err)
{
	_cleanup_close_ int above = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return above >= 0 && fsync(folder) == 0 && fsync(above) == 0
		       ? 0
		       : path_fail(db, "it cannot be synced", err);
}

/* 1: data.mdb is there; 0: it is not. */
static int look_for(const struct registry_db *db, int folder, struct tesla_error *err)
{
	struct stat st;

	if (fstatat(folder, "data.mdb", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : path_fail(db, "data.mdb", err);
	return st.st_size > 0
		       ? 1
		       : tesla_fail(err, -EUCLEAN,
				    "registry %s: data.mdb is empty: restore a backup, or "
				    "remove it and make another one with `tesla-central init`",
				    db->path);
}

static int none(const struct registry_db *db, struct tesla_error *err)
{
	return tesla_fail(err, -ENOENT, "registry %s: there is none: `tesla-central init`",
			  db->path);
}

static int start(struct registry_db *db, bool create, struct tesla_error *err)
{
	_cleanup_close_ int folder = -1;
	bool made = create && mkdir(db->path, 0700) == 0;
	int r;

	folder = open(db->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0)
		return errno == ENOENT && !create
			       ? none(db, err)
			       : path_fail(db, "the folder cannot be opened", err);
	r = look_for(db, folder, err);
	if (r < 0)
		return r;
	if (r == 0 && !create)
		return none(db, err);
	made = made || r == 0;
	r = lock_prepare(db, folder, err);
	if (r != 0)
		return r;
	r = env_open(db);
	if (r != 0)
		return mdb_fail(NAME, db->path, r, err);
	r = give_away(db, folder, err);
	return r == 0 && made ? sync_folders(db, folder, err) : r;
}

/*
 * A reader's place in LMDB's lock keeps its pages.  Where there is no such file nobody writes.  Who
 * may not write to it, or on a disk that is read-only, reads without: beside a server that writes
 * meanwhile he may meet a page that is used anew, and is told that it is damaged.
 */
static int reader_flags(const struct registry_db *db, int folder, struct tesla_error *err)
{
	int r = faccessat(folder, "lock.mdb", F_OK, 0) == 0 ? lock_prepare(db, folder, err)
							    : path_fail(db, "lock.mdb", err);

	if (r == -ENOENT || r == -EROFS || r == -EACCES)
		return MDB_RDONLY | MDB_NOLOCK;
	return r == 0 ? MDB_RDONLY : r;
}

static int start_reading(struct registry_db *db, struct tesla_error *err)
{
	_cleanup_close_ int folder =
		open(db->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (folder < 0)
		return errno == ENOENT ? none(db, err)
				       : path_fail(db, "the folder cannot be opened", err);
	r = look_for(db, folder, err);
	if (r <= 0)
		return r < 0 ? r : none(db, err);
	r = reader_flags(db, folder, err);
	if (r < 0)
		return r;
	db->flags = (unsigned)r;
	r = env_open(db);
	return r == 0 ? 0 : mdb_fail(NAME, db->path, r, err);
}

static int opened(struct registry_db *db, int r, struct registry_db **ret)
{
	if (r != 0)
		registry_db_close(db);
	else
		*ret = db;
	return r;
}

static struct registry_db *db_new(const char *dir, struct tesla_error *err)
{
	struct registry_db *db = calloc(1, sizeof *db);

	if (db != NULL && asprintf(&db->path, "%s/registry", dir) < 0) {
		free(db);
		db = NULL;
	}
	if (db == NULL)
		(void)tesla_fail(err, -ENOMEM, "no memory");
	else
		(void)pthread_rwlock_init(&db->lock, NULL);
	return db;
}

int registry_db_open(const char *dir, bool create, struct registry_db **ret,
		     struct tesla_error *err)
{
	struct registry_db *db = db_new(dir, err);

	return db != NULL ? opened(db, start(db, create, err), ret) : -ENOMEM;
}

int registry_db_read(const char *dir, struct registry_db **ret, struct tesla_error *err)
{
	struct registry_db *db = db_new(dir, err);

	return db != NULL ? opened(db, start_reading(db, err), ret) : -ENOMEM;
}

void registry_db_close(struct registry_db *db)
{
	if (db == NULL)
		return;
	if (db->env != NULL)
		mdb_env_close(db->env);
	(void)pthread_rwlock_destroy(&db->lock);
	free(db->path);
	free(db);
}

/* ---- meta ---- */

static MDB_val meta_key(void)
{
	return (MDB_val){ 4, (void *)(uintptr_t) "meta" };
}

static uint64_t *meta_number(struct meta *m, size_t i)
{
	uint64_t *const numbers[META_NUMBERS] = { &m->node_row, &m->analyzer_row, &m->user_row,
						  &m->credential, &m->change };

	return numbers[i];
}

int reg_meta_read(struct txn *t, struct meta *ret, struct tesla_error *err)
{
	MDB_val value;
	const uint8_t *at;

	*ret = (struct meta){ 0 };
	if (!reg_get(t, TABLE_META, meta_key(), &value))
		return 0;
	at = value.mv_data;
	if (value.mv_size != META_BYTES || get_u32(at) != crc32c(0, at + 4, META_BYTES - 4))
		return tesla_fail(err, -EUCLEAN,
				  "registry %s: the numbers that were given last are damaged: "
				  "restore it from a backup",
				  t->db->path);
	if (get_u32(at + 4) != REGISTRY_VERSION)
		return tesla_fail(err, -EPROTO,
				  "registry %s: version %" PRIu32 ": this program knows %u",
				  t->db->path, get_u32(at + 4), REGISTRY_VERSION);
	for (size_t i = 0; i < META_NUMBERS; i++)
		*meta_number(ret, i) = get_u64(at + 8 + 8 * i);
	return 0;
}

static void meta_write(struct txn *t)
{
	uint8_t bytes[META_BYTES];

	put_u32(bytes + 4, REGISTRY_VERSION);
	for (size_t i = 0; i < META_NUMBERS; i++)
		put_u64(bytes + 8 + 8 * i, *meta_number(&t->meta, i));
	put_u32(bytes, crc32c(0, bytes + 4, META_BYTES - 4));
	reg_put(t, TABLE_META, meta_key(), (MDB_val){ sizeof bytes, bytes });
}

/* ---- transactions ---- */

/* After a write that failed half way LMDB wants its environment opened anew. */
static int open_again(struct registry_db *db, const MDB_env *failed, struct tesla_error *err)
{
	int r = 0;

	(void)pthread_rwlock_wrlock(&db->lock);
	if (db->env == failed) { /* nobody else did it */
		mdb_env_close(db->env);
		db->env = NULL;
		r = start(db, false, err);
		if (r != 0 && db->env != NULL) {
			mdb_env_close(db->env);
			db->env = NULL;
		}
	}
	(void)pthread_rwlock_unlock(&db->lock);
	return r;
}

static int begin(struct txn *t, bool write)
{
	int dead;

	if (t->db->env == NULL) /* it could not be opened again */
		return MDB_PANIC;
	/* Who was killed while it read would keep old pages for ever. */
	t->r = write ? mdb_reader_check(t->db->env, &dead) : 0;
	return t->r != 0 ? t->r : mdb_txn_begin(t->db->env, NULL, write ? 0 : MDB_RDONLY, &t->mdb);
}

int reg_begin(struct txn *t, struct registry_db *db, bool write, struct tesla_error *err)
{
	const MDB_env *env;
	int r;

	*t = (struct txn){ .db = db };
	(void)pthread_rwlock_rdlock(&db->lock);
	r = begin(t, write);
	if (r == MDB_PANIC) {
		env = db->env;
		(void)pthread_rwlock_unlock(&db->lock);
		r = open_again(db, env, err);
		if (r != 0)
			return r;
		(void)pthread_rwlock_rdlock(&db->lock);
		r = begin(t, write);
	}
	if (r == 0)
		return 0;
	(void)pthread_rwlock_unlock(&db->lock);
	return mdb_fail(NAME, db->path, r, err);
}

int reg_end(struct txn *t, int rc, struct tesla_error *err)
{
	if (rc == 0 && t->r == 0)
		t->r = mdb_txn_commit(t->mdb);
	else
		mdb_txn_abort(t->mdb);
	t->mdb = NULL;
	(void)pthread_rwlock_unlock(&t->db->lock);
	return rc >= 0 && t->r != 0 ? mdb_fail(NAME, t->db->path, t->r, err) : rc;
}

int registry_change(struct registry_db *db, const struct registry_actor *by, reg_work *work,
		    void *arg, struct tesla_error *err)
{
	struct txn t;
	int r = reg_begin(&t, db, true, err);

	if (r != 0)
		return r;
	t.by = by;
	r = reg_meta_read(&t, &t.meta, err);
	if (r == 0 && t.r == 0)
		r = work(&t, arg, err);
	if (r == 0)
		meta_write(&t);
	r = reg_end(&t, r, err);
	return r > 0 ? 0 : r;
}

bool reg_get(struct txn *t, enum table table, MDB_val key, MDB_val *ret)
{
	int r = t->r != 0 ? t->r : mdb_get(t->mdb, t->db->tables[table], &key, ret);

	if (r != 0 && r != MDB_NOTFOUND)
		t->r = r;
	return r == 0;
}

void reg_put(struct txn *t, enum table table, MDB_val key, MDB_val value)
{
	if (t->r == 0)
		t->r = mdb_put(t->mdb, t->db->tables[table], &key, &value, 0);
}

bool reg_del(struct txn *t, enum table table, MDB_val key)
{
	int r = t->r != 0 ? t->r : mdb_del(t->mdb, t->db->tables[table], &key, NULL);

	if (r != 0 && r != MDB_NOTFOUND)
		t->r = r;
	return r == 0;
}

MDB_cursor *reg_cursor(struct txn *t, enum table table)
{
	MDB_cursor *c = NULL;

	if (t->r == 0)
		t->r = mdb_cursor_open(t->mdb, t->db->tables[table], &c);
	return t->r == 0 ? c : NULL;
}

bool reg_move(struct txn *t, MDB_cursor *c, MDB_cursor_op op, MDB_val *key, MDB_val *value)
{
	int r = t->r != 0 ? t->r : mdb_cursor_get(c, key, value, op);

	if (r != 0 && r != MDB_NOTFOUND)
		t->r = r;
	return r == 0;
}

size_t reg_count(struct txn *t, enum table table)
{
	MDB_stat stat = { 0 };

	if (t->r == 0)
		t->r = mdb_stat(t->mdb, t->db->tables[table], &stat);
	return stat.ms_entries;
}

/* ---- documents ---- */

int doc_load(struct txn *t, enum kind kind, const struct key *key, struct doc **ret,
	     struct tesla_error *err)
{
	MDB_val value;

	if (!reg_get(t, (enum table)kind, val_of(key), &value))
		return t->r != 0 ? 0 : -ENOENT;
	return doc_decode(kind, val_of(key), value, ret, err);
}

/* For those who have the documents in memory: a number, and which one it was. */
static void note_change(struct txn *t, enum kind kind, const struct key *key)
{
	struct key seq = key_seq(++t->meta.change);
	uint8_t bytes[1 + KEY_MAX];

	bytes[0] = (uint8_t)kind;
	memcpy(bytes + 1, key->bytes, key->len);
	reg_put(t, TABLE_CHANGES, val_of(&seq), (MDB_val){ 1 + key->len, bytes });
	if (t->meta.change > CHANGES_MAX) {
		seq = key_seq(t->meta.change - CHANGES_MAX);
		(void)reg_del(t, TABLE_CHANGES, val_of(&seq));
	}
}

int doc_store(struct txn *t, enum kind kind, const struct key *key, const void *body,
	      struct tesla_error *err)
{
	struct buf b;
	int r;

	buf_init(&b, DOC_BYTES_MAX);
	r = doc_encode(kind, val_of(key), body, &b, err);
	if (r == 0) {
		reg_put(t, (enum table)kind, val_of(key), (MDB_val){ b.pub.len, b.pub.bytes });
		note_change(t, kind, key);
	}
	buf_release(&b);
	return r;
}

bool doc_remove(struct txn *t, enum kind kind, const struct key *key)
{
	if (!reg_del(t, (enum table)kind, val_of(key)))
		return false;
	note_change(t, kind, key);
	return true;
}

/* ---- a copy ---- */

int registry_copy(struct registry_db *db, const char *to, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&path, "%s/data.mdb", to) < 0) {
		path = NULL;
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	(void)pthread_rwlock_rdlock(&db->lock);
	r = db->env != NULL ? mdb_env_copyfd2(db->env, fd, MDB_CP_COMPACT) : MDB_PANIC;
	(void)pthread_rwlock_unlock(&db->lock);
	if (r != 0)
		return mdb_fail(NAME, db->path, r, err);
	return fsync(fd) == 0 ? 0 : tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
}
