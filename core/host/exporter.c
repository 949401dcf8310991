/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main thread of an exporter's host: takes the core's messages, answers its pings and hands
 * batches to the worker.  It runs no plugin and waits for nothing but the pair, so it answers
 * whatever happens.
 */
#include "host/exporter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "host/confine.h"
#include "host/worker.h"

#define EXIT_REFUSED 1
#define EXIT_BROKEN 3
#define COUNTS_US 1000000 /* the counts are sent this often at most */
#define LEAVE_MS 2000	  /* the core is gone: so long may the plugin take to close */

enum stage { NEW, GREETED, NAMED, CONFIGURED, READY, RUNNING, STOPPING };
enum form { EITHER, LIVE, DURABLE }; /* of the batches: what the first one was */

struct exporter {
	enum stage stage;
	struct frame_reader in;
	struct report report;
	struct worker worker;
	bool started; /* the worker */
	struct variables *variables;
	enum form form;
	struct arena texts; /* what the messages before `go` said */
	const char *node;
	int64_t epoch_ms;
	struct worker_counts told;
	int64_t told_us;
	bool scarce; /* descriptors: who connects is refused */
};

/* ---- messages ---- */

/* A copy of a text without NUL, or NULL. */
static const char *text_keep(struct exporter *x, const msgpack_object *o)
{
	char *text;

	if (o == NULL || o->type != MSGPACK_OBJECT_STR ||
	    memchr(o->via.str.ptr, '\0', o->via.str.size) != NULL)
		return NULL;
	text = arena_alloc(&x->texts, (size_t)o->via.str.size + 1, 1);
	return text ? memcpy(text, o->via.str.ptr, o->via.str.size) : NULL;
}

static int text_take(struct exporter *x, const msgpack_object *message, const char *key,
		     const char **ret, struct tesla_error *err)
{
	*ret = text_keep(x, mp_get(message, key));
	return *ret ? 0 : tesla_fail(err, -EBADMSG, "expected a text under `%s`", key);
}

static int on_hello(struct exporter *x, const msgpack_object *m, struct tesla_error *err)
{
	x->report.log.level = (int)mp_int(m, "level", LOG_LEVEL_INFO);
	x->epoch_ms = mp_int(m, "epoch_ms", 0);
	if (text_take(x, m, "node", &x->node, err) != 0)
		return err->code;
	return confine_hello(m, &x->report, err);
}

static int on_plugin(struct exporter *x, const msgpack_object *m, struct tesla_error *err)
{
	if (mp_int(m, "kind", 0) != TESLA_EXPORTER)
		return tesla_fail(err, -EBADMSG, "expected a plugin of kind %d", TESLA_EXPORTER);
	if (text_take(x, m, "name", &x->worker.name, err) != 0)
		return err->code;
	return text_take(x, m, "path", &x->worker.path, err);
}

static int on_exporter(struct exporter *x, const msgpack_object *m, struct tesla_error *err)
{
	const msgpack_object *params = mp_get(m, "params");
	struct loader_pair *pairs;

	if (params == NULL)
		return 0;
	if (params->type != MSGPACK_OBJECT_MAP)
		return tesla_fail(err, -EBADMSG, "expected a map under `params`");
	pairs = arena_alloc(&x->texts, params->via.map.size, sizeof *pairs);
	if (pairs == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for %u parameters",
				  params->via.map.size);
	for (size_t i = 0; i < params->via.map.size; i++) {
		pairs[i].name = text_keep(x, &params->via.map.ptr[i].key);
		pairs[i].value = text_keep(x, &params->via.map.ptr[i].val);
		if (pairs[i].name == NULL || pairs[i].value == NULL)
			return tesla_fail(err, -EBADMSG, "params: expected texts under texts");
	}
	x->worker.params = pairs;
	x->worker.n_params = params->via.map.size;
	return 0;
}

static int on_variables(struct exporter *x, const msgpack_object *m, struct tesla_error *err)
{
	struct variables *v;
	int r = variables_decode(m, &v, err);

	if (r != 0)
		return r;
	variables_unref(x->variables);
	x->variables = v;
	return 0;
}

