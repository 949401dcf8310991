/* SPDX-License-Identifier: Apache-2.0 */
/* Between the store's thread, which makes pieces, and a client that takes them. */
#include "central/pieces.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define FIRST_BYTES ((size_t)384 << 10) /* an answer up to here goes out as one */
#define PIECE_BYTES ((size_t)128 << 10)
#define PIECE_MAX ((size_t)8 << 20) /* of one step of a maker */
#define TURN_US 3000
#define OPEN_MAX 8u /* of those that keep what they read with */

struct pieces {
	struct call *call; /* not once it is gone */
	struct app *app;
	struct pieces_maker maker;
	const char *type;
	struct keeper_job job;
	struct buf piece;
	bool parks;	/* after this piece */
	bool at_work;	/* the job is the keeper's */
	bool streaming; /* the head went out */
	bool ended, gone;
};

static struct pieces *pieces_of(struct keeper_job *job)
{
	return (struct pieces *)(void *)((char *)job - offsetof(struct pieces, job));
}

static void pieces_free(struct pieces *p)
{
	p->app->n_pieces--;
	p->maker.release(p->maker.arg);
	buf_release(&p->piece);
	free(p);
}

/* ---- in the store's thread ---- */

static bool on_work(struct keeper_job *job, struct store *store)
{
	struct pieces *p = pieces_of(job);
	size_t enough = p->streaming ? PIECE_BYTES : FIRST_BYTES;
	int64_t begin_us = clock_mono_us();

	do {
		job->result = p->maker.make(p->maker.arg, store, &p->piece, &job->error);
		if (job->result >= 0 && p->piece.failed)
			job->result = tesla_fail(&job->error, -ENOMEM, "no memory for an answer");
		if (job->result <= 0 || p->piece.pub.len >= enough) {
			if (p->parks && p->maker.park != NULL)
				p->maker.park(p->maker.arg);
			return false;
		}
	} while (clock_mono_us() - begin_us < TURN_US);
	return true;
}

/* ---- in the loop's ---- */

static bool go_on(struct pieces *p)
{
	p->parks = p->app->n_pieces > OPEN_MAX;
	p->at_work = !p->app->stopping && keeper_submit(p->app->keeper, &p->job);
	return p->at_work;
}

static void on_want(void *arg)
{
	struct pieces *p = arg;

	if (p->at_work || p->ended)
		return;
	if (!go_on(p)) {
		p->ended = true;
		stream_end(p->call->request, false);
	}
}

static void on_gone(void *arg)
{
	struct pieces *p = arg;

	p->call->work = NULL;
	p->call = NULL;
	p->gone = true;
	if (!p->at_work)
		pieces_free(p);
}

static void on_stop(struct call *c)
{
	struct pieces *p = c->work;

	if (p == NULL || !p->streaming || p->at_work || p->ended)
		return;
	p->ended = true;
	stream_end(c->request, false);
}

static void begin_stream(struct pieces *p)
{
	const struct stream stream = { .want = on_want, .gone = on_gone, .arg = p };

	p->streaming = true;
	p->call->work = p;
	p->call->stop = on_stop;
	request_answer_stream(p->call->request, 200, p->type, &stream);
	stream_push(p->call->request, &p->piece);
	buf_init(&p->piece, PIECE_MAX);
}

static void answer_whole(struct pieces *p)
{
	struct call *c = p->call;

	if (p->job.result < 0) {
		p->job.error.code = p->job.result;
		call_fail(c, &p->job.error);
	} else {
		request_answer(c->request, 200, p->type, &p->piece);
	}
	pieces_free(p);
}

static void push(struct pieces *p)
{
	p->ended = p->job.result <= 0;
	if (p->job.result < 0)
		call_failed(p->call, p->job.error.text);
	else if (p->piece.pub.len > 0)
		stream_push(p->call->request, &p->piece);
	buf_release(&p->piece);
	buf_init(&p->piece, PIECE_MAX);
	if (p->ended)
		stream_end(p->call->request, p->job.result == 0);
}

static void on_done(struct keeper_job *job)
{
	struct pieces *p = pieces_of(job);

	p->at_work = false;
	if (p->gone)
		pieces_free(p);
	else if (p->streaming)
		push(p);
	else if (job->result <= 0)
		answer_whole(p);
	else
		begin_stream(p);
}

void pieces_answer(struct call *c, const char *type, const struct pieces_maker *maker)
{
	struct pieces *p = calloc(1, sizeof *p);

	if (p == NULL) {
		maker->release(maker->arg);
		call_busy(c);
		return;
	}
	*p = (struct pieces){ .call = c, .app = c->app, .maker = *maker, .type = type };
	p->job = (struct keeper_job){ .kind = KEEPER_READ, .work = on_work, .done = on_done };
	buf_init(&p->piece, PIECE_MAX);
	c->app->n_pieces++;
	if (!go_on(p)) {
		pieces_free(p);
		call_busy(c);
		return;
	}
	request_hold(c->request);
}
