/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data plugin that asks for the first register of each wanted variable and crashes when it gets
 * it; or, with CRASH_OPEN, at once.
 */
#include <stdlib.h>
#include <tesla/plugin.h>

struct plan {
	size_t n;
	struct tesla_block blocks[];
};

static void crash(void)
{
	volatile uintptr_t nowhere = 64;

	*(volatile int *)nowhere = 1;
}

static int bad_open(const void *conf, const struct tesla_model *model,
		    const struct tesla_variable *const *wanted, size_t n, void **self,
		    struct tesla_error *err)
{
	struct plan *p = calloc(1, sizeof *p + n * sizeof *p->blocks);

	(void)conf, (void)model;
#ifdef CRASH_OPEN
	crash();
#endif
	if (p == NULL)
		return tesla_fail(err, -12, "no memory");
	for (; p->n < n; p->n++)
		p->blocks[p->n] = (struct tesla_block){
			.function = wanted[p->n]->elements[0]->function,
			.address = wanted[p->n]->elements[0]->address,
			.count = 1,
			.variable = (int32_t)p->n,
		};
	*self = p;
	return 0;
}

static size_t bad_blocks(const void *self, const struct tesla_block **blocks)
{
	const struct plan *p = self;

	*blocks = p->blocks;
	return p->n;
}

static int bad_decode(const void *self, const struct tesla_reply *replies,
		      struct tesla_element *out, struct tesla_error *err)
{
	(void)self, (void)replies, (void)out, (void)err;
	crash();
	return 0;
}

static const struct tesla_data data = {
	.size = sizeof data,
	.takes = TESLA_TAKES_REGISTERS,
	.open = bad_open,
	.blocks = bad_blocks,
	.decode = bad_decode,
	.close = free,
};

TESLA_DATA_PLUGIN(PLUGIN_NAME, "1", &data, .help = "A data plugin of the tests.");
