/* SPDX-License-Identifier: Apache-2.0 */
/* One frame of a traced line. */
#include "daemon/trace_entry.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "daemon/pack.h"

#define BYTES_MAX 4096u
#define TEXT_MAX 300u
#define FIELDS 10u

static const char *const kinds[] = {
	[0] = "event",
	[TESLA_FRAME_SENT] = "request",
	[TESLA_FRAME_RECEIVED] = "reply",
	[TESLA_FRAME_JUNK] = "junk",
	[TESLA_FRAME_LATE] = "late",
};

static bool is_nil(const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_NIL;
}

static bool is_text(const msgpack_object *o)
{
	return is_nil(o) || (o->type == MSGPACK_OBJECT_STR && o->via.str.size <= TEXT_MAX);
}

static bool is_asked(const msgpack_object *o)
{
	int64_t v;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return is_text(o);
	if (o->via.array.size != 3)
		return false;
	for (int i = 0; i < 3; i++)
		if (!mp_to_int(&o->via.array.ptr[i], &v))
			return false;
	return true;
}

int trace_entry_parse(const msgpack_object *o, struct trace_entry *ret, struct tesla_error *err)
{
	const msgpack_object *p = o->via.array.ptr;
	struct trace_entry e = { 0 };

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != FIELDS)
		return tesla_fail(err, -EPROTO, "frame: expected an array of %u", FIELDS);
	e.asked = &p[4];
	e.word = &p[7];
	e.text = &p[9];
	if (!mp_to_int(&p[0], &e.line) || !mp_to_int(&p[1], &e.t_us) ||
	    !mp_to_int(&p[2], &e.kind) || e.kind < 0 || e.kind >= (int64_t)N_ELEMENTS(kinds) ||
	    !mp_to_int(&p[3], &e.analyzer) || !is_asked(e.asked) ||
	    p[5].type != MSGPACK_OBJECT_BIN || p[5].via.bin.size > BYTES_MAX ||
	    !mp_to_int(&p[6], &e.cut) || !is_text(e.word) || !mp_to_int(&p[8], &e.code) ||
	    !is_text(e.text))
		return tesla_fail(err, -EPROTO, "frame: a field that is not of its kind");
	e.bytes = &p[5].via.bin;
	*ret = e;
	return 0;
}

/* A text of a plugin's, perhaps of a meter's: what is no UTF-8, or moves a cursor, becomes '?'. */
static void key_text(msgpack_packer *pk, const char *key, const msgpack_object *o)
{
	char text[TEXT_MAX + 1];
	uint32_t character;

	mp_str(pk, key);
	if (o->type != MSGPACK_OBJECT_STR) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	memcpy(text, o->via.str.ptr, o->via.str.size);
	text[o->via.str.size] = '\0';
	for (char *at = text; at < text + o->via.str.size;) {
		int n = utf8_take(at, &character);

		if (n < 1 || (unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
		at += n < 1 ? 1 : n;
	}
	mp_str(pk, text);
}

static void asked_pack(msgpack_packer *pk, const msgpack_object *asked)
{
	static const char *const keys[] = { "function", "address", "count" };
	int64_t v = 0;

	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		bool registers = asked->type == MSGPACK_OBJECT_ARRAY;

		if (registers)
			(void)mp_to_int(&asked->via.array.ptr[i], &v);
		key_int_or_nil(pk, keys[i], v, registers);
	}
	key_text(pk, "command", asked);
}

static void hex_pack(msgpack_packer *pk, const msgpack_object_bin *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * BYTES_MAX];

	for (uint32_t i = 0; i < bytes->size; i++) {
		uint8_t byte = (uint8_t)bytes->ptr[i];

		hex[2 * i] = digits[byte >> 4];
		hex[2 * i + 1] = digits[byte & 15];
	}
	mp_str(pk, "hex");
	(void)msgpack_pack_str(pk, 2 * bytes->size);
	(void)msgpack_pack_str_body(pk, hex, 2 * bytes->size);
}

void trace_entry_pack(const struct trace_entry *e, uint64_t n, struct buf *out)
{
	msgpack_packer pk;

	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, 13);
	key_count(&pk, "n", n);
	mp_key_int(&pk, "t_us", e->t_us);
	mp_key_str(&pk, "kind", kinds[e->kind]);
	key_int_or_nil(&pk, "analyzer", e->analyzer, e->analyzer != 0);
	asked_pack(&pk, e->asked);
	hex_pack(&pk, e->bytes);
	key_int_or_nil(&pk, "cut", e->cut, e->cut != 0);
	key_text(&pk, "status", e->word);
	key_int_or_nil(&pk, "code", e->code, e->code != 0);
	key_text(&pk, "text", e->text);
}
