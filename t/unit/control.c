/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the control sockets is pure: what read-only access may do, what of refusals is said, who
 * goes when there are too many, and what of the configuration is not shown.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mp.h"
#include "daemon/access.h"
#include "daemon/config_text.h"
#include "daemon/crowd.h"
#include "daemon/refusals.h"

#define SECOND INT64_C(1000000)

/* ---- access ---- */

static const struct {
	const char *cmd, *key, *value; /* value "": nil */
	bool reads;
} requests[] = {
	{ "status", NULL, NULL, true },
	{ "snapshot", NULL, NULL, true },
	{ "plan", NULL, NULL, true },
	{ "plugins", NULL, NULL, true },
	{ "definitions", "analyzer", "1", true },
	{ "device-status", NULL, NULL, true },
	{ "config", NULL, NULL, true },
	{ "metrics", NULL, NULL, true },
	{ "journal", "op", "list", true },
	{ "journal", "op", "rejects", true },
	{ "journal", "op", "export", true },
	{ "journal", "op", "drain", false },
	{ "journal", "op", "purge", false },
	{ "journal", "op", "", false },
	{ "journal", NULL, NULL, false },
	{ "log-level", NULL, NULL, true },
	{ "log-level", "level", "", true },
	{ "log-level", "level", "debug", false },
	{ "check", NULL, NULL, false },
	{ "identify", NULL, NULL, false },
	{ "read-now", NULL, NULL, false },
	{ "start", NULL, NULL, false },
	{ "pause", NULL, NULL, false },
	{ "resume", NULL, NULL, false },
	{ "set-variables", NULL, NULL, false },
	{ "reload", NULL, NULL, false },
	{ "shutdown", NULL, NULL, false },
	{ "shutdown", "cmd", "status", false }, /* which of two keys counts is the first */
	{ "statu", NULL, NULL, false },
	{ "", NULL, NULL, false },
};

static void pack(struct buf *out, const char *cmd, const char *key, const char *value)
{
	msgpack_packer pk;

	buf_clear(out);
	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, key ? 2 : 1);
	mp_key_str(&pk, "cmd", cmd);
	if (key != NULL)
		mp_key_str(&pk, key, *value ? value : NULL);
}

Test(access, table)
{
	_cleanup_(buf_release) struct buf out;

	buf_init(&out, 4096);
	for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
		struct tesla_error err;
		struct mp_doc doc;

		pack(&out, requests[i].cmd, requests[i].key, requests[i].value);
		cr_assert_eq(mp_unpack(&doc, out.pub.bytes, out.pub.len, &err), 0);
		cr_expect_eq(access_reads(&doc.u.data), requests[i].reads, "%s %s %s",
			     requests[i].cmd, requests[i].key ? requests[i].key : "",
			     requests[i].value ? requests[i].value : "");
		mp_doc_release(&doc);
	}
	cr_expect_not(access_reads(NULL));
}

/* ---- refusals ---- */

Test(refusals, the_same_is_said_once)
{
	struct refusals r = { .n = 0 };
	uint64_t held, unsaid;

	cr_expect(refusals_due(&r, "10.0.0.7", "no key", SECOND, &held, &unsaid));
	cr_expect_eq(held, 0);
	for (int i = 2; i < 102; i++)
		cr_expect_not(refusals_due(&r, "10.0.0.7", "no key", i * SECOND, &held, &unsaid));
	cr_expect(refusals_due(&r, "10.0.0.8", "no key", 102 * SECOND, &held, &unsaid));
	cr_expect(refusals_due(&r, "10.0.0.7", "wrong key", 103 * SECOND, &held, &unsaid));
	cr_expect(refusals_due(&r, "10.0.0.7n", "o key", 104 * SECOND, &held, &unsaid));
	cr_expect(refusals_due(&r, "10.0.0.7", "no key", 601 * SECOND, &held, &unsaid));
	cr_expect_eq(held, 100);
	cr_expect_eq(unsaid, 0);
}

/* Somebody who is another one each time fills neither the log nor the memory. */
Test(refusals, all_of_them_are_bounded)
{
	struct refusals r = { .n = 0 };
	uint64_t held, unsaid;
	unsigned said = 0;
	char who[32];

	for (unsigned i = 0; i < 60000; i++) {
		(void)snprintf(who, sizeof who, "peer %u", i);
		said += refusals_due(&r, who, "no key", (int64_t)i * 1000, &held, &unsaid);
	}
	cr_expect_eq(said, REFUSALS_A_MINUTE);
	cr_expect(refusals_due(&r, "another", "no key", 61 * SECOND, &held, &unsaid));
	cr_expect_eq(unsaid, 60000 - REFUSALS_A_MINUTE);
	cr_expect(refusals_due(&r, "one more", "no key", 62 * SECOND, &held, &unsaid));
	cr_expect_eq(unsaid, 0);
}

/* ---- a crowd ---- */

static void fill(struct crowd *c)
{
	struct crowd_one gone;

	for (int fd = 0; fd < (int)CROWD_MAX; fd++)
		cr_assert_not(crowd_enter(c, fd, &gone));
}

