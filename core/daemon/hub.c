/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the core knows of its lines and analyzers, and the batches for those who take sweeps live.
 */
#include "daemon/hub.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define ITEMS_FLUSH \
	(FRAME_MAX / 2) /* one more item of any size that a model allows fits behind it */
#define FORBIDDEN_MAX 4096u

static const char *const states[HUB_N_STATES] = { "down", "connecting", "online", "offline",
						  "failed" };
static const char *const line_states[HUB_LINE_N_STATES] = { "down", "closed", "open", "failed" };
static const char *const verified[HUB_N_VERIFIED] = { "no", "yes", "other", "changed" };

const char *hub_state_name(enum hub_state s)
{
	return states[s];
}

const char *hub_run_name(enum hub_run r)
{
	static const char *const names[] = { "started", "paused", "stopped" };

	return names[r];
}

const char *hub_line_state_name(enum hub_line_state s)
{
	return line_states[s];
}

const char *hub_verified_name(enum hub_verified v)
{
	return verified[v];
}

const char *hub_line_kind_name(enum tesla_line_kind kind)
{
	static const char *const kinds[] = { "", "serial", "tcp", "rtu-over-tcp" };

	return kinds[kind];
}

void text_set(char **at, const char *text)
{
	if (*at != NULL && text != NULL && strcmp(*at, text) == 0)
		return;
	free(*at);
	*at = text ? strdup(text) : NULL;
}

/* ---- making and ending ---- */

static int last_init(struct hub_last *last, const struct conf_variable *v)
{
	last->n_elements = v->variable->n_elements;
	last->elements = calloc(last->n_elements ? last->n_elements : 1, sizeof *last->elements);
	if (last->elements == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < last->n_elements; i++)
		last->elements[i] = (struct tesla_element){ .value = NAN, .quality = TESLA_STALE };
	return 0;
}

static int exponents_init(struct hub_analyzer *a)
{
	size_t n = a->conf->model->pub.n_scales;

	a->exponents = calloc(n + 1, sizeof *a->exponents);
	if (a->exponents == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		a->exponents[i] = INT16_MIN;
	return 0;
}

static int analyzer_init(struct hub *h, struct hub_analyzer *a, const struct conf_analyzer *conf)
{
	a->conf = conf;
	a->line = &h->lines[conf->on - h->config->lines];
	a->owner = HUB_NOBODY;
	a->first_variable = h->n_variables;
	h->n_variables += conf->n_variables;
	a->plan.measured_us = -1;
	a->last = calloc(conf->n_variables ? conf->n_variables : 1, sizeof *a->last);
	for (size_t i = 0; a->last != NULL && i < conf->n_variables; i++)
		if (last_init(&a->last[i], &conf->variables[i]) != 0)
			return -ENOMEM;
	a->said = calloc(model_n_texts(a->conf->model) + 1, sizeof(char *));
	return a->last && a->said ? exponents_init(a) : -ENOMEM;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = (*(struct hub_analyzer *const *)a)->conf->id;
	int64_t y = (*(struct hub_analyzer *const *)b)->conf->id;

	return (x > y) - (x < y);
}

static int hub_fill(struct hub *h)
{
	for (size_t i = 0; i < h->n_lines; i++)
		h->lines[i] =
			(struct hub_line){ .conf = &h->config->lines[i], .owner = HUB_NOBODY };
	for (size_t i = 0; i < h->n_analyzers; i++) {
		if (analyzer_init(h, &h->analyzers[i], &h->config->analyzers[i]) != 0)
			return -ENOMEM;
		h->by_id[i] = &h->analyzers[i];
	}
	qsort(h->by_id, h->n_analyzers, sizeof *h->by_id, by_id);
	return 0;
}

struct hub *hub_new(const struct config *config, const struct log *log, int64_t epoch_ms)
{
	struct hub *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	*h = (struct hub){ .config = config,
			   .log = log,
			   .epoch_ms = epoch_ms,
			   .n_analyzers = config->n_analyzers,
			   .n_lines = config->n_lines };
	buf_init(&h->item, FRAME_MAX - 64); /* with the head of a batch still a frame */
	buf_init(&h->frame, 2 * FRAME_MAX);
	h->analyzers = calloc(h->n_analyzers + 1, sizeof *h->analyzers);
	h->by_id = calloc(h->n_analyzers + 1, sizeof *h->by_id);
	h->lines = calloc(h->n_lines + 1, sizeof *h->lines);
	if (h->analyzers == NULL || h->by_id == NULL || h->lines == NULL || hub_fill(h) != 0) {
		hub_free(h);
		return NULL;
	}
	return h;
}

void hub_plan_release(struct hub_plan *p)
{
	for (size_t i = 0; i < p->n_steps; i++)
		free(p->steps[i].command);
	free(p->steps);
	*p = (struct hub_plan){ .measured_us = -1 };
}

static void analyzer_release(struct hub_analyzer *a)
{
	for (size_t i = 0; a->last != NULL && i < a->conf->n_variables; i++) {
		free(a->last[i].elements);
		free(a->last[i].error);
	}
	free(a->last);
	free(a->reason);
	free(a->identity);
	free(a->note);
	free(a->error);
	free(a->exponents);
	for (size_t i = 0; a->said != NULL && i < model_n_texts(a->conf->model); i++)
		free(a->said[i]);
	free(a->said);
	hub_plan_release(&a->plan);
}

void hub_free(struct hub *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; h->analyzers != NULL && i < h->n_analyzers; i++)
		analyzer_release(&h->analyzers[i]);
	for (size_t i = 0; h->lines != NULL && i < h->n_lines; i++)
		free(h->lines[i].reason);
	for (size_t i = 0; i < h->n_sinks; i++)
		buf_release(&h->sinks[i].items);
	for (size_t i = 0; i < h->n_ghosts; i++)
		free(h->ghosts[i].variable);
	free(h->ghosts);
	free(h->analyzers);
	free(h->by_id);
	free(h->lines);
	free(h->forbidden);
	free(h->sinks);
	buf_release(&h->item);
	buf_release(&h->frame);
	free(h);
}

