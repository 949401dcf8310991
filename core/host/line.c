/* SPDX-License-Identifier: Apache-2.0 */
/* What happens on a line, one thing at a time. */
#include "host/line.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/sweep.h"

#define OFFLINE_AFTER 3			/* time-outs with no answer between them */
#define SCALES_EVERY_US 600000000	/* scale registers are read again, in idle time */
#define IDLE_MARGIN_US 20000		/* what an idle job leaves free before the next deadline */
#define CLOCK_STEP_US 200000		/* more than slewing makes between two looks at the clocks */
#define LOOK_AT_CLOCKS_US 60000000	/* and so often they are looked at */
#define REOPEN_MS 1000
#define TELL_MAX 64u			/* sweeps between two looks at what was measured */
#define TELL_CHANGE 0.05
#define NEVER INT64_MAX

void line_free(struct line *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_analyzers; i++)
		analyzer_free(l->analyzers[i]);
	for (size_t i = 0; i < l->n_drivers; i++) {
		free(l->drivers[i].name);
		free(l->drivers[i].conf);
	}
	for (size_t i = 0; l->texts != NULL && l->texts[i] != NULL; i++)
		free(l->texts[i]);
	free(l->texts);
	free(l->analyzers);
	free(l->drivers);
	free(l->name);
	free(l);
}

int64_t line_late_max_ms(const struct line *l, const struct analyzer *a)
{
	if (l->params.late_max_ms >= 0)
		return l->params.late_max_ms;
	return a->kind->model->late_max_ms >= 0 ? a->kind->model->late_max_ms : l->params.timeout_ms;
}

static int64_t pause_us(const struct line *l, const struct analyzer *a)
{
	int64_t model = a->kind->model->pause_ms, own = l->params.pause_ms;

	return 1000 * (model > own ? model : own);
}

/* ---- what a transaction costs ---- */

/* A character is 11 bits on an RTU line whatever the setting. */
static double char_us(const struct line *l)
{
	return l->params.baud > 0 ? 11e6 / (double)l->params.baud : 0;
}

/* 3.5 characters, but 1.75 ms above 19200 Bd. */
static double silence_us(const struct line *l)
{
	return l->params.baud > 19200 ? 1750 : 3.5 * char_us(l);
}

/* Request 8 and reply 5 characters and a silence before each; a register is two characters. */
struct plan_cost line_cost(const struct line *l, const struct analyzer *a)
{
	return (struct plan_cost){
		.c0_us = 13 * char_us(l) + 2 * silence_us(l) + a->turnaround_us + (double)pause_us(l, a),
		.c1_us = l->params.baud > 0 ? 2 * char_us(l) : 1,
		.max_registers = a->max_registers,
	};
}

static void observe(struct line *l, struct job *job, const struct tesla_reply *reply, unsigned registers)
{
	double took = (double)(reply->received_us - reply->sent_us);
	double wire = (13 + 2 * registers) * char_us(l) + silence_us(l);

	if (reply->sent_us == 0 || reply->received_us == 0)
		return;
	job->bus_us += (int64_t)(took + silence_us(l));
	if (job->phase == PHASE_READ)
		job->read_us += (int64_t)(took + silence_us(l));
	if (reply->status == TESLA_REPLY_OK)
		analyzer_observe(job->a, took - wire);
}

/* ---- states ---- */

static void analyzer_set(struct line *l, struct analyzer *a, enum analyzer_state state, const char *reason)
{
	if (a->state == state)
		return;
	a->state = state;
	line_report_state(l, a, reason, NULL, 0, 0);
}

static void analyzer_reconnect(struct analyzer *a)
{
	a->connect_needed = a->identify_needed = true;
	a->timeouts_in_row = 0;
	a->backoff_ms = 0;
	schedule_at_once(&a->schedule);
}

/* With jitter, downwards: so the bound is a bound. */
static int64_t jittered_us(struct line *l, int64_t ms)
{
	return ms * 1000 - (int64_t)((double)ms * 200 * rand_r(&l->random) / RAND_MAX);
}

static void probe_later(struct line *l, struct analyzer *a, int64_t mono_us)
{
	int64_t first = 10 * (l->params.timeout_ms + line_late_max_ms(l, a));

	if (first < a->schedule.interval_ms[0])
		first = a->schedule.interval_ms[0];
	a->backoff_ms = a->backoff_ms == 0 ? first : 2 * a->backoff_ms;
	if (a->backoff_ms > l->params.backoff_max_ms)
		a->backoff_ms = l->params.backoff_max_ms;
	a->probe_at_us = mono_us + jittered_us(l, a->backoff_ms);
}

