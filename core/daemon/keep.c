/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that survives a kill: where its file is, and how it is taken over from an earlier life.
 * Opening always makes a new file and renames it, so there is one way to take over, whatever the
 * old one looks like.
 */
#include "daemon/keep.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/lock.h"
#include "daemon/keep_area.h"
#include "daemon/keep_save.h"

#define FILE_BYTES_MAX (1u << 30)
#define LOCK_TRIES 10

struct keep {
	struct area area;
	void *memory;
	size_t size;
	int fd;	      /* locked as long as this lives; -1: plain memory */
	bool foreign; /* another teslad has the files: they are left alone */
	bool is_new;  /* nothing was taken over */
	bool saved;   /* the copy in state_dir has records that no journal has yet: it stays */
	char *run, *run_new, *state, *state_new, *state_dir;
	const struct log *log;
	size_t waiting, held;
	uint64_t dropped;
	size_t seen;	/* the last one that was looked at, */
	uint64_t place; /* and where it is: walking on costs no more than a step */
};

/* ---- what an earlier life left ---- */

struct previous {
	char *bytes;
	struct area area;
	const char *path; /* NULL: there is none that can be used */
	bool quiet;	  /* whose slots are gone is no news */
};

static void previous_release(struct previous *p)
{
	area_release(&p->area);
	free(p->bytes);
}

/* An empty file is one that was about to be made. */
static bool previous_load(struct keep *k, const char *path, struct previous *p)
{
	struct tesla_error err;
	size_t len = 0;
	int rc = file_read(path, FILE_BYTES_MAX, &p->bytes, &len, &err);

	if (rc == -ENOENT || (rc == 0 && len == 0))
		goto none;
	if (rc == 0)
		rc = area_attach(&p->area, p->bytes, len, &err);
	if (rc == 0) {
		p->path = path;
		return true;
	}
	log_msg(k->log, LOG_LEVEL_WARNING, "%s %s: what it held is lost", path, err.text);
none:
	previous_release(p);
	*p = (struct previous){ .path = NULL };
	return false;
}

/* SIZE_MAX: none */
static size_t slot_of(const struct area *a, int64_t id)
{
	for (size_t i = 0; i < a->n_slots; i++)
		if (area_slot_id(a, i) == id)
			return i;
	return SIZE_MAX;
}

static void take_slot(struct keep *k, const struct previous *p, size_t from)
{
	int64_t id = area_slot_id(&p->area, from);
	size_t to = slot_of(&k->area, id), len;
	const void *bytes;

	if (area_slot_read(&p->area, from, &bytes, &len) != 0) {
		log_msg(k->log, LOG_LEVEL_WARNING,
			"%s: the open window of analyzer %" PRId64 " is damaged and thrown away",
			p->path, id);
		return;
	}
	if (bytes == NULL)
		return;
	if (to == SIZE_MAX && p->quiet)
		return;
	if (to == SIZE_MAX) {
		log_msg(k->log, LOG_LEVEL_WARNING,
			"%s: the open window of analyzer %" PRId64
			" is thrown away: it is no longer configured",
			p->path, id);
		return;
	}
	area_slot_write(&k->area, to, bytes, len);
}

static void take_ring(struct keep *k, const struct previous *p)
{
	uint64_t place = area_first(&p->area);
	struct area_entry e;
	size_t broken = 0;

	while (area_entry(&p->area, place, &e)) {
		if (e.whole)
			(void)keep_push(k, e.bytes, e.len);
		else
			broken++;
		place = e.after;
	}
	if (broken > 0)
		log_msg(k->log, LOG_LEVEL_WARNING, "%s: %zu records are damaged and thrown away",
			p->path, broken);
	if (place != area_next(&p->area))
		log_msg(k->log, LOG_LEVEL_WARNING,
			"%s: the records behind a damaged one cannot be found and are lost",
			p->path);
}

/* ---- making it ---- */

/*
 * Takes the lock of what `path` names; an open file that was replaced meanwhile is not that any
 * more.  The descriptor, or -errno.
 */
static int lock_path(const char *path, struct tesla_error *err)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		struct stat at, is;

		if (fd < 0)
			return tesla_fail(err, -errno, "cannot be opened: %s", strerror(errno));
		if (lock_file(fd) != 0) {
			(void)close(fd);
			return tesla_fail(err, -EBUSY, "is in use by another teslad");
		}
		if (fstat(fd, &is) == 0 && lstat(path, &at) == 0 && is.st_dev == at.st_dev &&
		    is.st_ino == at.st_ino && S_ISREG(is.st_mode))
			return fd;
		(void)close(fd);
	}
	return tesla_fail(err, -EBUSY, "is no file, or is replaced again and again");
}