struct hub_analyzer *hub_analyzer(const struct hub *h, int64_t id)
{
	const struct conf_analyzer conf = { .id = id };
	struct hub_analyzer key = { .conf = &conf }, *at = &key;
	struct hub_analyzer **found =
		bsearch(&at, h->by_id, h->n_analyzers, sizeof *h->by_id, by_id);

	return found ? *found : NULL;
}

struct hub_line *hub_line(const struct hub *h, int64_t id)
{
	for (size_t i = 0; i < h->n_lines; i++)
		if (h->lines[i].conf->id == id)
			return &h->lines[i];
	return NULL;
}

int hub_add_sink(struct hub *h, const bool *wants, void (*send)(void *, const struct buf *, size_t),
		 void *arg)
{
	struct hub_sink *sinks = realloc(h->sinks, (h->n_sinks + 1) * sizeof *sinks);

	if (sinks == NULL)
		return -ENOMEM;
	h->sinks = sinks;
	sinks[h->n_sinks] = (struct hub_sink){ .wants = wants, .send = send, .arg = arg };
	buf_init(&sinks[h->n_sinks++].items, 2 * FRAME_MAX);
	return 0;
}

/* ---- items and batches ---- */

static void sink_flush(struct hub *h, struct hub_sink *s)
{
	struct frame f;

	if (s->n_items == 0)
		return;
	frame_begin(&f, &h->frame);
	(void)msgpack_pack_array(&f.pk, s->n_items + 1);
	mp_str(&f.pk, "b");
	(void)buf_append(&h->frame, s->items.pub.bytes, s->items.pub.len);
	if (frame_end(&f) == 0)
		s->send(s->arg, &h->frame, s->n_items);
	else
		s->dropped += s->n_items;
	buf_clear(&h->frame);
	buf_clear(&s->items);
	s->n_items = 0;
}

void hub_flush(struct hub *h)
{
	for (size_t i = 0; i < h->n_sinks; i++)
		sink_flush(h, &h->sinks[i]);
}

static void sink_add(struct hub *h, struct hub_sink *s)
{
	if (s->items.pub.len + h->item.pub.len > ITEMS_FLUSH)
		sink_flush(h, s);
	if (!h->item.failed && buf_append(&s->items, h->item.pub.bytes, h->item.pub.len) == 0)
		s->n_items++;
	else
		s->dropped++;
}

