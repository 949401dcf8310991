/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow up to a bound; the arena. */
#include "base/buf.h"

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/arena.h"

Test(buf, grows_to_its_bound)
{
	struct buf b;

	buf_init(&b, 200);
	cr_expect_eq(b.pub.append(&b.pub, "abc", 3), 0, "as a plugin does it");
	for (int i = 0; i < 19; i++)
		cr_expect_eq(buf_append(&b, "0123456789", 10), 0);
	cr_expect_eq(b.pub.len, 193);
	cr_expect_eq(buf_append(&b, "0123456789", 10), -EMSGSIZE);
	cr_expect(b.pub.len == 193 && b.failed, "what was there stays");
	cr_expect_eq(memcmp(b.pub.bytes, "abc0123", 7), 0);
	cr_expect_eq(buf_append(&b, "1234567", 7), 0, "exactly full");
	cr_expect_eq(buf_append(&b, "", 0), 0);
	cr_expect_eq(buf_append(&b, "x", 1), -EMSGSIZE);
	buf_clear(&b);
	cr_expect(b.pub.len == 0 && !b.failed);
	buf_release(&b);
}

Test(buf, reserve_and_consume)
{
	struct buf b;
	uint8_t *at;

	buf_init(&b, 1000);
	at = buf_reserve(&b, 100);
	cr_assert_not_null(at);
	memcpy(at, "hello world", 11);
	buf_advance(&b, 11);
	buf_consume(&b, 6);
	cr_expect(b.pub.len == 5 && memcmp(b.pub.bytes, "world", 5) == 0);
	cr_expect_null(buf_reserve(&b, 996));
	buf_consume(&b, 5);
	cr_expect_eq(b.pub.len, 0);
	buf_release(&b);
}

Test(arena, gives_zeroed_memory_and_text)
{
	struct arena a = { 0 };
	int *n = arena_alloc(&a, 100, sizeof *n);
	char *text = arena_printf(&a, "%d-%s", 7, "x");

	cr_assert(n != NULL && text != NULL);
	cr_expect(n[0] == 0 && n[99] == 0);
	cr_expect_str_eq(text, "7-x");
	cr_expect_not_null(arena_alloc(&a, 0, 8));
	cr_expect_str_eq(arena_strndup(&a, "abcd", 2), "ab");
	cr_expect_str_eq(arena_strndup(&a, "", 0), "");
	cr_expect_str_eq(arena_strdup(&a, "whole"), "whole");
	cr_expect_null(arena_strdup(&a, NULL));
	cr_expect(!a.failed);
	cr_expect_null(arena_alloc(&a, SIZE_MAX / 4, 8), "n x size does not wrap round");
	cr_expect(a.failed);
	arena_release(&a);
}
