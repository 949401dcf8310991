/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics, /healthz and /readyz over HTTP. */
#include "daemon/metrics_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/metrics_accept.h"
#include "base/web.h"

#define TEXT_MAX (64u << 20)
#define BACKLOG 64
#define N_FORMATS 2

struct metrics_http {
	struct metrics_http_conf conf;
	struct web web;
	struct {
		struct MHD_Response *response; /* NULL: none yet */
		uint64_t made_ms;
	} texts[N_FORMATS];
};

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct metrics_http *h = arg;
	struct web_client *c = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c != NULL)
			web_no_deadline(&h->web, c);
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
	web_deadline(&h->web, c);
}

/* Answered, or not: the next request has its own time. */
static void on_completed(void *arg, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct metrics_http *h = arg;

	(void)request;
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && info->socket_context != NULL)
		web_deadline(&h->web, info->socket_context);
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
	uint64_t now = uv_now(h->web.poll.loop);
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

/* ---- start and stop ---- */

static void on_closed(void *owner)
{
	struct metrics_http *h = owner;

	for (size_t i = 0; i < N_FORMATS; i++)
		if (h->texts[i].response != NULL)
			MHD_destroy_response(h->texts[i].response);
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

/* NULL: *err says why. */
static struct MHD_Daemon *daemon_start(struct metrics_http *h, const struct address *where,
				       struct tesla_error *err)
{
	int fd = web_listen(where, BACKLOG, err);
	struct MHD_Daemon *daemon = fd >= 0 ? daemon_new(h, fd) : NULL;

	if (fd >= 0 && daemon == NULL)
		(void)tesla_fail(err, -ENOMEM, "no memory for a web server");
	return daemon;
}

struct metrics_http *metrics_http_start(uv_loop_t *loop, const struct address *where,
					const struct metrics_http_conf *conf,
					struct tesla_error *err)
{
	struct metrics_http *h = calloc(1, sizeof *h);
	struct MHD_Daemon *daemon;

	if (h == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory for a web server");
		return NULL;
	}
	h->conf = *conf;
	daemon = daemon_start(h, where, err);
	if (daemon == NULL) {
		free(h);
		return NULL;
	}
	web_start(&h->web, loop, daemon, conf->deadline_ms);
	return h;
}

void metrics_http_stop(struct metrics_http *h)
{
	if (h != NULL)
		web_stop(&h->web, on_closed, h);
}
