/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow up to a bound. */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int pub_append(struct tesla_buf *pub, const void *bytes, size_t len)
{
	return buf_append((struct buf *)(void *)((char *)pub - offsetof(struct buf, pub)), bytes,
			  len);
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .pub.append = pub_append, .max = max };
}

void buf_release(struct buf *b)
{
	free(b->pub.bytes);
	b->pub.bytes = NULL;
	b->pub.len = b->cap = 0;
}

static int buf_fail(struct buf *b, int code)
{
	b->failed = true;
	return code;
}

static int buf_grow(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;

	if (len > b->max - b->pub.len)
		return buf_fail(b, -EMSGSIZE);
	while (cap < b->pub.len + len)
		cap *= 2;
	if (cap > b->cap) {
		uint8_t *bytes = realloc(b->pub.bytes, cap);

		if (bytes == NULL)
			return buf_fail(b, -ENOMEM);
		b->pub.bytes = bytes;
		b->cap = cap;
	}
	return 0;
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
	return buf_grow(b, len) == 0 ? b->pub.bytes + b->pub.len : NULL;
}

void buf_advance(struct buf *b, size_t len)
{
	assert(len <= b->cap - b->pub.len);
	b->pub.len += len;
}

int buf_append(struct buf *b, const void *bytes, size_t len)
{
	int r = buf_grow(b, len);

	if (r != 0)
		return r;
	if (len > 0)
		memcpy(b->pub.bytes + b->pub.len, bytes, len);
	b->pub.len += len;
	return 0;
}

void buf_consume(struct buf *b, size_t len)
{
	assert(len <= b->pub.len);
	b->pub.len -= len;
	if (b->pub.len > 0)
		memmove(b->pub.bytes, b->pub.bytes + len, b->pub.len);
}
