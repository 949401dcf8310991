/* SPDX-License-Identifier: Apache-2.0 */
/* libuv's threads. */
#include "central/pool.h"

static void on_work(uv_work_t *request)
{
	struct pool_job *job = request->data;

	job->work(job);
}

static void on_done(uv_work_t *request, int status)
{
	struct pool_job *job = request->data;

	(void)status; /* none is cancelled */
	job->app->working--;
	job->done(job);
}

void pool_submit(struct app *app, struct pool_job *job)
{
	job->app = app;
	job->work_request.data = job;
	app->working++;
	(void)uv_queue_work(&app->loop, &job->work_request, on_work, on_done);
}