static int on_go(struct exporter *x, const msgpack_object *m, struct tesla_error *err)
{
	int r;

	x->worker.dry = mp_bool(m, "dry", false);
	r = worker_start(&x->worker, err);
	x->started = r == 0;
	return r;
}

static int on_ping(struct exporter *x, const msgpack_object *m, struct tesla_error *err)
{
	struct blame b;
	bool overdue = blame_find(x->worker.page, true, clock_mono_us(), &b) && b.signal == 0;
	struct frame f;
	msgpack_packer *pk = report_begin(&x->report, &f, "pong", overdue ? 3 : 2);
	char text[128];

	(void)err;
	mp_key_int(pk, "i", mp_int(m, "i", 0));
	if (overdue) {
		(void)snprintf(text, sizeof text, "%s does not return from %s", b.plugin, b.call);
		mp_key_str(pk, "overdue", text);
	}
	report_end(&x->report, &f);
	return 0;
}

/* What waits is still delivered; then the worker ends, and the loop with it. */
static int on_stop(struct exporter *x, const msgpack_object *m, struct tesla_error *err)
{
	(void)m;
	(void)err;
	if (x->stage == RUNNING)
		queue_close(&x->worker.batches);
	return 0;
}

/* Which message may come when, and where it leads (at least). */
static const struct message {
	const char *m;
	enum stage from, to, next;
	int (*take)(struct exporter *, const msgpack_object *, struct tesla_error *);
} messages[] = {
	{ "hello", NEW, NEW, GREETED, on_hello },
	{ "plugin", GREETED, GREETED, NAMED, on_plugin },
	{ "exporter", NAMED, NAMED, CONFIGURED, on_exporter },
	{ "variables", CONFIGURED, STOPPING, READY, on_variables },
	{ "go", READY, READY, RUNNING, on_go },
	{ "ping", NEW, STOPPING, NEW, on_ping },
	{ "stop", NEW, STOPPING, STOPPING, on_stop },
};

static int batch_give(struct exporter *x, struct batch *b, struct tesla_error *err)
{
	enum form form = b->answers != NULL ? DURABLE : LIVE;

	if (x->form != EITHER && x->form != form)
		return tesla_fail(err, -EBADMSG, "a batch of the other form");
	x->form = form;
	if (!worker_give(&x->worker, b))
		return tesla_fail(err, -EBADMSG, "records before the verdicts on the last ones");
	return 0;
}

static int batch_take(struct exporter *x, const msgpack_object *o, struct tesla_error *err)
{
	struct batch *b;
	int r;

	if (x->stage < RUNNING)
		return tesla_fail(err, -EBADMSG, "a batch before `go`");
	r = batch_decode(o, x->variables, &b, err);
	if (r != 0)
		return r;
	b->pub.node = x->node;
	b->pub.epoch_ms = x->epoch_ms;
	if (x->stage == RUNNING)
		r = batch_give(x, b, err);
	if (r != 0 || x->stage != RUNNING)
		batch_free(b);
	return r;
}

static int message_take(struct exporter *x, const msgpack_object *o, struct tesla_error *err)
{
	struct tesla_error why;

	if (o->type == MSGPACK_OBJECT_ARRAY)
		return batch_take(x, o, err);
	for (size_t i = 0; i < N_ELEMENTS(messages); i++) {
		const struct message *m = &messages[i];

		if (!mp_is(o, "m", m->m))
			continue;
		if (x->stage < m->from || x->stage > m->to)
			return tesla_fail(err, -EBADMSG, "`%s` out of its order", m->m);
		if (m->take(x, o, &why) != 0)
			return tesla_fail(err, why.code, "`%s`: %.200s", m->m, why.text);
		if (x->stage < m->next)
			x->stage = m->next;
		return 0;
	}
	return tesla_fail(err, -EBADMSG, "neither a batch nor a message that is known here");
}

/* ---- the loop ---- */

