/* SPDX-License-Identifier: Apache-2.0 */
/* A small file, whole. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define CHUNK 16384

static int file_take(FILE *f, struct buf *b, struct tesla_error *err)
{
	size_t n;

	do {
		uint8_t *at = buf_reserve(b, CHUNK);

		if (at == NULL)
			return tesla_fail(err, -EFBIG, "is too large: expected at most %zu bytes",
					  b->max - CHUNK);
		n = fread(at, 1, CHUNK, f);
		buf_advance(b, n);
	} while (n > 0);
	if (ferror(f))
		return tesla_fail(err, -errno, "cannot be read: %s", strerror(errno));
	return buf_append(b, "", 1) == 0
		       ? 0
		       : tesla_fail(err, -ENOMEM, "cannot be read: no memory is left");
}

int file_read(const char *path, size_t max, char **ret, size_t *len, struct tesla_error *err)
{
	/* A pipe without a writer, or a terminal, is not waited for. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_fclose_ FILE *f = NULL;
	struct stat st;
	struct buf b;
	int r;

	if (fd < 0 || fstat(fd, &st) != 0)
		return tesla_fail(err, -errno, "cannot be opened: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return tesla_fail(err, -EISDIR, "cannot be read: %s", strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return tesla_fail(err, -EINVAL, "is no regular file");
	f = fdopen(fd, "r");
	if (f == NULL)
		return tesla_fail(err, -errno, "cannot be opened: %s", strerror(errno));
	fd = -1; /* the stream's */
	buf_init(&b, max + CHUNK);
	r = file_take(f, &b, err);
	if (r != 0) {
		buf_release(&b);
		return r;
	}
	*ret = (char *)b.pub.bytes;
	*len = b.pub.len - 1;
	return 0;
}
