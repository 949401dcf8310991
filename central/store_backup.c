/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of a store in use.  No read transaction may outlive a step, so there is no one moment
 * that is copied.  Recent rows go before blocks: a row that becomes one of a block meanwhile is in
 * one of the two, or in both, and then the block's is read, as ever.  Of roll-ups nothing is made
 * or removed while a backup is under way; rows still come late, so their marks go last: none is
 * missing of a row that the copy has.
 */
#include "central/store_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "central/store_levels.h"

/* The copy's own: it grows to its usual length when the copy is used. */
#define WAL_BYTES ((size_t)16 << 10)

struct progress {
	size_t phase;
	uint32_t set; /* where to go on */
	int64_t ms;
	struct { /* the block that was copied last */
		bool any;
		uint32_t set, crc;
		int64_t ms;
	} last;
	size_t n_sets; /* whose definitions are in the copy */
};
struct store_backup {
	struct store *from, *to;
	struct store_backup_conf conf;
	char *path, *part;
	struct progress at;
};

static int path_fail(const char *path, const char *what, struct tesla_error *err)
{
	return tesla_fail(err, -errno, "backup %s: %s: %s", path, what, strerror(errno));
}

/* ---- the folder under its first name ---- */

static const char *const names[] = {
	"registry/data.mdb", "registry/lock.mdb", "registry", "data.mdb", "wal",
	"wal.new",	     "tesla-central.lock"
};

/* As a folder of backups it has nothing else; if it has, it stays. */
static void part_remove(const char *part)
{
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", part, names[i]) >= 0)
			(void)remove(path);
	}
	(void)rmdir(part);
}

/* Whoever makes one there at this moment has its lock. */
static int part_clear(const char *part, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s/tesla-central.lock", part) < 0)
		return tesla_fail(err, -ENOMEM, "backup %s: no memory", part);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && lock_file(fd) != 0)
		return tesla_fail(err, -EBUSY, "backup %s: another process makes it", part);
	part_remove(part);
	return 0;
}

static int sync_folder(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fsync(fd) : -1;
}

static int sync_parent(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	return copy != NULL ? sync_folder(dirname(copy)) : -1;
}

