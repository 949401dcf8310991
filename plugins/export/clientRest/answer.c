/* SPDX-License-Identifier: Apache-2.0 */
/* The per-record answers of docs/api-v1.md.  Keys that are not known are skipped. */
#include "answer.h"

#include <errno.h>
#include <msgpack.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "packed.h"
#include "text.h"

/* What either form fills. */
struct intake {
	struct answer_result *results;
	size_t n, found;
	bool has_list, has_status;
	struct tesla_error *err; /* its code is 0 while all is well */
};

static bool refuse(struct intake *in, const char *what)
{
	if (in->err->code == 0)
		(void)tesla_fail(in->err, -EBADMSG, "%s", what);
	return false;
}

static bool list_begin(struct intake *in)
{
	if (in->has_list)
		return refuse(in, "there are two lists of results in it");
	return in->has_list = true;
}

static bool result_begin(struct intake *in)
{
	in->has_status = false;
	if (in->found == in->n)
		return refuse(in, "there are more results than records");
	in->results[in->found++] = (struct answer_result){ .delivery = TESLA_RETRY };
	return true;
}

static bool status_take(struct intake *in, const char *text, size_t len)
{
	static const struct {
		const char *name;
		enum tesla_delivery delivery;
	} rows[] = { { "stored", TESLA_DONE },
		     { "duplicate", TESLA_DONE },
		     { "rejected", TESLA_REJECT },
		     { "later", TESLA_RETRY } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, text, len) == 0) {
			in->results[in->found - 1].delivery = rows[i].delivery;
			return in->has_status = true;
		}
	return refuse(in, "a result has a status that is not known");
}

static bool member_take(struct intake *in, const char *key, size_t key_len, const char *text,
			size_t len)
{
	struct answer_result *r = &in->results[in->found - 1];

	if (key_len == 6 && memcmp(key, "status", 6) == 0)
		return status_take(in, text, len);
	if (key_len == 6 && memcmp(key, "reason", 6) == 0)
		text_line(r->reason, sizeof r->reason, text, len);
	return true;
}

static bool result_end(struct intake *in)
{
	return in->has_status || refuse(in, "a result has no status");
}

static int intake_end(const struct intake *in)
{
	if (in->err->code != 0)
		return in->err->code;
	if (!in->has_list)
		return tesla_fail(in->err, -EBADMSG, "there is no list of results in it");
	if (in->found != in->n)
		return tesla_fail(in->err, -EBADMSG, "there are %zu results for %zu records",
				  in->found, in->n);
	return 0;
}

/* ---- JSON, as it is read: the map is level 1, its list level 2, a result level 3 ---- */

enum { LEVEL_NONE, LEVEL_MAP, LEVEL_LIST, LEVEL_RESULT };

struct json {
	struct intake in;
	size_t depth;
	bool in_list;	   /* at or below the list of results */
	char key[8];	   /* the last of the map or of a result, cut: none of ours is so long */
	size_t key_length; /* of that */
};

static bool value_begin(struct json *j)
{
	if (j->depth == LEVEL_NONE)
		return refuse(&j->in, "it is no map");
	if (j->depth == LEVEL_LIST && j->in_list)
		return refuse(&j->in, "a result is no map");
	return true;
}

static int json_key(void *arg, const unsigned char *key, size_t len)
{
	struct json *j = arg;

	j->key_length = len < sizeof j->key ? len : sizeof j->key;
	memcpy(j->key, key, j->key_length);
	return 1;
}

static int json_map(void *arg)
{
	struct json *j = arg;

	j->depth++;
	j->key_length = 0;
	return j->depth != LEVEL_RESULT || !j->in_list || result_begin(&j->in);
}

static int json_map_end(void *arg)
{
	struct json *j = arg;

	j->key_length = 0;
	return j->depth-- != LEVEL_RESULT || !j->in_list || result_end(&j->in);
}

static int json_array(void *arg)
{
	struct json *j = arg;

	if (!value_begin(j))
		return 0;
	if (j->depth++ == LEVEL_MAP && j->key_length == 7 && memcmp(j->key, "results", 7) == 0) {
		j->in_list = true;
		return list_begin(&j->in);
	}
	return 1;
}

