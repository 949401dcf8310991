/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "text.h"

static void gen_print(void *arg, const char *text, size_t len)
{
	struct writer *w = arg;

	if (msgpack_sbuffer_write(&w->bytes, text, len) != 0)
		w->failed = -ENOMEM;
}

void writer_init(struct writer *w, enum format format)
{
	*w = (struct writer){ .format = format };
	msgpack_sbuffer_init(&w->bytes);
	if (format == FORMAT_MSGPACK) {
		msgpack_packer_init(&w->pk, &w->bytes, msgpack_sbuffer_write);
		return;
	}
	w->gen = yajl_gen_alloc(NULL);
	if (w->gen == NULL || !yajl_gen_config(w->gen, yajl_gen_validate_utf8, 1) ||
	    !yajl_gen_config(w->gen, yajl_gen_print_callback, gen_print, (void *)w))
		w->failed = -ENOMEM;
}

void writer_release(struct writer *w)
{
	if (w->gen != NULL)
		yajl_gen_free(w->gen);
	msgpack_sbuffer_destroy(&w->bytes);
}

static void packed(struct writer *w, int r)
{
	if (r != 0)
		w->failed = -ENOMEM;
}

static void printed(struct writer *w, yajl_gen_status s)
{
	if (s != yajl_gen_status_ok && w->failed == 0)
		w->failed = s == yajl_gen_invalid_string ? -EILSEQ : -EPROTO;
}

void writer_map(struct writer *w, size_t n)
{
	if (w->format == FORMAT_MSGPACK)
		packed(w, msgpack_pack_map(&w->pk, n));
	else if (w->failed == 0)
		printed(w, yajl_gen_map_open(w->gen));
}

void writer_map_end(struct writer *w)
{
	if (w->format == FORMAT_JSON && w->failed == 0)
		printed(w, yajl_gen_map_close(w->gen));
}

void writer_array(struct writer *w, size_t n)
{
	if (w->format == FORMAT_MSGPACK)
		packed(w, msgpack_pack_array(&w->pk, n));
	else if (w->failed == 0)
		printed(w, yajl_gen_array_open(w->gen));
}

void writer_array_end(struct writer *w)
{
	if (w->format == FORMAT_JSON && w->failed == 0)
		printed(w, yajl_gen_array_close(w->gen));
}

static void writer_null(struct writer *w)
{
	if (w->format == FORMAT_MSGPACK)
		packed(w, msgpack_pack_nil(&w->pk));
	else if (w->failed == 0)
		printed(w, yajl_gen_null(w->gen));
}

void writer_text(struct writer *w, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (text == NULL) {
		writer_null(w);
	} else if (w->format == FORMAT_MSGPACK) {
		packed(w, msgpack_pack_str(&w->pk, len));
		packed(w, msgpack_pack_str_body(&w->pk, text, len));
	} else if (w->failed == 0) {
		printed(w, yajl_gen_string(w->gen, (const unsigned char *)text, len));
	}
}

void writer_integer(struct writer *w, int64_t value)
{
	if (w->format == FORMAT_MSGPACK)
		packed(w, msgpack_pack_int64(&w->pk, value));
	else if (w->failed == 0)
		printed(w, yajl_gen_integer(w->gen, value));
}

void writer_real(struct writer *w, double value)
{
	char text[NUMBER_SIZE];

	if (!isfinite(value)) {
		writer_null(w);
	} else if (w->format == FORMAT_MSGPACK) {
		packed(w, msgpack_pack_double(&w->pk, value));
	} else if (w->failed == 0) {
		text_number(text, value);
		printed(w, yajl_gen_number(w->gen, text, strlen(text)));
	}
}
