/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `teslactl watch`: follows by libtesla.  One loop waits for what comes, keys and signals.  Last
 * values are for the screen alone: lines are what the stream brought.
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
#include "base/json.h"
#include "teslactl/peer.h"
#include "teslactl/rate.h"
#include "teslactl/rows.h"
#include "teslactl/screen.h"
#include "teslactl/signals.h"
#include "teslactl/table.h"

#define DRAW_US 200000	     /* at most five times a second */
#define IDLE_DRAW_US 1000000 /* ages go on when nothing comes */
#define DRAIN_MAX 10000	     /* events between two looks at keys, signals and the clock */

struct watch {
	const struct ctl *ctl;
	char *node, *name;
	struct tesla_follow *follow;
	struct rows rows;
	struct screen *screen; /* NULL: lines of text or JSON */
	struct rate rate;
	bool up;		   /* it followed once */
	bool streamed;		   /* a reading came by the stream */
	bool has_value;		   /* and a number in one */
	char *down;		   /* why nothing comes; NULL: it does */
	uint64_t gap;		   /* before the next reading */
	uint64_t missed, restarts; /* in all */
	bool dirty, over;
	int signals;
	sigset_t mask; /* as it was */
	int64_t until_us, drawn_us;
};

/* ---- one reading, by kind of output ---- */

static void text_line(const struct row *row)
{
	time_t s = (time_t)(row->t_ms / 1000);
	struct tm tm;
	char when[32] = "";

	if (gmtime_r(&s, &tm) != NULL)
		(void)strftime(when, sizeof when, "%FT%T", &tm);
	(void)printf("%s.%03dZ  %lld  %s", when, (int)(row->t_ms % 1000), (long long)row->analyzer,
		     row->variable);
	for (size_t i = 0; i < row->n_elements; i++)
		element_print(stdout, "  ", row_label(row, i), &row->elements[i]);
	(void)printf("%s%s%s%s\n", *row->unit ? "  " : "", row->unit, row->error ? "  " : "",
		     row->error ? row->error : "");
}

/* What the topic and the snapshot say, and then the payload as it came. */
static int json_members(yajl_gen g, const struct tesla_client_reading *r,
			const msgpack_object *payload, struct tesla_error *err)
{
	int rc = 0;

	(void)json_text(g, "analyzer");
	(void)yajl_gen_integer(g, r->analyzer);
	(void)json_text(g, "variable");
	if (json_text(g, r->variable) != 0)
		return tesla_fail(err, -EINVAL, "a variable's name is no UTF-8");
	if (r->labels != NULL) {
		(void)json_text(g, "labels");
		(void)yajl_gen_array_open(g);
		for (size_t i = 0; i < r->n_elements; i++)
			if (json_text(g, r->labels[i]) != 0)
				return tesla_fail(err, -EINVAL, "a label of %s is no UTF-8",
						  r->variable);
		(void)yajl_gen_array_close(g);
	}
	for (uint32_t i = 0; i < payload->via.map.size && rc == 0; i++) {
		rc = json_value(g, &payload->via.map.ptr[i].key, err);
		if (rc == 0)
			rc = json_value(g, &payload->via.map.ptr[i].val, err);
	}
	return rc;
}

