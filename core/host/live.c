/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that come, change and go: the main thread's half.  It makes what a message describes and
 * hands it to the thread of the line; it never waits for one that has not said that it is ending.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/run.h"

int host_init(struct host *h, struct tesla_error *err)
{
	int r = queue_init(&h->ended, HOST_LINES_MAX);

	return r == 0 ? 0 : tesla_fail(err, r, "no descriptor for a queue: %s", strerror(-r));
}

/* ---- what is known of a line ---- */

static void host_line_free(struct host_line *hl)
{
	texts_free(hl->drivers);
	free(hl->analyzers);
	line_free(hl->line);
	free(hl);
}

static struct host_line **place_of(const struct host *h, int64_t id)
{
	for (size_t i = 0; i < h->n_lines; i++)
		if (h->lines[i]->id == id)
			return &h->lines[i];
	return NULL;
}

static int analyzers_note(struct host_line *hl, const struct line *l)
{
	int64_t *ids = calloc(l->n_analyzers + 1, sizeof *ids);

	if (ids == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_analyzers; i++)
		ids[i] = l->analyzers[i]->id;
	free(hl->analyzers);
	hl->analyzers = ids;
	hl->n_analyzers = l->n_analyzers;
	return 0;
}

static int drivers_note(struct host_line *hl, const struct line *l)
{
	hl->drivers = calloc(l->n_drivers + 1, sizeof *hl->drivers);
	for (size_t i = 0; hl->drivers != NULL && i < l->n_drivers; i++) {
		hl->drivers[i] = strdup(l->drivers[i].name);
		if (hl->drivers[i] == NULL)
			return -ENOMEM;
	}
	return hl->drivers != NULL ? 0 : -ENOMEM;
}

/* In whatever order: each is there once. */
static bool drivers_same(const struct host_line *hl, const struct line *l)
{
	size_t n = 0;

	for (; hl->drivers[n] != NULL; n++) {
		bool found = false;

		for (size_t i = 0; i < l->n_drivers; i++)
			found = found || strcmp(l->drivers[i].name, hl->drivers[n]) == 0;
		if (!found)
			return false;
	}
	return n == l->n_drivers;
}

/* ---- commands ---- */

static int command_send(struct runner *r, const struct command *what, struct tesla_error *err)
{
	struct command *c = malloc(sizeof *c);

	if (c == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for line %lld",
				  (long long)what->line_id);
	*c = *what;
	if (runner_push(r, c))
		return 0;
	free(c);
	return tesla_fail(err, -EPROTO,
			  "the core changes line %lld faster than it is told that it is done",
			  (long long)what->line_id);
}

/* hl->line goes to a thread: its own, or the event loop's. */
static int line_launch(struct host *h, struct host_line *hl, struct tesla_error *err)
{
	struct line *l = hl->line;
	int r;

	hl->shared = run_can_share(l);
	if (hl->shared && h->shared != NULL) {
		hl->runner = h->shared;
		r = command_send(hl->runner,
				 &(struct command){ COMMAND_LINE, .line_id = l->id, .line = l },
				 err);
	} else {
		r = runner_start(h, l, &hl->runner, err);
		if (r == 0 && hl->shared)
			h->shared = hl->runner;
	}
	if (r == 0)
		hl->line = NULL;
	return r;
}

/* ---- line ---- */

static int line_new(struct host *h, struct line *l, struct tesla_error *err)
{
	struct host_line *hl = calloc(1, sizeof *hl);

	if (hl != NULL)
		*hl = (struct host_line){ .id = l->id, .line = l };
	else
		line_free(l);
	if (hl == NULL || analyzers_note(hl, l) != 0 || drivers_note(hl, l) != 0 ||
	    grow(&h->lines, h->n_lines, sizeof(struct host_line *)) != 0) {
		if (hl != NULL)
			host_line_free(hl);
		return tesla_fail(err, -ENOMEM, "no memory for a line");
	}
	h->lines[h->n_lines++] = hl;
	return h->running ? line_launch(h, hl, err) : 0;
}

