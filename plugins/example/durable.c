/* SPDX-License-Identifier: Apache-2.0 */
/* A durable exporter: a line in a file for every record of the journal, safe on disk when DONE. */
#include <errno.h>
#include <inttypes.h>
#include <stdio_ext.h>
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
	FILE *f = fopen(c->target, "ae");

	(void)host;
	if (f == NULL)
		return tesla_fail(err, -errno, "%s: %s", c->target, strerror(errno));
	*self = f;
	return 0;
}

/* How many values it wrote: a line that begins anew and ends with a full stop, or nothing. */
static size_t record_write(FILE *f, const char *node, const struct tesla_item *record)
{
	size_t n = 0;

	for (size_t i = 0; i < record->n_variables; i++) {
		const struct tesla_record_variable *v = record->variables[i];

		for (size_t k = 0; k < v->n_elements; k++) {
			if (v->elements[k].quality != TESLA_GOOD)
				continue;
			if (n++ == 0)
				(void)fprintf(f, "\n%s %" PRId64 " %" PRId64, node,
					      record->analyzer, record->t_ms);
			(void)fprintf(f, " %s[%zu]=%.10g", v->name, k, v->elements[k].value);
		}
	}
	if (n > 0)
		(void)fputs(" .", f);
	return n;
}

/*
 * DONE is said after the sync.  Killed in between, or on a full disk, we get the same records again
 * and write the same lines again, some for the second time, some after a part of them without its
 * full stop.  That is enough: node, analyzer and end of the window are the key of a record, so a
 * reader who takes whole lines and each key once (grep '\.$' | sort -u) has all and none twice.
 */
static int lines_deliver(void *self, const struct tesla_batch *batch,
			 struct tesla_verdict *verdicts, struct tesla_error *err)
{
	FILE *f = self;

	for (size_t i = 0; i < batch->n_items; i++) {
		if (record_write(f, batch->node, batch->items[i]) == 0) {
			verdicts[i].delivery = TESLA_REJECT; /* no later try would help */
			(void)tesla_fail(&verdicts[i].why, -ENODATA, "no good value in it");
		}
	}
	if (fflush(f) != 0 || ferror(f) || fsync(fileno(f)) != 0) {
		int cause = errno;

		__fpurge(f);
		clearerr(f);
		/* What is left unset is RETRY: tried again until there is room. */
		return tesla_fail(err, -cause, "cannot write: %s", strerror(cause));
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

static const struct tesla_param params[] = { TESLA_P_STR("target", struct conf, target,
							 .flags = TESLA_REQUIRED,
							 .help = "The file to append to."),
					     TESLA_P_END };

static const struct tesla_exporter exporter = {
	.size = sizeof exporter, /* and no TESLA_LIVE: records from the journal */
	.open = lines_open,
	.deliver = lines_deliver,
	.close = lines_close,
};

TESLA_EXPORTER_PLUGIN("exampleDurable", "1.0", &exporter,
		      .help = "A line in a file for every record.", .params = params,
		      .conf_size = sizeof(struct conf));
