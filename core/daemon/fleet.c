/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All hosts: started, started again, fed and stopped.  Who goes into quarantine is quarantine.c's.
 */
#include "daemon/fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/intake.h"
#include "daemon/quarantine.h"

#define SETUP_BYTES_MAX HOST_QUEUE_MAX
#define BATCH_BYTES_MAX (8u << 20) /* waiting for one exporter; beyond it batches are lost */
#define LOG_LINES 50u		   /* of one host */
#define LOG_PERIOD_US (10 * 1000000LL)
#define NICE 10 /* of who takes records: reading meters goes first */

static const struct host_calls calls;

const char *slot_state_name(enum slot_state s)
{
	static const char *const names[] = { "stopped", "starting", "running", "waiting" };

	return names[s];
}

static const char *slot_name(const struct slot *s)
{
	if (s->exporter == NULL)
		return s->quarantine ? "host of lines (quarantine)" : "host of lines";
	return s->conf ? s->conf->id : "host of the stream";
}

/* ---- what it has, as states ---- */

static void lines_down(struct slot *s, const char *reason)
{
	struct hub *h = s->fleet->setup.hub;

	for (size_t i = 0; i < h->n_lines; i++)
		if (h->lines[i].owner == s->owner)
			hub_set_line_state(h, &h->lines[i], HUB_LINE_DOWN, reason);
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].owner == s->owner)
			hub_set_state(h, &h->analyzers[i], HUB_DOWN, reason, LOG_LEVEL_DEBUG);
}

static void lines_up(struct slot *s)
{
	struct hub *h = s->fleet->setup.hub;

	for (size_t i = 0; i < h->n_lines; i++)
		if (h->lines[i].owner == s->owner && h->lines[i].state == HUB_LINE_DOWN)
			hub_set_line_state(h, &h->lines[i], HUB_LINE_CLOSED, NULL);
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].owner == s->owner && h->analyzers[i].state == HUB_DOWN)
			hub_set_state(h, &h->analyzers[i], HUB_CONNECTING, NULL, LOG_LEVEL_DEBUG);
}

/* ---- starting ---- */

static void slot_start(struct slot *s);

static void on_timer(uv_timer_t *timer)
{
	struct slot *s = timer->data;

	s->restarts++;
	slot_start(s);
}

static void slot_wait(struct slot *s, int64_t up_us)
{
	s->state = SLOT_WAITING;
	(void)uv_timer_start(&s->timer, on_timer, (uint64_t)restart_delay_ms(&s->restart, up_us),
			     0);
}

static int slot_setup(struct slot *s, struct buf *out)
{
	const struct fleet *f = s->fleet;

	if (s->exporter != NULL)
		return setup_exporter(&f->setup, s->exporter, s->conf, f->stream, out);
	return setup_lines(&f->setup, s->owner, out);
}

static void slot_start(struct slot *s)
{
	struct tesla_error err = { .code = 0 };
	struct buf out;

	buf_init(&out, SETUP_BYTES_MAX);
	s->host = host_start(s->fleet->loop, s->fleet->host_program,
			     s->exporter ? "--exporter" : "--driver", &calls, s, &err);
	if (s->host != NULL) {
		s->state = SLOT_STARTING;
		if (s->durable != NULL)
			(void)setpriority(PRIO_PROCESS, (id_t)host_pid(s->host), NICE);
		if (slot_setup(s, &out) != 0 || host_send(s->host, &out, SETUP_BYTES_MAX) != 0)
			host_kill(s->host, "what it is to be told is too long");
	} else {
		log_msg(s->fleet->log, LOG_LEVEL_ERROR, "%s: %s", slot_name(s), err.text);
		text_set(&s->reason, err.text);
		slot_wait(s, 0);
	}
	buf_release(&out);
}

/* ---- ending ---- */

static void fleet_stopped(struct fleet *f)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->host != NULL)
			return;
	for (size_t i = 0; i < f->n_slots; i++) {
		uv_close((uv_handle_t *)&f->slots[i]->timer, NULL);
		if (f->slots[i]->durable != NULL)
			durable_close(f->slots[i]->durable);
	}
	uv_close((uv_handle_t *)&f->heartbeat, NULL);
	uv_close((uv_handle_t *)&f->flush, NULL);
	f->stopped(f->arg);
}

static void on_ended(void *arg, const struct host_end *end)
{
	struct slot *s = arg, *new = NULL;
	bool empty = false;

	s->host = NULL;
	s->state = SLOT_STOPPED;
	tally_host_ended(&s->tally);
	if (s->durable != NULL)
		durable_down(s->durable, end->blamed);
	if (s->fleet->stopping) {
		fleet_stopped(s->fleet);
		return;
	}
	log_msg(s->fleet->log, s->refused ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
		"%s %zu ended after %.1f s: %s", slot_name(s), s->owner, (double)end->up_us / 1e6,
		end->reason);
	s->refused = false;
	text_set(&s->reason, end->reason);
	if (s->exporter == NULL) {
		lines_down(s, end->reason);
		if (end->blamed)
			new = quarantine_blame(s, &end->blame, end->reason, &empty);
	}
	if (!empty)
		slot_wait(s, end->up_us);
	if (new != NULL)
		slot_wait(new, 0);
}

