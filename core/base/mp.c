/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack, guarded.  The scan walks the bytes once and allocates nothing. */
#include "base/mp.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"

struct scan {
	const uint8_t *p;
	size_t left;
};

static bool take(struct scan *s, size_t n)
{
	if (n > s->left)
		return false;
	s->p += n;
	s->left -= n;
	return true;
}

static bool take_count(struct scan *s, size_t width, uint64_t *ret)
{
	const uint8_t *p = s->p;
	uint64_t v = 0;

	if (!take(s, width))
		return false;
	for (size_t i = 0; i < width; i++)
		v = v << 8 | p[i];
	*ret = v;
	return true;
}

/*
 * What follows a type byte: a count field, bytes per counted thing, fixed bytes; or values inside.
 */
struct form {
	uint8_t count_width, fixed, values_per_count;
	bool counted_bytes, valid;
};

static const struct form forms[] = {
	/* 0xc0 to 0xdf */
	[0x00] = { .valid = true },					/* nil */
	[0x02] = { .valid = true },	    [0x03] = { .valid = true }, /* false, true */
	[0x04] = { 1, 0, 0, true, true },   [0x05] = { 2, 0, 0, true, true },
	[0x06] = { 4, 0, 0, true, true },   [0x07] = { 1, 1, 0, true, true },
	[0x08] = { 2, 1, 0, true, true },   [0x09] = { 4, 1, 0, true, true },
	[0x0a] = { 0, 4, 0, false, true },  [0x0b] = { 0, 8, 0, false, true }, /* float */
	[0x0c] = { 0, 1, 0, false, true },  [0x0d] = { 0, 2, 0, false, true }, /* uint */
	[0x0e] = { 0, 4, 0, false, true },  [0x0f] = { 0, 8, 0, false, true },
	[0x10] = { 0, 1, 0, false, true },  [0x11] = { 0, 2, 0, false, true }, /* int */
	[0x12] = { 0, 4, 0, false, true },  [0x13] = { 0, 8, 0, false, true },
	[0x14] = { 0, 2, 0, false, true },  [0x15] = { 0, 3, 0, false, true }, /* fixext */
	[0x16] = { 0, 5, 0, false, true },  [0x17] = { 0, 9, 0, false, true },
	[0x18] = { 0, 17, 0, false, true }, [0x19] = { 1, 0, 0, true, true },
	[0x1a] = { 2, 0, 0, true, true },   [0x1b] = { 4, 0, 0, true, true },
	[0x1c] = { 2, 0, 1, false, true },  [0x1d] = { 4, 0, 1, false, true }, /* array */
	[0x1e] = { 2, 0, 2, false, true },  [0x1f] = { 4, 0, 2, false, true }, /* map */
};

/* One head; *values is how many values are inside it. */
static bool scan_head(struct scan *s, uint64_t *values)
{
	uint8_t b = s->left ? *s->p : 0;
	uint64_t count = 0;

	*values = 0;
	if (!take(s, 1))
		return false;
	if (b <= 0x7f || b >= 0xe0) /* small integers */
		return true;
	if (b <= 0x8f)
		return *values = 2u * (b & 0x0f), true;
	if (b <= 0x9f)
		return *values = b & 0x0f, true;
	if (b <= 0xbf)
		return take(s, b & 0x1f);
	const struct form *f = &forms[b - 0xc0];

	if (!f->valid || !take_count(s, f->count_width, &count) || !take(s, f->fixed))
		return false;
	*values = count * f->values_per_count;
	return !f->counted_bytes || (count <= s->left && take(s, (size_t)count));
}

static int scan_end(const struct scan *s, struct tesla_error *err)
{
	if (s->left == 0)
		return 0;
	return tesla_fail(err, -EBADMSG, "message: %zu bytes are left after the value", s->left);
}

int mp_scan(const void *bytes, size_t len, struct tesla_error *err)
{
	struct scan s = { bytes, len };
	uint64_t open[MP_DEPTH + 1] = { 1 }; /* values still to come, per level */
	size_t depth = 0;

	for (;;) {
		while (open[depth] == 0) {
			if (depth-- == 0)
				return scan_end(&s, err);
		}
		uint64_t inside;

		open[depth]--;
		if (!scan_head(&s, &inside))
			return tesla_fail(err, -EBADMSG, "message: bad or cut at byte %zu of %zu",
					  len - s.left, len);
		if (inside > s.left) /* a value takes a byte at least */
			return tesla_fail(err, -EBADMSG,
					  "message: %llu values announced, %zu bytes left",
					  (unsigned long long)inside, s.left);
		if (inside > 0 && depth == MP_DEPTH)
			return tesla_fail(err, -EBADMSG, "message: nested deeper than %d",
					  MP_DEPTH);
		if (inside > 0)
			open[++depth] = inside;
	}
}

/* The first byte says how many bytes come before the text, and that it is one. */
static size_t text_at(uint8_t head)
{
	return head >= 0xa0 && head <= 0xbf ? 1
	       : head == 0xd9		    ? 2
	       : head == 0xda		    ? 3
	       : head == 0xdb		    ? 5
					    : 0;
}

