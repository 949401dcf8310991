/* SPDX-License-Identifier: Apache-2.0 */
/* The store's thread. */
#include "central/keeper.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define GROUP_RECORDS 4096u /* of jobs that are stored together; one job may have more */

TAILQ_HEAD(jobs, keeper_job);

struct keeper {
	struct store *store;
	struct keeper_limits limits;
	pthread_t thread;
	uv_async_t finished;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t work;
	struct jobs queues[N_KEEPER_KINDS];
	struct jobs done;
	struct keeper_counts counts;
	bool ending;
};

/* ---- the thread ---- */

struct group {
	struct jobs jobs;
	size_t n_records, n_columns;
};

/* Some of the records that wait: whole jobs. */
static void group_take(struct keeper *k, struct group *g)
{
	struct keeper_job *job;

	TAILQ_INIT(&g->jobs);
	while ((job = TAILQ_FIRST(&k->queues[KEEPER_APPEND])) != NULL &&
	       g->n_records + g->n_columns < GROUP_RECORDS) {
		TAILQ_REMOVE(&k->queues[KEEPER_APPEND], job, queued);
		k->counts.waiting[KEEPER_APPEND]--;
		TAILQ_INSERT_TAIL(&g->jobs, job, queued);
		g->n_records += job->n;
		g->n_columns += job->n_columns;
	}
}

