/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: what is one, what is none and why, and that what is written can be read. */
#include "base/capture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define HEAD "tesla-capture 1\nline 3 serial /dev/ttyS0\n"

static int parse(const char *text, struct capture *ret, struct tesla_error *err)
{
	return capture_parse("a.capture", text, strlen(text), ret, err);
}

Test(capture, a_file)
{
	static const char text[] = "tesla-capture 1 # of a cellar\r\n"
				   "\n"
				   "line 3 rtu-over-tcp 10.0.0.7:4001 # behind a converter\n"
				   "begin 2026-11-29T17:48:55.358257Z\n"
				   "0 > 0503 0FC0 0003  # analyzer 5\n"
				   "0.25 < 05 03\t06\n"
				   "  # nothing\n"
				   "12.000345 ! timeout  # no answer in 1000 ms\n"
				   "12.000345 ~ ff\n"
				   "12.5 ! lost 12\n"
				   "0000000013 ! something-new";
	struct tesla_error err = { 0 };
	struct capture c;

	cr_assert_eq(parse(text, &c, &err), 0, "%s", err.text);
	cr_expect_eq(c.kind, TESLA_LINE_RAW_TCP);
	cr_assert_eq(c.n, 6);
	cr_expect_eq(c.entries[0].direction, CAPTURE_REQUEST);
	cr_expect_eq(c.entries[0].len, 6);
	cr_expect_arr_eq(c.entries[0].bytes, "\x05\x03\x0f\xc0\x00\x03", 6);
	cr_expect_eq(c.entries[0].line, 5);
	cr_expect_eq(c.entries[1].at_us, 250000);
	cr_expect_arr_eq(c.entries[1].bytes, "\x05\x03\x06", 3);
	cr_expect_eq(c.entries[2].at_us, 12000345);
	cr_expect_str_eq(c.entries[2].word, "timeout");
	cr_expect_eq(c.entries[3].direction, CAPTURE_JUNK);
	cr_expect_str_eq(c.entries[4].word, "lost");
	cr_expect_str_eq(c.entries[5].word, "something-new");
	capture_release(&c);
}

static const struct bad_case {
	const char *text, *says;
} bad[] = {
	{ "", "a.capture:1: this is no capture" },
	{ "tesla-captures 1\n", "a.capture:1: this is no capture" },
	{ "# a comment\n" HEAD, "a.capture:1: this is no capture" },
	{ "tesla-capture 2\n", "a.capture:1: version \"2\": this program knows version 1" },
	{ "tesla-capture\n", "version \"\"" },
	{ "tesla-capture 1 2\n", "version \"1\"" },
	{ "tesla-capture 1\n", "a.capture:2: \"line\" is missing" },
	{ "tesla-capture 1\nline x serial\n", "a.capture:2: line \"x\": expected its id" },
	{ "tesla-capture 1\nline 1 parallel\n", "kind \"parallel\": expected serial, tcp" },
	{ "tesla-capture 1\n0 > 01\n", "a.capture:2: a frame ahead of \"line\"" },
	{ HEAD "line 4 tcp x\n", "a.capture:3: a second \"line\"" },
	{ HEAD "now > 01\n", "a.capture:3: \"now\": expected seconds" },
	{ HEAD "-1 > 01\n", "\"-1\": expected seconds" },
	{ HEAD "1. > 01\n", "\"1.\": expected seconds" },
	{ HEAD "1.0000001 > 01\n", "\"1.0000001\": expected seconds" },
	{ HEAD "9999999999 > 01\n", "\"9999999999\": expected seconds" },
	{ HEAD "99999999999999999999 > 01\n", "expected seconds" },
	{ HEAD "2 > 01\n1.999999 < 01\n", "a.capture:4: 1.999999 is before the frame ahead" },
	{ HEAD "1\n", "a.capture:3: \"\": expected >, <, ~ or !" },
	{ HEAD "1 >> 01\n", "\">>\": expected >, <, ~ or !" },
	{ HEAD "1 = 01\n", "\"=\": expected" },
	{ HEAD "1 > 0\n", "\"0\": expected two digits a byte" },
	{ HEAD "1 > 01 2 03\n", "\"2\": expected two digits a byte" },
	{ HEAD "1 > 01 0g\n", "\"0g\" is no byte" },
	{ HEAD "1 > 01#02\n", "expected two digits" },
	{ HEAD "1 >\n", "a frame without bytes" },
	{ HEAD "1 < # ok\n", "a frame without bytes" },
	{ HEAD "1 !\n", "\"\": expected a word such as timeout" },
	{ HEAD "1 ! TimeOut\n", "\"TimeOut\": expected a word" },
	{ HEAD "1 ! a-word-that-is-too-long\n", "expected a word" },
};

