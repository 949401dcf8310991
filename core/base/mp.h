/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack, guarded: a scan before anything is unpacked, and short words for maps with text
 * keys. msgpack-c trusts the counts in a message: the five bytes dd 10 00 00 00 make it reserve 8
 * GB.
 */
#ifndef BASE_MP_H
#define BASE_MP_H

#include <msgpack.h>
#include <tesla/plugin.h>

#include "base/buf.h"

#define MP_DEPTH 8

/*
 * One whole value, nested at most MP_DEPTH deep, every count within the bytes that are left;
 * -EBADMSG.
 */
int mp_scan(const void *bytes, size_t len, struct tesla_error *err);

/*
 * Whole values that we packed: each text in them is UTF-8 after this, with `?` for what was none,
 * as readers in other languages expect.  Not for what a file's name is read from.
 */
void mp_clean(void *bytes, size_t len);

struct mp_doc {
	msgpack_unpacked u;
};
/* Scans, then unpacks; strings point into `bytes`.  On success release with mp_doc_release. */
int mp_unpack(struct mp_doc *doc, const void *bytes, size_t len, struct tesla_error *err);
void mp_doc_release(struct mp_doc *doc);

/* ---- reading: every function takes NULL and any type, and falls back to the default ---- */
const msgpack_object *mp_get(const msgpack_object *map, const char *key); /* NULL: no such key */
bool mp_to_int(const msgpack_object *o, int64_t *ret);			  /* whole numbers only */
bool mp_to_real(const msgpack_object *o, double *ret);			  /* any number */
int64_t mp_int(const msgpack_object *map, const char *key, int64_t dflt);
double mp_real(const msgpack_object *map, const char *key, double dflt);
bool mp_bool(const msgpack_object *map, const char *key, bool dflt);
bool mp_is(const msgpack_object *map, const char *key, const char *text);
/*
 * A copy for free(); NULL when it is missing, no string, has a NUL inside, or there is no memory.
 */
char *mp_strdup(const msgpack_object *map, const char *key);
char *mp_to_strdup(const msgpack_object *o);
/* The array under key; *n is 0 when there is none. */
const msgpack_object *mp_array(const msgpack_object *map, const char *key, size_t *n);

/*
 * ---- writing into a struct buf; a full buf makes the packer return -1, checked once at the end
 * ----
 */
void mp_writer(msgpack_packer *pk, struct buf *out);
void mp_str(msgpack_packer *pk, const char *text); /* NULL: nil */
void mp_key_str(msgpack_packer *pk, const char *key, const char *text);
void mp_key_int(msgpack_packer *pk, const char *key, int64_t v);
void mp_key_real(msgpack_packer *pk, const char *key, double v);
void mp_key_bool(msgpack_packer *pk, const char *key, bool v);

#endif
