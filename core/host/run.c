/* SPDX-License-Identifier: Apache-2.0 */
/* What both kinds of runner share: beginning, drivers, clocks; and the starting of the threads. */
#include "host/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/call.h"

#define OPEN_LIMIT_US 2000000
#define STACK_SIZE (256 * 1024)

void clocks_now(int64_t *mono_us, int64_t *wall_us)
{
	*mono_us = clock_mono_us();
	*wall_us = clock_wall_us();
}

int64_t call_limit_us(const struct action *act)
{
	return 1000 * act->timeout_ms + 500000;
}

void reply_times(struct tesla_reply *reply, int64_t began_us, int64_t ended_us)
{
	if (reply->sent_us >= began_us && reply->received_us >= reply->sent_us &&
	    reply->received_us <= ended_us)
		return;
	reply->sent_us = began_us;
	reply->received_us = ended_us;
}

static struct runner *runner_of(const struct tesla_host *services)
{
	union {
		const struct tesla_host *in;
		char *out;
	} p = { .in = services };

	return (struct runner *)(void *)(p.out - offsetof(struct runner, services));
}

__attribute__((format(printf, 3, 4))) static void service_log(const struct tesla_host *services,
							      int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vmsg(&runner_of(services)->host->report.log, level, fmt, ap);
	va_end(ap);
}

static void service_frame(const struct tesla_host *services, enum tesla_frame_kind kind,
			  const void *bytes, size_t len)
{
	trace_frame(&runner_of(services)->trace, kind, bytes, len);
}

void runner_serve(struct runner *r, struct line *l, const struct action *act)
{
	r->services.traced = l->traced;
	trace_serve(&r->trace, l, act);
}

static int64_t service_now(const struct tesla_host *services)
{
	(void)services;
	return clock_mono_us();
}

int line_drivers_open(struct runner *r, struct line *l, struct tesla_error *err)
{
	runner_serve(r, l, NULL);
	for (size_t i = 0; i < l->n_drivers; i++) {
		struct line_driver *d = &l->drivers[i];
		int rc;

		if (d->plugin == NULL)
			continue; /* refused: its analyzers are out, others may use the line */
		call_enter(r->slot, d->serial, d->name, "open", l->id, 0, OPEN_LIMIT_US);
		rc = d->plugin->driver.open(d->conf, &l->pub, &r->services, &d->self, err);
		call_leave(r->slot, d->serial);
		if (rc != 0) {
			d->self = NULL;
			line_drivers_close(r, l);
			return rc;
		}
	}
	return 0;
}

void line_drivers_close(struct runner *r, struct line *l)
{
	runner_serve(r, l, NULL);
	for (size_t i = 0; i < l->n_drivers; i++) {
		struct line_driver *d = &l->drivers[i];

		if (d->self == NULL)
			continue;
		call_enter(r->slot, d->serial, d->name, "close", l->id, 0, OPEN_LIMIT_US);
		d->plugin->driver.close(d->self);
		call_leave(r->slot, d->serial);
		d->self = NULL;
	}
	if (l->pub.fd >= 0)
		(void)close(l->pub.fd);
	l->pub.fd = -1;
}

static void analyzer_begin(struct runner *r, struct line *l, struct analyzer *a)
{
	struct tesla_error err = { 0 };

	if (a->state == ANALYZER_FAILED || a->replies != NULL ||
	    analyzer_open(a, r->slot, l->id, &err) == 0)
		return;
	a->state = ANALYZER_FAILED;
	report_failed(&r->host->report, a->data_name, l->id, a->id, err.text);
}

void line_begin(struct runner *r, struct line *l)
{
	l->slot = r->slot;
	l->gather = &r->gather;
	if (l->before != NULL) { /* it comes from another thread */
		struct line *before = l->before;

		l->before = NULL;
		before->slot = r->slot;
		before->gather = &r->gather;
		(void)line_become(r, before, l);
		return;
	}
	for (size_t i = 0; i < l->n_analyzers; i++)
		analyzer_begin(r, l, l->analyzers[i]);
	line_report_plan(l);
}