/* Never over something that is there; not every file system knows how to see to that itself. */
static int put_in_place(const char *part, const char *path)
{
	struct stat st;

	if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (lstat(path, &st) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(part, path);
}

/* ---- begin and end ---- */

static void hear(void *arg, bool lost, const char *sentence)
{
	struct store_backup *b = arg;

	if (b->from->conf.damage != NULL)
		b->from->conf.damage(b->from->conf.arg, lost, sentence);
}

static int begin(struct store_backup *b, struct tesla_error *err)
{
	struct store_conf conf = { .wal_bytes = WAL_BYTES,
				   .cells_max = b->from->conf.cells_max,
				   .damage = hear,
				   .arg = b };
	struct stat st;
	int r;

	if (lstat(b->path, &st) == 0)
		return tesla_fail(err, -EEXIST, "backup %s: it is there already", b->path);
	r = part_clear(b->part, err);
	if (r == 0)
		r = store_apply(b->from, err);
	return r == 0 ? store_open(b->part, &conf, &b->to, err) : r;
}

int store_backup_begin(struct store *s, const struct store_backup_conf *conf,
		       struct store_backup **ret, struct tesla_error *err)
{
	struct store_backup *b = calloc(1, sizeof *b);
	size_t len = strlen(conf->to);
	int r;

	while (len > 1 && conf->to[len - 1] == '/')
		len--;
	if (b != NULL) {
		b->from = s;
		s->n_backups++;
		b->conf = *conf;
		b->conf.step_bytes = conf->step_bytes != 0 ? conf->step_bytes : SLICE_BYTES;
		b->at.ms = INT64_MIN;
		b->path = strndup(conf->to, len);
	}
	if (b == NULL || b->path == NULL || asprintf(&b->part, "%s.part", b->path) < 0) {
		store_backup_end(b);
		return tesla_fail(err, -ENOMEM, "backup %s: no memory", conf->to);
	}
	r = begin(b, err);
	if (r != 0)
		store_backup_end(b);
	else
		*ret = b;
	return r;
}

void store_backup_end(struct store_backup *b)
{
	if (b == NULL)
		return;
	b->from->n_backups--;
	store_close(b->to);
	if (b->to != NULL)
		part_remove(b->part);
	free(b->path);
	free(b->part);
	free(b);
}

/* ---- copying ---- */

static void say_lost(struct store_backup *b, const char *what, uint32_t id, int64_t ms,
		     const char *why)
{
	const struct set *set = set_by_id(&b->from->sets, id);
	char who[320];

	if (set != NULL)
		set_describe(set, who, sizeof who);
	else
		(void)snprintf(who, sizeof who, "set %" PRIu32, id);
	store_say(b->from, "%s, %s %" PRId64 ": %s; not in the backup", who, what, ms, why);
}

/* Those that came since the last step too: a row may need them. */
static void put_sets(struct store_backup *b, struct progress *at, struct txn *w)
{
	const struct sets *sets = &b->from->sets;

	for (; at->n_sets < sets->n; at->n_sets++) {
		const struct set *set = sets->by_id[at->n_sets];

		if (set != NULL && !set->saved)
			break;
		if (set != NULL && !set->unreadable)
			set_put(w, set);
	}
}

static void put_row(struct store_backup *b, struct progress *at, struct txn *w,
		    const struct key *key, MDB_val value)
{
	const struct set *set = set_by_id(&b->from->sets, at->set);

	if (set == NULL)
		say_lost(b, "row of", at->set, at->ms, "nothing says what it means");
	else if (!row_is_good(set, key_val(key), value))
		say_lost(b, "row of", at->set, at->ms, "the checksum is wrong");
	else
		txn_put(w, TABLE_RECENT, key_val(key), value);
}

static void put_block(struct store_backup *b, struct progress *at, struct txn *w,
		      const struct key *key, MDB_val value)
{
	const struct set *set = set_by_id(&b->from->sets, at->set);
	struct tesla_error why = { 0 };
	struct codec_block block = { 0 };
	int r = codec_open(value.mv_data, value.mv_size, &block, &why);

	if (r == 0 &&
	    (set == NULL || set->n_columns != block.n_columns || block.first_ms != at->ms))
		r = tesla_fail(&why, -EBADMSG, "block: it does not belong where it stands");
	if (r != 0) {
		say_lost(b, "block from", at->set, at->ms, why.text);
		return;
	}
	at->last.any = true;
	at->last.set = at->set;
	at->last.ms = at->ms;
	(void)codec_peek(value.mv_data, value.mv_size, &block, &at->last.crc);
	txn_put(w, TABLE_BLOCKS, key_val(key), value);
}

static void put_late(struct store_backup *b, struct progress *at, struct txn *w,
		     const struct key *key, MDB_val value)
{
	(void)b;
	(void)at;
	(void)value;
	txn_put(w, TABLE_LATE, key_val(key), (MDB_val){ 0, NULL });
}

/* ---- what changed between two steps ---- */

/* The last block of its set at or before the one that was copied last; false: there is none. */
static bool block_before(struct progress *at, struct txn *r, int64_t *ms, uint32_t *crc)
{
	MDB_cursor *c = cursor_open(r, TABLE_BLOCKS);
	struct key behind = key_of(at->last.set, at->last.ms + 1);
	struct codec_block block;
	MDB_val value;
	uint32_t id = 0;
	bool here;

	if (c == NULL)
		return false;
	here = cursor_move(r, c, MDB_SET_RANGE, &behind, &id, ms, &value);
	here = cursor_move(r, c, here ? MDB_PREV : MDB_LAST, NULL, &id, ms, &value);
	mdb_cursor_close(c);
	return here && id == at->last.set && codec_peek(value.mv_data, value.mv_size, &block, crc);
}

static void drop_from(struct progress *at, struct txn *w, int64_t ms)
{
	struct key key = key_of(at->last.set, ms);
	MDB_cursor *c = cursor_open(w, TABLE_BLOCKS);
	MDB_val value;
	uint32_t id;
	int64_t found;

	while (c != NULL && cursor_move(w, c, MDB_SET_RANGE, &key, &id, &found, &value) &&
	       id == at->last.set)
		w->r = mdb_cursor_del(c, 0);
	if (c != NULL)
		mdb_cursor_close(c);
}

/*
 * When the block that was copied last is another one now, it was split, or merged with others, be
 * they copied or not: what begins at its place or before it is copied again, in the place of what
 * the copy has from there on.  What changed farther back the copy has as it was then, whole.
 */
static void look_back(struct progress *at, struct txn *r, struct txn *w)
{
	uint32_t crc;
	int64_t ms;

	if (!at->last.any || !block_before(at, r, &ms, &crc) ||
	    (ms == at->last.ms && crc == at->last.crc))
		return;
	drop_from(at, w, ms);
	at->set = at->last.set;
	at->ms = ms;
	at->last.any = false;
}

static const struct phase {
	enum table table;
	void (*put)(struct store_backup *b, struct progress *at, struct txn *w,
		    const struct key *key, MDB_val value); /* NULL: not by keys of rows */
} phases[] = {
	/* in this order: see above */
	{ TABLE_RECENT, put_row },
	{ TABLE_ROLLED, NULL },
	{ TABLE_BLOCKS, put_block },
	{ TABLE_LATE, put_late },
};

static void next_phase(struct progress *at)
{
	at->phase++;
	at->set = 0;
	at->ms = INT64_MIN;
}

/* How far roll-ups are made: the sets know it. */
static void copy_rolled(struct store_backup *b, struct progress *at, struct txn *w)
{
	const struct sets *sets = &b->from->sets;
	size_t bytes = 0;

	for (; w->r == 0 && at->set < sets->n && bytes < b->conf.step_bytes && !txn_is_long(w);
	     at->set++) {
		const struct set *set = sets->by_id[at->set];

		if (set == NULL || set->unreadable || set->of_id == 0 || set->done_ms == INT64_MIN)
			continue;
		level_put_done(w, set, set->done_ms);
		bytes += KEY_BYTES;
	}
	if (w->r == 0 && at->set == sets->n)
		next_phase(at);
}

static void go_behind(struct progress *at)
{
	at->set += at->ms == INT64_MAX;
	at->ms = at->ms == INT64_MAX ? INT64_MIN : at->ms + 1;
}

static void copy_by_key(struct store_backup *b, struct progress *at, struct txn *r, struct txn *w)
{
	const struct phase *phase = &phases[at->phase];
	MDB_cursor *c = cursor_open(r, phase->table);
	MDB_cursor_op op = MDB_SET_RANGE;
	struct key key = key_of(at->set, at->ms);
	size_t bytes = 0;
	MDB_val value;

	for (; c != NULL && w->r == 0 && bytes < b->conf.step_bytes && !txn_is_long(r);
	     op = MDB_NEXT) {
		if (!cursor_move(r, c, op, &key, &at->set, &at->ms, &value)) {
			next_phase(at);
			break;
		}
		key = key_of(at->set, at->ms);
		phase->put(b, at, w, &key, value);
		bytes += KEY_BYTES + value.mv_size;
		go_behind(at);
	}
	if (c != NULL)
		mdb_cursor_close(c);
}

/* The number in it means nothing to another write-ahead file, and does no harm. */
static void put_meta(struct txn *r, struct txn *w)
{
	MDB_val key = { 4, (void *)(uintptr_t) "meta" }, value;

	if (txn_get(r, TABLE_META, key, &value))
		txn_put(w, TABLE_META, key, value);
}

static int copy_step(struct store_backup *b, struct tesla_error *err)
{
	struct progress at = b->at;
	struct txn r, w;
	int end, end_w;

	txn_begin(&r, b->from, false);
	txn_begin(&w, b->to, true);
	if (w.r == 0)
		put_sets(b, &at, &w);
	if (at.phase == 0)
		put_meta(&r, &w);
	else if (phases[at.phase].table == TABLE_BLOCKS)
		look_back(&at, &r, &w);
	if (phases[at.phase].put == NULL)
		copy_rolled(b, &at, &w);
	else
		copy_by_key(b, &at, &r, &w);
	if (r.r != 0 && w.r == 0)
		w.r = ECANCELED;
	end = txn_end(&r, err);
	end_w = txn_end(&w, end == 0 ? err : &(struct tesla_error){ 0 });
	if (end != 0)
		return end;
	if (end_w == 0)
		b->at = at;
	return end_w == 0 || end_w == -EAGAIN ? 1 : end_w;
}

static int finish(struct store_backup *b, struct tesla_error *err)
{
	int r = b->conf.more != NULL ? b->conf.more(b->conf.arg, b->part, err) : 0;

	if (r != 0)
		return r;
	if (sync_folder(b->part) != 0 || put_in_place(b->part, b->path) != 0)
		return path_fail(b->path, "it cannot be put in its place", err);
	store_close(b->to);
	b->to = NULL; /* it has its name now, and stays */
	return sync_parent(b->path) == 0 ? 0 : path_fail(b->path, "its folder", err);
}

bool store_backup_is_copied(const struct store_backup *b)
{
	return b->at.phase == N_ELEMENTS(phases);
}

int store_backup_step(struct store_backup *b, struct tesla_error *err)
{
	if (b->to == NULL)
		return 0;
	return b->at.phase < N_ELEMENTS(phases) ? copy_step(b, err) : finish(b, err);
}