/* It takes the line: the thread that has the old one changes it, or lets go of it for another. */
static int line_changed(struct host_line *hl, struct line *l, struct tesla_error *err)
{
	bool moves = run_can_share(l) != hl->shared;
	struct command c = { COMMAND_LINE, .line_id = l->id };

	if (moves) {
		hl->moving = true;
		hl->line = l;
		c = (struct command){ COMMAND_UNLINE, .line_id = l->id, .keep = true };
	} else {
		c.line = l;
	}
	return command_send(hl->runner, &c, err);
}

static int change_check(const struct host *h, const struct host_line *hl, const struct line *l,
			struct tesla_error *err)
{
	if (!h->running)
		return tesla_fail(err, -EPROTO, "the core sent line %lld twice", (long long)l->id);
	if (hl->moving)
		return tesla_fail(err, -EPROTO, "the core changes line %lld while it is changed",
				  (long long)l->id);
	if (!drivers_same(hl, l))
		return tesla_fail(err, -EPROTO, "the core sent line %lld with other drivers",
				  (long long)l->id);
	return 0;
}

int live_line(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	struct host_line **at;
	struct line *l;
	int r = line_make(h, m, &l, err);

	if (r != 0)
		return r;
	at = place_of(h, l->id);
	if (at == NULL && h->n_lines + h->n_ending >= HOST_LINES_MAX)
		r = tesla_fail(err, -EPROTO, "the core sent more than %d lines", HOST_LINES_MAX);
	else if (at == NULL)
		return line_new(h, l, err);
	else
		r = change_check(h, *at, l, err);
	l->traced = at != NULL && (*at)->traced;
	if (r == 0 && analyzers_note(*at, l) != 0)
		r = tesla_fail(err, -ENOMEM, "no memory for line %lld", (long long)l->id);
	if (r == 0)
		return line_changed(*at, l, err);
	line_free(l);
	return r;
}

/* ---- unline ---- */

static void host_line_remove(struct host *h, struct host_line **at)
{
	host_line_free(*at);
	*at = h->lines[--h->n_lines];
}

int live_unline(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	int64_t id = mp_int(m, "line", 0);
	struct host_line **at = place_of(h, id);
	int r;

	if (at == NULL || !h->running || (*at)->moving)
		return tesla_fail(err, -EPROTO, "the core ends line %lld, which %s", (long long)id,
				  at == NULL ? "is not here" : "is not running");
	r = command_send((*at)->runner, &(struct command){ COMMAND_UNLINE, .line_id = id }, err);
	if (r == 0) {
		host_line_remove(h, at);
		h->n_ending++;
	}
	return r;
}

static void gone(struct host *h, int64_t line)
{
	struct frame f;

	h->n_ending--;
	mp_key_int(report_begin(&h->report, &f, "gone", 2), "line", line);
	report_end(&h->report, &f);
}

/* The thread that had it let go of it: now another gets it, with what the old one knew. */
static int line_moved(struct host *h, struct command *c, struct tesla_error *err)
{
	struct host_line **at = place_of(h, c->line_id);

	assert(at != NULL && (*at)->moving); /* nothing else is taken for it meanwhile */
	(*at)->moving = false;
	(*at)->line->before = c->line;
	c->line = NULL;
	return line_launch(h, *at, err);
}

int live_ended(struct host *h, struct tesla_error *err)
{
	struct command *c;
	int r = 0;

	while (r == 0 && (c = queue_pop(&h->ended)) != NULL) {
		if (c->runner != NULL)
			runner_join(c->runner);
		if (c->keep)
			r = line_moved(h, c, err);
		else
			gone(h, c->line_id);
		command_free(c);
	}
	return r;
}

/* ---- ask ---- */

static int ask_kind(const msgpack_object *m, enum ask_what *ret)
{
	static const char *const names[] = {
		[ASK_READ] = "read", [ASK_IDENTIFY] = "identify", [ASK_ACCEPT] = "accept",
		[ASK_HOLD] = "hold", [ASK_RELEASE] = "release",	  [ASK_LOOK] = "look",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (mp_is(m, "what", names[i])) {
			*ret = (enum ask_what)i;
			return 0;
		}
	}
	return -EPROTO;
}

