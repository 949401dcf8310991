/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the daemon that makes records and keeps them. */
#include "daemon/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Its folder above must be there, as with run_dir. */
static void folder_make(const char *what, const char *dir, const struct log *log)
{
	if (mkdir(dir, 0750) != 0 && errno != EEXIST)
		log_msg(log, LOG_LEVEL_ERROR, "%s %s cannot be made: %s", what, dir,
			strerror(errno));
}

static void on_made(void *arg, struct hub_analyzer *a, int64_t end_ms, const struct buf *bytes)
{
	struct recording *r = arg;

	/* At the start, of windows that ended meanwhile: nobody can get it, so it has no number. */
	if (r->hub->n_sinks > 0)
		hub_record(r->hub, a, end_ms, bytes);
}

static void on_ready(void *arg)
{
	struct recording *r = arg;

	clerk_kick(r->clerk);
}

static int64_t on_mono(void *arg)
{
	(void)arg;
	return clock_mono_us();
}

static void on_readings(void *arg, struct hub_analyzer *a, const size_t *which, size_t n)
{
	struct recording *r = arg;

	recorder_add(r->recorder, a, which, n, clock_wall_us());
}

static int keep_start(struct recording *r, const struct ini *ini, const struct log *log)
{
	_cleanup_free_ struct keep_slot *slots = recorder_slots(r->hub);

	if (slots != NULL)
		r->keep = keep_open(ini->run_dir, ini->state_dir, slots, r->hub->n_analyzers, log);
	return r->keep ? 0 : -ENOMEM;
}

static bool has_journal(const struct ini *ini)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/journal/data.mdb", ini->state_dir) < 0)
		path = NULL;
	return path != NULL && access(path, F_OK) == 0;
}

static int clerk_start(struct recording *r, uv_loop_t *loop, const struct ini *ini,
		       const struct log *log)
{
	struct clerk_conf conf = { .program = "/proc/self/exe",
				   .limits = ini->journal.limits,
				   .sync_interval_ms = ini->journal.sync_interval_ms,
				   .keep = r->keep,
				   .log = log };

	if (asprintf(&r->journal, "%s/journal", ini->state_dir) < 0) {
		r->journal = NULL;
		return -ENOMEM;
	}
	conf.dir = r->journal;
	r->clerk = clerk_new(loop, &conf);
	return r->clerk ? 0 : -ENOMEM;
}

static struct recorder *recorder_of(struct recording *r, const struct check *c)
{
	const struct recorder_calls calls = {
		.made = on_made, .ready = on_ready, .arg = r, .mono_us = on_mono
	};
	size_t n = c->config->n_exporters;
	_cleanup_free_ bool *durable = calloc(n + 1, sizeof *durable);

	for (size_t i = 0; durable != NULL && i < n; i++)
		durable[i] = c->plugins->exporters[i] != NULL &&
			     !(c->plugins->exporters[i]->caps & TESLA_LIVE);
	return durable ? recorder_new(c->hub, r->keep, &calls, durable) : NULL;
}

static void recorder_use(struct recording *r, struct hub *h, struct recorder *recorder,
			 bool goes_on)
{
	r->hub = h;
	r->recorder = recorder;
	h->on_readings_arg = r;
	h->on_readings = on_readings;
	recorder_begin(recorder, goes_on, clock_wall_us());
}

static int recorder_start(struct recording *r, const struct check *c)
{
	struct recorder *recorder = recorder_of(r, c);

	if (recorder == NULL)
		return -ENOMEM;
	recorder_use(r, c->hub, recorder, false);
	if (r->lost)
		recorder_doubt(recorder);
	return 0;
}

int recording_change(struct recording *r, const struct check *next, void (*adopt)(void *arg),
		     void *arg, struct tesla_error *err)
{
	struct recorder *old = r->recorder, *recorder = recorder_of(r, next);
	struct hub *hub = next->hub; /* `next` is moved by adopt */
	_cleanup_free_ struct keep_slot *slots = recorder_slots(next->hub);
	int rc = -ENOMEM;

	if (recorder == NULL || slots == NULL)
		(void)tesla_fail(err, rc, "no memory for the windows of %zu analyzers",
				 next->hub->n_analyzers);
	else
		rc = keep_change(r->keep, slots, next->hub->n_analyzers, err);
	if (rc != 0) {
		recorder_free(recorder);
		return rc;
	}
	recorder_hand_over(old, recorder, clock_wall_us());
	recorder_free(old);
	r->recorder = NULL;
	r->hub->on_readings = NULL;
	adopt(arg); /* the old hub is gone after it */
	recorder_use(r, hub, recorder, true);
	return 0;
}

int recording_start(struct recording *r, uv_loop_t *loop, const struct check *c,
		    const struct log *log)
{
	int rc;

	*r = (struct recording){ .hub = c->hub };
	folder_make("run_dir", c->ini->run_dir, log);
	folder_make("state_dir", c->ini->state_dir, log);
	rc = keep_start(r, c->ini, log);
	r->lost = rc == 0 && keep_is_new(r->keep) && has_journal(c->ini);
	if (rc == 0)
		rc = clerk_start(r, loop, c->ini, log);
	return rc == 0 ? recorder_start(r, c) : rc;
}

void recording_stop(struct recording *r, void (*stopped)(void *arg), void *arg)
{
	if (r->clerk != NULL)
		clerk_stop(r->clerk, stopped, arg);
	else
		stopped(arg);
}

void recording_release(struct recording *r)
{
	if (r->hub != NULL)
		r->hub->on_readings = NULL;
	recorder_free(r->recorder);
	if (r->keep != NULL)
		keep_close(r->keep, true);
	clerk_free(r->clerk);
	free(r->journal);
}