void line_opened(struct line *l, int64_t mono_us)
{
	l->state = LINE_OPEN;
	l->drain_until_us = 0;
	l->pub.last_byte_us = mono_us;
	for (size_t i = 0; i < l->n_analyzers; i++) {
		struct analyzer *a = l->analyzers[i];

		if (a->state == ANALYZER_FAILED)
			continue;
		analyzer_reconnect(a);
		if (a->state == ANALYZER_OFFLINE)
			analyzer_set(l, a, ANALYZER_CONNECTING, "the line is open again");
	}
	line_report_line(l, NULL);
}

static void reopen_later(struct line *l, int64_t mono_us)
{
	l->open_at_us = mono_us + 1000 * l->open_backoff_ms;
	l->open_backoff_ms = l->open_backoff_ms == 0 ? REOPEN_MS : 2 * l->open_backoff_ms;
	if (l->open_backoff_ms > l->params.backoff_max_ms)
		l->open_backoff_ms = l->params.backoff_max_ms;
}

void line_open_failed(struct line *l, int64_t mono_us, const char *why)
{
	bool news = l->state != LINE_FAILED;

	l->state = LINE_FAILED;
	if (l->open_backoff_ms == 0)
		l->open_backoff_ms = REOPEN_MS;
	reopen_later(l, mono_us);
	if (!news)
		return;
	line_report_line(l, why);
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->state != ANALYZER_FAILED)
			analyzer_set(l, l->analyzers[i], ANALYZER_OFFLINE, why);
}

void line_hung_up(struct line *l, int64_t mono_us)
{
	l->state = LINE_CLOSED;
	reopen_later(l, mono_us);
}

/* ---- jobs ---- */

static void job_error(struct job *job, int code, const char *text)
{
	if (job->error.code == 0)
		(void)tesla_fail(&job->error, code != 0 ? code : -1, "%s", text);
}

static void phase_enter(struct line *l, enum job_phase phase)
{
	struct job *job = &l->job;
	struct plan_cost cost = line_cost(l, job->a);
	struct tesla_error err = { 0 };
	int r = 0;

	job->phase = phase;
	job->step = 0;
	job->retried = false;
	job->plan = NULL;
	if (phase == PHASE_CONNECT)
		r = analyzer_connect_plan(job->a, &cost, &job->plan, &err);
	else if (phase == PHASE_READ)
		r = analyzer_plan(job->a, job->due, &cost, &job->plan, &err);
	if (r != 0) {
		job_error(job, r, err.text);
		job->plan = NULL;
	}
	for (size_t i = 0; job->plan != NULL && i < job->plan->n; i++) {
		job->plan->list[i].ok = false;
		job->plan->list[i].split = 0;
	}
}

static bool phase_over(const struct job *job)
{
	return job->plan == NULL || job->step >= job->plan->n;
}

static void scales_done(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct analyzer *a = l->job.a;

	if (a->scales_changed)
		line_report_state(l, a, NULL, "the meter's scale registers changed", a->scales_from_ms,
				  wall_us / 1000);
	a->scales_at_us = a->connect_plan != NULL && a->connect_plan->n > 0 ? mono_us + SCALES_EVERY_US : NEVER;
	a->scales_from_ms = wall_us / 1000;
}

static void learned_report(struct line *l)
{
	if (l->job.learned) {
		l->job.learned = false;
		line_report_plan(l);
	}
}

/* The core shows what was measured: soon at first, then only what has moved, and rarely. */
static void measured(struct line *l, struct analyzer *a, int64_t read_us)
{
	bool first = a->measured_us == 0;

	a->measured_us += (first ? 1 : SMOOTH) * ((double)read_us - a->measured_us);
	if (!first && --a->tell_in > 0)
		return;
	a->tell_every = first ? 1 : a->tell_every < TELL_MAX ? 2 * a->tell_every : TELL_MAX;
	a->tell_in = a->tell_every;
	if (fabs(a->measured_us - a->told_us) > TELL_CHANGE * a->told_us) {
		a->told_us = a->measured_us;
		line_report_plan(l);
	}
}