static int append_records(struct store *s, struct group *g, struct tesla_error *err)
{
	_cleanup_free_ struct store_record *records = calloc(g->n_records + 1, sizeof *records);
	_cleanup_free_ struct store_verdict *verdicts = calloc(g->n_records + 1, sizeof *verdicts);
	struct keeper_job *job = NULL;
	size_t at = 0;
	int r;

	if (records == NULL || verdicts == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a group of records");
	TAILQ_FOREACH(job, &g->jobs, queued) {
		memcpy(records + at, job->records, job->n * sizeof *records);
		at += job->n;
	}
	r = store_append(s, records, at, verdicts, err);
	at = 0;
	TAILQ_FOREACH(job, &g->jobs, queued) {
		memcpy(job->verdicts, verdicts + at, job->n * sizeof *verdicts);
		at += job->n;
	}
	return r;
}

/* They are large: each job alone. */
static int append_columns(struct store *s, struct keeper_job *job, struct tesla_error *err)
{
	return job->n_columns == 0 ? 0
				   : store_append_columns(s, job->columns, job->n_columns,
							  job->verdicts + job->n, err);
}

static void group_store(struct store *s, struct group *g)
{
	struct tesla_error err = { 0 };
	struct keeper_job *job = NULL;
	int r = g->n_records > 0 ? append_records(s, g, &err) : 0;

	TAILQ_FOREACH(job, &g->jobs, queued) {
		job->result = r;
		job->error = err;
		if (r == 0)
			job->result = append_columns(s, job, &job->error);
	}
}

/* With the lock.  A group in which nothing was new did not get to the disk. */
static void count_append(struct keeper *k, const struct keeper_job *job)
{
	if (job->result != 0) {
		k->counts.failed_groups++;
		k->counts.failing = job->result;
		return;
	}
	for (size_t i = 0; i < job->n + job->n_columns; i++) {
		if (job->verdicts[i].outcome == STORE_REJECTED)
			k->counts.rejected++;
		else if (job->verdicts[i].outcome == STORE_STORED)
			k->counts.failing = 0;
	}
}

/* With the lock. */
static void hand_back(struct keeper *k, struct jobs *jobs)
{
	struct keeper_job *job = NULL;
	bool first = TAILQ_EMPTY(&k->done);

	TAILQ_FOREACH(job, jobs, queued)
		if (job->kind == KEEPER_APPEND)
			count_append(k, job);
	TAILQ_CONCAT(&k->done, jobs, queued);
	if (first && !TAILQ_EMPTY(&k->done))
		(void)uv_async_send(&k->finished);
}

static void store_group(struct keeper *k)
{
	struct group g = { 0 };

	group_take(k, &g);
	if (TAILQ_EMPTY(&g.jobs))
		return;
	(void)pthread_mutex_unlock(&k->lock);
	group_store(k->store, &g);
	(void)pthread_mutex_lock(&k->lock);
	k->counts.groups++;
	k->counts.records += g.n_records;
	hand_back(k, &g.jobs);
}

/* A piece of the first job of a kind, which then is the last.  False: there is none. */
static bool do_piece(struct keeper *k, enum keeper_kind kind)
{
	struct keeper_job *job = TAILQ_FIRST(&k->queues[kind]);
	struct jobs one = TAILQ_HEAD_INITIALIZER(one);
	bool again;

	if (job == NULL)
		return false;
	TAILQ_REMOVE(&k->queues[kind], job, queued);
	(void)pthread_mutex_unlock(&k->lock);
	again = job->work(job, k->store);
	(void)pthread_mutex_lock(&k->lock);
	if (again && !(k->ending && kind == KEEPER_CARE)) {
		TAILQ_INSERT_TAIL(&k->queues[kind], job, queued);
		return true;
	}
	k->counts.waiting[kind]--;
	TAILQ_INSERT_TAIL(&one, job, queued);
	hand_back(k, &one);
	return true;
}

static void *keeper_main(void *arg)
{
	struct keeper *k = arg;
	bool read = false;

	(void)pthread_mutex_lock(&k->lock);
	for (;;) {
		store_group(k);
		/* Care gets a turn after each read: those who read never stop it for good. */
		read = !read && do_piece(k, KEEPER_READ);
		if (read || do_piece(k, KEEPER_CARE) || do_piece(k, KEEPER_READ) ||
		    !TAILQ_EMPTY(&k->queues[KEEPER_APPEND]))
			continue;
		if (k->ending)
			break;
		(void)pthread_cond_wait(&k->work, &k->lock);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* ---- the loop's side ---- */

static void on_finished(uv_async_t *async)
{
	struct keeper *k = async->data;
	struct jobs done = TAILQ_HEAD_INITIALIZER(done);
	struct keeper_job *job;

	(void)pthread_mutex_lock(&k->lock);
	TAILQ_CONCAT(&done, &k->done, queued);
	(void)pthread_mutex_unlock(&k->lock);
	while ((job = TAILQ_FIRST(&done)) != NULL) {
		TAILQ_REMOVE(&done, job, queued);
		job->done(job);
	}
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static int thread_start(struct keeper *k, struct tesla_error *err)
{
	int r = pthread_create(&k->thread, NULL, keeper_main, k);

	return r == 0 ? 0 : tesla_fail(err, -r, "the store's thread: %s", strerror(r));
}

int keeper_start(uv_loop_t *loop, struct store *store, const struct keeper_limits *limits,
		 struct keeper **ret, struct tesla_error *err)
{
	struct keeper *k = calloc(1, sizeof *k);
	int r;

	if (k == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for the store's thread");
	k->store = store;
	k->limits = *limits;
	for (size_t i = 0; i < N_KEEPER_KINDS; i++)
		TAILQ_INIT(&k->queues[i]);
	TAILQ_INIT(&k->done);
	k->finished.data = k;
	(void)pthread_mutex_init(&k->lock, NULL);
	(void)pthread_cond_init(&k->work, NULL);
	r = uv_async_init(loop, &k->finished, on_finished);
	if (r != 0)
		r = tesla_fail(err, r, "the loop: %s", uv_strerror(r));
	if (r != 0) {
		free(k);
		return r;
	}
	r = thread_start(k, err);
	if (r != 0)
		uv_close((uv_handle_t *)&k->finished, on_closed);
	else
		*ret = k;
	return r;
}

bool keeper_submit(struct keeper *k, struct keeper_job *job)
{
	size_t *waiting = &k->counts.waiting[job->kind];
	bool taken, idle;

	(void)pthread_mutex_lock(&k->lock);
	assert(!k->ending);
	taken = *waiting < k->limits.jobs[job->kind];
	idle = k->counts.waiting[KEEPER_APPEND] + k->counts.waiting[KEEPER_READ] == 0;
	if (taken) {
		TAILQ_INSERT_TAIL(&k->queues[job->kind], job, queued);
		++*waiting;
	} else {
		k->counts.refused[job->kind]++;
	}
	if (taken && idle)
		(void)pthread_cond_signal(&k->work);
	(void)pthread_mutex_unlock(&k->lock);
	return taken;
}

void keeper_stop(struct keeper *k)
{
	if (k == NULL)
		return;
	(void)pthread_mutex_lock(&k->lock);
	k->ending = true;
	(void)pthread_cond_signal(&k->work);
	(void)pthread_mutex_unlock(&k->lock);
	(void)pthread_join(k->thread, NULL);
	on_finished(&k->finished);
	store_close(k->store);
	(void)pthread_cond_destroy(&k->work);
	(void)pthread_mutex_destroy(&k->lock);
	uv_close((uv_handle_t *)&k->finished, on_closed);
}

void keeper_count(struct keeper *k, struct keeper_counts *ret)
{
	(void)pthread_mutex_lock(&k->lock);
	*ret = k->counts;
	(void)pthread_mutex_unlock(&k->lock);
}

void keeper_tried(struct keeper *k, int result)
{
	(void)pthread_mutex_lock(&k->lock);
	k->counts.failing = result;
	(void)pthread_mutex_unlock(&k->lock);
}
