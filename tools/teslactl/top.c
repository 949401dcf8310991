/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `teslactl top`: the status once a second, by a thread that may wait for it, and the readings as
 * libtesla follows them.  One loop waits for all, for keys and for signals.
 */
#include "teslactl/top.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "teslactl/fetch.h"
#include "teslactl/peer.h"
#include "teslactl/rate.h"
#include "teslactl/signals.h"
#include "teslactl/table.h"
#include "teslactl/top_screen.h"

#define ASK_US 1000000	   /* the status is asked for at most once in so long */
#define DRAW_US 200000	   /* at most five times a second */
#define SILENCE_US 2500000 /* from here on it is said that no status comes */
#define DRAIN_MAX 10000	   /* messages between two looks at keys, signals and the clock */

struct top {
	const struct ctl *ctl;
	struct top_view view;
	struct term term;
	struct fetch *fetch;
	struct fetched last; /* whose status the view shows */
	struct tesla_follow *follow;
	struct rows rows;
	struct rate rate;
	char *error; /* of the last request; NULL: it was answered */
	char *silence;
	char *down; /* why no readings come; NULL: they do */
	int64_t asked_us, drawn_us, until_us;
	bool dirty, over;
	int signals;
	sigset_t mask; /* as it was */
};

/* ---- what the daemon says ---- */

static void lists_take(struct top *t)
{
	for (size_t i = 0; i < TOP_PANES; i++)
		if (top_list_take(&t->view.lists[i], t->view.status, (enum top_pane)i, t->view.sort,
				  t->view.reverse) != 0)
			t->over = true;
}

static void status_take(struct top *t, struct fetched got)
{
	t->last = got;
	t->view.status = &t->last.status.doc.u.data;
	lists_take(t);
}

/* What came, or why nothing did. */
static void fetched_take(struct top *t)
{
	struct fetched got;

	if (!fetch_take(t->fetch, &got))
		return;
	free(t->error);
	t->error = got.error;
	got.error = NULL;
	if (got.status.bytes == NULL) {
		fetched_release(&got);
	} else {
		struct fetched before = t->last;

		status_take(t, got);
		fetched_release(&before);
	}
	t->dirty = true;
}

/* ---- readings ---- */

static void reading_take(struct top *t, const struct tesla_event *e)
{
	(void)rows_take(&t->rows, e->reading);
	if (!e->from_snapshot)
		rate_count(&t->rate, e->reading->analyzer, (int64_t)e->reading->n);
}

/* The reason is NULL when they come. */
static void down_set(struct top *t, const char *reason)
{
	(void)text_set(&t->down, reason);
	t->view.down = t->down;
}

/* -EAGAIN: nothing is left; what makes no sense is left out. */
static int event_take(struct top *t)
{
	const struct tesla_event *e;
	struct tesla_error err;
	int r = tesla_follow_next(t->follow, 0, &e, &err);

	if (r != 0)
		return r == -EBADMSG || r == -ENOBUFS ? 0 : r;
	if (e->kind == TESLA_EVENT_READING)
		reading_take(t, e);
	else if (e->kind == TESLA_EVENT_GAP)
		t->view.missed += e->missed;
	else if (e->kind == TESLA_EVENT_UP || e->kind == TESLA_EVENT_DOWN)
		down_set(t, e->reason);
	t->dirty = true;
	return 0;
}

/* True: there may be more. */
static bool events_drain(struct top *t)
{
	int n = 0;

	while (n < DRAIN_MAX && event_take(t) == 0)
		n++;
	return n == DRAIN_MAX;
}

/* ---- the screen ---- */

static void silence_say(struct top *t, int64_t now_us)
{
	char since[24];

	free(t->silence);
	t->silence = NULL;
	if (now_us - t->last.at_us >= SILENCE_US || t->error != NULL) {
		age_format((now_us - t->last.at_us) / 1000, since, sizeof since);
		if (asprintf(&t->silence, "NO ANSWER for %s%s%s", since, t->error ? ": " : "",
			     t->error ? t->error : "") < 0)
			t->silence = NULL;
	}
	t->view.silence = t->silence;
}

static void draw(struct top *t, int64_t now_us)
{
	silence_say(t, now_us);
	t->view.rate = rate_now(&t->rate, now_us);
	top_draw(&t->view);
	t->drawn_us = now_us;
	t->dirty = false;
}

