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
	pdu_identity_request(&req, 255, PDU_IDENTITY);
	cr_expect_eq(pdu_tcp_frame(frame, 1, &req), 8);
	cr_expect_arr_eq(frame, ((uint8_t[]){ 0, 1, 0, 0, 0, 2, 255, 17 }), 8);
	pdu_identity_request(&req, 5, PDU_DEVICE);
	cr_expect_eq(pdu_tcp_frame(frame, 1, &req), 11);
	cr_expect_arr_eq(frame, ((uint8_t[]){ 0, 1, 0, 0, 0, 5, 5, 0x2b, 0x0e, 1, 0 }), 11);
}

Test(pdu, a_block_may_ask_who_it_is)
{
	static const enum pdu_function functions[] = { PDU_IDENTITY, PDU_DEVICE };

	for (size_t i = 0; i < N_ELEMENTS(functions); i++) {
		struct tesla_block block = { .function = (uint16_t)functions[i] };
		struct pdu_request asked, made = { .len = 0 };
		struct tesla_error err;

		pdu_identity_request(&asked, 5, functions[i]);
		cr_assert_eq(pdu_read_request(&made, 5, &block, &err), 0);
		cr_expect_eq(made.len, asked.len);
		cr_expect_arr_eq(made.bytes, asked.bytes, asked.len);
	}
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
		{ { .function = 17, .command = "VER" }, "read by 3 or 4" },
		{ { .function = 17, .count = 1 }, "function 17: it asks who a meter is" },
		{ { .function = 43, .address = 7 }, "not for 0 registers from 7" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct tesla_error err = { 0 };
		struct pdu_request req;

		cr_expect_eq(pdu_read_request(&req, 1, &cases[i].block, &err), -EINVAL, "case %zu",
			     i);
		cr_expect_not_null(strstr(err.text, cases[i].says), "case %zu: %s", i, err.text);
	}
}

/* To address 5, function 3, two registers; or who it is by function `who`. */
static const struct reply_case {
	const char *name;
	enum pdu_function who;
	size_t len;
	uint8_t reply[16];
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
	{ "identity", PDU_IDENTITY, 7, { 5, 17, 4, 9, 0xff, 'P', 'M' }, TESLA_REPLY_OK, 0, "" },
	{ "empty identity", PDU_IDENTITY, 3, { 5, 17, 0 }, TESLA_REPLY_OK, 0, "" },
	{ "no identity", PDU_IDENTITY, 3, { 5, 0x91, 1 }, TESLA_REPLY_EXCEPTION, 1, "exception 1" },
#define DEVICE(NAME, STATUS, CODE, SAYS, ...) \
	{ \
		NAME, PDU_DEVICE, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }, STATUS, \
			CODE, SAYS \
	}
