/* SPDX-License-Identifier: Apache-2.0 */
/* Files of keys: what is taken, what is refused and how that is said, and re-reading a list. */
#include "base/keys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define A "abcdefghijklmnopqrstuvwxyz0123456789ABCD" /* 40 characters */
#define B "#bcdefghijklmnopqrstuvwxyz0123456789.-:+" /* a key all the same */

static const struct {
	const char *text, *error; /* error NULL: it is good */
	const char *secret;
} pairs[] = {
	{ "public " A "\nsecret " B "\n", NULL, B },
	{ "# ours\r\n\n  secret\t" B "\r\npublic " A " # of the roof", NULL, B },
	{ "public " A "\n", NULL, "" },
	{ "", "has no line `public`", NULL },
	{ "secret " A "\n", "has no line `public`", NULL },
	{ "public " A "\npublic " B "\n", "line 2: a second public key", NULL },
	{ "public abc\n", "line 1: expected `public` or `secret` and a key of 40", NULL },
	{ "public " A "x\n", "line 1: expected", NULL },
	{ "public " A " " B "\n", "line 1: expected", NULL },
	{ "\nprivate " A "\n", "line 2: expected", NULL },
	{ "public 'bcdefghijklmnopqrstuvwxyz0123456789ABCD\n", "line 1: expected", NULL },
};

Test(keys, pairs)
{
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		struct tesla_error err = { .code = 0 };
		struct keys_pair pair = { .public_key = "untouched" };
		int r = keys_parse(pairs[i].text, strlen(pairs[i].text), &pair, &err);

		if (pairs[i].error != NULL) {
			cr_expect_eq(r, -EBADMSG, "%s", pairs[i].text);
			cr_expect_not_null(strstr(err.text, pairs[i].error), "%s: %s",
					   pairs[i].text, err.text);
			cr_expect_null(strstr(err.text, A), "the message has the key");
			cr_expect_str_eq(pair.public_key, "untouched");
			continue;
		}
		cr_assert_eq(r, 0, "%s: %s", pairs[i].text, err.text);
		cr_expect_str_eq(pair.public_key, A);
		cr_expect_str_eq(pair.secret_key, pairs[i].secret);
	}
}

static const struct {
	const char *text, *error;
	size_t n;
} lists[] = {
	{ "", NULL, 0 },
	{ "# nobody\n\n", NULL, 0 },
	{ A " roof\n" B " shed.2_x@y read-only # looks only\n", NULL, 2 },
	{ "\t" A "\troof\r\n", NULL, 1 },
	{ A "\n", "line 1: expected a name", 0 },
	{ A " # roof\n", "line 1: expected a name", 0 },
	{ A " ro/of\n", "line 1: expected a name", 0 },
	{ A " roof readonly\n", "line 1: expected nothing or read-only", 0 },
	{ A " roof read-only too\n", "line 1: expected nothing or read-only", 0 },
	{ "roof " A "\n", "line 1: expected a public key of 40", 0 },
	{ A " roof\n" B " b\n" A " shed\n", "line 3: the key of roof again", 0 },
};

Test(keys, lists)
{
	for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
		struct tesla_error err = { .code = 0 };
		struct keys_clients c = { .n = 77 };
		int r = keys_clients_parse(lists[i].text, strlen(lists[i].text), &c, &err);

		if (lists[i].error != NULL) {
			cr_expect_eq(r, -EBADMSG, "%s", lists[i].text);
			cr_expect_not_null(strstr(err.text, lists[i].error), "%s: %s",
					   lists[i].text, err.text);
			cr_expect_eq(c.n, 77);
			continue;
		}
		cr_assert_eq(r, 0, "%s: %s", lists[i].text, err.text);
		cr_expect_eq(c.n, lists[i].n, "%s", lists[i].text);
		for (size_t k = 0; k < c.n; k++)
			cr_expect_eq(c.list[k].readonly, k == 1);
		keys_clients_release(&c);
	}
	struct tesla_error err;
	struct keys_clients c;

	cr_expect_eq(keys_clients_parse("a\0b", 3, &c, &err), -EBADMSG);
	cr_expect_not_null(strstr(err.text, "byte 0"));
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	(void)close(fd);
}

struct place {
	char dir[32], path[64];
};

static void place_init(struct place *p)
{
	(void)snprintf(p->dir, sizeof p->dir, "/tmp/tesla-keys-XXXXXX");
	cr_assert_not_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof p->path, "%s/file", p->dir);
}

static void place_release(const struct place *p)
{
	(void)unlink(p->path);
	(void)rmdir(p->dir);
}

static const struct {
	mode_t mode;
	bool secret, good;
} modes[] = {
	{ 0600, true, true },  { 0640, true, true },  { 0400, true, true },  { 0644, true, false },
	{ 0660, true, false }, { 0604, true, false }, { 0644, false, true },
};

Test(keys, a_secret_is_nobody_elses)
{
	struct place p;

	place_init(&p);
	for (size_t i = 0; i < N_ELEMENTS(modes); i++) {
		struct tesla_error err = { .code = 0 };
		struct keys_pair pair;
		int r;

		write_file(p.path, "public " A "\nsecret " B "\n", modes[i].mode);
		r = keys_read(p.path, modes[i].secret, &pair, &err);
		cr_expect_eq(r, modes[i].good ? 0 : -EPERM, "%04o: %s", (unsigned)modes[i].mode,
			     err.text);
		cr_expect(modes[i].good || strstr(err.text, p.path) != NULL, "%s", err.text);
	}
	struct tesla_error err;
	struct keys_pair pair;

	write_file(p.path, "public " A "\n", 0600);
	cr_expect_eq(keys_read(p.path, true, &pair, &err), -EBADMSG);
	cr_expect_not_null(strstr(err.text, "has no line `secret`"), "%s", err.text);
	(void)unlink(p.path);
	cr_expect_eq(keys_read(p.path, true, &pair, &err), -ENOENT);
	place_release(&p);
}

Test(keys, a_list_is_read_again_when_it_changed)
{
	struct tesla_error err;
	struct keys_file f;
	struct place p;

	place_init(&p);
	cr_expect_eq(keys_file_init(&f, p.path, &err), -ENOENT);
	write_file(p.path, A " roof\n", 0644);
	cr_assert_eq(keys_file_init(&f, p.path, &err), 0, "%s", err.text);
	cr_expect_eq(keys_file_refresh(&f, &err), 0, "nothing changed");
	cr_expect_not_null(keys_file_find(&f, A));
	write_file(p.path, B " the-shed read-only\n", 0644);
	cr_expect_eq(keys_file_refresh(&f, &err), 1);
	cr_expect_null(keys_file_find(&f, A));
	cr_assert_not_null(keys_file_find(&f, B));
	cr_expect(keys_file_find(&f, B)->readonly);
	/* What is no good changes nothing, and is told once. */
	write_file(p.path, B "\n", 0644);
	cr_expect_eq(keys_file_refresh(&f, &err), -EBADMSG);
	cr_expect_not_null(strstr(err.text, p.path), "%s", err.text);
	cr_expect_eq(keys_file_refresh(&f, &err), 0);
	cr_expect_not_null(keys_file_find(&f, B));
	(void)unlink(p.path);
	cr_expect_eq(keys_file_refresh(&f, &err), -ENOENT);
	cr_expect_eq(keys_file_refresh(&f, &err), 0);
	cr_expect_not_null(keys_file_find(&f, B));
	write_file(p.path, "", 0644);
	cr_expect_eq(keys_file_refresh(&f, &err), 1);
	cr_expect_null(keys_file_find(&f, B));
	keys_file_release(&f);
	place_release(&p);
}
