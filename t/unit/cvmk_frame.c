/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the CVMk: requests, and a hundred lines with good replies, bad ones and none. */
#include "../../plugins/drivers/cvmk/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

/* ---- requests ---- */

static const struct request_case {
	unsigned address;
	const char *command;
	const char *request; /* NULL: refused */
	const char *says;
} requests[] = {
	{ 0, "RVI", "$00RVI75\n", "" }, /* the maker's example */
	{ 5, "RVI", "$05RVI7A\n", "" },
	{ 42, "RVM", "$42RVM7F\n", "" },
	{ 42, "RVm", "$42RVm9F\n", "" }, /* another one: the case counts */
	{ 99, "VER", "$99VER83\n", "" },
	{ 100, "RVI", NULL, "address 100: a CVMk has 0 to 99" },
	{ 5, NULL, NULL, "not by registers" },
	{ 5, "", NULL, "expected 3 letters" },
	{ 5, "RV", NULL, "expected 3 letters" },
	{ 5, "RVIX", NULL, "command \"RVIX\": expected 3 letters" },
	{ 5, "RV1", NULL, "expected 3 letters" },
	{ 5, "R$I", NULL, "expected 3 letters" },
	{ 5, "RV\n", NULL, "expected 3 letters" },
	{ 5, "WAD", NULL, "sets something" },
	{ 5, "wad", NULL, "sets something" },
};

Test(cvmk_frame, requests)
{
	for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
		const struct request_case *c = &requests[i];
		uint8_t request[FRAME_REQUEST] = { 0 };
		struct tesla_error err = { 0 };
		int r = frame_request(request, c->address, c->command, &err);

		cr_expect_eq(r, c->request != NULL ? 0 : -EINVAL, "case %zu: %d", i, r);
		cr_expect_not_null(strstr(err.text, c->says), "case %zu: %s", i, err.text);
		if (c->request != NULL)
			cr_expect_eq(memcmp(request, c->request, sizeof request), 0,
				     "case %zu: %.9s", i, (char *)request);
	}
}

/* The maker's example: the sum is 373, 0x175. */
Test(cvmk_frame, the_sum_of_the_makers_example)
{
	cr_expect_eq(frame_sum((const uint8_t *)"$00RVI", 6), 0x75);
}

/* ---- replies ---- */

#define FOUR "$0500000023000000023100000022900000023066\n"
#define LINE(TEXT) TEXT, sizeof(TEXT) - 1
#define TEN(X) X X X X X X X X X X
#define ONES50 TEN("1") TEN("1") TEN("1") TEN("1") TEN("1")
#define ONES249 ONES50 ONES50 ONES50 ONES50 TEN("1") TEN("1") TEN("1") TEN("1") "111111111"
#define ONES250 ONES249 "1"
#define ONES300 ONES250 ONES50
#define JUNK1000 TEN(TEN(".........."))

