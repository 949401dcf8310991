/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exporter for t/unit/exporter.c: says in the log what it was handed, slowly or badly if told
 * so.  Built twice: with SINK_DURABLE it takes records from the journal.
 */
#include <tesla/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef SINK_DURABLE
#define NAME "sinkDurable"
#define CAPS 0
#else
#define NAME "sink"
#define CAPS TESLA_LIVE
#endif

struct conf {
	int64_t delay_ms;
	bool refuse, fail;
	const char *verdicts, *reason;
};
struct sink {
	struct conf conf;
	const struct tesla_host *host;
};

static const struct tesla_param params[] = {
	TESLA_P_MS("delay", struct conf, delay_ms, .max = 60000, .unit = "s",
		   .help = "Each delivery takes so long."),
	TESLA_P_BOOL("refuse", struct conf, refuse, .help = "Does not open."),
	TESLA_P_BOOL("fail", struct conf, fail, .help = "Deliveries fail."),
	TESLA_P_STR("verdicts", struct conf, verdicts, .dflt = "",
		    .help = "A letter per record, as in verdict_of(); the last one is repeated."),
	TESLA_P_STR("reason", struct conf, reason, .dflt = "", .help = "With every verdict."),
	TESLA_P_END
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

static void record_say(const struct sink *s, const struct tesla_item *item)
{
	s->host->log(s->host, 6, "record %" PRIu64 " from %" PRId64 " of %s, %s", item->n,
		     item->start_ms, item->model, item->identity ? item->identity : "-");
	for (size_t i = 0; i < item->n_variables; i++) {
		const struct tesla_record_variable *v = item->variables[i];
		const struct tesla_record_element *e = v->elements;

		s->host->log(s->host, 6, "%s %s %d x %g: %zu, %d %u %" PRId64 " %g %g %g %g",
			     v->name, v->unit, (int)v->kind, v->predecessor_factor, v->n_elements,
			     (int)e->quality, e->count, e->covered_ms, e->value, e->min, e->max,
			     e->increase);
	}
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
	if (item->kind == TESLA_RECORD)
		record_say(s, item);
}

static struct tesla_verdict verdict_of(char letter, const char *reason)
{
	struct tesla_verdict v = { 0 };

	switch (letter) {
	case 'd':
		v.delivery = TESLA_DONE;
		break;
	case 'j':
		v.delivery = TESLA_REJECT;
		v.retry_ms = 9;
		break;
	case 'f':
		v.delivery = TESLA_REFUSED;
		break;
	case 'x':
		v.delivery = (enum tesla_delivery)77;
		break;
	case 'r':
		v.retry_ms = 5000;
		break;
	case 'l':
		v.retry_ms = INT64_MAX;
		break;
	case 'n':
		v.retry_ms = -5;
		break;
	}
	if (letter != '-')
		memset(v.why.text, '#', sizeof v.why.text); /* without an end, if it is long */
	(void)memccpy(v.why.text, letter == '-' ? "" : reason, '\0', sizeof v.why.text);
	return v;
}

static void records_judge(const struct sink *s, const struct tesla_batch *b,
			  struct tesla_verdict *verdicts)
{
	const char *letter = s->conf.verdicts;

	s->host->log(s->host, 6, "%" PRId64 " s left",
		     (b->deadline_us - s->host->now_us(s->host) + 500000) / 1000000);
	for (size_t i = 0; i < b->n_items && *letter != '\0'; i++) {
		if (verdicts[i].delivery != TESLA_RETRY || verdicts[i].why.text[0] != '\0')
			s->host->log(s->host, 6, "not zeroed");
		verdicts[i] = verdict_of(*letter, s->conf.reason);
		letter += letter[1] != '\0';
	}
}

static int sink_deliver(void *self, const struct tesla_batch *b, struct tesla_verdict *verdicts,
			struct tesla_error *err)
{
	struct sink *s = self;
	struct timespec delay = { s->conf.delay_ms / 1000, s->conf.delay_ms % 1000 * 1000000 };

	for (size_t i = 0; i < b->n_items && i < 10; i++)
		item_say(s, b, b->items[i]);
	if (CAPS == 0)
		records_judge(s, b, verdicts);
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
					    .caps = CAPS,
					    .open = sink_open,
					    .deliver = sink_deliver,
					    .close = sink_close };
TESLA_EXPORTER_PLUGIN(NAME, "1", &sink, .help = "For tests.", .params = params,
		      .conf_size = sizeof(struct conf));
