/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who works the journal: what the next turn of the pool is, and what came of the last one.  On the
 * loop's thread.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/clerk_internal.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000

/* ---- verdicts ---- */

static void verdicts_release(struct verdicts *v)
{
	for (size_t i = 0; i < v->n; i++) {
		union {
			const char *in;
			char *out;
		} u = { .in = v->list[i].rejected };

		free(u.out);
	}
	free(v->list);
	*v = (struct verdicts){ .n = 0 };
}

static int verdicts_room(struct verdicts *v, size_t n)
{
	struct journal_verdict *list;
	size_t cap = v->cap ? v->cap : 64;

	while (cap < v->n + n)
		cap *= 2;
	if (cap == v->cap)
		return 0;
	list = realloc(v->list, cap * sizeof *list);
	if (list == NULL)
		return -ENOMEM;
	v->list = list;
	v->cap = cap;
	return 0;
}

/* Those of `from` go before those of `to`, and `from` is empty then.  -ENOMEM: nothing changed. */
static int verdicts_prepend(struct verdicts *to, struct verdicts *from)
{
	if (verdicts_room(from, to->n) != 0)
		return -ENOMEM;
	if (to->n > 0)
		memcpy(from->list + from->n, to->list, to->n * sizeof *to->list);
	from->n += to->n;
	free(to->list);
	*to = *from;
	*from = (struct verdicts){ .n = 0 };
	return 0;
}

static int verdict_add(struct verdicts *v, const struct journal_verdict *one)
{
	char *reason = one->rejected ? strdup(one->rejected) : NULL;

	if (one->rejected != NULL && reason == NULL)
		return -ENOMEM;
	v->list[v->n] = *one;
	v->list[v->n++].rejected = reason;
	return 0;
}

/* ---- between turns, on the loop ---- */

/* What is known of exporters counts verdicts from `from` on, though they are not committed yet. */
static void count_settled(struct clerk *c, size_t from)
{
	for (size_t i = from; i < c->verdicts.n; i++) {
		const struct journal_verdict *v = &c->verdicts.list[i];

		for (size_t k = 0; k < c->info.n_exporters; k++) {
			struct journal_exporter_info *e = &c->info.exporters[k];

			if (e->no != v->exporter || e->waiting == 0)
				continue;
			e->delivered += v->rejected == NULL;
			e->rejected += v->rejected != NULL;
			if (--e->waiting == 0)
				e->oldest_ms = 0;
		}
	}
}

static void clerk_next(struct clerk *c);

/* Said once, not at each try. */
static void failed(struct clerk *c, const char *why)
{
	if (c->state != CLERK_FAILED) {
		log_msg(c->log, LOG_LEVEL_ERROR,
			"%s; records wait in memory, and it is tried again", why);
		c->failed_us = clock_mono_us();
	}
	c->state = CLERK_FAILED;
	free(c->reason);
	c->reason = strdup(why);
	c->retry_ms = c->retry_ms == 0		       ? RETRY_MIN_MS
		      : c->retry_ms * 2 < RETRY_MAX_MS ? c->retry_ms * 2
						       : RETRY_MAX_MS;
	c->due_us = clock_mono_us() + c->retry_ms * 1000;
}

/*
 * Where a commit failed, only one that wrote says that it is well: reading a journal, which is all
 * that opening it does, may go on when writing does not.
 */
static bool is_well(const struct clerk *c, const struct turn *t)
{
	bool nothing_waits = keep_waiting(c->keep) == 0 && c->verdicts.n == 0;

	if (t->opened)
		return c->state == CLERK_CHECKING || (!c->unproven && nothing_waits);
	return t->proven && (t->n_entries > 0 || nothing_waits);
}

static void well(struct clerk *c)
{
	if (c->state == CLERK_FAILED)
		log_msg(c->log, LOG_LEVEL_INFO, "journal %s: well again, after %.0f s", c->dir,
			(double)(clock_mono_us() - c->failed_us) / 1e6);
	c->state = CLERK_OPEN;
	free(c->reason);
	c->reason = NULL;
	c->retry_ms = c->due_us = 0;
	c->unproven = false;
}

