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

int64_t call_limit_us(const struct line *l)
{
	return 1000 * l->params.timeout_ms + 500000;
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

static int64_t service_now(const struct tesla_host *services)
{
	(void)services;
	return clock_mono_us();
}

int line_drivers_open(struct runner *r, struct line *l, struct tesla_error *err)
{
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

	if (a->state == ANALYZER_FAILED || analyzer_open(a, r->slot, l->id, &err) == 0)
		return;
	a->state = ANALYZER_FAILED;
	report_failed(&r->host->report, a->data_name, l->id, a->id, err.text);
}

void runner_begin(struct runner *r)
{
	r->slot = blame_claim(r->host->page);
	gather_init(&r->gather, &r->host->report);
	r->services = (struct tesla_host){ .size = sizeof r->services,
					   .log = service_log,
					   .now_us = service_now };
	if (r->slot == NULL)
		_exit(4); /* more threads than BLAME_SLOTS: too many lines for one host */
	for (size_t i = 0; i < r->n_lines; i++) {
		struct line *l = r->lines[i];

		l->slot = r->slot;
		l->gather = &r->gather;
		for (size_t k = 0; k < l->n_analyzers; k++)
			analyzer_begin(r, l, l->analyzers[k]);
		line_report_plan(l);
	}
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
	if (run_can_share(r->lines[0]))
		run_event(r);
	else
		run_thread(r);
	return NULL;
}

static int thread_start(struct runner *r, void *(*main)(void *), pthread_t *ret)
{
	pthread_attr_t attr;
	int rc;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(ret, &attr, main, r);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

static struct runner *runner_new(struct host *h, struct line **lines, size_t n)
{
	struct runner *r = calloc(1, sizeof *r);

	if (r != NULL)
		*r = (struct runner){ .host = h, .lines = lines, .n_lines = n };
	return r;
}

/* The lines that can share come first, then one thread each for the others. */
static size_t lines_sort(struct host *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_lines; i++) {
		struct line *l = h->lines[i];

		if (!run_can_share(l))
			continue;
		memmove(&h->lines[n + 1], &h->lines[n], (i - n) * sizeof(struct line *));
		h->lines[n++] = l;
	}
	return n;
}

int run_start(struct host *h, struct tesla_error *err)
{
	size_t shared = lines_sort(h);

	for (size_t i = 0; i < h->n_lines;) {
		size_t n = i < shared ? shared : 1;
		struct runner *r = runner_new(h, &h->lines[i], n);
		pthread_t thread;

		if (r == NULL || thread_start(r, thread_main, &thread) != 0) {
			free(r);
			return tesla_fail(err, -EAGAIN, "no thread for line %lld",
					  (long long)h->lines[i]->id);
		}
		(void)pthread_detach(thread);
		i += n;
	}
	return 0;
}

static void *dry_main(void *arg)
{
	struct runner *r = arg;

	runner_begin(r);
	gather_release(&r->gather);
	return NULL;
}

int run_dry(struct host *h, struct tesla_error *err)
{
	_cleanup_free_ struct runner *r = runner_new(h, h->lines, h->n_lines);
	struct frame f;
	pthread_t thread;

	if (r == NULL || thread_start(r, dry_main, &thread) != 0)
		return tesla_fail(err, -EAGAIN, "no thread for the dry run");
	(void)pthread_join(thread, NULL);
	(void)report_begin(&h->report, &f, "done", 1);
	report_end(&h->report, &f);
	return 0;
}
