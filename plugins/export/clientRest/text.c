/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_line(char *out, size_t size, const char *bytes, size_t len)
{
	size_t n = 0;

	for (; n < len && n + 1 < size && bytes[n] != '\n' && bytes[n] != '\r'; n++)
		out[n] = bytes[n] >= ' ' && bytes[n] <= '~' ? bytes[n] : '?';
	out[n] = '\0';
}

void text_hide_login(char *text)
{
	char *from = strstr(text, "://"), *at = from ? strrchr(from, '@') : NULL;

	if (at != NULL)
		memmove(from + 3, at + 1, strlen(at));
}

void text_number(char out[NUMBER_SIZE], double value)
{
	int digits = 15;

	do
		(void)snprintf(out, NUMBER_SIZE, "%.*g", digits, value);
	while (strtod(out, NULL) != value && ++digits <= 17);
}
