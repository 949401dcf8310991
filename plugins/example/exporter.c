/* SPDX-License-Identifier: Apache-2.0 */
/* A live exporter that appends a line to a file for every element that has a value. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <tesla/plugin.h>

struct conf {
	const char *target;
};

static int lines_open(const void *conf, const struct tesla_host *host, void **self,
		      struct tesla_error *err)
{
	const struct conf *c = conf;
	FILE *f = fopen(c->target, "ae");

	(void)host;
	if (f == NULL)
		return tesla_fail(err, -errno, "%s: %s", c->target, strerror(errno));
	*self = f;
	return 0;
}

static void lines_write(FILE *f, const struct tesla_item *item, const struct tesla_reading *r)
{
	for (size_t i = 0; i < r->n_elements; i++)
		if (r->elements[i].quality == TESLA_GOOD)
			(void)fprintf(f, "%" PRId64 " %" PRId64 " %s[%zu] %.10g %s\n", r->t_ms,
				      item->analyzer, r->variable, i, r->elements[i].value,
				      r->unit ? r->unit : "");
}

static int lines_deliver(void *self, const struct tesla_batch *batch,
			 struct tesla_verdict *verdicts, struct tesla_error *err)
{
	FILE *f = self;

	(void)verdicts; /* a live exporter leaves them */
	for (size_t i = 0; i < batch->n_items; i++) {
		const struct tesla_item *item = batch->items[i];

		for (size_t j = 0; item->kind == TESLA_SWEEP && j < item->n_readings; j++)
			lines_write(f, item, item->readings[j]);
	}
	/* One flush a batch: what failed is said, and kept out of no later batch. */
	if (fflush(f) != 0 || ferror(f)) {
		clearerr(f);
		return tesla_fail(err, -EIO, "cannot write: %s", strerror(errno));
	}
	return 0;
}

static void lines_close(void *self)
{
	(void)fclose(self);
}

static const struct tesla_param params[] = { TESLA_P_STR("target", struct conf, target,
							 .flags = TESLA_REQUIRED,
							 .help = "The file to append to."),
					     TESLA_P_END };

static const struct tesla_exporter exporter = {
	.size = sizeof exporter,
	.caps = TESLA_LIVE,
	.open = lines_open,
	.deliver = lines_deliver,
	.close = lines_close,
};

TESLA_EXPORTER_PLUGIN("exampleExporter", "1.0", &exporter,
		      .help = "A line in a file for every value.", .params = params,
		      .conf_size = sizeof(struct conf));
