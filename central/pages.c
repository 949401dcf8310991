/* SPDX-License-Identifier: Apache-2.0 */
/* healthz, readyz. */
#include "central/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRY_MS 1000 /* between two tries of a disk that failed */

static void say(struct call *c, unsigned status, const char *line)
{
	struct buf out;

	buf_init(&out, 1000);
	(void)buf_append(&out, line, strlen(line));
	request_answer(c->request, status, "text/plain; charset=utf-8", &out);
}

void page_healthz(struct call *c)
{
	say(c, 200, "ok\n");
}

/* ---- readyz ---- */

struct trying {
	struct call *call; /* held */
	struct keeper_job job;
};

/* For everybody: without the path that the store's own sentence has. */
static void say_failing(struct call *c, int code)
{
	say(c, 503,
	    code == -ENOSPC   ? "records are not taken: the disk is full\n"
	    : code == -ENOMEM ? "records are not taken: there is no memory\n"
			      : "records are not taken: the disk does not store them\n");
}

static bool try_work(struct keeper_job *job, struct store *store)
{
	struct trying *t = (struct trying *)(void *)((char *)job - offsetof(struct trying, job));

	job->result = store_try(store, &job->error);
	/* here, in the store's thread: in the order of what happens to the disk */
	keeper_tried(t->call->app->keeper, job->result);
	return false;
}

static void try_done(struct keeper_job *job)
{
	struct trying *t = (struct trying *)(void *)((char *)job - offsetof(struct trying, job));

	if (job->result != 0)
		say_failing(t->call, job->result);
	else
		say(t->call, 200, "ready\n");
	free(t);
}

/* False: not now.  Whoever is not ready may get no records, by which it would be noticed. */
static bool try_again(struct call *c)
{
	struct app *app = c->app;
	struct trying *t;

	if (app->tried_at_ms > 0 && app_now_ms(app) - app->tried_at_ms < TRY_MS)
		return false;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return false;
	t->call = c;
	t->job = (struct keeper_job){ .kind = KEEPER_READ, .work = try_work, .done = try_done };
	if (!keeper_submit(app->keeper, &t->job)) {
		free(t);
		return false;
	}
	app->tried_at_ms = app_now_ms(app);
	request_hold(c->request);
	return true;
}

void page_readyz(struct call *c)
{
	struct keeper_counts counts;

	keeper_count(c->app->keeper, &counts);
	if (c->app->stopping)
		say(c, 503, "ending\n");
	else if (counts.failing == 0)
		say(c, 200, "ready\n");
	else if (!try_again(c))
		say_failing(c, counts.failing);
}