/* A new file with all its room, so that writing to the memory cannot fail later. */
static int map_new(struct keep *k, struct tesla_error *err)
{
	void *memory = MAP_FAILED;
	int fd, rc;

	(void)unlink(k->run_new);
	fd = lock_path(k->run_new, err);
	if (fd < 0)
		return fd;
	rc = posix_fallocate(fd, 0, (off_t)k->size);
	if (rc == 0) {
		memory = mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		rc = memory == MAP_FAILED ? errno : 0;
	}
	if (rc == 0) {
		k->fd = fd;
		k->memory = memory;
		return 0;
	}
	(void)close(fd);
	(void)unlink(k->run_new);
	return tesla_fail(err, -rc, "cannot have %zu bytes: %s", k->size, strerror(rc));
}

static int map_plain(struct keep *k)
{
	void *memory =
		mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	k->memory = memory == MAP_FAILED ? NULL : memory;
	return k->memory ? 0 : -ENOMEM;
}

static void take_over(struct keep *k, const struct previous *p)
{
	for (size_t i = 0; i < p->area.n_slots; i++)
		take_slot(k, p, i);
	take_ring(k, p);
}

static void settle(struct keep *k)
{
	if (k->saved && k->waiting == 0) {
		(void)unlink(k->state);
		k->saved = false;
	}
}

/* The new file is what the next life finds; the saved one, who has no run_dir after a power cut. */
static int put_in_place(struct keep *k, struct tesla_error *err)
{
	if (rename(k->run_new, k->run) != 0)
		return tesla_fail(err, -errno, "cannot be replaced: %s", strerror(errno));
	k->saved = k->state != NULL;
	settle(k);
	return 0;
}

/*
 * The old file stays, for its ring; but a life after this one must not go on from its windows: what
 * is counted from now on would be counted twice.
 */
static int slots_forget(const struct previous *p)
{
	static const uint64_t none = 0;
	_cleanup_close_ int fd = open(p->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < p->area.n_slots; i++) {
		off_t at = (off_t)area_slot_at(&p->area, i);
		ssize_t n = pwrite(fd, &none, sizeof none, at);

		if (n != (ssize_t)sizeof none)
			return n < 0 ? -errno : -EIO;
	}
	return fdatasync(fd) == 0 ? 0 : -errno;
}

static void previous_stays(const struct keep *k, const struct previous *p)
{
	int rc = p->path != NULL ? slots_forget(p) : 0;

	if (rc != 0)
		log_msg(k->log, LOG_LEVEL_ERROR,
			"%s cannot be changed: %s: remove it before the next start, which would go "
			"on from the windows in it",
			p->path, strerror(-rc));
}

/* What was kept may be larger than what will be: whose it is sees what of it can be used. */
static struct keep_slot *rooms(const struct keep_slot *slots, size_t n, const struct previous *p)
{
	struct keep_slot *list = calloc(n + 1, sizeof *list);
	const void *bytes;
	size_t len;

	for (size_t i = 0; list != NULL && i < n; i++) {
		size_t from = slot_of(&p->area, slots[i].id);

		list[i] = slots[i];
		if (from != SIZE_MAX && area_slot_read(&p->area, from, &bytes, &len) == 0 &&
		    len > list[i].size)
			list[i].size = len;
	}
	return list;
}

/* And what the largest may leave unused where the ring goes on at its beginning. */
static uint64_t ring_wanted(const struct keep_slot *slots, size_t n)
{
	uint64_t round = 0, largest = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t entry = slots[i].entry > 0 ? area_entry_bytes(slots[i].entry) : 0;

		round += entry;
		largest = entry > largest ? entry : largest;
	}
	return 2 * round + largest;
}

static size_t ring_bytes(const struct keep_slot *slots, size_t n)
{
	uint64_t wanted = ring_wanted(slots, n);

	return wanted < KEEP_RING_BYTES ? KEEP_RING_BYTES
	       : wanted < KEEP_RING_MAX ? (size_t)wanted
					: KEEP_RING_MAX;
}

/* At least what it takes over, all of which was written. */
static size_t ring_bytes_from(const struct keep_slot *slots, size_t n, const struct previous *p)
{
	size_t bytes = ring_bytes(slots, n);
	uint64_t used = p->path != NULL ? area_next(&p->area) - area_first(&p->area) : 0;

	if (used <= bytes || used % 8 != 0)
		return bytes;
	return used < p->area.ring_bytes ? (size_t)used : p->area.ring_bytes;
}