static void take_set_aside(struct clerk *c, struct turn *t)
{
	char **list = realloc(c->set_aside, (c->n_set_aside + 1) * sizeof *list);

	log_msg(c->log, LOG_LEVEL_ERROR,
		"journal %s is damaged: %s; it is set aside as %s, and %" PRIu64
		" records were carried over",
		c->dir, t->damage.text, t->set_aside, t->carried);
	if (list == NULL) {
		free(t->set_aside);
		return;
	}
	c->set_aside = list;
	list[c->n_set_aside++] = t->set_aside;
}

/* What the entries that were done with had that no journal has. */
static void take_counts(struct clerk *c, const struct turn *t)
{
	if (t->n_broken > 0)
		log_msg(c->log, LOG_LEVEL_ERROR,
			"%" PRIu64 " records in memory were damaged: they are lost", t->n_broken);
	if (t->n_left_out > 0 && c->counts.left_out == 0)
		log_msg(c->log, LOG_LEVEL_ERROR,
			"%s: no records are kept for it; this is counted, and not said again",
			t->left_out.text);
	c->counts.damaged += t->n_broken;
	c->counts.left_out += t->n_left_out;
}

/* Said when it begins and when it is over. */
static void look_for_lost(struct clerk *c)
{
	uint64_t dropped = keep_dropped(c->keep);

	if (dropped > c->dropped && !c->losing) {
		log_msg(c->log, LOG_LEVEL_ERROR,
			"the memory for records that wait for the journal is full: the oldest are "
			"lost");
		c->losing = true;
		c->lost_from = c->dropped;
	} else if (c->losing && keep_waiting(c->keep) == 0) {
		log_msg(c->log, LOG_LEVEL_WARNING,
			"there is room again for records that wait for the journal: %" PRIu64
			" were lost",
			dropped - c->lost_from);
		c->losing = false;
	}
	c->dropped = dropped;
}

static void take_written(struct clerk *c, struct turn *t)
{
	if (t->written) {
		keep_pop(c->keep, t->n_entries);
		take_counts(c, t);
	}
	keep_hold(c->keep, 0);
	if (t->verdicts.n > 0)
		c->stuck = !t->settled;
	if (c->stuck && t->verdicts.n > 0 && verdicts_prepend(&c->verdicts, &t->verdicts) != 0)
		log_msg(c->log, LOG_LEVEL_ERROR, "no memory: %zu records will be sent once more",
			t->verdicts.n);
	verdicts_release(&t->verdicts);
}

static struct clerk_job *next_job(struct clerk *c)
{
	struct clerk_job *job = c->first;

	if (job != NULL)
		c->first = job->next;
	if (c->first == NULL)
		c->last = &c->first;
	return job;
}

static void closed(struct clerk *c)
{
	struct clerk_job *job;

	c->state = CLERK_CLOSED;
	c->usable = false;
	if (c->verdicts.n > 0)
		log_msg(c->log, LOG_LEVEL_WARNING,
			"journal %s: that %zu records are done with could not be kept: they go out "
			"again after the next start",
			c->dir, c->verdicts.n);
	uv_close((uv_handle_t *)&c->timer, NULL);
	while ((job = next_job(c)) != NULL) {
		job->work(job, NULL);
		job->done(job);
	}
	c->stopped(c->stopped_arg);
}

static bool same_exporters(const struct journal_info *a, const struct journal_info *b)
{
	if (a->n_exporters != b->n_exporters)
		return false;
	for (size_t i = 0; i < a->n_exporters; i++)
		if (strcmp(a->exporters[i].id, b->exporters[i].id) != 0)
			return false;
	return true;
}

static void take_info(struct clerk *c, const struct journal_info *info)
{
	c->exporters_set += !same_exporters(&c->info, info);
	free(c->info.exporters);
	c->info = *info;
	count_settled(c, 0);
}