/* One who asked, at the beginning, outlasts whatever comes after. */
Test(crowd, the_oldest_that_asked_nothing_goes)
{
	struct crowd c = { .n = 0 };
	struct crowd_one gone;

	fill(&c);
	crowd_by_fd(&c, 0)->asked = true;
	for (int fd = 1000; fd < 2000; fd++) {
		cr_assert(crowd_enter(&c, fd, &gone));
		cr_assert_eq(gone.fd, fd < 1063 ? fd - 999 : fd - 63);
	}
	cr_expect_eq(c.n, CROWD_MAX);
	cr_expect_eq(c.refused, 1000);
	cr_expect_eq(crowd_by_fd(&c, 0)->no, 1);
}

Test(crowd, where_all_asked_the_new_one_goes)
{
	struct crowd c = { .n = 0 };
	struct crowd_one gone;

	fill(&c);
	for (int fd = 0; fd < (int)CROWD_MAX; fd++)
		crowd_by_fd(&c, fd)->asked = true;
	cr_assert(crowd_enter(&c, 1000, &gone));
	cr_expect_eq(gone.fd, 1000);
	cr_expect_eq(c.n, CROWD_MAX);
	cr_assert(crowd_leave(&c, 7, &gone));
	cr_expect_not(crowd_enter(&c, 1001, &gone));
}

/* A number comes back; who had it before is nobody any more. */
Test(crowd, numbers_come_back)
{
	struct crowd c = { .n = 0 };
	struct crowd_one gone;

	cr_expect_not(crowd_leave(&c, 5, &gone));
	cr_assert_not(crowd_enter(&c, 5, &gone));
	crowd_by_fd(&c, 5)->asked = true;
	cr_expect(crowd_leave(&c, 5, &gone));
	cr_expect_eq(gone.no, 1);
	cr_assert_not(crowd_enter(&c, 5, &gone));
	cr_expect_not(crowd_by_fd(&c, 5)->asked);
	cr_expect_null(crowd_by_no(&c, 1));
	cr_expect_eq(crowd_by_no(&c, 2)->fd, 5);
}

/* ---- the text of config.xml ---- */

static const struct {
	const char *text, *expected;
} texts[] = {
	{ "<a/>", "<a/>" },
	{ "<a token=\"x\"/>", "<a token=\"***\"/>" },
	{ "<a token = 'x&quot;\"y' b=\"2\" />", "<a token = '***' b=\"2\" />" },
	{ "<a token=''/>", "<a token='***'/>" },
	{ "<a tokens='1' nottoken='2' x:token='3'/>", "<a tokens='1' nottoken='2' x:token='3'/>" },
	{ "<a b=\"token='1'\"/>", "<a b=\"token='1'\"/>" },
	{ "<a b='>' token='x'>token='y'</a>", "<a b='>' token='***'>token='y'</a>" },
	{ "<a>\n <token>x</token>\n</a>", "<a>\n <token>***</token>\n</a>" },
	{ "<a><token b='1'><![CDATA[</x>y]]></token></a>", "<a><token b='1'>***</token></a>" },
	{ "<a><token/><b>1</b></a>", "<a><token/><b>1</b></a>" },
	{ "<?x token='y'?><a><!-- it's 1 < 2 --><b token='x'/></a>",
	  "<?x token='y'?><a><!-- it's 1 < 2 --><b token='***'/></a>" },
	{ "<a><!-- <b token='x'/> --><c/></a>", "<a><!--***--><c/></a>" },
	{ "<a><![CDATA[<b token='x'>]]></a>", "<a><![CDATA[<b token='x'>]]></a>" },
	{ "\xef\xbb\xbf<a t='\xc3\xa9'/>\n", "\xef\xbb\xbf<a t='\xc3\xa9'/>\n" },
	/* not well-formed, which it never is: no more than an end */
	{ "<", "<" },
	{ "<a token", "<a token" },
	{ "<a token=", "<a token=" },
	{ "<a token='x", "<a token='***" },
	{ "<a = / token=x>", "<a = / token=x>" },
	{ "<!-- token", "<!--***" },
	{ "<token>x", "<token>***" },
};

static bool is_token(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 5 && memcmp(name, "token", 5) == 0;
}

Test(config_text, secrets)
{
	_cleanup_(buf_release) struct buf out;

	buf_init(&out, 4096);
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		buf_clear(&out);
		config_text_mask(texts[i].text, is_token, NULL, &out);
		cr_assert_eq(buf_append(&out, "", 1), 0);
		cr_expect_str_eq((const char *)out.pub.bytes, texts[i].expected);
	}
}

Test(config_text, encodings)
{
	struct arena a = { .failed = false };

	cr_expect_str_eq(config_text_utf8("\xc3\xa9", 2, NULL, &a), "\xc3\xa9");
	cr_expect_str_eq(config_text_utf8("\xc3\xa9", 2, "utf-8", &a), "\xc3\xa9");
	cr_expect_str_eq(config_text_utf8("\xe9!", 2, "ISO-8859-1", &a), "\xc3\xa9!");
	cr_expect_str_eq(config_text_utf8("a\0b\0", 4, "UTF-16LE", &a), "ab");
	cr_expect_null(config_text_utf8("x", 1, "no-such-encoding", &a));
	arena_release(&a);
}
