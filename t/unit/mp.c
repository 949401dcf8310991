/* SPDX-License-Identifier: Apache-2.0 */
/* The scan that stands before every unpacking, and reading of maps. */
#include "base/mp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct {
	const char *what;
	const uint8_t *bytes;
	size_t len;
	const char *why;
} scans[] = {
	{ "nil", BYTES(0xc0), NULL },
	{ "empty map", BYTES(0x80), NULL },
	{ "array of three", BYTES(0x93, 0x01, 0xff, 0xa1, 'x'), NULL },
	{ "float64", BYTES(0xcb, 0, 0, 0, 0, 0, 0, 0, 0), NULL },
	{ "ext 8", BYTES(0xc7, 0x02, 0x05, 1, 2), NULL },
	{ "eight deep", BYTES(0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x01), NULL },
	{ "nine deep", BYTES(0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x01),
	  "nested deeper than 8" },
	{ "nothing", (const uint8_t *)"", 0, "bad or cut at byte 0 of 0" },
	{ "array of 268435456 in five bytes", BYTES(0xdd, 0x10, 0, 0, 0),
	  "268435456 values announced, 0 bytes left" },
	{ "map of 2^32-1", BYTES(0xdf, 0xff, 0xff, 0xff, 0xff), "8589934590 values announced" },
	{ "text of 4 GiB", BYTES(0xdb, 0xff, 0xff, 0xff, 0xff, 'x'), "bad or cut" },
	{ "binary cut", BYTES(0xc4, 0x05, 1, 2), "bad or cut" },
	{ "ext cut before its type", BYTES(0xc7, 0x00), "bad or cut" },
	{ "count cut", BYTES(0xdc, 0x00), "bad or cut" },
	{ "float cut", BYTES(0xca, 0, 0, 0), "bad or cut" },
	{ "the byte that means nothing", BYTES(0xc1), "bad or cut at byte 1 of 1" },
	{ "map without its last value", BYTES(0x81, 0xa1, 'm'), "bad or cut at byte 3 of 3" },
	{ "map of two with one", BYTES(0x82, 0xa1, 'm', 0x01, 0x02), "bad or cut" },
	{ "two values", BYTES(0x01, 0x02), "1 bytes are left after the value" },
};

Test(mp, scan)
{
	for (size_t i = 0; i < N_ELEMENTS(scans); i++) {
		struct tesla_error err = { 0 };
		int r = mp_scan(scans[i].bytes, scans[i].len, &err);

		cr_expect_eq(r, scans[i].why ? -EBADMSG : 0, "%s: %s", scans[i].what, err.text);
		if (scans[i].why != NULL)
			cr_expect_not_null(strstr(err.text, scans[i].why), "%s: %s", scans[i].what,
					   err.text);
	}
}

static void pack(struct buf *b)
{
	msgpack_packer pk;

	buf_init(b, 1000);
	mp_writer(&pk, b);
	(void)msgpack_pack_map(&pk, 6);
	mp_key_str(&pk, "name", "abc");
	mp_key_str(&pk, "none", NULL);
	mp_key_int(&pk, "id", -5);
	mp_key_real(&pk, "ratio", 2.5);
	mp_key_bool(&pk, "on", true);
	mp_str(&pk, "list");
	(void)msgpack_pack_array(&pk, 2);
	(void)msgpack_pack_uint64(&pk, UINT64_MAX);
	mp_str(&pk, "x");
}

Test(mp, read_what_was_written)
{
	struct buf b;
	struct mp_doc doc;
	struct tesla_error err;
	const msgpack_object *map, *list;
	int64_t n = 0;
	size_t count;

	pack(&b);
	cr_assert_eq(mp_unpack(&doc, b.pub.bytes, b.pub.len, &err), 0);
	map = &doc.u.data;
	_cleanup_free_ char *name = mp_strdup(map, "name"), *none = mp_strdup(map, "none");

	cr_expect_str_eq(name, "abc");
	cr_expect_null(none);
	cr_expect(mp_is(map, "name", "abc") && !mp_is(map, "name", "ab") &&
		  !mp_is(map, "name", "abcd"));
	cr_expect(mp_int(map, "id", 0) == -5 && mp_int(map, "ratio", 7) == 7 &&
		  mp_int(map, "absent", 8) == 8);
	cr_expect(mp_real(map, "ratio", 0) == 2.5 && mp_real(map, "id", 0) == -5 &&
		  mp_real(map, "name", 1) == 1);
	cr_expect(mp_bool(map, "on", false) && mp_bool(map, "id", true));
	list = mp_array(map, "list", &count);
	cr_assert(list != NULL && count == 2);
	cr_expect(!mp_to_int(&list[0], &n), "beyond int64");
	cr_expect(mp_array(map, "id", &count) == NULL && count == 0);
	cr_expect_null(mp_get(&list[0], "x"), "no map");
	cr_expect_null(mp_get(NULL, "x"));
	mp_doc_release(&doc);
	buf_release(&b);
}

