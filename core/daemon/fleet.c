/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All hosts: started, started again, told, listened to and stopped.  Exporters are
 * fleet_exporters.c's, a change of configuration fleet_change.c's, quarantine quarantine.c's.
 */
#include "daemon/fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/fleet_parts.h"
#include "daemon/intake.h"
#include "daemon/quarantine.h"

#define SETUP_BYTES_MAX HOST_QUEUE_MAX
#define LOG_LINES 50u /* of one host */
#define LOG_PERIOD_US (10 * 1000000LL)
#define NICE 10 /* of who takes records: reading meters goes first */

static const struct host_calls calls;

const char *slot_state_name(enum slot_state s)
{
	static const char *const names[] = { "stopped", "starting", "running", "waiting" };

	return names[s];
}

const char *slot_name(const struct slot *s)
{
	if (s->exporter == NULL)
		return s->quarantine ? "host of lines (quarantine)" : "host of lines";
	return s->conf ? s->conf->id : "host of the stream";
}

static const struct setup *setup_of(const struct slot *s)
{
	return s->fresh ? &s->fleet->next.setup : &s->fleet->setup;
}

/* ---- what it has, as states ---- */

static void lines_down(struct slot *s, const char *reason)
{
	const struct fleet *f = s->fleet;
	struct hub *h = f->setup.hub;

	for (size_t i = 0; i < h->n_lines; i++) {
		if (h->lines[i].owner != s->owner)
			continue;
		hub_set_line_state(h, &h->lines[i], HUB_LINE_DOWN, reason);
		if (f->line_down != NULL)
			f->line_down(f->frames_arg, h->lines[i].conf->id, reason);
	}
	for (size_t i = 0; i < h->n_analyzers; i++) {
		if (h->analyzers[i].owner != s->owner)
			continue;
		h->analyzers[i].told = 0;
		hub_set_state(h, &h->analyzers[i], HUB_DOWN, reason, LOG_LEVEL_DEBUG);
	}
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

static void on_timer(uv_timer_t *timer)
{
	struct slot *s = timer->data;

	s->restarts++;
	slot_start(s);
}

void slot_wait(struct slot *s, int64_t up_us)
{
	s->state = SLOT_WAITING;
	(void)uv_timer_start(&s->timer, on_timer, (uint64_t)restart_delay_ms(&s->restart, up_us),
			     0);
}

static bool is_parting(const struct told_entry *e)
{
	return e->leaving || e->to_leave;
}

/* Is another line there, or was it, and has its host not let go of the place yet? */
static bool is_at(const struct told_entry *e, const char *endpoint)
{
	if (e->line == 0)
		return false;
	return (e->endpoint != NULL && strcmp(e->endpoint, endpoint) == 0) ||
	       (e->was_endpoint != NULL && strcmp(e->was_endpoint, endpoint) == 0);
}

/* Another host has not let go of it yet, or of what is at the same place. */
static bool is_blocked(void *arg, size_t owner, const struct hub_line *l)
{
	const struct fleet *f = arg;

	for (size_t i = 0; i < f->n_slots; i++) {
		const struct slot *s = f->slots[i];

		if (s->owner == owner && s->fresh)
			return true;
		for (size_t k = 0; k < s->told.n; k++)
			if (s->told.list[k].line == l->conf->id
				    ? s->owner != owner && is_parting(&s->told.list[k])
				    : is_at(&s->told.list[k], l->conf->name))
				return true;
	}
	return false;
}

static void slot_confine(struct slot *s)
{
	const struct fleet *f = s->fleet;

	confinement_release(&s->confinement);
	if (s->exporter != NULL)
		confinement_of_exporter(&f->setup, s->exporter, s->conf, f->stream,
					&s->confinement);
	else
		confinement_of_lines(setup_of(s), s->owner, &s->confinement);
}

static int slot_setup(struct slot *s, struct buf *out)
{
	struct fleet *f = s->fleet;

	if (s->exporter != NULL)
		return setup_exporter(&f->setup, s->exporter, s->conf, f->stream, out);
	return setup_lines(setup_of(s), s->owner, &s->told, is_blocked, f, out);
}

static int slot_leave_lines(struct slot *s, struct buf *out)
{
	return setup_leave(&s->fleet->setup, s->owner, &s->told, out);
}

/* What it is told is queued; nothing is told twice. */
static void slot_tell(struct slot *s, int (*make)(struct slot *s, struct buf *out))
{
	struct buf out;

	buf_init(&out, SETUP_BYTES_MAX);
	if (make(s, &out) != 0 ||
	    (out.pub.len > 0 && host_send(s->host, &out, SETUP_BYTES_MAX) != 0))
		host_kill(s->host, "what it is to be told is too long");
	buf_release(&out);
}

void slot_start(struct slot *s)
{
	struct tesla_error err = { .code = 0 };

	s->again = false;
	if (s->exporter != NULL && s->exporter->error != NULL) {
		text_set(&s->reason, s->exporter->error);
		return;
	}
	s->host = host_start(s->fleet->loop, s->fleet->host_program,
			     s->exporter ? "--exporter" : "--driver", &calls, s, &err);
	if (s->host != NULL) {
		s->state = SLOT_STARTING;
		slot_confine(s);
		if (s->durable != NULL)
			(void)setpriority(PRIO_PROCESS, (id_t)host_pid(s->host), NICE);
		slot_tell(s, slot_setup);
	} else if (s->fresh) {
		fleet_fresh(s, err.text);
	} else {
		log_msg(s->fleet->log, LOG_LEVEL_ERROR, "%s: %s", slot_name(s), err.text);
		text_set(&s->reason, err.text);
		slot_wait(s, 0);
	}
}

static bool has_lines(const struct slot *s)
{
	const struct hub *h = s->fleet->setup.hub;

	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].owner == s->owner)
			return true;
	return false;
}

