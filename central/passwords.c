/* SPDX-License-Identifier: Apache-2.0 */
/* A queue before libuv's pool. */
#include "central/passwords.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 64u
#define FIRST_MAX 16u /* of them: that many for those that are first only */

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

bool passwords_room(struct passwords *p, bool first)
{
	bool room = p->n < (first ? WAITING_MAX : WAITING_MAX - FIRST_MAX);

	p->refused += !room;
	return room;
}

/* Behind the one at work and the others that are first. */
static void insert_first(struct passwords *p, struct password_job *job)
{
	struct password_job *after = TAILQ_FIRST(&p->waiting), *next;

	if (after == NULL) {
		TAILQ_INSERT_TAIL(&p->waiting, job, waiting);
		return;
	}
	for (next = TAILQ_NEXT(after, waiting); next != NULL && next->first;
	     next = TAILQ_NEXT(after, waiting))
		after = next;
	TAILQ_INSERT_AFTER(&p->waiting, after, job, waiting);
}

bool passwords_submit(struct passwords *p, struct password_job *job)
{
	if (!passwords_room(p, job->first))
		return false;
	job->queue = p;
	if (job->first)
		insert_first(p, job);
	else
		TAILQ_INSERT_TAIL(&p->waiting, job, waiting);
	if (p->n++ == 0)
		begin(p);
	return true;
}
