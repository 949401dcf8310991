/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack to JSON: what is said, and what is refused. */
#include "teslactl/json.h"

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
