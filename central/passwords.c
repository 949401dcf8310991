/* SPDX-License-Identifier: Apache-2.0 */
/* A queue before libuv's pool. */
#include "central/passwords.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 64u

TAILQ_HEAD(password_jobs, password_job);

struct passwords {
	struct app *app;
	struct password_jobs waiting; /* the first one is at work */
	size_t n;
	uint64_t refused;
};

struct passwords *passwords_new(struct app *app)
{
	struct passwords *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->app = app;
	TAILQ_INIT(&p->waiting);
	return p;
}

void passwords_free(struct passwords *p)
{
	free(p);
}

uint64_t passwords_refused(const struct passwords *p)
{
	return p->refused;
}

static void on_work(struct pool_job *pool)
{
	struct password_job *job = pool->arg;

	if (job->hashes)
		job->result = password_hash(job->password, job->hash, &job->error);
	else
		job->same = password_verify(job->compare, job->password);
	sodium_memzero(job->password, strlen(job->password));
}

static void begin(struct passwords *p);

static void on_done(struct pool_job *pool)
{
	struct password_job *job = pool->arg;
	struct passwords *p = job->queue;

	TAILQ_REMOVE(&p->waiting, job, waiting);
	p->n--;
	if (p->n > 0)
		begin(p);
	job->done(job);
}

static void begin(struct passwords *p)
{
	struct password_job *job = TAILQ_FIRST(&p->waiting);

	job->pool = (struct pool_job){ .work = on_work, .done = on_done, .arg = job };
	pool_submit(p->app, &job->pool);
}

bool passwords_submit(struct passwords *p, struct password_job *job)
{
	if (p->n == WAITING_MAX) {
		p->refused++;
		return false;
	}
	job->queue = p;
	TAILQ_INSERT_TAIL(&p->waiting, job, waiting);
	if (p->n++ == 0)
		begin(p);
	return true;
}
