/* SPDX-License-Identifier: Apache-2.0 */
/* The scan that stands before every unpacking, and reading of maps. */
#include "base/mp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

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