void mp_clean(void *bytes, size_t len)
{
	struct scan s = { bytes, len };
	char *all = bytes;

	while (s.left > 0) {
		size_t at = len - s.left, before = text_at(*s.p);
		uint64_t inside;

		if (before == 0 && (*s.p < 0xc0 || *s.p >= 0xe0)) { /* most: a byte, or a head */
			s.p++;
			s.left--;
			continue;
		}
		if (!scan_head(&s, &inside))
			return;
		if (before > 0)
			(void)utf8_clean(all + at + before, len - s.left - at - before, UTF8_ANY);
	}
}

int mp_unpack(struct mp_doc *doc, const void *bytes, size_t len, struct tesla_error *err)
{
	size_t off = 0;
	int r = mp_scan(bytes, len, err);

	if (r != 0)
		return r;
	msgpack_unpacked_init(&doc->u);
	if (msgpack_unpack_next(&doc->u, bytes, len, &off) != MSGPACK_UNPACK_SUCCESS) {
		msgpack_unpacked_destroy(&doc->u);
		return tesla_fail(err, -ENOMEM, "message: cannot be unpacked");
	}
	return 0;
}

void mp_doc_release(struct mp_doc *doc)
{
	msgpack_unpacked_destroy(&doc->u);
}

static bool str_is(const msgpack_object *o, const char *text)
{
	return o != NULL && o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
	       memcmp(o->via.str.ptr, text, o->via.str.size) == 0;
}

const msgpack_object *mp_get(const msgpack_object *map, const char *key)
{
	if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++)
		if (str_is(&map->via.map.ptr[i].key, key))
			return &map->via.map.ptr[i].val;
	return NULL;
}

bool mp_to_int(const msgpack_object *o, int64_t *ret)
{
	if (o == NULL || (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 > INT64_MAX))
		return false;
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER &&
	    o->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
		return false;
	*ret = o->via.i64;
	return true;
}

bool mp_to_real(const msgpack_object *o, double *ret)
{
	int64_t v;

	if (mp_to_int(o, &v))
		*ret = (double)v;
	else if (o != NULL &&
		 (o->type == MSGPACK_OBJECT_FLOAT64 || o->type == MSGPACK_OBJECT_FLOAT32))
		*ret = o->via.f64;
	else
		return false;
	return true;
}

int64_t mp_int(const msgpack_object *map, const char *key, int64_t dflt)
{
	(void)mp_to_int(mp_get(map, key), &dflt);
	return dflt;
}

double mp_real(const msgpack_object *map, const char *key, double dflt)
{
	(void)mp_to_real(mp_get(map, key), &dflt);
	return dflt;
}

bool mp_bool(const msgpack_object *map, const char *key, bool dflt)
{
	const msgpack_object *o = mp_get(map, key);

	return o != NULL && o->type == MSGPACK_OBJECT_BOOLEAN ? o->via.boolean : dflt;
}

bool mp_is(const msgpack_object *map, const char *key, const char *text)
{
	return str_is(mp_get(map, key), text);
}

char *mp_to_strdup(const msgpack_object *o)
{
	if (o == NULL || o->type != MSGPACK_OBJECT_STR ||
	    memchr(o->via.str.ptr, 0, o->via.str.size) != NULL)
		return NULL;
	return strndup(o->via.str.ptr, o->via.str.size);
}

char *mp_strdup(const msgpack_object *map, const char *key)
{
	return mp_to_strdup(mp_get(map, key));
}

const msgpack_object *mp_array(const msgpack_object *map, const char *key, size_t *n)
{
	const msgpack_object *o = mp_get(map, key);

	if (o == NULL || o->type != MSGPACK_OBJECT_ARRAY) {
		*n = 0;
		return NULL;
	}
	*n = o->via.array.size;
	return o->via.array.ptr;
}

static int write_buf(void *data, const char *bytes, size_t len)
{
	return buf_append(data, bytes, len);
}

void mp_writer(msgpack_packer *pk, struct buf *out)
{
	msgpack_packer_init(pk, out, write_buf);
}

void mp_str(msgpack_packer *pk, const char *text)
{
	size_t len;

	if (text == NULL) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	len = strlen(text);
	(void)msgpack_pack_str(pk, len);
	(void)msgpack_pack_str_body(pk, text, len);
}

void mp_key_str(msgpack_packer *pk, const char *key, const char *text)
{
	mp_str(pk, key);
	mp_str(pk, text);
}

void mp_key_int(msgpack_packer *pk, const char *key, int64_t v)
{
	mp_str(pk, key);
	(void)msgpack_pack_int64(pk, v);
}

void mp_key_real(msgpack_packer *pk, const char *key, double v)
{
	mp_str(pk, key);
	(void)msgpack_pack_double(pk, v);
}

void mp_key_bool(msgpack_packer *pk, const char *key, bool v)
{
	mp_str(pk, key);
	(void)(v ? msgpack_pack_true(pk) : msgpack_pack_false(pk));
}
