/* SPDX-License-Identifier: Apache-2.0 */
/* What the registers of a meter say of itself, as text. */
#include "base/model_say.h"

#include <inttypes.h>
#include <stdlib.h>

char *registers_text(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; text != NULL && i < len && bytes[i] != 0; i++) {
		bool prints = bytes[i] > ' ' && bytes[i] < 0x7f;

		if (prints || (n > 0 && text[n - 1] != ' '))
			text[n++] = prints ? (char)bytes[i] : ' ';
	}
	while (n > 0 && text[n - 1] == ' ')
		n--;
	if (n == 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static char *number_of(const struct model_text *t, const uint8_t *bytes)
{
	uint64_t bits = 0;
	unsigned width = 16u * t->count;
	bool is_signed = t->type == TESLA_INT16 || t->type == TESLA_INT32 || t->type == TESLA_INT64;
	char *text;

	for (unsigned i = 0; i < t->count; i++) {
		const uint8_t *word =
			bytes + 2 * (t->order == TESLA_LITTLE ? t->count - 1u - i : i);

		bits = bits << 16 | (uint64_t)word[0] << 8 | word[1];
	}
	if (is_signed && width < 64 && bits >> (width - 1) != 0)
		bits |= UINT64_MAX << width;
	if (asprintf(&text, is_signed ? "%" PRId64 : "%" PRIu64, bits) < 0)
		return NULL;
	return text;
}

/* "DAS-8000 Ver." and "3": what a register says may want a word before it. */
static char *labelled(const char *label, char *text)
{
	char *both;

	if (label == NULL || text == NULL)
		return text;
	if (asprintf(&both, "%s %s", label, text) < 0)
		both = NULL;
	free(text);
	return both;
}

char *model_text_say(const struct model_text *t, const char *label, const uint8_t *bytes)
{
	return labelled(label,
			t->type == 0 ? registers_text(bytes, 2u * t->count) : number_of(t, bytes));
}
