/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/prom/read.  Two are read at a time, until their clients have the answer, as each
 * may take 16 MiB; some more wait for their turn, since a dashboard asks for all that it shows at
 * once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "central/api.h"
#include "central/pool.h"
#include "central/prom_reader.h"

#define READING_MAX 2u
#define WAITING_MAX 32u
#define TURN_US 3000

struct prom_read {
	TAILQ_ENTRY(prom_read) queued; /* while it waits */
	struct call *call;
	struct auth_principal who; /* a copy, in `memory` */
	struct arena memory;
	struct pool_job pool;
	struct keeper_job job;
	struct prom_request *request; /* until the reader has it */
	struct prom_reader *reader;
	struct buf answer;
	struct tesla_error error;
	int result;
};

/* ---- who asks ---- */

/* What the registry has may be another the next time. */
static bool who_copy(struct prom_read *p, const struct auth_principal *who)
{
	const char **nodes = arena_alloc(&p->memory, who->nodes.n, sizeof *nodes);

	p->who = *who;
	p->who.name = arena_strdup(&p->memory, who->name);
	p->who.node = arena_strdup(&p->memory, who->node);
	for (size_t i = 0; nodes != NULL && i < who->nodes.n; i++)
		nodes[i] = arena_strdup(&p->memory, who->nodes.list[i]);
	p->who.nodes.list = nodes;
	return !p->memory.failed;
}

/* ---- the answer ---- */

static void refuse_busy(struct call *c)
{
	c->app->counts[APP_BUSY]++;
	request_answer_header(c->request, "Retry-After", "1");
	call_error(c, 503, "%u remote reads are under way, and %u wait", READING_MAX, WAITING_MAX);
}

static void answer(struct prom_read *p)
{
	struct call *c = p->call;
	unsigned status = prom_http_status(p->result);

	if (status == 200) {
		request_answer_header(c->request, "Content-Encoding", PROM_CONTENT_ENCODING);
		request_answer(c->request, 200, PROM_CONTENT_TYPE, &p->answer);
		return;
	}
	p->error.code = p->result;
	if (status < 500)
		call_error(c, status, "%s", p->error.text);
	else
		call_fail(c, &p->error);
}

/* ---- in the store's thread ---- */

static struct prom_read *of_job(struct keeper_job *job)
{
	return (struct prom_read *)(void *)((char *)job - offsetof(struct prom_read, job));
}

static bool read_work(struct keeper_job *job, struct store *store)
{
	struct prom_read *p = of_job(job);
	int64_t begin_us = clock_mono_us();

	do {
		p->result = prom_reader_step(p->reader, store, &p->answer, &p->error);
	} while (p->result == 1 && clock_mono_us() - begin_us < TURN_US);
	if (p->result == 1)
		return true;
	prom_reader_free(p->reader);
	p->reader = NULL;
	return false;
}

static void read_done(struct keeper_job *job)
{
	answer(of_job(job));
}

/* ---- the request, in any thread: regular expressions may take a while ---- */

static void request_work(struct pool_job *job)
{
	struct prom_read *p = job->arg;
	const struct buf *body = request_body(p->call->request);

	p->result = prom_request_read(body->pub.bytes, body->pub.len, &p->request, &p->error);
}

static void request_done(struct pool_job *job)
{
	struct prom_read *p = job->arg;
	struct app *app = p->call->app;

	if (p->result != 0) {
		answer(p);
		return;
	}
	p->reader = prom_reader_new(p->request, &p->who, app->catalogue);
	if (p->reader == NULL) {
		call_busy(p->call);
		return;
	}
	p->request = NULL;
	p->job = (struct keeper_job){ .kind = KEEPER_READ, .work = read_work, .done = read_done };
	if (!keeper_submit(app->keeper, &p->job))
		call_busy(p->call);
}

/* ---- turns ---- */

static void begin(struct prom_read *p)
{
	p->call->app->n_prom_reading++;
	p->pool = (struct pool_job){ .work = request_work, .done = request_done, .arg = p };
	pool_submit(p->call->app, &p->pool);
}

static void wait_end(struct prom_read *p)
{
	struct app *app = p->call->app;

	TAILQ_REMOVE(&app->prom_waiting, p, queued);
	app->n_prom_waiting--;
	p->call->stop = NULL;
}

/* The server ends. */
static void wait_stop(struct call *c)
{
	struct prom_read *p = c->work;

	wait_end(p);
	arena_release(&p->memory);
	free(p);
	c->work = NULL;
	c->work_over = NULL;
	call_busy(c);
}

static void begin_next(struct app *app)
{
	struct prom_read *next = TAILQ_FIRST(&app->prom_waiting);

	if (next == NULL || app->n_prom_reading == READING_MAX || app->stopping)
		return;
	wait_end(next);
	begin(next);
}

/* The client has the answer, or is gone. */
static void over(struct call *c)
{
	struct prom_read *p = c->work;

	c->app->n_prom_reading--;
	prom_reader_free(p->reader); /* the store's thread never had it */
	prom_request_free(p->request);
	buf_release(&p->answer);
	arena_release(&p->memory);
	free(p);
	begin_next(c->app);
}

static void wait_begin(struct prom_read *p)
{
	struct app *app = p->call->app;

	TAILQ_INSERT_TAIL(&app->prom_waiting, p, queued);
	app->n_prom_waiting++;
	p->call->stop = wait_stop;
}

void api_prom_read(struct call *c)
{
	struct app *app = c->app;
	bool now = app->n_prom_reading < READING_MAX;
	struct prom_read *p;

	if (request_body(c->request)->pub.len > PROM_REQUEST_MAX) {
		call_error(c, 413, "remote read: a request of more than %u bytes",
			   PROM_REQUEST_MAX);
		return;
	}
	if (app->stopping || (!now && app->n_prom_waiting == WAITING_MAX)) {
		refuse_busy(c);
		return;
	}
	p = calloc(1, sizeof *p);
	if (p == NULL || !who_copy(p, &c->who)) {
		if (p != NULL)
			arena_release(&p->memory);
		free(p);
		call_busy(c);
		return;
	}
	p->call = c;
	buf_init(&p->answer, PROM_ANSWER_MAX);
	c->work = p;
	c->work_over = over;
	request_hold(c->request);
	if (now)
		begin(p);
	else
		wait_begin(p);
}
