/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that runs an exporter's plugin.  Whatever the plugin does, only this thread waits for
 * it.
 */
#include "host/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/verdicts.h"

#define BATCHES_MAX 64

/* What the thread has of its own. */
struct run {
	struct worker *worker;
	struct blame_slot *slot;
	struct tesla_host services;
	struct loader *loader;
	void *conf, *self;
	bool open;
	struct tesla_verdict *verdicts; /* for a live exporter, which leaves them */
	size_t n_verdicts;
};

/* ---- what the plugin may ask for ---- */

__attribute__((format(printf, 3, 4))) static void service_log(const struct tesla_host *host,
							      int level, const char *fmt, ...)
{
	const struct run *run = (const void *)((const char *)host - offsetof(struct run, services));
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_msg(&run->worker->report->log, level, "%s: %s", run->worker->name, text);
}

static int64_t service_now_us(const struct tesla_host *host)
{
	(void)host;
	return clock_mono_us();
}

/* ---- calls into the plugin ---- */

static void enter_for(const struct run *run, const char *call, int64_t limit_ms)
{
	blame_enter(run->slot, run->worker->name, call, 0, 0, limit_ms * 1000);
}

static void enter(const struct run *run, const char *call)
{
	enter_for(run, call, WORKER_LIMIT_MS);
}

static int run_open(struct run *run, struct tesla_error *err)
{
	struct worker *w = run->worker;
	int r;

	enter(run, "load"); /* its constructors run */
	r = loader_open(w->path, TESLA_EXPORTER, w->name, &run->loader, err);
	blame_leave(run->slot);
	if (r != 0)
		return r;
	enter(run, "check");
	r = loader_conf(run->loader, w->params, w->n_params, &run->conf, err);
	blame_leave(run->slot);
	if (r != 0 || w->dry)
		return r;
	enter(run, "open");
	r = run->loader->plugin.exporter->open(run->conf, &run->services, &run->self, err);
	blame_leave(run->slot);
	run->open = r == 0;
	return r;
}

static void run_close(struct run *run)
{
	enter(run, "close");
	if (run->open)
		run->loader->plugin.exporter->close(run->self);
	loader_close(run->loader); /* its destructors run */
	blame_leave(run->slot);
	free(run->conf);
	free(run->verdicts);
}

/* ---- delivering ---- */

/* A verdict per item; nobody looks at them. */
static bool verdicts_prepare(struct run *run, size_t n)
{
	if (n > run->n_verdicts) {
		free(run->verdicts);
		run->verdicts = calloc(n, sizeof *run->verdicts);
		run->n_verdicts = run->verdicts ? n : 0;
	}
	return n <= run->n_verdicts;
}

static int plugin_deliver(struct run *run, const struct batch *b, struct tesla_verdict *verdicts,
			  int64_t limit_ms, struct tesla_error *err)
{
	int r;

	enter_for(run, "deliver", limit_ms);
	r = run->loader->plugin.exporter->deliver(run->self, &b->pub, verdicts, err);
	blame_leave(run->slot);
	error_clean(err);
	if (r != 0 && *err->text == '\0')
		(void)tesla_fail(err, r, "it failed without a reason");
	return r;
}

static void count(struct worker *w, size_t delivered, const char *error)
{
	(void)pthread_mutex_lock(&w->lock);
	w->counts.delivered += delivered;
	(void)snprintf(w->counts.last_error, sizeof w->counts.last_error, "%s", error ? error : "");
	(void)pthread_mutex_unlock(&w->lock);
}

static void run_live(struct run *run, const struct batch *b)
{
	struct tesla_error err = { 0 };
	int r = verdicts_prepare(run, b->pub.n_items)
			? plugin_deliver(run, b, run->verdicts, WORKER_LIMIT_MS, &err)
			: tesla_fail(&err, -ENOMEM, "no memory for %zu verdicts", b->pub.n_items);

	count(run->worker, r == 0, r == 0 ? NULL : err.text);
}

/* Once the verdicts are told the core may send the next batch: that is allowed just before. */
static void run_durable(struct run *run, struct batch *b)
{
	struct worker *w = run->worker;
	struct tesla_error err = { 0 };
	int r;

	b->pub.deadline_us = clock_mono_us() + WORKER_DURABLE_DEADLINE_MS * 1000LL;
	r = plugin_deliver(run, b, b->answers->verdicts, WORKER_DURABLE_LIMIT_MS, &err);
	verdicts_take(b->answers, b->pub.n_items);
	count(w, verdicts_done(b->answers), r != 0 ? err.text : verdicts_reason(b->answers));
	atomic_store(&w->under_way, false);
	verdicts_tell(w->report, b->answers, r != 0 ? err.text : NULL);
}