/* The item in h->item goes to everyone who wants it; `a` NULL: it is of the node. */
static void item_done(struct hub *h, const struct hub_analyzer *a)
{
	for (size_t i = 0; i < h->n_sinks; i++) {
		struct hub_sink *s = &h->sinks[i];

		if (a == NULL || s->wants == NULL || s->wants[a - h->analyzers])
			sink_add(h, s);
	}
	buf_clear(&h->item);
}

struct item {
	enum tesla_item_kind kind;
	int64_t analyzer, t_us, dt_us;
	uint64_t n, k;
};

/* All of it but the readings. */
static void item_begin(struct hub *h, msgpack_packer *pk, const struct item *it,
		       const char *const text[3])
{
	mp_writer(pk, &h->item);
	(void)msgpack_pack_array(pk, 10);
	(void)msgpack_pack_int(pk, it->kind);
	(void)msgpack_pack_int64(pk, it->analyzer);
	(void)msgpack_pack_int64(pk, it->t_us);
	(void)msgpack_pack_int64(pk, it->dt_us);
	(void)msgpack_pack_uint64(pk, it->n);
	(void)msgpack_pack_uint64(pk, it->k);
	for (int i = 0; i < 3; i++) /* error, state, reason */
		mp_str(pk, text[i]);
}

void hub_pack_values(msgpack_packer *pk, const struct hub_last *last)
{
	(void)msgpack_pack_array(pk, last->n_elements);
	for (size_t i = 0; i < last->n_elements; i++) {
		double value = last->elements[i].value;

		(void)(isnan(value) ? msgpack_pack_nil(pk) : msgpack_pack_double(pk, value));
	}
}

static void pack_qualities(msgpack_packer *pk, const struct hub_last *last)
{
	bool all_good = true;

	for (size_t i = 0; i < last->n_elements; i++)
		all_good = all_good && last->elements[i].quality == TESLA_GOOD;
	if (all_good) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	(void)msgpack_pack_array(pk, last->n_elements);
	for (size_t i = 0; i < last->n_elements; i++)
		(void)msgpack_pack_int(pk, last->elements[i].quality);
}

/* The sweep's error concerns only what it left without a value. */
static bool has_error(const struct hub_last *last)
{
	for (size_t i = 0; i < last->n_elements; i++)
		if (last->elements[i].quality == TESLA_ERROR)
			return true;
	return false;
}

void hub_publish(struct hub *h, struct hub_analyzer *a, const size_t *which, size_t n,
		 const char *error, int64_t t_us, int64_t dt_us)
{
	const struct item it = { TESLA_SWEEP, a->conf->id, t_us, dt_us, a->n, 0 };
	const char *const text[3] = { error, NULL, NULL };
	msgpack_packer pk;

	item_begin(h, &pk, &it, text);
	(void)msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++) {
		struct hub_last *last = &a->last[which[i]];

		bool own_time = last->t_us != t_us || last->dt_us != dt_us;

		last->n = a->n;
		last->k++;
		text_set(&last->error, has_error(last) ? error : NULL);
		(void)msgpack_pack_array(&pk, own_time ? 6 : 4);
		(void)msgpack_pack_uint64(&pk, a->first_variable + which[i]);
		(void)msgpack_pack_uint64(&pk, last->k);
		hub_pack_values(&pk, last);
		pack_qualities(&pk, last);
		if (own_time) {
			(void)msgpack_pack_int64(&pk, last->t_us);
			(void)msgpack_pack_int64(&pk, last->dt_us);
		}
	}
	item_done(h, a);
	if (h->on_readings != NULL)
		h->on_readings(h->on_readings_arg, a, which, n);
}

void hub_record(struct hub *h, struct hub_analyzer *a, int64_t end_ms, const struct buf *bytes)
{
	const struct item it = { TESLA_RECORD, a->conf->id, end_ms * 1000, 0, a->n, ++a->record_k };
	const char *const text[3] = { NULL, NULL, NULL };
	msgpack_packer pk;

	item_begin(h, &pk, &it, text);
	(void)buf_append(&h->item, bytes->pub.bytes, bytes->pub.len);
	item_done(h, a);
}

static void publish_status(struct hub *h, struct hub_analyzer *a, const char *reason)
{
	const struct item it = { TESLA_STATUS_CHANGE, a->conf->id, clock_wall_us(), 0, a->n,
				 ++a->status_k };
	const char *const text[3] = { NULL, hub_state_name(a->state), reason };
	msgpack_packer pk;

	item_begin(h, &pk, &it, text);
	(void)msgpack_pack_array(&pk, 0);
	item_done(h, a);
}

