/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text made fit for a message, and numbers as text. */
#ifndef CLIENTREST_TEXT_H
#define CLIENTREST_TEXT_H

#include <stddef.h>

#define NUMBER_SIZE 32

/*
 * The first line of `bytes` (NULL: none), cut to `size` - 1 characters; what is not printable ASCII
 * becomes '?'.
 */
void text_line(char *out, size_t size, const char *bytes, size_t len);

/* Cuts what stands before the host of a URL in `text`: rather too much than a part of a secret. */
void text_hide_login(char *text);

/* The shortest of 15 to 17 digits that reads back as the same; as JSON takes it.  Finite only. */
void text_number(char out[NUMBER_SIZE], double value);

#endif
