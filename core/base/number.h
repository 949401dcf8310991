/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text that reads back as the same number. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_TEXT 32u /* what any of them fits into, with its NUL */

/* The shortest decimal, as %g has it, but for -0.0; `v` is finite.  Its length. */
size_t number_text(double v, char text[NUMBER_TEXT]);
size_t number_int_text(int64_t v, char text[NUMBER_TEXT]);

#endif