void hub_heartbeat(struct hub *h, int64_t wall_us, int64_t elapsed_us)
{
	const struct item it = { TESLA_HEARTBEAT, 0, wall_us, 0, 0, ++h->heartbeats };
	const char *const text[3] = { NULL, NULL, NULL };
	msgpack_packer pk;

	item_begin(h, &pk, &it, text);
	(void)msgpack_pack_array(&pk, 0);
	item_done(h, NULL);
	for (size_t i = 0; elapsed_us > 0 && i < h->n_lines; i++) {
		struct hub_line *l = &h->lines[i];

		l->busy += 0.1 * ((double)l->busy_us / (double)elapsed_us - l->busy);
		l->busy_us = 0;
	}
}

/* ---- states ---- */

void hub_set_state(struct hub *h, struct hub_analyzer *a, enum hub_state state, const char *reason,
		   int level)
{
	bool changed = state != a->state || (reason != NULL) != (a->reason != NULL);

	a->state = state;
	text_set(&a->reason, reason);
	if (!changed)
		return;
	log_msg(h->log, level, "analyzer %" PRId64 " on %s is %s%s%s", a->conf->id,
		a->conf->on->name, hub_state_name(state), reason ? ": " : "", reason ? reason : "");
	publish_status(h, a, reason);
}

void hub_set_run(struct hub *h, struct hub_analyzer *a, enum hub_run run)
{
	a->run = run;
	a->asked_n = 0;
	log_msg(h->log, LOG_LEVEL_INFO, "analyzer %" PRId64 " on %s is %s", a->conf->id,
		a->conf->on->name, hub_run_name(run));
	publish_status(h, a, run == HUB_STARTED ? NULL : hub_run_name(run));
}

void hub_note(struct hub *h, struct hub_analyzer *a, const char *note)
{
	if (note != NULL && (a->note == NULL || strcmp(note, a->note) != 0)) {
		log_msg(h->log, LOG_LEVEL_WARNING, "analyzer %" PRId64 " on %s: %s", a->conf->id,
			a->conf->on->name, note);
		publish_status(h, a, note);
	}
	/* That another meter is there is so until it is not. */
	if (note != NULL || (a->verified != HUB_OTHER && a->verified != HUB_CHANGED))
		text_set(&a->note, note);
}

void hub_set_line_state(struct hub *h, struct hub_line *l, enum hub_line_state state,
			const char *reason)
{
	bool changed = state != l->state;

	l->state = state;
	text_set(&l->reason, reason);
	if (changed)
		log_msg(h->log, state == HUB_LINE_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
			"line %" PRId64 " (%s) is %s%s%s", l->conf->id, l->conf->name,
			hub_line_state_name(state), reason ? ": " : "", reason ? reason : "");
}

static bool is_live(const struct hub_analyzer *a)
{
	/* In quarantine it has a connection of its own. */
	return a->state == HUB_ONLINE && a->run == HUB_STARTED &&
	       (a->line->state == HUB_LINE_OPEN || a->owner != a->line->owner);
}

void hub_was_asked(struct hub_analyzer *a)
{
	a->asked_n = a->n;
}

bool hub_is_stale(const struct hub_analyzer *a, const struct hub_last *last)
{
	bool read_since = a->state == HUB_ONLINE && a->run != HUB_STARTED && a->asked_n > 0 &&
			  last->n == a->asked_n;

	return !is_live(a) && !read_since;
}

int hub_forbid(struct hub *h, const struct hub_forbidden *f)
{
	struct hub_forbidden *list;

	for (size_t i = 0; i < h->n_forbidden; i++) {
		const struct hub_forbidden *k = &h->forbidden[i];

		if (k->model == f->model && k->function == f->function && k->first == f->first &&
		    k->last == f->last)
			return 0;
	}
	if (h->n_forbidden == FORBIDDEN_MAX)
		return -ENOSPC;
	list = realloc(h->forbidden, (h->n_forbidden + 1) * sizeof *list);
	if (list == NULL)
		return -ENOMEM;
	h->forbidden = list;
	list[h->n_forbidden++] = *f;
	return 0;
}