static void sweep_over(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct analyzer *a = job->a;

	sweep_finish(l, job, mono_us, wall_us);
	job->kind = JOB_NONE;
	if (job->answered) {
		l->open_backoff_ms = 0;
		analyzer_set(l, a, ANALYZER_ONLINE, NULL);
	}
	if (a->timeouts_in_row >= OFFLINE_AFTER) {
		probe_later(l, a, mono_us);
		analyzer_set(l, a, ANALYZER_OFFLINE, job->error.text);
	}
	if (job->error.code == 0 && job->read_us > 0)
		measured(l, a, job->read_us);
	learned_report(l);
}

/* Moves on through phases that have nothing (more) to ask, to the next request or the job's end. */
static void job_settle(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct analyzer *a = job->a;

	if (job->phase == PHASE_IDENTIFY && !a->identify_needed)
		phase_enter(l, a->connect_needed ? PHASE_CONNECT : PHASE_READ);
	if (job->phase == PHASE_CONNECT && phase_over(job)) {
		a->connect_needed = false;
		scales_done(l, mono_us, wall_us);
		if (job->kind == JOB_SCALES) {
			job->kind = JOB_NONE;
			learned_report(l);
			return;
		}
		phase_enter(l, PHASE_READ);
	}
	if (job->phase == PHASE_READ && phase_over(job))
		sweep_over(l, mono_us, wall_us);
}

static void job_start(struct line *l, struct analyzer *a, enum job_kind kind, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;

	*job = (struct job){ .kind = kind, .a = a };
	if (kind == JOB_PROBE) {
		job->phase = PHASE_READ;
		return;
	}
	if (kind == JOB_SCALES) {
		phase_enter(l, PHASE_CONNECT);
	} else {
		job->missed = schedule_start(&a->schedule, wall_us / 1000, &job->deadline_ms, &job->due);
		sweep_clear(a);
		if (l->drivers[a->driver].plugin->driver.identify == NULL)
			a->identify_needed = false;
	}
	job_settle(l, mono_us, wall_us);
}

/* The job ends before its plan does: what was not read gets this reply. */
static void job_cut(struct line *l, const struct tesla_reply *reply, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;

	if (job->kind == JOB_SCALES) {
		job->a->scales_at_us = mono_us + SCALES_EVERY_US;
		job->kind = JOB_NONE;
		return;
	}
	for (size_t i = job->step; job->phase == PHASE_READ && job->plan != NULL && i < job->plan->n; i++)
		sweep_take(job->a, job->plan, &job->plan->list[i], reply);
	sweep_over(l, mono_us, wall_us);
}

/* ---- what came of a request ---- */

static void forbid(struct line *l, uint16_t function, uint32_t first, uint32_t last)
{
	struct kind *kind = l->job.a->kind;
	struct model_range range = { function, (uint16_t)first, (uint16_t)last };
	struct frame f;

	if (kind_forbid(kind, range) != 0)
		return;
	l->job.learned = true;
	msgpack_packer *pk = report_begin(l->gather->to, &f, "forbidden", 5);

	mp_key_str(pk, "model", kind->model->pub.name);
	mp_key_int(pk, "function", function);
	mp_key_int(pk, "first", first);
	mp_key_int(pk, "last", last);
	report_end(l->gather->to, &f);
}

/* Both halves of a refused read were answered: what lies between them is what was refused. */
static void learn_gap(struct line *l)
{
	struct job *job = &l->job;
	const struct transaction *right = &job->plan->list[job->step];
	const struct transaction *left = job->step > 0 ? right - 1 : right;
	uint32_t end = (uint32_t)left->what.address + left->what.count;

	if (left == right || right->split == 0 || left->split != right->split || !left->ok)
		return;
	if (end < right->what.address) {
		forbid(l, right->what.function, end, (uint32_t)right->what.address - 1);
		return;
	}
	/* No hole between them: the meter takes no read as long as both. */
	uint32_t longer = left->what.count > right->what.count ? left->what.count : right->what.count;

	if (longer < job->a->max_registers) {
		job->a->max_registers = longer;
		job->a->plan_generation--;	/* so that its plans are made anew */
		job->learned = true;
	}
}

static void step_ok(struct line *l, const struct tesla_reply *reply)
{
	struct job *job = &l->job;
	struct transaction *t = &job->plan->list[job->step];

	job->answered = true;
	if (job->phase == PHASE_READ) {
		if (job->first_sent_us == 0)
			job->first_sent_us = reply->sent_us;
		job->last_received_us = reply->received_us;
		job->reads++;
	}
	t->ok = true;
	sweep_take(job->a, job->plan, t, reply);
	learn_gap(l);
}