#define DEVICE_BAD(NAME, SAYS, ...) DEVICE(NAME, TESLA_REPLY_GARBLED, 0, SAYS, __VA_ARGS__)
	DEVICE("an object", TESLA_REPLY_OK, 0, "", 5, 43, 14, 1, 1, 0, 0, 1, 0, 1, 'S'),
	DEVICE("no object", TESLA_REPLY_OK, 0, "", 5, 43, 14, 1, 1, 0, 0, 0),
	DEVICE("more follow", TESLA_REPLY_OK, 0, "", 5, 43, 14, 1, 1, 0xff, 1, 1, 0, 0),
	DEVICE("no device", TESLA_REPLY_EXCEPTION, 1, "exception 1", 5, 0xab, 1),
	DEVICE_BAD("another unit", "address 6, expected 5", 6, 43, 14, 1, 1, 0, 0, 0),
	DEVICE_BAD("text of 17", "function 17, expected 43", 5, 17, 4, 9, 0xff, 'P', 'M'),
	DEVICE_BAD("another type", "MEI type 13, expected 14", 5, 43, 13, 1, 1, 0, 0, 0),
	DEVICE_BAD("half a head", "length 7, expected 8", 5, 43, 14, 1, 1, 0, 0),
	DEVICE_BAD("another code", "read code 2, expected 1", 5, 43, 14, 2, 2, 0, 0, 0),
	DEVICE_BAD("one is missing", "number of objects 1, expected 2", 5, 43, 14, 1, 1, 0, 0, 2, 0,
		   1, 'S'),
	DEVICE_BAD("beyond the end", "number of objects 0, expected 1", 5, 43, 14, 1, 1, 0, 0, 1, 0,
		   2, 'S'),
	DEVICE_BAD("behind it", "length 12, expected 11", 5, 43, 14, 1, 1, 0, 0, 1, 0, 1, 'S', 0),
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

		if (c->who != 0)
			pdu_identity_request(&req, 5, c->who);
		else
			cr_assert_eq(pdu_read_request(&req, 5, &block, &err), 0);
		cr_expect_eq(pdu_check(&req, c->reply, c->len, &data, &code, &err), c->status,
			     "%s: %s", c->name, err.text);
		cr_expect_eq(code, c->code, "%s", c->name);
		cr_expect_not_null(strstr(err.text, c->says), "%s: %s", c->name, err.text);
		if (c->status == TESLA_REPLY_OK) {
			size_t head = c->who == PDU_DEVICE ? 8 : 3;

			cr_expect_eq(data.bytes, c->reply + head, "%s", c->name);
			cr_expect_eq(data.len, c->len - head, "%s", c->name);
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

/* Two objects of one and two characters, cut anywhere; alone and behind a TCP header. */
Test(pdu, how_long_a_reply_of_objects_is)
{
	static const uint8_t frame[] = { 0, 1, 0, 0, 0, 15,  5, 43, 14,	 1,  1,
					 0, 0, 2, 0, 1, 'S', 1, 2,  'P', 'M' };
	uint8_t other[sizeof frame];
	const size_t whole = sizeof frame;

	for (size_t len = 0; len <= whole; len++)
		cr_expect_eq(pdu_tcp_whole(frame, len), len == whole ? (int)whole : 0, "%zu", len);
	for (size_t len = 0; len <= whole - PDU_HEAD; len++)
		cr_expect_eq(pdu_device_whole(frame + PDU_HEAD, len),
			     len == whole - PDU_HEAD ? (int)len : 0, "%zu", len);
	for (int wrong = -1; wrong <= 1; wrong += 2) { /* the header says another length */
		memcpy(other, frame, whole);
		other[5] = (uint8_t)(other[5] + wrong);
		cr_expect_eq(pdu_tcp_whole(other, whole), -EBADMSG, "%d", wrong);
	}
}

Test(pdu, what_is_no_reply_of_objects)
{
	uint8_t full[254] = { 5, 43, 14, 1, 1, 0, 0, 1, 0, 244 };

	cr_expect_eq(pdu_device_whole(full, sizeof full), sizeof full, "the longest");
	full[9]++;
	cr_expect_eq(pdu_device_whole(full, sizeof full), -EBADMSG, "one too long");
	cr_expect_eq(pdu_device_whole((const uint8_t[]){ 5, 0xab, 2 }, 3), 3, "an exception");
	cr_expect_eq(pdu_device_whole((const uint8_t[]){ 5, 3, 14 }, 3), -EBADMSG);
	cr_expect_eq(pdu_device_whole((const uint8_t[]){ 5, 43, 13 }, 3), -EBADMSG);
	cr_expect_eq(pdu_tcp_whole((const uint8_t[]){ 0, 1, 0, 0, 0, 4, 5, 0xab, 1 }, 9), -EBADMSG);
	cr_expect_eq(pdu_tcp_whole((const uint8_t[]){ 0, 1, 0, 0, 0, 3, 5, 0xab, 1 }, 9), 9);
}

Test(pdu, the_checksum_of_a_frame)
{
	uint8_t frame[] = { 5, 3, 4, 1, 2, 3, 4, 0x1e, 0xfc };

	cr_expect(pdu_rtu_sum_right(frame, sizeof frame));
	cr_expect(!pdu_rtu_sum_right(frame, sizeof frame - 1));
	cr_expect(!pdu_rtu_sum_right(frame, 1));
	frame[8] ^= 1;
	cr_expect(!pdu_rtu_sum_right(frame, sizeof frame));
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
	struct pdu_request req;

	pdu_identity_request(&req, 5, PDU_IDENTITY);

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct pdu_data data = { (const uint8_t *)cases[i].bytes, cases[i].len };

		cr_expect_eq(pdu_text(&req, &data, text), strlen(cases[i].text), "case %zu", i);
		cr_expect_str_eq(text, cases[i].text);
	}
	memset(all, 'x', sizeof all);
	cr_expect_eq(pdu_text(&req, &(struct pdu_data){ (const uint8_t *)all, sizeof all }, text),
		     PDU_TEXT_MAX - 1);
}

Test(pdu, printable_text_of_objects)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} cases[] = {
#define OBJECTS(BYTES, TEXT) { BYTES, sizeof BYTES - 1, TEXT }
		OBJECTS("\0\x02SE\1\x05PM710\2\x02V3", "SE PM710 V3"),
		OBJECTS("\2\x02V3\1\x05PM710\0\x02SE", "SE PM710 V3"),
		OBJECTS("\0\x03 S \1\x00\2\x04\n V\x80", "S V"),
		OBJECTS("\0\x01S\1\x02  \3\x03url\x80\x01x", "S"),
		OBJECTS("\1\x01P\1\x01Q", "P"),
		OBJECTS("\1\x00", ""),
		OBJECTS("", ""),
	};
	char text[PDU_TEXT_MAX];
	struct pdu_request req;

	pdu_identity_request(&req, 5, PDU_DEVICE);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct pdu_data data = { (const uint8_t *)cases[i].bytes, cases[i].len };

		cr_expect_eq(pdu_text(&req, &data, text), strlen(cases[i].text), "case %zu", i);
		cr_expect_str_eq(text, cases[i].text);
	}
}