/* It has nothing left to do: all lines went to other hosts, or are no more. */
static bool is_idle(const struct slot *s)
{
	if (s->exporter != NULL || s->fresh || has_lines(s))
		return false;
	for (size_t i = 0; i < s->told.n; i++)
		if (s->told.list[i].line != 0)
			return false;
	return true;
}

/* What the host says of an analyzer is of what it is now, once it has it so. */
static void hear(struct slot *s)
{
	const struct hub *h = s->fleet->setup.hub;

	for (size_t i = 0; i < h->n_analyzers; i++) {
		struct hub_analyzer *a = &h->analyzers[i];

		if (a->owner == s->owner && told_has(&s->told, a->line->conf->id, a->told))
			a->hushed = false;
	}
}

void slot_update(struct slot *s)
{
	if (s->exporter != NULL || s->gone || s->fresh)
		return;
	if (is_idle(s)) {
		slot_leave(s);
		return;
	}
	if (s->host == NULL)
		return;
	slot_tell(s, slot_leave_lines);
	slot_tell(s, slot_setup);
	hear(s);
	if (s->state == SLOT_RUNNING)
		lines_up(s);
}

/* What has to leave is known of all before somebody else is told of it. */
void fleet_update(struct fleet *f)
{
	for (size_t i = 0; i < f->n_slots; i++) {
		struct slot *s = f->slots[i];

		if (s->exporter == NULL && !s->gone && !s->fresh && s->host != NULL)
			slot_tell(s, slot_leave_lines);
	}
	for (size_t i = f->n_slots; i-- > 0;)
		slot_update(f->slots[i]);
}

/* ---- ending ---- */

static void slot_free(struct slot *s)
{
	durable_free(s->durable);
	told_release(&s->told);
	confinement_release(&s->confinement);
	attic_leave(s);
	free(s->key);
	free(s->reason);
	free(s->failure);
	free(s->wants);
	free(s);
}

static void on_slot_closed(uv_handle_t *timer)
{
	slot_free(timer->data);
}