/* ---- messages ---- */

static void on_log(struct slot *s, const msgpack_object *msg)
{
	_cleanup_free_ char *text = mp_strdup(msg, "text");
	int64_t level = mp_int(msg, "level", LOG_LEVEL_INFO), now_us = clock_mono_us();

	if (now_us - s->log_from_us > LOG_PERIOD_US) {
		if (s->logged > LOG_LINES)
			log_msg(s->fleet->log, LOG_LEVEL_WARNING,
				"%s %zu: %u more messages were not shown", slot_name(s), s->owner,
				s->logged - LOG_LINES);
		s->log_from_us = now_us;
		s->logged = 0;
	}
	if (level < LOG_LEVEL_ERROR || level > LOG_LEVEL_DEBUG)
		level = LOG_LEVEL_INFO;
	if (text != NULL && (int)level <= s->fleet->log->level && s->logged++ < LOG_LINES)
		log_msg(s->fleet->log, (int)level, "%s %zu: %s", slot_name(s), s->owner, text);
}

/*
 * An exporter that would not open is tried again: its host is ended, and started after the
 * back-off.
 */
static void on_exporter_failed(struct slot *s, const msgpack_object *msg)
{
	_cleanup_free_ char *text = mp_strdup(msg, "text");
	const char *why = text ? text : "it would not open";

	if (s->failure == NULL || strcmp(s->failure, why) != 0)
		log_msg(s->fleet->log, LOG_LEVEL_ERROR,
			"exporter %s cannot begin: %s; it is tried again, which is not said each "
			"time%s",
			slot_name(s), why,
			s->durable ? "; its records wait (`teslactl journal drain`: now)" : "");
	text_set(&s->failure, why);
	s->refused = true;
	host_kill(s->host, "%s: %s", s->exporter->name, s->failure);
}

static int on_exporter(struct slot *s, const msgpack_object *msg, struct tesla_error *err)
{
	if (s->durable != NULL && mp_is(msg, "m", "verdicts"))
		return durable_verdicts(s->durable, msg, err);
	if (mp_is(msg, "m", "counts")) {
		tally_told(&s->tally, mp_int(msg, "delivered", 0), mp_int(msg, "dropped", 0));
		return 0;
	}
	if (!mp_is(msg, "m", "failed"))
		return tesla_fail(err, -EPROTO, "a message that is none of an exporter's");
	on_exporter_failed(s, msg);
	return 0;
}

static int on_message(void *arg, const msgpack_object *msg, struct tesla_error *err)
{
	struct slot *s = arg;
	int r;

	if (mp_is(msg, "m", "log")) {
		on_log(s, msg);
		return 0;
	}
	if (mp_is(msg, "m", "ready")) {
		s->state = SLOT_RUNNING;
		if (s->failure != NULL)
			log_msg(s->fleet->log, LOG_LEVEL_INFO, "exporter %s could begin",
				slot_name(s));
		text_set(&s->failure, NULL);
		if (s->exporter == NULL)
			lines_up(s);
		if (s->durable != NULL)
			durable_up(s->durable);
		return 0;
	}
	if (s->exporter != NULL)
		return on_exporter(s, msg, err);
	r = intake(s->fleet->setup.hub, s->owner, msg, err);
	return r == 1 ? tesla_fail(err, -EPROTO, "a message at the wrong time") : r;
}

static const struct host_calls calls = { .message = on_message, .ended = on_ended };

/* ---- batches ---- */

static int on_durable_send(void *arg, const struct buf *frame)
{
	struct slot *s = arg;

	return s->host ? host_send(s->host, frame, BATCH_BYTES_MAX) : -EPIPE;
}

static void on_journal(void *arg)
{
	struct fleet *f = arg;

	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->durable != NULL)
			durable_changed(f->slots[i]->durable);
}

static void on_batch(void *arg, const struct buf *frame, size_t n)
{
	struct slot *s = arg;

	(void)n;
	if (s->host == NULL || host_send(s->host, frame, BATCH_BYTES_MAX) != 0)
		s->tally.dropped_before++;
	else
		s->tally.sent++;
}

/* What came in one turn of the loop goes out together, before the loop waits again. */
static void on_flush(uv_prepare_t *prepare)
{
	struct fleet *f = prepare->data;

	recorder_tick(f->recorder, clock_wall_us());
	hub_flush(f->setup.hub);
}

static void on_heartbeat(uv_timer_t *timer)
{
	struct fleet *f = timer->data;
	int64_t now_us = clock_mono_us();

	hub_heartbeat(f->setup.hub, clock_wall_us(), now_us - f->beaten_us);
	f->beaten_us = now_us;
}

/* ---- all ---- */

struct slot *fleet_add(struct fleet *f)
{
	struct slot **slots = realloc(f->slots, (f->n_slots + 1) * sizeof(struct slot *));
	struct slot *s = calloc(1, sizeof *s);

