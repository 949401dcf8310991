/* SPDX-License-Identifier: Apache-2.0 */
/* A data plugin for one variable: unsigned registers side by side; 0xffff is no value. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <tesla/plugin.h>

struct meter {
	const struct tesla_variable *variable; /* of the model, which lives longer */
	struct tesla_block block;
};

static int meter_open(const void *conf, const struct tesla_model *model,
		      const struct tesla_variable *const *wanted, size_t n, void **self,
		      struct tesla_error *err)
{
	const struct tesla_register *first;
	struct meter *m;

	(void)conf;
	if (n != 1)
		return tesla_fail(err, -EINVAL, "%s: %zu variables are wanted, expected 1",
				  model->name, n);
	m = calloc(1, sizeof *m);
	if (m == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory", model->name);
	first = wanted[0]->elements[0];
	m->variable = wanted[0];
	m->block = (struct tesla_block){ .function = first->function,
					 .address = first->address,
					 .count = (uint16_t)wanted[0]->n_elements,
					 .variable = 0 };
	*self = m;
	return 0;
}

static size_t meter_blocks(const void *self, const struct tesla_block **blocks)
{
	const struct meter *m = self;

	*blocks = &m->block;
	return 1;
}

static int meter_decode(const void *self, const struct tesla_reply *replies,
			struct tesla_element *out, struct tesla_error *err)
{
	const struct meter *m = self;
	const struct tesla_buf *data = replies[0].data;
	bool came = replies[0].status == TESLA_REPLY_OK && data->len == 2u * m->block.count;

	(void)err;
	for (size_t i = 0; i < m->variable->n_elements; i++) {
		const uint8_t *p = came ? data->bytes + 2 * i : (const uint8_t *)"\0";
		unsigned raw = (unsigned)(p[0] << 8 | p[1]);

		if (!came)
			out[i] = (struct tesla_element){ NAN, TESLA_ERROR };
		else if (raw == 0xffff)
			out[i] = (struct tesla_element){ NAN, TESLA_UNAVAILABLE };
		else
			out[i] = (struct tesla_element){ raw * m->variable->elements[i]->scale,
							 TESLA_GOOD };
	}
	return 0;
}

static const struct tesla_data data = {
	.size = sizeof data,
	.takes = TESLA_TAKES_REGISTERS,
	.open = meter_open,
	.blocks = meter_blocks,
	.decode = meter_decode,
	.close = free,
};

TESLA_DATA_PLUGIN("exampleData", "1.0", &data, .help = "One variable of unsigned registers.");