void line_discard(struct runner *r, struct line *l)
{
	l->ending = true;
	line_asks_fail(l, "the line is no more");
	for (size_t i = 0; i < l->n_analyzers; i++)
		analyzer_close(l->analyzers[i], r->slot, l->id);
	line_free(l);
}

struct line *line_become(struct runner *r, struct line *l, struct line *fresh)
{
	struct line *rest;

	fresh->slot = r->slot;
	fresh->gather = &r->gather;
	l = line_change(l, fresh, clock_mono_us(), &rest);
	line_begin(r, l);
	line_discard(r, rest);
	return l;
}

void line_let_go(struct runner *r, struct line *l, struct command *unline)
{
	l->ending = true;
	line_asks_fail(l, "the line is being changed");
	if (unline->keep)
		unline->line = l;
	else
		line_discard(r, l);
	gather_flush(&r->gather);
}

void command_free(struct command *c)
{
	if (c == NULL)
		return;
	line_free(c->line);
	free(c->ask);
	free(c);
}

/* ---- the thread ---- */

static void runner_begin(struct runner *r)
{
	r->slot = blame_claim(r->host->page);
	gather_init(&r->gather, &r->host->report);
	r->services = (struct tesla_host){ .size = sizeof r->services,
					   .log = service_log,
					   .now_us = service_now,
					   .frame = service_frame };
	if (r->slot == NULL)
		_exit(4); /* more threads than BLAME_SLOTS: too many lines for one host */
}

bool run_can_share(const struct line *l)
{
	for (size_t i = 0; i < l->n_drivers; i++)
		if (l->drivers[i].plugin != NULL && l->drivers[i].plugin->driver.request == NULL)
			return false;
	return l->pub.kind == TESLA_LINE_TCP;
}

static void *thread_main(void *arg)
{
	struct runner *r = arg;

	(void)prctl(PR_SET_TIMERSLACK, 1); /* the default of 50 us is lateness for nothing */
	runner_begin(r);
	if (run_can_share(r->line)) {
		run_event(r); /* for good */
		return NULL;
	}
	struct command *unline = run_thread(r);

	line_let_go(r, r->line, unline);
	blame_release(r->slot);
	gather_release(&r->gather);
	unline->runner = r;
	(void)queue_push(&r->host->ended, unline); /* it has room for all lines */
	return NULL;
}

static int thread_start(struct runner *r, void *(*main)(void *))
{
	pthread_attr_t attr;
	int rc;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&r->thread, &attr, main, r);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

int runner_start(struct host *h, struct line *l, struct runner **ret, struct tesla_error *err)
{
	struct runner *r = calloc(1, sizeof *r);

	if (r == NULL || queue_init(&r->commands, COMMANDS_MAX) != 0) {
		free(r);
		return tesla_fail(err, -ENOMEM, "no memory or descriptor for line %lld",
				  (long long)l->id);
	}
	r->host = h;
	r->line = l;
	if (thread_start(r, thread_main) != 0) {
		queue_release(&r->commands);
		free(r);
		return tesla_fail(err, -EAGAIN, "no thread for line %lld", (long long)l->id);
	}
	*ret = r;
	return 0;
}

bool runner_push(struct runner *r, struct command *c)
{
	return queue_push(&r->commands, c);
}

void runner_join(struct runner *r)
{
	(void)pthread_join(r->thread, NULL);
	queue_release(&r->commands);
	free(r);
}

/* ---- dry ---- */

static void *dry_main(void *arg)
{
	struct runner *r = arg;

	runner_begin(r);
	for (size_t i = 0; i < r->host->n_lines; i++)
		line_begin(r, r->host->lines[i]->line);
	gather_release(&r->gather);
	blame_release(r->slot);
	return NULL;
}

int run_dry(struct host *h, struct tesla_error *err)
{
	struct runner r = { .host = h };
	struct frame f;

	if (thread_start(&r, dry_main) != 0)
		return tesla_fail(err, -EAGAIN, "no thread for the dry run");
	(void)pthread_join(r.thread, NULL);
	(void)report_begin(&h->report, &f, "done", 1);
	report_end(&h->report, &f);
	return 0;
}