static int frames_take(struct exporter *x, struct tesla_error *err)
{
	struct mp_doc doc;
	int r;

	while ((r = frame_reader_next(&x->in, &doc, err)) > 0) {
		r = message_take(x, &doc.u.data, err);
		mp_doc_release(&doc);
		if (r != 0)
			return r;
	}
	return r;
}

/* 1: the core has closed the pair. */
static int pair_read(struct exporter *x, struct tesla_error *err)
{
	size_t room;
	uint8_t *to = frame_reader_room(&x->in, &room);
	ssize_t n;

	if (to == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for the core's messages");
	n = read(x->report.fd, to, room);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : 1;
	if (n == 0)
		return 1;
	frame_reader_add(&x->in, (size_t)n);
	return frames_take(x, err);
}

/* Called at every wake-up: the core's pings are often enough. */
static void counts_tell(struct exporter *x)
{
	struct worker_counts now;
	struct frame f;
	msgpack_packer *pk;

	if (x->stage < RUNNING || clock_mono_us() - x->told_us < COUNTS_US)
		return;
	worker_count(&x->worker, &now);
	if (now.delivered == x->told.delivered && now.dropped == x->told.dropped &&
	    strcmp(now.last_error, x->told.last_error) == 0)
		return;
	x->told = now;
	x->told_us = clock_mono_us();
	pk = report_begin(&x->report, &f, "counts", 4);
	mp_key_int(pk, "delivered", (int64_t)now.delivered);
	mp_key_int(pk, "dropped", (int64_t)now.dropped);
	mp_key_str(pk, "last_error", *now.last_error ? now.last_error : NULL);
	report_end(&x->report, &f);
}

/* A plugin that listens cannot see it: its library is told that nobody came. */
static void scarce_say(struct exporter *x)
{
	bool scarce = descriptors_scarce();

	if (scarce != x->scarce)
		log_msg(&x->report.log, scarce ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
			scarce ? "descriptors are scarce: who connects from now on is refused"
			       : "there are descriptors again: who connects is let in");
	x->scarce = scarce;
}

/*
 * Until the worker has ended or the core is gone; 0, 1 (the core is gone) or negative: a broken
 * message.
 */
static int serve(struct exporter *x, struct tesla_error *err)
{
	int r = 0;

	while (r == 0 && (x->started || x->stage < STOPPING)) {
		struct pollfd p[] = {
			{ .fd = x->report.fd, .events = POLLIN },
			{ .fd = x->started ? x->worker.ended_fd : -1, .events = POLLIN },
		};

		(void)poll(p, N_ELEMENTS(p), -1);
		if (p[1].revents != 0)
			break;
		if (p[0].revents != 0)
			r = pair_read(x, err);
		counts_tell(x);
		scarce_say(x);
	}
	return r;
}

/* The plugin gets a moment to close, not to deliver: nobody counts it any more. */
static void leave(struct exporter *x, int code)
{
	struct pollfd p = { .fd = x->worker.ended_fd, .events = POLLIN };

	worker_discard(&x->worker);
	queue_close(&x->worker.batches);
	if (poll(&p, 1, LEAVE_MS) != 1)
		_exit(code);
}

static void exporter_release(struct exporter *x)
{
	arena_release(&x->texts);
	variables_unref(x->variables);
	frame_reader_release(&x->in);
	report_release(&x->report);
}

int exporter_run(int fd, struct blame_page *page)
{
	struct exporter x = { .worker = { .page = page, .ended_fd = -1 } };
	struct tesla_error err;
	int r, code = 0;

	frame_reader_init(&x.in);
	report_init(&x.report, fd, LOG_LEVEL_INFO);
	x.worker.report = &x.report;
	r = serve(&x, &err);
	if (r < 0) {
		code = EXIT_BROKEN;
		log_msg(&x.report.log, LOG_LEVEL_ERROR, "broken message from the core: %s",
			err.text);
	}
	if (x.started) {
		if (r != 0)
			leave(&x, code);
		if (worker_join(&x.worker) != 0)
			code = EXIT_REFUSED;
	}
	exporter_release(&x);
	return code;
}