static void keys_take(struct top *t)
{
	enum top_sort sort = t->view.sort;
	bool reverse = t->view.reverse;

	if (!top_keys(&t->view))
		t->over = true;
	if (sort != t->view.sort || reverse != t->view.reverse)
		lists_take(t);
	t->dirty = true;
}

static void signal_take(struct top *t)
{
	struct signalfd_siginfo info;

	while (read(t->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGWINCH)
			term_resized();
		else
			t->over = true;
		t->dirty = true;
	}
}

/* ---- the loop ---- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int wait_ms(const struct top *t, bool more)
{
	int64_t now = clock_mono_us(), next = t->drawn_us + (t->dirty ? DRAW_US : ASK_US);

	/* A request that is still out wakes us when it comes. */
	next = t->asked_us + ASK_US > now ? least(next, t->asked_us + ASK_US) : next;
	next = t->until_us > 0 ? least(next, t->until_us) : next;
	return more || next <= now ? 0 : (int)((next - now + 999) / 1000);
}

static void wait_for_more(struct top *t, bool more)
{
	struct pollfd p[] = {
		{ .fd = tesla_follow_fd(t->follow), .events = POLLIN },
		{ .fd = fetch_fd(t->fetch), .events = POLLIN },
		{ .fd = t->signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	(void)poll(p, N_ELEMENTS(p), wait_ms(t, more));
	if (p[1].revents != 0)
		fetched_take(t);
	if (p[2].revents != 0)
		signal_take(t);
	if (p[3].revents & (POLLHUP | POLLERR | POLLNVAL))
		t->over = true;
	else if (p[3].revents != 0)
		keys_take(t);
}

static void follow(struct top *t)
{
	while (!t->over) {
		bool more = events_drain(t);
		int64_t now = clock_mono_us();

		if (now - t->asked_us >= ASK_US && fetch_ask(t->fetch))
			t->asked_us = now;
		if (now - t->drawn_us >= (t->dirty ? DRAW_US : ASK_US))
			draw(t, now);
		t->over = t->over || (t->until_us > 0 && now >= t->until_us);
		if (!t->over)
			wait_for_more(t, more);
	}
}

/* ---- beginning and end ---- */

/* Whether anybody is there is known before the screen is cleared. */
static int first_take(struct top *t)
{
	struct fetched got = { 0 };
	int r = ctl_ask(t->ctl, "status", &got.status);

	if (r != CTL_GOOD)
		return r;
	got.at_us = t->asked_us = clock_mono_us();
	status_take(t, got);
	return CTL_GOOD;
}

static int top_open(struct top *t)
{
	static const char *const prefixes[] = { "reading/", NULL };
	struct tesla_error err;
	int r;

	if (t->ctl->json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return ctl_say(t->ctl, CTL_USAGE,
			       "top is a screen and needs a terminal: status, snapshot and watch "
			       "say the same to a program");
	r = first_take(t);
	if (r != CTL_GOOD)
		return r;
	t->follow = peer_follow(t->ctl, prefixes, &err);
	if (t->follow == NULL)
		return ctl_complain(t->ctl, &err);
	t->signals = signals_open(&t->mask);
	t->fetch = fetch_new(t->ctl);
	if (t->fetch == NULL)
		return ctl_say(t->ctl, CTL_NO, "no memory");
	if (term_open(&t->term) != 0)
		return ctl_say(t->ctl, CTL_NO, "this terminal cannot show it");
	return CTL_GOOD;
}

static void top_release(struct top *t)
{
	term_close(&t->term);
	fetch_free(t->fetch);
	tesla_unfollow(t->follow);
	signals_close(t->signals, &t->mask);
	for (size_t i = 0; i < TOP_PANES; i++)
		top_list_release(&t->view.lists[i]);
	rows_release(&t->rows);
	fetched_release(&t->last);
	free(t->down);
	free(t->error);
	free(t->silence);
}

int top_run(const struct ctl *ctl)
{
	struct top t = { .ctl = ctl, .signals = -1, .dirty = true };
	int code;

	t.view.rows = &t.rows;
	t.view.focus = PANE_ANALYZERS;
	code = top_open(&t);
	if (code == CTL_GOOD) {
		t.until_us = ctl->seconds_ms > 0 ? clock_mono_us() + ctl->seconds_ms * 1000 : 0;
		follow(&t);
	}
	top_release(&t);
	return code;
}
