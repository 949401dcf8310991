/* SPDX-License-Identifier: Apache-2.0 */
/* Two tasks, each a job of the keeper's, and a timer between two rounds of it. */
#include "central/care.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define EVERY_MS 60000

struct task {
	struct care *care;
	enum app_care which;
	struct keeper_job job;
	struct tesla_error complaint; /* said last; no code: the last round went well */
};
struct node_zone {
	char *node;
	const struct zone *zone;
};
struct care {
	struct app *app;
	struct task tasks[APP_N_CARES];
	struct care_counts counts;
	/* The keeper's thread has these while a round is under way. */
	struct store_compaction *compaction;
	struct store_maintain *maintain;
	struct store_maintain_counts done;
	struct node_zone *nodes; /* in the order of their names, as the registry had them */
	size_t n_nodes;
	const struct zone *zone; /* the server's own */
	bool has_nodes;
	uint64_t registry_changes; /* then */
};

static struct task *task_of(struct keeper_job *job)
{
	return (struct task *)(void *)((char *)job - offsetof(struct task, job));
}

/* ---- in the keeper's thread ---- */

static bool compact_some(struct keeper_job *job, struct store *store)
{
	struct care *care = task_of(job)->care;
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

static int order(const void *name, const void *entry)
{
	return strcmp(name, ((const struct node_zone *)entry)->node);
}

static void policy_of(void *arg, const char *node, const char *model, struct store_policy *ret)
{
	const struct care *care = arg;
	const struct node_zone *found =
		care->n_nodes > 0
			? bsearch(node, care->nodes, care->n_nodes, sizeof *care->nodes, order)
			: NULL;

	*ret = *conf_retention(care->app->conf, model);
	ret->zone = found != NULL ? found->zone : care->zone;
}

static bool maintain_some(struct keeper_job *job, struct store *store)
{
	struct care *care = task_of(job)->care;
	bool more = false;
	int r = 0;

	if (care->maintain == NULL)
		r = store_maintain_new(store, policy_of, care, &care->maintain, &job->error);
	if (r == 0)
		r = store_maintain_step(care->maintain, app_wall_ms(care->app), &more, &job->error);
	if (care->maintain != NULL)
		store_maintain_counts(care->maintain, &care->done);
	job->result = r;
	return r == 0 && more;
}

/* ---- zones of nodes ---- */

static void nodes_release(struct care *care)
{
	for (size_t i = 0; i < care->n_nodes; i++)
		free(care->nodes[i].node);
	free(care->nodes);
	care->nodes = NULL;
	care->n_nodes = 0;
	care->has_nodes = false;
}

static const struct zone *zone_of(struct care *care, const struct registry_node *n)
{
	const struct zone *zone = care->zone;
	struct tesla_error err;

	if (zones_get(care->app->zones, n->zone, &zone, &err) != 0)
		log_msg(&care->app->log, LOG_LEVEL_WARNING,
			"node %s: its days are made as the server's: %s", n->id, err.text);
	return zone;
}

/* False: no memory. */
static bool nodes_take(struct care *care)
{
	const struct registry *r = care->app->registry;
	struct tesla_error err;
	size_t n = registry_n_nodes(r);

	if (care->has_nodes && care->registry_changes == care->app->registry_changes)
		return true;
	nodes_release(care);
	if (zones_get(care->app->zones, "", &care->zone, &err) != 0)
		log_msg(&care->app->log, LOG_LEVEL_WARNING, "%s: days are UTC's", err.text);
	care->nodes = calloc(n + 1, sizeof *care->nodes);
	for (; care->nodes != NULL && care->n_nodes < n; care->n_nodes++) {
		const struct registry_node *node = registry_node_at(r, care->n_nodes);
		struct node_zone *at = &care->nodes[care->n_nodes];

		*at = (struct node_zone){ strdup(node->id), zone_of(care, node) };
		if (at->node == NULL)
			return false;
	}
	care->has_nodes = care->nodes != NULL;
	care->registry_changes = care->app->registry_changes;
	return care->has_nodes;
}

/* ---- in the loop's ---- */

static const char *const names[APP_N_CARES] = {
	[APP_COMPACTION] = "compaction",
	[APP_MAINTENANCE] = "roll-ups and retention",
};

/* The same is said once, until it went well. */
static void complain(struct task *task)
{
	struct care *care = task->care;

	if (task->job.result == 0) {
		care->counts.rounds[task->which]++;
		task->complaint = (struct tesla_error){ 0 };
		return;
	}
	care->counts.failed[task->which]++;
	if (task->complaint.code != 0 && strcmp(task->complaint.text, task->job.error.text) == 0)
		return;
	task->complaint = task->job.error;
	task->complaint.code = task->job.result;
	log_msg(&care->app->log, LOG_LEVEL_ERROR, "%s: %s", names[task->which],
		task->complaint.text);
}

static void say_done(struct care *care)
{
	const struct store_maintain_counts *now = &care->done, *before = &care->counts.done;
	uint64_t gone = now->rows_gone - before->rows_gone + now->blocks_gone - before->blocks_gone;

	if (gone > 0 || now->buckets != before->buckets)
		log_msg(&care->app->log, gone > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
			"roll-ups: %" PRIu64 " made, %" PRIu64 " of them anew; by age %" PRIu64
			" rows and %" PRIu64 " blocks are gone",
			now->buckets - before->buckets, now->late - before->late,
			now->rows_gone - before->rows_gone, now->blocks_gone - before->blocks_gone);
	care->counts.done = *now;
}

static void begin(uv_timer_t *timer)
{
	struct task *task = timer->data;
	struct care *care = task->care;

	task->job.result = 0;
	if ((task->which == APP_MAINTENANCE && !nodes_take(care)) ||
	    !keeper_submit(care->app->keeper, &task->job))
		(void)uv_timer_start(timer, begin, EVERY_MS, 0);
}

static void on_done(struct keeper_job *job)
{
	struct task *task = task_of(job);
	struct app *app = task->care->app;

	complain(task);
	if (task->which == APP_MAINTENANCE)
		say_done(task->care);
	if (!app->stopping)
		(void)uv_timer_start(&app->care_timers[task->which], begin, EVERY_MS, 0);
}

static const struct keeper_job jobs[APP_N_CARES] = {
	[APP_COMPACTION] = { .kind = KEEPER_CARE, .work = compact_some, .done = on_done },
	[APP_MAINTENANCE] = { .kind = KEEPER_CARE, .work = maintain_some, .done = on_done },
};

int care_start(struct app *app, struct tesla_error *err)
{
	struct care *care = calloc(1, sizeof *care);

	if (care == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	care->app = app;
	app->care = care;
	for (size_t i = 0; i < APP_N_CARES; i++) {
		care->tasks[i] = (struct task){ care, (enum app_care)i, jobs[i], { 0 } };
		(void)uv_timer_init(&app->loop, &app->care_timers[i]);
		app->care_timers[i].data = &care->tasks[i];
		begin(&app->care_timers[i]);
	}
	return 0;
}

void care_count(const struct app *app, struct care_counts *ret)
{
	*ret = app->care != NULL ? app->care->counts : (struct care_counts){ 0 };
}

void care_stop(struct app *app)
{
	struct care *care = app->care;

	if (care == NULL)
		return;
	store_compact_end(care->compaction);
	store_maintain_free(care->maintain);
	nodes_release(care);
	for (size_t i = 0; i < APP_N_CARES; i++)
		uv_close((uv_handle_t *)&app->care_timers[i], NULL);
	free(care);
	app->care = NULL;
}