Test(mp, text_with_a_nul_is_no_string)
{
	struct mp_doc doc;
	struct tesla_error err;

	cr_assert_eq(mp_unpack(&doc,
			       "\xa3"
			       "a\0b",
			       4, &err),
		     0);
	cr_expect_null(mp_to_strdup(&doc.u.data));
	mp_doc_release(&doc);
}

/* ---- texts that are no UTF-8, or not for a terminal ---- */

static const struct {
	const char *text, *line, *page, *any; /* NULL: as it is */
	size_t cut;			      /* of its end, by which much */
} texts[] = {
	{ "", NULL, NULL, NULL, 0 },
	{ "plain text", NULL, NULL, NULL, 0 },
	{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", NULL, NULL, NULL, 0 },
	{ "\xff\xfe\x9b"
	  "1",
	  "???1", "???1", "???1", 0 },
	{ "Latin-1: caf\xe9!", "Latin-1: caf?!", "Latin-1: caf?!", "Latin-1: caf?!", 0 },
	{ "long enough: eight and then \xe9\xe9", "long enough: eight and then ??",
	  "long enough: eight and then ??", "long enough: eight and then ??", 1 },
	{ "a\nb\tc\x1b[2J\x7f", "a b c?[2J?", "a\nb\tc?[2J?", NULL, 0 },
	{ "\xc2\x9b"
	  "2J",
	  "??2J", "??2J", NULL, 0 }, /* CSI, of C1 */
	{ "\xe2\x80\xae"
	  "evil",
	  "???evil", "???evil", NULL, 0 },			     /* right to left */
	{ "\xe2\x81\xa6x\xd8\x9cy", "???x??y", "???x??y", NULL, 0 }, /* isolate, mark */
	{ "a\xe2\x80\xa8"
	  "b",
	  "a???b", "a???b", NULL, 0 }, /* end of a line */
	{ "\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", "?????????", "?????????", "?????????", 0 },
	{ "cut \xe2\x82", "cut ??", "cut ??", "cut ??", 2 },
};

static void expect_clean(size_t row, enum utf8_how how, const char *expected)
{
	_cleanup_free_ char *text = strdup(texts[row].text);
	size_t len = strlen(text), cut = texts[row].cut;

	cr_expect_eq(utf8_clean(text, len, how), len - cut, "row %zu, %d", row, (int)how);
	cr_expect_str_eq(text, expected ? expected : texts[row].text, "row %zu, %d", row, (int)how);
}

Test(utf8, clean)
{
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		expect_clean(i, UTF8_LINE, texts[i].line);
		expect_clean(i, UTF8_TEXT, texts[i].page);
		expect_clean(i, UTF8_ANY, texts[i].any);
	}
}

/* A text ends where it says, whatever comes after it. */
Test(mp, clean)
{
	static const char
		before[] = "\x83\xa1\xc3\xa4"
			   "a\xff\xfe"
			   "b\xd9\x03"
			   "c\xe9"
			   "d\xc4\x01\xff\xda\x00\x02\xc3\xa9\xcb\xff\xff\xff\xff\xff\xff\xff\xff",
		after[] = "\x83\xa1?\xa4"
			  "a??b\xd9\x03"
			  "c?d\xc4\x01\xff\xda\x00\x02\xc3\xa9\xcb\xff\xff\xff\xff\xff\xff\xff\xff";
	char bytes[sizeof before];
	struct tesla_error err;

	memcpy(bytes, before, sizeof bytes);
	cr_assert_eq(mp_scan(bytes, sizeof bytes - 1, &err), 0);
	mp_clean(bytes, sizeof bytes - 1);
	cr_expect_arr_eq(bytes, after, sizeof bytes);
	/* What is no whole value is left alone from there on. */
	memcpy(bytes, "\xa1\xff\xdb\xff\xff\xff\xff\xff", 8);
	mp_clean(bytes, 8);
	cr_expect_arr_eq(bytes, "\xa1?\xdb\xff\xff\xff\xff\xff", 8);
}
