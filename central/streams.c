/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens, and what waits for whom. */
#include "central/streams.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/route.h"
#include "central/signin.h"

#define FLUSH_MS 20	   /* what comes within that is sent together */
#define COMMENT_SECONDS 15 /* so that nobody in between takes it for dead */
#define CHECK_SECONDS 10   /* sessions end without a change of the registry */
#define MESSAGE_MAX ((size_t)256 << 10)

struct streams_client {
	TAILQ_ENTRY(streams_client) listed;
	struct streams *all;
	struct call *call;
	char who[80];	  /* at first: who is somebody else later is ended */
	uint64_t changes; /* of the registry, when `call->who` was looked up */
	struct sse_filter filter;
	struct sse sse;
	uint64_t number; /* of those that came */
	uint64_t last_id;
	uint64_t after, newest_id; /* while older ones are read: behind which, and what came */
	bool reads_past;
	size_t taken; /* bytes that the connection has */
	bool wants, ending;
};
TAILQ_HEAD(client_list, streams_client);

struct streams {
	struct app *app;
	struct streams_limits limits;
	struct client_list clients;
	struct streams_counts counts;
	uv_timer_t flush;
	bool flushing, closed;
	unsigned seconds;
};

/* ---- sending ---- */

static void push(struct streams_client *c)
{
	size_t waited = c->sse.waiting.pub.len;
	struct buf piece;

	if (!c->wants || c->ending || !sse_take(&c->sse, &piece))
		return;
	c->wants = false;
	c->taken = piece.pub.len;
	c->all->counts.bytes += c->taken - waited; /* what was missed is said behind it */
	stream_push(c->call->request, &piece);
}

static void on_flush(uv_timer_t *timer)
{
	struct streams *s = timer->data;

	s->flushing = false;
	for (struct streams_client *c = TAILQ_FIRST(&s->clients); c != NULL;
	     c = TAILQ_NEXT(c, listed))
		push(c);
}

static void flush_soon(struct streams *s)
{
	if (s->flushing)
		return;
	s->flushing = true;
	(void)uv_timer_start(&s->flush, on_flush, FLUSH_MS, 0);
}

static void on_want(void *arg)
{
	struct streams_client *c = arg;

	c->all->counts.bytes -= c->taken;
	c->taken = 0;
	c->wants = true;
	push(c);
}

static void free_if_through(struct streams *s)
{
	if (s->closed && TAILQ_EMPTY(&s->clients))
		free(s);
}

static void on_gone(void *arg)
{
	struct streams_client *c = arg;
	struct streams *s = c->all;

	TAILQ_REMOVE(&s->clients, c, listed);
	s->counts.clients--;
	s->counts.bytes -= c->taken + c->sse.waiting.pub.len;
	sse_release(&c->sse);
	sse_filter_release(&c->filter);
	free(c);
	free_if_through(s);
}

static void add(struct streams_client *c, const struct buf *text, size_t room)
{
	struct streams *s = c->all;
	size_t left = STREAMS_BYTES_MAX > s->counts.bytes ? STREAMS_BYTES_MAX - s->counts.bytes : 0;
	size_t there = c->sse.waiting.pub.len;

	if (sse_add(&c->sse, text, room < there + left ? room : there + left))
		s->counts.bytes += text->pub.len;
	else
		s->counts.missed++;
	flush_soon(s);
}

/* The last that it hears; what waits for it is dropped. */
static void end(struct streams_client *c, const char *why)
{
	struct buf text;

	if (c->ending)
		return;
	c->ending = true;
	buf_init(&text, SSE_FIRST_MAX);
	(void)buf_append(&text, "event: end\ndata: {\"reason\":\"", 28);
	(void)buf_append(&text, why, strlen(why));
	(void)buf_append(&text, "\"}\n\n", 4);
	stream_push(c->call->request, &text);
	stream_end(c->call->request, true);
}

static void on_stop(struct call *call)
{
	end(call->work, "the server ends");
}

/* ---- who may ---- */

/* What `call->who` points to is the registry's, which may have been read again. */
static bool is_who_it_was(struct streams_client *c)
{
	if (c->changes == c->all->app->registry_changes)
		return true;
	c->changes = c->all->app->registry_changes;
	if (signin_again(c->call) == SIGNIN_GOOD && strcmp(c->who, c->call->who_text) == 0 &&
	    auth_may(&c->call->who, c->call->route->action, NULL))
		return true;
	end(c, "signed out, or the token is revoked");
	return false;
}

static bool may_hear(struct streams_client *c, const struct streams_message *m)
{
	if (c->ending || (m->id != 0 && m->id <= c->last_id) ||
	    !sse_filter_takes(&c->filter, m->node, m->analyzer, m->variable))
		return false;
	return is_who_it_was(c) &&
	       auth_may(&c->call->who, AUTH_READ, m->node[0] != '\0' ? m->node : NULL);
}

/* ---- messages ---- */

static bool make(struct streams *s, const struct streams_message *m, struct buf *packed,
		 struct buf *text)
{
	struct tesla_error err;

	buf_init(text, MESSAGE_MAX);
	if (sse_message(text, m->event, m->id, packed, &err) == 0)
		return true;
	log_msg(&s->app->log, LOG_LEVEL_ERROR, "a message of node %s is not sent: %s", m->node,
		err.text);
	buf_release(text);
	return false;
}

bool streams_any(const struct streams *s)
{
	return !TAILQ_EMPTY(&s->clients);
}

