/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meters whose model is a table of registers: which blocks its variables need, and what the bytes
 * mean. Pure: what is decoded depends on the model and the replies alone.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <tesla/plugin.h>

#include "../scaling.h"

#define RUN_MAX 125 /* registers of a block: one Modbus read */
#define NO_BLOCK SIZE_MAX

struct element {
	const struct tesla_register *reg;
	size_t block, offset; /* where its bytes are: which reply, from which byte */
	size_t scale_block;   /* the reply with its scale register, or NO_BLOCK */
	struct scaling scaling;
};

struct plan {
	struct tesla_block *blocks;
	struct element *elements;
	size_t n_blocks, n_elements;
};

/* ---- open: which blocks are needed ---- */

static unsigned raw_registers(enum tesla_raw type)
{
	switch (type) {
	case TESLA_INT16:
	case TESLA_UINT16:
	case TESLA_BCD16:
		return 1;
	case TESLA_INT32:
	case TESLA_UINT32:
	case TESLA_FLOAT32:
	case TESLA_BCD32:
		return 2;
	case TESLA_INT64:
	case TESLA_UINT64:
	case TESLA_FLOAT64:
	case TESLA_BCD64:
		return 4;
	case TESLA_DECIMAL:
		break;
	}
	return 0;
}

static bool continues(const struct tesla_block *b, const struct tesla_register *r, unsigned limit)
{
	return b->function == r->function && b->address + b->count == r->address &&
	       b->count + r->count <= limit;
}

/* Elements that lie behind each other share a block; each jump begins another. */
static void variable_plan(struct plan *p, const struct tesla_variable *v, int32_t index,
			  unsigned limit)
{
	struct tesla_block *b = NULL;

	for (size_t i = 0; i < v->n_elements; i++) {
		const struct tesla_register *r = v->elements[i];
		struct element *e = &p->elements[p->n_elements++];

		if (b == NULL || !continues(b, r, limit)) {
			b = &p->blocks[p->n_blocks++];
			*b = (struct tesla_block){ .function = r->function,
						   .address = r->address,
						   .variable = index };
		}
		*e = (struct element){ .reg = r,
				       .block = p->n_blocks - 1,
				       .offset = 2u * b->count,
				       .scale_block = NO_BLOCK };
		e->scaling = scaling_of(r->scale, r->offset);
		b->count = (uint16_t)(b->count + r->count);
	}
}

static size_t scale_block(struct plan *p, const struct tesla_scale *s, size_t first, uint16_t flags)
{
	for (size_t i = first; i < p->n_blocks; i++)
		if (p->blocks[i].function == s->function && p->blocks[i].address == s->address)
			return i;
	p->blocks[p->n_blocks] = (struct tesla_block){
		.function = s->function,
		.address = s->address,
		.count = 1,
		.flags = flags,
		.variable = TESLA_EVERY_VARIABLE,
	};
	return p->n_blocks++;
}

static int variable_check(const struct tesla_variable *v, struct tesla_error *err)
{
	for (size_t i = 0; i < v->n_elements; i++) {
		const struct tesla_register *r = v->elements[i];

		if (r->command != NULL)
			return tesla_fail(
				err, -EINVAL,
				"%s is read by the command \"%s\", not from registers: its "
				"model is for another data plugin",
				v->name, r->command);
		if (raw_registers(r->type) == 0 || raw_registers(r->type) != r->count)
			return tesla_fail(err, -EINVAL,
					  "%s, element %s: %u registers do not hold type %d",
					  v->name, r->label, r->count, (int)r->type);
	}
	return 0;
}

static void plan_free(void *self)
{
	struct plan *p = self;

	if (p == NULL)
		return;
	free(p->blocks);
	free(p->elements);
	free(p);
}

/* A rating's register decodes nothing: the host judges counters by it. */
static void scales_plan(struct plan *p, const struct tesla_variable *const *wanted, size_t n,
			uint16_t flags)
{
	size_t first = p->n_blocks;

	for (size_t i = 0; i < p->n_elements; i++) {
		const struct tesla_scale *s = p->elements[i].reg->scale_register;

		if (s != NULL)
			p->elements[i].scale_block = scale_block(p, s, first, flags);
	}
	for (size_t i = 0; i < n; i++)
		if (wanted[i]->rating_scale != NULL)
			(void)scale_block(p, wanted[i]->rating_scale, first, flags);
}

/*
 * Room for the worst case: every element has a block and a scale of its own, every variable one of
 * its rating.
 */
static struct plan *plan_new(size_t n_elements, size_t n_variables)
{
	struct plan *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->blocks = calloc(2 * n_elements + n_variables + 1, sizeof *p->blocks);
	p->elements = calloc(n_elements + 1, sizeof *p->elements);
	if (p->blocks != NULL && p->elements != NULL)
		return p;
	plan_free(p);
	return NULL;
}

