/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon tells of itself, as numbers with labels. */
#include "daemon/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "daemon/metrics_http.h"
#include "daemon/metrics_parts.h"

static const struct metric_table *const tables[] = {
	&metrics_of_node,
	&metrics_of_lines,
	&metrics_of_hosts,
	&metrics_of_exporters,
};

/* ---- labels and samples ---- */

void scrape_label(struct scrape *s, const char *name, const char *value)
{
	assert(s->n_labels < METRIC_LABELS_MAX);
	s->labels[s->n_labels++] = (struct metric_label){ name, value };
	s->labels[s->n_labels].name = NULL;
}

void scrape_label_id(struct scrape *s, const char *name, int64_t id)
{
	(void)snprintf(s->id, sizeof s->id, "%" PRId64, id);
	scrape_label(s, name, s->id);
}

void scrape_drop(struct scrape *s, size_t n)
{
	assert(n <= s->n_labels);
	s->n_labels -= n;
	s->labels[s->n_labels].name = NULL;
}

void scrape_real(struct scrape *s, double value)
{
	metrics_text_real(&s->text, s->labels, value);
}

void scrape_count(struct scrape *s, uint64_t value)
{
	metrics_text_count(&s->text, s->labels, value);
}

void scrape_histogram(struct scrape *s, const struct histogram *h)
{
	metrics_text_histogram(&s->text, s->labels, h);
}

void scrape_states(struct scrape *s, const char *(*name)(int), int n, int is)
{
	for (int i = 0; i < n; i++) {
		scrape_label(s, "state", name(i));
		scrape_count(s, i == is);
		scrape_drop(s, 1);
	}
}

void metric_count_at(struct scrape *s, const struct metric *m, const void *of)
{
	uint64_t n;

	memcpy(&n, (const char *)of + m->at, sizeof n);
	scrape_count(s, n);
}

void metric_one(struct scrape *s, const struct metric *m, const void *of)
{
	(void)m, (void)of;
	scrape_count(s, 1);
}

/* ---- all of them ---- */

static void metric_write(struct scrape *s, const struct metric *m)
{
	metrics_text_family(&s->text, &m->family);
	if (m->each != NULL)
		m->each(s, m);
	else
		m->write(s, m, s->d);
	assert(s->n_labels == 0);
}

void metrics_write(const struct daemon *d, enum metrics_format format, struct buf *out)
{
	struct scrape s = { .d = d, .wall_us = clock_wall_us() };

	metrics_text_init(&s.text, out, format);
	for (size_t i = 0; i < N_ELEMENTS(tables); i++)
		for (size_t k = 0; k < tables[i]->n; k++)
			metric_write(&s, &tables[i]->rows[k]);
	metrics_text_end(&s.text);
}

const struct metric_family *metrics_family(size_t i, const char **labels)
{
	size_t t = 0;

	while (t < N_ELEMENTS(tables) && i >= tables[t]->n)
		i -= tables[t++]->n;
	if (t == N_ELEMENTS(tables))
		return NULL;
	*labels = tables[t]->rows[i].labels;
	return &tables[t]->rows[i].family;
}

/* ---- whether it is ready ---- */

__attribute__((format(printf, 2, 3))) static void say(struct buf *out, const char *fmt, ...)
{
	char text[160];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof text)
		len = (int)sizeof text - 1;
	if (len > 0)
		(void)buf_append(out, text, (size_t)len);
}

/*
 * A meter that is silent, or an exporter that does not come through, is what the daemon is there
 * to bear; so is a plugin in quarantine.  A host that is being prepared has no lines yet.
 */
static bool is_needed(const struct slot *s)
{
	return s->exporter == NULL && !s->quarantine && !s->gone && !s->fresh;
}

void metrics_ready(const struct daemon *d, struct buf *out)
{
	const struct fleet *f = &d->fleet;
	const char *reason;

	if (d->stopping)
		say(out, "teslad is ending\n");
	for (size_t i = 0; i < f->n_slots; i++) {
		const struct slot *s = f->slots[i];

		if (is_needed(s) && s->state != SLOT_RUNNING)
			say(out, "host %zu of lines is %s\n", s->owner, slot_state_name(s->state));
	}
	if (clerk_state(d->recording.clerk, &reason) != CLERK_OPEN)
		say(out, "the journal is not open%s%s\n", reason ? ": " : "", reason ? reason : "");
}

/* ---- who asks ---- */

static void on_text(void *arg, enum metrics_format format, struct buf *out)
{
	metrics_write(arg, format, out);
}

static void on_ready(void *arg, struct buf *out)
{
	metrics_ready(arg, out);
}

void metrics_start(struct daemon *d)
{
	const struct metrics_http_conf conf = { .text = on_text,
						.ready = on_ready,
						.arg = d,
						.deadline_ms = METRICS_HTTP_DEADLINE_MS };
	const char *listen = d->check.ini->metrics.listen;
	struct tesla_error err;
	struct address a;

	if (*listen == '\0')
		return;
	if (address_parse(listen, &a) == 0)
		d->metrics = metrics_http_start(&d->loop, &a, &conf, &err);
	else
		(void)tesla_fail(&err, -1, "it is no address"); /* ini.c saw that it is one */
	if (d->metrics == NULL)
		log_msg(&d->log, LOG_LEVEL_ERROR,
			"metrics at %s: %s; they are not told over HTTP until the next start",
			listen, err.text);
	else
		log_msg(&d->log, LOG_LEVEL_INFO, "metrics at http://%s/metrics", listen);
}

bool metrics_command(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply)
{
	const msgpack_object *key = mp_get(request, "format");
	enum metrics_format format = METRICS_PROMETHEUS;
	msgpack_packer pk;
	struct buf text;

	(void)peer;
	if (mp_is(request, "format", "openmetrics")) {
		format = METRICS_OPENMETRICS;
	} else if (key != NULL && key->type != MSGPACK_OBJECT_NIL &&
		   !mp_is(request, "format", "prometheus")) {
		control_error(reply, "format: expected prometheus or openmetrics");
		return true;
	}
	buf_init(&text, METRICS_BYTES_MAX);
	metrics_write(d, format, &text);
	if (text.failed) {
		control_error(reply, "no room for so many metrics");
	} else {
		mp_writer(&pk, reply);
		(void)msgpack_pack_map(&pk, 3);
		mp_key_bool(&pk, "ok", true);
		mp_key_str(&pk, "content_type", metrics_content_type(format));
		mp_str(&pk, "text");
		(void)msgpack_pack_str(&pk, text.pub.len);
		(void)msgpack_pack_str_body(&pk, text.pub.bytes, text.pub.len);
	}
	buf_release(&text);
	return true;
}
