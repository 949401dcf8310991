/* SPDX-License-Identifier: Apache-2.0 */
/* Compressing and removing.  A day is the name of its file; its newest neighbour says how old. */
#include "archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "position.h"

#define CHUNK 65536
#define OPEN_DAYS 2 /* today's and yesterday's file stay as they are */
#define NAME_MAX_GZ 24

/* ---- files ---- */

static gzFile gz_open(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	gzFile gz = fd >= 0 ? gzdopen(fd, "rb") : NULL;

	if (gz == NULL && fd >= 0)
		(void)close(fd);
	return gz;
}

/* Its bytes when unpacked; -1: it cannot be read to its end. */
static int64_t gz_size(gzFile gz)
{
	char bytes[CHUNK];
	int64_t size = 0;
	int n, state = Z_OK;

	while ((n = gzread(gz, bytes, sizeof bytes)) > 0)
		size += n;
	(void)gzerror(gz, &state);
	return n == 0 && state == Z_OK ? size : -1;
}

static bool same_rest(gzFile a, gzFile b)
{
	char x[CHUNK], y[CHUNK];
	int n;

	do {
		n = gzread(a, x, sizeof x);
		if (n < 0 || gzread(b, y, sizeof y) != n || memcmp(x, y, (size_t)n) != 0)
			return false;
	} while (n > 0);
	return true;
}

/* Does what `packed` holds end with what `plain` holds?  -EBADMSG: packed is damaged. */
static int ends_with(gzFile packed, gzFile plain)
{
	int64_t all = gz_size(packed), part = gz_size(plain);

	if (all < 0 || gzdirect(packed) != 0)
		return -EBADMSG;
	if (part < 0 || part > all || gzrewind(plain) != 0 ||
	    gzseek(packed, (z_off_t)(all - part), SEEK_SET) < 0)
		return 0;
	return same_rest(packed, plain);
}

/* 1: the compressed file has it all; 0: there is none, or it has not; -EBADMSG: it is damaged. */
static int is_packed(int folder_fd, const char *name, const char *gz_name)
{
	gzFile packed = gz_open(folder_fd, gz_name), plain = NULL;
	int r = 0;

	if (packed == NULL)
		return 0;
	plain = gz_open(folder_fd, name);
	if (plain != NULL) {
		r = ends_with(packed, plain);
		(void)gzclose_r(plain);
	}
	(void)gzclose_r(packed);
	return r;
}

static void gz_name(const char *name, char out[NAME_MAX_GZ])
{
	(void)snprintf(out, NAME_MAX_GZ, "%.*s.gz", POSITION_NAME_MAX, name);
}

void archive_settle(int folder_fd, const char *name)
{
	char packed[NAME_MAX_GZ];

	gz_name(name, packed);
	if (is_packed(folder_fd, name, packed) > 0)
		(void)unlinkat(folder_fd, name, 0);
}

/* ---- compressing one file ---- */

/* What was compressed before, byte for byte: members of one file may follow each other. */
static int old_copy(int folder_fd, const char *packed, int out)
{
	int in = openat(folder_fd, packed, O_RDONLY | O_CLOEXEC);
	char bytes[CHUNK];
	ssize_t n = 0;
	int r = 0;

	if (in < 0)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (n = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, (size_t)n) != n)
			r = -ENOSPC;
	if (n < 0)
		r = -errno;
	(void)close(in);
	return r;
}

static int member_add(int folder_fd, const char *name, int out)
{
	int in = openat(folder_fd, name, O_RDONLY | O_CLOEXEC), copy;
	gzFile gz;
	char bytes[CHUNK];
	ssize_t n = 0;
	int r = 0;

	if (in < 0)
		return -errno;
	copy = fcntl(out, F_DUPFD_CLOEXEC,
		     0); /* gzclose() closes it; `out` is still to be synced */
	gz = copy >= 0 ? gzdopen(copy, "wb") : NULL;
	while (gz != NULL && r == 0 && (n = read(in, bytes, sizeof bytes)) > 0)
		if (gzwrite(gz, bytes, (unsigned)n) != n)
			r = -EIO;
	if (n < 0)
		r = -errno;
	if (gz == NULL || gzclose_w(gz) != Z_OK)
		r = r ? r : -EIO;
	(void)close(in);
	return r;
}

static int packed_make(int folder_fd, const char *name, const char *packed)
{
	char hidden[NAME_MAX_GZ + 1];
	int out, r;

	(void)snprintf(hidden, sizeof hidden, ".%s", packed);
	out = openat(folder_fd, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out < 0)
		return -errno;
	r = old_copy(folder_fd, packed, out);
	if (r == 0)
		r = member_add(folder_fd, name, out);
	if (r == 0 && fsync(out) != 0)
		r = -errno;
	(void)close(out);
	if (r == 0 && renameat(folder_fd, hidden, folder_fd, packed) != 0)
		r = -errno;
	if (r != 0)
		(void)unlinkat(folder_fd, hidden, 0);
	return r == 0 && fsync(folder_fd) != 0 ? -errno : r;
}

