/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is released all at once.  Each piece is a malloc of its own: ASan sees its ends. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
	alignas(max_align_t) struct block *next;
	size_t size; /* behind it */
};

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	struct block *b = NULL;

	if (size == 0 || n <= (SIZE_MAX - sizeof *b) / size)
		b = calloc(1, sizeof *b + n * size);
	if (b == NULL) {
		a->failed = true;
		return NULL;
	}
	b->next = a->blocks;
	b->size = n * size;
	a->blocks = b;
	return b + 1;
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1, 1);

	if (copy != NULL)
		memcpy(copy, text, len); /* behind it there is zero */
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return text ? arena_strndup(a, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *text = NULL;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	if (len >= 0)
		text = arena_alloc(a, (size_t)len + 1, 1);
	if (text != NULL)
		(void)vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return text;
}

void arena_release(struct arena *a)
{
	for (struct block *b = a->blocks, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){ 0 };
}

void arena_wipe(struct arena *a)
{
	for (struct block *b = a->blocks; b != NULL; b = b->next)
		explicit_bzero(b + 1, b->size);
	arena_release(a);
}
