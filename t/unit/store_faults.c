/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store on a disk that fails: no room, errors, writes that are cut short, syncs that fail, no
 * address space for a larger map.  What was acknowledged is there, whatever is done next, in the
 * same process and after the next start; nothing is there that nobody sent; verify finds nothing.
 */
#include "central/store.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "store_care.h"

enum fault { OFF, NO_ROOM, BROKEN, SHORT, NO_SYNC, NO_MAP };

/* These stand before the C library's, for the store, for LMDB, for all. */
static struct {
	enum fault fault;
	unsigned every, calls, hits;
} now;

static void next(const char *name, void *ret)
{
	void *p = dlsym(RTLD_NEXT, name);

	cr_assert(p != NULL);
	memcpy(ret, &p, sizeof p);
}

/* Only regular files that are open for writing: not what Criterion tells its parent. */
static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static enum fault strike(int fd, bool sync)
{
	if (now.fault == OFF || now.fault == NO_MAP || (now.fault == NO_SYNC) != sync ||
	    !is_file(fd) || ++now.calls % now.every != 0)
		return OFF;
	now.hits++;
	errno = now.fault == NO_ROOM ? ENOSPC : EIO;
	return now.fault;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t);
	enum fault f = strike(fd, false);

	next("pwrite", &real);
	return f == NO_ROOM || f == BROKEN ? -1
					   : real(fd, bytes, f == SHORT ? (len + 1) / 2 : len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	ssize_t (*real)(int, const struct iovec *, int);
	enum fault f = strike(fd, false);

	next("writev", &real);
	return f == NO_ROOM || f == BROKEN ? -1 : real(fd, v, f == SHORT ? (n + 1) / 2 : n);
}

int fdatasync(int fd)
{
	int (*real)(int);

	next("fdatasync", &real);
	return strike(fd, true) == NO_SYNC ? -1 : real(fd);
}

int fsync(int fd)
{
	int (*real)(int);

	next("fsync", &real);
	return strike(fd, true) == NO_SYNC ? -1 : real(fd);
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t at)
{
	void *(*real)(void *, size_t, int, int, int, off_t);

	if (now.fault == NO_MAP && (flags & MAP_ANONYMOUS) == 0 && ++now.calls % now.every == 0) {
		now.hits++;
		errno = ENOMEM;
		return MAP_FAILED;
	}
	next("mmap", &real);
	return real(addr, len, prot, flags, fd, at);
}

void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t at)
{
	return mmap(addr, len, prot, flags, fd, at);
}

/* ---- sent and acknowledged ---- */

#define SENT 600

struct rig {
	char dir[64];
	struct care care;
	struct store *store; /* NULL: it could not be opened */
	bool acked[SENT];
	unsigned n_failed;
};

static void try_open(struct rig *r)
{
	struct tesla_error err = { 0 };

	store_close(r->store);
	r->store = NULL;
	if (store_open(r->dir, &r->care.conf, &r->store, &err) != 0)
		cr_assert(err.text[0] != '\0');
}

static int64_t end_of(size_t i)
{
	return START + (int64_t)(i * 7919 % SENT) * 20 * MINUTE;
}

static int append(struct store *s, size_t i, struct tesla_error *err)
{
	const struct tesla_record_element e = { (double)i, (double)i, (double)i, NAN,
						MINUTE,	   60,	      TESLA_GOOD };
	const struct tesla_record_variable v = { "FRE", "Hz", TESLA_GAUGE, 1, 1, &e };
	const struct tesla_record_variable *const rows[] = { &v };
	const struct record record = {
		1 + (int64_t)(i % 3), end_of(i) - MINUTE, end_of(i), "PM710", "1", 1, rows
	};

	struct store_verdict verdict;
	int r = store_append(s, &(struct store_record){ "n1", &record }, 1, &verdict, err);

	cr_assert(r != 0 || verdict.outcome != STORE_REJECTED, "%s", verdict.reason);
	return r;
}

/* A record, or now and then a compaction; after a failure another try, or another start. */
static void go_on(struct rig *r, size_t i, uint64_t z)
{
	struct tesla_error err = { 0 };
	int rc = 0;

	if (r->store == NULL)
		try_open(r);
	if (r->store == NULL) {
		r->n_failed++;
		return;
	}
	rc = append(r->store, i, &err);
	r->acked[i] = rc == 0;
	if (rc == 0 && i % 37 == 0)
		rc = store_compact(r->store, z % 2 == 0, &err);
	if (rc == 0)
		return;
	cr_assert(err.text[0] != '\0');
	r->n_failed++;
	if (z % 3 == 0)
		try_open(r);
}

static int see(void *arg, const struct store_record *rec, struct tesla_error *err)
{
	bool *there = arg;
	size_t i = (size_t)rec->record->variables[0]->elements[0].value;

	(void)err;
	cr_assert(i < SENT && rec->record->end_ms == end_of(i) &&
		  rec->record->analyzer == 1 + (int64_t)(i % 3));
	cr_assert(!there[i], "%zu is there twice", i);
	there[i] = true;
	return 0;
}

static void check(struct rig *r)
{
	bool there[SENT] = { false };
	struct tesla_error err = { 0 };

	cr_assert(store_walk(r->store, see, there, &err) == 0, "%s", err.text);
	for (size_t i = 0; i < SENT; i++)
		cr_assert(there[i] || !r->acked[i], "%zu was acknowledged, and is lost", i);
	cr_assert(care_verify(r->store) == 0 && r->care.n_lost == 0, "%s", r->care.said);
}

static void torture(enum fault fault, unsigned every)
{
	struct rig *r = calloc(1, sizeof *r);
	struct tesla_error err = { 0 };
	uint64_t z = fault * 1000 + every;

	cr_assert(r != NULL);
	scratch_make(r->dir);
	care_init(&r->care);
	try_open(r);
	now.calls = now.hits = 0;
	now.every = every;
	for (size_t i = 0; i < SENT - 1; i++) {
		z = z * UINT64_C(6364136223846793005) + 1442695040888963407;
		now.fault = (fault == NO_MAP ? i > 20 && i < 400 : i / 50 % 2 == 1) ? fault : OFF;
		go_on(r, i, z >> 40);
	}
	cr_expect(now.hits > 0 || every > 7, "fault %d never struck", fault);
	now.fault = OFF; /* there is room again */
	if (r->store == NULL)
		try_open(r);
	cr_assert(r->store != NULL);
	cr_assert(append(r->store, SENT - 1, &err) == 0, "it does not go on: %s", err.text);
	r->acked[SENT - 1] = true;
	check(r);
	try_open(r);
	check(r);
	store_close(r->store);
	remove_all(r->dir);
	free(r);
}

Test(store_faults, nothing_acknowledged_is_lost)
{
	static const unsigned every[] = { 1, 2, 3, 5, 7, 11, 23 };

	for (enum fault f = NO_ROOM; f <= NO_SYNC; f++)
		for (size_t i = 0; i < N_ELEMENTS(every); i++)
			torture(f, every[i]);
}

/* The map grows by 64 MiB: begin with pages, so that it grows at all. */
Test(store_faults, no_room_for_a_larger_map)
{
	torture(NO_MAP, 1);
}
