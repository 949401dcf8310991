/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST history/save: one record in the predecessor's form.  What the store has of its analyzer is
 * looked up where that decides what the record is; then it is stored like any other.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "central/ahead.h"
#include "central/catalogue.h"
#include "central/lectura.h"
#include "central/local_time.h"
#include "central/pool.h"
#include "central/store_read.h"
#include "central/v2_internal.h"

#define OFFSET_MAX_S (16 * 3600) /* no local time is further from UTC */

struct saving {
	struct call *call; /* held until the end */
	struct keeper_job job;
	struct pool_job pool;
	struct arena memory;
	int64_t analyzer;
	uint32_t row; /* of it */
	const struct model *model;
	struct lectura lectura;
	const char *local; /* DATA_HORA */
	const char *utc;   /* DATA_UTC; NULL: it does not say */
	int64_t ends_ms[2];
	size_t n_ends; /* 2: it is either, unless `utc` says which */
	struct record record;
	struct store_record stored;
	struct store_verdict verdict;
	/* What is looked up in the store. */
	bool want_last, want_first;
	struct cadence last;
	bool second; /* it is the second pass's */
	int result;
	struct tesla_error error;
	struct registry_contact contact;
	char actor[80], from[PEER_TEXT];
	int64_t now_ms;
};

static void saving_free(struct saving *s)
{
	store_verdicts_release(&s->verdict, 1);
	arena_release(&s->memory);
	free(s);
}

static const char *node_of(const struct saving *s)
{
	return s->call->args[0];
}

/* ---- what is remembered of an analyzer ---- */

/* NULL: no memory; it is looked up again then. */
static struct v2_memory *memory_of(const struct saving *s)
{
	struct v2 *v2 = s->call->app->v2;

	if (s->row >= v2->n_memories) {
		size_t n = 2 * (size_t)s->row + 16;
		struct v2_memory *more = realloc(v2->memories, n * sizeof *more);

		if (more == NULL)
			return NULL;
		memset(more + v2->n_memories, 0, (n - v2->n_memories) * sizeof *more);
		v2->memories = more;
		v2->n_memories = n;
	}
	return &v2->memories[s->row];
}

/* Said again only when it is something else. */
static void say_skipped(const struct saving *s)
{
	struct v2_memory *m = memory_of(s);
	uint32_t sum = crc32c(0, (const uint8_t *)s->lectura.skipped, strlen(s->lectura.skipped));

	if (s->lectura.n_skipped == 0 || m == NULL || (m->said && m->skipped == sum))
		return;
	m->said = true;
	m->skipped = sum;
	log_msg(&s->call->app->log, LOG_LEVEL_WARNING,
		"history/save, node %s, analyzer %" PRId64 ", model %s: left out: %s", node_of(s),
		s->analyzer, s->model->pub.name, s->lectura.skipped);
}

/* ---- the answer ---- */

static void duplicate(struct saving *s)
{
	char named[LOCAL_TIME_SIZE];

	utc_time_print(s->record.end_ms / 1000, named);
	v2_say(s->call, 409, "#there is a record of node %.80s, analyzer %" PRId64 ", at %s",
	       node_of(s), s->analyzer, s->utc != NULL ? named : s->local);
}

static void saved(struct saving *s)
{
	struct v2_memory *m = memory_of(s);
	struct buf out;
	char text[40];

	if (m != NULL) {
		if (!m->cadence.known)
			m->cadence = s->last;
		cadence_note(&m->cadence, s->record.end_ms, s->record.end_ms - s->record.start_ms);
	}
	say_skipped(s);
	buf_init(&out, sizeof text);
	(void)snprintf(text, sizeof text, "\"#Saved:%" PRIu64 "\"", ++s->call->app->v2->saved);
	(void)buf_append(&out, text, strlen(text));
	request_answer(s->call->request, 201, call_types[CALL_JSON], &out);
}

/* It was not said how the disk failed to him who may send it again. */
static void failed(struct saving *s, const struct tesla_error *err)
{
	call_failed(s->call, err->text);
	request_answer_header(s->call->request, "Retry-After", "10");
	v2_say(s->call, 503, "#it cannot be stored now: %s", err->text);
}