static void on_turn(uv_work_t *work, int status)
{
	struct clerk *c = work->data;
	struct turn t = c->turn;

	(void)status; /* no turn is cancelled */
	if (t.set_aside != NULL)
		take_set_aside(c, &t);
	take_written(c, &t);
	free(t.entries);
	if (t.looked)
		take_info(c, &t.info);
	c->usable = t.usable;
	if (t.r != 0) {
		c->unproven = c->unproven || !t.open;
		failed(c, t.err.text);
	} else if (is_well(c, &t)) {
		well(c);
	}
	if (t.looked && c->changed != NULL)
		c->changed(c->changed_arg);
	if (t.job != NULL)
		t.job->done(t.job);
	c->busy = false; /* what those two asked for waits for the next turn */
	if (t.close)
		closed(c);
	else
		clerk_next(c);
}

/* ---- which turn is next ---- */

/* All that is in the ring; nothing when there is no memory for it. */
static void turn_entries(struct clerk *c, struct turn *t)
{
	size_t n = keep_waiting(c->keep);

	t->entries = calloc(n + 1, sizeof *t->entries);
	if (t->entries == NULL)
		return;
	while (t->n_entries < n) {
		struct waiting *w = &t->entries[t->n_entries++];

		w->bytes = keep_peek(c->keep, t->n_entries - 1, &w->len);
	}
	keep_hold(c->keep, n);
}

static bool verdicts_due(const struct clerk *c, int64_t now_us)
{
	return c->verdicts.n > 0 && now_us >= c->verdict_us + c->sync_interval_ms * 1000;
}

/* They go along with what is done anyway; those that failed, when it is tried again. */
static bool verdicts_go(const struct clerk *c, const struct turn *t, bool due, int64_t now_us)
{
	if (c->journal == NULL || c->verdicts.n == 0)
		return false;
	if (c->stuck)
		return due || t->close;
	return t->n_entries > 0 || t->job != NULL || t->close || verdicts_due(c, now_us);
}

static void turn_start(struct clerk *c, struct turn *t, bool with_verdicts)
{
	assert(!c->busy && c->state != CLERK_CLOSED);
	if (with_verdicts) {
		t->verdicts = c->verdicts;
		c->verdicts = (struct verdicts){ .n = 0 };
	}
	t->blind = c->stuck && !with_verdicts;
	c->turn = *t;
	c->busy = true;
	(void)uv_timer_stop(&c->timer);
	(void)uv_queue_work(c->loop, &c->work, clerk_turn,
			    on_turn); /* fails without a callback only */
}

static void on_timer(uv_timer_t *timer)
{
	clerk_next(timer->data);
}

/* Asks again at the earliest moment at which there may be something to do. */
static void clerk_wait(struct clerk *c, int64_t now_us)
{
	int64_t at_us = INT64_MAX, verdicts_us = c->verdict_us + c->sync_interval_ms * 1000;

	if (c->state == CLERK_FAILED ||
	    keep_waiting(c->keep) > 0) /* due, and still here: no memory */
		at_us = c->due_us > now_us ? c->due_us : now_us + RETRY_MIN_MS * 1000;
	if (c->journal != NULL && c->verdicts.n > 0 && !c->stuck && verdicts_us < at_us)
		at_us = verdicts_us;
	if (at_us != INT64_MAX)
		(void)uv_timer_start(&c->timer, on_timer,
				     at_us > now_us ? (uint64_t)((at_us - now_us) / 1000 + 1) : 0,
				     0);
}

static void clerk_next(struct clerk *c)
{
	int64_t now_us = clock_mono_us();
	bool due = c->state != CLERK_FAILED || now_us >= c->due_us;
	struct turn t = { .close = c->stopping };
	bool verdicts;

	look_for_lost(c);
	if (c->busy || c->state == CLERK_CLOSED)
		return;
	t.open = c->journal == NULL && due && !t.close;
	if (c->journal != NULL && (due || t.close) && keep_waiting(c->keep) > 0)
		turn_entries(c, &t);
	if (!t.open && !t.close)
		t.job = next_job(c);
	verdicts = verdicts_go(c, &t, due, now_us);
	if (t.open || t.close || t.n_entries > 0 || t.job != NULL || verdicts)
		turn_start(c, &t, verdicts);
	else
		clerk_wait(c, now_us);
}