static void ring_say(const struct keep *k, const struct keep_slot *slots, size_t n)
{
	uint64_t wanted = ring_wanted(slots, n);

	if (wanted > KEEP_RING_MAX)
		log_msg(k->log, LOG_LEVEL_WARNING,
			"two rounds of records of %zu analyzers take up to %" PRIu64
			" MiB, and memory is kept for %u MiB: while the journal is slow or cannot "
			"be written, the oldest are lost sooner; ask for fewer variables",
			n, (wanted >> 20) + 1, KEEP_RING_MAX >> 20);
}

/* Memory of its own, in a file if that can be had (*err: why not), with all that was kept. */
static int keep_fill(struct keep *k, const struct keep_slot *slots, size_t n,
		     const struct previous *p, bool in_file, struct tesla_error *err)
{
	size_t ring = ring_bytes_from(slots, n, p);
	int rc;

	k->size = area_size(slots, n, ring);
	if (k->size == 0)
		return -ENOMEM;
	rc = in_file ? map_new(k, err) : -EBUSY;
	if (rc < 0 && map_plain(k) != 0)
		return -ENOMEM;
	if (area_format(&k->area, k->memory, slots, n, ring) != 0)
		return -ENOMEM;
	ring_say(k, slots, n);
	if (p->path != NULL)
		take_over(k, p);
	return rc;
}

static int keep_make(struct keep *k, const struct keep_slot *slots, size_t n)
{
	struct previous p = { .path = NULL };
	struct tesla_error err;
	_cleanup_close_ int old = lock_path(k->run, &err);
	_cleanup_free_ struct keep_slot *list = NULL;
	int rc = -ENOMEM;

	k->foreign = old == -EBUSY;
	if (!k->foreign && !previous_load(k, k->run, &p) && k->state != NULL)
		(void)previous_load(k, k->state, &p);
	k->is_new = p.path == NULL;
	list = rooms(slots, n, &p);
	if (list != NULL)
		rc = keep_fill(k, list, n, &p, old >= 0, &err);
	if (rc == 0)
		rc = put_in_place(k, &err);
	if (rc < 0 && k->area.slots != NULL)
		previous_stays(k, &p);
	previous_release(&p);
	if (k->area.slots == NULL)
		return -ENOMEM;
	if (rc < 0)
		log_msg(k->log, LOG_LEVEL_ERROR,
			"%s %s: open windows, and records that no journal has yet, will not "
			"survive a kill",
			k->run, err.text);
	return 0;
}