static int plan_open(const void *conf, const struct tesla_model *model,
		     const struct tesla_variable *const *wanted, size_t n, void **self,
		     struct tesla_error *err)
{
	uint16_t flags = model->scales_every_sweep ? 0 : TESLA_BLOCK_CONNECT;
	unsigned limit = model->max_registers > 0 && model->max_registers < RUN_MAX
				 ? model->max_registers
				 : RUN_MAX;
	size_t n_elements = 0;
	struct plan *p;

	(void)conf;
	for (size_t i = 0; i < n; i++) {
		int r = variable_check(wanted[i], err);

		if (r != 0)
			return r;
		n_elements += wanted[i]->n_elements;
	}
	p = plan_new(n_elements, n);
	if (p == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory for %zu elements", model->name,
				  n_elements);
	for (size_t i = 0; i < n; i++)
		variable_plan(p, wanted[i], (int32_t)i, limit);
	scales_plan(p, wanted, n, flags);
	*self = p;
	return 0;
}

static size_t plan_blocks(const void *self, const struct tesla_block **blocks)
{
	const struct plan *p = self;

	*blocks = p->blocks;
	return p->n_blocks;
}

/* ---- decode: what the bytes mean ---- */

static const struct tesla_element failed = { NAN, TESLA_ERROR };
static const struct tesla_element unavailable = { NAN, TESLA_UNAVAILABLE };

/* The reply's bytes, if it is one of the length that was asked for. */
static const uint8_t *reply_bytes(const struct plan *p, const struct tesla_reply *replies,
				  size_t block)
{
	const struct tesla_reply *r = &replies[block];

	return r->status == TESLA_REPLY_OK && r->data != NULL &&
			       r->data->len == 2u * p->blocks[block].count
		       ? r->data->bytes
		       : NULL;
}

static uint64_t raw_bits(const struct tesla_register *r, const uint8_t *p)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < r->count; i++) {
		const uint8_t *word = p + 2 * (r->order == TESLA_LITTLE ? r->count - 1u - i : i);

		bits = bits << 16 | (uint64_t)word[r->bytes_swapped] << 8 | word[!r->bytes_swapped];
	}
	return bits;
}

/* Four bits a digit; NAN where one of them is none. */
static double bcd_number(uint64_t bits)
{
	double n = 0;

	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned digit = bits >> shift & 0xf;

		if (digit > 9)
			return NAN;
		n = 10 * n + digit;
	}
	return n;
}

static double raw_number(enum tesla_raw type, uint64_t bits)
{
	union {
		uint32_t u;
		float f;
	} single = { .u = (uint32_t)bits };
	union {
		uint64_t u;
		double f;
	} dbl = { .u = bits };

	switch (type) {
	case TESLA_INT16:
		return (int16_t)bits;
	case TESLA_INT32:
		return (int32_t)bits;
	case TESLA_INT64:
		return (double)(int64_t)bits;
	case TESLA_FLOAT32:
		return single.f;
	case TESLA_FLOAT64:
		return dbl.f;
	case TESLA_BCD16:
	case TESLA_BCD32:
	case TESLA_BCD64:
		return bcd_number(bits);
	default:
		return (double)bits;
	}
}

static struct tesla_element element_decode(const struct plan *p, const struct element *e,
					   const struct tesla_reply *replies)
{
	const struct tesla_register *r = e->reg;
	const uint8_t *bytes = reply_bytes(p, replies, e->block), *scale;
	uint64_t bits;
	double raw, value;
	int power = 0;

	if (bytes == NULL)
		return failed;
	bits = raw_bits(r, bytes + e->offset);
	raw = r->mask ? (double)((bits & r->mask) / (r->mask & -r->mask))
		      : raw_number(r->type, bits);
	if ((r->has_sentinel && bits == r->sentinel) || !isfinite(raw) ||
	    (r->has_max && fabs(raw) > r->max))
		return unavailable;
	if (e->scale_block != NO_BLOCK) {
		scale = reply_bytes(p, replies, e->scale_block);
		if (scale == NULL)
			return failed;
		power = (int16_t)(scale[0] << 8 | scale[1]);
		if (power < r->scale_register->min || power > r->scale_register->max)
			return unavailable;
	}
	value = scaling_value(&e->scaling, raw, power);
	return isfinite(value) ? (struct tesla_element){ value, TESLA_GOOD } : unavailable;
}

static int plan_decode(const void *self, const struct tesla_reply *replies,
		       struct tesla_element *out, struct tesla_error *err)
{
	const struct plan *p = self;

	(void)err;
	for (size_t i = 0; i < p->n_elements; i++)
		out[i] = element_decode(p, &p->elements[i], replies);
	return 0;
}

static const struct tesla_data data = {
	.size = sizeof data,
	.takes = TESLA_TAKES_REGISTERS,
	.open = plan_open,
	.blocks = plan_blocks,
	.decode = plan_decode,
	.close = plan_free,
};

/* The predecessor had one for each maker; what differed is in the models. */
static const char *const aliases[] = { "pmData", "das8000", NULL };

TESLA_DATA_PLUGIN("mapData", PACKAGE_VERSION, &data,
		  .help = "Meters that a model file describes register by register.",
		  .aliases = aliases);
