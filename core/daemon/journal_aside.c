/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/journal_aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define MARK ".damaged-"

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s;
	(void)type;
	(void)f;
	return remove(path);
}

void aside_remove(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The folder that `dir` is in, and its last name in *base; for free(). */
static char *folder_of(const char *dir, const char **base)
{
	const char *slash = strrchr(dir, '/');

	*base = slash == NULL ? dir : slash + 1;
	if (slash == NULL)
		return strdup(".");
	return slash == dir ? strdup("/") : strndup(dir, (size_t)(slash - dir));
}

/* ---- those that there are ---- */

struct names { /* the oldest first */
	char **at;
	size_t n;
};

static void names_add(struct names *l, const char *start, size_t start_len, const char *name)
{
	char **at = realloc(l->at, (l->n + 1) * sizeof *at);

	if (at == NULL)
		return;
	l->at = at;
	if (asprintf(&l->at[l->n], "%.*s%s", (int)start_len, start, name) >= 0)
		l->n++;
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static void names_list(struct names *l, const char *dir)
{
	const char *base;
	_cleanup_free_ char *folder = folder_of(dir, &base);
	DIR *d = folder == NULL ? NULL : opendir(folder);
	size_t len = strlen(base);

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (strncmp(e->d_name, base, len) == 0 &&
		    strncmp(e->d_name + len, MARK, strlen(MARK)) == 0)
			names_add(l, dir, (size_t)(base - dir), e->d_name);
	if (d != NULL)
		(void)closedir(d);
	if (l->n > 0)
		qsort(l->at, l->n, sizeof *l->at, by_version);
}

static void names_release(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i]);
	free(l->at);
}

/* <dir>.damaged-20261122T101500Z, and with -2, -3 ... when that is taken; for free(). */
static char *dated_name(const char *dir)
{
	time_t now = (time_t)(clock_wall_us() / 1000000);
	_cleanup_free_ char *plain = NULL;
	struct names l = { 0 };
	struct tm tm = { 0 };
	char when[40], *name = NULL;
	unsigned long n = 0;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm) == 0 ||
	    asprintf(&plain, "%s" MARK "%s", dir, when) < 0)
		return NULL;
	names_list(&l, dir);
	for (size_t i = 0, len = strlen(plain); i < l.n; i++)
		if (strncmp(l.at[i], plain, len) == 0)
			n = l.at[i][len] == '-' ? strtoul(l.at[i] + len + 1, NULL, 10) : 1;
	names_release(&l);
	if (n == 0)
		return strdup(plain);
	return asprintf(&name, "%s-%lu", plain, n + 1) < 0 ? NULL : name;
}

static void sync_names(const char *dir)
{
	const char *base;
	_cleanup_free_ char *folder = folder_of(dir, &base);
	_cleanup_close_ int fd =
		folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd);
}

static int rename_fail(const char *from, const char *to, struct tesla_error *err)
{
	return tesla_fail(err, -errno, "journal %s: it cannot be renamed to %s: %s", from, to,
			  strerror(errno));
}

int aside_swap(const char *dir, const char *into, char **name, struct tesla_error *err)
{
	_cleanup_free_ char *dated = dated_name(dir);

	if (dated == NULL)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", dir);
	if (rename(dir, dated) != 0)
		return rename_fail(dir, dated, err);
	if (rename(into, dir) != 0 && errno != ENOENT)
		return rename_fail(into, dir, err);
	sync_names(dir);
	*name = dated;
	dated = NULL;
	return 0;
}

/* What it takes on the disk; folders in it are none of ours. */
static uint64_t size_of(const char *path)
{
	DIR *d = opendir(path);
	uint64_t bytes = 0;
	struct stat st;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_blocks * 512;
	if (d != NULL)
		(void)closedir(d);
	return bytes;
}

size_t aside_prune(const char *dir, const char *last, size_t keep, uint64_t bytes)
{
	uint64_t taken = size_of(last);
	struct names l = { 0 };
	size_t kept = 1, gone = 0;

	names_list(&l, dir);
	/* By its name the last may seem the oldest: where the clock was put back. */
	for (size_t i = l.n; i-- > 0;) {
		if (strcmp(l.at[i], last) == 0)
			continue;
		taken += size_of(l.at[i]);
		if (gone == 0 && kept < keep && taken <= bytes) {
			kept++;
			continue;
		}
		aside_remove(l.at[i]);
		gone++;
	}
	names_release(&l);
	return gone;
}
