/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow up to a bound.  `pub` is what a plugin is handed; its `append` is buf_append. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <tesla/plugin.h>

struct buf {
	struct tesla_buf pub;
	size_t cap, max;
	bool failed; /* an append failed since buf_init or buf_clear: something is missing */
};

/* Nothing is allocated before the first append. */
void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
/* 0; -EMSGSIZE beyond max; -ENOMEM.  What was there stays as it was on failure. */
int buf_append(struct buf *b, const void *bytes, size_t len);
/*
 * Makes room for `len` more bytes and returns where they go; NULL on failure.  Then buf_advance().
 */
uint8_t *buf_reserve(struct buf *b, size_t len);
void buf_advance(struct buf *b, size_t len);
/* Drops the first `len` bytes. */
void buf_consume(struct buf *b, size_t len);
/* Drops all bytes; keeps the memory. */
static inline void buf_clear(struct buf *b)
{
	b->pub.len = 0;
	b->failed = false;
}

#endif