static void slot_remove(struct slot *s)
{
	struct fleet *f = s->fleet;
	size_t i = 0;

	while (f->slots[i] != s)
		i++;
	memmove(&f->slots[i], &f->slots[i + 1], (--f->n_slots - i) * sizeof(struct slot *));
	if (s->durable != NULL)
		durable_end(s->durable);
	s->durable = NULL;
	if (s->conf != NULL)
		exporter_follow(f, s->conf->id);
	uv_close((uv_handle_t *)&s->timer, on_slot_closed);
}

void slot_leave(struct slot *s)
{
	s->gone = true;
	s->fleet->moves++; /* a change that counted on it is to be prepared anew */
	(void)uv_timer_stop(&s->timer);
	if (s->host != NULL)
		host_stop(s->host);
	else
		slot_remove(s);
}

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

/* A host of lines: what it had is down, and free for others. */
static struct slot *lines_ended(struct slot *s, const struct host_end *end, bool *empty)
{
	struct slot *new = NULL;

	told_release(&s->told);
	lines_down(s, end->reason);
	if (s->fleet->answer != NULL)
		s->fleet->answer(s->fleet->answer_arg, s->owner, -1, end->reason, NULL);
	if (end->blamed && !s->gone)
		new = quarantine_blame(s, &end->blame, end->reason, empty);
	return new;
}

static void say_ended(struct slot *s, const struct host_end *end)
{
	bool expected = s->refused || s->again || s->gone;

	log_msg(s->fleet->log, expected ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
		"%s %zu ended after %.1f s: %s", slot_name(s), s->owner, (double)end->up_us / 1e6,
		end->reason);
	s->refused = false;
	text_set(&s->reason, end->reason);
}

/* What comes of a slot whose host is gone. */
static void slot_go_on(struct slot *s, int64_t up_us)
{
	if (s->gone)
		slot_remove(s);
	else if (s->again)
		slot_start(s);
	else
		slot_wait(s, up_us);
}

static void on_ended(void *arg, const struct host_end *end)
{
	struct slot *s = arg, *new = NULL;
	struct fleet *f = s->fleet;
	bool empty = false;

	s->host = NULL;
	s->state = SLOT_STOPPED;
	tally_host_ended(&s->tally);
	if (s->durable != NULL)
		durable_down(s->durable, end->blamed);
	if (f->stopping) {
		fleet_stopped(f);
		return;
	}
	say_ended(s, end);
	if (s->fresh) {
		fleet_fresh(s, end->reason);
		return;
	}
	if (s->exporter == NULL)
		new = lines_ended(s, end, &empty);
	if (!empty)
		slot_go_on(s, end->up_us);
	if (new != NULL)
		slot_wait(new, 0);
	fleet_update(f);
}

/* ---- messages ---- */

/* So that one host does not fill the log: LOG_LINES in LOG_PERIOD_US. */
static void slot_log(struct slot *s, int64_t level, const char *origin, const char *text)
{
	int64_t now_us = clock_mono_us();

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
		log_msg(s->fleet->log, (int)level, "%s %zu%s: %s", slot_name(s), s->owner, origin,
			text);
}

static void on_log(struct slot *s, const msgpack_object *msg)
{
	_cleanup_free_ char *text = mp_strdup(msg, "text");

	slot_log(s, mp_int(msg, "level", LOG_LEVEL_INFO), "", text);
}

static void on_said(void *arg, const char *line)
{
	slot_log(arg, LOG_LEVEL_WARNING, " (standard error)", line);
}

/* Said once for all hosts; `status` has it for each. */
static void confined_check(struct slot *s)
{
	struct fleet *f = s->fleet;
	const char *lacks;

	if (!host_confined(s->host, &lacks) || lacks == NULL ||
	    (f->lacks != NULL && strcmp(f->lacks, lacks) == 0))
		return;
	log_msg(f->log, LOG_LEVEL_WARNING, "hosts are not confined in all: %s", lacks);
	text_set(&f->lacks, lacks);
}

static void on_ready(struct slot *s)
{
	s->state = SLOT_RUNNING;
	if (s->failure != NULL)
		log_msg(s->fleet->log, LOG_LEVEL_INFO, "exporter %s could begin", slot_name(s));
	text_set(&s->failure, NULL);
	if (s->fresh)
		fleet_fresh(s, NULL);
	else if (s->exporter == NULL)
		lines_up(s);
	if (s->durable != NULL)
		durable_up(s->durable);
}