static void on_stored(struct keeper_job *job)
{
	struct saving *s = (struct saving *)(void *)((char *)job - offsetof(struct saving, job));
	struct app *app = s->call->app;

	if (job->result != 0) {
		failed(s, &job->error);
	} else if (s->verdict.outcome == STORE_STORED) {
		app->counts[APP_RECORDS_STORED]++;
		saved(s);
	} else if (s->verdict.outcome == STORE_DUPLICATE) {
		app->counts[APP_RECORDS_DUPLICATE]++;
		duplicate(s);
	} else {
		app->counts[APP_RECORDS_REJECTED]++;
		v2_say(s->call, 400, "1#%s",
		       s->verdict.reason != NULL ? s->verdict.reason : "it cannot be stored");
	}
	saving_free(s);
}

static void submit(struct saving *s)
{
	if (keeper_submit(s->call->app->keeper, &s->job))
		return;
	call_busy(s->call);
	saving_free(s);
}

/* ---- the record ---- */

static int64_t length_of(const struct saving *s, int64_t end_ms)
{
	const struct registry *r = s->call->app->registry;
	const struct registry_analyzer *a = registry_analyzer(r, node_of(s), s->analyzer);
	const struct v2_memory *m = memory_of(s);

	if (a != NULL && a->record_ms > 0)
		return a->record_ms;
	return cadence_length_ms(m != NULL && m->cadence.known ? &m->cadence : &s->last, end_ms);
}

static void store(struct saving *s)
{
	int64_t end_ms = s->ends_ms[s->second ? 1 : 0];

	s->record.analyzer = s->analyzer;
	s->record.start_ms = end_ms - length_of(s, end_ms);
	s->record.end_ms = end_ms;
	s->record.model = s->model->pub.name;
	s->record.n_variables = s->lectura.n_variables;
	s->record.variables = s->lectura.variables;
	s->stored = (struct store_record){ node_of(s), &s->record };
	s->job = (struct keeper_job){ .kind = KEEPER_APPEND,
				      .records = &s->stored,
				      .n = 1,
				      .verdicts = &s->verdict,
				      .done = on_stored };
	submit(s);
}

/* ---- what the store has ---- */

static bool same_numbers(const struct tesla_record_variable *a,
			 const struct tesla_record_variable *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n_elements != b->n_elements)
		return false;
	for (size_t i = 0; i < a->n_elements; i++)
		if (a->elements[i].value != b->elements[i].value)
			return false;
	return true;
}

static bool same_values(const struct lectura *l, const struct record *there)
{
	if (l->n_variables != there->n_variables)
		return false;
	for (size_t i = 0; i < l->n_variables; i++)
		if (!same_numbers(l->variables[i], there->variables[i]))
			return false;
	return true;
}

/* In the keeper's thread, as the next. */
static int look_last(struct saving *s, struct store *store, struct arena *memory)
{
	struct record last;
	int r = store_last(store, node_of(s), s->analyzer, memory, &last, &s->error);

	if (r == 0)
		cadence_note(&s->last, last.end_ms, last.end_ms - last.start_ms);
	return r == -ENOENT ? 0 : r;
}

