/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text: what of it is UTF-8, and what of it may be shown. */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

static int take(const char *text, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	int len = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0;
	uint32_t c = len == 1 ? *s : *s & (0x7fu >> len);

	for (int i = 1; i < len; i++) {
		if ((size_t)i == n)
			return -1;
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	*ret = c;
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

int utf8_take(const char *text, uint32_t *ret)
{
	size_t n = strnlen(text, 4);

	return take(text, n > 0 ? n : 1, ret);
}

/* ---- what may be shown ---- */

static bool in_ascii(uint32_t c, enum utf8_how how)
{
	if (how == UTF8_ANY || (how == UTF8_TEXT && (c == '\n' || c == '\t')))
		return true;
	return c >= ' ' && c != 0x7f;
}

/* Beyond ASCII: C1, and what turns the direction of writing or ends a line. */
static bool beyond(uint32_t c, enum utf8_how how)
{
	static const struct {
		uint32_t from, to;
	} bad[] = { { 0x80, 0x9f },
		    { 0x61c, 0x61c },
		    { 0x200e, 0x200f },
		    { 0x2028, 0x202e },
		    { 0x2066, 0x2069 } };

	for (size_t i = 0; how != UTF8_ANY && i < N_ELEMENTS(bad); i++)
		if (c >= bad[i].from && c <= bad[i].to)
			return false;
	return true;
}

#define HIGH UINT64_C(0x8080808080808080)

/* Nothing but ASCII: eight bytes at a time, the last eight once more. */
static bool is_plain(const char *text, size_t len)
{
	uint64_t all = 0, eight;
	size_t n = 0;

	for (; n + sizeof eight <= len; n += sizeof eight) {
		memcpy(&eight, text + n, sizeof eight);
		all |= eight;
	}
	if (n > 0) {
		memcpy(&eight, text + len - sizeof eight, sizeof eight);
		all |= eight;
	} else {
		for (; n < len; n++)
			all |= (unsigned char)text[n];
	}
	return (all & HIGH) == 0;
}

size_t utf8_clean(char *text, size_t len, enum utf8_how how)
{
	size_t i = how == UTF8_ANY && is_plain(text, len) ? len : 0;

	while (i < len) {
		uint32_t c = 0;
		int n = take(text + i, len - i, &c);

		if (n < 0) {
			memset(text + i, '?', len - i);
			return i;
		}
		if (n == 0)
			text[i] = '?';
		else if (n == 1 && !in_ascii(c, how))
			text[i] = c >= '\t' && c <= '\r' ? ' ' : '?';
		else if (n > 1 && !beyond(c, how))
			memset(text + i, '?', (size_t)n);
		i += n > 0 ? (size_t)n : 1;
	}
	return len;
}
