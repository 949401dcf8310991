/* SPDX-License-Identifier: Apache-2.0 */
/* A small file, whole. */
#include "base/file.h"

#include <errno.h>
#include <string.h>

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
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct buf b;
	int r;

	if (f == NULL)
		return tesla_fail(err, -errno, "cannot be opened: %s", strerror(errno));
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