static struct host_line *line_of(const struct host *h, int64_t analyzer)
{
	for (size_t i = 0; i < h->n_lines; i++)
		for (size_t k = 0; k < h->lines[i]->n_analyzers; k++)
			if (h->lines[i]->analyzers[k] == analyzer)
				return h->lines[i];
	return NULL;
}

static void refuse(struct host *h, const struct ask *ask, const char *why)
{
	struct frame f;
	msgpack_packer *pk = report_begin(&h->report, &f, "answer", 4);

	mp_key_int(pk, "i", ask->i);
	mp_key_int(pk, "analyzer", ask->analyzer);
	mp_key_str(pk, "error", why);
	report_end(&h->report, &f);
}

/* What a look asks; -EPROTO: the core said what cannot be. */
static int look_parse(const msgpack_object *m, struct look *ret)
{
	_cleanup_free_ char *command = mp_strdup(m, "command");
	int64_t address = mp_int(m, "address", -1), timeout = mp_int(m, "timeout_ms", 0);

	if (address < 0 || address > UINT16_MAX || timeout < 0 || timeout > LOOK_TIMEOUT_MAX_MS ||
	    (command != NULL && strlen(command) >= LOOK_COMMAND_MAX))
		return -EPROTO;
	*ret = (struct look){ .address = (unsigned)address,
			      .who = command == NULL && mp_int(m, "function", 0) == 0,
			      .what = { .function = (uint16_t)mp_int(m, "function", 0),
					.address = (uint16_t)mp_int(m, "first", 0),
					.count = (uint16_t)mp_int(m, "count", 0) },
			      .timeout_ms = timeout };
	(void)snprintf(ret->command, sizeof ret->command, "%s", command ? command : "");
	return 0;
}

static int ask_send(struct host_line *hl, const struct ask *what, struct tesla_error *err)
{
	struct ask *ask = malloc(sizeof *ask);

	if (ask == NULL)
		return tesla_fail(err, -ENOMEM, "no memory to ask analyzer %lld",
				  (long long)what->analyzer);
	*ask = *what;
	ask->open = &hl->runner->asks;
	(void)atomic_fetch_add(ask->open, 1);
	return command_send(hl->runner,
			    &(struct command){ COMMAND_ASK, .line_id = hl->id, .ask = ask }, err);
}

int live_ask(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	struct ask ask = { .i = mp_int(m, "i", 0), .analyzer = mp_int(m, "analyzer", 0) };
	struct host_line *hl = line_of(h, ask.analyzer);

	if (ask_kind(m, &ask.what) != 0 || !h->running ||
	    (ask.what == ASK_LOOK && look_parse(m, &ask.look) != 0))
		return tesla_fail(err, -EPROTO, "the core asks what this host does not understand");
	if (hl == NULL)
		refuse(h, &ask, "the analyzer is not here");
	else if (hl->moving)
		refuse(h, &ask, "the analyzer's line is being changed");
	else if (atomic_load(&hl->runner->asks) >= ASKS_MAX)
		refuse(h, &ask, "too much was asked that is not done yet");
	else
		return ask_send(hl, &ask, err);
	return 0;
}

/* ---- trace ---- */

int live_trace(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	struct host_line **at = place_of(h, mp_int(m, "line", 0));
	struct host_line *hl = at != NULL ? *at : NULL;

	if (hl == NULL)
		return tesla_fail(err, -EPROTO, "the core traces a line that is not here");
	hl->traced = mp_bool(m, "on", false);
	if (hl->line != NULL) /* nobody's yet */
		hl->line->traced = hl->traced;
	if (hl->line != NULL)
		return 0;
	return command_send(
		hl->runner,
		&(struct command){ COMMAND_TRACE, .line_id = hl->id, .traced = hl->traced }, err);
}

/* ---- go ---- */

int live_go(struct host *h, struct tesla_error *err)
{
	int r = 0;

	h->running = true;
	for (size_t i = 0; r == 0 && i < h->n_lines; i++)
		r = line_launch(h, h->lines[i], err);
	return r;
}
