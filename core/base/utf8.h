/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text: what of it is UTF-8. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdint.h>

/*
 * The length of the character that `s` begins with, and which it is.  0: it is none; -1: it is cut
 * off by the end of the text.  `s` ends with a NUL, which is a character of length 1.
 */
int utf8_take(const char *s, uint32_t *ret);

#endif