/* True: the step is to be tried again, in another form. */
static bool step_refused(struct line *l, const struct tesla_reply *reply)
{
	struct job *job = &l->job;
	struct transaction *t = &job->plan->list[job->step];
	struct tesla_error err;

	job->answered = true;
	job->exceptions++;
	if (reply->code == 2 && t->what.command == NULL) {
		if (t->n > 1 && plan_split(job->plan, job->step, job->a->blocks, &err) == 0)
			return true;
		if (t->split != 0)	/* refused alone as well: nothing is read together with it */
			forbid(l, t->what.function, t->what.address,
			       (uint32_t)t->what.address + t->what.count - 1);
	}
	sweep_take(job->a, job->plan, t, reply);
	return false;
}

static void step_done(struct line *l, const struct tesla_reply *reply, const struct tesla_error *err)
{
	struct job *job = &l->job;
	bool again = false;

	if (reply->status == TESLA_REPLY_OK) {
		step_ok(l, reply);
	} else if (reply->status == TESLA_REPLY_EXCEPTION) {
		again = step_refused(l, reply);
	} else {			/* garbled: once more */
		job->garbled++;
		again = !job->retried;
		job->retried = true;
		if (!again)
			sweep_take(job->a, job->plan, &job->plan->list[job->step], reply);
	}
	if (again)
		return;
	if (reply->status != TESLA_REPLY_OK)
		job_error(job, err->code, err->text);
	job->step++;
	job->retried = false;
}

static void identify_done(struct line *l, const struct tesla_reply *reply)
{
	struct analyzer *a = l->job.a;
	_cleanup_free_ char *text = NULL;
	struct tesla_error note;

	a->identify_needed = false;
	if (reply->status == TESLA_REPLY_OK)
		text = strndup((const char *)reply->data->bytes, reply->data->len);
	if (text != NULL && *text != '\0') {
		bool loud = analyzer_identified(a, text, l->patterns, &note);

		line_report_state(l, a, NULL, loud ? note.text : NULL, 0, 0);
	} else if (a->verified == VERIFIED_YES) {	/* what is in doubt stays so until it is answered */
		a->verified = VERIFIED_NO;
		line_report_state(l, a, NULL, NULL, 0, 0);
	}
}

static void probe_done(struct line *l, const struct tesla_reply *reply, int64_t mono_us)
{
	struct analyzer *a = l->job.a;

	l->job.kind = JOB_NONE;
	if (reply->status == TESLA_REPLY_OK || reply->status == TESLA_REPLY_EXCEPTION) {
		analyzer_reconnect(a);
		a->state = ANALYZER_CONNECTING;	/* not news: the sweep that follows tells */
	} else {
		probe_later(l, a, mono_us);
	}
}

static void drain_start(struct line *l, const struct analyzer *a, int64_t mono_us)
{
	l->drain_until_us = mono_us + 1000 * line_late_max_ms(l, a);
}

void line_done(struct line *l, const struct tesla_reply *reply, const struct tesla_error *err, int64_t mono_us,
	       int64_t wall_us)
{
	struct job *job = &l->job;
	bool timeout = reply->status == TESLA_REPLY_TIMEOUT, broken = reply->status == TESLA_REPLY_BROKEN;

	assert(job->kind != JOB_NONE);
	job->transactions++;
	if (timeout)
		drain_start(l, job->a, mono_us);
	if (!timeout && !broken && reply->status != TESLA_REPLY_GARBLED)
		job->a->timeouts_in_row = 0;
	if (job->kind == JOB_PROBE) {
		probe_done(l, reply, mono_us);
	} else if (broken) {
		job_error(job, err->code, err->text);
		job_cut(l, reply, mono_us, wall_us);
	} else if (job->phase == PHASE_IDENTIFY) {
		identify_done(l, reply);
		job_settle(l, mono_us, wall_us);
	} else if (timeout) {
		job->timeouts++;
		job->a->timeouts_in_row++;
		job->bus_us += 1000 * l->params.timeout_ms;
		job_error(job, err->code, err->text);
		job_cut(l, reply, mono_us, wall_us);
	} else {
		observe(l, job, reply, job->plan->list[job->step].what.count);
		step_done(l, reply, err);
		job_settle(l, mono_us, wall_us);
	}
	if (broken)
		line_hung_up(l, mono_us);
}

/* ---- what next ---- */

