/* SPDX-License-Identifier: Apache-2.0 */
/* What a meter says of itself in registers. */
#include "sim/about.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/encode.h"

#define TEXT_REGISTERS 60 /* what a model may say */

/* SunSpec: the marker, the common model (1) and its 66 registers, then the meter's model. */
#define SUNSPEC_AT 40000u
#define COMMON_LENGTH 66u
#define SUNSPEC_BASE (SUNSPEC_AT + 4 + COMMON_LENGTH)
#define SUNSPEC_END 0xffff

static const struct common_text {
	unsigned offset, count; /* behind the marker */
	const char *text;	/* NULL: the serial number */
} common_texts[] = {
	{ 4, 16, "Tesla" },
	{ 20, 16, "tesla-sim" },
	{ 44, 8, "1.0" },
	{ 52, 16, NULL },
};

unsigned about_base(const struct model *m)
{
	return m->sunspec != 0 ? SUNSPEC_BASE : 0;
}

/* ---- texts ---- */

static void text_put(struct bank *b, unsigned function, unsigned address, unsigned count,
		     const char *text)
{
	uint16_t words[TEXT_REGISTERS] = { 0 };
	size_t len = strnlen(text, 2 * (size_t)count);

	for (size_t i = 0; i < len; i++)
		words[i / 2] |= (uint16_t)((uint8_t)text[i] << (i % 2 ? 0 : 8));
	bank_put(b, function, address, words, count);
}

static void number_put(struct bank *b, const struct model_text *t, double number)
{
	const struct tesla_register r = { .type = t->type, .order = t->order, .scale = 1 };
	uint16_t words[ENCODE_WORDS] = { 0 };
	double lo, hi;

	encode_limits(&r, 0, &lo, &hi);
	(void)encode(&r, 0, fmin(number, hi), words);
	bank_put(b, t->function, t->address, words, t->count);
}

static void place_put(struct bank *b, const struct model_text *t, const char *text, double number)
{
	if (t->type != 0)
		number_put(b, t, number);
	else
		text_put(b, t->function, t->address, t->count, text);
}

static void texts_put(struct bank *b, const struct model *m, const char *who, double serial)
{
	char digits[24];

	(void)snprintf(digits, sizeof digits, "%08.0f", serial);
	for (size_t i = 0; i < m->n_texts; i++) {
		const struct model_text *t = &m->texts[i];
		bool version = strcmp(t->label, "version") == 0;
		const char *text = version ? "1.0" : strcmp(t->label, "serial") == 0 ? digits : who;

		place_put(b, t, text, version ? 1 : serial);
	}
	if (m->identity.count > 0)
		place_put(b, &m->identity, who, serial);
}

/* ---- SunSpec ---- */

/* Behind its number and length, which do not count. */
static unsigned sunspec_length(const struct model *m)
{
	unsigned end = 2;

	for (size_t i = 0; i < m->pub.n_variables; i++)
		for (size_t k = 0; k < m->pub.variables[i]->n_elements; k++) {
			const struct tesla_register *r = m->pub.variables[i]->elements[k];
			unsigned behind = r->address + (unsigned)encode_words(r->type);

			end = behind > end ? behind : end;
		}
	for (size_t i = 0; i < m->pub.n_scales; i++)
		if (m->pub.scales[i]->address >= end)
			end = m->pub.scales[i]->address + 1u;
	return end - 2;
}

static void sunspec_put(struct bank *b, const struct model *m, double serial)
{
	unsigned length = sunspec_length(m);
	const uint16_t head[] = { 0x5375, 0x6e53, 1, COMMON_LENGTH }; /* "SunS" */
	const uint16_t model[] = { m->sunspec, (uint16_t)length }, end[] = { SUNSPEC_END, 0 };
	char digits[24];

	(void)snprintf(digits, sizeof digits, "%08.0f", serial);
	bank_put(b, 3, SUNSPEC_AT, head, N_ELEMENTS(head));
	for (size_t i = 0; i < N_ELEMENTS(common_texts); i++) {
		const struct common_text *t = &common_texts[i];

		text_put(b, 3, SUNSPEC_AT + t->offset, t->count, t->text ? t->text : digits);
	}
	bank_put(b, 3, SUNSPEC_BASE, model, N_ELEMENTS(model));
	bank_put(b, 3, SUNSPEC_BASE + 2 + length, end, N_ELEMENTS(end));
}

/* ---- all of it ---- */

size_t about_registers(const struct model *m)
{
	size_t n = m->identity.count;

	for (size_t i = 0; i < m->n_texts; i++)
		n += m->texts[i].count;
	return m->sunspec != 0 ? n + 4 + COMMON_LENGTH + 2 + sunspec_length(m) + 2 : n;
}

void about_add(struct bank *b, const struct model *m)
{
	if (m->identity.count > 0)
		bank_add(b, m->identity.function, m->identity.address, m->identity.count);
	for (size_t i = 0; i < m->n_texts; i++)
		bank_add(b, m->texts[i].function, m->texts[i].address, m->texts[i].count);
	if (m->sunspec != 0)
		bank_add(b, 3, SUNSPEC_AT, 4 + COMMON_LENGTH + 2 + sunspec_length(m) + 2);
}

void about_put(struct bank *b, const struct model *m, const char *who, double serial)
{
	texts_put(b, m, who, serial);
	if (m->sunspec != 0)
		sunspec_put(b, m, serial);
}
