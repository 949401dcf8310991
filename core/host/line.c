/* SPDX-License-Identifier: Apache-2.0 */
/* What happens on a line, one thing at a time. */
#include "host/line.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/line_parts.h"
#include "host/sweep.h"

#define OFFLINE_AFTER 3		   /* time-outs with no answer between them */
#define SCALES_EVERY_US 600000000  /* scale registers are read again, in idle time */
#define SCALES_RETRY_US 5000000	   /* or soon, when there was no answer */
#define LOOK_AT_CLOCKS_US 60000000 /* and so often they are looked at */
#define REOPEN_MS 1000
#define TELL_MAX 64u /* sweeps between two looks at what was measured */
#define TELL_CHANGE 0.05

static const struct tesla_driver *line_driver(const struct line *l, const struct analyzer *a)
{
	return &l->drivers[a->driver].plugin->driver;
}

/* ---- states ---- */

void line_set_state(struct line *l, struct analyzer *a, enum analyzer_state state,
		    const char *reason)
{
	if (a->state == state)
		return;
	a->state = state;
	line_report_state(l, a, reason, NULL, 0, 0);
}

static void analyzer_reconnect(struct analyzer *a)
{
	a->connect_needed = a->identify_needed = true;
	a->backoff_ms = 0;
	if (a->state != ANALYZER_ONLINE)
		schedule_at_once(&a->schedule);
}

