/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics, /healthz and /readyz over HTTP. */
#include "daemon/metrics_http.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "base/metrics_accept.h"

#define TEXT_MAX (64u << 20)
#define BACKLOG 64
#define N_HANDLES 3
#define N_FORMATS 2

/* What libmicrohttpd's own time-out is not: a client that sends a byte now and then is cut too. */
struct connection {
	TAILQ_ENTRY(connection) by_deadline;
	int fd;
	uint64_t until_ms;
	bool cut; /* not in the list any more */
};

TAILQ_HEAD(connections, connection);

struct metrics_http {
	struct metrics_http_conf conf;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;	     /* the daemon's own epoll */
	uv_timer_t again;    /* the daemon wants to run by then */
	uv_timer_t deadline; /* of the first of: */
	struct connections connections;
	unsigned open_handles;
	struct {
		struct MHD_Response *response; /* NULL: none yet */
		uint64_t made_ms;
	} texts[N_FORMATS];
};

static uint64_t now_ms(const struct metrics_http *h)
{
	return uv_now(h->poll.loop);
}

/* ---- deadlines ---- */

static void on_deadline(uv_timer_t *timer);

static void deadline_arm(struct metrics_http *h)
{
	const struct connection *first = TAILQ_FIRST(&h->connections);
	uint64_t now = now_ms(h);

	if (first == NULL)
		(void)uv_timer_stop(&h->deadline);
	else
		(void)uv_timer_start(&h->deadline, on_deadline,
				     first->until_ms > now ? first->until_ms - now : 0, 0);
}

/* All have the same time, so the list stays sorted. */
static void deadline_set(struct metrics_http *h, struct connection *c)
{
	c->until_ms = now_ms(h) + h->conf.deadline_ms;
	TAILQ_INSERT_TAIL(&h->connections, c, by_deadline);
	if (TAILQ_FIRST(&h->connections) == c)
		deadline_arm(h);
}

static void deadline_drop(struct metrics_http *h, struct connection *c)
{
	bool first = TAILQ_FIRST(&h->connections) == c;

	TAILQ_REMOVE(&h->connections, c, by_deadline);
	if (first)
		deadline_arm(h);
}

/* The daemon sees that it is shut down, and closes it. */
static void on_deadline(uv_timer_t *timer)
{
	struct metrics_http *h = timer->data;
	struct connection *c = TAILQ_FIRST(&h->connections);

	while (c != NULL && c->until_ms <= now_ms(h)) {
		c->cut = true;
		(void)shutdown(c->fd, SHUT_RDWR);
		TAILQ_REMOVE(&h->connections, c, by_deadline);
		c = TAILQ_FIRST(&h->connections);
	}
	deadline_arm(h);
}

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct metrics_http *h = arg;
	struct connection *c = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c != NULL && !c->cut)
			deadline_drop(h, c);
		free(c);
		*socket_context = NULL;
		return;
	}
	c = calloc(1, sizeof *c);
	*socket_context = c;
	if (c == NULL) { /* one without a deadline is none that we can have */
		(void)shutdown(info->connect_fd, SHUT_RDWR);
		return;
	}
	c->fd = info->connect_fd;
	deadline_set(h, c);
}

/* Answered, or not: the next request has its own time. */
static void on_completed(void *arg, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *c = info->socket_context;

	(void)request;
	if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK || c == NULL || c->cut)
		return;
	deadline_drop(arg, c);
	deadline_set(arg, c);
}

/* ---- answers ---- */

static const char plain[] = "text/plain; charset=utf-8";

/* Takes the bytes of `text`, which is empty then.  NULL: no memory. */
static struct MHD_Response *response_new(struct buf *text, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(text->pub.len, text->pub.bytes,
								 MHD_RESPMEM_MUST_FREE);

	if (r == NULL) {
		buf_release(text);
		return NULL;
	}
	text->pub.bytes = NULL;
	buf_release(text);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return r;
}

/* A line of text; `allow`: what header Allow says, or NULL. */
static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *line,
			   const char *allow)
{
	struct MHD_Response *r;
	enum MHD_Result queued;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	(void)buf_append(&text, line, strlen(line));
	r = response_new(&text, plain);
	if (r == NULL)
		return MHD_NO;
	if (allow != NULL)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	queued = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return queued;
}

/* The text of now; NULL: there is no room for it. */
static struct MHD_Response *text_of(struct metrics_http *h, enum metrics_format format)
{
	uint64_t now = now_ms(h);
	struct buf text;

	if (h->texts[format].response != NULL &&
	    now - h->texts[format].made_ms < METRICS_HTTP_FRESH_MS)
		return h->texts[format].response;
	if (h->texts[format].response != NULL)
		MHD_destroy_response(h->texts[format].response);
	h->texts[format].response = NULL;
	buf_init(&text, TEXT_MAX);
	h->conf.text(h->conf.arg, format, &text);
	if (text.failed)
		buf_release(&text);
	else
		h->texts[format].response = response_new(&text, metrics_content_type(format));
	h->texts[format].made_ms = now;
	return h->texts[format].response;
}

