/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus frames as bytes: what is asked, what is an answer, and the times of a serial line. */
#include "../../plugins/drivers/modBusComm/pdu.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

Test(pdu, the_wire_bytes_of_a_request)
{
	struct tesla_block tpf = { .function = 3, .address = 0x0fc0, .count = 3 };
	struct tesla_error err = { 0 };
	struct pdu_request req;
	uint8_t frame[PDU_HEAD + PDU_REQUEST_MAX];

	cr_assert_eq(pdu_read_request(&req, 5, &tpf, &err), 0);
	cr_expect_eq(req.len, 6);
	cr_expect_arr_eq(req.bytes, ((uint8_t[]){ 5, 3, 0x0f, 0xc0, 0, 3 }), 6);
	cr_expect_eq(pdu_tcp_frame(frame, 0x1234, &req), 12);
	cr_expect_arr_eq(frame, ((uint8_t[]){ 0x12, 0x34, 0, 0, 0, 6, 5, 3, 0x0f, 0xc0, 0, 3 }),
			 12);
	pdu_identity_request(&req, 255);
	cr_expect_eq(pdu_tcp_frame(frame, 1, &req), 8);
	cr_expect_arr_eq(frame, ((uint8_t[]){ 0, 1, 0, 0, 0, 2, 255, 17 }), 8);
}

Test(pdu, blocks_that_modbus_cannot_read)
{
	static const struct {
		struct tesla_block block;
		const char *says;
	} cases[] = {
		{ { .function = 1, .count = 1 }, "function 1" },
		{ { .function = 6, .count = 1 }, "read by 3 or 4" },
		{ { .function = 3, .count = 0 }, "0 registers" },
		{ { .function = 4, .address = 7, .count = 126 }, "126 registers from 7" },
		{ { .function = 3, .count = 1, .command = "VER" }, "function 3" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct tesla_error err = { 0 };
		struct pdu_request req;

		cr_expect_eq(pdu_read_request(&req, 1, &cases[i].block, &err), -EINVAL, "case %zu",
			     i);
		cr_expect_not_null(strstr(err.text, cases[i].says), "case %zu: %s", i, err.text);
	}
}

/* To address 5, function 3, two registers; or, where `identity`, function 17. */
static const struct reply_case {
	const char *name;
	bool identity;
	size_t len;
	uint8_t reply[12];
	enum tesla_status status;
	int code;
	const char *says;
} replies[] = {
	{ "two registers", 0, 7, { 5, 3, 4, 1, 2, 3, 4 }, TESLA_REPLY_OK, 0, "" },
	{ "exception 2",
	  0,
	  3,
	  { 5, 0x83, 2 },
	  TESLA_REPLY_EXCEPTION,
	  2,
	  "exception 2 (illegal address)" },
	{ "a gateway for a silent meter",
	  0,
	  3,
	  { 5, 0x83, 11 },
	  TESLA_REPLY_TIMEOUT,
	  11,
	  "exception 11 (gateway: no answer from the meter)" },
	{ "exception 200",
	  0,
	  3,
	  { 5, 0x83, 200 },
	  TESLA_REPLY_EXCEPTION,
	  200,
	  "exception 200 (unknown)" },
	{ "another address",
	  0,
	  7,
	  { 6, 3, 4, 1, 2, 3, 4 },
	  TESLA_REPLY_GARBLED,
	  0,
	  "address 6, expected 5" },
	{ "another function",
	  0,
	  7,
	  { 5, 4, 4, 1, 2, 3, 4 },
	  TESLA_REPLY_GARBLED,
	  0,
	  "function 4, expected 3" },
	{ "exception of another", 0, 3, { 5, 0x84, 2 }, TESLA_REPLY_GARBLED, 0, "function 132" },
	{ "a long exception", 0, 4, { 5, 0x83, 2, 0 }, TESLA_REPLY_GARBLED, 0, "function 131" },
	{ "three registers",
	  0,
	  9,
	  { 5, 3, 6, 1, 2, 3, 4, 5, 6 },
	  TESLA_REPLY_GARBLED,
	  0,
	  "byte count 6, expected 4" },
	{ "cut", 0, 6, { 5, 3, 4, 1, 2, 3 }, TESLA_REPLY_GARBLED, 0, "byte count 4, expected 3" },
	{ "no body", 0, 2, { 5, 3 }, TESLA_REPLY_GARBLED, 0, "length 2" },
	{ "nothing", 0, 0, { 0 }, TESLA_REPLY_GARBLED, 0, "length 0" },
	{ "identity", 1, 7, { 5, 17, 4, 9, 0xff, 'P', 'M' }, TESLA_REPLY_OK, 0, "" },
	{ "empty identity", 1, 3, { 5, 17, 0 }, TESLA_REPLY_OK, 0, "" },
	{ "no identity", 1, 3, { 5, 0x91, 1 }, TESLA_REPLY_EXCEPTION, 1, "exception 1" },
};

Test(pdu, replies)
{
	const struct tesla_block block = { .function = 3, .address = 10, .count = 2 };

	for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
		const struct reply_case *c = &replies[i];
		struct tesla_error err = { 0 };
		struct pdu_request req;
		struct pdu_data data = { 0 };
		int code = 0;

		if (c->identity)
			pdu_identity_request(&req, 5);
		else
			cr_assert_eq(pdu_read_request(&req, 5, &block, &err), 0);
		cr_expect_eq(pdu_check(&req, c->reply, c->len, &data, &code, &err), c->status,
			     "%s: %s", c->name, err.text);
		cr_expect_eq(code, c->code, "%s", c->name);
		cr_expect_not_null(strstr(err.text, c->says), "%s: %s", c->name, err.text);
		if (c->status == TESLA_REPLY_OK) {
			cr_expect_eq(data.bytes, c->reply + 3, "%s", c->name);
			cr_expect_eq(data.len, c->len - 3, "%s", c->name);
		}
	}
}

