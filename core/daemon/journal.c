/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, and writing: records come in, verdicts take them out, in one commit. */
#include "daemon/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/lock.h"
#include "daemon/journal_internal.h"

#define LOCK_NAME "teslad.lock"
#define ROOM ((uint64_t)64 << 20) /* for queues, rejects, and pages that wait to be free */
#define RESERVE 1024		  /* numbers that are taken at once */
#define REASON_MAX 500

/* ---- open and close ---- */

static int path_fail(const char *dir, const char *what, struct tesla_error *err)
{
	return tesla_fail(err, -errno, "journal %s: %s: %s", dir, what, strerror(errno));
}

int journal_lock(const char *dir, int *lock, struct tesla_error *err)
{
	_cleanup_close_ int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (folder < 0)
		return path_fail(dir, "the folder cannot be opened", err);
	fd = openat(folder, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return path_fail(dir, LOCK_NAME, err);
	r = lock_file(fd);
	if (r == 0) {
		*lock = fd;
		return 0;
	}
	(void)close(fd);
	if (r == -EBUSY)
		return tesla_fail(err, r, "journal %s: in use by another teslad", dir);
	errno = -r;
	return path_fail(dir, LOCK_NAME, err);
}

/* A name in a folder lasts when the folder was synced. */
static int sync_folder(const char *dir, const char *which, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s/%s", dir, which) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return path_fail(path, "the folder cannot be synced", err);
	return 0;
}

/* LMDB leaves it open for programs that are started, and hosts run plugins of whoever. */
static int keep_private(MDB_env *env)
{
	int fd, r = mdb_env_get_fd(env, &fd);

	if (r == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		r = errno;
	return r;
}

/*
 * Without LMDB's lock file: it is written to through a map, and who writes to a map of a full disk
 * dies of SIGBUS.  Ours keeps other processes out, and within this one a thread at a time comes.
 */
static int env_open(struct journal *j)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t size = 2 * j->limits.bytes + ROOM;
	int r = mdb_env_create(&j->env);

	if (r == 0)
		r = mdb_env_set_mapsize(j->env, (size_t)(size + page - size % page));
	if (r == 0)
		r = mdb_env_set_maxdbs(j->env, N_TABLES);
	if (r == 0)
		r = mdb_env_open(j->env, j->path, MDB_NOTLS | MDB_NORDAHEAD | MDB_NOLOCK, 0640);
	return r == 0 ? keep_private(j->env) : r;
}

/* A new file that LMDB could not begin, on a full disk, would seem damaged: it goes. */
static int env_begin(struct journal *j, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	bool is_new;
	int r;

	if (asprintf(&path, "%s/data.mdb", j->path) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", j->path);
	is_new = stat(path, &st) != 0 ? errno == ENOENT : st.st_size == 0;
	r = env_open(j);
	if (r == 0)
		return 0;
	r = txn_fail(j, r, err); /* while the disk is as full as it was then */
	if (is_new)
		(void)unlink(path);
	return r;
}

/*
 * A verdict may be under way on a record of a journal that was here before: under its number there
 * must be no other one.  Microseconds, so no journal has given that many numbers; a whole number
 * in every reader of JSON; and the low bits are for people.
 */
static void number_first(struct txn *t)
{
	int64_t now_us = clock_wall_us();

	t->next.next_seq = t->next.reserved = now_us > 0 ? (uint64_t)now_us & ~UINT64_C(0xffff) : 0;
	t->next.meta_changed = true;
}

static int tables_open(struct journal *j, struct tesla_error *err)
{
	struct bytes payload;
	struct txn t;

	txn_begin(&t, j, 0);
	for (size_t i = 0; i < N_TABLES && t.r == 0; i++)
		t.r = mdb_dbi_open(t.mdb, journal_tables[i], MDB_CREATE, &j->tables[i]);
	if (txn_get(&t, TABLE_STATE, ROW_META, key_meta(), &payload) == ROW_NONE)
		number_first(&t);
	t.changed = true; /* an aborted transaction takes its handles with it */
	return txn_end(&t, err);
}

static int journal_start(struct journal *j, struct tesla_error *err)
{
	int r;

	if (mkdir(j->path, 0750) != 0 && errno != EEXIST)
		return path_fail(j->path, "the folder cannot be made", err);
	r = journal_lock(j->path, &j->lock, err);
	if (r != 0)
		return r;
	r = env_begin(j, err);
	if (r == 0)
		r = tables_open(j, err);
	if (r == 0)
		r = sync_folder(j->path, ".", err);
	if (r == 0)
		r = sync_folder(j->path, "..", err);
	return r == 0 ? journal_load(j, err) : r;
}

int journal_open(const char *dir, const struct journal_limits *limits, struct journal **ret,
		 struct tesla_error *err)
{
	struct journal *j = calloc(1, sizeof *j);
	int r = -ENOMEM;

	if (j != NULL) {
		j->lock = -1;
		j->limits = *limits;
		j->path = strdup(dir);
	}
	if (j == NULL || j->path == NULL)
		(void)tesla_fail(err, r, "journal %s: no memory", dir);
	else
		r = journal_start(j, err);
	if (r != 0)
		journal_close(j);
	else
		*ret = j;
	return r;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->env != NULL)
		mdb_env_close(j->env);
	if (j->lock >= 0)
		(void)close(j->lock);
	free(j->now.exporters);
	free(j->path);
	free(j);
}

bool journal_broken(const struct journal *j)
{
	return j->broken;
}

/* ---- writing ---- */

/* The clock was put back, or this was written before and only the answer was lost. */
static bool was_recorded(struct txn *t, const struct journal_entry *e, struct recorded *r)
{
	struct bytes payload;

	if (txn_get(t, TABLE_STATE, ROW_END, key_end(e->analyzer), &payload) != ROW_GOOD ||
	    !row_parse_end(payload, r))
		*r = (struct recorded){ .n = 0 };
	return recorded_has(r, e->end_ms);
}

static uint64_t next_seq(struct txn *t)
{
	uint64_t seq = t->next.next_seq++;

	if (seq >= t->next.reserved) {
		t->next.reserved = seq + RESERVE;
		t->next.meta_changed = true;
	}
	return seq;
}

static bool listed(const struct row_record *r, uint16_t no)
{
	for (size_t i = 0; i < r->n_exporters; i++)
		if (r->exporters[i] == no)
			return true;
	return false;
}

static void append(struct txn *t, const struct journal_entry *e)
{
	struct row_record r = { .analyzer = e->analyzer,
				.end_ms = e->end_ms,
				.record = { e->record, e->len } };
	struct recorded recorded;

	assert(e->n_exporters > 0);
	if (was_recorded(t, e, &recorded)) {
		limits_count(t, JOURNAL_DROP_TWICE, 1);
		return;
	}
	if (!limits_admit(t, e->len))
		return;
	for (size_t i = 0; i < e->n_exporters; i++) {
		assert(journal_find(&t->next, e->exporters[i]) != NULL);
		if (!listed(&r, e->exporters[i]))
			r.exporters[r.n_exporters++] = e->exporters[i];
	}
	txn_add_record(t, next_seq(t), &r);
	limits_saw(t, e->end_ms);
	recorded_add(&recorded, e->start_ms, e->end_ms);
	txn_set_end(t, e->analyzer, &recorded);
}

/* Longer reasons are cut, between two characters of UTF-8. */
static char *shortened(const char *reason)
{
	size_t len = strnlen(reason, REASON_MAX);

	while (len > 0 && ((unsigned char)reason[len] & 0xc0) == 0x80)
		len--;
	return strndup(reason, len);
}

static void keep_reject(struct txn *t, const struct journal_verdict *v, int64_t now_ms)
{
	_cleanup_free_ char *reason = shortened(v->rejected);
	_cleanup_free_ uint8_t *copy = NULL;
	struct row_record r;

	if (txn_record(t, v->seq, &r) != ROW_GOOD)
		return; /* txn_release says so */
	copy = malloc(r.record.len + 1);
	if (reason == NULL || copy == NULL) {
		t->r = t->r != 0 ? t->r : ENOMEM;
		return;
	}
	/* A change to one table may move what another one's value pointed to. */
	memcpy(copy, r.record.at, r.record.len);
	txn_add_reject(t, v->exporter, v->seq,
		       &(struct row_reject){ now_ms, reason, { copy, r.record.len } });
	limits_rejects(t, journal_find(&t->next, v->exporter));
}

static void settle(struct txn *t, const struct journal_verdict *v, int64_t now_ms)
{
	struct exporter_state *e = journal_find(&t->next, v->exporter);

	if (!txn_unqueue(t, v->exporter, v->seq))
		return;
	e->row_changed = true;
	if (v->rejected != NULL) {
		e->info.rejected++;
		keep_reject(t, v, now_ms);
	} else {
		e->info.delivered++;
	}
	txn_release(t, v->seq);
}

struct work {
	const struct journal_entry *entries;
	size_t n_entries;
	const struct journal_verdict *verdicts;
	size_t n_verdicts;
	int64_t now_ms;
};

static int write_once(struct journal *j, const struct work *w, bool refuse, struct tesla_error *err)
{
	struct txn t;

	txn_begin(&t, j, 0);
	for (size_t i = 0; i < w->n_verdicts && t.r == 0; i++)
		settle(&t, &w->verdicts[i], w->now_ms);
	for (size_t i = 0; i < w->n_entries && t.r == 0 && !refuse; i++)
		append(&t, &w->entries[i]);
	if (refuse)
		limits_count(&t, JOURNAL_DROP_SIZE, w->n_entries);
	limits_apply(&t, w->now_ms);
	return txn_end(&t, err);
}

/* Somebody may remove or replace the file while it is open: what is written then is nowhere. */
static int still_there(struct journal *j, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct stat open_one, named;
	int fd;

	if (asprintf(&path, "%s/data.mdb", j->path) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", j->path);
	if (mdb_env_get_fd(j->env, &fd) == 0 && fstat(fd, &open_one) == 0 &&
	    stat(path, &named) == 0 && open_one.st_dev == named.st_dev &&
	    open_one.st_ino == named.st_ino)
		return 0;
	j->broken = true;
	return tesla_fail(err, -ESTALE,
			  "journal %s: data.mdb was removed or replaced while it was in use: the "
			  "%" PRIu64 " records in it are gone",
			  j->path, j->now.records);
}

int journal_write(struct journal *j, const struct journal_entry *entries, size_t n_entries,
		  const struct journal_verdict *verdicts, size_t n_verdicts, int64_t now_ms,
		  struct tesla_error *err)
{
	const struct work w = { entries, n_entries, verdicts, n_verdicts, now_ms };
	int r = still_there(j, err);

	if (r != 0)
		return r;
	r = write_once(j, &w, false, err);
	j->settled = j->asked;
	for (int i = 0; r == -EOVERFLOW && i < JOURNAL_TRIES; i++) {
		bool refuse = j->limits.policy == JOURNAL_DROP_NEWEST && j->grown;

		r = limits_make_room(j, err);
		if (r == 0)
			r = write_once(j, &w, refuse, err);
	}
	return r;
}

/* ---- what there is to see ---- */

int journal_info(struct journal *j, struct journal_info *ret)
{
	struct journal_exporter_info *list = calloc(j->now.n_exporters + 1, sizeof *list);

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < j->now.n_exporters; i++)
		list[i] = j->now.exporters[i].info;
	*ret = (struct journal_info){ .records = j->now.records,
				      .bytes = j->now.bytes,
				      .next_seq = j->now.next_seq,
				      .exporters = list,
				      .n_exporters = j->now.n_exporters };
	memcpy(ret->dropped, j->now.dropped, sizeof ret->dropped);
	return 0;
}