/* ---- for others ---- */

struct clerk *clerk_new(uv_loop_t *loop, const struct clerk_conf *conf)
{
	struct clerk *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	*c = (struct clerk){ .loop = loop,
			     .program = strdup(conf->program),
			     .dir = strdup(conf->dir),
			     .limits = conf->limits,
			     .sync_interval_ms = conf->sync_interval_ms,
			     .keep = conf->keep,
			     .log = conf->log,
			     .last = &c->first };
	if (c->program == NULL || c->dir == NULL) {
		clerk_free(c);
		return NULL;
	}
	(void)uv_timer_init(loop, &c->timer);
	c->timer.data = c->work.data = c;
	clerk_next(c);
	return c;
}

/* In the next turn of the loop: what comes in this one is committed together. */
void clerk_kick(struct clerk *c)
{
	if (!c->busy && !c->stopping && c->state == CLERK_OPEN)
		(void)uv_timer_start(&c->timer, on_timer, 0, 0);
}

int clerk_settle(struct clerk *c, const struct journal_verdict *verdicts, size_t n)
{
	int r = verdicts_room(&c->verdicts, n);
	size_t before = c->verdicts.n;

	if (before == 0)
		c->verdict_us = clock_mono_us();
	for (size_t i = 0; r == 0 && i < n; i++)
		r = verdict_add(&c->verdicts, &verdicts[i]);
	count_settled(c, before);
	if (!c->busy && (c->state == CLERK_FAILED || !uv_is_active((const uv_handle_t *)&c->timer)))
		clerk_wait(c, clock_mono_us());
	return r;
}

void clerk_do(struct clerk *c, struct clerk_job *job)
{
	job->next = NULL;
	if (c->state == CLERK_CLOSED) {
		job->work(job, NULL);
		job->done(job);
		return;
	}
	*c->last = job;
	c->last = &job->next;
	clerk_next(c);
}

void clerk_on_change(struct clerk *c, void (*changed)(void *arg), void *arg)
{
	c->changed = changed;
	c->changed_arg = arg;
}

const struct journal_info *clerk_info(const struct clerk *c)
{
	return &c->info;
}

const struct journal_exporter_info *clerk_exporter(const struct clerk *c, const char *id)
{
	for (size_t i = 0; i < c->info.n_exporters; i++)
		if (strcmp(c->info.exporters[i].id, id) == 0)
			return &c->info.exporters[i];
	return NULL;
}

enum clerk_state clerk_state(const struct clerk *c, const char **reason)
{
	*reason = c->reason;
	return c->state;
}

uint64_t clerk_exporters_set(const struct clerk *c)
{
	return c->exporters_set;
}

bool clerk_usable(const struct clerk *c)
{
	return c->usable;
}

const struct clerk_counts *clerk_counts(const struct clerk *c)
{
	return &c->counts;
}

size_t clerk_set_aside(const struct clerk *c, const char *const **names)
{
	*names = (const char *const *)c->set_aside;
	return c->n_set_aside;
}

void clerk_stop(struct clerk *c, void (*stopped)(void *arg), void *arg)
{
	c->stopping = true;
	atomic_store(&c->cancel, true);
	c->stopped = stopped;
	c->stopped_arg = arg;
	clerk_next(c);
}

void clerk_free(struct clerk *c)
{
	if (c == NULL)
		return;
	verdicts_release(&c->verdicts);
	for (size_t i = 0; i < c->n_set_aside; i++)
		free(c->set_aside[i]);
	free(c->set_aside);
	free(c->info.exporters);
	free(c->program);
	free(c->dir);
	free(c->reason);
	free(c);
}
