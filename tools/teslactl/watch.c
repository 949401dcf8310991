/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `teslactl watch`: subscribes first, then takes the snapshot, then follows, so that nothing
 * between the two is missed.  One loop waits for the stream, keys and signals.
 */
#include "teslactl/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "teslactl/json.h"
#include "teslactl/rate.h"
#include "teslactl/rows.h"
#include "teslactl/screen.h"
#include "teslactl/signals.h"

#define DRAW_US 200000	     /* at most five times a second */
#define IDLE_DRAW_US 1000000 /* ages go on when nothing comes */
#define DRAIN_MAX 10000	     /* messages between two looks at keys, signals and the clock */

struct watch {
	const struct ctl *ctl;
	char *node, *name;
	struct tesla_stream *stream;
	struct rows rows;
	struct screen *screen; /* NULL: lines of text or JSON */
	struct rate rate;
	bool has_value; /* a number came from the stream */
	bool dirty, over;
	int signals;
	sigset_t mask; /* as it was */
	int64_t until_us, drawn_us;
};

/* ---- one reading, by kind of output ---- */

static void text_line(const struct row *row)
{
	_cleanup_free_ char *values = row_values(row);
	time_t s = (time_t)(row->t_ms / 1000);
	struct tm tm;
	char when[32] = "";

	if (gmtime_r(&s, &tm) != NULL)
		(void)strftime(when, sizeof when, "%FT%T", &tm);
	(void)printf("%s.%03dZ  %lld  %s  %s", when, (int)(row->t_ms % 1000),
		     (long long)row->analyzer, row->variable, values ? values : "");
	(void)printf("%s%s%s%s\n", row->unit && *row->unit ? "  " : "", row->unit ? row->unit : "",
		     row->error ? "  " : "", row->error ? row->error : "");
}

