/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and adding to a day file.  What goes where is folder.c's business. */
#include "dayfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gz.h"

#define CHUNK 65536

static int fail_errno(const struct dayfile *d, struct tesla_error *err)
{
	int cause = errno;

	return tesla_fail(err, -cause, "%s/%s: %s", d->folder, d->name, strerror(cause));
}

int dayfile_open(struct dayfile *d, int folder_fd, const char *folder, const char *name,
		 struct tesla_error *err)
{
	struct stat st;

	*d = (struct dayfile){ .folder_fd = folder_fd, .folder = folder, .name = name };
	d->fd = openat(folder_fd, name, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (d->fd < 0)
		return errno == ENOENT ? 0 : fail_errno(d, err);
	if (fstat(d->fd, &st) != 0)
		return fail_errno(d, err);
	if (!S_ISREG(st.st_mode))
		return tesla_fail(err, -EEXIST, "%s/%s is no file: it is left alone", folder, name);
	d->size = st.st_size;
	return 0;
}

void dayfile_close(struct dayfile *d)
{
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
}

/* ---- what is in it ---- */

/* At most CHUNK bytes from `at`; 0 at the end. */
static ssize_t chunk_read(const struct dayfile *d, off_t at, char bytes[CHUNK])
{
	size_t n = d->size - at < CHUNK ? (size_t)(d->size - at) : CHUNK;

	return n > 0 ? pread(d->fd, bytes, n, at) : 0;
}

int dayfile_lines_end(const struct dayfile *d, off_t from, off_t *ret, struct tesla_error *err)
{
	off_t at = from, end = from;
	char bytes[CHUNK];
	ssize_t n;

	while ((n = chunk_read(d, at, bytes)) > 0) {
		const char *nul = memchr(bytes, '\0', (size_t)n);
		const char *newline =
			memrchr(bytes, '\n', nul != NULL ? (size_t)(nul - bytes) : (size_t)n);

		if (newline != NULL)
			end = at + (newline - bytes) + 1;
		if (nul != NULL)
			break;
		at += n;
	}
	if (n < 0)
		return fail_errno(d, err);
	*ret = end;
	return 0;
}

int dayfile_tail(const struct dayfile *d, off_t *ret, struct tesla_error *err)
{
	off_t end = d->size;
	char bytes[CHUNK];

	while (end > 0) {
		off_t at = end > CHUNK ? end - CHUNK : 0;
		ssize_t n = pread(d->fd, bytes, (size_t)(end - at), at);
		const char *newline;

		if (n < 0)
			return fail_errno(d, err);
		newline = memrchr(bytes, '\n', (size_t)n);
		if (newline != NULL) {
			*ret = at + (newline - bytes) + 1;
			return 0;
		}
		end = at;
	}
	*ret = 0;
	return 0;
}

int dayfile_is(const struct dayfile *d, off_t at, const char *text, size_t len,
	       struct tesla_error *err)
{
	char bytes[CHUNK];
	ssize_t n = 0;

	if (d->size - at > (off_t)len)
		return 0;
	for (; at < d->size && (n = chunk_read(d, at, bytes)) > 0; at += n, text += n)
		if (memcmp(bytes, text, (size_t)n) != 0)
			return 0;
	return n < 0 ? fail_errno(d, err) : at == d->size;
}

/* The line, with the end of another before it, in what comes from a file in parts. */
static int stream_has(gzFile in, const char *line, size_t len)
{
	char *sought = malloc(2 * (len + 1) + CHUNK), *bytes = sought;
	size_t have = 1;
	bool found = false;
	int n = 0;

	if (sought == NULL)
		return -ENOMEM;
	bytes += len + 1;
	sought[0] = bytes[0] = '\n';
	memcpy(sought + 1, line, len);
	while (!found && (n = gz_read(in, bytes + have, CHUNK)) > 0) {
		have += (size_t)n;
		found = memmem(bytes, have, sought, len + 1) != NULL;
		if (have > len) { /* the last bytes may be the beginning of what is sought */
			memmove(bytes, bytes + have - len, len);
			have = len;
		}
	}
	free(sought);
	return n < 0 ? n : found;
}

int dayfile_has(const struct dayfile *d, off_t from, const char *line, size_t len,
		struct tesla_error *err)
{
	gzFile in;
	int fd, r;

	if (d->fd < 0)
		return 0;
	fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || lseek(fd, from, SEEK_SET) < 0) {
		r = fail_errno(d, err);
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	r = gz_take(fd, &in);
	if (r == 0) {
		r = stream_has(in, line, len);
		(void)gzclose_r(in);
	}
	return r < 0 ? tesla_fail(err, r, "%s/%s: %s", d->folder, d->name, strerror(-r)) : r;
}

int dayfile_archive_has(const struct dayfile *d, const char *line, size_t len,
			struct tesla_error *err)
{
	char name[64];
	gzFile in;
	int r;

	(void)snprintf(name, sizeof name, "%s.gz", d->name);
	r = gz_open(d->folder_fd, name, &in);
	if (in != NULL) {
		r = stream_has(in, line, len);
		(void)gzclose_r(in);
	}
	if (r == -EBADMSG)
		return tesla_fail(err, r,
				  "%s/%s: it is damaged, so whether a record is in it cannot be "
				  "told: mend it or move it away",
				  d->folder, name);
	return r < 0 ? tesla_fail(err, r, "%s/%s: %s", d->folder, name, strerror(-r)) : r;
}

int dayfile_last(const struct dayfile *d, const char *mark, off_t *at, size_t *len,
		 struct tesla_error *err)
{
	int fd = d->fd >= 0 ? fcntl(d->fd, F_DUPFD_CLOEXEC, 0) : -1;
	FILE *in = fd >= 0 ? fdopen(fd, "rb") : NULL;
	size_t size = 0;
	char *line = NULL;
	ssize_t n;
	int r;

	*len = 0;
	if (in == NULL || fseeko(in, 0, SEEK_SET) != 0) {
		if (in != NULL)
			(void)fclose(in);
		else if (fd >= 0)
			(void)close(fd);
		return d->fd < 0 ? 0 : fail_errno(d, err);
	}
	for (off_t here = 0; (n = getline(&line, &size, in)) > 0; here += n) {
		if (strncmp(line, mark, strlen(mark)) != 0)
			continue;
		*at = here;
		*len = (size_t)n;
	}
	r = feof(in) ? 0 : fail_errno(d, err);
	free(line);
	(void)fclose(in);
	return r;
}

/* ---- what is added ---- */

int dayfile_cut(struct dayfile *d, off_t size, struct tesla_error *err)
{
	if (size == d->size)
		return 0;
	if (ftruncate(d->fd, size) != 0)
		return fail_errno(d, err);
	d->size = size;
	return 0;
}

int dayfile_append(struct dayfile *d, const char *text, size_t len, size_t *written,
		   struct tesla_error *err)
{
	*written = 0;
	if (d->fd < 0)
		d->fd = openat(d->folder_fd, d->name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (d->fd < 0)
		return fail_errno(d, err);
	while (*written < len) {
		ssize_t n = pwrite(d->fd, text + *written, len - *written, d->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return fail_errno(d, err);
		*written += (size_t)n;
		d->size += n;
	}
	return 0;
}

int dayfile_sync(const struct dayfile *d, bool made, struct tesla_error *err)
{
	if (d->fd >= 0 && fdatasync(d->fd) != 0)
		return fail_errno(d, err);
	if (made && fsync(d->folder_fd) != 0)
		return fail_errno(d, err);
	return 0;
}