static char *path_of(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static bool same_folder(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int keep_paths(struct keep *k, const char *run_dir, const char *state_dir)
{
	k->run = path_of(run_dir, "windows");
	k->run_new = path_of(run_dir, "windows.new");
	if (k->run == NULL || k->run_new == NULL)
		return -ENOMEM;
	if (same_folder(run_dir, state_dir))
		return 0; /* it lasts where it is */
	k->state_dir = strdup(state_dir);
	k->state = path_of(state_dir, "windows");
	k->state_new = path_of(state_dir, "windows.new");
	return k->state_dir && k->state && k->state_new ? 0 : -ENOMEM;
}

struct keep *keep_open(const char *run_dir, const char *state_dir, const struct keep_slot *slots,
		       size_t n, const struct log *log)
{
	struct keep *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	k->fd = -1;
	k->log = log;
	if (keep_paths(k, run_dir, state_dir) != 0 || keep_make(k, slots, n) != 0) {
		keep_close(k, false);
		return NULL;
	}
	return k;
}

bool keep_in_place(const struct keep *k)
{
	struct stat at, is;

	return k->fd < 0 || (fstat(k->fd, &is) == 0 && lstat(k->run, &at) == 0 &&
			     is.st_dev == at.st_dev && is.st_ino == at.st_ino);
}

/* ---- other slots while it lives ---- */

static bool same_slots(const struct keep *k, const struct keep_slot *slots, size_t n)
{
	if (n != k->area.n_slots || ring_bytes(slots, n) > k->area.ring_bytes)
		return false;
	for (size_t i = 0; i < n; i++)
		if (area_slot_id(&k->area, i) != slots[i].id ||
		    area_slot_room(&k->area, i) < slots[i].size)
			return false;
	return true;
}

static void memory_release(struct keep *k)
{
	if (k->memory != NULL)
		(void)munmap(k->memory, k->size);
	area_release(&k->area);
	if (k->fd >= 0)
		(void)close(k->fd);
}

/* As at the start: a new file, filled from what there is, and renamed. */
static int keep_refill(struct keep *k, const struct keep_slot *slots, size_t n, struct keep *old,
		       struct tesla_error *err)
{
	const struct previous p = { .area = old->area, .path = old->run, .quiet = true };
	_cleanup_free_ struct keep_slot *list = rooms(slots, n, &p);
	bool in_file = old->fd >= 0;
	int rc;

	k->area = (struct area){ .n_slots = 0 };
	k->memory = NULL;
	k->fd = -1;
	k->waiting = k->held = k->seen = 0;
	k->place = 0; /* where a new ring begins */
	rc = list != NULL ? keep_fill(k, list, n, &p, in_file, err) : -ENOMEM;
	if (k->area.slots == NULL)
		return tesla_fail(err, -ENOMEM, "has no memory for %zu open windows", n);
	if (!in_file)
		return 0;
	if (rc == 0 && rename(k->run_new, k->run) != 0)
		rc = tesla_fail(err, -errno, "cannot be replaced: %s", strerror(errno));
	return rc;
}

int keep_change(struct keep *k, const struct keep_slot *slots, size_t n, struct tesla_error *err)
{
	struct keep old = *k;
	struct tesla_error why = { .code = 0 };
	bool same = same_slots(k, slots, n);
	int rc;

	assert(k->held == 0);
	if (same && keep_in_place(k))
		return 0;
	rc = keep_refill(k, slots, n, &old, &why);
	if (rc == 0) {
		memory_release(&old);
		return 0;
	}
	memory_release(k);
	*k = old;
	return same ? 0 : tesla_fail(err, rc, "%s %s", k->run, why.text);
}

/* ---- leaving it ---- */

static void keep_save(struct keep *k)
{
	int rc = area_save(&k->area, k->state_dir, k->state_new, k->state);

	if (rc == 0)
		(void)unlink(k->run);
	else
		log_msg(k->log, LOG_LEVEL_ERROR,
			"%s cannot be written: %s: open windows will not survive a restart of the "
			"machine",
			k->state, strerror(-rc));
}

void keep_close(struct keep *k, bool save)
{
	if (k == NULL)
		return;
	if (save && !k->foreign && k->state != NULL)
		keep_save(k);
	memory_release(k);
	free(k->run);
	free(k->run_new);
	free(k->state);
	free(k->state_new);
	free(k->state_dir);
	free(k);
}

/* ---- slots and ring ---- */

bool keep_is_new(const struct keep *k)
{
	return k->is_new;
}

const void *keep_read(const struct keep *k, size_t slot, size_t *len)
{
	const void *bytes;

	return area_slot_read(&k->area, slot, &bytes, len) == 0 ? bytes : NULL;
}

void keep_write(struct keep *k, size_t slot, const void *bytes, size_t len)
{
	area_slot_write(&k->area, slot, bytes, len);
}

/* Where the i-th is; i of all: where the next one will be. */
static uint64_t place_of(struct keep *k, size_t i)
{
	struct area_entry e;

	assert(i <= k->waiting);
	if (i < k->seen) {
		k->seen = 0;
		k->place = area_first(&k->area);
	}
	for (; k->seen < i && area_entry_quick(&k->area, k->place, &e); k->seen++)
		k->place = e.after;
	return k->place;
}

const void *keep_peek(struct keep *k, size_t i, size_t *len)
{
	struct area_entry e;

	if (i >= k->waiting || !area_entry_quick(&k->area, place_of(k, i), &e))
		return NULL;
	*len = e.len;
	return e.bytes;
}

static void drop(struct keep *k, size_t n)
{
	area_pop_to(&k->area, place_of(k, n));
	k->seen = 0; /* that place is the first one's now */
	k->waiting -= n;
	k->held -= n < k->held ? n : k->held;
}

void keep_pop(struct keep *k, size_t n)
{
	drop(k, n);
	settle(k);
}

int keep_push(struct keep *k, const void *bytes, size_t len)
{
	int rc = area_push(&k->area, bytes, len);

	while (rc == -ENOSPC && k->held == 0 && k->waiting > 0) {
		drop(k, 1);
		k->dropped++;
		rc = area_push(&k->area, bytes, len);
	}
	if (rc == 0)
		k->waiting++;
	else
		k->dropped++;
	return rc;
}

void keep_hold(struct keep *k, size_t n)
{
	assert(n <= k->waiting);
	k->held = n;
}

size_t keep_waiting(const struct keep *k)
{
	return k->waiting;
}

uint64_t keep_dropped(const struct keep *k)
{
	return k->dropped;
}