/* A stepped clock: deadlines are multiples of the interval on the clock as it is now. */
static void clocks_check(struct line *l, int64_t mono_us, int64_t wall_us)
{
	int64_t offset = wall_us - mono_us;
	bool stepped = l->offset_us != 0 && llabs(offset - l->offset_us) > CLOCK_STEP_US;

	l->offset_us = offset;
	if (!stepped)
		return;
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->schedule.deadline_ms != INT64_MIN)
			schedule_after(&l->analyzers[i]->schedule, wall_us / 1000);
}

/* Monotonic time at which the analyzer wants the line. */
static int64_t due_at(const struct analyzer *a, int64_t mono_us, int64_t wall_us)
{
	switch (a->state) {
	case ANALYZER_FAILED:
		return NEVER;
	case ANALYZER_OFFLINE:
		return a->probe_at_us;
	default:
		if (a->schedule.deadline_ms == INT64_MIN)
			return INT64_MIN;
		return mono_us + a->schedule.deadline_ms * 1000 - wall_us;
	}
}

/* A probe that is due goes before a sweep; among sweeps the earliest deadline, ties in their order. */
static struct analyzer *analyzer_pick(const struct line *l, int64_t mono_us, int64_t wall_us, int64_t *at)
{
	struct analyzer *best = NULL;

	*at = NEVER;
	for (size_t i = 0; i < l->n_analyzers; i++) {
		struct analyzer *a = l->analyzers[i];
		int64_t due = due_at(a, mono_us, wall_us);

		if (a->state == ANALYZER_OFFLINE && due <= mono_us) {
			*at = due;
			return a;
		}
		if (due < *at) {
			*at = due;
			best = a;
		}
	}
	return best;
}

/* An analyzer whose scale registers can be read before `until_us`, when something else is due. */
static struct analyzer *scales_pick(const struct line *l, int64_t mono_us, int64_t until_us)
{
	for (size_t i = 0; i < l->n_analyzers; i++) {
		struct analyzer *a = l->analyzers[i];
		struct plan_cost cost = line_cost(l, a);
		struct tesla_error err;
		struct plan *plan;

		if (a->state != ANALYZER_ONLINE || a->connect_needed || a->scales_at_us > mono_us ||
		    analyzer_connect_plan(a, &cost, &plan, &err) != 0)
			continue;
		if (until_us - mono_us > (int64_t)(2 * plan_predict(plan, &cost)) + IDLE_MARGIN_US)
			return a;
	}
	return NULL;
}

/* False: nothing to do before *until_us. */
static bool job_pick(struct line *l, int64_t mono_us, int64_t wall_us, int64_t *until_us)
{
	struct analyzer *a = analyzer_pick(l, mono_us, wall_us, until_us), *idle;

	if (a != NULL && *until_us <= mono_us) {
		job_start(l, a, a->state == ANALYZER_OFFLINE ? JOB_PROBE : JOB_SWEEP, mono_us, wall_us);
		return true;
	}
	idle = scales_pick(l, mono_us, *until_us);
	if (idle != NULL)
		job_start(l, idle, JOB_SCALES, mono_us, wall_us);
	return idle != NULL;
}

static struct action job_action(struct line *l)
{
	struct job *job = &l->job;
	struct action next = { .act = ACT_READ, .a = job->a, .driver = &l->drivers[job->a->driver] };

	if (job->kind == JOB_PROBE)
		next.what = *analyzer_cheapest(job->a);
	else if (job->phase == PHASE_IDENTIFY)
		next.act = ACT_IDENTIFY;
	else
		next.what = job->plan->list[job->step].what;
	return next;
}

static struct action act_until(enum act act, int64_t until_us)
{
	return (struct action){ .act = act, .until_us = until_us };
}

struct action line_next(struct line *l, int64_t mono_us, int64_t wall_us)
{
	int64_t until = 0, look = mono_us + LOOK_AT_CLOCKS_US, quiet_until;

	clocks_check(l, mono_us, wall_us);
	if (l->state != LINE_OPEN)
		return act_until(mono_us >= l->open_at_us ? ACT_OPEN : ACT_WAIT, l->open_at_us);
	if (l->drain_until_us > mono_us)
		return act_until(ACT_DRAIN, l->drain_until_us);
	if (l->job.kind == JOB_NONE && (!job_pick(l, mono_us, wall_us, &until) || l->job.kind == JOB_NONE))
		return act_until(ACT_WAIT, until < look ? until : look);
	quiet_until = l->pub.last_byte_us + pause_us(l, l->job.a);
	if (pause_us(l, l->job.a) > 0 && quiet_until > mono_us)
		return act_until(ACT_WAIT, quiet_until);
	return job_action(l);
}