static void on_plan(struct slot *s, const msgpack_object *msg)
{
	int64_t line = mp_int(msg, "line", 0), version = mp_int(msg, "i", 0);
	struct told_entry *e = told_line(&s->told, line);

	if (e == NULL || e->leaving || version < 0 || (uint64_t)version != e->number ||
	    e->confirmed == e->number)
		return;
	if (told_confirm(e))
		fleet_update(s->fleet); /* others wait for the place where it was */
	else
		slot_update(s);
}

static int on_gone(struct slot *s, const msgpack_object *msg, struct tesla_error *err)
{
	int64_t line = mp_int(msg, "line", 0);
	const struct told_entry *e = told_line(&s->told, line);

	if (e == NULL || !e->leaving)
		return tesla_fail(err, -EPROTO, "it let go of a line that it was to keep");
	told_drop(&s->told, line);
	fleet_update(s->fleet);
	return 0;
}

/* To hold or release an analyzer: what was refused is told again, with the next heartbeat. */
static void on_turn(struct slot *s, int64_t analyzer, const char *error)
{
	_cleanup_free_ char *key = NULL;

	if (s->told.turns > 0)
		s->told.turns--;
	if (error == NULL) {
		slot_update(s);
		return;
	}
	if (asprintf(&key, TOLD_TURN, analyzer) < 0)
		key = NULL;
	if (key != NULL)
		told_forget(&s->told, key);
	s->told.refused = true;
}

static void on_answer(struct slot *s, const msgpack_object *msg)
{
	_cleanup_free_ char *error = mp_strdup(msg, "error");
	const struct fleet *f = s->fleet;
	int64_t i = mp_int(msg, "i", 0);

	if (i < 0)
		on_turn(s, -i, error);
	else if (f->answer != NULL)
		f->answer(f->answer_arg, s->owner, i, error, msg);
}

static bool is_frames(const msgpack_object *msg)
{
	const msgpack_object *p = msg->via.array.ptr;

	return msg->type == MSGPACK_OBJECT_ARRAY && msg->via.array.size > 0 &&
	       p->type == MSGPACK_OBJECT_STR && p->via.str.size == 1 && *p->via.str.ptr == 'f';
}

static int on_lines(struct slot *s, const msgpack_object *msg, struct tesla_error *err)
{
	const struct intake_from from = { s->owner, !told_all_settled(&s->told) };
	const struct fleet *f = s->fleet;
	int r;

	if (s->fresh && mp_is(msg, "m", "failed"))
		fleet_refused(s, msg);
	if (s->fresh)
		return 0; /* all that it can say now is that it is ready, or refused */
	if (mp_is(msg, "m", "gone"))
		return on_gone(s, msg, err);
	if (mp_is(msg, "m", "plan"))
		on_plan(s, msg);
	if (mp_is(msg, "m", "answer")) {
		on_answer(s, msg);
		return 0;
	}
	if (is_frames(msg))
		return f->frames != NULL ? f->frames(f->frames_arg, &s->told, msg, err) : 0;
	r = intake(f->setup.hub, &from, msg, err);
	return r == 1 ? tesla_fail(err, -EPROTO, "a message at the wrong time") : r;
}

static int on_message(void *arg, const msgpack_object *msg, struct tesla_error *err)
{
	struct slot *s = arg;

	if (mp_is(msg, "m", "ready"))
		confined_check(s);
	if (mp_is(msg, "m", "log")) {
		on_log(s, msg);
		return 0;
	}
	if (mp_is(msg, "m", "ready")) {
		on_ready(s);
		return 0;
	}
	return s->exporter != NULL ? exporter_message(s, msg, err) : on_lines(s, msg, err);
}