static int json_array_end(void *arg)
{
	struct json *j = arg;

	if (j->depth-- == LEVEL_LIST)
		j->in_list = false;
	return 1;
}

static int json_text(void *arg, const unsigned char *text, size_t len)
{
	struct json *j = arg;

	if (!value_begin(j))
		return 0;
	if (j->depth != LEVEL_RESULT || !j->in_list)
		return 1;
	return member_take(&j->in, j->key, j->key_length, (const char *)text, len);
}

static int json_null(void *arg)
{
	return value_begin(arg);
}

static int json_bool(void *arg, int value)
{
	(void)value;
	return value_begin(arg);
}

static int json_number(void *arg, const char *text, size_t len)
{
	(void)text, (void)len;
	return value_begin(arg);
}

static void json_parse(struct intake *in, const char *bytes, size_t len)
{
	static const yajl_callbacks callbacks = { .yajl_null = json_null,
						  .yajl_boolean = json_bool,
						  .yajl_number = json_number,
						  .yajl_string = json_text,
						  .yajl_start_map = json_map,
						  .yajl_map_key = json_key,
						  .yajl_end_map = json_map_end,
						  .yajl_start_array = json_array,
						  .yajl_end_array = json_array_end };
	struct json j = { .in = *in };
	yajl_handle h = yajl_alloc(&callbacks, NULL, &j);

	if (h == NULL) {
		(void)tesla_fail(in->err, -ENOMEM, "no memory");
		return;
	}
	if (yajl_parse(h, (const unsigned char *)bytes, len) != yajl_status_ok ||
	    yajl_complete_parse(h) != yajl_status_ok)
		(void)refuse(&j.in, "it is no whole JSON");
	yajl_free(h);
	*in = j.in;
}

/* ---- MessagePack, once it is unpacked ---- */

static bool key_is(const msgpack_object *key, const char *text)
{
	return key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(text) &&
	       memcmp(key->via.str.ptr, text, key->via.str.size) == 0;
}

static bool packed_result(struct intake *in, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_MAP)
		return refuse(in, "a result is no map");
	if (!result_begin(in))
		return false;
	for (uint32_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_str *key = &o->via.map.ptr[i].key.via.str,
					 *text = &o->via.map.ptr[i].val.via.str;

		if (o->via.map.ptr[i].key.type == MSGPACK_OBJECT_STR &&
		    o->via.map.ptr[i].val.type == MSGPACK_OBJECT_STR &&
		    !member_take(in, key->ptr, key->size, text->ptr, text->size))
			return false;
	}
	return result_end(in);
}

static bool packed_list(struct intake *in, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_ARRAY || !list_begin(in))
		return refuse(in, "its results are no list");
	for (uint32_t i = 0; i < o->via.array.size; i++)
		if (!packed_result(in, &o->via.array.ptr[i]))
			return false;
	return true;
}

static void packed_map(struct intake *in, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_MAP) {
		(void)refuse(in, "it is no map");
		return;
	}
	for (uint32_t i = 0; i < o->via.map.size; i++)
		if (key_is(&o->via.map.ptr[i].key, "results") &&
		    !packed_list(in, &o->via.map.ptr[i].val))
			return;
}

static void packed_parse(struct intake *in, const char *bytes, size_t len)
{
	msgpack_unpacked u;
	size_t offset = 0;

	if (!packed_is_sound(bytes, len)) {
		(void)refuse(in, "it is no whole MessagePack");
		return;
	}
	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, bytes, len, &offset) == MSGPACK_UNPACK_SUCCESS)
		packed_map(in, &u.data);
	else
		(void)tesla_fail(in->err, -ENOMEM, "no memory");
	msgpack_unpacked_destroy(&u);
}

int answer_parse(enum format format, const char *bytes, size_t len, struct answer_result *results,
		 size_t n, struct tesla_error *err)
{
	struct intake in = { .results = results, .n = n, .err = err };

	err->code = 0;
	if (len == 0)
		(void)refuse(&in, "it is empty");
	else if (format == FORMAT_JSON)
		json_parse(&in, bytes, len);
	else
		packed_parse(&in, bytes, len);
	return intake_end(&in);
}