/* A second record of the hour that comes again, with other values, is the second pass's. */
static int look_first(struct saving *s, struct store *store, struct arena *memory)
{
	const struct store_key key = { node_of(s), s->analyzer, s->ends_ms[0] };
	struct record there;
	int r = store_get(store, &key, memory, &there, &s->error);

	if (r == 0)
		s->second = !same_values(&s->lectura, &there);
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

static bool look_work(struct keeper_job *job, struct store *store)
{
	struct saving *s = (struct saving *)(void *)((char *)job - offsetof(struct saving, job));
	struct arena memory = { 0 };

	if (s->want_last)
		s->result = look_last(s, store, &memory);
	if (s->want_first && s->result == 0)
		s->result = look_first(s, store, &memory);
	arena_release(&memory);
	return false;
}

static void look_done(struct keeper_job *job)
{
	struct saving *s = (struct saving *)(void *)((char *)job - offsetof(struct saving, job));

	if (s->result == 0 && !s->call->app->stopping) {
		store(s);
	} else {
		failed(s, s->result != 0 ? &s->error
					 : &(struct tesla_error){ .text = "the server ends" });
		saving_free(s);
	}
}

static void look_up(struct saving *s)
{
	const struct registry_analyzer *a =
		registry_analyzer(s->call->app->registry, node_of(s), s->analyzer);
	const struct v2_memory *m = memory_of(s);

	s->want_last = (a == NULL || a->record_ms <= 0) && (m == NULL || !m->cadence.known);
	s->want_first = s->n_ends == 2 && s->utc == NULL;
	if (!s->want_last && !s->want_first) {
		store(s);
		return;
	}
	s->job = (struct keeper_job){ .kind = KEEPER_READ, .work = look_work, .done = look_done };
	submit(s);
}

/* ---- its analyzer ---- */

/* The caller keeps it, as what is of no analyzer that is known; false: it does not. */
static bool ends_ahead(struct saving *s, const struct registry_analyzer *a)
{
	int64_t now_ms = app_wall_ms(s->call->app);
	char text[AHEAD_TEXT];

	if (!is_ahead(s->ends_ms[0], now_ms))
		return false;
	s->call->app->counts[APP_RECORDS_LATER]++;
	app_say_ahead(s->call->app, a, s->ends_ms[0], now_ms);
	v2_say(s->call, 404, "#node %.80s, analyzer %" PRId64 ": %s", node_of(s), s->analyzer,
	       ahead_text(s->ends_ms[0], now_ms, text));
	saving_free(s);
	return true;
}

/* Registered, and not ahead of its time; false: answered. */
static bool is_registered(struct saving *s)
{
	const struct registry_analyzer *a =
		registry_analyzer(s->call->app->registry, node_of(s), s->analyzer);
	const char *why = a == NULL			    ? "is not registered"
			  : a->state == REGISTRY_IS_PENDING ? "waits until somebody accepts it"
			  : a->state == REGISTRY_IS_REFUSED ? "is refused"
			  : strcmp(a->model, s->model->pub.name) != 0 ? "is of another model"
								      : NULL;

	if (why == NULL) {
		s->row = a->row;
		return !ends_ahead(s, a);
	}
	v2_say(s->call, 404, "#node %.80s, analyzer %" PRId64 ", model %.80s: the analyzer %s",
	       node_of(s), s->analyzer, s->model->pub.name, why);
	saving_free(s);
	return false;
}

static void contact_work(struct pool_job *job)
{
	struct saving *s = job->arg;
	const struct registry_actor by = { s->actor, s->from, s->now_ms };

	s->result = registry_contact(s->call->app->registry_db, &by, node_of(s), &s->contact, 1,
				     &s->error);
}

static void contact_done(struct pool_job *job)
{
	struct saving *s = job->arg;

	app_refresh(s->call->app);
	if (s->result != 0) {
		failed(s, &s->error);
		saving_free(s);
	} else if (is_registered(s)) {
		look_up(s);
	}
}

/* One that is not known comes in as its node's policy says; so does one of no model so far. */
static void introduce(struct saving *s)
{
	const struct registry_analyzer *a =
		registry_analyzer(s->call->app->registry, node_of(s), s->analyzer);

	if (a != NULL && a->model[0] != '\0') {
		if (is_registered(s))
			look_up(s);
		return;
	}
	s->contact = (struct registry_contact){ .addr = s->analyzer, .model = s->model->pub.name };
	(void)snprintf(s->actor, sizeof s->actor, "%s", s->call->who_text);
	(void)snprintf(s->from, sizeof s->from, "%s", request_peer(s->call->request));
	s->now_ms = app_wall_ms(s->call->app);
	s->pool = (struct pool_job){ .work = contact_work, .done = contact_done, .arg = s };
	pool_submit(s->call->app, &s->pool);
}

/* ---- the form ---- */

/* The instant that the caller says; it must be one that the local time could be somewhere. */
static int utc_take(struct saving *s, int64_t local_s, struct tesla_error *err)
{
	int64_t t_s;

	if (!utc_time_parse(s->utc, &t_s))
		return tesla_fail(err, -EINVAL,
				  "DATA_UTC is \"%.40s\": expected a time such as "
				  "2026-10-25T01:15:00Z",
				  s->utc);
	if (t_s < local_s - OFFSET_MAX_S || t_s > local_s + OFFSET_MAX_S)
		return tesla_fail(err, -EINVAL, "DATA_UTC, %.40s, is not the instant of DATA_HORA",
				  s->utc);
	s->ends_ms[0] = t_s * 1000;
	s->n_ends = 1;
	return 0;
}

/* -EINVAL: it is the form's fault. */
static int times_take(struct saving *s, struct tesla_error *err)
{
	const struct registry_node *n = registry_node(s->call->app->registry, node_of(s));
	const struct zone *zone;
	int64_t local_s;
	int r;

	if (s->local == NULL || !local_time_parse(s->local, &local_s))
		return tesla_fail(err, -EINVAL,
				  "DATA_HORA is \"%.40s\": expected a time such as "
				  "25/10/2026 02:15:00",
				  s->local != NULL ? s->local : "");
	if (s->utc != NULL)
		return utc_take(s, local_s, err);
	r = v2_zone(s->call->app, n, &zone, err);
	if (r != 0)
		return tesla_fail(err, -EIO, "node %.80s: %.150s", node_of(s), strdupa(err->text));
	s->n_ends = local_instants(zone, local_s * 1000, s->ends_ms);
	return s->n_ends > 0 ? 0
			     : tesla_fail(err, -EINVAL,
					  "DATA_HORA is %.40s, which there was not: the clock was "
					  "put forward",
					  s->local);
}

/* The status to answer with; 0: it is good. */
static unsigned form_take(struct saving *s, struct tesla_error *err)
{
	struct request *q = s->call->request;
	const char *model = request_form(q, "MODEL"), *lectura = request_form(q, "LECTURA");
	int r;

	s->local = request_form(q, "DATA_HORA");
	s->utc = request_form(q, "DATA_UTC");
	if (lectura == NULL || model == NULL) {
		(void)tesla_fail(err, -EINVAL, "expected a form with DATA_HORA, LECTURA and MODEL");
		return 400;
	}
	if (strlen(lectura) > RECORD_BYTES_MAX) {
		(void)tesla_fail(err, -EMSGSIZE, "LECTURA has more than %u bytes",
				 RECORD_BYTES_MAX);
		return 413;
	}
	if (registry_node(s->call->app->registry, node_of(s)) == NULL) {
		(void)tesla_fail(err, -ENOENT, "node %.80s is not registered", node_of(s));
		return 404;
	}
	r = times_take(s, err);
	if (r != 0)
		return r == -EINVAL ? 400 : 503;
	s->model = catalogue_model(s->call->app->catalogue, model);
	if (s->model == NULL || !v2_number(s->call->args[1], &s->analyzer)) {
		(void)tesla_fail(err, -ENOENT,
				 "node %.80s, analyzer %.24s, model %.80s are not registered "
				 "together",
				 node_of(s), s->call->args[1], model);
		return 404;
	}
	r = lectura_read(lectura, s->model, &s->memory, &s->lectura, err);
	return r == 0 ? 0 : r == -EBADMSG ? 400 : 503;
}

void v2_save(struct call *c)
{
	struct saving *s = calloc(1, sizeof *s);
	struct tesla_error err = { 0 };
	unsigned status;

	if (s == NULL) {
		call_busy(c);
		return;
	}
	s->call = c;
	status = form_take(s, &err);
	if (status != 0) {
		v2_say(c, status, "%s#%s", status == 400 ? "1" : "", err.text);
		saving_free(s);
		return;
	}
	request_hold(c->request);
	introduce(s);
}