static enum MHD_Result answer_metrics(struct metrics_http *h, struct MHD_Connection *c)
{
	const char *accept =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	struct MHD_Response *r = text_of(h, metrics_accept(accept));

	if (r == NULL)
		return say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "no room for the metrics\n", NULL);
	return MHD_queue_response(c, MHD_HTTP_OK, r);
}

/* Whoever answers this is alive: the loop goes round. */
static enum MHD_Result answer_health(struct metrics_http *h, struct MHD_Connection *c)
{
	(void)h;
	return say(c, MHD_HTTP_OK, "ok\n", NULL);
}

static enum MHD_Result answer_ready(struct metrics_http *h, struct MHD_Connection *c)
{
	struct MHD_Response *r;
	enum MHD_Result queued;
	struct buf why;

	buf_init(&why, TEXT_MAX);
	h->conf.ready(h->conf.arg, &why);
	if (why.pub.len == 0)
		return say(c, MHD_HTTP_OK, "ready\n", NULL);
	r = response_new(&why, plain);
	if (r == NULL)
		return MHD_NO;
	queued = MHD_queue_response(c, MHD_HTTP_SERVICE_UNAVAILABLE, r);
	MHD_destroy_response(r);
	return queued;
}

static const struct {
	const char *path;
	enum MHD_Result (*answer)(struct metrics_http *h, struct MHD_Connection *c);
} paths[] = {
	{ "/metrics", answer_metrics },
	{ "/healthz", answer_health },
	{ "/readyz", answer_ready },
};

/*
 * Called when the head of a request is there, for each piece of its body, and at its end.  What is
 * answered before the end costs the client its connection.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **request)
{
	size_t i = 0;

	(void)version, (void)body;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "expected GET or HEAD\n", "GET, HEAD");
	if (*request == NULL || *body_len > 0) {
		*request = c; /* it was seen */
		*body_len = 0;
		return MHD_YES;
	}
	while (i < N_ELEMENTS(paths) && strcmp(url, paths[i].path) != 0)
		i++;
	if (i < N_ELEMENTS(paths))
		return paths[i].answer(arg, c);
	return say(c, MHD_HTTP_NOT_FOUND, "expected /metrics, /healthz or /readyz\n", NULL);
}

/* ---- the loop ---- */

static void run(struct metrics_http *h);

static void on_again(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static void run(struct metrics_http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		(void)uv_timer_start(&h->again, on_again, ms, 0);
	else
		(void)uv_timer_stop(&h->again);
}

/* ---- start and stop ---- */

static void on_closed(uv_handle_t *handle)
{
	struct metrics_http *h = handle->data;

	if (--h->open_handles == 0)
		free(h);
}

/* The daemon takes the socket. */
static struct MHD_Daemon *daemon_new(struct metrics_http *h, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				METRICS_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)METRICS_HTTP_REQUEST_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
}

static int daemon_start(struct metrics_http *h, const struct address *where,
			struct tesla_error *err)
{
	int fd = address_listen(where, BACKLOG);

	if (fd < 0)
		return tesla_fail(err, fd, "%s", strerror(-fd));
	h->daemon = daemon_new(h, fd);
	return h->daemon ? 0 : tesla_fail(err, -ENOMEM, "no memory for a web server");
}

struct metrics_http *metrics_http_start(uv_loop_t *loop, const struct address *where,
					const struct metrics_http_conf *conf,
					struct tesla_error *err)
{
	struct metrics_http *h = calloc(1, sizeof *h);

	if (h == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory for a web server");
		return NULL;
	}
	h->conf = *conf;
	TAILQ_INIT(&h->connections);
	if (daemon_start(h, where, err) != 0) {
		free(h);
		return NULL;
	}
	(void)uv_poll_init(loop, &h->poll,
			   MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	(void)uv_timer_init(loop, &h->again);
	(void)uv_timer_init(loop, &h->deadline);
	h->poll.data = h->again.data = h->deadline.data = h;
	h->open_handles = N_HANDLES;
	(void)uv_poll_start(&h->poll, UV_READABLE, on_poll);
	run(h);
	return h;
}

void metrics_http_stop(struct metrics_http *h)
{
	if (h == NULL)
		return;
	/* The loop lets go of the daemon's descriptor before that is closed. */
	(void)uv_poll_stop(&h->poll);
	MHD_stop_daemon(h->daemon);
	for (size_t i = 0; i < N_FORMATS; i++)
		if (h->texts[i].response != NULL)
			MHD_destroy_response(h->texts[i].response);
	assert(TAILQ_EMPTY(&h->connections));
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->again, on_closed);
	uv_close((uv_handle_t *)&h->deadline, on_closed);
}
