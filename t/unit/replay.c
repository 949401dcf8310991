/* SPDX-License-Identifier: Apache-2.0 */
/* Which recorded request it is that came, and what is answered. */
#include "sim/replay.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"

#define SERIAL "tesla-capture 1\nline 3 serial x\n"
#define TCP "tesla-capture 1\nline 3 tcp x\n"

static struct replay *replay_of(const char *text)
{
	struct tesla_error err = { 0 };
	struct replay *r = replay_new("x", text, strlen(text), &err);

	cr_assert_not_null(r, "%s", err.text);
	return r;
}

/* What is answered, as text: "12000:0102 ~5:ff 7:hang-up"; "?" and "more" when it is not known. */
static const char *asked(struct replay *r, const char *bytes, size_t len)
{
	static struct replay_piece piece;
	static char text[400];
	struct replay_turn turn;
	size_t at = 0;

	*text = '\0';
	switch (replay_match(r, (const uint8_t *)bytes, len, &turn)) {
	case REPLAY_MORE:
		return "more";
	case REPLAY_UNKNOWN:
		(void)snprintf(text, sizeof text, "?%zu", turn.used);
		return text;
	case REPLAY_KNOWN:
		break;
	}
	while (replay_piece(r, &turn, &piece)) {
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s%lld:", at > 0 ? " " : "",
				       piece.late ? "~" : "", (long long)piece.after_us);
		for (size_t i = 0; i < piece.len; i++)
			at += (size_t)snprintf(text + at, sizeof text - at, "%02x", piece.bytes[i]);
		if (piece.hang_up)
			at += (size_t)snprintf(text + at, sizeof text - at, "hang-up");
	}
	return text;
}

#define ASKED(R, BYTES) asked(R, BYTES, sizeof(BYTES) - 1)

Test(replay, answers_come_in_their_order)
{
	struct replay *r = replay_of(SERIAL "0 ~ 99\n"
					    "1 > 0103\n1.5 < 0a\n"
					    "2 > 0203\n2.1 < 0b\n"
					    "3 > 0103\n3.25 < 0c\n3.75 ~ 0d\n"
					    "4 > 0103\n5 ! timeout\n");

	cr_expect_eq(replay_kind(r), TESLA_LINE_SERIAL);
	cr_expect_str_eq(ASKED(r, "\1\3"), "500000:0a");
	cr_expect_str_eq(ASKED(r, "\1\3"), "250000:0c 250000:0d");
	cr_expect_str_eq(ASKED(r, "\2\3"), "100000:0b", "whatever was asked between");
	cr_expect_str_eq(ASKED(r, "\1\3"), "", "a silent meter");
	cr_expect_str_eq(ASKED(r, "\1\3"), "500000:0a", "from the beginning");
	cr_expect_str_eq(ASKED(r, "\2\3"), "100000:0b");
	replay_free(r);
}

/* The last question had no time to be answered: it does not count, if there was one before. */
Test(replay, a_capture_that_ends_with_a_question)
{
	struct replay *r = replay_of(SERIAL "1 > 0103\n1.5 < 0a\n2 > 0103\n");

	cr_expect_str_eq(ASKED(r, "\1\3"), "500000:0a");
	cr_expect_str_eq(ASKED(r, "\1\3"), "500000:0a");
	replay_free(r);
	r = replay_of(SERIAL "1 > 0103\n1.5 < 0a\n2 > 0203\n");
	cr_expect_str_eq(ASKED(r, "\2\3"), "");
	replay_free(r);
}

Test(replay, what_is_not_there_and_what_is_not_whole)
{
	struct replay *r = replay_of(SERIAL "1 > 24303052\n1.5 < 0a\n"
					    "2 > 243030525649\n2.5 < 0b\n");

	cr_expect_str_eq(ASKED(r, "$"), "more");
	cr_expect_str_eq(ASKED(r, "$00"), "more");
	cr_expect_str_eq(ASKED(r, "$00RV"), "500000:0a", "the longest that is whole");
	cr_expect_str_eq(ASKED(r, "$00RVI"), "500000:0b");
	cr_expect_str_eq(ASKED(r, "$00RVIx"), "500000:0b");
	cr_expect_str_eq(ASKED(r, "$01RVI"), "?6");
	replay_free(r);
}

Test(replay, transaction_numbers_are_of_who_asks_now)
{
	struct replay *r = replay_of(TCP "1 > 00070000000205 11\n"
					 "1.2 ! timeout\n"
					 "2 > 00080000000205 11\n"
					 "2.1 ~ 0007 11\n2.2 < 0008 22\n"
					 "3 > 00090000000206 11\n"
					 "3.1 ~ 4444 33\n3.2 ! broken\n3.3 ! closed\n");

	cr_expect_str_eq(ASKED(r, "\xab"), "more");
	cr_expect_str_eq(ASKED(r, "\xab\xcd\0\0\0\2\5\x11"), "");
	cr_expect_str_eq(ASKED(r, "\xab\xce\0\0\0\2\5\x11"), "~100000:abcd11 200000:abce22");
	cr_expect_str_eq(ASKED(r, "\0\1\0\0\0\2\6\x11"), "~100000:444433 200000:hang-up");
	/* One that is unknown ends where its header says. */
	cr_expect_str_eq(ASKED(r, "\0\2\0\0\0\2\7\x11\0\3\0\0"), "?8");
	replay_free(r);
}

Test(replay, what_cannot_be_played)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ SERIAL, "x: there is no request in it" },
		{ SERIAL "0 < 01\n", "there is no request" },
		{ TCP "0 > 01\n", "x:3: a request of 1 bytes" },
		{ "nothing", "x:1: this is no capture" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct tesla_error err = { 0 };

		cr_expect_null(replay_new("x", cases[i].text, strlen(cases[i].text), &err));
		cr_expect_not_null(strstr(err.text, cases[i].says), "case %zu: %s", i, err.text);
	}
}
