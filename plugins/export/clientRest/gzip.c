/* SPDX-License-Identifier: Apache-2.0 */
#include "gzip.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* the largest window; + 16 is zlib's way to ask for gzip's head */
#define GZIP_MEMORY 8

void *gzip_pack(const void *bytes, size_t len, size_t *ret_len)
{
	z_stream z = { .next_in = bytes, .avail_in = (uInt)len };
	size_t bound;
	void *out;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	bound = deflateBound(&z, (uLong)len);
	out = malloc(bound);
	z.next_out = out;
	z.avail_out = (uInt)bound;
	if (out != NULL && deflate(&z, Z_FINISH) != Z_STREAM_END) {
		free(out);
		out = NULL;
	}
	*ret_len = z.total_out;
	(void)deflateEnd(&z);
	return out;
}
