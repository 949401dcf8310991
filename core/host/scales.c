/* SPDX-License-Identifier: Apache-2.0 */
/* The powers of ten in a meter's scale registers, as far as they were read. */
#include "host/scales.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int scales_init(struct analyzer *a)
{
	size_t n = a->kind->model->pub.n_scales;

	a->exponents = calloc(n + 1, sizeof *a->exponents);
	if (a->exponents == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		a->exponents[i] = SCALE_UNKNOWN;
	return 0;
}

static bool covers(const struct tesla_block *b, const struct tesla_scale *s)
{
	return b->command == NULL && b->function == s->function && s->address >= b->address &&
	       s->address - b->address < b->count;
}

static int16_t exponent_read(const struct analyzer *a, const struct tesla_scale *s)
{
	for (size_t i = 0; i < a->n_blocks; i++) {
		const struct tesla_reply *r = &a->replies[i];
		const uint8_t *at;
		int16_t v;

		if (r->status != TESLA_REPLY_OK || !covers(&a->blocks[i], s))
			continue;
		at = r->data->bytes + 2u * (s->address - a->blocks[i].address);
		v = (int16_t)((at[0] << 8) | at[1]); /* a reply that is OK has all of its block */
		if (v >= s->min && v <= s->max)
			return v;
	}
	return SCALE_UNKNOWN;
}

bool scales_look(struct analyzer *a)
{
	const struct tesla_model *m = &a->kind->model->pub;
	bool news = false;

	for (size_t i = 0; i < m->n_scales; i++) {
		int16_t v = exponent_read(a, m->scales[i]);

		if (v == SCALE_UNKNOWN || v == a->exponents[i])
			continue;
		a->exponents[i] = v;
		news = true;
	}
	return news;
}

double scales_rating(const struct analyzer *a, const struct tesla_variable *v)
{
	const struct tesla_scale *s = v->rating_scale;
	int16_t exponent = s ? a->exponents[s->index] : 0;

	return v->rating * pow(10, exponent == SCALE_UNKNOWN ? s->max : exponent);
}

double scales_step(const struct analyzer *a, const struct tesla_register *r)
{
	int16_t exponent = r->scale_register ? a->exponents[r->scale_register->index] : 0;

	if (r->type == TESLA_FLOAT32 || r->type == TESLA_FLOAT64)
		return 0;
	return exponent == SCALE_UNKNOWN ? INFINITY : fabs(r->scale) * pow(10, exponent);
}
