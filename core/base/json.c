/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack to JSON, by yajl. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

yajl_gen json_new(void)
{
	yajl_gen g = yajl_gen_alloc(NULL);

	if (g != NULL)
		(void)yajl_gen_config(g, yajl_gen_validate_utf8, 1);
	return g;
}

static int checked(yajl_gen_status s, struct tesla_error *err)
{
	if (s == yajl_gen_status_ok)
		return 0;
	if (s == yajl_gen_invalid_string)
		return tesla_fail(err, -EINVAL, "a text in the answer is no UTF-8");
	return tesla_fail(err, -ENOMEM, "the answer cannot be written as JSON (yajl: %d)", (int)s);
}

/* The shortest decimal that reads back as the same number; yajl's own has twenty digits. */
static yajl_gen_status number(yajl_gen g, double v, bool single)
{
	char text[NUMBER_TEXT];

	if (!isfinite(v))
		return yajl_gen_null(g);
	if (!single)
		return yajl_gen_number(g, text, number_text(v, text));
	for (int digits = 6;; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, v);
		if (digits == 17 || (float)strtod(text, NULL) == (float)v)
			return yajl_gen_number(g, text, strlen(text));
	}
}

static yajl_gen_status unsigned_number(yajl_gen g, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	return yajl_gen_number(g, text, strlen(text));
}

static yajl_gen_status scalar(yajl_gen g, const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		return yajl_gen_null(g);
	case MSGPACK_OBJECT_BOOLEAN:
		return yajl_gen_bool(g, o->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return unsigned_number(g, o->via.u64);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return yajl_gen_integer(g, o->via.i64);
	case MSGPACK_OBJECT_STR:
		return yajl_gen_string(g, (const unsigned char *)o->via.str.ptr, o->via.str.size);
	default:
		return number(g, o->via.f64, o->type == MSGPACK_OBJECT_FLOAT32);
	}
}

static int array(yajl_gen g, const msgpack_object_array *a, struct tesla_error *err)
{
	int r = checked(yajl_gen_array_open(g), err);

	for (uint32_t i = 0; i < a->size && r == 0; i++)
		r = json_value(g, &a->ptr[i], err);
	return r != 0 ? r : checked(yajl_gen_array_close(g), err);
}

static int map(yajl_gen g, const msgpack_object_map *m, struct tesla_error *err)
{
	int r = checked(yajl_gen_map_open(g), err);

	for (uint32_t i = 0; i < m->size && r == 0; i++) {
		if (m->ptr[i].key.type != MSGPACK_OBJECT_STR)
			return tesla_fail(err, -EINVAL, "a key in the answer is no text");
		r = json_value(g, &m->ptr[i].key, err);
		if (r == 0)
			r = json_value(g, &m->ptr[i].val, err);
	}
	return r != 0 ? r : checked(yajl_gen_map_close(g), err);
}

/* Recursion is bounded: the scan has refused what is nested deeper than MP_DEPTH. */
int json_value(yajl_gen g, const msgpack_object *o, struct tesla_error *err)
{
	switch (o->type) {
	case MSGPACK_OBJECT_ARRAY:
		return array(g, &o->via.array, err);
	case MSGPACK_OBJECT_MAP:
		return map(g, &o->via.map, err);
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_EXT:
		return tesla_fail(err, -EINVAL,
				  "the answer has binary data, which JSON cannot say");
	default:
		return checked(scalar(g, o), err);
	}
}

int json_text(yajl_gen g, const char *text)
{
	return yajl_gen_string(g, (const unsigned char *)text, strlen(text)) == yajl_gen_status_ok
		       ? 0
		       : -EINVAL;
}

yajl_gen_status json_number(yajl_gen g, double v)
{
	return number(g, v, false);
}

int json_write(struct buf *out, const msgpack_object *o, struct tesla_error *err)
{
	yajl_gen g = json_new();
	const unsigned char *text;
	size_t len;
	int r = g ? json_value(g, o, err) : tesla_fail(err, -ENOMEM, "no memory");

	if (r == 0)
		r = checked(yajl_gen_get_buf(g, &text, &len), err);
	if (r == 0) {
		r = buf_append(out, text, len);
		if (r != 0)
			(void)tesla_fail(err, r, "the answer is too long, or there is no memory");
	}
	if (g != NULL)
		yajl_gen_free(g);
	return r;
}

void json_finish(yajl_gen g, FILE *out)
{
	const unsigned char *text;
	size_t len;

	if (yajl_gen_get_buf(g, &text, &len) == yajl_gen_status_ok) {
		(void)fwrite(text, 1, len, out);
		(void)fputc('\n', out);
	}
	yajl_gen_free(g);
}

int json_print(FILE *out, const msgpack_object *o, struct tesla_error *err)
{
	yajl_gen g = json_new();
	int r = g ? json_value(g, o, err) : tesla_fail(err, -ENOMEM, "no memory");

	if (r == 0)
		json_finish(g, out);
	else if (g != NULL)
		yajl_gen_free(g);
	return r;
}

int json_print_packed(FILE *out, const struct buf *packed, struct tesla_error *err)
{
	struct mp_doc doc;
	int r = packed->failed ? tesla_fail(err, -ENOMEM, "no memory for what is to be told")
			       : mp_unpack(&doc, packed->pub.bytes, packed->pub.len, err);

	if (r != 0)
		return r;
	r = json_print(out, &doc.u.data, err);
	mp_doc_release(&doc);
	return r;
}
