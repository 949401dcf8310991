/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One document in either form, MessagePack or JSON, written in the same words.  What fails is
 * remembered and checked once at the end.
 */
#ifndef CLIENTREST_WRITER_H
#define CLIENTREST_WRITER_H

#include <msgpack.h>
#include <yajl/yajl_gen.h>

#include "conf.h"

struct writer {
	enum format format;
	msgpack_sbuffer bytes;
	msgpack_packer pk;
	yajl_gen gen; /* NULL for MessagePack */
	int failed;   /* -ENOMEM, or -EILSEQ: a text is not UTF-8 */
};

void writer_init(struct writer *w, enum format format);
void writer_release(struct writer *w);

void writer_map(struct writer *w, size_t n);
void writer_map_end(struct writer *w);
void writer_array(struct writer *w, size_t n);
void writer_array_end(struct writer *w);
void writer_text(struct writer *w, const char *text); /* NULL: null */
void writer_integer(struct writer *w, int64_t value);
void writer_real(struct writer *w, double value); /* not finite: null */

#endif
