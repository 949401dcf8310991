/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text: what of it is UTF-8, and what of it may be shown. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The length of the character that `s` begins with, and which it is.  0: it is none; -1: it is cut
 * off by the end of the text.  `s` ends with a NUL, which is a character of length 1.
 */
int utf8_take(const char *s, uint32_t *ret);

enum utf8_how {
	UTF8_LINE, /* for a line of a log, a terminal: no control characters, none that turn the
		      direction of writing, none that end a line */
	UTF8_TEXT, /* the same, but for newlines and tabs */
	UTF8_ANY   /* whatever is UTF-8 */
};

/*
 * Makes it so, in place: a blank for a newline, a tab and the like, a `?` for each other byte that
 * may not be.  Returns the length without a character that the end cuts off, whose bytes
 * are `?`, too, for who wants all of it.
 */
size_t utf8_clean(char *text, size_t len, enum utf8_how how);

#endif
