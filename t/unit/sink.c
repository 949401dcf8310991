/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exporter for t/unit/exporter.c: says in the log what it was handed, slowly or badly if told
 * so.
 */
#include <tesla/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

struct conf {
	int64_t delay_ms;
	bool refuse, fail;
};
struct sink {
	struct conf conf;
	const struct tesla_host *host;
};

static const struct tesla_param params[] = {
	TESLA_P_MS("delay", struct conf, delay_ms, .max = 60000, .unit = "s",
		   .help = "Each delivery takes so long."),
	TESLA_P_BOOL("refuse", struct conf, refuse, .help = "Does not open."),
	TESLA_P_BOOL("fail", struct conf, fail, .help = "Deliveries fail."), TESLA_P_END
};

static int sink_open(const void *conf, const struct tesla_host *host, void **self,
		     struct tesla_error *err)
{
	struct sink *s;

	if (((const struct conf *)conf)->refuse)
		return tesla_fail(err, -EADDRINUSE, "told to refuse");
	s = malloc(sizeof *s);
	if (s == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	*s = (struct sink){ .conf = *(const struct conf *)conf, .host = host };
	*self = s;
	return 0;
}

static void item_say(const struct sink *s, const struct tesla_batch *b,
		     const struct tesla_item *item)
{
	s->host->log(s->host, 6,
		     "%s %" PRId64 " kind %d of %" PRId64 " at %" PRId64 " +-%g n %" PRIu64
		     " k %" PRIu64 " %s %s %s",
		     b->node, b->epoch_ms, (int)item->kind, item->analyzer, item->t_ms, item->dt_ms,
		     item->n, item->k, item->error ? item->error : "-",
		     item->state ? item->state : "-", item->reason ? item->reason : "-");
	for (size_t i = 0; i < item->n_readings; i++) {
		const struct tesla_reading *r = item->readings[i];

		for (size_t j = 0; j < r->n_elements; j++)
			s->host->log(s->host, 6, "%s %" PRIu64 " %g %s %d", r->variable, r->k,
				     r->elements[j].value, r->unit, (int)r->elements[j].quality);
	}
}

static int sink_deliver(void *self, const struct tesla_batch *b, struct tesla_verdict *verdicts,
			struct tesla_error *err)
{
	struct sink *s = self;
	struct timespec delay = { s->conf.delay_ms / 1000, s->conf.delay_ms % 1000 * 1000000 };

	(void)verdicts;
	for (size_t i = 0; i < b->n_items; i++)
		item_say(s, b, b->items[i]);
	(void)nanosleep(&delay, NULL);
	return s->conf.fail ? tesla_fail(err, -EIO, "told to fail") : 0;
}

static void sink_close(void *self)
{
	struct sink *s = self;

	s->host->log(s->host, 6, "closed");
	free(s);
}

static const struct tesla_exporter sink = { .size = sizeof sink,
					    .caps = TESLA_LIVE,
					    .open = sink_open,
					    .deliver = sink_deliver,
					    .close = sink_close };
TESLA_EXPORTER_PLUGIN("sink", "1", &sink, .help = "For tests.", .params = params,
		      .conf_size = sizeof(struct conf));