static const struct line_case {
	const char *name;
	const char *line;
	size_t len;
	unsigned address;
	size_t fields;
	const char *says; /* "": good; NULL: there is no frame */
	const char *data; /* of a good one */
} lines[] = {
	{ "four values", LINE("$0500000023000000023100000022900000023066\n"), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "three values", LINE("$05000000230000000231000000229B1\n"), 5, 27, "",
	  "000000230000000231000000229" },
	{ "one value of three characters", LINE("$055001E\n"), 5, 3, "", "500" },
	{ "four values of three characters", LINE("$050980990970980D\n"), 5, 12, "",
	  "098099097098" },
	{ "address 0", LINE("$00000000230000000231000000229AC\n"), 0, 27, "",
	  "000000230000000231000000229" },
	{ "address 9", LINE("$0950123\n"), 9, 3, "", "501" },
	{ "address 10", LINE("$105011B\n"), 10, 3, "", "501" },
	{ "address 99", LINE("$9900000023000000023100000022900000023073\n"), 99, 36, "",
	  "000000230000000231000000229000000230" },
	{ "blanks before numbers", LINE("$05      230      231      22991\n"), 5, 27, "",
	  "      230      231      229" },
	{ "blanks alone", LINE("$05                           E9\n"), 5, 27, "",
	  "                           " },
	{ "signs", LINE("$05-00000230+00000231        01C\n"), 5, 27, "",
	  "-00000230+00000231        0" },
	{ "points", LINE("$05   230.51   231.00   229.1022\n"), 5, 27, "",
	  "   230.51   231.00   229.10" },
	{ "stars", LINE("$05***************************F7\n"), 5, 27, "",
	  "***************************" },
	{ "dashes", LINE("$05---------00000023100000022991\n"), 5, 27, "",
	  "---------000000231000000229" },
	{ "letters", LINE("$05OVERFLOW 00000023100000022990\n"), 5, 27, "",
	  "OVERFLOW 000000231000000229" },
	{ "small letters", LINE("$05overflow 00000023100000022990\n"), 5, 27, "",
	  "overflow 000000231000000229" },
	{ "all zeros", LINE("$0500000000000000000000000000099\n"), 5, 27, "",
	  "000000000000000000000000000" },
	{ "all nines", LINE("$059999999999999999999999999999999999998D\n"), 5, 36, "",
	  "999999999999999999999999999999999999" },
	{ "a version", LINE("$052.1751\n"), 5, 0, "", "2.17" },
	{ "a version with blanks", LINE("$05Ver 2.17 (c) 92\n"), 5, 0, "", "Ver 2.17 (c) " },
	{ "a version with every sign", LINE("$05!\"#%&'()*+,-./:;<=>?@[\\]^_`{|}~8B\n"), 5, 0, "",
	  "!\"#%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
	{ "a version of one character", LINE("$05ACA\n"), 5, 0, "", "A" },
	{ "a text of any length", LINE("$0500000023000000023100000022900000023066\n"), 5, 0, "",
	  "000000230000000231000000229000000230" },
	{ "as long as can be", LINE("$05" ONES249 "32\n"), 5, 249, "", ONES249 },
	{ "a sum with a letter", LINE("$050011A\n"), 5, 3, "", "001" },
	{ "junk before it",
	  LINE("\x01\xff"
	       "07x$0500000023000000023100000022900000023066\n"),
	  5, 36, "", "000000230000000231000000229000000230" },
	{ "line feeds before it", LINE("\n\n$0500000023000000023100000022900000023066\n"), 5, 36,
	  "", "000000230000000231000000229000000230" },
	{ "a line without a frame before it",
	  LINE("hello\n$0500000023000000023100000022900000023066\n"), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "half a frame before it", LINE("$050000002$0500000023000000023100000022900000023066\n"),
	  5, 36, "", "000000230000000231000000229000000230" },
	{ "all but the end before it", LINE("$0500000023000000023100000022900000023066" FOUR), 5,
	  36, "", "000000230000000231000000229000000230" },
	{ "a $ before it", LINE("$$0500000023000000023100000022900000023066\n"), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "five $ before it", LINE("$$$$$$0500000023000000023100000022900000023066\n"), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "a $ and junk before it", LINE("$x\xffy$0500000023000000023100000022900000023066\n"), 5,
	  36, "", "000000230000000231000000229000000230" },
	{ "a zero byte before it", LINE("\x00$0500000023000000023100000022900000023066\n"), 5, 36,
	  "", "000000230000000231000000229000000230" },
	{ "a Modbus reply before it",
	  LINE("\x05\x03\x04\x01\x02\x03\x04\x1e\xfc$0500000023000000023100000022900000023066\n"),
	  5, 36, "", "000000230000000231000000229000000230" },
	{ "a Modbus frame of unit 36 before it",
	  LINE("$\x03\x02\x00\x0b\xb4"
	       "D$0500000023000000023100000022900000023066\n"),
	  5, 36, "", "000000230000000231000000229000000230" },
	{ "junk behind it", LINE("$0500000023000000023100000022900000023066\n\xff\xff"), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "a second copy behind it", LINE(FOUR FOUR), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "another reply behind it", LINE(FOUR "$0600000023000000023100000022900000023067\n"), 5,
	  36, "", "000000230000000231000000229000000230" },
	{ "too much without an end before it",
	  LINE("$" ONES300 "$0500000023000000023100000022900000023066\n"), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "1000 bytes of junk before it",
	  LINE(JUNK1000 "$0500000023000000023100000022900000023066\n"), 5, 36, "",
	  "000000230000000231000000229000000230" },
	{ "a wrong sum", LINE("$0500000023000000023100000022900000023067\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "a sum one less", LINE("$0500000023000000023100000022900000023065\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "a sum of the data alone", LINE("$05000000230000000231000000229000000230DD\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "a sum without the $", LINE("$0500000023000000023100000022900000023042\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "its digits changed places", LINE("$050000002300000002310000002291B\n"), 5, 27,
	  "wrong checksum", NULL },
	{ "a sum in small letters", LINE("$050011a\n"), 5, 3, "wrong checksum", NULL },
	{ "a sum with a letter beyond F", LINE("$05000000230000000231000000229000000230G0\n"), 5,
	  36, "wrong checksum", NULL },
	{ "a sum with a blank", LINE("$05000000230000000231000000229000000230 6\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "a sum that was cut", LINE("$050000002300000002310000002290000002306\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "no sum", LINE("$05000000230000000231000000229000000230\n"), 5, 36, "wrong checksum",
	  NULL },
	{ "carriage return before the end", LINE("$0500000023000000023100000022900000023066\x0d\n"),
	  5, 36, "wrong checksum", NULL },
	{ "one digit more", LINE("$05010000023000000023100000022900000023066\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "one digit less", LINE("$050000023000000023100000022900000023066\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "another digit", LINE("$0509000023000000023100000022900000023066\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "a bit of a digit rose", LINE("$0500000023100000023100000022900000023066\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "the top bit rose",
	  LINE("$05\xb0"
	       "0000023000000023100000022900000023066\n"),
	  5, 36, "wrong checksum", NULL },
	{ "a byte of noise in the middle",
	  LINE("$0500000023000000023\xee"
	       "100000022900000023066\n"),
	  5, 36, "wrong checksum", NULL },
	{ "a zero byte in the middle",
	  LINE("$0500000023000000023\x00"
	       "100000022900000023066\n"),
	  5, 36, "expected 36", NULL },
	{ "another address, its sum not", LINE("$0600000023000000023100000022900000023066\n"), 5,
	  36, "wrong checksum", NULL },
	{ "a line feed in the middle", LINE("$0500000023000000023\n100000022900000023066\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "a $ in the middle", LINE("$0500000023000000023$100000022900000023066\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "a $ in place of a digit", LINE("$0500000023000000023$00000022900000023066\n"), 5, 36,
	  "wrong checksum", NULL },
	{ "$ and line feed", LINE("$\n"), 5, 36, "2 bytes, expected 6", NULL },
	{ "an address alone", LINE("$05\n"), 5, 36, "4 bytes, expected 6", NULL },
	{ "one character less than the least", LINE("$056\n"), 5, 36, "bytes, expected 6", NULL },
	{ "a Modbus frame of unit 36 that has a line feed", LINE("$\x03\x02\x00\n\xf4M"), 5, 36,
	  "5 bytes, expected 6", NULL },
	{ "no data", LINE("$0589\n"), 5, 36, "of 0 characters, expected 36", NULL },
	{ "no data, where any length goes", LINE("$0589\n"), 5, 0, "without data", NULL },
	{ "the address above", LINE("$0600000023000000023100000022900000023067\n"), 5, 36,
	  "another address, expected 05", NULL },
	{ "the address below", LINE("$0400000023000000023100000022900000023065\n"), 5, 36,
	  "another address, expected 05", NULL },
	{ "digits of the address changed places",
	  LINE("$5000000023000000023100000022900000023066\n"), 5, 36, "another address", NULL },
	{ "no digits", LINE("$  00000023000000023100000022900000023041\n"), 5, 36,
	  "another address", NULL },
	{ "one digit", LINE("$ 500000023000000023100000022900000023056\n"), 5, 36,
	  "another address", NULL },
	{ "letters", LINE("$0A00000023000000023100000022900000023072\n"), 10, 36,
	  "another address, expected 10", NULL },
	{ "15 in hexadecimal", LINE("$0F00000023000000023100000022900000023077\n"), 15, 36,
	  "another address", NULL },
	{ "address 0 for 10", LINE("$0000000023000000023100000022900000023061\n"), 10, 36,
	  "another address", NULL },
	{ "a sign", LINE("$+500000023000000023100000022900000023061\n"), 5, 36, "another address",
	  NULL },
	{ "beyond the digits", LINE("$0:0000002300000002310000002290000002306B\n"), 10, 36,
	  "another address", NULL },
	{ "three values, four were asked for", LINE("$05000000230000000231000000229B1\n"), 5, 36,
	  "of 27 characters, expected 36", NULL },
	{ "four values, three were asked for", LINE("$0500000023000000023100000022900000023066\n"),
	  5, 27, "of 36 characters, expected 27", NULL },
	{ "short fields, long ones were asked for", LINE("$050980990970980D\n"), 5, 36,
	  "of 12 characters, expected 36", NULL },
	{ "a frequency for a voltage", LINE("$055001E\n"), 5, 36, "of 3 characters", NULL },
	{ "one character more", LINE("$05000000230000000231000000229000000230096\n"), 5, 36,
	  "of 37 characters", NULL },
	{ "one character less", LINE("$050000023000000023100000022900000023036\n"), 5, 36,
	  "of 35 characters", NULL },
	{ "an address twice", LINE("$0505000000230000000231000000229000000230CB\n"), 5, 36,
	  "of 38 characters", NULL },
	{ "a sign that no field has", LINE("$05#00000230000000231000000229A4\n"), 5, 27,
	  "the byte 0x23", NULL },
	{ "a comma", LINE("$05000230,50000000231000000229B2\n"), 5, 27, "the byte 0x2c", NULL },
	{ "a tabulator",
	  LINE("$05\x09"
	       "000002300000002310000002298A\n"),
	  5, 27, "the byte 0x09", NULL },
	{ "a zero byte, summed",
	  LINE("$05\x00"
	       "0000023000000023100000022981\n"),
	  5, 27, "the byte 0x00", NULL },
	{ "a byte above 127, summed",
	  LINE("$05\xb0"
	       "0000023000000023100000022931\n"),
	  5, 27, "the byte 0xb0", NULL },
	{ "a colon", LINE("$05:00000230000000231000000229BB\n"), 5, 27, "the byte 0x3a", NULL },
	{ "an escape in a version",
	  LINE("$052\x1b"
	       "173E\n"),
	  5, 0, "the byte 0x1b", NULL },
	{ "a byte above 127 in a version",
	  LINE("$052.17\xe9"
	       "3A\n"),
	  5, 0, "the byte 0xe9", NULL },
	{ "delete in a version",
	  LINE("$052.17\x7f"
	       "D0\n"),
	  5, 0, "the byte 0x7f", NULL },
	{ "nothing", LINE(""), 5, 0, NULL, NULL },
	{ "no $", LINE("0500000023000000023100000022900000023066\n"), 5, 36, NULL, NULL },
	{ "no end", LINE("$0500000023000000023100000022900000023066"), 5, 36, NULL, NULL },
	{ "only noise", LINE("\xff\xfe~junk\n\n"), 5, 0, NULL, NULL },
	{ "only $", LINE("$$$$$$$$$$$$"), 5, 0, NULL, NULL },
	{ "too long to be one", LINE("$05" ONES300 "00\n"), 5, 36, NULL, NULL },
	{ "one byte longer than can be", LINE("$05" ONES250 "63\n"), 5, 250, NULL, NULL },
};

_Static_assert(N_ELEMENTS(lines) >= 100, "a hundred frames");

static void check_frame(const struct line_case *c, const struct frame_scan *scan)
{
	struct frame_data data = { 0 };
	struct tesla_error err = { 0 };
	enum tesla_status status =
		frame_check(scan->bytes, scan->len, c->address, c->fields, &data, &err);

	if (*c->says != '\0') {
		cr_expect_eq(status, TESLA_REPLY_GARBLED, "%s: taken", c->name);
		cr_expect_not_null(strstr(err.text, c->says), "%s: %s", c->name, err.text);
		cr_expect_eq(err.code, -EBADMSG, "%s", c->name);
		cr_expect_null(data.bytes, "%s", c->name);
		return;
	}
	cr_expect_eq(status, TESLA_REPLY_OK, "%s: %s", c->name, err.text);
	cr_expect_str_empty(err.text, "%s", c->name);
	cr_expect_eq(data.len, strlen(c->data), "%s: %zu", c->name, data.len);
	cr_expect(data.bytes != NULL && memcmp(data.bytes, c->data, data.len) == 0, "%s", c->name);
}

/* However many bytes come at once. */
Test(cvmk_frame, replies)
{
	static const size_t steps[] = { 1, 2, 7, 4096 };

	for (size_t i = 0; i < N_ELEMENTS(lines) * N_ELEMENTS(steps); i++) {
		const struct line_case *c = &lines[i / N_ELEMENTS(steps)];
		size_t step = steps[i % N_ELEMENTS(steps)], at = 0;
		struct frame_scan scan = { 0 };

		while (at < c->len && !scan.whole) {
			size_t n = c->len - at < step ? c->len - at : step;

			at += frame_scan(&scan, (const uint8_t *)c->line + at, n);
		}
		cr_expect_eq(scan.whole, c->says != NULL, "%s", c->name);
		cr_expect_eq(scan.len + scan.junk, at, "%s: %zu + %zu of %zu", c->name, scan.len,
			     scan.junk, at);
		if (scan.whole && c->says != NULL)
			check_frame(c, &scan);
	}
}

/* No single byte that changes goes unseen, nor one that is lost or comes from nowhere. */
Test(cvmk_frame, one_wrong_byte_is_always_seen)
{
	static const char good[] = "$05000000230000000231000000229B1\n";
	const size_t len = sizeof good - 1;
	struct frame_data data;
	struct tesla_error err;

	cr_assert_eq(frame_check((const uint8_t *)good, len, 5, 27, &data, &err), TESLA_REPLY_OK,
		     "%s", err.text);
	for (size_t at = 0; at < len; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint8_t line[sizeof good];
			struct frame_scan scan = { 0 };

			memcpy(line, good, len);
			line[at] = (uint8_t)byte;
			(void)frame_scan(&scan, line, len);
			cr_expect(byte == (uint8_t)good[at] || !scan.whole ||
					  frame_check(scan.bytes, scan.len, 5, 27, &data, &err) !=
						  TESLA_REPLY_OK,
				  "byte %zu as 0x%02x", at, byte);
		}
	}
}
