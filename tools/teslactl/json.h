/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack to JSON.  What JSON cannot say (binary, text that is not UTF-8, odd keys) is refused.
 */
#ifndef TESLACTL_JSON_H
#define TESLACTL_JSON_H

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
/* The text so far on one line; frees g. */
void json_finish(yajl_gen g, FILE *out);
/* One value, one line. */
int json_print(FILE *out, const msgpack_object *o, struct tesla_error *err);
/* The same of what was packed. */
int json_print_packed(FILE *out, const struct buf *packed, struct tesla_error *err);

#endif