Test(capture, what_is_none_and_why)
{
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct tesla_error err = { 0 };
		struct capture c;

		cr_expect_eq(parse(bad[i].text, &c, &err), -EINVAL, "case %zu", i);
		cr_expect_not_null(strstr(err.text, bad[i].says), "case %zu: %s", i, err.text);
	}
}

Test(capture, bytes_beyond_text)
{
	static const char text[] = HEAD "1 > 01\n\0 2 > 02\n";
	struct tesla_error err = { 0 };
	struct capture c;

	cr_expect_eq(capture_parse("a.capture", text, sizeof text - 1, &c, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "NUL"), "%s", err.text);
	cr_expect_eq(capture_read("/nowhere/a.capture", &c, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "/nowhere/a.capture: "), "%s", err.text);
}

Test(capture, a_frame_is_bounded)
{
	const size_t head = strlen(HEAD "1 > ");
	_cleanup_free_ char *text = calloc(1, head + 2 * CAPTURE_BYTES_MAX + 4);
	struct tesla_error err = { 0 };
	struct capture c;

	memcpy(text, HEAD "1 > ", head);
	memset(text + head, '7', 2 * CAPTURE_BYTES_MAX);
	cr_assert_eq(parse(text, &c, &err), 0, "%s", err.text);
	cr_expect_eq(c.entries[0].len, CAPTURE_BYTES_MAX);
	capture_release(&c);
	memset(text + head, '7', 2 * CAPTURE_BYTES_MAX + 2);
	cr_expect_eq(parse(text, &c, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "more than 4096 bytes"), "%s", err.text);
}

Test(capture, what_is_written_can_be_read)
{
	static const struct capture_text frames[] = {
		{ 0, CAPTURE_REQUEST, "050300", "analyzer 5: function 3" },
		{ 1, CAPTURE_REPLY, "ff", NULL },
		{ 1999999, CAPTURE_EVENT, "timeout", "#1: no answer" },
		{ 3600000001, CAPTURE_JUNK, "00", "nobody asked for it" },
	};
	const struct capture_head head = { 3, 1795974535358257, "tcp", "10.0.0.7:502" };
	_cleanup_free_ char *text = NULL;
	struct tesla_error err = { 0 };
	struct capture c;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	capture_put_head(out, &head);
	for (size_t i = 0; i < N_ELEMENTS(frames); i++)
		capture_put(out, &frames[i]);
	(void)fclose(out);
	cr_expect_not_null(strstr(text, "\nbegin 2026-11-29T17:48:55.358257Z\n"), "%s", text);
	cr_expect_not_null(strstr(text, "\n0.000000 > 05 03 00  # analyzer 5: function 3\n"), "%s",
			   text);
	cr_expect_not_null(strstr(text, "\n3600.000001 ~ 00  # nobody"), "%s", text);
	cr_assert_eq(capture_parse("x", text, size, &c, &err), 0, "%s", err.text);
	cr_assert_eq(c.n, N_ELEMENTS(frames));
	for (size_t i = 0; i < c.n; i++) {
		cr_expect_eq(c.entries[i].at_us, frames[i].at_us);
		cr_expect_eq(c.entries[i].direction, frames[i].direction);
	}
	cr_expect_eq(c.kind, TESLA_LINE_TCP);
	capture_release(&c);
}
