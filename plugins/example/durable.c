/* SPDX-License-Identifier: Apache-2.0 */
/* A durable exporter: a line in a file for every record of the journal, safe on disk when DONE. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <tesla/plugin.h>
#include <unistd.h>

struct conf {
	const char *target;
};

static int lines_open(const void *conf, const struct tesla_host *host, void **self,
		      struct tesla_error *err)
{
	const struct conf *c = conf;

	(void)host;
	*self = fopen(c->target, "ae");
	return *self != NULL ? 0 : tesla_fail(err, -errno, "%s: %s", c->target, strerror(errno));
}

/* A line that begins anew, and ends with a full stop when there was a good value. */
static bool record_write(FILE *f, const char *node, const struct tesla_item *r)
{
	bool any = false;

	(void)fprintf(f, "\n%s %" PRId64 " %" PRId64, node, r->analyzer, r->t_ms);
	for (size_t i = 0; i < r->n_variables; i++)
		for (size_t k = 0; k < r->variables[i]->n_elements; k++)
			if (r->variables[i]->elements[k].quality == TESLA_GOOD)
				any = fprintf(f, " %s[%zu]=%.10g", r->variables[i]->name, k,
					      r->variables[i]->elements[k].value) != 0;
	(void)fputs(any ? " ." : "", f);
	return any;
}

/*
 * DONE after the sync.  Killed before, or on a full disk, we write the same lines again, some after
 * a part of them: who takes whole ones, each once (grep '\.$' | sort -u), has every record once.
 */
static int lines_deliver(void *self, const struct tesla_batch *batch,
			 struct tesla_verdict *verdicts, struct tesla_error *err)
{
	FILE *f = self;

	for (size_t i = 0; i < batch->n_items; i++)
		if (!record_write(f, batch->node, batch->items[i])) {
			verdicts[i].delivery = TESLA_REJECT; /* no later try would help */
			(void)tesla_fail(&verdicts[i].why, -ENODATA, "no good value in it");
		}
	if (fflush(f) != 0 || ferror(f) || fsync(fileno(f)) != 0) {
		clearerr(f);
		return tesla_fail(err, -EIO, "cannot write"); /* the rest is RETRY: later */
	}
	for (size_t i = 0; i < batch->n_items; i++)
		if (verdicts[i].delivery == TESLA_RETRY)
			verdicts[i].delivery = TESLA_DONE;
	return 0;
}

static void lines_close(void *self)
{
	(void)fclose(self);
}

static const struct tesla_param params[] = {
	TESLA_P_STR("target", struct conf, target, .flags = TESLA_REQUIRED, .help = "The file."),
	TESLA_P_END
};
static const struct tesla_exporter exporter = {
	.size = sizeof exporter, .open = lines_open, .deliver = lines_deliver, .close = lines_close
}; /* no TESLA_LIVE: records from the journal */
TESLA_EXPORTER_PLUGIN("exampleDurable", "1.0", &exporter, .help = "A line per record.",
		      .params = params, .conf_size = sizeof(struct conf));