Test(pdu, how_long_a_tcp_reply_is)
{
	static const struct {
		const char *name;
		size_t len;
		uint8_t bytes[12];
		int whole;
	} cases[] = {
		{ "nothing yet", 0, { 0 }, 0 },
		{ "half a header", 5, { 0, 1, 0, 0, 0 }, 0 },
		{ "header alone", 8, { 0, 1, 0, 0, 0, 7, 5, 3 }, 0 },
		{ "enough", 9, { 0, 1, 0, 0, 0, 7, 5, 3, 4 }, 13 },
		{ "exception", 9, { 0, 1, 0, 0, 0, 3, 5, 0x83, 2 }, 9 },
		{ "longest", 9, { 0, 1, 0, 0, 0, 253, 5, 4, 250 }, 259 },
		{ "another protocol", 6, { 0, 1, 0, 1, 0, 7 }, -EBADMSG },
		{ "too short", 6, { 0, 1, 0, 0, 0, 2 }, -EBADMSG },
		{ "too long", 6, { 0, 1, 0, 0, 0, 255 }, -EBADMSG },
		{ "much too long", 6, { 0, 1, 0, 0, 1, 7 }, -EBADMSG },
		{ "count beyond length", 9, { 0, 1, 0, 0, 0, 7, 5, 3, 250 }, -EBADMSG },
		{ "a long exception", 9, { 0, 1, 0, 0, 0, 4, 5, 0x83, 2 }, -EBADMSG },
		{ "a write", 9, { 0, 1, 0, 0, 0, 6, 5, 6, 0 }, -EBADMSG },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		cr_expect_eq(pdu_tcp_whole(cases[i].bytes, cases[i].len), cases[i].whole, "%s",
			     cases[i].name);
	cr_expect_eq(pdu_tcp_transaction((const uint8_t[]){ 0xab, 0xcd }), 0xabcd);
}

Test(pdu, printable_text_of_an_identity)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} cases[] = {
		{ "\x09\xffPM710 ", 8, "PM710" },
		{ "\x09\xff  PM 710\0\x80 V3\n", 15, "PM 710 V3" },
		{ "\x09\xff", 2, "" },
		{ "\x09", 1, "" },
	};
	char text[PDU_TEXT_MAX], all[255];

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct pdu_data data = { (const uint8_t *)cases[i].bytes, cases[i].len };

		cr_expect_eq(pdu_text(&data, text), strlen(cases[i].text), "case %zu", i);
		cr_expect_str_eq(text, cases[i].text);
	}
	memset(all, 'x', sizeof all);
	cr_expect_eq(pdu_text(&(struct pdu_data){ (const uint8_t *)all, sizeof all }, text),
		     PDU_TEXT_MAX - 1);
}
