/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the store. */
#include "central/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/file.h"
#include "base/lock.h"
#include "central/bytes.h"
#include "central/mdb.h"
#include "central/store_levels.h"

#define LOCK_NAME "tesla-central.lock"
#define WAL_BYTES ((size_t)8 << 20)
#define MAP_BYTES ((size_t)64 << 20)
#define WAL_MAX ((size_t)1 << 32)
#define META_BYTES 16u

static const char *const table_names[N_TABLES] = { "meta",   "sets",   "recent",
						   "blocks", "rolled", "late" };

void store_say(struct store *s, const char *fmt, ...)
{
	char sentence[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	if (s->conf.damage != NULL)
		s->conf.damage(s->conf.arg, true, sentence);
}

/* ---- open ---- */

static int path_fail(const struct store *s, const char *what, struct tesla_error *err)
{
	return tesla_fail(err, -errno, "store %s: %s: %s", s->path, what, strerror(errno));
}

/* Who only reads has it with others, and without it where there is none: nobody ever wrote. */
static int lock(struct store *s, struct tesla_error *err)
{
	_cleanup_close_ int folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags = s->read_only ? O_RDONLY : O_RDWR | O_CREAT, r;

	if (folder < 0)
		return path_fail(s, "the folder cannot be opened", err);
	s->lock = openat(folder, LOCK_NAME, flags | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->lock < 0 && s->read_only && errno == ENOENT)
		return 0;
	if (s->lock < 0)
		return path_fail(s, LOCK_NAME, err);
	r = s->read_only ? lock_file_shared(s->lock) : lock_file(s->lock);
	if (r == -EBUSY)
		return tesla_fail(err, r, "store %s: in use by another tesla-central", s->path);
	errno = -r;
	return r == 0 ? 0 : path_fail(s, LOCK_NAME, err);
}

/*
 * Without LMDB's lock file, which is written to through a map: a full disk would be a SIGBUS.  Ours
 * keeps other processes out, and in this one no reader is open while there is a writer.
 */
int store_env_open(struct store *s, struct tesla_error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE),
	       size = s->conf.map_bytes != 0 ? s->conf.map_bytes : MAP_BYTES;
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | MDB_NOLOCK;
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int fd, r;

	if (s->read_only)
		flags |= MDB_RDONLY;
	if (asprintf(&path, "%s/data.mdb", s->path) < 0)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	if (stat(path, &st) == 0)
		size += (size_t)st.st_size;
	r = mdb_env_create(&s->env);
	if (r == 0)
		r = mdb_env_set_mapsize(s->env, size + page - size % page);
	if (r == 0)
		r = mdb_env_set_maxdbs(s->env, N_TABLES);
	if (r == 0)
		r = mdb_env_set_assert(s->env, mdb_say_broken);
	if (r == 0)
		r = mdb_env_open(s->env, s->path, flags, 0640);
	if (r == 0)
		r = mdb_env_get_fd(s->env, &fd);
	if (r == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		r = errno;
	return r == 0 ? 0 : store_mdb_fail(s, r, err);
}

/*
 * Where something was stored, there were all of them; those of roll-ups came later, together.
 * Without one of these the other would tell less than is true.
 */
static bool are_some_missing(const bool found[N_TABLES], bool used)
{
	size_t n = 0;

	for (size_t i = 0; i < N_TABLES; i++)
		n += found[i];
	return n == 0 ? used
		      : n != N_TABLES &&
				(n != TABLE_ROLLED || found[TABLE_ROLLED] || found[TABLE_LATE]);
}

int store_tables_open(struct store *s, struct tesla_error *err)
{
	bool found[N_TABLES] = { false };
	MDB_envinfo info;
	struct txn t;

	txn_begin(&t, s, !s->read_only);
	for (size_t i = 0; i < N_TABLES && t.r == 0; i++) {
		t.r = mdb_dbi_open(t.mdb, table_names[i], 0, &s->tables[i]);
		found[i] = t.r == 0;
		t.r = t.r == MDB_NOTFOUND ? 0 : t.r;
	}
	if (t.r == 0)
		t.r = mdb_env_info(s->env, &info);
	if (t.r == 0 && are_some_missing(found, info.me_last_pgno > 1))
		t.r = MDB_NOTFOUND;
	for (size_t i = 0; i < N_TABLES && t.r == 0; i++)
		t.r = mdb_dbi_open(t.mdb, table_names[i], s->read_only ? 0 : MDB_CREATE,
				   &s->tables[i]);
	return txn_end(&t, err);
}

static int read_meta(struct store *s, struct txn *t, struct tesla_error *err)
{
	MDB_val value;
	const uint8_t *at;

	if (!txn_get(t, TABLE_META, (MDB_val){ 4, (void *)(uintptr_t) "meta" }, &value))
		return 0; /* a new store */
	at = value.mv_data;
	if (value.mv_size != META_BYTES || get_u32(at + 12) != crc32c(0, at, 12)) {
		store_say(s, "the number of the last record in the tables is damaged: all that the "
			     "write-ahead file has is looked at again");
		return 0;
	}
	if (get_u32(at) != STORE_VERSION)
		return tesla_fail(err, -EPROTO,
				  "store %s: version %" PRIu32 ": this program knows %u", s->path,
				  get_u32(at), STORE_VERSION);
	s->applied = get_u64(at + 4);
	return 0;
}

static int read_sets(struct store *s, struct txn *t, struct tesla_error *err)
{
	MDB_cursor *c = cursor_open(t, TABLE_SETS);
	MDB_val key, value;
	int r = 0;

	while (c != NULL && r == 0 && (t->r = mdb_cursor_get(c, &key, &value, MDB_NEXT)) == 0) {
		uint32_t id;

		if (key.mv_size != sizeof id) {
			t->r = MDB_CORRUPTED;
			break;
		}
		memcpy(&id, key.mv_data, sizeof id);
		id = be32toh(id);
		if (id == 0 || id > s->sets.n + (1u << 20)) /* ids have no such holes */
			t->r = MDB_CORRUPTED;
		else
			r = set_load(&s->sets, id, value, err);
		if (t->r != 0)
			break;
	}
	if (t->r == MDB_NOTFOUND)
		t->r = 0;
	if (c != NULL)
		mdb_cursor_close(c);
	return r;
}

static int load(struct store *s, struct tesla_error *err)
{
	struct txn t;
	int r, end;

	txn_begin(&t, s, false);
	r = read_meta(s, &t, err);
	if (r == 0)
		r = read_sets(s, &t, err);
	if (r == 0)
		levels_load(&t);
	if (r != 0) {
		mdb_txn_abort(t.mdb);
		return r;
	}
	end = txn_end(&t, err);
	for (size_t i = 0; i < s->sets.n && end == 0; i++)
		if (s->sets.by_id[i] != NULL && s->sets.by_id[i]->unreadable)
			store_say(s,
				  "the definition of set %zu is damaged: its rows cannot be read",
				  i + 1);
	return end;
}

static int replay_entry(void *arg, uint64_t seq, const void *bytes, size_t len,
			struct tesla_error *err)
{
	struct store *s = arg;

	return seq > s->applied ? pending_add(s, seq, bytes, len, err) : 0;
}

static void replay_damage(void *arg, bool lost, const char *sentence)
{
	struct store *s = arg;
	char text[300];

	(void)snprintf(text, sizeof text, "write-ahead file: %s", sentence);
	if (s->conf.damage != NULL)
		s->conf.damage(s->conf.arg, lost, text);
}

static int wal_begin(struct store *s, struct tesla_error *err)
{
	struct wal_reader reader = { replay_entry, replay_damage, s };
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/wal", s->path) < 0)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	r = wal_open(path, s->conf.wal_bytes, &reader, &s->wal, err);
	if (r == 0)
		r = store_apply(s, err);
	return r == 0 ? wal_reset(s->wal, s->applied, err) : r;
}

static int note_entry(void *arg, uint64_t seq, const void *bytes, size_t len,
		      struct tesla_error *err)
{
	struct store *s = arg;

	(void)bytes;
	(void)len;
	(void)err;
	s->unapplied += seq > s->applied;
	return 0;
}

/* What is not in the tables can only be read once it is. */
static int wal_look(struct store *s, struct tesla_error *err)
{
	struct wal_reader reader = { note_entry, replay_damage, s };
	_cleanup_free_ char *path = NULL, *bytes = NULL;
	struct wal_found found;
	size_t len;
	int r;

	if (asprintf(&path, "%s/wal", s->path) < 0)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	r = file_read(path, WAL_MAX, &bytes, &len, err);
	if (r == -ENOENT || (r == 0 && len == 0))
		return 0;
	if (r == 0)
		r = wal_scan(bytes, len, &reader, &found, err);
	if (r == 0 && s->unapplied > 0)
		r = tesla_fail(err, -EROFS,
			       "store %s: it cannot be written to, and %" PRIu64 " entries of its "
			       "write-ahead file are to go into its tables before it is read: copy "
			       "it to where it can be",
			       s->path, s->unapplied);
	return r;
}

/* One was made here before. */
static bool exists(const struct store *s)
{
	_cleanup_free_ char *path = NULL;

	return asprintf(&path, "%s/data.mdb", s->path) >= 0 && access(path, F_OK) == 0;
}

/* A copy that was cut off at once looks like a store that is new, which has no `wal` yet. */
static bool is_cut_off(const struct store *s)
{
	_cleanup_free_ char *data = NULL, *wal = NULL;
	struct stat st;

	return asprintf(&data, "%s/data.mdb", s->path) >= 0 &&
	       asprintf(&wal, "%s/wal", s->path) >= 0 && stat(data, &st) == 0 && st.st_size == 0 &&
	       access(wal, F_OK) == 0;
}

static int start(struct store *s, struct tesla_error *err)
{
	int r;

	if (s->conf.must_exist && !exists(s))
		return tesla_fail(err, -ENOENT, "store %s: there is none", s->path);
	if (is_cut_off(s))
		return tesla_fail(err, -EUCLEAN,
				  "store %s: data.mdb has nothing in it, not even a store "
				  "without records",
				  s->path);
	if (!s->read_only && mkdir(s->path, 0750) != 0 && errno != EEXIST)
		return path_fail(s, "the folder cannot be made", err);
	r = lock(s, err);
	if (r == 0)
		r = store_env_open(s, err);
	if (r == 0)
		r = store_tables_open(s, err);
	if (r == 0)
		r = load(s, err);
	if (r == 0)
		r = s->read_only ? wal_look(s, err) : wal_begin(s, err);
	return r;
}

static int open_as(const char *dir, const struct store_conf *conf, bool read_only,
		   struct store **ret, struct tesla_error *err)
{
	struct store *s = calloc(1, sizeof *s);
	int r = -ENOMEM;

	if (s != NULL) {
		s->lock = -1;
		s->conf = *conf;
		s->read_only = read_only;
		s->conf.wal_bytes = conf->wal_bytes != 0 ? conf->wal_bytes : WAL_BYTES;
		form_key_init(&s->sets);
		pending_init(s);
		buf_init(&s->scratch, SIZE_MAX / 2);
		s->path = strdup(dir);
	}
	if (s == NULL || s->path == NULL)
		(void)tesla_fail(err, r, "store %s: no memory", dir);
	else
		r = start(s, err);
	if (r != 0)
		store_close(s);
	else
		*ret = s;
	return r;
}

int store_open(const char *dir, const struct store_conf *conf, struct store **ret,
	       struct tesla_error *err)
{
	static const int of_writing[] = { EACCES, EPERM, EROFS, ENOSPC };
	int r = open_as(dir, conf, false, ret, err);

	for (size_t i = 0; i < N_ELEMENTS(of_writing) && conf->only_reads; i++)
		if (r == -of_writing[i])
			return open_as(dir, conf, true, ret, err);
	return r;
}

/* What is pending is in the write-ahead file: the next start takes it from there. */
void store_close(struct store *s)
{
	if (s == NULL)
		return;
	wal_close(s->wal);
	if (s->env != NULL)
		mdb_env_close(s->env);
	if (s->lock >= 0)
		(void)close(s->lock);
	sets_release(&s->sets);
	pending_release(s);
	buf_release(&s->scratch);
	free(s->path);
	free(s);
}