void line_release(struct analyzer *a)
{
	if (a->state == ANALYZER_FAILED)
		return;
	analyzer_reconnect(a);
	schedule_at_once(&a->schedule);
	if (a->state == ANALYZER_OFFLINE)
		a->state = ANALYZER_CONNECTING; /* not news: the sweep that follows tells */
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
	if (l->pub.kind == TESLA_LINE_TCP) /* elsewhere a late reply may reach the new connection */
		l->drain_until_us = 0;
	l->pub.last_byte_us = mono_us;
	for (size_t i = 0; i < l->n_analyzers; i++) {
		struct analyzer *a = l->analyzers[i];

		if (a->state == ANALYZER_FAILED || a->unanswered >= OFFLINE_AFTER)
			continue; /* silent by itself: its probe brings it back */
		analyzer_reconnect(a);
		if (a->state == ANALYZER_OFFLINE)
			line_set_state(l, a, ANALYZER_CONNECTING, "the line is open again");
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
	if (news)
		line_report_line(l, why);
	for (size_t i = 0; news && i < l->n_analyzers; i++)
		if (l->analyzers[i]->state != ANALYZER_FAILED)
			line_set_state(l, l->analyzers[i], ANALYZER_OFFLINE, why);
	line_asks_fail(l, why);
}

/* ---- jobs ---- */

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

/* What was not read has no value yet: it is asked for again, and soon. */
static bool scales_known(const struct analyzer *a)
{
	for (size_t i = 0; i < a->n_blocks; i++)
		if ((a->blocks[i].flags & TESLA_BLOCK_CONNECT) &&
		    a->replies[i].status != TESLA_REPLY_OK)
			return false;
	return true;
}

static void scales_done(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct analyzer *a = l->job.a;

	/* Those of another model are not this one's: what is said of that stays. */
	if (a->scales_changed && a->verified != VERIFIED_OTHER)
		line_report_state(l, a, NULL, "the meter's scale registers changed",
				  a->scales_from_ms, wall_us / 1000);
	if (a->connect_plan == NULL || a->connect_plan->n == 0)
		a->scales_at_us = NEVER;
	else
		a->scales_at_us = mono_us + (scales_known(a) ? SCALES_EVERY_US : SCALES_RETRY_US);
	if (scales_known(a))
		a->scales_from_ms = wall_us / 1000;
}

static void learned_report(struct line *l)
{
	if (l->job.learned) {
		l->job.learned = false;
		line_report_plan(l);
	}
}

/* A job that is no sweep: what it counted goes with the next one. */
static void job_over(struct line *l)
{
	struct counts *owed = &l->job.a->owed, *c = &l->job.counts;

	owed->timeouts += c->timeouts;
	owed->garbled += c->garbled;
	owed->exceptions += c->exceptions;
	owed->transactions += c->transactions;
	owed->bus_us += c->bus_us;
	histogram_merge(&owed->took, &c->took);
	l->job.kind = JOB_NONE;
	learned_report(l);
}

void line_job_drop(struct line *l)
{
	struct ask *ask = l->job.ask;

	if (l->job.kind == JOB_NONE)
		return;
	job_over(l);
	l->job.ask = NULL;
	if (ask != NULL) {
		struct ask **back = ask->what == ASK_LOOK ? &l->looks.first : &l->asks;

		ask->next = *back;
		*back = ask;
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

/* A meter that answers, but not well, says so in its state: once, and once when it is over. */
static void failure_tell(struct line *l, struct analyzer *a, const struct tesla_error *err)
{
	bool told = a->failed_in_row >= OFFLINE_AFTER;

	a->failed_in_row = err->code == 0 ? 0 : a->failed_in_row + 1;
	if (a->state == ANALYZER_OFFLINE)
		return;
	if (!told && a->failed_in_row >= OFFLINE_AFTER)
		line_report_state(l, a, err->text, NULL, 0, 0);
	else if (told && a->failed_in_row == 0)
		line_report_state(l, a, NULL, NULL, 0, 0);
}

static void sweep_over(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct analyzer *a = job->a;
	struct ask *ask = job->ask;

	sweep_finish(l, job, mono_us, wall_us);
	job->kind = JOB_NONE;
	if (job->answered) {
		l->open_backoff_ms = 0;
		line_set_state(l, a, ANALYZER_ONLINE, NULL);
	}
	if (a->unanswered >= OFFLINE_AFTER) {
		probe_later(l, a, mono_us);
		line_set_state(l, a, ANALYZER_OFFLINE, job->error.text);
	}
	failure_tell(l, a, &job->error);
	if (job->error.code == 0 && job->read_us > 0)
		measured(l, a, job->read_us);
	learned_report(l);
	job->ask = NULL;
	if (ask != NULL)
		line_report_answer(l, ask, job->answered ? NULL : job->error.text);
}

/* Its addresses count from where its SunSpec model is. */
static bool is_lost(const struct analyzer *a)
{
	return a->kind->model->sunspec != 0 && a->base < 0;
}

/* It answers, but has nothing that could be read: looked for again with the next sweep. */
static void model_not_found(struct line *l)
{
	struct job *job = &l->job;
	struct tesla_error err;

	(void)tesla_fail(&err, -ENOENT, "no SunSpec model %u behind a marker at 40000, 50000 or 0",
			 job->a->kind->model->sunspec);
	job_error(job, err.code, err.text);
	job->phase = PHASE_READ;
	job->answered = true;
	job->a->identify_needed = true;
}

/* Moves on through phases that have nothing (more) to ask, to the next request or the job's end. */
static void job_settle(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct analyzer *a = job->a;

	if (job->phase == PHASE_IDENTIFY && !a->identify_needed) {
		if (is_lost(a)) {
			model_not_found(l);
			sweep_over(l, mono_us, wall_us);
			return;
		}
		phase_enter(l, a->connect_needed ? PHASE_CONNECT : PHASE_READ);
	}
	if (job->phase == PHASE_CONNECT && phase_over(job)) {
		a->connect_needed = false;
		scales_done(l, mono_us, wall_us);
		if (job->kind == JOB_SCALES) {
			job_over(l);
			return;
		}
		phase_enter(l, PHASE_READ);
	}
	if (job->phase == PHASE_READ && phase_over(job))
		sweep_over(l, mono_us, wall_us);
}

static void sweep_begin(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct analyzer *a = job->a;

	job->counts = a->owed;
	a->owed = (struct counts){ 0 };
	sweep_clear(a);
	if (!enquiry_possible(a, line_driver(l, a)))
		a->identify_needed = false;
	job_settle(l, mono_us, wall_us);
}

/* All variables, whatever is due: the schedule goes on as if nothing had been asked. */
static void read_start(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct analyzer *a = job->a;

	if (a->state == ANALYZER_OFFLINE) { /* should it answer, it is back */
		a->connect_needed = a->identify_needed = true;
		schedule_after(&a->schedule, wall_us / 1000);
	}
	job->due = (1u << a->schedule.n) - 1;
	job->deadline_ms = wall_us / 1000;
	if (a->schedule.deadline_ms == INT64_MIN) /* it is the first one that it waits for */
		(void)schedule_start(&a->schedule, wall_us / 1000, &job->deadline_ms, &job->due);
	sweep_begin(l, mono_us, wall_us);
}

/* The first ask is one that can be done: line_asks_settle saw to that. */
static void ask_start(struct line *l, int64_t mono_us, int64_t wall_us)
{
	struct ask *ask = l->asks;

	l->asks = ask->next;
	l->job = (struct job){ .kind = ask->what == ASK_READ ? JOB_SWEEP : JOB_IDENTIFY,
			       .a = line_analyzer(l, ask->analyzer),
			       .ask = ask };
	l->probed_last = false;
	if (ask->what == ASK_READ)
		read_start(l, mono_us, wall_us);
}

static void job_start(struct line *l, struct analyzer *a, enum job_kind kind, int64_t mono_us,
		      int64_t wall_us)
{
	struct job *job = &l->job;

	*job = (struct job){ .kind = kind, .a = a };
	l->probed_last = kind == JOB_PROBE;
	if (kind == JOB_PROBE) {
		job->phase = PHASE_READ;
		return;
	}
	if (kind == JOB_SCALES) {
		phase_enter(l, PHASE_CONNECT);
		job_settle(l, mono_us, wall_us);
		return;
	}
	job->timed = a->schedule.deadline_ms != INT64_MIN;
	job->missed = schedule_start(&a->schedule, wall_us / 1000, &job->deadline_ms, &job->due);
	job->late_us = wall_us - job->deadline_ms * 1000;
	sweep_begin(l, mono_us, wall_us);
}

/* The job ends before its plan does: what was not read gets this reply. */
static void job_cut(struct line *l, const struct tesla_reply *reply, int64_t mono_us,
		    int64_t wall_us)
{
	struct job *job = &l->job;

	if (job->kind == JOB_SCALES) {
		job->a->scales_at_us = mono_us + SCALES_RETRY_US;
		job_over(l);
		return;
	}
	for (size_t i = job->step;
	     job->phase == PHASE_READ && job->plan != NULL && i < job->plan->n; i++)
		sweep_take(job->a, job->plan, &job->plan->list[i], reply);
	sweep_over(l, mono_us, wall_us);
}

/* ---- what came of a request ---- */

/* asked: it is told in any case. */
static bool identify_done(struct line *l, bool asked, bool accept)
{
	struct analyzer *a = l->job.a;
	const char *text = a->heard;
	struct tesla_error note;

	a->identify_needed = false;
	line_report_texts(l, a);
	if (text != NULL && *text != '\0') {
		if (accept) { /* what it says now is the reference */
			free(a->identity);
			a->identity = NULL;
		}
		bool loud = analyzer_identified(a, text, l->patterns, &note);

		line_report_state(l, a, NULL, loud ? note.text : NULL, 0, 0);
		return true;
	}
	if (a->verified == VERIFIED_YES || asked) {
		if (a->verified == VERIFIED_YES)
			a->verified = VERIFIED_NO; /* what is in doubt stays so */
		line_report_state(l, a, NULL, NULL, 0, 0);
	}
	return false;
}

static void identity_asked(struct line *l, const struct tesla_reply *reply,
			   const struct tesla_error *err)
{
	struct ask *ask = l->job.ask;
	bool said = identify_done(l, true, ask->what == ASK_ACCEPT);
	const char *why =
		reply->status == TESLA_REPLY_OK ? "the meter does not say who it is" : err->text;

	l->job.ask = NULL;
	job_over(l);
	line_report_answer(l, ask, said ? NULL : why);
}

/* Who a meter is may stay unknown; where its SunSpec model is, a sweep must be told. */
static bool needs_place(const struct job *job)
{
	return job->kind != JOB_IDENTIFY && job->phase == PHASE_IDENTIFY &&
	       job->a->kind->model->sunspec != 0;
}

/* The enquiry's next question, or what came of it all. */
static void enquiry_done(struct line *l, const struct tesla_reply *reply,
			 const struct tesla_error *err, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct tesla_block what;
	bool who;

	if (reply->status == TESLA_REPLY_GARBLED && needs_place(job)) {
		job->counts.garbled++;
		if (!job->retried) { /* the same question again */
			job->retried = true;
			return;
		}
		job_error(job, err->code, err->text);
		job_cut(l, reply, mono_us, wall_us);
		return;
	}
	job->retried = false;
	enquiry_take(&job->enquiry, job->a, reply);
	if (enquiry_next(&job->enquiry, job->a, line_driver(l, job->a), &what, &who))
		return;
	if (job->kind == JOB_IDENTIFY) {
		identity_asked(l, reply, err);
		return;
	}
	(void)identify_done(l, false, false);
	job_settle(l, mono_us, wall_us);
}

static void probe_done(struct line *l, enum tesla_status status, int64_t mono_us)
{
	struct analyzer *a = l->job.a;

	job_over(l);
	if (status == TESLA_REPLY_OK || status == TESLA_REPLY_EXCEPTION) {
		analyzer_reconnect(a);
		a->failed_in_row = 0;
		a->state = ANALYZER_CONNECTING; /* not news: the sweep that follows tells */
	} else {
		probe_later(l, a, mono_us);
	}
}

/* Nothing came in time, or the connection broke: the job is over. */
static void unanswered(struct line *l, const struct tesla_reply *reply,
		       const struct tesla_error *err, int64_t mono_us, int64_t wall_us)
{
	l->job.a->unanswered++;
	job_error(&l->job, err->code, err->text);
	job_cut(l, reply, mono_us, wall_us);
}

static void step_done(struct line *l, const struct tesla_reply *reply,
		      const struct tesla_error *err, int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;

	line_observe(l, reply, &job->plan->list[job->step].what);
	switch (line_step(l, reply, err)) {
	case STEP_DONE:
		job->step++;
		job->retried = false;
		job_settle(l, mono_us, wall_us);
		break;
	case STEP_AGAIN:
		break;
	case STEP_CUT:
		job_cut(l, reply, mono_us, wall_us);
		break;
	}
}

/* What the plan asked for; NULL: it is over, or the job has none. */
static const struct tesla_block *job_block(const struct job *job)
{
	return job->plan != NULL && job->step < job->plan->n ? &job->plan->list[job->step].what
							     : NULL;
}

/*
 * What the meter may still have to say must not be taken for the answer to the next request.  What
 * had the whole time-out and was no answer in the end may have been noise: the answer is yet to
 * come.
 */
static void drain_start(struct line *l, const struct tesla_reply *reply, int64_t mono_us)
{
	const struct job *job = &l->job;
	int64_t until_us = mono_us + 1000 * line_late_max_ms(l, job->a);
	bool overdue = mono_us - reply->sent_us >= 1000 * l->params.timeout_ms;

	if (reply->status == TESLA_REPLY_GARBLED && l->pub.kind == TESLA_LINE_TCP)
		return; /* transaction numbers tell */
	if (reply->status == TESLA_REPLY_GARBLED && !overdue)
		until_us = reply->sent_us + line_reply_within_us(l, job->a, job_block(job));
	if (until_us > l->drain_until_us)
		l->drain_until_us = until_us;
}

/* Tells an answer of a length that was not asked for from a good one. */
static enum tesla_status status_of(const struct job *job, const struct tesla_reply *reply)
{
	const struct tesla_block *what = job_block(job);

	if (reply->status != TESLA_REPLY_OK || what == NULL)
		return reply->status;
	if (what->command == NULL && reply->data->len != 2u * what->count)
		return TESLA_REPLY_GARBLED;
	if (what->command != NULL && what->count != 0 && reply->data->len != what->count)
		return TESLA_REPLY_GARBLED;
	return TESLA_REPLY_OK;
}

void line_done(struct line *l, const struct tesla_reply *came, const struct tesla_error *err,
	       int64_t mono_us, int64_t wall_us)
{
	struct job *job = &l->job;
	struct tesla_reply reply = *came;

	assert(job->kind != JOB_NONE);
	if (job->kind == JOB_LOOK) {
		line_look_done(l, came, err, mono_us);
		if (came->status == TESLA_REPLY_BROKEN)
			line_hung_up(l, err->text, mono_us, wall_us);
		return;
	}
	reply.status = status_of(job, came);
	bool timeout = reply.status == TESLA_REPLY_TIMEOUT,
	     broken = reply.status == TESLA_REPLY_BROKEN;

	job->counts.transactions++;
	job->counts.timeouts += timeout;
	if (timeout)
		job->counts.bus_us += 1000 * l->params.timeout_ms;
	else if (!broken)
		histogram_add(&job->counts.took, reply.received_us - reply.sent_us);
	if (reply.status != TESLA_REPLY_OK && reply.status != TESLA_REPLY_EXCEPTION)
		drain_start(l, &reply, mono_us);
	else if (job->phase != PHASE_IDENTIFY) /* who says its name may still not be readable */
		job->a->unanswered = 0;
	if (job->kind == JOB_PROBE) {
		probe_done(l, reply.status, mono_us);
	} else if (broken && job->kind == JOB_IDENTIFY) {
		identity_asked(l, &reply, err);
	} else if (broken || (timeout && (job->phase != PHASE_IDENTIFY || needs_place(job)))) {
		unanswered(l, &reply, err, mono_us, wall_us);
	} else if (job->phase == PHASE_IDENTIFY) {
		enquiry_done(l, &reply, err, mono_us, wall_us);
	} else {
		step_done(l, &reply, err, mono_us, wall_us);
	}
	if (broken)
		line_hung_up(l, err->text, mono_us, wall_us);
}

void line_hung_up(struct line *l, const char *why, int64_t mono_us, int64_t wall_us)
{
	struct buf none;
	struct tesla_error err;

	buf_init(&none, 0);
	const struct tesla_reply broken = { .status = TESLA_REPLY_BROKEN, .data = &none.pub };

	(void)tesla_fail(&err, -EPIPE, "%s", why);
	if (l->job.kind == JOB_PROBE)
		probe_done(l, broken.status, mono_us);
	else if (l->job.kind == JOB_LOOK)
		line_look_done(l, &broken, &err, mono_us);
	else if (l->job.kind == JOB_IDENTIFY)
		identity_asked(l, &broken, &err);
	else if (l->job.kind != JOB_NONE)
		unanswered(l, &broken, &err, mono_us, wall_us);
	l->state = LINE_CLOSED;
	reopen_later(l, mono_us);
	if (l->asks != NULL || l->looks.first != NULL)
		l->open_at_us = mono_us;
	line_report_line(l, why);
}

/* ---- what next ---- */

/* False: nothing to do before *until_us. */
static bool job_pick(struct line *l, int64_t mono_us, int64_t wall_us, int64_t *until_us)
{
	enum job_kind kind;
	struct analyzer *a = NULL;

	if (l->asks != NULL) {
		ask_start(l, mono_us, wall_us);
		return true;
	}
	a = line_pick(l, mono_us, wall_us, &kind, until_us);
	if (l->looks.first != NULL && line_look_fits(l, mono_us, *until_us)) {
		line_look_start(l);
		return true;
	}
	if (a != NULL)
		job_start(l, a, kind, mono_us, wall_us);
	else if (l->looks.first != NULL && l->looks.share_at_us < *until_us)
		*until_us = l->looks.share_at_us;
	return a != NULL;
}

/* The next one of the enquiry that is under way. */
static struct action question(struct line *l, struct action next)
{
	struct job *job = &l->job;
	bool who;

	(void)enquiry_next(&job->enquiry, job->a, line_driver(l, job->a), &next.what, &who);
	next.act = who ? ACT_IDENTIFY : ACT_READ;
	return next;
}

static struct action job_action(struct line *l)
{
	struct job *job = &l->job;
	struct action next = { .act = ACT_READ,
			       .a = job->a,
			       .address = job->a->address,
			       .driver = &l->drivers[job->a->driver],
			       .timeout_ms = l->params.timeout_ms };

	if (job->kind == JOB_LOOK)
		return line_look_action(l);
	if (job->kind != JOB_PROBE && job->phase == PHASE_IDENTIFY)
		return question(l, next);
	next.what = job->kind == JOB_PROBE ? *analyzer_cheapest(job->a)
					   : job->plan->list[job->step].what;
	if (job->a->kind->model->sunspec != 0 && job->a->base > 0)
		next.what.address = (uint16_t)(next.what.address + job->a->base);
	return next;
}

static struct action act_until(enum act act, int64_t until_us)
{
	return (struct action){ .act = act, .until_us = until_us };
}

/* Nobody is to be polled: the line is left to others until somebody is. */
static struct action line_rest(struct line *l, int64_t mono_us)
{
	if (l->state != LINE_OPEN)
		return act_until(ACT_WAIT, NEVER);
	if (l->drain_until_us > mono_us)
		return act_until(ACT_DRAIN, l->drain_until_us);
	if (line_look_linger_us(l) > mono_us)
		return act_until(ACT_WAIT, line_look_linger_us(l));
	l->state = LINE_CLOSED;
	l->open_at_us = l->open_backoff_ms = 0;
	line_report_line(l, "all its analyzers are held");
	return act_until(ACT_WAIT, mono_us);
}

struct action line_next(struct line *l, int64_t mono_us, int64_t wall_us)
{
	int64_t until = 0, look = mono_us + LOOK_AT_CLOCKS_US, quiet_until;

	line_clocks(l, mono_us, wall_us);
	if (l->ending && l->state == LINE_OPEN && l->drain_until_us > mono_us)
		return act_until(ACT_DRAIN, l->drain_until_us);
	if (l->ending)
		return act_until(ACT_END, mono_us);
	if (l->job.kind == JOB_NONE)
		line_asks_settle(l, mono_us);
	if (!line_wanted(l))
		return line_rest(l, mono_us);
	if (l->state != LINE_OPEN)
		return act_until(mono_us >= l->open_at_us ? ACT_OPEN : ACT_WAIT, l->open_at_us);
	if (l->drain_until_us > mono_us)
		return act_until(ACT_DRAIN, l->drain_until_us);
	if (l->job.kind == JOB_NONE && !job_pick(l, mono_us, wall_us, &until))
		return act_until(ACT_WAIT, until < look ? until : look);
	if (l->job.kind == JOB_NONE)
		return act_until(ACT_WAIT, mono_us); /* over before it asked anything */
	quiet_until = l->pub.last_byte_us + line_pause_us(l, l->job.a);
	if (line_pause_us(l, l->job.a) > 0 && quiet_until > mono_us)
		return act_until(ACT_WAIT, quiet_until);
	return job_action(l);
}
