/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack to JSON: what is said, and what is refused. */
#include "base/json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mp.h"

/* bytes, how many, and the line that they become; NULL: refused */
static const struct {
	const char *bytes;
	size_t len;
	const char *json;
} cases[] = {
	{ "\xc0", 1, "null" },
	{ "\xc2", 1, "false" },
	{ "\xc3", 1, "true" },
	{ "\x07", 1, "7" },
	{ "\xff", 1, "-1" },
	{ "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "18446744073709551615" },
	{ "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, "-9223372036854775808" },
	{ "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", 9, "0.1" },
	{ "\xcb\x3f\xd5\x55\x55\x55\x55\x55\x55", 9, "0.3333333333333333" },
	{ "\xcb\x40\x6c\xc3\x33\x33\x33\x33\x33", 9, "230.1" },
	{ "\xca\x43\x66\x19\x9a", 5, "230.1" },
	{ "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", 9, "null" },
	{ "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", 9, "null" },
	{ "\xca\xff\x80\x00\x00", 5, "null" },
	{ "\xa3\x61\x22\x0a", 4, "\"a\\\"\\n\"" },
	{ "\xa3\xce\xa9\x00", 4, "\"\xce\xa9\\u0000\"" },
	{ "\xa1\xff", 2, NULL },
	{ "\xc4\x01\x00", 3, NULL },
	{ "\xd4\x01\x00", 3, NULL },
	{ "\x93\x01\xc0\x90", 4, "[1,null,[]]" },
	{ "\x82\xa1\x61\x01\xa1\x62\x80", 7, "{\"a\":1,\"b\":{}}" },
	{ "\x81\x01\x02", 3, NULL },
	{ "\x81\xa1\x61\xc4\x01\x00", 6, NULL },
};

Test(json, says_or_refuses)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		_cleanup_free_ char *text = NULL;
		struct tesla_error err;
		struct mp_doc doc;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		int r;

		cr_assert_eq(mp_unpack(&doc, cases[i].bytes, cases[i].len, &err), 0, "case %zu: %s",
			     i, err.text);
		r = json_print(out, &doc.u.data, &err);
		mp_doc_release(&doc);
		(void)fclose(out);
		if (cases[i].json == NULL) {
			cr_expect(r == -EINVAL && size == 0, "case %zu: %d, %s", i, r, text);
			continue;
		}
		cr_expect_eq(r, 0, "case %zu: %s", i, err.text);
		cr_expect(size > 0 && strncmp(text, cases[i].json, size - 1) == 0 &&
				  text[size - 1] == '\n' && strlen(cases[i].json) == size - 1,
			  "case %zu: %s", i, text);
	}
}

/* A text, and the MessagePack that it becomes; NULL: what is said of it */
static const struct {
	const char *json;
	const char *bytes;
	size_t len;
	const char *why;
} reads[] = {
	{ "null", "\xc0", 1, NULL },
	{ " true ", "\xc3", 1, NULL },
	{ "7", "\x07", 1, NULL },
	{ "-1", "\xff", 1, NULL },
	{ "-0", "\xcb\x80\0\0\0\0\0\0\0", 9, NULL },
	{ "1.0", "\xcb\x3f\xf0\0\0\0\0\0\0", 9, NULL },
	{ "9223372036854775808", "\xcb\x43\xe0\0\0\0\0\0\0", 9, NULL },
	{ "\"a\\u00e9\"",
	  "\xa3"
	  "a\xc3\xa9",
	  4, NULL },
	{ "[]", "\xdd\0\0\0\0", 5, NULL },
	{ "[1,[2,{}],3]", "\xdd\0\0\0\x03\x01\xdd\0\0\0\x02\x02\xdf\0\0\0\0\x03", 18, NULL },
	{ "{\"a\":1,\"b\":[null]}",
	  "\xdf\0\0\0\x02\xa1"
	  "a\x01\xa1"
	  "b\xdd\0\0\0\x01\xc0",
	  16, NULL },
	{ "[[[[[[[[]]]]]]]]",
	  "\xdd\0\0\0\x01\xdd\0\0\0\x01\xdd\0\0\0\x01\xdd\0\0\0\x01\xdd\0\0\0\x01"
	  "\xdd\0\0\0\x01\xdd\0\0\0\x01\xdd\0\0\0\0",
	  40, NULL },
	{ "[[[[[[[[[]]]]]]]]]", NULL, 0, "nested more than 8 deep" },
	{ "", NULL, 0, "no JSON" },
	{ "[1,]", NULL, 0, "no JSON at byte 4" },
	{ "{\"a\"}", NULL, 0, "no JSON" },
	{ "[1] 2", NULL, 0, "no JSON" },
	{ "\"\xff\"", NULL, 0, "no JSON" },
};

Test(json, read)
{
	for (size_t i = 0; i < N_ELEMENTS(reads); i++) {
		struct tesla_error err = { 0 };
		struct buf out;
		int r;

		buf_init(&out, 1000);
		r = json_read(reads[i].json, strlen(reads[i].json), &out, &err);
		if (reads[i].bytes == NULL) {
			cr_expect_eq(r, -EBADMSG, "%s", reads[i].json);
			cr_expect(strstr(err.text, reads[i].why) != NULL, "%s: %s", reads[i].json,
				  err.text);
		} else {
			cr_expect_eq(r, 0, "%s: %s", reads[i].json, err.text);
			cr_expect(out.pub.len == reads[i].len &&
					  memcmp(out.pub.bytes, reads[i].bytes, out.pub.len) == 0,
				  "%s", reads[i].json);
		}
		buf_release(&out);
	}
}

Test(json, read_without_room)
{
	struct tesla_error err = { 0 };
	struct buf out;

	buf_init(&out, 8);
	cr_expect_eq(json_read("[1,2,3,4,5]", 11, &out, &err), -EMSGSIZE);
	buf_release(&out);
}

/* There and back. */
Test(json, write)
{
	static const char text[] = "{\"a\":[1,-2,0.1,null,true],\"b\":{\"c\":\"d\"}}";
	struct tesla_error err = { 0 };
	struct buf packed, out;
	struct mp_doc doc;

	buf_init(&packed, 1000);
	buf_init(&out, sizeof text - 1);
	cr_assert_eq(json_read(text, sizeof text - 1, &packed, &err), 0, "%s", err.text);
	cr_assert_eq(mp_unpack(&doc, packed.pub.bytes, packed.pub.len, &err), 0);
	cr_expect_eq(json_write(&out, &doc.u.data, &err), 0, "%s", err.text);
	cr_expect(out.pub.len == sizeof text - 1 && memcmp(out.pub.bytes, text, out.pub.len) == 0);
	cr_expect_eq(json_write(&out, &doc.u.data, &err), -EMSGSIZE);
	mp_doc_release(&doc);
	buf_release(&packed);
	buf_release(&out);
}