/* The core takes it for the other kind of exporter: the file was changed since it was described. */
static void run_refuse(struct run *run, struct batch *b)
{
	static const char why[] = "it is not the kind of exporter that it was described as";
	struct worker *w = run->worker;

	count(w, 0, why);
	if (b->answers == NULL)
		return;
	verdicts_take(b->answers, b->pub.n_items); /* all RETRY */
	atomic_store(&w->under_way, false);
	verdicts_tell(w->report, b->answers, why);
}

/* ---- the thread ---- */

static void tell(struct report *report, const char *m)
{
	struct frame f;

	(void)report_begin(report, &f, m, 1);
	report_end(report, &f);
}

static void tell_failed(struct worker *w, const struct tesla_error *err)
{
	struct frame f;
	msgpack_packer *pk = report_begin(w->report, &f, "failed", 5);

	mp_key_str(pk, "plugin", w->name);
	mp_key_str(pk, "line", NULL);
	mp_key_str(pk, "analyzer", NULL);
	mp_key_str(pk, "text", *err->text ? err->text : "it failed without a reason");
	report_end(w->report, &f);
}

static void serve(struct run *run)
{
	bool live = (run->loader->plugin.exporter->caps & TESLA_LIVE) != 0;
	struct batch *b;

	while ((b = queue_wait_pop(&run->worker->batches, -1)) != NULL) {
		if (live == (b->answers != NULL))
			run_refuse(run, b);
		else if (live)
			run_live(run, b);
		else
			run_durable(run, b);
		batch_free(b);
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct run run = { .worker = w,
			   .slot = blame_claim(w->page),
			   .services = { .size = sizeof run.services,
					 .log = service_log,
					 .now_us = service_now_us } };
	struct tesla_error err = { 0 };

	w->result = run.slot ? run_open(&run, &err)
			     : tesla_fail(&err, -ENOMEM, "the blame page is full");
	error_clean(&err);
	if (w->result != 0) {
		tell_failed(w, &err);
	} else if (w->dry) {
		tell(w->report, "done");
	} else {
		tell(w->report, "ready");
		serve(&run);
	}
	if (run.slot != NULL) {
		run_close(&run);
		blame_release(run.slot);
	}
	(void)!write(w->ended_fd, &(uint64_t){ 1 },
		     sizeof(uint64_t)); /* an eventfd's first write fits */
	return NULL;
}

/* ---- for the main thread ---- */

int worker_start(struct worker *w, struct tesla_error *err)
{
	int r;

	w->ended_fd = eventfd(0, EFD_CLOEXEC);
	if (w->ended_fd < 0)
		return tesla_fail(err, -errno, "no eventfd: %s", strerror(errno));
	(void)pthread_mutex_init(&w->lock, NULL);
	r = queue_init(&w->batches, BATCHES_MAX);
	if (r == 0) {
		r = -pthread_create(&w->thread, NULL, worker_main, w);
		if (r == 0)
			return 0;
		queue_release(&w->batches);
	}
	(void)close(w->ended_fd);
	return tesla_fail(err, r, "no thread for the plugin: %s", strerror(-r));
}

int worker_join(struct worker *w)
{
	(void)pthread_join(w->thread, NULL);
	worker_discard(w);
	queue_release(&w->batches);
	(void)pthread_mutex_destroy(&w->lock);
	(void)close(w->ended_fd);
	return w->result;
}

bool worker_give(struct worker *w, struct batch *b)
{
	if (b->answers != NULL && atomic_exchange(&w->under_way, true))
		return false;
	batch_free(queue_push_over(&w->batches, b));
	return true;
}

void worker_discard(struct worker *w)
{
	for (struct batch *b; (b = queue_pop(&w->batches)) != NULL;)
		batch_free(b);
}

void worker_count(struct worker *w, struct worker_counts *ret)
{
	(void)pthread_mutex_lock(&w->lock);
	*ret = w->counts;
	(void)pthread_mutex_unlock(&w->lock);
	ret->dropped = queue_dropped(&w->batches);
}
