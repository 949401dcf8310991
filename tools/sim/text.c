/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and lists that users write. */
#include "sim/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool text_int(const char *text, int64_t lo, int64_t hi, int64_t *ret)
{
	bool hex = strncmp(text, "0x", 2) == 0;
	char *end;
	long long v;

	if (*text == '\0' || isspace((unsigned char)*text))
		return false;
	errno = 0;
	v = strtoll(text, &end, hex ? 16 : 10);
	if (errno != 0 || *end != '\0' || v < lo || v > hi)
		return false;
	*ret = v;
	return true;
}

bool text_real(const char *text, double lo, double hi, double *ret)
{
	char *end;
	double v;

	if (*text == '\0' || isspace((unsigned char)*text))
		return false;
	v = strtod(text, &end);
	if (*end != '\0' || !(v >= lo && v <= hi))
		return false;
	*ret = v;
	return true;
}

bool text_range(const char *text, int64_t lo, int64_t hi, int64_t *first, int64_t *last)
{
	const char *dash = strchr(text, '-');
	char head[24];
	int64_t a, b;

	if (dash == NULL) {
		if (!text_int(text, lo, hi, &a))
			return false;
		b = a;
	} else {
		size_t len = (size_t)(dash - text);

		if (len >= sizeof head)
			return false;
		memcpy(head, text, len);
		head[len] = '\0';
		if (!text_int(head, lo, hi, &a) || !text_int(dash + 1, a, hi, &b))
			return false;
	}
	*first = a;
	*last = b;
	return true;
}

char *text_next(char **rest, char stop)
{
	char *piece = *rest, *end;

	if (piece == NULL)
		return NULL;
	end = strchr(piece, stop);
	if (end != NULL)
		*end++ = '\0';
	*rest = end;
	return piece;
}
