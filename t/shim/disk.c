/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails, for LD_PRELOAD.  TESLA_DISK names a file that says how, now: a text such as
 * "enospc 3 /journal/": every third write to a file with /journal/ in its path fails.  Also eio,
 * short (half of it is written), sync (fdatasync and fsync fail with EIO), off.  Each call that was
 * struck is a byte more in the file of that name with .hits behind it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault { OFF, ENOSPC_, EIO_, SHORT, SYNC };

static atomic_uint calls; /* of this process: shims have no other place */

static enum fault fault_named(const char *name)
{
	static const char *const names[] = { "off", "enospc", "eio", "short", "sync" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum fault)i;
	return OFF;
}

/* What the file says now; *every and where are filled. */
static enum fault fault_now(unsigned *every, char where[64])
{
	const char *file = getenv("TESLA_DISK");
	char text[128] = "", name[16] = "off";
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0 || sscanf(text, "%15s %u %63s", name, every, where) != 3 || *every == 0)
		return OFF;
	return fault_named(name);
}

static bool is_there(int fd, const char *where)
{
	char link[40], path[4096];
	ssize_t n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return strstr(path, where) != NULL;
}

static void hit_note(void)
{
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof path, "%s.hits", getenv("TESLA_DISK"));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd >= 0) {
		(void)!write(fd, ".", 1); /* comes through here: no path of ours is struck */
		(void)close(fd);
	}
}

/* The fault that this call is to have. */
static enum fault strike(int fd, bool sync)
{
	unsigned every = 1;
	char where[64] = "";
	int saved = errno;
	enum fault f = fault_now(&every, where);
	bool hit = f != OFF && (f == SYNC) == sync && is_there(fd, where) &&
		   atomic_fetch_add(&calls, 1) % every == every - 1;

	if (hit)
		hit_note();
	errno = saved;
	return hit ? f : OFF;
}

/* The function that this one stands before; C has no cast from an object to a function. */
static void next(const char *name, void *ret)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		abort();
	memcpy(ret, &p, sizeof p);
}

static ssize_t fail(int code)
{
	errno = code;
	return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at);

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t);
	enum fault f = strike(fd, false);

	next("pwrite", &real);
	if (f == ENOSPC_ || f == EIO_)
		return fail(f == ENOSPC_ ? ENOSPC : EIO);
	return real(fd, bytes, f == SHORT ? len / 2 : len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	ssize_t (*real)(int, const void *, size_t);
	enum fault f = strike(fd, false);

	next("write", &real);
	if (f == ENOSPC_ || f == EIO_)
		return fail(f == ENOSPC_ ? ENOSPC : EIO);
	return real(fd, bytes, f == SHORT ? len / 2 : len);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	ssize_t (*real)(int, const struct iovec *, int);
	enum fault f = strike(fd, false);

	next("writev", &real);
	if (f == ENOSPC_ || f == EIO_)
		return fail(f == ENOSPC_ ? ENOSPC : EIO);
	return real(fd, v, f == SHORT ? (n + 1) / 2 : n);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	ssize_t (*real)(int, const struct iovec *, int, off_t);
	enum fault f = strike(fd, false);

	next("pwritev", &real);
	if (f == ENOSPC_ || f == EIO_)
		return fail(f == ENOSPC_ ? ENOSPC : EIO);
	if (f == SHORT && n == 1)
		return pwrite(fd, v->iov_base, v->iov_len / 2, at);
	return real(fd, v, f == SHORT ? n / 2 : n, at);
}

int fdatasync(int fd)
{
	int (*real)(int);

	next("fdatasync", &real);
	return strike(fd, true) == SYNC ? (int)fail(EIO) : real(fd);
}

int fsync(int fd)
{
	int (*real)(int);

	next("fsync", &real);
	return strike(fd, true) == SYNC ? (int)fail(EIO) : real(fd);
}
