/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack to JSON, and back.  What JSON cannot say (binary, text that is not UTF-8, odd keys)
 * is refused.  By yajl, which whoever uses this links with.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <msgpack.h>
#include <stdio.h>
#include <tesla/plugin.h>
#include <yajl/yajl_gen.h>

#include "base/mp.h"

/* A generator that refuses bad UTF-8; NULL: no memory. */
yajl_gen json_new(void);
/* nil, NaN and infinity become null.  0, -EINVAL (it cannot be said in JSON), -ENOMEM. */
int json_value(yajl_gen g, const msgpack_object *o, struct tesla_error *err);
int json_text(yajl_gen g, const char *text);
/* The shortest decimal that reads back as the same number; null of what is none. */
yajl_gen_status json_number(yajl_gen g, double v);
/* The text so far on one line; frees g. */
void json_finish(yajl_gen g, FILE *out);
/* One value, one line. */
int json_print(FILE *out, const msgpack_object *o, struct tesla_error *err);
/* The same of what was packed. */
int json_print_packed(FILE *out, const struct buf *packed, struct tesla_error *err);

/* The same at the end of a buf, without a newline; -EMSGSIZE: it has no room. */
int json_write(struct buf *out, const msgpack_object *o, struct tesla_error *err);

/*
 * Foreign text to one MessagePack value at the end of `out`.  Numbers without point and exponent
 * become integers, where they fit 64 bits.  -EBADMSG: no JSON, or nested more than MP_DEPTH deep;
 * -EMSGSIZE: no room in `out`, which then has a part of it; -ENOMEM.
 */
int json_read(const void *text, size_t len, struct buf *out, struct tesla_error *err);

#endif