	if (slots != NULL)
		f->slots = slots;
	if (slots == NULL || s == NULL) {
		free(s);
		return NULL;
	}
	s->fleet = f;
	s->owner = f->n_slots;
	(void)uv_timer_init(f->loop, &s->timer);
	s->timer.data = s;
	slots[f->n_slots++] = s;
	return s;
}

static int add_live(struct slot *s, const struct conf_exporter *conf)
{
	struct hub *h = s->fleet->setup.hub;

	if (conf != NULL) {
		s->wants = calloc(h->n_analyzers + 1, sizeof *s->wants);
		if (s->wants == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < conf->n_analyzers; i++)
			s->wants[conf->analyzers[i] - h->config->analyzers] = true;
	}
	s->sink = h->n_sinks;
	return hub_add_sink(h, s->wants, on_batch, s);
}

static int add_durable(struct slot *s, const struct conf_exporter *conf)
{
	const struct durable_conf durable = { .exporter = conf,
					      .clerk = s->fleet->clerk,
					      .log = s->fleet->log,
					      .send = on_durable_send,
					      .arg = s };

	s->durable = durable_new(s->fleet->loop, &durable);
	return s->durable ? 0 : -ENOMEM;
}

/* `conf` NULL: the stream. */
static int add_exporter(struct fleet *f, const struct plugin *p, const struct conf_exporter *conf)
{
	struct slot *s = fleet_add(f);

	if (s == NULL)
		return -ENOMEM;
	s->exporter = p;
	s->conf = conf;
	return conf == NULL || (p->caps & TESLA_LIVE) ? add_live(s, conf) : add_durable(s, conf);
}

int fleet_init(struct fleet *f, uv_loop_t *loop, const struct fleet_conf *conf)
{
	const struct config *c = conf->setup.hub->config;
	const struct plugins *p = conf->setup.plugins;
	int r = 0;

	*f = (struct fleet){ .loop = loop,
			     .host_program = conf->places->host,
			     .stream = conf->stream,
			     .setup = conf->setup,
			     .clerk = conf->clerk,
			     .recorder = conf->recorder,
			     .log = conf->setup.hub->log,
			     .beaten_us = clock_mono_us() };
	(void)uv_timer_init(loop, &f->heartbeat);
	(void)uv_prepare_init(loop, &f->flush);
	f->heartbeat.data = f->flush.data = f;
	clerk_on_change(f->clerk, on_journal, f);
	for (size_t i = 0; r == 0 && i < conf->n_owners; i++)
		r = fleet_add(f) ? 0 : -ENOMEM;
	if (r == 0 && p->stream != NULL)
		r = add_exporter(f, p->stream, NULL);
	for (size_t i = 0; r == 0 && i < c->n_exporters; i++)
		if (p->exporters[i] != NULL)
			r = add_exporter(f, p->exporters[i], &c->exporters[i]);
	return r;
}

/* Without its plugin it stays down, and its records wait. */
static void exporter_start(struct slot *s)
{
	if (s->exporter->error == NULL)
		slot_start(s);
	else
		text_set(&s->reason, s->exporter->error);
}

void fleet_start(struct fleet *f, bool lines)
{
	(void)uv_prepare_start(&f->flush, on_flush);
	(void)uv_timer_start(&f->heartbeat, on_heartbeat, 1000, 1000);
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->exporter != NULL)
			exporter_start(f->slots[i]);
	for (size_t i = 0; i < f->n_slots; i++) {
		if (f->slots[i]->exporter != NULL)
			continue;
		if (lines)
			slot_start(f->slots[i]);
		else
			lines_down(f->slots[i], "not started: auto_start is no");
	}
}

struct slot *fleet_durable(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->durable != NULL && strcmp(f->slots[i]->conf->id, id) == 0)
			return f->slots[i];
	return NULL;
}

void fleet_drain(struct slot *s)
{
	if (s->state == SLOT_WAITING)
		(void)uv_timer_start(&s->timer, on_timer, 0, 0);
	durable_drain(s->durable);
}

void fleet_stop(struct fleet *f, void (*stopped)(void *arg), void *arg)
{
	if (f->stopping)
		return;
	f->stopping = true;
	f->stopped = stopped;
	f->arg = arg;
	hub_flush(f->setup.hub);
	for (size_t i = 0; i < f->n_slots; i++) {
		(void)uv_timer_stop(&f->slots[i]->timer);
		if (f->slots[i]->durable != NULL)
			durable_stop(f->slots[i]->durable);
		if (f->slots[i]->host != NULL)
			host_stop(f->slots[i]->host);
	}
	fleet_stopped(f);
}

void fleet_release(struct fleet *f)
{
	for (size_t i = 0; i < f->n_slots; i++) {
		durable_free(f->slots[i]->durable);
		free(f->slots[i]->reason);
		free(f->slots[i]->failure);
		free(f->slots[i]->wants);
		free(f->slots[i]);
	}
	free(f->slots);
	ledger_release(&f->ledger);
}
