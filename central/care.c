/* SPDX-License-Identifier: Apache-2.0 */
/* One job after another; between two rounds a timer. */
#include "central/care.h"

#include <stdlib.h>

#include "central/keeper.h"

#define EVERY_MS 60000

struct care {
	struct app *app;
	struct keeper_job job;
	bool queued;
	struct store_compaction *compaction; /* the keeper's thread has it */
};

/* ---- in the keeper's thread ---- */

static bool compact_some(struct keeper_job *job, struct store *store)
{
	struct care *care = (struct care *)(void *)((char *)job - offsetof(struct care, job));
	int r = 0;

	if (care->compaction == NULL)
		r = store_compact_begin(store, false, &care->compaction, &job->error);
	if (r == 0)
		r = store_compact_step(care->compaction, &job->error);
	job->result = r < 0 ? r : 0;
	if (r > 0)
		return true;
	store_compact_end(care->compaction);
	care->compaction = NULL;
	return false;
}

/* ---- in the loop's ---- */

static void begin(uv_timer_t *timer);

static void on_done(struct keeper_job *job)
{
	struct care *care = (struct care *)(void *)((char *)job - offsetof(struct care, job));
	struct app *app = care->app;

	care->queued = false;
	if (job->result != 0)
		log_msg(&app->log, LOG_LEVEL_ERROR, "compaction: %s", job->error.text);
	if (!app->stopping)
		(void)uv_timer_start(&app->care_timer, begin, EVERY_MS, 0);
}

static void begin(uv_timer_t *timer)
{
	struct care *care = timer->data;

	care->job.result = 0;
	care->queued = keeper_submit(care->app->keeper, &care->job);
}

int care_start(struct app *app, struct tesla_error *err)
{
	struct care *care = calloc(1, sizeof *care);

	if (care == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	care->app = app;
	care->job =
		(struct keeper_job){ .kind = KEEPER_CARE, .work = compact_some, .done = on_done };
	app->care = care;
	(void)uv_timer_init(&app->loop, &app->care_timer);
	app->care_timer.data = care;
	begin(&app->care_timer);
	return 0;
}

void care_stop(struct app *app)
{
	if (app->care == NULL)
		return;
	store_compact_end(app->care->compaction);
	uv_close((uv_handle_t *)&app->care_timer, NULL);
	free(app->care);
	app->care = NULL;
}