/* The plain file goes only when what was compressed was read back. */
static int file_pack(int folder_fd, const char *name)
{
	char packed[NAME_MAX_GZ];
	int r;

	gz_name(name, packed);
	r = is_packed(folder_fd, name, packed);
	if (r == 0) {
		r = packed_make(folder_fd, name, packed);
		if (r == 0)
			r = is_packed(folder_fd, name, packed) == 1 ? 1 : -EIO;
	}
	if (r > 0)
		r = unlinkat(folder_fd, name, 0) == 0 ? 0 : -errno;
	return r;
}

/* ---- days ---- */

/* The day of a file name, counted from 1970; -1: it is none of ours. */
static int64_t name_day(const char *name, const char *ext, bool *packed)
{
	struct tm tm = { 0 }, back;
	char again[12];
	time_t t;

	if (strspn(name, "0123456789") != 8 || name[8] != '.' ||
	    strncmp(name + 9, ext, strlen(ext)) != 0)
		return -1;
	*packed = strcmp(name + 9 + strlen(ext), ".gz") == 0;
	if (!*packed && name[9 + strlen(ext)] != '\0')
		return -1;
	if (sscanf(name, "%4d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	if (gmtime_r(&t, &back) == NULL || strftime(again, sizeof again, "%Y%m%d", &back) != 8 ||
	    strncmp(again, name, 8) != 0) /* 20260231 */
		return -1;
	return t / (24 * 3600);
}

static int64_t newest_day(DIR *dir, const char *ext)
{
	int64_t newest = -1;
	struct dirent *d;
	bool packed;

	while ((d = readdir(dir)) != NULL) {
		int64_t day = name_day(d->d_name, ext, &packed);

		newest = day > newest ? day : newest;
	}
	rewinddir(dir);
	return newest;
}

/* Removes what is too old; name: the oldest file that is to be compressed, or "". */
static void days_look(DIR *dir, const struct archive *a, char name[POSITION_NAME_MAX])
{
	int64_t newest = newest_day(dir, a->ext), oldest = INT64_MAX;
	struct dirent *d;
	bool packed;

	name[0] = '\0';
	while ((d = readdir(dir)) != NULL) {
		int64_t day = name_day(d->d_name, a->ext, &packed);

		if (day < 0)
			continue;
		if (a->keep_days > 0 && newest - day > a->keep_days) {
			(void)unlinkat(dirfd(dir), d->d_name, 0);
		} else if (a->gzip && !packed && newest - day >= OPEN_DAYS && day < oldest) {
			oldest = day;
			(void)snprintf(name, POSITION_NAME_MAX, "%.*s", POSITION_NAME_MAX - 1,
				       d->d_name);
		}
	}
}

/* ---- folders ---- */

static DIR *dir_open(int at_fd, const char *name)
{
	int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	return dir;
}

/* 1: a file was compressed; 0: there is none to compress. */
static int folder_work(int target_fd, const char *target, const char *analyzer,
		       const struct archive *a, struct tesla_error *err)
{
	DIR *dir = dir_open(target_fd, analyzer);
	char name[POSITION_NAME_MAX], position[24];
	struct position at;
	bool found;
	int lock = -1, r = 0;

	if (dir == NULL)
		return 0;
	days_look(dir, a, name);
	(void)snprintf(position, sizeof position, ".position.%s", a->ext);
	if (name[0] != '\0')
		r = position_open(dirfd(dir), position, &lock, &at, &found);
	if (r == 0 && name[0] != '\0')
		r = file_pack(dirfd(dir), name);
	if (r != 0)
		(void)tesla_fail(err, r, "%s/%s/%s is not compressed: %s", target, analyzer, name,
				 r == -EBADMSG ? "its .gz is damaged" : strerror(-r));
	if (lock >= 0)
		(void)close(lock);
	(void)closedir(dir);
	return r == 0 && name[0] != '\0' ? 1 : r;
}

static bool is_analyzer(const char *name)
{
	size_t len = strspn(name, "0123456789");

	return len > 0 && name[len] == '\0';
}

/* A folder that cannot be worked on keeps no other from it. */
int archive_work(int target_fd, const char *target, const struct archive *a,
		 struct tesla_error *err)
{
	DIR *dir = dir_open(target_fd, ".");
	struct dirent *d;
	int r = 0, failed = 0;

	if (dir == NULL)
		return tesla_fail(err, -errno, "%s: %s", target, strerror(errno));
	while (r != 1 && (d = readdir(dir)) != NULL) {
		if (!is_analyzer(d->d_name))
			continue;
		r = folder_work(target_fd, target, d->d_name, a, err);
		failed = r < 0 ? r : failed;
	}
	(void)closedir(dir);
	return r == 1 ? 1 : failed;
}