/* The payload as it came, with what the topic and the snapshot say beside it. */
static int json_line(const struct row *row, const msgpack_object *payload, struct tesla_error *err)
{
	yajl_gen g = json_new();
	int r = 0;

	if (g == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	(void)yajl_gen_map_open(g);
	(void)json_text(g, "analyzer");
	(void)yajl_gen_integer(g, row->analyzer);
	(void)json_text(g, "variable");
	if (json_text(g, row->variable) != 0)
		r = tesla_fail(err, -EINVAL, "a variable's name is no UTF-8");
	if (row->n_labels > 0 && r == 0) {
		(void)json_text(g, "labels");
		(void)yajl_gen_array_open(g);
		for (size_t i = 0; i < row->n_labels && r == 0; i++)
			if (json_text(g, row_label(row, i)) != 0)
				r = tesla_fail(err, -EINVAL, "a label of %s is no UTF-8",
					       row->variable);
		(void)yajl_gen_array_close(g);
	}
	for (uint32_t i = 0; i < payload->via.map.size && r == 0; i++) {
		r = json_value(g, &payload->via.map.ptr[i].key, err);
		if (r == 0)
			r = json_value(g, &payload->via.map.ptr[i].val, err);
	}
	if (r != 0) {
		yajl_gen_free(g);
		return r;
	}
	(void)yajl_gen_map_close(g);
	json_finish(g, stdout);
	return 0;
}

static void count_in(struct watch *w, const struct row *row)
{
	rate_count(&w->rate, row->analyzer, row->sweep);
	for (size_t i = 0; i < row->n_elements; i++)
		w->has_value |= row->elements[i].has_value;
	w->dirty = true;
}

static int payload_take(struct watch *w, const char *topic, const msgpack_object *payload,
			struct tesla_error *err)
{
	struct row *row;

	if (payload->type != MSGPACK_OBJECT_MAP)
		return tesla_fail(err, -EBADMSG, "stream: %s: expected a map", topic);
	if (rows_message(&w->rows, topic, payload, &row, err) != 0)
		return err->code;
	count_in(w, row);
	if (w->screen != NULL)
		return 0;
	if (w->ctl->json)
		return json_line(row, payload, err);
	text_line(row);
	return 0;
}

/* -EAGAIN: nothing is left; -EBADMSG: one that makes no sense, the next may be good. */
static int message_take(struct watch *w, struct tesla_error *err)
{
	const char *topic, *variable;
	const uint8_t *payload;
	struct mp_doc doc;
	int64_t analyzer;
	size_t len, name_len;
	int r = tesla_next(w->stream, 0, &topic, &payload, &len, err);

	if (r != 0)
		return r;
	if (!topic_split(topic, &analyzer, &variable, &name_len) ||
	    !filter_takes(&w->ctl->filter, analyzer, variable, name_len))
		return 0;
	r = mp_unpack(&doc, payload, len, err);
	if (r != 0)
		return r;
	r = payload_take(w, topic, &doc.u.data, err);
	mp_doc_release(&doc);
	return r;
}

/* ---- the loop ---- */

static void draw(struct watch *w, int64_t now_us)
{
	time_t now = time(NULL);
	struct tm tm;
	char clock[16] = "";
	_cleanup_free_ char *title = NULL;

	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(clock, sizeof clock, "%T", &tm);
	if (asprintf(&title, "node %s  %s   %.1f sweeps/s   %s", w->node, w->name ? w->name : "",
		     rate_now(&w->rate, now_us), clock) < 0)
		return;
	screen_draw(w->screen, &w->rows, title);
	w->drawn_us = now_us;
	w->dirty = false;
}

static void signal_take(struct watch *w)
{
	struct signalfd_siginfo info;

	while (read(w->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo != SIGWINCH)
			w->over = true;
		else if (w->screen != NULL)
			screen_resized(w->screen);
		w->dirty = true;
	}
}

static int wait_ms(const struct watch *w, bool more)
{
	int64_t next = w->until_us > 0 ? w->until_us : INT64_MAX, now = clock_mono_us();

	if (w->screen != NULL) {
		int64_t draw_at = w->drawn_us + (w->dirty ? DRAW_US : IDLE_DRAW_US);

		next = draw_at < next ? draw_at : next;
	}
	if (more || next <= now)
		return 0;
	return next == INT64_MAX ? -1 : (int)((next - now + 999) / 1000);
}

/* False: a terminal that is gone. */
static bool wait_for_more(struct watch *w, bool more)
{
	struct pollfd p[] = {
		{ .fd = tesla_stream_fd(w->stream), .events = POLLIN },
		{ .fd = w->signals, .events = POLLIN },
		{ .fd = w->screen ? STDIN_FILENO : -1, .events = POLLIN },
	};

	(void)poll(p, N_ELEMENTS(p), wait_ms(w, more));
	if (p[1].revents != 0)
		signal_take(w);
	if (p[2].revents & (POLLHUP | POLLERR | POLLNVAL))
		return false;
	if (p[2].revents != 0) {
		if (!screen_keys(w->screen))
			return false;
		w->dirty = true;
	}
	return true;
}

static int follow(struct watch *w, struct tesla_error *err)
{
	while (!w->over) {
		int64_t now;
		int r = 0, n = 0;

		for (; n < DRAIN_MAX && (r == 0 || r == -EBADMSG); n++)
			r = message_take(w, err);
		if (r != 0 && r != -EBADMSG && r != -EAGAIN && r != -EINTR)
			return r;
		now = clock_mono_us();
		if (w->screen != NULL && now - w->drawn_us >= (w->dirty ? DRAW_US : IDLE_DRAW_US))
			draw(w, now);
		(void)fflush(stdout);
		if ((w->until_us > 0 && now >= w->until_us) || ferror(stdout))
			return 0;
		w->over = !wait_for_more(w, n == DRAIN_MAX) || w->over;
	}
	return 0;
}

/* ---- setting up ---- */

static bool has_analyzer(const msgpack_object *status, int64_t id)
{
	size_t n;
	const msgpack_object *list = mp_array(status, "analyzers", &n);

	for (size_t i = 0; i < n; i++)
		if (mp_int(&list[i], "id", 0) == id)
			return true;
	return false;
}

static int subscribe(struct watch *w, const msgpack_object *status, struct tesla_error *err)
{
	_cleanup_free_ char *prefix = NULL;
	int64_t analyzer = w->ctl->filter.analyzer;
	int n;

	w->node = mp_strdup(mp_get(status, "node"), "id");
	w->name = mp_strdup(mp_get(status, "node"), "name");
	if (w->node == NULL)
		return tesla_fail(err, -EREMOTEIO, "teslad does not say which node it is");
	if (analyzer != 0 && !has_analyzer(status, analyzer))
		return tesla_fail(err, -EREMOTEIO, "there is no analyzer %lld",
				  (long long)analyzer);
	n = analyzer == 0 ? asprintf(&prefix, "reading/%s/", w->node)
			  : asprintf(&prefix, "reading/%s/%lld/", w->node, (long long)analyzer);
	if (n < 0)
		return tesla_fail(err, -ENOMEM, "no memory");
	w->stream = ctl_subscribe(w->ctl, status, prefix, err);
	return w->stream ? 0 : err->code;
}

/* What to subscribe to, and where. */
static int status_take(struct watch *w)
{
	struct answer answer;
	struct tesla_error err;
	int r = ctl_ask(w->ctl, "status", &answer);

	if (r != CTL_GOOD)
		return r;
	if (subscribe(w, &answer.doc.u.data, &err) != 0)
		r = ctl_complain(w->ctl, &err);
	answer_release(&answer);
	return r;
}

static int snapshot_take(struct watch *w)
{
	struct answer answer;
	struct tesla_error err;
	int r = ctl_ask(w->ctl, "snapshot", &answer);

	if (r != CTL_GOOD)
		return r;
	if (rows_snapshot(&w->rows, &w->ctl->filter, &answer.doc.u.data, &err) != 0)
		r = ctl_complain(w->ctl, &err);
	answer_release(&answer);
	return r;
}

static int watch_open(struct watch *w)
{
	int r = status_take(w);

	if (r != CTL_GOOD)
		return r;
	r = snapshot_take(w);
	if (r != CTL_GOOD)
		return r;
	w->signals = signals_open(&w->mask);
	if (!w->ctl->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
		w->screen = screen_open();
	return CTL_GOOD;
}

static void watch_release(struct watch *w)
{
	tesla_unsubscribe(w->stream);
	rows_release(&w->rows);
	signals_close(w->signals, &w->mask);
	free(w->node);
	free(w->name);
}

int watch_run(const struct ctl *ctl)
{
	struct watch w = { .ctl = ctl, .signals = -1 };
	struct tesla_error err;
	int code = watch_open(&w);

	if (code == CTL_GOOD) {
		int r;

		w.until_us = ctl->seconds_ms > 0 ? clock_mono_us() + ctl->seconds_ms * 1000 : 0;
		r = follow(&w, &err);
		screen_close(w.screen);
		if (r != 0)
			code = ctl_complain(ctl, &err);
		else if (!w.has_value)
			code = ctl_say(ctl, CTL_NOTHING, "no value came");
	}
	watch_release(&w);
	return code;
}