void streams_say(struct streams *s, const struct streams_message *m, struct buf *packed)
{
	struct streams_client *c = NULL;
	struct buf text;

	if (!make(s, m, packed, &text))
		return;
	TAILQ_FOREACH(c, &s->clients, listed) {
		if (!may_hear(c, m))
			continue;
		if (c->reads_past && m->id > c->after) {
			c->newest_id = m->id;
			continue;
		}
		add(c, &text, SSE_WAITING_MAX);
		c->last_id = m->id != 0 ? m->id : c->last_id;
	}
	buf_release(&text);
}

void streams_say_first(struct streams_client *c, const struct streams_message *m,
		       struct buf *packed)
{
	struct buf text;

	if (!may_hear(c, m) || !make(c->all, m, packed, &text))
		return;
	add(c, &text, SSE_FIRST_MAX);
	c->last_id = m->id != 0 ? m->id : c->last_id;
	buf_release(&text);
}

bool streams_takes(struct streams_client *c, const struct streams_message *m)
{
	return may_hear(c, m);
}

bool streams_is_full(const struct streams_client *c)
{
	return c->ending || c->sse.missed > 0;
}

uint64_t streams_past_begin(struct streams_client *c, uint64_t after)
{
	c->reads_past = true;
	c->after = after;
	return c->number;
}

struct streams_client *streams_client(const struct streams *s, uint64_t number)
{
	struct streams_client *c = NULL;

	TAILQ_FOREACH(c, &s->clients, listed)
		if (c->number == number)
			return c;
	return NULL;
}

bool streams_past_end(struct streams_client *c, uint64_t id)
{
	c->last_id = id > c->last_id ? id : c->last_id;
	c->reads_past = c->newest_id > c->last_id && !c->ending;
	return c->reads_past;
}

void streams_past_fail(struct streams_client *c)
{
	(void)streams_past_end(c, c->newest_id);
	if (c->ending)
		return;
	c->sse.missed++;
	c->sse.missed_all++;
	c->all->counts.missed++;
	flush_soon(c->all);
}

static void comment(struct streams_client *c)
{
	struct buf text;

	buf_init(&text, 8);
	if (c->sse.waiting.pub.len == 0 && buf_append(&text, ":\n\n", 3) == 0)
		add(c, &text, SSE_WAITING_MAX);
	buf_release(&text);
}

void streams_tick(struct streams *s)
{
	struct streams_client *c = NULL;

	s->seconds++;
	TAILQ_FOREACH(c, &s->clients, listed) {
		if (s->seconds % CHECK_SECONDS == 0)
			c->changes = UINT64_MAX;
		if (!c->ending && is_who_it_was(c) && s->seconds % COMMENT_SECONDS == 0)
			comment(c);
	}
}

/* ---- who comes ---- */

static size_t clients_of(const struct streams *s, const char *who)
{
	const struct streams_client *c = NULL;
	size_t n = 0;

	TAILQ_FOREACH(c, &s->clients, listed)
		n += strcmp(c->who, who) == 0;
	return n;
}

static bool refuse(struct streams *s, struct call *c)
{
	bool of_user = clients_of(s, c->who_text) >= s->limits.max_per_user;

	if (!of_user && s->counts.clients < s->limits.max && !s->app->stopping)
		return false;
	s->counts.refused++;
	request_answer_header(c->request, "Retry-After", "15");
	call_error(c, of_user ? 429 : 503,
		   of_user ? "%s has too many streams" : "there are too many streams, for %s too",
		   c->who_text);
	return true;
}

/* False: no memory. */
static bool copy(struct call *c, const char *name, char **to)
{
	const char *text = request_query(c->request, name);

	*to = text != NULL ? strdup(text) : NULL;
	return text == NULL || *to != NULL;
}

static struct streams_client *client_new(struct streams *s, struct call *c)
{
	struct streams_client *n = calloc(1, sizeof *n);

	if (n == NULL)
		return NULL;
	n->all = s;
	n->call = c;
	n->changes = s->app->registry_changes;
	(void)snprintf(n->who, sizeof n->who, "%s", c->who_text);
	sse_init(&n->sse);
	if (copy(c, "node", &n->filter.nodes) && copy(c, "analyzer", &n->filter.analyzers) &&
	    copy(c, "variable", &n->filter.variables))
		return n;
	sse_filter_release(&n->filter);
	free(n);
	return NULL;
}

struct streams_client *streams_open(struct streams *s, struct call *c)
{
	struct stream stream = { .want = on_want, .gone = on_gone };
	struct streams_client *n;

	if (refuse(s, c))
		return NULL;
	n = client_new(s, c);
	if (n == NULL) {
		call_busy(c);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->clients, n, listed);
	s->counts.clients++;
	n->number = ++s->counts.opened;
	c->work = n;
	c->stop = on_stop;
	stream.arg = n;
	request_answer_header(c->request, "Cache-Control", "no-store");
	request_answer_header(c->request, "X-Accel-Buffering", "no");
	request_answer_stream(c->request, 200, "text/event-stream", &stream);
	return n;
}

/* ---- its life ---- */

struct streams *streams_new(struct app *app, const struct streams_limits *limits)
{
	struct streams *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->app = app;
	s->limits = *limits;
	TAILQ_INIT(&s->clients);
	(void)uv_timer_init(&app->loop, &s->flush);
	s->flush.data = s;
	return s;
}

static void on_closed(uv_handle_t *handle)
{
	struct streams *s = handle->data;

	s->closed = true;
	free_if_through(s);
}

void streams_free(struct streams *s)
{
	if (s != NULL)
		uv_close((uv_handle_t *)&s->flush, on_closed);
}

void streams_count(const struct streams *s, struct streams_counts *ret)
{
	*ret = s->counts;
}
