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

struct trace_text trace_text_of(const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	return (struct trace_text){ text, len < TEXT_MAX ? (uint32_t)len : TEXT_MAX };
}

/* ---- as the host tells it ---- */

static bool text_take(const msgpack_object *o, struct trace_text *ret)
{
	*ret = (struct trace_text){ 0 };
	if (o->type == MSGPACK_OBJECT_STR)
		*ret = (struct trace_text){ o->via.str.ptr, o->via.str.size };
	return o->type == MSGPACK_OBJECT_NIL ||
	       (o->type == MSGPACK_OBJECT_STR && ret->len <= TEXT_MAX);
}

static bool bytes_take(const msgpack_object *o, struct trace_text *ret)
{
	if (o->type != MSGPACK_OBJECT_BIN || o->via.bin.size > BYTES_MAX)
		return false;
	*ret = (struct trace_text){ o->via.bin.ptr, o->via.bin.size };
	return true;
}

/* Registers, a command, or nil. */
static bool asked_take(const msgpack_object *o, struct trace_entry *e)
{
	e->registers = o->type == MSGPACK_OBJECT_ARRAY;
	if (!e->registers)
		return text_take(o, &e->command);
	for (uint32_t i = 0; i < 3; i++)
		if (o->via.array.size != 3 || !mp_to_int(&o->via.array.ptr[i], &e->asked[i]))
			return false;
	return true;
}

int trace_entry_parse(const msgpack_object *o, struct trace_entry *ret, struct tesla_error *err)
{
	const msgpack_object *p = o->via.array.ptr;
	struct trace_entry e = { 0 };
	int64_t *const numbers[FIELDS] = { &e.line, &e.t_us, &e.kind, &e.analyzer, NULL,
					   NULL,    &e.cut,  NULL,    &e.code,	   NULL };

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != FIELDS)
		return tesla_fail(err, -EPROTO, "frame: expected an array of %u", FIELDS);
	for (uint32_t i = 0; i < FIELDS; i++)
		if (numbers[i] != NULL && !mp_to_int(&p[i], numbers[i]))
			return tesla_fail(err, -EPROTO, "frame: field %u is no number", i);
	if (e.kind < 0 || e.kind >= (int64_t)N_ELEMENTS(kinds) || !asked_take(&p[4], &e) ||
	    !bytes_take(&p[5], &e.bytes) || !text_take(&p[7], &e.word) ||
	    !text_take(&p[9], &e.text))
		return tesla_fail(err, -EPROTO, "frame: a field that is not of its kind");
	*ret = e;
	return 0;
}

/* ---- as clients get it ---- */

/* A plugin's words, perhaps a meter's: what is no UTF-8, or moves a cursor, becomes '?'. */
static void key_text(msgpack_packer *pk, const char *key, const struct trace_text *t)
{
	char text[TEXT_MAX + 1];
	uint32_t character;

	mp_str(pk, key);
	if (t->at == NULL) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	memcpy(text, t->at, t->len);
	text[t->len] = '\0';
	for (char *at = text; at < text + t->len;) {
		int n = utf8_take(at, &character);

		if (n < 1 || (unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
		at += n < 1 ? 1 : n;
	}
	mp_str(pk, text);
}

static void key_hex(msgpack_packer *pk, const char *key, const struct trace_text *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * BYTES_MAX];

	for (uint32_t i = 0; i < bytes->len; i++) {
		uint8_t byte = (uint8_t)bytes->at[i];

		hex[2 * i] = digits[byte >> 4];
		hex[2 * i + 1] = digits[byte & 15];
	}
	mp_str(pk, key);
	(void)msgpack_pack_str(pk, 2 * bytes->len);
	(void)msgpack_pack_str_body(pk, hex, 2 * bytes->len);
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
	key_int_or_nil(&pk, "function", e->asked[0], e->registers);
	key_int_or_nil(&pk, "address", e->asked[1], e->registers);
	key_int_or_nil(&pk, "count", e->asked[2], e->registers);
	key_text(&pk, "command", &e->command);
	key_hex(&pk, "hex", &e->bytes);
	key_int_or_nil(&pk, "cut", e->cut, e->cut != 0);
	key_text(&pk, "status", &e->word);
	key_int_or_nil(&pk, "code", e->code, e->code != 0);
	key_text(&pk, "text", &e->text);
}