static const struct host_calls calls = { .message = on_message,
					 .said = on_said,
					 .ended = on_ended };

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
	for (size_t i = f->n_slots; i-- > 0;) {
		struct slot *s = f->slots[i];

		if (s->told.refused) {
			s->told.refused = false;
			slot_update(s);
		}
	}
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
	s->owner = f->next_owner++;
	(void)uv_timer_init(f->loop, &s->timer);
	s->timer.data = s;
	slots[f->n_slots++] = s;
	return s;
}

static int add_lines(struct fleet *f, size_t n_owners)
{
	const struct hub *h = f->setup.hub;

	for (size_t i = 0; i < n_owners; i++)
		if (fleet_add(f) == NULL)
			return -ENOMEM;
	for (size_t i = 0; i < h->n_lines; i++) {
		struct slot *s = fleet_slot(f, h->lines[i].owner);

		if (s == NULL || s->key != NULL)
			continue;
		s->network = h->lines[i].conf->kind != TESLA_LINE_SERIAL;
		s->key = place_key(h, f->setup.plugins, h->lines[i].conf);
		if (s->key == NULL)
			return -ENOMEM;
	}
	return 0;
}

int fleet_init(struct fleet *f, uv_loop_t *loop, const struct fleet_conf *conf)
{
	const struct config *c = conf->setup.hub->config;
	const struct plugins *p = conf->setup.plugins;
	int r;

	*f = (struct fleet){ .loop = loop,
			     .host_program = conf->places->host,
			     .stream = conf->stream,
			     .setup = conf->setup,
			     .clerk = conf->clerk,
			     .recorder = conf->recorder,
			     .log = conf->setup.hub->log,
			     .looking = SIZE_MAX,
			     .beaten_us = clock_mono_us() };
	(void)uv_timer_init(loop, &f->heartbeat);
	(void)uv_prepare_init(loop, &f->flush);
	f->heartbeat.data = f->flush.data = f;
	clerk_on_change(f->clerk, fleet_on_journal, f);
	r = add_lines(f, conf->n_owners);
	if (r == 0 && p->stream != NULL)
		r = fleet_add_exporter(f, p->stream, NULL);
	for (size_t i = 0; r == 0 && i < c->n_exporters; i++)
		if (p->exporters[i] != NULL)
			r = fleet_add_exporter(f, p->exporters[i], &c->exporters[i]);
	return r;
}

void fleet_start(struct fleet *f)
{
	(void)uv_prepare_start(&f->flush, on_flush);
	(void)uv_timer_start(&f->heartbeat, on_heartbeat, 1000, 1000);
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->exporter != NULL)
			slot_start(f->slots[i]);
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->exporter == NULL)
			slot_start(f->slots[i]);
}

void fleet_tell(struct fleet *f)
{
	fleet_update(f);
}

void fleet_set_level(struct fleet *f, int level)
{
	f->setup.log_level = level;
	fleet_update(f);
}

void fleet_set_ini(struct fleet *f, const struct ini *ini)
{
	f->setup.ini = ini;
	f->stream = ini->stream;
	fleet_set_level(f, ini->log_level);
}

int fleet_ask(struct fleet *f, const struct hub_analyzer *a, const struct setup_ask *ask)
{
	struct slot *s = fleet_slot(f, a->owner);
	struct buf out;
	int r;

	/* One that is starting comes to it after all that it was told. */
	if (s == NULL || s->host == NULL || (s->state != SLOT_RUNNING && s->state != SLOT_STARTING))
		return -ENOTCONN;
	buf_init(&out, 4096);
	r = setup_ask(ask, &out);
	if (r == 0)
		r = host_send(s->host, &out, HOST_QUEUE_MAX);
	buf_release(&out);
	return r;
}

struct slot *fleet_slot(const struct fleet *f, size_t owner)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->owner == owner)
			return f->slots[i];
	return NULL;
}

struct slot *fleet_durable(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->durable != NULL && !f->slots[i]->gone &&
		    strcmp(f->slots[i]->conf->id, id) == 0)
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
	for (size_t i = 0; i < f->n_slots; i++)
		slot_free(f->slots[i]);
	free(f->slots);
	free(f->lacks);
	ledger_release(&f->ledger);
}