static int json_line(const struct tesla_event *e, struct tesla_error *err)
{
	yajl_gen g = json_new();
	struct mp_doc doc;
	int r;

	if (g == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	r = mp_unpack(&doc, e->payload, e->len, err);
	if (r == 0) {
		(void)yajl_gen_map_open(g);
		r = json_members(g, e->reading, &doc.u.data, err);
		(void)yajl_gen_map_close(g);
		mp_doc_release(&doc);
	}
	if (r == 0)
		json_finish(g, stdout);
	else
		yajl_gen_free(g);
	return r;
}

/* ---- what comes ---- */

static void count_in(struct watch *w, const struct tesla_client_reading *r)
{
	rate_count(&w->rate, r->analyzer, (int64_t)r->n);
	w->streamed = true;
	for (size_t i = 0; i < r->n_elements; i++)
		w->has_value |= element_has_value(&r->elements[i]);
}

/* Where there is a screen, its title says it. */
static void missed_tell(struct watch *w, const char *topic, uint64_t missed)
{
	w->missed += missed;
	if (w->screen == NULL && missed > 0)
		ctl_tell("%s: %llu reading%s missed", topic, (unsigned long long)missed,
			 missed == 1 ? "" : "s");
}

static int reading_take(struct watch *w, const struct tesla_event *e, struct tesla_error *err)
{
	const struct tesla_client_reading *r = e->reading;
	uint64_t missed = w->gap;
	const struct row *row;

	w->gap = 0;
	if (!filter_takes(&w->ctl->filter, r->analyzer, r->variable))
		return 0;
	row = rows_take(&w->rows, r);
	if (row == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for %s", e->topic);
	/* After a loss it stands for one that the stream did not bring. */
	missed_tell(w, e->topic, missed + (e->from_snapshot && w->streamed));
	if (e->from_snapshot)
		return 0;
	count_in(w, r);
	if (w->screen != NULL)
		return 0;
	if (w->ctl->json)
		return json_line(e, err);
	text_line(row);
	return 0;
}

static void restart_take(struct watch *w)
{
	w->restarts++;
	if (w->screen == NULL)
		ctl_tell("teslad was started again");
}

static int64_t end_us(const struct ctl *ctl)
{
	return ctl->seconds_ms > 0 ? clock_mono_us() + ctl->seconds_ms * 1000 : 0;
}

/* What is asked for is so many seconds of it, and a screen of last values at once. */
static void begin(struct watch *w)
{
	w->up = true;
	w->until_us = end_us(w->ctl);
	w->drawn_us = 0;
}

/* It follows, or with a reason it does not. */
static void state_take(struct watch *w, const char *reason)
{
	if (w->screen == NULL && (w->up || reason != NULL))
		ctl_tell("%s", reason ? reason : "readings come again");
	if (!w->up && reason == NULL)
		begin(w);
	(void)text_set(&w->down, reason);
}

/* -EAGAIN: nothing is left; -EBADMSG: something was left out, the next may be good. */
static int event_take(struct watch *w, struct tesla_error *err)
{
	const struct tesla_event *e;
	int r = tesla_follow_next(w->follow, 0, &e, err);

	if (r != 0)
		return r == -ENOBUFS ? -EBADMSG : r;
	w->dirty = true;
	if (e->kind == TESLA_EVENT_READING)
		return reading_take(w, e, err);
	if (e->kind == TESLA_EVENT_GAP)
		w->gap = e->missed;
	else if (e->kind == TESLA_EVENT_UP || e->kind == TESLA_EVENT_DOWN)
		state_take(w, e->reason);
	else if (e->kind == TESLA_EVENT_RESTART)
		restart_take(w);
	return 0;
}

/* ---- the loop ---- */

static void draw(struct watch *w, int64_t now_us)
{
	time_t now = time(NULL);
	struct tm tm;
	char clock[16] = "", lost[80] = "";
	_cleanup_free_ char *title = NULL;

	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(clock, sizeof clock, "%T", &tm);
	if (w->missed > 0 || w->restarts > 0)
		(void)snprintf(lost, sizeof lost, "   %llu missed, %llu restart%s",
			       (unsigned long long)w->missed, (unsigned long long)w->restarts,
			       w->restarts == 1 ? "" : "s");
	if (asprintf(&title, "node %s  %s   %.1f sweeps/s   %s%s%s%s", w->node,
		     w->name ? w->name : "", rate_now(&w->rate, now_us), clock,
		     w->down ? "   DOWN: " : "", w->down ? w->down : "", lost) < 0)
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
		{ .fd = tesla_follow_fd(w->follow), .events = POLLIN },
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
			r = event_take(w, err);
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

/* Another node may be there after a restart; of one analyzer it is not awaited. */
static int follow_open(struct watch *w, struct tesla_error *err)
{
	const char *prefixes[] = { "reading/", NULL };
	_cleanup_free_ char *prefix = NULL;
	int64_t analyzer = w->ctl->filter.analyzer;

	if (analyzer != 0) {
		if (asprintf(&prefix, "reading/%s/%lld/", w->node, (long long)analyzer) < 0)
			return tesla_fail(err, -ENOMEM, "no memory");
		prefixes[0] = prefix;
	}
	w->follow = peer_follow(w->ctl, prefixes, err);
	return w->follow ? 0 : err->code;
}

static int status_check(struct watch *w, const msgpack_object *status, struct tesla_error *err)
{
	_cleanup_free_ char *stream = mp_strdup(status, "stream"),
			    *key = mp_strdup(status, "stream_key");
	int64_t analyzer = w->ctl->filter.analyzer;

	w->node = mp_strdup(mp_get(status, "node"), "id");
	w->name = mp_strdup(mp_get(status, "node"), "name");
	if (w->node == NULL)
		return tesla_fail(err, -EREMOTEIO, "teslad does not say which node it is");
	if (analyzer != 0 && !has_analyzer(status, analyzer))
		return tesla_fail(err, -EREMOTEIO, "there is no analyzer %lld",
				  (long long)analyzer);
	if (stream == NULL)
		return tesla_fail(err, -EREMOTEIO, "teslad publishes no stream");
	if (key != NULL && w->ctl->key == NULL)
		return tesla_fail(err, -EACCES,
				  "the stream %s is encrypted: expected --key, a file whose public "
				  "key its list of clients has",
				  stream);
	return 0;
}

static int watch_open(struct watch *w)
{
	struct answer answer;
	struct tesla_error err;
	int r = ctl_ask(w->ctl, "status", &answer);

	if (r != CTL_GOOD)
		return r;
	if (status_check(w, &answer.doc.u.data, &err) != 0 || follow_open(w, &err) != 0)
		r = ctl_complain(w->ctl, &err);
	answer_release(&answer);
	if (r != CTL_GOOD)
		return r;
	w->signals = signals_open(&w->mask);
	if (!w->ctl->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
		w->screen = screen_open();
	w->until_us = end_us(w->ctl);
	return CTL_GOOD;
}

static void watch_release(struct watch *w)
{
	tesla_unfollow(w->follow);
	rows_release(&w->rows);
	signals_close(w->signals, &w->mask);
	free(w->node);
	free(w->name);
	free(w->down);
}

int watch_run(const struct ctl *ctl)
{
	struct watch w = { .ctl = ctl, .signals = -1 };
	struct tesla_error err;
	int code = watch_open(&w);

	if (code == CTL_GOOD) {
		int r = follow(&w, &err);

		screen_close(w.screen);
		if (r != 0)
			code = ctl_complain(ctl, &err);
		else if (!w.has_value && !ferror(stdout))
			code = ctl_say(ctl, CTL_NOTHING, "no value came");
	}
	watch_release(&w);
	return code;
}
