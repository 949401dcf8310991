/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to MessagePack: yajl's events, each packed as it comes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/json.h"

#define HEAD_BYTES 5u /* of an array or map with a count of 32 bits */

/* Counts stand before what they count: they are written when it is known. */
struct level {
	size_t at;	/* of its head */
	uint32_t count; /* of elements, or of keys */
	bool map;
};
struct reading {
	struct buf *out;
	msgpack_packer pk;
	struct level levels[MP_DEPTH];
	size_t depth;
	const char *why; /* it ended with this; NULL: yajl says it */
	int result;
};

static int stop(struct reading *r, int code, const char *why)
{
	r->result = code;
	r->why = why;
	return 0;
}

/* After each event. */
static int packed(struct reading *r)
{
	if (!r->out->failed)
		return 1;
	return stop(r, -EMSGSIZE, "it is too long, or there is no memory");
}

static void value_begins(struct reading *r)
{
	if (r->depth > 0 && !r->levels[r->depth - 1].map)
		r->levels[r->depth - 1].count++;
}

static int on_null(void *arg)
{
	struct reading *r = arg;

	value_begins(r);
	(void)msgpack_pack_nil(&r->pk);
	return packed(r);
}

static int on_boolean(void *arg, int v)
{
	struct reading *r = arg;

	value_begins(r);
	(void)(v ? msgpack_pack_true(&r->pk) : msgpack_pack_false(&r->pk));
	return packed(r);
}

/* yajl has looked at its form. */
static int on_number(void *arg, const char *text, size_t len)
{
	struct reading *r = arg;
	char copy[64], *end;
	long long whole;

	if (len >= sizeof copy)
		return stop(r, -EBADMSG, "a number has more than 63 characters");
	memcpy(copy, text, len);
	copy[len] = '\0';
	value_begins(r);
	errno = 0;
	whole = strtoll(copy, &end, 10);
	if (*end == '\0' && errno == 0 && strcmp(copy, "-0") != 0)
		(void)msgpack_pack_int64(&r->pk, whole);
	else
		(void)msgpack_pack_double(&r->pk, strtod(copy, NULL));
	return packed(r);
}

static int pack_text(struct reading *r, const unsigned char *text, size_t len)
{
	(void)msgpack_pack_str(&r->pk, len);
	(void)msgpack_pack_str_body(&r->pk, text, len);
	return packed(r);
}

static int on_string(void *arg, const unsigned char *text, size_t len)
{
	value_begins(arg);
	return pack_text(arg, text, len);
}

static int on_key(void *arg, const unsigned char *text, size_t len)
{
	struct reading *r = arg;

	r->levels[r->depth - 1].count++;
	return pack_text(r, text, len);
}

static int open_level(struct reading *r, bool map)
{
	const uint8_t head[HEAD_BYTES] = { map ? 0xdf : 0xdd };

	value_begins(r);
	if (r->depth == MP_DEPTH)
		return stop(r, -EBADMSG, "nested more than 8 deep");
	r->levels[r->depth++] = (struct level){ .at = r->out->pub.len, .map = map };
	(void)buf_append(r->out, head, sizeof head);
	return packed(r);
}

static int on_end(void *arg)
{
	struct reading *r = arg;
	const struct level *l = &r->levels[--r->depth];
	uint8_t *count = r->out->pub.bytes + l->at + 1;

	for (int i = 0; i < 4; i++)
		count[i] = (uint8_t)(l->count >> (24 - 8 * i));
	return 1;
}

static int on_map(void *arg)
{
	return open_level(arg, true);
}

static int on_array(void *arg)
{
	return open_level(arg, false);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_end,
};

static int say_why(yajl_handle h, struct reading *r, const void *text, size_t len,
		   struct tesla_error *err)
{
	unsigned char *why;
	int rc;

	if (r->why != NULL)
		return tesla_fail(err, r->result, "byte %zu: %s", yajl_get_bytes_consumed(h),
				  r->why);
	why = yajl_get_error(h, 0, text, len);
	if (why != NULL)
		why[strcspn((char *)why, "\n")] = '\0';
	rc = tesla_fail(err, -EBADMSG, "no JSON at byte %zu: %s", yajl_get_bytes_consumed(h),
			why != NULL ? (char *)why : "?");
	yajl_free_error(h, why);
	return rc;
}

int json_read(const void *text, size_t len, struct buf *out, struct tesla_error *err)
{
	struct reading r = { .out = out };
	yajl_handle h = yajl_alloc(&callbacks, NULL, &r);
	int rc = 0;

	if (h == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	mp_writer(&r.pk, out);
	if (yajl_parse(h, text, len) != yajl_status_ok || yajl_complete_parse(h) != yajl_status_ok)
		rc = say_why(h, &r, text, len, err);
	yajl_free(h);
	return rc;
}
